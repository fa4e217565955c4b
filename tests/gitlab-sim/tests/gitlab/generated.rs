//! The generator, and random changes.

use std::collections::BTreeMap;
use std::time::Duration;

use gitlab_sim::upstream::{ClosingLink, Issuable, ItemState, NoteType, Place};
use gitlab_sim::{GeneratorConfig, Moment, RandomChangeOptions, Simulator};

use crate::support::small;

const NOW: Moment = Moment::from_secs(1_795_176_000);

#[test]
fn the_same_seed_gives_the_same_upstream_and_another_another() {
    let config = GeneratorConfig::default();
    let one = config.generate(NOW);
    assert_eq!(one.projects, config.generate(NOW).projects);
    let other = GeneratorConfig {
        seed: 2,
        ..GeneratorConfig::default()
    };
    assert_ne!(one.projects, other.generate(NOW).projects);
}

#[test]
fn every_shape_that_mirrors_stumble_over_is_there() {
    let config = GeneratorConfig {
        projects: 2,
        issues: 400,
        merge_requests: 400,
        ..GeneratorConfig::default()
    };
    let upstream = config.generate(NOW);
    let projects: Vec<_> = upstream.projects.values().collect();
    let issues = || projects.iter().flat_map(|project| project.issues.values());
    let merge_requests = || {
        projects
            .iter()
            .flat_map(|project| project.merge_requests.values())
    };
    let items = || {
        let issues = issues().map(|issue| &issue.common);
        issues.chain(merge_requests().map(|merge_request| &merge_request.common))
    };
    let notes = || items().flat_map(Issuable::notes);
    let files = || merge_requests().flat_map(|mr| mr.versions[0].files.iter());

    assert!(issues().any(|issue| issue.confidential));
    assert!(issues().any(|issue| issue.moved_to_id.is_some()));
    assert!(
        items().any(|item| item.discussions.len() > 100),
        "a long thread"
    );
    assert!(notes().any(|note| note.system) && notes().any(|note| note.internal));
    assert!(notes().any(|note| note.note_type == NoteType::Diff && note.resolved));
    let place = |wanted: fn(&Place) -> bool| {
        notes().any(|note| {
            note.position
                .as_ref()
                .is_some_and(|position| wanted(&position.place))
        })
    };
    assert!(place(|place| matches!(place, Place::File)));
    assert!(place(|place| matches!(place, Place::Image { .. })));
    assert!(place(|place| matches!(
        place,
        Place::Text {
            line_range: Some(_),
            ..
        }
    )));
    assert!(items().any(|item| !item.title.is_ascii()));
    assert!(files().any(|file| file.renamed_file) && files().any(|file| file.deleted_file));
    assert!(files().any(|file| file.too_large) && files().any(|file| !file.new_path.is_ascii()));
    assert!(
        merge_requests().any(|mr| mr.versions[0].files.len() > 1_000),
        "a huge one"
    );
    assert!(
        merge_requests().any(|mr| mr.ready_version(NOW).is_none()),
        "an unprepared one"
    );
    assert!(
        merge_requests().any(|mr| mr.source_project_id.is_none()),
        "a deleted fork"
    );
    let links = || merge_requests().flat_map(|mr| mr.closes.iter().map(move |link| (mr, link)));
    assert!(links().any(|(_, link)| matches!(link, ClosingLink::External { .. })));
    assert!(links().any(|(mr, link)| {
        matches!(link, ClosingLink::Issue { project_id, .. } if *project_id != mr.common.project_id)
    }));
    let deleted =
        |project: u64, label: u64| !upstream.projects[&project].labels.contains_key(&label);
    assert!(items().any(|item| {
        item.label_events
            .iter()
            .any(|event| deleted(item.project_id, event.label_id))
    }));
    for state in [ItemState::Opened, ItemState::Closed, ItemState::Merged] {
        assert!(items().any(|item| item.state == state));
    }
    let mut times: BTreeMap<Moment, usize> = BTreeMap::new();
    for item in items() {
        *times.entry(item.updated_at).or_default() += 1;
    }
    assert!(times.values().any(|count| *count >= 10), "a mass edit");
}

#[test]
fn nothing_happens_before_its_item_or_in_the_future() {
    let upstream = GeneratorConfig::default().generate(NOW);
    for project in upstream.projects.values() {
        let issues = project.issues.values().map(|issue| &issue.common);
        let merge_requests = project.merge_requests.values().map(|mr| &mr.common);
        for item in issues.chain(merge_requests) {
            assert!(item.created_at <= item.updated_at && item.updated_at <= NOW);
            for note in item.notes() {
                assert!(note.created_at >= item.created_at && note.created_at <= NOW);
            }
            for pair in item.label_events.windows(2) {
                assert!(pair[0].id < pair[1].id);
            }
        }
    }
}

#[tokio::test]
async fn random_changes_are_the_same_for_the_same_seed_and_of_every_kind() {
    let (one, other) = (small(|_| {}).await, small(|_| {}).await);
    let options = RandomChangeOptions::default();
    let make = |sim: &Simulator| {
        sim.change(|upstream| {
            upstream.create_project("acme/target");
            upstream.random_changes(5, 1_500, &options)
        })
    };
    let (first, second) = (make(&one), make(&other));
    assert_eq!(first.len(), 1_500);
    assert_eq!(first, second);
    assert_eq!(one.snapshot().projects, other.snapshot().projects);
    for kind in [
        "add note",
        "reply",
        "edit note",
        "delete note",
        "add label",
        "close",
        "merge",
        "push",
        "move issue",
        "delete item",
        "rename project",
        "resolve thread",
        "delete label",
        "open issue",
        "open merge request",
        "closing link",
        "set status",
    ] {
        assert!(
            first.iter().any(|change| change.kind == kind),
            "{kind} never came up"
        );
    }
    // Some fall inside the window of the throttled touch.
    let hidden = first.windows(2).filter(|pair| {
        let same = pair[0].item.is_some() && pair[0].item == pair[1].item;
        same && pair[1].at.since(pair[0].at) < Duration::from_mins(1)
    });
    assert!(hidden.count() > 10);
}
