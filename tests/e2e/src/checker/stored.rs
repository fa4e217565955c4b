//! The mirror's side: what each table holds, with this database's own ids
//! replaced by GitLab's.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::table::{Cell, Table};
use super::{Differences, View};

/// GitLab's id of the Ghost User, as the simulator has it.
pub(super) const GHOST: i64 = 999_999;

const ISSUE: &str = "(SELECT p.gitlab_id || ' issue ' || i.iid FROM issues i
    JOIN projects p ON p.id = i.project_id WHERE i.id = ";
const MERGE_REQUEST: &str = "(SELECT p.gitlab_id || ' merge_request ' || m.iid
    FROM merge_requests m JOIN projects p ON p.id = m.project_id WHERE m.id = ";

/// Each compared table with the query that reads it. The first column is the
/// key; `{ISSUE}x)` and `{MR}x)` name an item, `{USER}x)` a user.
pub const COMPARED_TABLES: &[(&str, &str)] = &[
    (
        "projects",
        "SELECT host || ' ' || gitlab_id, path_with_namespace, name, description, web_url,
             default_branch, visibility, archived, issues_enabled, merge_requests_enabled,
             access_lost_at IS NOT NULL AS access_lost FROM projects",
    ),
    (
        "labels",
        "SELECT p.gitlab_id || ' ' || coalesce(l.gitlab_id, 'named ' || l.name), l.name, color,
             text_color, l.description, is_project_label
         FROM labels l JOIN projects p ON p.id = l.project_id",
    ),
    (
        "milestones",
        "SELECT p.gitlab_id || ' ' || m.gitlab_id, iid, group_gitlab_id, title, m.description,
             state, due_date, start_date, m.web_url
         FROM milestones m JOIN projects p ON p.id = m.project_id",
    ),
    (
        "issues",
        "SELECT {ISSUE}t.id), gitlab_id, title, description, state, issue_type, confidential,
             {USER}author_id) AS author, {USER}closed_by_id) AS closed_by,
             (SELECT gitlab_id FROM milestones WHERE id = milestone_id) AS milestone, created_at,
             updated_at, closed_at, due_date, start_date, weight, severity, health_status,
             discussion_locked, user_notes_count, merge_requests_count, upvotes, downvotes,
             time_estimate, total_time_spent, task_count, task_completed_count,
             moved_to_gitlab_id, status_name, status_category, status_color, reference, web_url
         FROM issues t",
    ),
    (
        "merge_requests",
        "SELECT {MR}t.id), gitlab_id, title, description, state, draft, {USER}author_id) AS author,
             {USER}merge_user_id) AS merge_user, {USER}closed_by_id) AS closed_by,
             (SELECT gitlab_id FROM milestones WHERE id = milestone_id) AS milestone,
             source_branch, target_branch, source_project_gitlab_id, created_at, updated_at,
             merged_at, closed_at, prepared_at, blocking_discussions_resolved, sha,
             merge_commit_sha, squash_commit_sha, squash, auto_merge, discussion_locked,
             user_notes_count, upvotes, downvotes, time_estimate, total_time_spent, task_count,
             task_completed_count, changes_count, diff_base_sha, diff_head_sha, diff_start_sha,
             changes_of, changes_complete, reference, web_url
         FROM merge_requests t",
    ),
    (
        "issue_labels",
        "SELECT {ISSUE}issue_id) || ' label ' || coalesce(l.gitlab_id, 'named ' || l.name)
         FROM issue_labels t JOIN labels l ON l.id = label_id",
    ),
    (
        "merge_request_labels",
        "SELECT {MR}merge_request_id) || ' label ' || coalesce(l.gitlab_id, 'named ' || l.name)
         FROM merge_request_labels t JOIN labels l ON l.id = label_id",
    ),
    (
        "issue_assignees",
        "SELECT {ISSUE}issue_id) || ' user ' || {USER}user_id) FROM issue_assignees t",
    ),
    (
        "merge_request_assignees",
        "SELECT {MR}merge_request_id) || ' user ' || {USER}user_id) FROM merge_request_assignees t",
    ),
    (
        "merge_request_reviewers",
        "SELECT {MR}merge_request_id) || ' user ' || {USER}user_id) FROM merge_request_reviewers t",
    ),
    (
        "discussions",
        "SELECT coalesce({ISSUE}issue_id), {MR}merge_request_id)) || ' discussion ' || gitlab_id,
             position, individual_note, resolvable, resolved FROM discussions t",
    ),
    (
        "notes",
        "SELECT p.gitlab_id || ' note ' || t.gitlab_id,
             coalesce({ISSUE}d.issue_id), {MR}d.merge_request_id)) AS item,
             d.gitlab_id AS discussion, t.position, note_type, body, {USER}author_id) AS author,
             created_at, updated_at, system, internal, t.resolvable, t.resolved,
             {USER}resolved_by_id) AS resolved_by, resolved_at
         FROM notes t JOIN discussions d ON d.id = discussion_id
             JOIN projects p ON p.id = t.project_id",
    ),
    (
        "note_positions",
        "SELECT p.gitlab_id || ' note ' || n.gitlab_id, position_type, base_sha, start_sha,
             head_sha, old_path, new_path, old_line, new_line, range_start_old_line,
             range_start_new_line, x, y
         FROM note_positions t JOIN notes n ON n.id = note_id
             JOIN projects p ON p.id = t.project_id",
    ),
    (
        "resource_events",
        "SELECT p.gitlab_id || ' ' || kind || ' event ' || t.gitlab_id,
             coalesce({ISSUE}issue_id), {MR}merge_request_id)) AS item, {USER}user_id) AS user,
             created_at, action, label_gitlab_id, label_name, milestone_gitlab_id,
             milestone_title, source_commit, source_merge_request_gitlab_id
         FROM resource_events t JOIN projects p ON p.id = t.project_id",
    ),
    (
        "mr_file_changes",
        "SELECT p.gitlab_id || ' merge_request ' || m.iid || ' file ' || old_path || ' -> '
                 || new_path || ' (' || row_number() OVER (
                     PARTITION BY merge_request_id, old_path, new_path ORDER BY t.id) || ')',
             change_type, a_mode, b_mode, additions, deletions
         FROM mr_file_changes t JOIN projects p ON p.id = t.project_id
             JOIN merge_requests m ON m.id = merge_request_id",
    ),
    (
        "mr_closes_issues",
        "SELECT {MR}merge_request_id) || ' closes ' || position, project_gitlab_id,
             issue_gitlab_id, issue_iid, external_id, title FROM mr_closes_issues t",
    ),
];

/// Columns of compared tables that are not compared, and why.
pub fn not_compared(table: &str, column: &str) -> Option<&'static str> {
    match (table, column) {
        (_, "id") => Some("this database's own"),
        (_, "last_seen_at")
        | ("projects", "last_synced_at" | "first_synced_at" | "last_reconciled_at") => {
            Some("a time of this machine's")
        }
        ("merge_requests", "detailed_merge_status" | "has_conflicts") => {
            Some("GitLab moves it at any time without a trace")
        }
        ("discussions" | "notes" | "note_positions" | "resource_events", "project_id")
        | ("discussions", "content_hash") => Some("follows from the others"),
        ("mr_file_changes", "project_id") => Some("follows from the merge request"),
        _ => None,
    }
}

pub(super) fn table(mirror: &Connection, name: &'static str) -> Table {
    let sql = COMPARED_TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, sql)| {
            sql.replace("{ISSUE}", ISSUE)
                .replace("{MR}", MERGE_REQUEST)
                .replace("{USER}", "(SELECT gitlab_id FROM users WHERE id = ")
        });
    let Some(sql) = sql else {
        panic!("the checker expects a table {name} and has no query for it");
    };
    match read(mirror, name, &sql) {
        Ok(table) => table,
        Err(error) => panic!("{name} of the mirror cannot be read: {error}"),
    }
}

fn read(mirror: &Connection, name: &'static str, sql: &str) -> rusqlite::Result<Table> {
    let mut statement = mirror.prepare(sql)?;
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .skip(1)
        .map(str::to_owned)
        .collect();
    let width = columns.len();
    let mut table = Table::with_columns(name, columns);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // A row whose parent is gone has no key; the foreign keys tell.
        let mut key = row
            .get::<_, Option<String>>(0)?
            .unwrap_or_else(|| "(of nothing)".to_owned());
        let cells = (1..=width)
            .map(|column| row.get_ref(column).map(cell))
            .collect::<Result<Vec<_>, _>>()?;
        while !table.insert(key.clone(), cells.clone()) {
            key.push_str(" again");
        }
    }
    Ok(table)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Text(format!("{} bytes", bytes.len())),
    }
}

/// Compares the users that the mirror has; it has those that something names,
/// so that the others are not missed.
pub(super) fn users(mirror: &Connection, view: &View<'_>, found: &mut Differences) {
    let stored = read(
        mirror,
        "users",
        "SELECT host || ' ' || gitlab_id, gitlab_id, username, name, state, web_url FROM users",
    );
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => panic!("users of the mirror cannot be read: {error}"),
    };
    for (key, cells) in stored.rows() {
        let [Cell::Int(id), kept @ ..] = cells else {
            continue;
        };
        if !key.starts_with(&format!("{} ", view.host)) {
            found.add(format!("users {key}: is of another host"));
        }
        let user = u64::try_from(*id)
            .ok()
            .and_then(|id| view.upstream.users.get(&id));
        let (username, name, state) = match user {
            Some(user) => (user.username.as_str(), user.name.as_str(), &*user.state),
            None if *id == GHOST => ("ghost", "Ghost User", "active"),
            None => {
                found.add(format!("users {key}: is in the mirror only"));
                continue;
            }
        };
        let expected: [Cell; 4] = [
            username.into(),
            name.into(),
            state.into(),
            format!("{}/{username}", view.base).into(),
        ];
        if kept != expected {
            found.add(format!(
                "users {key}: is {kept:?}, upstream has {expected:?}"
            ));
        }
    }
}
