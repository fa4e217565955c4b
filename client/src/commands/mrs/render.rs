//! Merge requests for a person.

use lore_proto::file_history::ChangeType;
use lore_proto::merge_requests::{
    ChangedFile, MergeRequest, MergeRequestDetail, MergeRequestList, MergeRequestState,
};
use lore_proto::project::Freshness;

use crate::commands::items::{facts, story, threads};
use crate::commands::wording::{mirror_state, more_line, paint_state, state_word};
use crate::output::table::{Cell, Table};
use crate::output::{Page, View, sanitise, text, time};

/// Files that are shown, where not all are asked for.
const FILES: usize = 20;

/// How one merge request is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Every text whole.
    pub(super) full: bool,
    /// Not all threads were asked for.
    pub(super) narrowed: bool,
}

/// A page of a list.
pub(super) fn list(
    list: &MergeRequestList,
    state: MergeRequestState,
    freshness: Option<&Freshness>,
    view: &View,
) -> String {
    let mut page = Page::default();
    let which = match state {
        MergeRequestState::Opened => "open ",
        MergeRequestState::Closed => "closed ",
        MergeRequestState::Merged => "merged ",
        MergeRequestState::Locked => "locked ",
        MergeRequestState::All => "",
    };
    page.line(view.paint.dim(format!(
        "{} · {} · {}",
        sanitise::line(&list.project.path),
        text::count(list.total, &format!("{which}merge request")),
        mirror_state(freshness, view.now)
    )));
    if list.merge_requests.is_empty() {
        page.line(match state {
            MergeRequestState::All => "No merge request fits.",
            _ => "No merge request fits; `--state all` looks at all of them.",
        });
        return page.into_text();
    }
    page.blank();
    // What a terminal has room for; a file takes everything.
    let wide = view.width.is_none_or(|width| width >= 120);
    let mut headers = vec!["MR", "TITLE", "STATE", "THREADS", "AUTHOR", "UPDATED"];
    if wide {
        headers.extend(["REVIEWERS", "LABELS", "TARGET"]);
    }
    let mut table = Table::new(&headers, &[(1, 8)]);
    for mr in &list.merge_requests {
        let mut cells = vec![
            Cell::new(format!("!{}", mr.iid)).painted(|paint, text| paint.name(text)),
            Cell::new(sanitise::line(&mr.title)),
            Cell::new(state_of(mr)).painted(paint_state),
            Cell::new(open_threads(mr)).painted(|paint, text| paint.warn(text)),
            Cell::new(view.fit(mr.author.as_deref().unwrap_or("unknown"), 16)),
            Cell::new(time::ago(mr.updated_at, view.now)),
        ];
        if wide {
            cells.push(Cell::new(view.fit(&mr.reviewers.join(", "), 20)));
            cells.push(Cell::new(view.fit(&mr.labels.join(", "), 30)));
            cells.push(Cell::new(
                view.fit(mr.target_branch.as_deref().unwrap_or_default(), 20),
            ));
        }
        table.row(cells);
    }
    page.add(table.render(view));
    if let Some(line) = more_line(list.remaining, list.total, list.next_cursor.as_deref()) {
        page.blank();
        page.line(view.paint.dim(line));
    }
    page.into_text()
}

/// One merge request.
pub(super) fn one(
    detail: &MergeRequestDetail,
    shown: Shown,
    freshness: Option<&Freshness>,
    view: &View,
) -> String {
    let mut page = Page::default();
    push_head(&mut page, detail, freshness, view);
    push_facts(&mut page, detail, view);
    story::push_description(
        &mut page,
        &detail.description,
        detail.description_truncated,
        view,
    );
    let total = text::count(detail.threads_total, "thread");
    let heading = match (shown.narrowed, detail.merge_request.unresolved_threads) {
        (true, _) => format!("{total} of those asked for"),
        (false, 0) => total,
        (false, open) => format!("{total}, {} unresolved", text::thousands(open)),
    };
    threads::push(
        &mut page,
        &threads::Shown {
            threads: &detail.threads,
            remaining: detail.threads_remaining,
            total: detail.threads_total,
            next_cursor: detail.next_cursor.as_deref(),
            heading,
            full: shown.full,
        },
        view,
    );
    push_files(&mut page, detail, shown.full, view);
    story::push_events(
        &mut page,
        &detail.events,
        detail.events_total,
        shown.full,
        view,
    );
    page.into_text()
}

fn push_head(
    page: &mut Page,
    detail: &MergeRequestDetail,
    freshness: Option<&Freshness>,
    view: &View,
) {
    let paint = view.paint;
    let mr = &detail.merge_request;
    let reference = format!("!{}", mr.iid);
    page.line(format_args!(
        "{} {}",
        view.link(&paint.name(&reference), mr.web_url.as_deref()),
        paint.bold(view.fit(&mr.title, view.left(text::columns(&reference) + 1)))
    ));
    let mut state = state_word(&mr.state, paint);
    if mr.draft {
        state.push_str(&paint.warn(" · draft"));
    }
    if mr.unresolved_threads > 0 {
        let open = format!(" · {} unresolved", text::thousands(mr.unresolved_threads));
        state.push_str(&paint.warn(open));
    }
    page.line(format_args!(
        "{state} · {} · {}",
        sanitise::line(&detail.project.path),
        paint.dim(mirror_state(freshness, view.now))
    ));
    if let Some(url) = &mr.web_url {
        page.line(paint.dim(sanitise::line(url)));
    }
}

fn push_facts(page: &mut Page, detail: &MergeRequestDetail, view: &View) {
    let mr = &detail.merge_request;
    page.blank();
    facts::push_time(page, "opened", mr.created_at, mr.author.as_deref(), view);
    facts::push_time(page, "updated", Some(mr.updated_at), None, view);
    facts::push_time(
        page,
        "merged",
        mr.merged_at,
        detail.merged_by.as_deref(),
        view,
    );
    facts::push_time(
        page,
        "closed",
        mr.closed_at,
        detail.closed_by.as_deref(),
        view,
    );
    if let (Some(source), Some(target)) = (&mr.source_branch, &mr.target_branch) {
        facts::push(page, "branches", &format!("{source} → {target}"), view);
    }
    facts::push_names(page, "assignees", &mr.assignees, view);
    facts::push_names(page, "reviewers", &mr.reviewers, view);
    facts::push_names(page, "labels", &mr.labels, view);
    facts::push_some(page, "milestone", mr.milestone.as_deref(), view);
    if mr.state == "opened" {
        let conflicts = detail.has_conflicts == Some(true);
        let status = detail
            .detailed_merge_status
            .as_deref()
            .map(|s| s.replace('_', " "));
        let what = match (conflicts, status) {
            (true, _) => Some("conflicts".to_owned()),
            (false, status) => status,
        };
        facts::push_some(page, "merge", what.as_deref(), view);
    }
    facts::push_some(page, "commit", detail.commit_sha.as_deref(), view);
    if detail.task_count > 0 {
        let tasks = format!(
            "{} of {} done",
            detail.task_completed_count, detail.task_count
        );
        facts::push(page, "tasks", &tasks, view);
    }
    if detail.upvotes + detail.downvotes > 0 {
        let votes = format!("{} up, {} down", detail.upvotes, detail.downvotes);
        facts::push(page, "votes", &votes, view);
    }
    facts::push_links(page, "closes", &detail.closes, view);
}

fn push_files(page: &mut Page, detail: &MergeRequestDetail, full: bool, view: &View) {
    if detail.files.is_empty() && detail.files_complete {
        return;
    }
    page.blank();
    let cut = if detail.files_complete {
        ""
    } else {
        ", and more that GitLab left out"
    };
    page.line(view.paint.bold(format!(
        "{} changed{cut}",
        text::count(detail.files_total, "file")
    )));
    let limit = if full { detail.files.len() } else { FILES };
    for file in detail.files.iter().take(limit) {
        page.line(format_args!("  {}", changed(file, view)));
    }
    let shown = u64::try_from(detail.files.len().min(limit)).unwrap_or(u64::MAX);
    if detail.files_total > shown {
        let hint = if full { "" } else { ", with --full" };
        let more = format!(
            "  {} more{hint}",
            text::thousands(detail.files_total - shown)
        );
        page.line(view.paint.dim(more));
    }
}

fn changed(file: &ChangedFile, view: &View) -> String {
    let letter = match file.change_type {
        ChangeType::Added => "A",
        ChangeType::Modified => "M",
        ChangeType::Renamed => "R",
        ChangeType::Deleted => "D",
        ChangeType::ModeChanged => "T",
    };
    let lines = match (file.additions, file.deletions) {
        (Some(came), Some(went)) => format!("  +{came} −{went}"),
        _ => String::new(),
    };
    let path = if file.old_path == file.new_path {
        file.new_path.clone()
    } else {
        format!("{} → {}", file.old_path, file.new_path)
    };
    let path = view.fit(&path, view.left(4 + text::columns(&lines)));
    format!("{letter} {path}{}", view.paint.dim(lines))
}

fn state_of(mr: &MergeRequest) -> String {
    if mr.draft && mr.state == "opened" {
        "draft".to_owned()
    } else {
        sanitise::line(&mr.state).into_owned()
    }
}

fn open_threads(mr: &MergeRequest) -> String {
    match mr.unresolved_threads {
        0 if mr.incomplete => "pending".to_owned(),
        0 => String::new(),
        open => format!("{} open", text::thousands(open)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::project::ProjectInfo;

    const NOW: &str = "2026-06-15T12:00:00Z";

    pub(in super::super) fn detail() -> MergeRequestDetail {
        MergeRequestDetail {
            project: ProjectInfo {
                host: "h".into(),
                path: "g/p".into(),
                id: Some(1),
                web_url: None,
            },
            merge_request: MergeRequest {
                iid: 7,
                title: "A title".into(),
                state: "opened".into(),
                draft: true,
                author: None,
                assignees: Vec::new(),
                reviewers: Vec::new(),
                labels: Vec::new(),
                milestone: None,
                source_branch: None,
                target_branch: None,
                notes: 0,
                unresolved_threads: 0,
                created_at: None,
                updated_at: "2026-06-15T11:00:00Z".parse().unwrap(),
                merged_at: None,
                closed_at: None,
                web_url: None,
                incomplete: false,
            },
            description: String::new(),
            description_truncated: false,
            merged_by: None,
            closed_by: None,
            detailed_merge_status: Some("draft_status".into()),
            has_conflicts: None,
            sha: None,
            commit_sha: None,
            upvotes: 0,
            downvotes: 0,
            task_count: 0,
            task_completed_count: 0,
            closes: Vec::new(),
            threads: Vec::new(),
            threads_total: 0,
            threads_remaining: 0,
            next_cursor: None,
            files: Vec::new(),
            files_total: 0,
            files_complete: false,
            events: Vec::new(),
            events_total: 0,
            fetched_at: None,
            owed: Vec::new(),
        }
    }

    #[test]
    fn a_merge_request_with_next_to_nothing_reads_well() {
        let shown = Shown {
            full: false,
            narrowed: false,
        };
        assert_eq!(
            one(&detail(), shown, None, &View::plain(NOW)),
            "\
!7 A title
opened · draft · g/p · freshness unknown

updated    1 hour ago (2026-06-15 11:00:00 UTC)
merge      draft status

0 files changed, and more that GitLab left out
"
        );
    }
}
