//! Dependents: time limits, retries, failures, and what is owed after them.

use std::time::Duration;

use gitlab_sim::upstream::{DiffFile, ItemKind, ItemRef, NewMergeRequest, NewNote};
use gitlab_sim::{
    ErrorBody, FaultKind, FaultRule, RetryAfter, Route, RouteFilter, SimulatorBuilder, Throttle,
    When,
};
use lore_e2e::{Mirror, MirrorBuilder};
use lore_proto::sync::{CompletionStatus, EntityType, SyncRequest};

use super::harness::{Ended, issues, merge_requests, retitle, surgical, tamper};
use crate::support::{LATER, PROJECT, generated, plain, synced};

/// A mirror in which nobody waits long for anything.
async fn impatient(attempt: Duration, entity: Duration) -> Mirror {
    let mirror = MirrorBuilder::new(plain(6))
        .settings(|settings| {
            settings.request_timeout = attempt;
            settings.surgical_entity_timeout = entity;
        })
        .start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    mirror.change(|upstream| {
        for iid in 1..=3 {
            let at = ItemRef::merge_request(PROJECT, iid);
            upstream.add_note(at, NewNote::comment(1, "New")).unwrap();
        }
    });
    mirror.advance(LATER);
    mirror
}

fn fault(route: RouteFilter, kind: FaultKind, when: When) -> FaultRule {
    FaultRule::new(route, kind, when)
}

fn threads_of(iid: u64) -> RouteFilter {
    RouteFilter::Item(Route::Discussions(ItemKind::MergeRequest), iid)
}

fn failures(ended: &Ended) -> Vec<(u64, String, &'static str)> {
    let all = ended.run().entity_failures.iter();
    all.map(|it| (it.iid, it.stage.clone(), it.code.as_str()))
        .collect()
}

fn owed(mirror: &Mirror) -> Vec<String> {
    mirror.texts("SELECT source_type || ' ' || iid || ' ' || reason FROM rechecks ORDER BY 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn surgical_run_leaves_no_queue_artifacts() {
    let mirror = synced(&generated(30, 10)).await;
    mirror.change(|upstream| retitle(upstream, ItemRef::merge_request(PROJECT, 1)));
    mirror.advance(LATER);
    surgical(&mirror, merge_requests(&[1])).await.clean();
    let queued = "SELECT count(*) FROM pending_dependent_fetches";
    assert_eq!(mirror.number(queued), 0);
    assert!(owed(&mirror).is_empty());
    mirror.sim.faults().add(fault(
        threads_of(1),
        FaultKind::Status(403, ErrorBody::Json),
        When::Always,
    ));
    let ended = surgical(&mirror, merge_requests(&[1])).await;
    assert_eq!(failures(&ended).len(), 1);
    assert_eq!(mirror.number(queued), 0);
    // Nor is it forgotten.
    assert_eq!(owed(&mirror), ["merge_request 1 incomplete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dependent_timeout_records_entity_failure_and_continues() {
    let mirror = impatient(Duration::from_secs(30), Duration::from_secs(5)).await;
    let stall = fault(threads_of(2), FaultKind::Stall(None), When::Always);
    mirror.sim.faults().add(stall);
    let ended = surgical(&mirror, merge_requests(&[1, 2, 3])).await;
    let run = ended.run();
    assert_eq!(
        run.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    assert_eq!(failures(&ended), [(2, "discussions".to_owned(), "TIMEOUT")]);
    let late = &ended
        .outcome(EntityType::MergeRequest, 2)
        .dependent_failures;
    assert_eq!(late[0].code.as_str(), "TIMEOUT");
    assert!(ended.outcome(EntityType::MergeRequest, 2).ingested);
    let ended_as = mirror.texts(&format!(
        "SELECT iid || ' ' || status FROM sync_run_entities
         WHERE run_id = '{}' AND stage = 'discussions' ORDER BY 1",
        run.run_id
    ));
    assert_eq!(ended_as, ["1 ok", "2 timeout", "3 ok"]);
    // What was owed comes with the next standard sync.
    mirror.sim.faults().clear();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_stall_leaves_time_for_another_attempt() {
    // The request's own timeout is longer than all the time there is.
    let mirror = impatient(Duration::from_mins(1), Duration::from_secs(12)).await;
    for filter in [threads_of(1), RouteFilter::Item(Route::Diffs, 1)] {
        let stall = fault(filter, FaultKind::Stall(None), When::Nth(1));
        mirror.sim.faults().add(stall);
    }
    let ended = surgical(&mirror, merge_requests(&[1])).await;
    ended.clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dependents_of_all_items_have_one_budget() {
    let mirror = MirrorBuilder::new(plain(3))
        .settings(|settings| settings.surgical_dependents_budget = Duration::from_secs(5))
        .start();
    mirror.sync().await.assert_clean();
    let route = Route::Discussions(ItemKind::Issue);
    let stall = fault(
        RouteFilter::Route(route),
        FaultKind::Stall(None),
        When::Always,
    );
    mirror.sim.faults().add(stall);
    let ended = surgical(&mirror, issues(&[1, 2, 3])).await;
    let told: Vec<_> = failures(&ended)
        .into_iter()
        .filter(|(_, stage, _)| stage == "discussions")
        .map(|it| (it.0, it.2))
        .collect();
    assert_eq!(told, [(1, "TIMEOUT"), (2, "TIMEOUT"), (3, "TIMEOUT")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preflight_has_a_budget_of_its_own() {
    let mirror = MirrorBuilder::new(plain(3))
        .settings(|settings| settings.surgical_preflight_budget = Duration::from_secs(5))
        .start();
    mirror.sync().await.assert_clean();
    let route = RouteFilter::Item(Route::Item(ItemKind::Issue), 2);
    mirror
        .sim
        .faults()
        .add(fault(route, FaultKind::Stall(None), When::Always));
    let ended = surgical(&mirror, issues(&[1, 2])).await;
    assert_eq!(ended.preflight_failures(), [(2, "TIMEOUT".to_owned())]);
    assert_eq!(ended.error.as_ref().unwrap().exit_code, Some(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_a_refusal_is_not() {
    let mirror = impatient(Duration::from_secs(30), Duration::from_secs(20)).await;
    let limited = FaultKind::RateLimited(Throttle::RackAttack, RetryAfter::Seconds, 0);
    for kind in [
        FaultKind::Status(502, ErrorBody::Html),
        FaultKind::Status(503, ErrorBody::Empty),
        FaultKind::Reset,
        FaultKind::HalfBody,
        limited,
    ] {
        let name = kind.name();
        for route in [
            RouteFilter::Item(Route::Item(ItemKind::MergeRequest), 1),
            threads_of(1),
        ] {
            mirror
                .sim
                .faults()
                .add(fault(route, kind.clone(), When::Nth(1)));
        }
        let ended = surgical(&mirror, merge_requests(&[1])).await;
        assert!(ended.error.is_none(), "{name}: {ended:#?}");
        assert!(failures(&ended).is_empty(), "{name}");
        mirror.sim.faults().clear();
    }
    for status in [401, 403, 404] {
        let refused = FaultKind::Status(status, ErrorBody::Json);
        let route = RouteFilter::Item(Route::Item(ItemKind::MergeRequest), 1);
        mirror.sim.faults().add(fault(route, refused, When::Always));
        mirror.requests().clear();
        let ended = surgical(&mirror, merge_requests(&[1])).await;
        assert_eq!(ended.code(), "SURGICAL_PREFLIGHT_FAILED");
        let asked = mirror.requests().count(Route::Item(ItemKind::MergeRequest));
        assert_eq!(asked, 1, "{status}");
        mirror.sim.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_one_entitys_dependents_leaves_the_others_intact() {
    let mirror = impatient(Duration::from_secs(5), Duration::from_secs(20)).await;
    tamper(
        &mirror,
        "CREATE TRIGGER broken BEFORE INSERT ON discussions
         WHEN NEW.merge_request_id = (SELECT id FROM merge_requests WHERE iid = 2)
         BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let ended = surgical(&mirror, merge_requests(&[1, 2, 3])).await;
    assert_eq!(failures(&ended), [(2, "dependents".to_owned(), "DATABASE")]);
    assert_eq!(owed(&mirror), ["merge_request 2 incomplete"]);
    let notes = |iid: u64| {
        mirror.number(&format!(
            "SELECT count(*) FROM notes n JOIN discussions d ON d.id = n.discussion_id
             JOIN merge_requests m ON m.id = d.merge_request_id WHERE m.iid = {iid}"
        ))
    };
    assert_eq!((notes(1), notes(2), notes(3)), (1, 0, 1));
    tamper(&mirror, "DROP TRIGGER broken");
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_owes_is_not_paid_by_one_that_leaves_it_out() {
    let mirror = synced(&generated(31, 10)).await;
    let events = RouteFilter::Route(Route::LabelEvents(ItemKind::MergeRequest));
    let refused = FaultKind::Status(403, ErrorBody::Json);
    mirror
        .sim
        .faults()
        .add(fault(events, refused, When::Always));
    surgical(&mirror, merge_requests(&[1])).await;
    assert_eq!(owed(&mirror), ["merge_request 1 incomplete"]);
    mirror.sim.faults().clear();
    let request = SyncRequest {
        no_events: true,
        ..merge_requests(&[1])
    };
    surgical(&mirror, request).await.clean();
    assert_eq!(owed(&mirror), ["merge_request 1 incomplete"]);
    surgical(&mirror, merge_requests(&[1])).await.clean();
    assert!(owed(&mirror).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_left_out_of_new_and_changed_items_is_owed_to_the_next_standard_sync() {
    let without = |iid| SyncRequest {
        no_events: true,
        no_file_changes: true,
        no_status: true,
        merge_requests: vec![iid],
        ..issues(&[iid])
    };
    let mirror = MirrorBuilder::new(SimulatorBuilder::new().generate(&generated(33, 12))).start();
    surgical(&mirror, without(5)).await.clean();
    assert_eq!(
        owed(&mirror),
        ["issue 5 incomplete", "merge_request 5 incomplete"]
    );
    mirror.sync().await.assert_clean();
    mirror.assert_equal();

    mirror.advance(LATER);
    mirror.change(|upstream| {
        let files = vec![DiffFile::added("pushed.rs", "@@ -0,0 +1 @@\n+x\n")];
        upstream.push(PROJECT, 6, 1, files).unwrap();
    });
    mirror.advance(LATER);
    surgical(&mirror, without(6)).await.clean();
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_not_asked_for() {
    let mirror = synced(&generated(32, 10)).await;
    mirror.requests().clear();
    let request = SyncRequest {
        no_events: true,
        no_file_changes: true,
        no_status: true,
        merge_requests: vec![1],
        ..issues(&[1])
    };
    surgical(&mirror, request).await.clean();
    let mut asked: Vec<_> = mirror.requests().entries();
    asked.sort_by_key(|entry| entry.path.clone());
    let asked: Vec<_> = asked.iter().map(|entry| entry.route.name()).collect();
    assert_eq!(
        asked,
        [
            "issue",
            "issue_discussions",
            "merge_request",
            "closes_issues",
            "merge_request_discussions"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unprepared_merge_request_is_looked_at_again() {
    let sim = SimulatorBuilder::new().upstream(|upstream| {
        upstream.add_user("ada", "Ada");
        upstream.create_project("acme/app");
    });
    let mirror = MirrorBuilder::new(sim.with(|options| {
        options.preparing_delay = Duration::from_mins(1);
    }))
    .start();
    mirror.sync().await.assert_clean();
    mirror.change(|upstream| {
        let files = vec![DiffFile::modified("a", "@@ -1 +1 @@\n-a\n+b\n")];
        let new = NewMergeRequest::new(1, "Young", files);
        upstream.create_merge_request(PROJECT, new).unwrap();
    });
    surgical(&mirror, merge_requests(&[1])).await.clean();
    assert!(owed(&mirror).contains(&"merge_request 1 unprepared".to_owned()));
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_merge_requests_only_the_files_that_moved_are_asked_for() {
    let mirror = MirrorBuilder::new(plain(20)).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    mirror.change(|upstream| {
        let file = DiffFile::modified("pushed", "@@ -1 +1 @@\n-a\n+b\n");
        upstream.push(PROJECT, 4, 1, vec![file]).unwrap();
    });
    mirror.advance(LATER);
    mirror.requests().clear();
    let all: Vec<u64> = (1..=20).collect();
    surgical(&mirror, merge_requests(&all)).await.clean();
    let asked = mirror.requests().entries();
    let asked = asked.iter().filter(|entry| entry.route == Route::Diffs);
    assert_eq!(asked.map(|entry| entry.iid).collect::<Vec<_>>(), [Some(4)]);
    mirror.assert_equal();
}
