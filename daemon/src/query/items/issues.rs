//! Issues.

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::issues::{GetIssue, IssueDetail, IssueList, IssueState, ListIssues};
use lore_proto::project::{ProjectInfo, Read};

use super::detail::{Threads, ThreadsAsked};
use super::list::Question;
use super::{
    BODY_LIMIT, EVENTS, LINKS, MAX_BODY_LIMIT, MAX_NOTE_LIMIT, NOTE_LIMIT, bounded, find, labels,
    order, owed, user_name, wanted,
};
use crate::query::{page_size, project};
use crate::store::item_details::{self, Scope};
use crate::store::item_lists::{self, Filters};
use crate::store::{Database, SourceType};

/// The issues of `asked`, which stands for the selectors in `params`, that fit
/// the filters.
///
/// # Errors
/// `USAGE` for a limit, a cursor or words that do not fit; `NOT_FOUND` for a
/// project that is not mirrored yet; `TIMEOUT` where looking for words takes
/// too long.
pub async fn list(
    db: &Database,
    asked: &ProjectInfo,
    params: ListIssues,
    now: Timestamp,
) -> Result<Read<IssueList>, WireError> {
    let limit = page_size(params.limit)?;
    let asked = asked.clone();
    db.read(move |connection| {
        let row = project::mirrored(connection, &asked)?;
        let state = params.state.unwrap_or_default();
        let filters = Filters {
            state: (state != IssueState::All).then(|| state.as_str()),
            author: params.author.map(user_name),
            assignee: params.assignee.map(|name| wanted(user_name(name))),
            labels: labels(params.labels)?,
            milestone: params.milestone.map(wanted),
            since: params.since.map(Timestamp::as_millisecond),
            ..Filters::of(SourceType::Issue, row.id)
        };
        let question = Question {
            asked: &asked,
            row: &row,
            filters,
            words: params.search.as_deref(),
            order: order(params.sort, params.reverse),
            limit,
            cursor: params.cursor.as_deref(),
        };
        let page = question.answer(connection, now, item_lists::issue)?;
        Ok(Read {
            data: IssueList {
                project: project::info(&asked, &row),
                issues: page.rows,
                total: page.total,
                remaining: page.remaining,
                next_cursor: page.next_cursor,
            },
            freshness: Some(page.freshness),
            warnings: page.warnings,
        })
    })
    .await
}

/// The issue `iid` of `asked`; both stand for the selectors in `params`.
///
/// # Errors
/// `USAGE` for a limit or a cursor that does not fit, `NOT_FOUND` for an issue
/// or a project that is not mirrored.
pub async fn get(
    db: &Database,
    asked: &ProjectInfo,
    iid: u64,
    params: GetIssue,
    now: Timestamp,
) -> Result<Read<IssueDetail>, WireError> {
    let limit = page_size(params.limit)?;
    let body_limit = bounded("body limit", params.body_limit, BODY_LIMIT, MAX_BODY_LIMIT)?;
    let note_limit = bounded("note limit", params.note_limit, NOTE_LIMIT, MAX_NOTE_LIMIT)?;
    let asked = asked.clone();
    db.read(move |connection| {
        let source = SourceType::Issue;
        let row = project::mirrored(connection, &asked)?;
        let id = find(connection, &asked, &row, source, iid)?;
        let issue = item_lists::issue(connection, id)?;
        let details = item_details::details(connection, source, id, body_limit)?;
        let threads = ThreadsAsked {
            scope: Scope {
                source,
                item: id,
                unresolved: false,
                path: None,
            },
            limit,
            body_limit,
            note_limit,
            cursor: params.cursor.as_deref(),
            item_url: issue.web_url.as_deref(),
        };
        let Threads {
            page: threads,
            total: threads_total,
            remaining: threads_remaining,
            next_cursor,
        } = threads.read(connection)?;
        let (events, events_total) = item_details::events(connection, source, id, EVENTS)?;
        let (owed, warning) = owed(connection, &asked, source, id, iid)?;
        let mut warnings = project::warnings(&asked, &row);
        warnings.extend(warning);
        Ok(Read {
            freshness: Some(project::freshness(connection, &asked.path, &row, now)?),
            warnings,
            data: IssueDetail {
                project: project::info(&asked, &row),
                issue,
                description: details.description,
                description_truncated: details.description_truncated,
                closed_by: details.closed_by,
                upvotes: details.upvotes,
                downvotes: details.downvotes,
                task_count: details.task_count,
                task_completed_count: details.task_completed_count,
                closed_by_merge_requests: item_details::closed_by(connection, &row, id, LINKS)?,
                threads,
                threads_total,
                threads_remaining,
                next_cursor,
                events,
                events_total,
                fetched_at: details.fetched_at,
                owed,
            },
        })
    })
    .await
}
