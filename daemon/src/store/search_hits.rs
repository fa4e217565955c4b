//! What is shown of a hit: the item, and the texts in which it was found.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::convert::{optional_timestamp, timestamp};
use super::documents::DocumentId;
use super::source::SourceType;

/// What is shown of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemCard {
    /// Its iid.
    pub iid: u64,
    /// Its title.
    pub title: String,
    /// GitLab's state.
    pub state: String,
    /// The author's user name.
    pub author: Option<String>,
    /// Names, sorted.
    pub labels: Vec<String>,
    /// A confidential issue.
    pub confidential: bool,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its page.
    pub web_url: Option<String>,
}

/// A document's text and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// See `documents.title`.
    pub title: String,
    /// See `documents.body`.
    pub body: String,
    /// It is a thread.
    pub is_thread: bool,
    /// The author's user name.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// For members alone.
    pub confidential: bool,
    /// GitLab's id of a thread's first note.
    pub first_note: Option<u64>,
    /// The file that a thread is on.
    pub path: Option<String>,
}

/// What is shown of an item; `None` where it is gone.
pub fn item_card(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Option<ItemCard>, StoreError> {
    let (sql, labels) = match source {
        SourceType::Issue => (
            "SELECT x.iid, x.title, x.state, u.username, x.confidential, x.created_at, x.updated_at,
                 x.web_url
             FROM issues x LEFT JOIN users u ON u.id = x.author_id WHERE x.id = ?1",
            "SELECT DISTINCT l.name FROM issue_labels x JOIN labels l ON l.id = x.label_id
             WHERE x.issue_id = ?1 ORDER BY l.name",
        ),
        SourceType::MergeRequest => (
            "SELECT x.iid, x.title, x.state, u.username, 0, x.created_at, x.updated_at, x.web_url
             FROM merge_requests x LEFT JOIN users u ON u.id = x.author_id WHERE x.id = ?1",
            "SELECT DISTINCT l.name FROM merge_request_labels x JOIN labels l ON l.id = x.label_id
             WHERE x.merge_request_id = ?1 ORDER BY l.name",
        ),
    };
    let card = connection
        .prepare_cached(sql)?
        .query_row([id], |row| {
            Ok(ItemCard {
                iid: row.get(0)?,
                title: row.get(1)?,
                state: row.get(2)?,
                author: row.get(3)?,
                labels: Vec::new(),
                confidential: row.get(4)?,
                created_at: optional_timestamp(row.get(5)?)?,
                updated_at: timestamp(row.get(6)?)?,
                web_url: row.get(7)?,
            })
        })
        .optional()?;
    let Some(mut card) = card else {
        return Ok(None);
    };
    card.labels = connection
        .prepare_cached(labels)?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Some(card))
}

/// When an item last changed, in epoch milliseconds; `None` where it is gone.
pub fn updated_at(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = match source {
        SourceType::Issue => "SELECT updated_at FROM issues WHERE id = ?1",
        SourceType::MergeRequest => "SELECT updated_at FROM merge_requests WHERE id = ?1",
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([id], |row| row.get(0))
        .optional()?)
}

/// A document's text; `None` where it is gone.
pub fn text(connection: &Connection, id: DocumentId) -> Result<Option<Text>, StoreError> {
    let text = connection
        .prepare_cached(
            "SELECT d.title, d.body, d.discussion_id IS NOT NULL, u.username, d.created_at,
                 d.confidential, n.gitlab_id, coalesce(p.new_path, p.old_path)
             FROM documents d LEFT JOIN users u ON u.id = d.author_id
                 LEFT JOIN notes n ON n.id = (SELECT id FROM notes x
                     WHERE x.discussion_id = d.discussion_id AND x.system = 0
                     ORDER BY x.position, x.id LIMIT 1)
                 LEFT JOIN note_positions p ON p.note_id = n.id
             WHERE d.id = ?1",
        )?
        .query_row([id], |row| {
            Ok(Text {
                title: row.get(0)?,
                body: row.get(1)?,
                is_thread: row.get(2)?,
                author: row.get(3)?,
                created_at: optional_timestamp(row.get(4)?)?,
                confidential: row.get(5)?,
                first_note: row.get(6)?,
                path: row.get(7)?,
            })
        })
        .optional()?;
    Ok(text)
}
