//! `labels`, `milestones` and the tables that tie labels to items.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use super::people::set_links;
use super::source::SourceType;
use crate::gitlab::models::{AppliedLabel, Label, Milestone};

/// Makes the item's labels exactly these. A label that is known by its name
/// alone gets a row without GitLab's id until the collection is read.
pub fn set_labels(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    item: i64,
    labels: &[AppliedLabel],
) -> Result<(), StoreError> {
    let ids = labels
        .iter()
        .map(|label| match &label.details {
            Some(details) => upsert_label(tx, project, details),
            None => label_by_name(tx, project, &label.name),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (list, insert, delete) = match source {
        SourceType::Issue => (
            "SELECT label_id FROM issue_labels WHERE issue_id = ?1",
            "INSERT INTO issue_labels (issue_id, label_id) VALUES (?1, ?2)",
            "DELETE FROM issue_labels WHERE issue_id = ?1 AND label_id = ?2",
        ),
        SourceType::MergeRequest => (
            "SELECT label_id FROM merge_request_labels WHERE merge_request_id = ?1",
            "INSERT INTO merge_request_labels (merge_request_id, label_id) VALUES (?1, ?2)",
            "DELETE FROM merge_request_labels WHERE merge_request_id = ?1 AND label_id = ?2",
        ),
    };
    set_links(tx, list, insert, delete, item, ids)
}

fn label_by_name(tx: &Transaction<'_>, project: i64, name: &str) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached(
            "SELECT id FROM labels WHERE project_id = ?1 AND name = ?2
             ORDER BY gitlab_id IS NULL, id LIMIT 1",
        )?
        .query_row(params![project, name], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(id),
        None => Ok(tx
            .prepare_cached("INSERT INTO labels (project_id, name) VALUES (?1, ?2) RETURNING id")?
            .query_row(params![project, name], |row| row.get(0))?),
    }
}

/// Writes one label under GitLab's id, taking over a row that had only its
/// name. An absent detail leaves the stored one.
fn upsert_label(tx: &Transaction<'_>, project: i64, label: &Label) -> Result<i64, StoreError> {
    let same = tx
        .prepare_cached(
            "SELECT id, name = ?3 AND color IS ?4 AND text_color IS ?5 AND description IS ?6
                 AND (?7 IS NULL OR is_project_label IS ?7)
             FROM labels WHERE project_id = ?1 AND gitlab_id = ?2",
        )?
        .query_row(
            params![
                project,
                label.id,
                label.name,
                label.color,
                label.text_color,
                label.description,
                label.is_project_label
            ],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
        )
        .optional()?;
    match same {
        Some((id, true)) => return Ok(id),
        // It took a name by which items that were seen since call it already.
        Some((id, false)) => take_over(tx, project, id, &label.name)?,
        None => {
            tx.prepare_cached(
                "UPDATE labels SET gitlab_id = ?2 WHERE id = (SELECT id FROM labels
                     WHERE project_id = ?1 AND name = ?3 AND gitlab_id IS NULL LIMIT 1)",
            )?
            .execute(params![project, label.id, label.name])?;
        }
    }
    Ok(tx
        .prepare_cached(
            "INSERT INTO labels (project_id, gitlab_id, name, color, text_color, description, is_project_label)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (project_id, gitlab_id) DO UPDATE SET name = excluded.name,
                 color = excluded.color, text_color = excluded.text_color,
                 description = excluded.description,
                 is_project_label = coalesce(excluded.is_project_label, is_project_label)
             RETURNING id",
        )?
        .query_row(
            params![
                project,
                label.id,
                label.name,
                label.color,
                label.text_color,
                label.description,
                label.is_project_label
            ],
            |row| row.get(0),
        )?)
}

/// Gives the label `id` the items of the row that is known by `name` alone.
fn take_over(tx: &Transaction<'_>, project: i64, id: i64, name: &str) -> Result<(), StoreError> {
    let named: Option<i64> = tx
        .prepare_cached(
            "SELECT id FROM labels WHERE project_id = ?1 AND name = ?2 AND gitlab_id IS NULL",
        )?
        .query_row(params![project, name], |row| row.get(0))
        .optional()?;
    let Some(named) = named else { return Ok(()) };
    for sql in [
        "INSERT OR IGNORE INTO issue_labels (issue_id, label_id)
         SELECT issue_id, ?2 FROM issue_labels WHERE label_id = ?1",
        "INSERT OR IGNORE INTO merge_request_labels (merge_request_id, label_id)
         SELECT merge_request_id, ?2 FROM merge_request_labels WHERE label_id = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([named, id])?;
    }
    tx.prepare_cached("DELETE FROM labels WHERE id = ?1")?
        .execute([named])?;
    Ok(())
}

/// Makes the project's labels exactly these: a renamed one keeps its items, a
/// deleted one leaves them.
pub fn replace_labels(
    tx: &Transaction<'_>,
    project: i64,
    labels: &[Label],
) -> Result<(), StoreError> {
    let mut kept = HashSet::with_capacity(labels.len());
    for label in labels {
        kept.insert(upsert_label(tx, project, label)?);
    }
    delete_others(
        tx,
        "SELECT id FROM labels WHERE project_id = ?1",
        "DELETE FROM labels WHERE id = ?1",
        project,
        &kept,
    )
}

/// Writes one milestone and gives this database's id.
pub fn upsert_milestone(
    tx: &Transaction<'_>,
    project: i64,
    milestone: &Milestone,
) -> Result<i64, StoreError> {
    let values = params![
        project,
        milestone.id,
        milestone.iid.map(|iid| iid.0),
        milestone.group_id,
        milestone.title,
        milestone.description,
        milestone.state,
        milestone.due_date,
        milestone.start_date,
        milestone.web_url,
    ];
    let same = tx
        .prepare_cached(
            "SELECT id, iid IS ?3 AND group_gitlab_id IS ?4 AND title = ?5 AND description IS ?6
                 AND state IS ?7 AND due_date IS ?8 AND start_date IS ?9 AND web_url IS ?10
             FROM milestones WHERE project_id = ?1 AND gitlab_id = ?2",
        )?
        .query_row(values, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?;
    if let Some((id, true)) = same {
        return Ok(id);
    }
    Ok(tx
        .prepare_cached(
            "INSERT INTO milestones (project_id, gitlab_id, iid, group_gitlab_id, title, description,
                 state, due_date, start_date, web_url)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (project_id, gitlab_id) DO UPDATE SET iid = excluded.iid,
                 group_gitlab_id = excluded.group_gitlab_id, title = excluded.title,
                 description = excluded.description, state = excluded.state,
                 due_date = excluded.due_date, start_date = excluded.start_date,
                 web_url = excluded.web_url
             RETURNING id",
        )?
        .query_row(values, |row| row.get(0))?)
}

/// Makes the project's milestones exactly these.
pub fn replace_milestones(
    tx: &Transaction<'_>,
    project: i64,
    milestones: &[Milestone],
) -> Result<(), StoreError> {
    let mut kept = HashSet::with_capacity(milestones.len());
    for milestone in milestones {
        kept.insert(upsert_milestone(tx, project, milestone)?);
    }
    // GitLab before 16 leaves ancestors' milestones out of the collection: one
    // of a group goes only when no item names it any more.
    delete_others(
        tx,
        "SELECT id FROM milestones m WHERE project_id = ?1 AND (group_gitlab_id IS NULL OR
             NOT EXISTS (SELECT 1 FROM issues WHERE milestone_id = m.id) AND
             NOT EXISTS (SELECT 1 FROM merge_requests WHERE milestone_id = m.id))",
        "DELETE FROM milestones WHERE id = ?1",
        project,
        &kept,
    )
}

fn delete_others(
    tx: &Transaction<'_>,
    list: &str,
    delete: &str,
    project: i64,
    kept: &HashSet<i64>,
) -> Result<(), StoreError> {
    let stored = tx
        .prepare_cached(list)?
        .query_map([project], |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut delete = tx.prepare_cached(delete)?;
    for id in stored.into_iter().filter(|id| !kept.contains(id)) {
        delete.execute([id])?;
    }
    Ok(())
}
