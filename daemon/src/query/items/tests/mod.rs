//! Lists and details through a real database.

mod details;
mod lists;

use lore_proto::issues::{GetIssue, Issue, IssueDetail, IssueList, IssueState, ListIssues};
use lore_proto::merge_requests::{
    GetMergeRequest, ListMergeRequests, MergeRequestDetail, MergeRequestList, MergeRequestState,
};
use lore_proto::project::Read;

use super::*;
use crate::documents;
use crate::query::fixture::{Mirror, at, project};

/// Minutes are multiples of 60,000 ms; the mirror's clock stands at minute
/// 1,000.
const ROWS: &str = "
    INSERT INTO users (id, host, gitlab_id, username) VALUES
        (1, 'gitlab.example.com', 1, 'ada'), (2, 'gitlab.example.com', 2, 'bob'),
        (3, 'gitlab.example.com', 3, 'cyd');
    INSERT INTO labels (id, project_id, gitlab_id, name) VALUES
        (1, 1, 1, 'bug'), (2, 1, 2, 'needs work'), (3, 1, 3, 'Docs');
    INSERT INTO milestones (id, project_id, gitlab_id, title) VALUES (1, 1, 1, 'v1.0');
    INSERT INTO issues (id, project_id, gitlab_id, iid, title, description, state, author_id,
            milestone_id, created_at, updated_at, confidential, web_url, last_seen_at) VALUES
        (1, 1, 11, 1, 'Cache is cold', 'After a restart of the runner.', 'opened', 1, 1, 60000, 600000, 0,
            'https://h/g/p/-/issues/1', 700000),
        (2, 1, 12, 2, 'Rotate the keys', 'They leak into the cache.', 'closed', 2, NULL, 120000, 900000, 1, NULL, NULL),
        (3, 1, 13, 3, 'Document restarts', NULL, 'opened', 2, NULL, 180000, 300000, 0, NULL, NULL),
        (4, 1, 14, 4, 'Same minute', '', 'opened', 3, NULL, 240000, 600000, 0, NULL, NULL);
    INSERT INTO issue_labels VALUES (1, 1), (1, 2), (3, 3);
    INSERT INTO issue_assignees VALUES (1, 2), (1, 1), (4, 2);
    INSERT INTO merge_requests (id, project_id, gitlab_id, iid, title, description, state, draft, author_id,
            merge_user_id, source_branch, target_branch, created_at, updated_at, merged_at, web_url, sha,
            changes_complete, upvotes) VALUES
        (1, 1, 21, 1, 'Warm the cache', 'Closes #1.', 'merged', 0, 2, 1, 'warm', 'main', 60000, 400000, 400000,
            'https://h/g/p/-/merge_requests/1', 'abc', 1, 2),
        (2, 1, 22, 2, 'Rename the executor', 'Nothing else.', 'opened', 0, 1, NULL, 'rename', 'main', 60000, 500000,
            NULL, 'https://h/g/p/-/merge_requests/2', 'def', 0, 0),
        (3, 1, 23, 3, 'Draft: keys', NULL, 'opened', 1, 1, NULL, 'keys', 'stable', 60000, 450000, NULL, NULL, NULL, 1, 0);
    INSERT INTO merge_request_reviewers VALUES (2, 2), (2, 3);
    INSERT INTO mr_file_changes (merge_request_id, project_id, old_path, new_path, change_type, additions, deletions) VALUES
        (2, 1, 'src/old.rs', 'src/new.rs', 'renamed', 3, 1), (2, 1, 'a.txt', 'a.txt', 'added', NULL, NULL);
    INSERT INTO mr_closes_issues (merge_request_id, position, project_gitlab_id, issue_gitlab_id, issue_iid, external_id, title)
        VALUES (1, 0, 71, 11, 1, NULL, 'Cache is cold'), (1, 1, 99, 77, 5, NULL, 'Elsewhere'),
               (1, 2, NULL, NULL, NULL, 'PROJ-9', NULL);
    INSERT INTO discussions (id, project_id, issue_id, merge_request_id, gitlab_id, position, individual_note,
            resolvable, resolved, content_hash) VALUES
        (1, 1, NULL, 2, 'd1', 0, 1, 0, 0, 1), (2, 1, NULL, 2, 'd2', 1, 0, 1, 1, 1),
        (3, 1, NULL, 2, 'd3', 2, 0, 1, 0, 1), (4, 1, NULL, 2, 'd4', 3, 1, 0, 0, 1),
        (5, 1, NULL, 2, 'd5', 4, 0, 1, 0, 1), (6, 1, 1, NULL, 'd6', 0, 1, 0, 0, 1);
    INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, note_type, body, author_id, created_at,
            system, resolvable, resolved, resolved_by_id, resolved_at) VALUES
        (1, 1, 1, 101, 0, NULL, 'A remark.', 2, 1000, 0, 0, 0, NULL, NULL),
        (2, 2, 1, 102, 0, 'DiffNote', 'Old line?', 2, 2000, 0, 1, 1, 1, 5000),
        (3, 3, 1, 103, 0, 'DiffNote', 'Why?', 3, 3000, 0, 1, 0, NULL, NULL),
        (4, 3, 1, 104, 1, 'DiffNote', 'Because of the long story that follows.', 1, 4000, 0, 1, 0, NULL, NULL),
        (5, 4, 1, 105, 0, NULL, 'added 1 commit', 1, 4500, 1, 0, 0, NULL, NULL),
        (6, 5, 1, 106, 0, NULL, 'On the whole?', 3, 6000, 0, 1, 0, NULL, NULL),
        (7, 6, 1, 107, 0, NULL, 'Seen here as well.', 3, 6000, 0, 0, 0, NULL, NULL);
    INSERT INTO note_positions (note_id, project_id, old_path, new_path, old_line, new_line) VALUES
        (2, 1, 'src/old.rs', 'src/new.rs', 7, NULL), (3, 1, 'src/old.rs', 'src/new.rs', NULL, 12);
    INSERT INTO resource_events (project_id, issue_id, merge_request_id, kind, gitlab_id, user_id, created_at, action,
            label_name, milestone_title) VALUES
        (1, 1, NULL, 'label', 1, 1, 70000, 'add', 'bug', NULL),
        (1, 1, NULL, 'milestone', 1, 2, 80000, 'add', NULL, 'v1.0'),
        (1, 1, NULL, 'state', 1, 2, 80000, 'closed', NULL, NULL);
    INSERT INTO pending_dependent_fetches (source_type, source_id, project_id, discussions, diffs, queued_at)
        VALUES ('merge_request', 3, 1, 1, 1, 0);
";

async fn mirror() -> Mirror {
    let mirror = Mirror::new().await;
    mirror.sql(ROWS).await;
    let now = mirror.now();
    mirror
        .db
        .write(move |tx| documents::regenerate_due(tx, 1, now, 1_000_000))
        .await
        .unwrap();
    mirror
}

async fn issue_list(mirror: &Mirror, params: ListIssues) -> Result<Read<IssueList>, WireError> {
    list_issues(&mirror.db, &project(), params, mirror.now()).await
}

async fn mr_list(
    mirror: &Mirror,
    params: ListMergeRequests,
) -> Result<Read<MergeRequestList>, WireError> {
    list_merge_requests(&mirror.db, &project(), params, mirror.now()).await
}

async fn issue_detail(mirror: &Mirror, iid: u64) -> Result<Read<IssueDetail>, WireError> {
    get_issue(
        &mirror.db,
        &project(),
        iid,
        GetIssue::default(),
        mirror.now(),
    )
    .await
}

async fn mr_detail(
    mirror: &Mirror,
    iid: u64,
    params: GetMergeRequest,
) -> Result<Read<MergeRequestDetail>, WireError> {
    get_merge_request(&mirror.db, &project(), iid, params, mirror.now()).await
}
