//! `discussions`, `notes` and `note_positions`.

use std::collections::HashMap;

use rusqlite::{Transaction, named_params, params};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::convert::optional_millis;
use super::people::optional_user;
use super::projects::ProjectRow;
use super::source::SourceType;
use crate::gitlab::models::{Discussion, Note, Position};

/// What a replacement of an item's discussions did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscussionsWritten {
    /// This database's ids of discussions that are new or changed.
    pub changed: Vec<i64>,
    /// This database's ids of discussions that are gone.
    pub removed: Vec<i64>,
    /// Notes in the new and changed ones.
    pub notes: u64,
}

struct Stored {
    id: i64,
    position: i64,
    hash: i64,
}

/// Makes the item's discussions exactly these, which have to be all of them.
/// An unchanged one is not written; a changed one keeps its row.
pub fn replace(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    item: i64,
    discussions: &[Discussion],
) -> Result<DiscussionsWritten, StoreError> {
    let mut stored = stored(tx, source, item)?;
    let mut written = DiscussionsWritten::default();
    let mut changed: Vec<(i64, &Discussion)> = Vec::new();
    for (position, discussion) in (0i64..).zip(discussions) {
        let hash = content_hash(discussion);
        match stored.remove(&discussion.id) {
            Some(known) if known.hash == hash => {
                if known.position != position {
                    tx.prepare_cached("UPDATE discussions SET position = ?2 WHERE id = ?1")?
                        .execute([known.id, position])?;
                }
            }
            known => {
                let id = upsert(tx, project, source, item, position, hash, discussion)?;
                if known.is_some() {
                    tx.prepare_cached("DELETE FROM notes WHERE discussion_id = ?1")?
                        .execute([id])?;
                }
                changed.push((id, discussion));
            }
        }
    }
    // The gone ones first: their notes may have passed to another thread.
    for known in stored.into_values() {
        tx.prepare_cached("DELETE FROM discussions WHERE id = ?1")?
            .execute([known.id])?;
        written.removed.push(known.id);
    }
    for (id, discussion) in changed {
        for (position, note) in (0i64..).zip(&discussion.notes) {
            insert_note(tx, project, id, position, note)?;
            written.notes += 1;
        }
        written.changed.push(id);
    }
    Ok(written)
}

fn stored(
    tx: &Transaction<'_>,
    source: SourceType,
    item: i64,
) -> Result<HashMap<String, Stored>, StoreError> {
    let sql = match source {
        SourceType::Issue => {
            "SELECT gitlab_id, id, position, content_hash FROM discussions WHERE issue_id = ?1"
        }
        SourceType::MergeRequest => {
            "SELECT gitlab_id, id, position, content_hash FROM discussions WHERE merge_request_id = ?1"
        }
    };
    Ok(tx
        .prepare_cached(sql)?
        .query_map([item], |row| {
            let stored = Stored {
                id: row.get(1)?,
                position: row.get(2)?,
                hash: row.get(3)?,
            };
            Ok((row.get(0)?, stored))
        })?
        .collect::<Result<_, _>>()?)
}

fn upsert(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    item: i64,
    position: i64,
    hash: i64,
    discussion: &Discussion,
) -> Result<i64, StoreError> {
    let (issue, merge_request, sql) = match source {
        SourceType::Issue => (
            Some(item),
            None,
            "INSERT INTO discussions (project_id, issue_id, merge_request_id, gitlab_id, position,
                 individual_note, resolvable, resolved, content_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (issue_id, gitlab_id) DO UPDATE SET position = excluded.position,
                 individual_note = excluded.individual_note, resolvable = excluded.resolvable,
                 resolved = excluded.resolved, content_hash = excluded.content_hash
             RETURNING id",
        ),
        SourceType::MergeRequest => (
            None,
            Some(item),
            "INSERT INTO discussions (project_id, issue_id, merge_request_id, gitlab_id, position,
                 individual_note, resolvable, resolved, content_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (merge_request_id, gitlab_id) DO UPDATE SET position = excluded.position,
                 individual_note = excluded.individual_note, resolvable = excluded.resolvable,
                 resolved = excluded.resolved, content_hash = excluded.content_hash
             RETURNING id",
        ),
    };
    let mut resolvable = discussion
        .notes
        .iter()
        .filter(|note| note.resolvable)
        .peekable();
    let is_resolvable = resolvable.peek().is_some();
    let is_resolved = is_resolvable && resolvable.all(|note| note.resolved == Some(true));
    Ok(tx.prepare_cached(sql)?.query_row(
        params![
            project.id,
            issue,
            merge_request,
            discussion.id,
            position,
            discussion.individual_note,
            is_resolvable,
            is_resolved,
            hash
        ],
        |row| row.get(0),
    )?)
}

fn insert_note(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    discussion: i64,
    position: i64,
    note: &Note,
) -> Result<(), StoreError> {
    let author = optional_user(tx, &project.host, note.author.as_ref())?;
    let resolved_by = optional_user(tx, &project.host, note.resolved_by.as_ref())?;
    // One that another thread held until now belongs to this one. Not by
    // `OR REPLACE`, of which no trigger hears.
    tx.prepare_cached("DELETE FROM notes WHERE project_id = ?1 AND gitlab_id = ?2")?
        .execute(params![project.id, note.id])?;
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO notes (discussion_id, project_id, gitlab_id, position, note_type,
                 body, author_id, created_at, updated_at, system, internal, resolvable, resolved,
                 resolved_by_id, resolved_at)
             VALUES (:discussion, :project, :gitlab_id, :position, :note_type, :body, :author,
                 :created_at, :updated_at, :system, :internal, :resolvable, :resolved, :resolved_by,
                 :resolved_at)
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":discussion": discussion,
                ":project": project.id,
                ":gitlab_id": note.id,
                ":position": position,
                ":note_type": note.note_type,
                ":body": note.body,
                ":author": author,
                ":created_at": optional_millis(note.created_at),
                ":updated_at": optional_millis(note.updated_at),
                ":system": note.system,
                ":internal": note.is_internal(),
                ":resolvable": note.resolvable,
                ":resolved": note.resolvable && note.resolved == Some(true),
                ":resolved_by": resolved_by,
                ":resolved_at": optional_millis(note.resolved_at),
            },
            |row| row.get(0),
        )?;
    if let Some(place) = &note.position {
        insert_position(tx, project.id, id, place)?;
    }
    Ok(())
}

fn insert_position(
    tx: &Transaction<'_>,
    project: i64,
    note: i64,
    place: &Position,
) -> Result<(), StoreError> {
    let start = place
        .line_range
        .as_ref()
        .and_then(|range| range.start.as_ref());
    tx.prepare_cached(
        "INSERT INTO note_positions (note_id, project_id, position_type, base_sha, start_sha, head_sha,
             old_path, new_path, old_line, new_line, range_start_old_line, range_start_new_line, x, y)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        note,
        project,
        place.position_type,
        place.base_sha,
        place.start_sha,
        place.head_sha,
        place.old_path,
        place.new_path,
        place.old_line,
        place.new_line,
        start.and_then(|line| line.old_line),
        start.and_then(|line| line.new_line),
        place.x,
        place.y,
    ])?;
    Ok(())
}

/// The first 64 bits of a SHA-256 over everything that is stored of a
/// discussion, authors' names apart: users have their own table.
fn content_hash(discussion: &Discussion) -> i64 {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(&[u8::from(discussion.individual_note)]);
    for note in &discussion.notes {
        field(&note.id.to_le_bytes());
        field(note.note_type.as_deref().unwrap_or("").as_bytes());
        field(note.body.as_bytes());
        field(&note.author.as_ref().map_or(0, |user| user.id).to_le_bytes());
        for at in [note.created_at, note.updated_at, note.resolved_at] {
            field(&optional_millis(at).unwrap_or(i64::MIN).to_le_bytes());
        }
        field(&[
            u8::from(note.system),
            u8::from(note.is_internal()),
            u8::from(note.resolvable),
            u8::from(note.resolved == Some(true)),
        ]);
        field(
            &note
                .resolved_by
                .as_ref()
                .map_or(0, |user| user.id)
                .to_le_bytes(),
        );
        field(format!("{:?}", note.position).as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}
