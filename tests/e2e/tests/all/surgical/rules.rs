//! What a surgical sync writes, and when it writes nothing.

use std::time::Duration;

use gitlab_sim::upstream::{DiffFile, ItemKind, ItemRef, NewIssue, NewNote, WorkItemStatus};
use gitlab_sim::{FaultKind, FaultRule, Route, RouteFilter, SimulatorBuilder, When};
use lore_e2e::{Mirror, MirrorBuilder};
use lore_proto::jobs::JobState;
use lore_proto::sync::{CompletionStatus, EntityType, Phase, RunStatus, SyncRequest};

use super::harness::{
    dump, ended, issues, merge_requests, reaches, retitle, start, surgical, tamper,
};
use crate::support::{LATER, PROJECT, generated, plain, synced};

const DIFF: &str = "@@ -1 +1 @@\n-a\n+b\n";

/// What a merge request closes changes with other items; only the sweep finds
/// that.
#[track_caller]
fn equal_but_for_links(mirror: &Mirror) {
    let checker = mirror.checker().without_closed_links();
    checker.compare_at_rest(&mirror.connection()).assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_named_items_come_up_to_date() {
    let mirror = synced(&generated(7, 40)).await;
    mirror.change(|upstream| {
        for at in [
            ItemRef::issue(PROJECT, 3),
            ItemRef::issue(PROJECT, 4),
            ItemRef::merge_request(PROJECT, 5),
        ] {
            retitle(upstream, at);
            upstream.add_note(at, NewNote::comment(1, "New")).unwrap();
        }
    });
    mirror.advance(LATER);
    mirror.requests().clear();
    let request = SyncRequest {
        merge_requests: vec![5],
        ..issues(&[3])
    };
    let ended = surgical(&mirror, request).await;
    let run = ended.clean();
    assert_eq!(
        (run.counters.issues_ingested, run.counters.mrs_ingested),
        (1, 1)
    );
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(run.requested.issues, [3]);
    assert_eq!(run.counters.requests, mirror.requests().len() as u64);
    let asked = |iid| move |entry: &gitlab_sim::RequestEntry| entry.iid.is_none_or(|it| it == iid);
    let others = mirror
        .requests()
        .count_where(|entry| !asked(3)(entry) && !asked(5)(entry));
    assert_eq!(others, 0, "{:#?}", mirror.requests().entries());
    let changes = |kind, iid| -> Vec<String> {
        let outcome = ended.outcome(kind, iid);
        assert!(outcome.fetched && outcome.ingested && outcome.title.is_some());
        outcome.changes.iter().map(|it| it.what.clone()).collect()
    };
    assert_eq!(changes(EntityType::Issue, 3), ["title", "notes"]);
    assert_eq!(changes(EntityType::MergeRequest, 5), ["title", "notes"]);
    // The other change is a standard sync's; nothing else is missing.
    assert!(!mirror.differences().is_empty());
    mirror.sync().await.assert_clean();
    equal_but_for_links(&mirror);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_the_mirror_never_saw_is_new() {
    let mirror = synced(&generated(8, 20)).await;
    let made = mirror.change(|upstream| {
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Fresh"))
            .unwrap()
    });
    mirror.advance(LATER);
    let ended = surgical(&mirror, issues(&[made.iid])).await;
    ended.clean();
    let outcome = ended.outcome(EntityType::Issue, made.iid);
    assert_eq!(outcome.title.as_deref(), Some("Fresh"));
    assert_eq!(outcome.changes[0].what, "new");
    // Whole at once: a standard sync finds nothing to add.
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_never_synced_takes_one_round_trip_more() {
    let mirror = MirrorBuilder::new(plain(5)).start();
    let run = surgical(&mirror, merge_requests(&[2])).await;
    assert_eq!(run.clean().counters.mrs_ingested, 1);
    assert_eq!(mirror.number("SELECT count(*) FROM merge_requests"), 1);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phase_is_announced_timed_and_persisted() {
    let mirror = MirrorBuilder::new(plain(3)).start();
    mirror.sync().await.assert_clean();
    let ended = surgical(&mirror, issues(&[1])).await;
    let run = ended.clean();
    let phases = ended.phases();
    let expected = [
        Phase::Preflight,
        Phase::Fetch,
        Phase::Ingest,
        Phase::Dependents,
        Phase::Docs,
    ];
    assert_eq!(phases[..5], expected);
    assert_eq!(run.phase, Phase::Done);
    let stored = mirror.texts(&format!(
        "SELECT phase || ' ' || status || ' ' || completion_status FROM sync_runs
         WHERE run_id = '{}'",
        run.run_id
    ));
    assert_eq!(stored, ["done succeeded succeeded"]);
    let timings = run.stage_timings_ms;
    let sum = timings.preflight + timings.fetch + timings.ingest + timings.dependents;
    assert!(sum + timings.docs <= 60_000, "{timings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_aggregates_multiple_missing_iids() {
    let mirror = synced(&generated(9, 10)).await;
    let before = dump(&mirror);
    let request = SyncRequest {
        merge_requests: vec![1, 903],
        ..issues(&[1, 901, 902])
    };
    let ended = surgical(&mirror, request).await;
    assert_eq!(ended.state, JobState::Failed);
    assert_eq!(ended.code(), "SURGICAL_PREFLIGHT_FAILED");
    let missing = |iid| (iid, "GITLAB_NOT_FOUND".to_owned());
    assert_eq!(
        ended.preflight_failures(),
        [missing(901), missing(902), missing(903)]
    );
    let error = ended.error.as_ref().unwrap();
    let details = &error.details;
    assert_eq!(details["total"], 5);
    assert_eq!(details["run_id"], ended.run().run_id.as_str());
    assert_eq!(error.exit_code, Some(6));
    let path = &mirror.paths[0];
    assert_eq!(
        error.actions[0],
        format!("lore sync --issue 1 --mr 1 -p {path}")
    );
    assert_eq!(ended.run().recovery_actions[0], error.actions[0]);
    assert_eq!(dump(&mirror), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_of_another_project_or_item_is_never_trusted() {
    let mirror = synced(&generated(10, 10)).await;
    mirror.change(|upstream| retitle(upstream, ItemRef::issue(PROJECT, 2)));
    let before = dump(&mirror);
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::Issue), 2),
        FaultKind::WrongProjectId(4_711),
        When::Always,
    ));
    let ended = surgical(&mirror, issues(&[1, 2])).await;
    assert_eq!(
        ended.preflight_failures(),
        [(2, "PROJECT_MISMATCH".to_owned())]
    );
    assert_eq!(ended.error.as_ref().unwrap().exit_code, Some(13));
    assert_eq!(dump(&mirror), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_only_performs_zero_content_writes() {
    let unknown = MirrorBuilder::new(plain(3)).start();
    let known = synced(&generated(11, 10)).await;
    known.change(|upstream| retitle(upstream, ItemRef::issue(PROJECT, 1)));
    for mirror in [unknown, known] {
        let before = dump(&mirror);
        mirror.requests().clear();
        let check = |request| SyncRequest {
            preflight_only: true,
            ..request
        };
        let ended = surgical(&mirror, check(issues(&[1, 2]))).await;
        assert_eq!(ended.clean().phase, Phase::Done);
        for iid in [1, 2] {
            let outcome = ended.outcome(EntityType::Issue, iid);
            assert!(outcome.fetched && !outcome.ingested, "{outcome:?}");
        }
        let discussions = mirror.requests().count(Route::Discussions(ItemKind::Issue));
        assert_eq!(discussions, 0);
        let ended = surgical(&mirror, check(issues(&[1, 999]))).await;
        assert_eq!(ended.code(), "SURGICAL_PREFLIGHT_FAILED");
        let read = ended.outcome(EntityType::Issue, 1);
        assert!(read.fetched && !read.ingested, "{read:?}");
        assert_eq!(dump(&mirror), before);
        assert_eq!(mirror.number("SELECT count(*) FROM rechecks"), 0);
        assert_eq!(
            mirror.number("SELECT count(*) FROM sync_runs WHERE mode = 'surgical'"),
            2
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_window_does_not_block_during_preflight() {
    let mirror = synced(&generated(12, 10)).await;
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::Issue), 1),
        FaultKind::Stall(None),
        When::Always,
    ));
    let job = start(&mirror, issues(&[1])).await;
    reaches(&mirror, job, Phase::Preflight).await;
    mirror.change(|upstream| retitle(upstream, ItemRef::issue(PROJECT, 2)));
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    let differences = mirror.checker().compare(&mirror.connection());
    differences.assert_none();
    // The surgical run waited all the while.
    assert!(mirror.scheduler().cancel(job, None).await.is_some());
    assert_eq!(ended(&mirror, job).await.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_payload_is_skipped_when_local_updated_at_is_newer() {
    let mirror = synced(&generated(13, 10)).await;
    tamper(
        &mirror,
        "UPDATE issues SET updated_at = updated_at + 1000000000000, title = 'Ours' WHERE iid = 4",
    );
    let ended = surgical(&mirror, issues(&[4, 5])).await;
    let run = ended.run();
    assert_eq!(run.completion_status, Some(CompletionStatus::Succeeded));
    assert!(ended.outcome(EntityType::Issue, 4).stale_skipped);
    assert!(!ended.outcome(EntityType::Issue, 4).ingested);
    assert!(ended.outcome(EntityType::Issue, 5).ingested);
    assert_eq!(run.counters.skipped_stale, 1);
    assert_eq!(
        mirror.texts("SELECT title FROM issues WHERE iid = 4"),
        ["Ours"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_updated_at_but_newer_last_seen_is_skipped() {
    let mirror = synced(&generated(14, 10)).await;
    tamper(
        &mirror,
        "UPDATE merge_requests SET last_seen_at = last_seen_at + 1000000000000, title = 'Ours'
         WHERE iid = 4;
         UPDATE dependent_fetches SET fetched_at = fetched_at + 1000000000000
         WHERE stage = 'discussions' AND source_type = 'merge_request'
             AND source_id = (SELECT id FROM merge_requests WHERE iid = 5)",
    );
    let ended = surgical(&mirror, merge_requests(&[4, 5])).await;
    let run = ended.clean();
    assert!(ended.outcome(EntityType::MergeRequest, 4).stale_skipped);
    assert_eq!(
        mirror.texts("SELECT title FROM merge_requests WHERE iid = 4"),
        ["Ours"]
    );
    // A set of dependents is guarded by its own fetch.
    assert_eq!(run.counters.skipped_stale, 2);
    let skipped = mirror.texts(&format!(
        "SELECT iid || ' ' || stage FROM sync_run_entities
         WHERE run_id = '{}' AND status = 'skipped_stale' ORDER BY 1",
        run.run_id
    ));
    assert_eq!(skipped, ["4 primary", "5 discussions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_sync_heals_times_of_a_clock_that_was_set_back() {
    let mirror = synced(&generated(16, 10)).await;
    tamper(
        &mirror,
        "UPDATE issues SET last_seen_at = last_seen_at + 1000000000000;
         UPDATE merge_requests SET last_seen_at = last_seen_at + 1000000000000;
         UPDATE dependent_fetches SET fetched_at = fetched_at + 1000000000000",
    );
    mirror.change(|upstream| {
        for iid in 1..=3 {
            let at = ItemRef::merge_request(PROJECT, iid);
            retitle(upstream, at);
            upstream.add_note(at, NewNote::comment(1, "New")).unwrap();
        }
    });
    mirror.advance(LATER);
    let outcome = mirror.sync().await;
    outcome.assert_clean();
    assert_eq!(outcome.run().counters.skipped_stale, 0);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_own_writes_never_make_it_stale() {
    let mirror = synced(&generated(15, 10)).await;
    // The clock stands still, so that both runs ask at the same instant.
    for _ in 0..2 {
        let ended = surgical(&mirror, merge_requests(&[1, 2])).await;
        assert_eq!(ended.clean().counters.skipped_stale, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_targets_are_one_run() {
    let mirror = MirrorBuilder::new(plain(60)).start();
    mirror.sync().await.assert_clean();
    mirror.change(|upstream| {
        for iid in 1..=50 {
            retitle(upstream, ItemRef::issue(PROJECT, iid));
            retitle(upstream, ItemRef::merge_request(PROJECT, iid));
        }
    });
    mirror.advance(LATER);
    let all: Vec<u64> = (1..=50).collect();
    let request = SyncRequest {
        merge_requests: all.clone(),
        ..issues(&all)
    };
    let ended = surgical(&mirror, request).await;
    let run = ended.clean();
    assert_eq!(run.entity_outcomes.len(), 100);
    assert_eq!(run.counters.issues_ingested, 50);
    assert_eq!(run.counters.mrs_ingested, 50);
    assert!(mirror.requests().most_in_flight() <= 64);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_issue_is_updated_and_says_where_it_went() {
    let mirror = MirrorBuilder::new(plain(3).upstream(|upstream| {
        upstream.create_project("acme/other");
    }))
    .start();
    mirror.sync().await.assert_ended_well();
    let to = mirror.change(|upstream| {
        let other = upstream.project_by_path("acme/other").unwrap().id;
        upstream.move_issue(PROJECT, 2, other, 1).unwrap()
    });
    mirror.advance(LATER);
    let ended = surgical(&mirror, issues(&[2])).await;
    ended.clean();
    let moved = ended.outcome(EntityType::Issue, 2).changes.iter();
    let moved: Vec<_> = moved.filter(|it| it.what == "moved_to").collect();
    let id = mirror.sim.read(|upstream| upstream.item(to).unwrap().id);
    assert_eq!(
        moved[0].to.as_deref(),
        Some(format!("the issue with the id {id}").as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_project_is_followed_by_its_number() {
    let mirror = synced(&generated(16, 10)).await;
    mirror.change(|upstream| {
        upstream.rename_project(PROJECT, "acme/renamed").unwrap();
        retitle(upstream, ItemRef::issue(PROJECT, 1));
        upstream
            .set_status(PROJECT, 1, 1, WorkItemStatus::done())
            .unwrap();
    });
    mirror.advance(LATER);
    let ended = surgical(&mirror, issues(&[1])).await;
    assert_eq!(ended.clean().counters.issues_ingested, 1);
    assert!(ended.run().entity_failures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_gone_is_confirmed_and_leaves_no_ghost() {
    let mirror = synced(&generated(17, 10)).await;
    mirror.change(|upstream| {
        upstream.delete_item(ItemRef::issue(PROJECT, 3)).unwrap();
    });
    let before = dump(&mirror);
    let ended = surgical(&mirror, issues(&[3])).await;
    assert_eq!(ended.error.as_ref().unwrap().exit_code, Some(6));
    assert_eq!(dump(&mirror), before, "a 404 alone proves nothing");
    assert_eq!(
        mirror.texts("SELECT source_type || iid || reason FROM rechecks"),
        ["issue3missing"]
    );
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    assert_eq!(
        mirror.number("SELECT count(*) FROM issues WHERE iid = 3"),
        0
    );
    equal_but_for_links(&mirror);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_between_the_diff_and_the_merge_request_is_not_lost() {
    let mirror = MirrorBuilder::new(plain(3)).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    // The merge request is asked for at the same time and answered after the
    // push, its list of files before.
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::MergeRequest), 2),
        FaultKind::Latency(Duration::from_millis(500)),
        When::Nth(1),
    ));
    mirror
        .sim
        .change_after(RouteFilter::Item(Route::Diffs, 2), 1, |upstream| {
            let files = vec![DiffFile::modified("src/pushed.rs", DIFF)];
            upstream.push(PROJECT, 2, 1, files).unwrap();
        });
    surgical(&mirror, merge_requests(&[2])).await.clean();
    assert_eq!(
        mirror.texts(
            "SELECT new_path FROM mr_file_changes JOIN merge_requests m
                      ON m.id = merge_request_id WHERE iid = 2"
        ),
        ["src/2.rs"],
        "the race was not hit"
    );
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_success_then_ingest_failure_rolls_back_all_content_writes() {
    let mirror = synced(&generated(18, 10)).await;
    mirror.change(|upstream| {
        for iid in 1..=4 {
            retitle(upstream, ItemRef::issue(PROJECT, iid));
        }
    });
    mirror.advance(LATER);
    let before = dump(&mirror);
    tamper(
        &mirror,
        "CREATE TRIGGER broken BEFORE UPDATE ON issues WHEN NEW.iid = 3
         BEGIN SELECT RAISE(ABORT, 'no'); END;
         CREATE TRIGGER unwritable BEFORE UPDATE ON sync_runs WHEN NEW.status <> 'running'
         BEGIN SELECT RAISE(ABORT, 'no ledger'); END",
    );
    let ended = surgical(&mirror, issues(&[1, 2, 3, 4])).await;
    assert_eq!(ended.state, JobState::Failed);
    assert_eq!(ended.code(), "DATABASE");
    assert_eq!(dump(&mirror), before);
    let open = "SELECT count(*) FROM sync_runs WHERE status = 'running'";
    assert_eq!(mirror.number(open), 1, "the ledger could not be written");
    tamper(&mirror, "DROP TRIGGER broken; DROP TRIGGER unwritable");
    // The next run closes it.
    surgical(&mirror, issues(&[1, 2, 3, 4])).await.clean();
    assert_eq!(mirror.number(open), 0);
    equal_but_for_links(&mirror);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_has_a_parameter_that_gitlab_ignores() {
    let sim = SimulatorBuilder::new().generate(&generated(19, 10));
    let mirror = MirrorBuilder::new(sim).start();
    surgical(&mirror, issues(&[1, 2])).await.clean();
    surgical(&mirror, merge_requests(&[1, 2])).await.clean();
    let unknown = mirror.requests().with_unknown_params();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
