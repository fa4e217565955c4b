//! Changes that move nothing: found by the reconcile and by the sweep over
//! all children.

use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef, NewNote, RandomChangeOptions};
use gitlab_sim::{GeneratorConfig, Route};
use lore_e2e::Mirror;

use crate::support::{LATER, PROJECT, generated, synced};

const DAY: Duration = Duration::from_hours(24);

/// Resolves or reopens a thread of every merge request that has one, without a
/// trace in `updated_at`, and deletes a note of every issue that has one.
fn change_silently(mirror: &Mirror) -> usize {
    mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap().clone();
        let mut changed = 0;
        for merge_request in project.merge_requests.values() {
            let at = ItemRef::merge_request(PROJECT, merge_request.common.iid);
            let mut threads = merge_request.common.discussions.iter();
            let Some(thread) = threads.find(|it| it.resolvable()) else {
                continue;
            };
            let before = merge_request.common.updated_at;
            if thread.resolved() {
                upstream.unresolve_thread(at, &thread.id).unwrap();
            } else {
                upstream.resolve_thread(at, &thread.id, 1).unwrap();
            }
            // Resolving the last open thread writes a note, which is no
            // silent change: take the trace back.
            upstream.item_mut(at).unwrap().updated_at = before;
            changed += 1;
        }
        for issue in project.issues.values() {
            let at = ItemRef::issue(PROJECT, issue.common.iid);
            let system = issue.common.notes().find(|note| note.system);
            if let Some(note) = system {
                upstream.delete_note(at, note.id).unwrap();
                changed += 1;
            }
        }
        changed
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn children_that_changed_silently_are_found_within_the_week_a_share_a_day() {
    let mirror = synced(&generated(41, 70)).await;
    assert!(change_silently(&mirror) > 40);
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_clean();
    assert!(!mirror.differences().is_empty(), "nothing was silent");
    for _ in 0..7 {
        mirror.advance(DAY);
        mirror.requests().clear();
        mirror.timed_sync().await.assert_clean();
        for kind in [ItemKind::Issue, ItemKind::MergeRequest] {
            // A seventh of 70, and what a page or two more of a long thread
            // takes.
            let asked = mirror.requests().count(Route::Discussions(kind));
            assert!((10..=16).contains(&asked), "{asked} of {kind:?}");
        }
    }
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn timed_syncs_alone_find_everything_within_the_week() {
    let config = GeneratorConfig {
        projects: 2,
        ..generated(45, 60)
    };
    let mirror = synced(&config).await;
    for hour in 0..30 {
        mirror.change(|upstream| {
            upstream.random_changes(hour, 15, &RandomChangeOptions::default());
        });
        mirror.advance(Duration::from_secs(hour * 120));
        mirror.timed_sync().await.assert_ended_well();
    }
    for _ in 0..8 {
        mirror.advance(DAY);
        mirror.timed_sync().await.assert_ended_well();
        // What a reconcile missed is asked for once more.
        mirror.advance(LATER);
        mirror.timed_sync().await.assert_ended_well();
    }
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_comment_shows_in_the_counters_of_the_next_reconcile() {
    let mirror = synced(&generated(42, 40)).await;
    let deleted = mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap().clone();
        let issues = project
            .issues
            .values()
            .map(|it| (ItemKind::Issue, &it.common));
        let merge_requests = project.merge_requests.values();
        let merge_requests = merge_requests.map(|it| (ItemKind::MergeRequest, &it.common));
        let mut deleted = 0;
        for (kind, item) in issues.chain(merge_requests) {
            let at = ItemRef {
                project_id: PROJECT,
                kind,
                iid: item.iid,
            };
            if let Some(note) = item.notes().find(|note| !note.system) {
                upstream.delete_note(at, note.id).unwrap();
                deleted += 1;
            }
        }
        deleted
    });
    assert!(deleted > 20);
    mirror.advance(DAY);
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_and_a_deleted_label_reach_the_items_that_carry_them() {
    let mirror = synced(&generated(43, 50)).await;
    mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap();
        let labels: Vec<u64> = project.labels.keys().copied().collect();
        let milestones: Vec<u64> = project.milestones.keys().copied().collect();
        upstream
            .rename_label(PROJECT, labels[0], "renamed")
            .unwrap();
        // One takes the name of another that goes.
        let name = upstream.project(PROJECT).unwrap().labels[&labels[2]]
            .name
            .clone();
        upstream.delete_label(PROJECT, labels[2]).unwrap();
        upstream.rename_label(PROJECT, labels[3], name).unwrap();
        upstream
            .rename_milestone(PROJECT, milestones[0], "9.9")
            .unwrap();
        upstream.delete_milestone(PROJECT, milestones[1]).unwrap();
    });
    mirror.advance(DAY);
    mirror.full_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_takes_another_ones_name_between_two_syncs_is_not_mixed_up() {
    let mirror = synced(&generated(44, 30)).await;
    mirror.change(|upstream| {
        let project = upstream.project(PROJECT).unwrap();
        let labels: Vec<u64> = project.labels.keys().copied().collect();
        let names: Vec<String> = project.labels.values().map(|it| it.name.clone()).collect();
        // A swap of names, and every item changes besides.
        upstream
            .rename_label(PROJECT, labels[0], &names[1])
            .unwrap();
        upstream
            .rename_label(PROJECT, labels[1], &names[0])
            .unwrap();
        let iids: Vec<u64> = upstream
            .project(PROJECT)
            .unwrap()
            .issues
            .keys()
            .copied()
            .collect();
        for iid in iids {
            let at = ItemRef::issue(PROJECT, iid);
            upstream.add_note(at, NewNote::comment(1, "Again")).unwrap();
        }
    });
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.full_sync().await.assert_clean();
    mirror.assert_equal();
}
