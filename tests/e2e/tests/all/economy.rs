//! What a sync may cost.

use gitlab_sim::upstream::{ItemKind, ItemRef};
use gitlab_sim::{GeneratorConfig, Route};
use lore_daemon::sync::first_sync_requests;

use crate::support::{LATER, PROJECT, generated, retitle, synced};

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_with_nothing_changed_costs_two_requests_a_project() {
    let config = GeneratorConfig {
        projects: 3,
        ..generated(51, 60)
    };
    let mirror = synced(&config).await;
    for _ in 0..3 {
        mirror.requests().clear();
        mirror.timed_sync().await.assert_clean();
        let entries = mirror.requests().entries();
        assert!(
            entries.len() <= 6,
            "{} requests: {entries:#?}",
            entries.len()
        );
        mirror.advance(LATER);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_with_nothing_changed_costs_as_little_right_after_a_change() {
    let mirror = synced(&generated(52, 60)).await;
    mirror.change(|upstream| {
        let iids: Vec<u64> = upstream
            .project(PROJECT)
            .unwrap()
            .issues
            .keys()
            .copied()
            .collect();
        retitle(
            upstream,
            iids.into_iter().map(|iid| ItemRef::issue(PROJECT, iid)),
        );
    });
    mirror.timed_sync().await.assert_clean();
    // Nothing is settled, and nothing is due yet either.
    mirror.requests().clear();
    mirror.timed_sync().await.assert_clean();
    let entries = mirror.requests().entries();
    assert!(
        entries.len() <= 2,
        "{} requests: {entries:#?}",
        entries.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_asks_for_each_thing_once() {
    let mirror = synced(&generated(53, 120)).await;
    let requests = mirror.requests();
    // What `lore init` says beforehand: no more than it takes, but for cut
    // diffs and long threads.
    let (said, sent) = (first_sync_requests(120, 120), requests.len() as u64);
    assert!(
        said <= sent && sent <= said + said / 20,
        "{sent} requests instead of {said}"
    );
    let count = |route| requests.count(route);
    assert!(
        count(Route::Item(ItemKind::Issue)) == 0,
        "an issue's list payload is whole"
    );
    assert_eq!(count(Route::Item(ItemKind::MergeRequest)), 120);
    assert_eq!(count(Route::ClosesIssues), 120);
    assert_eq!(count(Route::Project), 1);
    assert_eq!(count(Route::Labels), 1);
    assert_eq!(count(Route::Milestones), 1);
    assert_eq!(count(Route::GraphQl), 2);
    for kind in [ItemKind::Issue, ItemKind::MergeRequest] {
        assert_eq!(count(Route::StateEvents(kind)), 120);
        // Two pages back and the beginning of the walk forward.
        assert!(count(Route::Items(kind)) <= 4, "{kind:?}");
    }
}
