//! Discussions, notes, their positions, and resource events.

use gitlab_sim::Moment;
use gitlab_sim::upstream::{Discussion, Issuable, ItemKind, Note, Place, Position, Project};

use super::table::{Cell, Table};
use super::{View, items, label_of, milestone_of};

pub(super) fn tables(view: &View<'_>, projects: &[&Project]) -> Vec<Table> {
    let mut all = Threads {
        discussions: Table::new("discussions"),
        notes: Table::new("notes"),
        positions: Table::new("note_positions"),
        events: Table::new("resource_events"),
    };
    for project in projects {
        for issue in project.issues.values() {
            if view.viewer.sees_issue(project, issue) {
                all.add(view, project, ItemKind::Issue, &issue.common);
            }
        }
        if view.viewer.sees_merge_requests(project) {
            for merge_request in project.merge_requests.values() {
                let item = &merge_request.common;
                all.add(view, project, ItemKind::MergeRequest, item);
            }
        }
    }
    vec![all.discussions, all.notes, all.positions, all.events]
}

struct Threads {
    discussions: Table,
    notes: Table,
    positions: Table,
    events: Table,
}

impl Threads {
    fn add(&mut self, view: &View<'_>, project: &Project, kind: ItemKind, item: &Issuable) {
        let key = items::key(project, kind, item.iid);
        let mut visible: Vec<&Discussion> = item
            .discussions
            .iter()
            .filter(|discussion| view.viewer.sees_discussion(project, discussion))
            .collect();
        visible.sort_by_key(|discussion| order(discussion));
        for (place, discussion) in visible.into_iter().enumerate() {
            self.add_discussion(view, project, &key, place, discussion);
        }
        self.add_events(view, project, &key, item);
    }

    fn add_discussion(
        &mut self,
        view: &View<'_>,
        project: &Project,
        item: &str,
        place: usize,
        discussion: &Discussion,
    ) {
        let notes: Vec<&Note> = discussion
            .notes
            .iter()
            .filter(|note| view.viewer.sees_note(project, note))
            .collect();
        let resolvable = notes.iter().any(|note| note.resolvable);
        let open = notes.iter().any(|note| note.resolvable && !note.resolved);
        self.discussions.expect(
            format!("{item} discussion {}", discussion.id),
            [
                ("position", place.into()),
                ("individual_note", discussion.individual_note.into()),
                ("resolvable", resolvable.into()),
                ("resolved", (resolvable && !open).into()),
            ],
        );
        for (place, note) in notes.into_iter().enumerate() {
            let key = format!("{} note {}", project.id, note.id);
            if let Some(position) = &note.position {
                self.add_position(&key, position);
            }
            let resolved = note.resolvable && note.resolved;
            self.notes.expect(
                key,
                [
                    ("item", item.into()),
                    ("discussion", (&discussion.id).into()),
                    ("position", place.into()),
                    ("note_type", note.note_type.as_str().into()),
                    ("body", (&note.body).into()),
                    ("author", view.author(note.author_id)),
                    ("created_at", note.created_at.into()),
                    ("updated_at", note.updated_at.into()),
                    ("system", note.system.into()),
                    ("internal", note.internal.into()),
                    ("resolvable", note.resolvable.into()),
                    ("resolved", resolved.into()),
                    (
                        "resolved_by",
                        view.user(note.resolved_by.filter(|_| note.resolvable)),
                    ),
                    (
                        "resolved_at",
                        note.resolved_at.filter(|_| note.resolvable).into(),
                    ),
                ],
            );
        }
    }

    fn add_position(&mut self, note: &str, position: &Position) {
        let (kind, old_line, new_line, start, at) = match &position.place {
            Place::Text {
                old_line,
                new_line,
                line_range,
            } => {
                let start = line_range.map(|(start, _)| start);
                ("text", *old_line, *new_line, start, None)
            }
            Place::Image { x, y, .. } => ("image", None, None, None, Some((*x, *y))),
            Place::File => ("file", None, None, None, None),
        };
        self.positions.expect(
            note.to_owned(),
            [
                ("position_type", kind.into()),
                ("base_sha", (&position.base_sha).into()),
                ("start_sha", (&position.start_sha).into()),
                ("head_sha", (&position.head_sha).into()),
                ("old_path", (&position.old_path).into()),
                ("new_path", (&position.new_path).into()),
                ("old_line", old_line.into()),
                ("new_line", new_line.into()),
                (
                    "range_start_old_line",
                    start.and_then(|line| line.old_line).into(),
                ),
                (
                    "range_start_new_line",
                    start.and_then(|line| line.new_line).into(),
                ),
                ("x", at.map(|(x, _)| x).into()),
                ("y", at.map(|(_, y)| y).into()),
            ],
        );
    }

    fn add_events(&mut self, view: &View<'_>, project: &Project, item: &str, of: &Issuable) {
        for event in &of.state_events {
            let mut row = EventRow::new(item, view.user(event.user_id), event.created_at);
            row.action = (&event.state).into();
            row.commit = event.source_commit.as_ref().into();
            row.merge_request = event.source_merge_request_id.into();
            self.add_event(project, "state", event.id, row);
        }
        for event in &of.label_events {
            if !view.viewer.sees_label_event(project, event) {
                continue;
            }
            let label = label_of(project, event.label_id);
            let mut row = EventRow::new(item, view.user(event.user_id), event.created_at);
            row.action = event.action.as_str().into();
            row.label = (label.map(|l| l.id).into(), label.map(|l| &l.name).into());
            self.add_event(project, "label", event.id, row);
        }
        for event in &of.milestone_events {
            let milestone = milestone_of(project, event.milestone_id);
            let mut row = EventRow::new(item, view.user(event.user_id), event.created_at);
            row.action = event.action.as_str().into();
            row.milestone = (
                milestone.map(|m| m.id).into(),
                milestone.map(|m| &m.title).into(),
            );
            self.add_event(project, "milestone", event.id, row);
        }
    }

    fn add_event(&mut self, project: &Project, kind: &str, id: u64, row: EventRow) {
        self.events.expect(
            format!("{} {kind} event {id}", project.id),
            [
                ("item", row.item),
                ("user", row.user),
                ("created_at", row.created_at),
                ("action", row.action),
                ("label_gitlab_id", row.label.0),
                ("label_name", row.label.1),
                ("milestone_gitlab_id", row.milestone.0),
                ("milestone_title", row.milestone.1),
                ("source_commit", row.commit),
                ("source_merge_request_gitlab_id", row.merge_request),
            ],
        );
    }
}

struct EventRow {
    item: Cell,
    user: Cell,
    created_at: Cell,
    action: Cell,
    label: (Cell, Cell),
    milestone: (Cell, Cell),
    commit: Cell,
    merge_request: Cell,
}

impl EventRow {
    fn new(item: &str, user: Cell, created_at: Moment) -> Self {
        Self {
            item: item.into(),
            user,
            created_at: created_at.into(),
            action: Cell::Null,
            label: (Cell::Null, Cell::Null),
            milestone: (Cell::Null, Cell::Null),
            commit: Cell::Null,
            merge_request: Cell::Null,
        }
    }
}

/// GitLab shows discussions by their oldest note.
fn order(discussion: &Discussion) -> (Option<Moment>, Option<u64>) {
    (
        discussion.notes.iter().map(|note| note.created_at).min(),
        discussion.notes.iter().map(|note| note.id).min(),
    )
}
