//! The walk over the lists loses nothing, whatever happens meanwhile.

use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef, NewIssue};
use gitlab_sim::{ErrorBody, FaultKind, FaultRule, Moment, Route, RouteFilter, When};
use lore_daemon::sync::Trigger;
use lore_e2e::MirrorBuilder;
use lore_proto::ErrorCode;
use lore_proto::sync::{CompletionStatus, SyncRequest};

use crate::support::{LATER, PROJECT, generated, mass_edit, plain, retitle, synced};

const ISSUES: Route = Route::Items(ItemKind::Issue);
const MERGE_REQUESTS: Route = Route::Items(ItemKind::MergeRequest);

/// Half of each list leaves the instant while it is being paged through.
fn leave_meanwhile(mirror: &lore_e2e::Mirror) {
    for (route, item) in [
        (ISSUES, ItemRef::issue as fn(u64, u64) -> ItemRef),
        (MERGE_REQUESTS, ItemRef::merge_request),
    ] {
        for nth in [1, 2, 3] {
            mirror
                .sim
                .change_after(RouteFilter::Route(route), nth, move |upstream| {
                    let iids = (1..=350).rev().filter(|iid| iid % 7 == nth);
                    retitle(upstream, iids.map(|iid| item(PROJECT, iid)));
                });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instant_over_many_pages_loses_nothing_that_stays_in_it() {
    for keyset in [true, false] {
        let mirror = MirrorBuilder::new(plain(350).with(|options| options.keyset = keyset)).start();
        let at = mirror.sim.clock().now() - Duration::from_hours(3);
        mirror.change(|upstream| mass_edit(upstream, at));
        leave_meanwhile(&mirror);
        mirror.sync().await.assert_clean();
        mirror.advance(LATER);
        mirror.sync().await.assert_clean();
        mirror.assert_equal();

        // The same on the way forward.
        let now = mirror.sim.clock().now();
        mirror.change(|upstream| mass_edit(upstream, now));
        mirror.advance(LATER);
        leave_meanwhile(&mirror);
        mirror.sync().await.assert_clean();
        mirror.advance(LATER);
        mirror.sync().await.assert_clean();
        mirror.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_moves_between_two_pages_pushes_no_other_out_of_sight() {
    for keyset in [true, false] {
        let mirror = MirrorBuilder::new(plain(350).with(|options| options.keyset = keyset)).start();
        mirror.sync().await.assert_clean();
        mirror.change(|upstream| {
            retitle(upstream, (1..=350).map(|iid| ItemRef::issue(PROJECT, iid)));
            retitle(
                upstream,
                (1..=350).map(|iid| ItemRef::merge_request(PROJECT, iid)),
            );
        });
        mirror.advance(LATER);
        for nth in 1..=3 {
            // Items of pages that were read already go to the end.
            for (route, item) in [
                (ISSUES, ItemRef::issue as fn(u64, u64) -> ItemRef),
                (MERGE_REQUESTS, ItemRef::merge_request),
            ] {
                mirror
                    .sim
                    .change_after(RouteFilter::Route(route), nth, move |upstream| {
                        retitle(upstream, (nth * 10..nth * 10 + 9).map(|i| item(PROJECT, i)));
                    });
            }
        }
        mirror.sync().await.assert_clean();
        mirror.advance(LATER);
        mirror.sync().await.assert_clean();
        mirror.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_during_the_first_walk_pushes_no_other_out_of_sight() {
    let mirror = MirrorBuilder::new(plain(350).with(|options| options.keyset = false)).start();
    for nth in 1..=3 {
        mirror
            .sim
            .change_after(RouteFilter::Route(MERGE_REQUESTS), nth, move |upstream| {
                for iid in 351 - nth * 20..351 - nth * 20 + 15 {
                    let gone = ItemRef::merge_request(PROJECT, iid);
                    upstream.delete_item(gone).unwrap();
                }
            });
    }
    mirror.sync().await;
    mirror.advance(LATER);
    mirror.full_sync().await;
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_that_was_cut_off_goes_on_where_it_stopped() {
    for cut_after in [1, 2, 3, 5, 40] {
        let mut mirror = MirrorBuilder::new(plain(450)).start();
        let (reached, told) = tokio::sync::oneshot::channel();
        let route = if cut_after == 40 {
            RouteFilter::Route(Route::Discussions(ItemKind::Issue))
        } else {
            RouteFilter::Route(ISSUES)
        };
        mirror.sim.change_after(route, cut_after, move |_| {
            let _ = reached.send(());
        });
        let _job = mirror
            .start_sync(SyncRequest::default(), Trigger::Request)
            .await;
        tokio::time::timeout(Duration::from_mins(1), told)
            .await
            .unwrap()
            .unwrap();
        mirror.restart().await;
        mirror.sync().await.assert_clean();
        mirror.assert_equal();
        for route in [ISSUES, MERGE_REQUESTS] {
            let asked = mirror.requests().count(route);
            // Five pages, one of them twice, and the beginning of the walk
            // forward in each of the two runs.
            assert!(asked <= 5 + 1 + 2, "{asked} pages of {route:?}");
        }
        let repeated = repeated_dependents(&mirror);
        assert!(repeated <= 16 * 5, "{repeated} requests were repeated");
        let ended = mirror.texts("SELECT status || ' ' || coalesce(error_code, '') FROM sync_runs");
        assert_eq!(ended.len(), 2, "{ended:?}");
        assert!(
            !ended.iter().any(|run| run.starts_with("running")),
            "{ended:?}"
        );
    }
}

/// Requests for a part of an item that were made more than once.
fn repeated_dependents(mirror: &lore_e2e::Mirror) -> usize {
    let mut seen = std::collections::HashSet::new();
    let entries = mirror.requests().entries();
    let mut of_items = entries.iter().filter(|entry| entry.iid.is_some());
    let asked = of_items.clone().count();
    seen.extend(of_items.by_ref().map(|entry| (&entry.path, &entry.query)));
    asked - seen.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_from_a_lagging_replica_is_read_again() {
    let mirror = synced(&generated(21, 60)).await;
    let rule = FaultRule::new(
        RouteFilter::Routes(vec![ISSUES, MERGE_REQUESTS]),
        FaultKind::StaleList,
        When::Always,
    );
    mirror.sim.faults().add(rule);
    mirror.change(|upstream| {
        retitle(upstream, (1..=5).map(|iid| ItemRef::issue(PROJECT, iid)));
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Not to be lost"))
            .unwrap();
    });
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    assert!(!mirror.differences().is_empty(), "the lists were not stale");
    mirror.sim.faults().clear();
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror
        .checker()
        .without_closed_links()
        .compare_at_rest(&mirror.connection())
        .assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_element_that_cannot_be_read_stops_nothing_and_is_tried_again() {
    let mirror = MirrorBuilder::new(plain(130)).start();
    let issue = ItemRef::issue(PROJECT, 77);
    let created_at = mirror.change(|upstream| {
        let item = upstream.item_mut(issue).unwrap();
        // No client can read a time before the year 0 as it is written.
        std::mem::replace(&mut item.created_at, Moment::from_secs(-90_000_000_000))
    });
    let outcome = mirror.sync().await;
    let run = outcome.run();
    assert_eq!(
        run.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    let failures: Vec<_> = run
        .entity_failures
        .iter()
        .map(|it| (it.iid, it.code))
        .collect();
    assert!(
        failures.contains(&(77, ErrorCode::GitlabBadPayload)),
        "{failures:?}"
    );
    assert_eq!(mirror.number("SELECT count(*) FROM issues"), 129);

    // Mended, without a trace in `updated_at`.
    mirror.change(|upstream| upstream.item_mut(issue).unwrap().created_at = created_at);
    mirror.advance(Duration::from_hours(7));
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_another_project_in_a_list_are_not_taken_and_asked_for_again() {
    let mirror = MirrorBuilder::new(plain(250)).start();
    for route in [ISSUES, MERGE_REQUESTS] {
        mirror.sim.faults().add(FaultRule::new(
            RouteFilter::Route(route),
            FaultKind::WrongProjectId(4_000),
            When::Nth(2),
        ));
    }
    let outcome = mirror.sync().await;
    let run = outcome.run();
    assert_eq!(
        run.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    let mismatch = |code| code == ErrorCode::ProjectMismatch;
    assert!(run.entity_failures.iter().any(|it| mismatch(it.code)));
    mirror.advance(Duration::from_mins(2));
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_the_token_may_not_read_leaves_the_other_alone() {
    let mirror = MirrorBuilder::new(plain(120)).start();
    let rule = FaultRule::new(
        RouteFilter::Route(MERGE_REQUESTS),
        FaultKind::Status(403, ErrorBody::Json),
        When::Always,
    );
    mirror.sim.faults().add(rule);
    let outcome = mirror.sync().await;
    assert_eq!(
        outcome.run().completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    assert_eq!(mirror.number("SELECT count(*) FROM issues"), 120);
    assert_eq!(mirror.number("SELECT count(*) FROM merge_requests"), 0);

    // It is asked for in every run, but the other is enumerated once a day.
    mirror.advance(Duration::from_hours(25));
    mirror.sync().await;
    mirror.advance(LATER);
    let before = mirror.requests().len();
    mirror.sync().await;
    let spent = mirror.requests().len() - before;
    assert!(spent <= 4, "{spent} requests where nothing changed");
    mirror.sim.faults().clear();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}
