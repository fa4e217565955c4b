//! Files that merge requests change and issues that they close.

use std::collections::BTreeMap;

use gitlab_sim::upstream::{ClosingLink, DiffFile, ItemKind, MergeRequest, Project};

use super::table::{Cell, Table};
use super::{View, items};

pub(super) fn tables(view: &View<'_>, projects: &[&Project]) -> Vec<Table> {
    let mut changes = Table::new("mr_file_changes");
    let mut closes = Table::new("mr_closes_issues");
    for project in projects {
        if !view.viewer.sees_merge_requests(project) {
            continue;
        }
        for merge_request in project.merge_requests.values() {
            let iid = merge_request.common.iid;
            let key = items::key(project, ItemKind::MergeRequest, iid);
            add_changes(&mut changes, view, &key, merge_request);
            add_closes(&mut closes, view, &key, merge_request);
        }
    }
    vec![changes, closes]
}

fn add_changes(table: &mut Table, view: &View<'_>, item: &str, merge_request: &MergeRequest) {
    let Some(version) = merge_request.ready_version(view.now) else {
        return;
    };
    let shown = match view.options.diff_file_limit {
        Some(limit) if !items::changes_complete(view, Some(version)) => limit,
        _ => version.files.len(),
    };
    // `git diff`, which completes what GitLab cut, says no mode of a file that
    // was only renamed.
    let as_text = view.options.raw_diffs && items::is_cut(view, version);
    // The same paths may stand twice in one diff.
    let mut times: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for file in &version.files[..shown] {
        let nth = times.entry((&file.old_path, &file.new_path)).or_default();
        *nth += 1;
        let lines = line_counts(file);
        let same = file.a_mode == file.b_mode && file.diff.is_empty();
        let says_mode = !(as_text && file.renamed_file && same);
        let mode = |mode: &String| Some(mode.clone()).filter(|_| says_mode);
        table.expect(
            format!("{item} file {} -> {} ({nth})", file.old_path, file.new_path),
            [
                ("change_type", change_type(file).into()),
                ("a_mode", mode(&file.a_mode).into()),
                ("b_mode", mode(&file.b_mode).into()),
                ("additions", lines.map(|(added, _)| added).into()),
                ("deletions", lines.map(|(_, deleted)| deleted).into()),
            ],
        );
    }
}

fn change_type(file: &DiffFile) -> &'static str {
    if file.deleted_file {
        "deleted"
    } else if file.new_file {
        "added"
    } else if file.renamed_file {
        "renamed"
    } else if file.a_mode != file.b_mode && file.diff.is_empty() {
        "mode_changed"
    } else {
        "modified"
    }
}

/// Added and deleted lines; `None` where GitLab leaves the text out.
fn line_counts(file: &DiffFile) -> Option<(usize, usize)> {
    if file.collapsed || file.too_large {
        return None;
    }
    if file.diff.is_empty() {
        return file.renamed_file.then_some((0, 0));
    }
    let of = |sign: char| {
        let lines = file.diff.lines();
        lines.filter(|line| line.starts_with(sign)).count()
    };
    Some((of('+'), of('-')))
}

fn add_closes(table: &mut Table, view: &View<'_>, item: &str, merge_request: &MergeRequest) {
    let mut place = 0_usize;
    for link in &merge_request.closes {
        let row: [Cell; 5] = match link {
            ClosingLink::External { id, title } => {
                [Cell::Null, Cell::Null, Cell::Null, id.into(), title.into()]
            }
            ClosingLink::Issue { project_id, iid } => {
                let Some(project) = view.upstream.projects.get(project_id) else {
                    continue;
                };
                let Some(issue) = project.issues.get(iid) else {
                    continue;
                };
                if !view.viewer.sees_issue(project, issue) {
                    continue;
                }
                [
                    (*project_id).into(),
                    issue.common.id.into(),
                    (*iid).into(),
                    Cell::Null,
                    (&issue.common.title).into(),
                ]
            }
        };
        let [project, id, iid, external, title] = row;
        table.expect(
            format!("{item} closes {place}"),
            [
                ("project_gitlab_id", project),
                ("issue_gitlab_id", id),
                ("issue_iid", iid),
                ("external_id", external),
                ("title", title),
            ],
        );
        place += 1;
    }
}
