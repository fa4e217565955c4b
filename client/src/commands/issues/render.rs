//! Issues for a person.

use lore_proto::issues::{Issue, IssueDetail, IssueList, IssueState};
use lore_proto::project::Freshness;

use crate::commands::items::{facts, story, threads};
use crate::commands::wording::{mirror_state, more_line, paint_state, state_word};
use crate::output::table::{Cell, Table};
use crate::output::{Page, View, sanitise, text, time};

/// A page of a list.
pub(super) fn list(
    list: &IssueList,
    state: IssueState,
    freshness: Option<&Freshness>,
    view: &View,
) -> String {
    let mut page = Page::default();
    let which = match state {
        IssueState::Opened => "open ",
        IssueState::Closed => "closed ",
        IssueState::All => "",
    };
    page.line(view.paint.dim(format!(
        "{} · {} · {}",
        sanitise::line(&list.project.path),
        text::count(list.total, &format!("{which}issue")),
        mirror_state(freshness, view.now)
    )));
    if list.issues.is_empty() {
        page.line(match state {
            IssueState::All => "No issue fits.",
            _ => "No issue fits; `--state all` looks at all of them.",
        });
        return page.into_text();
    }
    page.blank();
    // What a terminal has room for; a file takes everything.
    let wide = view.width.is_none_or(|width| width >= 120);
    let mut headers = vec!["ISSUE", "TITLE", "STATE", "AUTHOR", "UPDATED"];
    if wide {
        headers.extend(["ASSIGNEES", "LABELS", "MILESTONE"]);
    }
    let mut table = Table::new(&headers, &[(1, 8)]);
    for issue in &list.issues {
        let mut cells = vec![
            Cell::new(format!("#{}", issue.iid)).painted(|paint, text| paint.name(text)),
            Cell::new(title_of(issue)),
            Cell::new(sanitise::line(&issue.state)).painted(paint_state),
            Cell::new(view.fit(issue.author.as_deref().unwrap_or("unknown"), 16)),
            Cell::new(time::ago(issue.updated_at, view.now)),
        ];
        if wide {
            cells.push(Cell::new(view.fit(&issue.assignees.join(", "), 20)));
            cells.push(Cell::new(view.fit(&issue.labels.join(", "), 30)));
            cells.push(Cell::new(
                view.fit(issue.milestone.as_deref().unwrap_or_default(), 16),
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

/// One issue.
pub(super) fn one(
    detail: &IssueDetail,
    full: bool,
    freshness: Option<&Freshness>,
    view: &View,
) -> String {
    let paint = view.paint;
    let issue = &detail.issue;
    let mut page = Page::default();
    let reference = format!("#{}", issue.iid);
    page.line(format_args!(
        "{} {}",
        view.link(&paint.name(&reference), issue.web_url.as_deref()),
        paint.bold(view.fit(&issue.title, view.left(text::columns(&reference) + 1)))
    ));
    let mut state = state_word(&issue.state, paint);
    if issue.confidential {
        state.push_str(&paint.warn(" · confidential"));
    }
    let kind = issue.issue_type.as_deref().filter(|kind| *kind != "issue");
    for more in [kind, issue.status.as_deref()].into_iter().flatten() {
        state.push_str(" · ");
        state.push_str(&sanitise::line(more));
    }
    page.line(format_args!(
        "{state} · {} · {}",
        sanitise::line(&detail.project.path),
        paint.dim(mirror_state(freshness, view.now))
    ));
    if let Some(url) = &issue.web_url {
        page.line(paint.dim(sanitise::line(url)));
    }
    page.blank();
    let author = issue.author.as_deref();
    facts::push_time(&mut page, "opened", issue.created_at, author, view);
    facts::push_time(&mut page, "updated", Some(issue.updated_at), None, view);
    let closed_by = detail.closed_by.as_deref();
    facts::push_time(&mut page, "closed", issue.closed_at, closed_by, view);
    facts::push_names(&mut page, "assignees", &issue.assignees, view);
    facts::push_names(&mut page, "labels", &issue.labels, view);
    facts::push_some(&mut page, "milestone", issue.milestone.as_deref(), view);
    facts::push_some(&mut page, "due", issue.due_date.as_deref(), view);
    if detail.task_count > 0 {
        let tasks = format!(
            "{} of {} done",
            detail.task_completed_count, detail.task_count
        );
        facts::push(&mut page, "tasks", &tasks, view);
    }
    if detail.upvotes + detail.downvotes > 0 {
        let votes = format!("{} up, {} down", detail.upvotes, detail.downvotes);
        facts::push(&mut page, "votes", &votes, view);
    }
    facts::push_links(
        &mut page,
        "closed by",
        &detail.closed_by_merge_requests,
        view,
    );
    story::push_description(
        &mut page,
        &detail.description,
        detail.description_truncated,
        view,
    );
    threads::push(
        &mut page,
        &threads::Shown {
            threads: &detail.threads,
            remaining: detail.threads_remaining,
            total: detail.threads_total,
            next_cursor: detail.next_cursor.as_deref(),
            heading: text::count(detail.threads_total, "thread"),
            full,
        },
        view,
    );
    story::push_events(&mut page, &detail.events, detail.events_total, full, view);
    page.into_text()
}

/// The title, with what should be seen at once.
fn title_of(issue: &Issue) -> String {
    let title = sanitise::line(&issue.title);
    if issue.confidential {
        format!("(confidential) {title}")
    } else {
        title.into_owned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::project::ProjectInfo;

    pub(in super::super) fn detail() -> IssueDetail {
        IssueDetail {
            project: ProjectInfo {
                host: "h".into(),
                path: "g/p".into(),
                id: Some(1),
                web_url: None,
            },
            issue: Issue {
                iid: 3,
                title: "A title".into(),
                state: "opened".into(),
                issue_type: Some("incident".into()),
                status: Some("In progress".into()),
                confidential: true,
                author: None,
                assignees: Vec::new(),
                labels: Vec::new(),
                milestone: None,
                notes: 0,
                due_date: None,
                created_at: None,
                updated_at: "2026-06-15T11:00:00Z".parse().unwrap(),
                closed_at: None,
                web_url: None,
                incomplete: false,
            },
            description: String::new(),
            description_truncated: false,
            closed_by: None,
            upvotes: 0,
            downvotes: 0,
            task_count: 0,
            task_completed_count: 0,
            closed_by_merge_requests: Vec::new(),
            threads: Vec::new(),
            threads_total: 0,
            threads_remaining: 0,
            next_cursor: None,
            events: Vec::new(),
            events_total: 0,
            fetched_at: None,
            owed: Vec::new(),
        }
    }

    #[test]
    fn an_issue_with_next_to_nothing_reads_well() {
        assert_eq!(
            one(&detail(), false, None, &View::plain("2026-06-15T12:00:00Z")),
            "\
#3 A title
opened · confidential · incident · In progress · g/p · freshness unknown

updated    1 hour ago (2026-06-15 11:00:00 UTC)
"
        );
    }

    #[test]
    fn an_empty_list_says_where_else_to_look() {
        let empty = IssueList {
            project: detail().project,
            issues: Vec::new(),
            total: 0,
            remaining: 0,
            next_cursor: None,
        };
        let view = View::plain("2026-06-15T12:00:00Z");
        let page = list(&empty, IssueState::Opened, None, &view);
        assert!(page.contains("0 open issues"), "{page}");
        assert!(page.contains("--state all"), "{page}");
        assert!(!list(&empty, IssueState::All, None, &view).contains("--state"));
    }
}
