//! Merge requests.

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::merge_requests::{
    GetMergeRequest, ListMergeRequests, MergeRequestDetail, MergeRequestList, MergeRequestState,
};
use lore_proto::project::{ProjectInfo, Read};

use super::detail::{Threads, ThreadsAsked};
use super::list::Question;
use super::{
    BODY_LIMIT, EVENTS, FILES, LINKS, MAX_BODY_LIMIT, MAX_NOTE_LIMIT, NOTE_LIMIT, bounded, find,
    labels, order, owed, user_name, wanted,
};
use crate::query::{page_size, project};
use crate::store::item_details::{self, Scope};
use crate::store::item_lists::{self, Filters};
use crate::store::{Database, SourceType};

/// The merge requests of `asked`, which stands for the selectors in `params`,
/// that fit the filters.
///
/// # Errors
/// `USAGE` for a limit, a cursor or words that do not fit; `NOT_FOUND` for a
/// project that is not mirrored yet; `TIMEOUT` where looking for words takes
/// too long.
pub async fn list(
    db: &Database,
    asked: &ProjectInfo,
    params: ListMergeRequests,
    now: Timestamp,
) -> Result<Read<MergeRequestList>, WireError> {
    let limit = page_size(params.limit)?;
    let asked = asked.clone();
    db.read(move |connection| {
        let row = project::mirrored(connection, &asked)?;
        let state = params.state.unwrap_or_default();
        let filters = Filters {
            state: (state != MergeRequestState::All).then(|| state.as_str()),
            author: params.author.map(user_name),
            assignee: params.assignee.map(|name| wanted(user_name(name))),
            reviewer: params.reviewer.map(|name| wanted(user_name(name))),
            labels: labels(params.labels)?,
            milestone: params.milestone.map(wanted),
            since: params.since.map(Timestamp::as_millisecond),
            draft: params.draft,
            unresolved: params.unresolved,
            source_branch: params.source_branch,
            target_branch: params.target_branch,
            ..Filters::of(SourceType::MergeRequest, row.id)
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
        let page = question.answer(connection, now, item_lists::merge_request)?;
        Ok(Read {
            data: MergeRequestList {
                project: project::info(&asked, &row),
                merge_requests: page.rows,
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

/// The merge request `iid` of `asked`; both stand for the selectors in
/// `params`.
///
/// # Errors
/// `USAGE` for a limit or a cursor that does not fit, `NOT_FOUND` for a merge
/// request or a project that is not mirrored.
pub async fn get(
    db: &Database,
    asked: &ProjectInfo,
    iid: u64,
    params: GetMergeRequest,
    now: Timestamp,
) -> Result<Read<MergeRequestDetail>, WireError> {
    let limit = page_size(params.limit)?;
    let body_limit = bounded("body limit", params.body_limit, BODY_LIMIT, MAX_BODY_LIMIT)?;
    let note_limit = bounded("note limit", params.note_limit, NOTE_LIMIT, MAX_NOTE_LIMIT)?;
    let asked = asked.clone();
    db.read(move |connection| {
        let source = SourceType::MergeRequest;
        let row = project::mirrored(connection, &asked)?;
        let id = find(connection, &asked, &row, source, iid)?;
        let merge_request = item_lists::merge_request(connection, id)?;
        let details = item_details::details(connection, source, id, body_limit)?;
        let merge = item_details::merge_details(connection, id)?;
        let threads = ThreadsAsked {
            scope: Scope {
                source,
                item: id,
                unresolved: params.unresolved,
                path: params.path,
            },
            limit,
            body_limit,
            note_limit,
            cursor: params.cursor.as_deref(),
            item_url: merge_request.web_url.as_deref(),
        };
        let Threads {
            page: threads,
            total: threads_total,
            remaining: threads_remaining,
            next_cursor,
        } = threads.read(connection)?;
        let (files, files_total) = item_details::files(connection, id, FILES)?;
        let (events, events_total) = item_details::events(connection, source, id, EVENTS)?;
        let (owed, warning) = owed(connection, &asked, source, id, iid)?;
        let mut warnings = project::warnings(&asked, &row);
        warnings.extend(warning);
        if !merge.files_complete {
            warnings.push(format!("GitLab cut the list of changed files of !{iid}"));
        }
        Ok(Read {
            freshness: Some(project::freshness(connection, &asked.path, &row, now)?),
            warnings,
            data: MergeRequestDetail {
                project: project::info(&asked, &row),
                merge_request,
                description: details.description,
                description_truncated: details.description_truncated,
                merged_by: merge.merged_by,
                closed_by: details.closed_by,
                detailed_merge_status: merge.detailed_merge_status,
                has_conflicts: merge.has_conflicts,
                sha: merge.sha,
                commit_sha: merge.commit_sha,
                upvotes: details.upvotes,
                downvotes: details.downvotes,
                task_count: details.task_count,
                task_completed_count: details.task_completed_count,
                closes: item_details::closes(connection, &row, id, LINKS)?,
                threads,
                threads_total,
                threads_remaining,
                next_cursor,
                files,
                files_total,
                files_complete: merge.files_complete,
                events,
                events_total,
                fetched_at: details.fetched_at,
                owed,
            },
        })
    })
    .await
}
