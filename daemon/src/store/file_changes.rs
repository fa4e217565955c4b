//! `mr_file_changes` and `mr_closes_issues`.

use rusqlite::{Transaction, params};

use super::StoreError;
use crate::gitlab::models::{ChangeKind, ClosesIssue, Diff};

/// Makes a merge request's file changes exactly these, and notes which state
/// of its diff they are and whether they are all of it.
pub fn replace_changes(
    tx: &Transaction<'_>,
    project: i64,
    merge_request: i64,
    diffs: &[Diff],
    identity: Option<&str>,
    complete: bool,
) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM mr_file_changes WHERE merge_request_id = ?1")?
        .execute([merge_request])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO mr_file_changes (merge_request_id, project_id, old_path, new_path, change_type,
             a_mode, b_mode, additions, deletions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for diff in diffs {
        let lines = line_counts(diff);
        insert.execute(params![
            merge_request,
            project,
            diff.old_path,
            diff.new_path,
            change_type(diff.change_kind()),
            diff.a_mode,
            diff.b_mode,
            lines.map(|(added, _)| added),
            lines.map(|(_, deleted)| deleted),
        ])?;
    }
    tx.prepare_cached(
        "UPDATE merge_requests SET changes_of = ?2, changes_complete = ?3 WHERE id = ?1",
    )?
    .execute(params![merge_request, identity, complete])?;
    Ok(())
}

fn change_type(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Renamed => "renamed",
        ChangeKind::ModeChanged => "mode_changed",
        ChangeKind::Modified => "modified",
    }
}

/// Added and deleted lines, where GitLab sent the text. An empty text can mean
/// that it was left out, unless the file was only renamed.
fn line_counts(diff: &Diff) -> Option<(i64, i64)> {
    if diff.collapsed == Some(true) || diff.too_large == Some(true) {
        return None;
    }
    if diff.diff.is_empty() {
        return diff.renamed_file.then_some((0, 0));
    }
    if !diff.diff.contains("@@") {
        return None;
    }
    let mut counts = (0, 0);
    let mut in_hunk = false;
    for line in diff.diff.lines() {
        match line.as_bytes().first() {
            Some(b'@') => in_hunk = true,
            Some(b'+') if in_hunk => counts.0 += 1,
            Some(b'-') if in_hunk => counts.1 += 1,
            _ => {}
        }
    }
    Some(counts)
}

/// Makes the issues that a merge request closes exactly these.
pub fn replace_closes(
    tx: &Transaction<'_>,
    merge_request: i64,
    closes: &[ClosesIssue],
) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM mr_closes_issues WHERE merge_request_id = ?1")?
        .execute([merge_request])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO mr_closes_issues (merge_request_id, position, project_gitlab_id,
             issue_gitlab_id, issue_iid, external_id, title) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (position, issue) in (0i64..).zip(closes) {
        match issue {
            ClosesIssue::Internal {
                project_id,
                iid,
                id,
                title,
            } => insert.execute(params![
                merge_request,
                position,
                project_id.0,
                id,
                iid.0,
                None::<&str>,
                title
            ])?,
            ClosesIssue::External { id, title } => insert.execute(params![
                merge_request,
                position,
                None::<i64>,
                None::<i64>,
                None::<i64>,
                id,
                title
            ])?,
        };
    }
    Ok(())
}
