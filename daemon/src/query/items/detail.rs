//! A page of an item's threads.

use lore_proto::WireError;
use lore_proto::items::{Thread, ThreadNote};
use rusqlite::Connection;

use crate::query::cursor;
use crate::store::StoreError;
use crate::store::item_details::{self as store, Scope, ThreadPlace};

/// Which page of which threads, and how much of each.
pub(super) struct ThreadsAsked<'a> {
    pub(super) scope: Scope,
    pub(super) limit: u32,
    pub(super) body_limit: u32,
    pub(super) note_limit: u32,
    pub(super) cursor: Option<&'a str>,
    /// The item's page.
    pub(super) item_url: Option<&'a str>,
}

/// A page of threads.
pub(super) struct Threads {
    pub(super) page: Vec<Thread>,
    pub(super) total: u64,
    pub(super) remaining: u64,
    pub(super) next_cursor: Option<String>,
}

impl ThreadsAsked<'_> {
    pub(super) fn read(&self, connection: &Connection) -> Result<Threads, WireError> {
        let query = format!("threads\n{:?}", self.scope);
        let after = match self.cursor {
            Some(text) => Some(place(&cursor::decode(&query, text)?)?),
            None => None,
        };
        let mut found =
            store::threads(connection, &self.scope, after, self.limit.saturating_add(1))?;
        let more = found.len() > self.limit as usize;
        found.truncate(self.limit as usize);
        let remaining = match found.last().filter(|_| more) {
            Some(last) => store::thread_count(connection, &self.scope, Some(last.place))?,
            None => 0,
        };
        let next_cursor = found.last().filter(|_| more).map(|last| {
            let ThreadPlace { rank, position, id } = last.place;
            cursor::encode(&query, &format!("{rank} {position} {id}"))
        });
        let page: Result<Vec<Thread>, StoreError> = found
            .into_iter()
            .map(|thread| self.thread(connection, thread))
            .collect();
        Ok(Threads {
            page: page?,
            total: store::thread_count(connection, &self.scope, None)?,
            remaining,
            next_cursor,
        })
    }

    fn thread(&self, connection: &Connection, thread: store::Thread) -> Result<Thread, StoreError> {
        let id = thread.place.id;
        let (line, side) = match (thread.new_line, thread.old_line) {
            (Some(line), _) => (Some(line), Some("new")),
            (None, Some(line)) => (Some(line), Some("old")),
            (None, None) => (None, None),
        };
        // A note on a line that is gone was written on the old file.
        let path = if side == Some("old") {
            thread.old_path.or(thread.new_path)
        } else {
            thread.new_path.or(thread.old_path)
        };
        let (resolved_by, resolved_at) = if thread.resolvable && thread.resolved {
            store::resolution(connection, id)?
        } else {
            (None, None)
        };
        let notes = store::notes(connection, id, self.note_limit, self.body_limit)?;
        Ok(Thread {
            discussion_id: thread.gitlab_id,
            resolved: thread.resolvable.then_some(thread.resolved),
            resolved_by,
            resolved_at,
            path,
            line,
            side: side.map(str::to_owned),
            notes: notes
                .into_iter()
                .map(|note| ThreadNote {
                    note_id: note.note_id,
                    author: note.author,
                    created_at: note.created_at,
                    internal: note.internal,
                    body: note.body,
                    body_truncated: note.truncated,
                })
                .collect(),
            notes_total: store::note_count(connection, id)?,
            web_url: self
                .item_url
                .map(|url| format!("{url}#note_{}", thread.first_note)),
        })
    }
}

/// The place that a cursor names.
fn place(text: &str) -> Result<ThreadPlace, WireError> {
    let mut parts = text.split(' ').map(|part| part.parse::<i64>().ok());
    let mut next = || parts.next().flatten().ok_or_else(cursor::broken);
    Ok(ThreadPlace {
        rank: next()?,
        position: next()?,
        id: next()?,
    })
}
