//! The review threads on a file.

use lore_proto::file_history::{FileDiscussion, FileNote};
use rusqlite::Connection;

use super::Names;
use crate::store::StoreError;
use crate::store::file_history::{self as store, Thread};

/// Characters of a note's text that an answer has.
const SNIPPET: u32 = 400;

/// The threads of a merge request on any of the file's names.
pub(super) fn threads(
    connection: &Connection,
    merge_request: i64,
    names: &Names,
    web_url: Option<&str>,
) -> Result<Vec<FileDiscussion>, StoreError> {
    store::threads(connection, merge_request, &names.json)?
        .into_iter()
        .map(|thread| {
            let notes = store::notes(connection, thread.id, SNIPPET)?;
            Ok(discussion(thread, notes, &names.list, web_url))
        })
        .collect()
}

fn discussion(
    thread: Thread,
    notes: Vec<store::Note>,
    names: &[String],
    web_url: Option<&str>,
) -> FileDiscussion {
    let (line, side) = match (thread.new_line, thread.old_line) {
        (Some(line), _) => (Some(line), Some("new")),
        (None, Some(line)) => (Some(line), Some("old")),
        (None, None) => (None, None),
    };
    let of_file = |path: Option<String>| path.filter(|path| names.contains(path));
    let (new_path, old_path) = (of_file(thread.new_path), of_file(thread.old_path));
    // A note on a line that is gone was written on the old file.
    let path = if side == Some("old") {
        old_path.or(new_path)
    } else {
        new_path.or(old_path)
    };
    FileDiscussion {
        discussion_id: thread.gitlab_id,
        resolved: thread.resolvable.then_some(thread.resolved),
        path: path.unwrap_or_default(),
        line,
        side: side.map(str::to_owned),
        notes: notes
            .into_iter()
            .map(|note| FileNote {
                note_id: note.note_id,
                author: note.author,
                created_at: note.created_at,
                body: note.body,
                body_truncated: note.truncated,
            })
            .collect(),
        web_url: web_url.map(|url| format!("{url}#note_{}", thread.note_id)),
    }
}
