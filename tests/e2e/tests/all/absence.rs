//! What is no longer there: believed when confirmed, and never because access
//! was lost.

use std::time::Duration;

use gitlab_sim::upstream::{Access, ItemKind, ItemRef, NewIssue, NewNote, Visibility};
use gitlab_sim::{ErrorBody, FaultKind, FaultRule, Route, RouteFilter, SimulatorBuilder, When};
use lore_e2e::{Mirror, MirrorBuilder};
use lore_proto::ErrorCode;
use lore_proto::jobs::JobState;
use lore_proto::sync::SyncRequest;

use crate::support::{LATER, PROJECT, generated, plain, retitle, synced};

/// Long enough for an absence to be looked into.
const DOUBT: Duration = Duration::from_secs(190);

fn issues(mirror: &Mirror) -> i64 {
    mirror.number("SELECT count(*) FROM issues")
}

fn merge_requests(mirror: &Mirror) -> i64 {
    mirror.number("SELECT count(*) FROM merge_requests")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_believed_the_second_time() {
    let mirror = synced(&generated(31, 30)).await;
    let (before_issues, before_merge_requests) = (issues(&mirror), merge_requests(&mirror));
    let gone = mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap();
        let issue = *project.issues.keys().nth(3).unwrap();
        let merge_request = *project.merge_requests.keys().nth(3).unwrap();
        let gone = [
            ItemRef::issue(PROJECT, issue),
            ItemRef::merge_request(PROJECT, merge_request),
        ];
        for item in gone {
            upstream.delete_item(item).unwrap();
        }
        gone
    });
    mirror.full_sync().await;
    assert_eq!(issues(&mirror), before_issues, "believed at once: {gone:?}");
    assert_eq!(merge_requests(&mirror), before_merge_requests);
    mirror.advance(DOUBT);
    let outcome = mirror.timed_sync().await;
    assert_eq!(outcome.run().counters.deleted, 2);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_404_confirms_nothing() {
    let mirror = synced(&generated(32, 20)).await;
    let before = issues(&mirror);
    let iid = mirror.change(|upstream| {
        let iid = *upstream
            .project(PROJECT)
            .unwrap()
            .issues
            .keys()
            .next()
            .unwrap();
        upstream.delete_item(ItemRef::issue(PROJECT, iid)).unwrap();
        iid
    });
    mirror.full_sync().await;
    mirror.advance(DOUBT);
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::Issue), iid),
        FaultKind::Status(500, ErrorBody::Html),
        When::Always,
    ));
    mirror.timed_sync().await.assert_ended_well();
    assert_eq!(issues(&mirror), before);
    mirror.sim.faults().clear();
    mirror.advance(Duration::from_hours(1));
    mirror.timed_sync().await.assert_ended_well();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_404_is_not_believed() {
    let mirror = MirrorBuilder::new(plain(5)).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    let rows = "SELECT id || ' ' || iid FROM issues ORDER BY id";
    let before = mirror.texts(rows);
    mirror.change(|upstream| retitle(upstream, [ItemRef::issue(PROJECT, 1)]));
    mirror.timed_sync().await.assert_clean();
    // The replica that is asked next has not heard of it.
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::Issue), 1),
        FaultKind::Status(404, ErrorBody::Json),
        When::Times(1),
    ));
    mirror.advance(Duration::from_secs(80));
    mirror.timed_sync().await.assert_ended_well();
    assert_eq!(mirror.sim.faults().injected().len(), 1);
    assert_eq!(mirror.texts(rows), before);
    mirror.advance(DOUBT);
    mirror.timed_sync().await.assert_clean();
    assert_eq!(mirror.texts(rows), before);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_deleted_between_the_list_and_its_turn_is_let_go_without_a_reconcile() {
    let mirror = MirrorBuilder::new(plain(40)).start();
    let route = RouteFilter::Route(Route::Items(ItemKind::MergeRequest));
    mirror.sim.change_after(route, 1, |upstream| {
        for iid in [3, 30] {
            let gone = ItemRef::merge_request(PROJECT, iid);
            upstream.delete_item(gone).unwrap();
        }
    });
    mirror.sync().await.assert_ended_well();
    mirror.advance(DOUBT);
    mirror.timed_sync().await.assert_ended_well();
    assert_eq!(merge_requests(&mirror), 38);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_only_a_lagging_list_lacks_stays() {
    let mirror = synced(&generated(33, 20)).await;
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Route(Route::Items(ItemKind::Issue)),
        FaultKind::StaleList,
        // The first request is the incremental sync's, which sees the item.
        When::Nth(2),
    ));
    mirror.change(|upstream| {
        let new = NewIssue::new(1, "Seen by one replica");
        upstream.create_issue(PROJECT, new).unwrap();
    });
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
    mirror.full_sync().await.assert_clean();
    assert_eq!(mirror.sim.faults().injected().len(), 1);
    mirror.advance(DOUBT);
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_access_to_the_project_deletes_nothing_and_says_so() {
    let mirror = synced(&generated(34, 25)).await;
    let before = (issues(&mirror), merge_requests(&mirror));
    let user = mirror
        .sim
        .read(|upstream| upstream.tokens[mirror.sim.token()].user_id);
    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::None));
    for request in [false, true, false, true] {
        let request = SyncRequest {
            full: request,
            ..SyncRequest::default()
        };
        let outcome = mirror
            .sync_as(request, lore_daemon::sync::Trigger::Request)
            .await;
        assert_eq!(outcome.state, JobState::Failed);
        assert_eq!(outcome.run().error_code, Some(ErrorCode::GitlabNotFound));
        mirror.advance(Duration::from_hours(25));
    }
    assert_eq!((issues(&mirror), merge_requests(&mirror)), before);
    let lost = "SELECT count(*) FROM projects WHERE access_lost_at IS NOT NULL";
    assert_eq!(mirror.number(lost), 1);

    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::Member));
    mirror.full_sync().await.assert_clean();
    mirror.assert_equal();
    assert_eq!(mirror.number(lost), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_lost_in_the_middle_of_a_run_deletes_nothing() {
    let mirror = synced(&generated(35, 40)).await;
    let before = (issues(&mirror), merge_requests(&mirror));
    let user = mirror
        .sim
        .read(|upstream| upstream.tokens[mirror.sim.token()].user_id);
    let route = Route::Discussions(ItemKind::MergeRequest);
    mirror
        .sim
        .change_after(RouteFilter::Route(route), 5, move |upstream| {
            upstream.set_membership(PROJECT, user, Access::None);
        });
    mirror.full_sync().await;
    for _ in 0..3 {
        mirror.advance(DOUBT);
        mirror.timed_sync().await;
    }
    assert_eq!((issues(&mirror), merge_requests(&mirror)), before);
    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::Member));
    mirror.advance(LATER);
    mirror.full_sync().await.assert_ended_well();
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn access_lost_while_absences_are_confirmed_lets_nothing_more_go() {
    let mirror = MirrorBuilder::new(plain(60)).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_clean();
    mirror.change(|upstream| {
        for iid in 1..=40 {
            upstream.delete_item(ItemRef::issue(PROJECT, iid)).unwrap();
        }
    });
    mirror.full_sync().await;
    let user = mirror
        .sim
        .read(|upstream| upstream.tokens[mirror.sim.token()].user_id);
    // 32 are asked for at once, then another one whether any can be read.
    let route = RouteFilter::Route(Route::Item(ItemKind::Issue));
    mirror.sim.change_after(route, 34, move |upstream| {
        upstream.set_membership(PROJECT, user, Access::None);
    });
    mirror.advance(DOUBT);
    mirror.timed_sync().await;
    assert_eq!(issues(&mirror), 60 - 32);
    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::Member));
    mirror.advance(LATER);
    mirror.full_sync().await.assert_ended_well();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_replaced_by_another_of_its_path_is_not_mixed_with_it() {
    let mirror = MirrorBuilder::new(plain(5)).start();
    mirror.sync().await.assert_clean();
    mirror.change(|upstream| {
        upstream.delete_project(PROJECT).unwrap();
        upstream.create_project("acme/app");
    });
    mirror.advance(LATER);
    let outcome = mirror.full_sync().await;
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.code, ErrorCode::GitlabNotFound);
    assert!(error.message.contains("another one"), "{error}");
    assert!(error.message.contains("`lore db rebuild`"), "{error}");
    assert_eq!((issues(&mirror), merge_requests(&mirror)), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_requests_that_a_guest_may_no_longer_read_stay() {
    let mirror = synced(&generated(36, 25)).await;
    let before = merge_requests(&mirror);
    let user = mirror
        .sim
        .read(|upstream| upstream.tokens[mirror.sim.token()].user_id);
    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::Guest));
    for _ in 0..3 {
        mirror.full_sync().await.assert_ended_well();
        mirror.advance(DOUBT);
    }
    assert_eq!(merge_requests(&mirror), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_requests_that_are_looked_at_again_after_access_was_lost_stay() {
    let mirror = synced(&generated(39, 20)).await;
    let before = merge_requests(&mirror);
    let user = mirror
        .sim
        .read(|upstream| upstream.tokens[mirror.sim.token()].user_id);
    mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap();
        let iids: Vec<u64> = project.merge_requests.keys().copied().take(5).collect();
        let items = iids.into_iter();
        retitle(
            upstream,
            items.map(|iid| ItemRef::merge_request(PROJECT, iid)),
        );
    });
    mirror.timed_sync().await.assert_clean();
    mirror.change(|upstream| upstream.set_membership(PROJECT, user, Access::Guest));
    // A single merge request may answer 404 then as if it were gone.
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Route(Route::Item(ItemKind::MergeRequest)),
        FaultKind::Status(404, ErrorBody::Json),
        When::Always,
    ));
    for _ in 0..4 {
        mirror.advance(DOUBT);
        mirror.timed_sync().await.assert_ended_well();
    }
    assert_eq!(merge_requests(&mirror), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_token_may_not_see_is_not_in_the_mirror() {
    let config = generated(37, 60);
    let sim = SimulatorBuilder::new()
        .generate(&config)
        .upstream(|upstream| {
            let guest = upstream.add_user("guest", "Guest");
            upstream.add_token("glpat-guest", guest, Access::Guest);
            upstream.project_mut(PROJECT).unwrap().visibility = Visibility::Internal;
        });
    let mirror = MirrorBuilder::new(sim).token("glpat-guest").start();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
    let hidden = mirror.sim.read(|upstream| {
        let issues = &upstream.project(PROJECT).unwrap().issues;
        issues.values().filter(|issue| issue.confidential).count()
    });
    assert!(hidden > 0, "nothing was hidden");

    // An issue that becomes confidential is gone for this token, and back
    // when it is visible again.
    let iid = mirror.texts("SELECT iid || '' FROM issues ORDER BY iid LIMIT 1")[0]
        .parse()
        .unwrap();
    mirror.advance(LATER);
    mirror.change(|upstream| upstream.set_confidential(PROJECT, iid, 1, true).unwrap());
    let seen =
        |mirror: &Mirror| mirror.number(&format!("SELECT count(*) FROM issues WHERE iid = {iid}"));
    for _ in 0..2 {
        mirror.full_sync().await.assert_ended_well();
        mirror.advance(DOUBT);
    }
    mirror.timed_sync().await.assert_ended_well();
    assert_eq!(seen(&mirror), 0);
    mirror.assert_equal();
    mirror.change(|upstream| upstream.set_confidential(PROJECT, iid, 1, false).unwrap());
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_ended_well();
    assert_eq!(seen(&mirror), 1);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_project_keeps_its_rows_and_a_stranger_under_its_old_name_is_not_read() {
    let mirror = synced(&generated(38, 30)).await;
    let ids = mirror.texts("SELECT id || ' ' || iid FROM issues ORDER BY id");
    mirror.change(|upstream| {
        upstream
            .rename_project(PROJECT, "acme/elsewhere/other")
            .unwrap();
        let stranger = upstream.create_project("acme/app0");
        let new = NewIssue::new(1, "A stranger's");
        upstream.create_issue(stranger, new).unwrap();
        let iid = *upstream
            .project(PROJECT)
            .unwrap()
            .issues
            .keys()
            .next()
            .unwrap();
        let at = ItemRef::issue(PROJECT, iid);
        upstream.add_note(at, NewNote::comment(1, "Here?")).unwrap();
    });
    mirror.advance(LATER);
    // The config still has the old name.
    mirror.sync().await.assert_ended_well();
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    assert_eq!(
        mirror.texts("SELECT id || ' ' || iid FROM issues ORDER BY id"),
        ids
    );
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_issue_stays_with_its_new_place() {
    let sim = plain(5).upstream(|upstream| {
        upstream.create_project("acme/other");
    });
    let mirror = MirrorBuilder::new(sim).projects(&[PROJECT]).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    mirror.change(|upstream| upstream.move_issue(PROJECT, 2, 43, 1).unwrap());
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    let moved = "SELECT count(*) FROM issues WHERE iid = 2 AND state = 'closed'
                 AND moved_to_gitlab_id IS NOT NULL";
    assert_eq!(mirror.number(moved), 1);
    mirror.assert_equal();
}
