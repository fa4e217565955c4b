//! Projects that the tests share.

use std::time::Duration;

use gitlab_sim::upstream::{DiffFile, ItemRef, NewIssue, NewMergeRequest, Upstream};
use gitlab_sim::{GeneratorConfig, Moment, SimulatorBuilder};
use lore_e2e::{Mirror, MirrorBuilder};

/// Long enough that everything fetched is settled and out of the overlap of
/// the next walk.
pub(crate) const LATER: Duration = Duration::from_mins(10);

/// The first project of every simulator.
pub(crate) const PROJECT: u64 = 42;

/// A generated project of this many issues and as many merge requests, with
/// nothing in it that is never done.
pub(crate) fn generated(seed: u64, items: usize) -> GeneratorConfig {
    GeneratorConfig {
        seed,
        issues: items,
        merge_requests: items,
        huge_merge_requests: 0,
        unprepared_merge_requests: 0,
        ..GeneratorConfig::default()
    }
}

/// A mirror of it, not yet synced.
pub(crate) fn mirror_of(config: &GeneratorConfig) -> Mirror {
    MirrorBuilder::new(SimulatorBuilder::new().generate(config)).start()
}

/// A mirror of it after its first sync, with nothing left to look at.
pub(crate) async fn synced(config: &GeneratorConfig) -> Mirror {
    let mirror = mirror_of(config);
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    // What the generator changed last is settled now.
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
    mirror
}

/// A simulator with one project of issues and merge requests that have nothing
/// but a title, each changed a second after the one before.
pub(crate) fn plain(items: u64) -> SimulatorBuilder {
    SimulatorBuilder::new().upstream(|upstream| {
        let author = upstream.add_user("ada", "Ada");
        assert_eq!(upstream.create_project("acme/app"), PROJECT);
        let start = upstream.now() - Duration::from_hours(100 * 24);
        for iid in 1..=items {
            let at = start + Duration::from_secs(iid);
            let title = format!("Item {iid}");
            let new = NewIssue::new(author, title.clone());
            upstream.insert_issue(PROJECT, iid, new, at).unwrap();
            let files = vec![DiffFile::modified(
                format!("src/{iid}.rs"),
                "@@ -1 +1 @@\n-a\n+b\n",
            )];
            let new = NewMergeRequest::new(author, title, files);
            let made = upstream.create_merge_request(PROJECT, new).unwrap();
            let item = upstream.item_mut(made).unwrap();
            item.created_at = at;
            item.updated_at = at;
            for version in &mut upstream.merge_request_mut(PROJECT, iid).unwrap().versions {
                version.created_at = at;
                version.ready_at = at;
            }
        }
    })
}

/// What a mass edit does to all items of the project: one `updated_at`.
pub(crate) fn mass_edit(upstream: &mut Upstream, at: Moment) {
    let project = upstream.project_mut(PROJECT).unwrap();
    let issues = project.issues.values_mut().map(|issue| &mut issue.common);
    let merge_requests = project.merge_requests.values_mut();
    for item in issues.chain(merge_requests.map(|it| &mut it.common)) {
        item.updated_at = at;
        item.discussion_locked = Some(true);
    }
}

/// New titles, which always move `updated_at`.
pub(crate) fn retitle(upstream: &mut Upstream, items: impl IntoIterator<Item = ItemRef>) {
    for item in items {
        // Each change has a time of its own.
        upstream.clock().advance(Duration::from_millis(7));
        let title = format!("Anew at {:?}", upstream.now());
        upstream.set_title(item, 1, title).unwrap();
    }
}
