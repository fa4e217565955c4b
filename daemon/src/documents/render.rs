//! A source's rows as a document: the same rows give the same bytes.

use sha2::{Digest, Sha256};

use super::markdown::{Quotes, plain};
use super::terms::words;
use crate::store::document_rows::{ItemRows, ThreadRows};
use crate::store::documents::NewDocument;
use crate::store::search_index::IndexedWords;
use crate::store::{Source, SourceKind};

/// Part of every content hash: with another rendering every document is
/// written anew.
const VERSION: u8 = 1;

/// The document of an issue or a merge request.
pub(super) fn item(source: Source, rows: &ItemRows) -> NewDocument {
    let people: Vec<String> = rows
        .people
        .iter()
        .map(|(user, name)| match name {
            Some(name) => format!("{user} {name}"),
            None => user.clone(),
        })
        .collect();
    let refs = rows
        .reference
        .iter()
        .chain(&rows.milestone)
        .chain(&rows.branches);
    let refs: Vec<&str> = refs.map(String::as_str).collect();
    let is_issue = source.kind == SourceKind::Issue;
    hashed(NewDocument {
        source,
        project_id: rows.project_id,
        issue_id: is_issue.then_some(source.id),
        merge_request_id: (!is_issue).then_some(source.id),
        title: one_line(&rows.title),
        body: plain(&rows.description, Quotes::Keep),
        labels: rows.labels.join("\n"),
        people: people.join("\n"),
        refs: refs.join("\n"),
        author_id: rows.author_id,
        confidential: rows.confidential,
        created_at: rows.created_at,
        updated_at: rows.updated_at,
        content_hash: [0; 16],
    })
}

/// The document of a thread; `None` where nobody has written in it.
pub(super) fn thread(source: Source, rows: &ThreadRows) -> Option<NewDocument> {
    let first = rows.notes.first()?;
    let mut body = String::new();
    for note in &rows.notes {
        let text = plain(&note.body, Quotes::LeaveOut);
        if text.is_empty() {
            continue;
        }
        if !body.is_empty() {
            body.push_str("\n\n");
        }
        if let Some(author) = &note.author {
            body.push_str(author);
            // Code keeps its indentation, by which it is known.
            body.push_str(if text.starts_with(' ') { ":\n" } else { ": " });
        }
        body.push_str(&text);
    }
    let title = match (&first.path, first.line) {
        (Some(path), Some(line)) => format!("{path}:{line}"),
        (Some(path), None) => path.clone(),
        (None, _) => String::new(),
    };
    if body.is_empty() {
        return None;
    }
    let mut people: Vec<&str> = Vec::new();
    for author in rows.notes.iter().filter_map(|note| note.author.as_deref()) {
        if !people.contains(&author) {
            people.push(author);
        }
    }
    Some(hashed(NewDocument {
        source,
        project_id: rows.project_id,
        issue_id: rows.issue_id,
        merge_request_id: rows.merge_request_id,
        title: one_line(&title),
        body,
        labels: String::new(),
        people: people.join("\n"),
        refs: String::new(),
        author_id: first.author_id,
        confidential: rows.notes.iter().any(|note| note.internal),
        created_at: first.created_at,
        updated_at: rows.notes.iter().filter_map(|note| note.updated_at).max(),
        content_hash: [0; 16],
    }))
}

/// What the index is given of a document.
pub(super) fn index_words(document: &NewDocument) -> IndexedWords {
    let mut found = IndexedWords::default();
    words(&document.title, &mut found.title, &mut found.names);
    words(&document.body, &mut found.body, &mut found.names);
    words(&document.labels, &mut found.labels, &mut found.names);
    words(&document.refs, &mut found.refs, &mut found.names);
    words(&document.people, &mut found.refs, &mut found.names);
    found
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn hashed(mut document: NewDocument) -> NewDocument {
    let mut hash = Sha256::new();
    hash.update([VERSION]);
    for field in [
        &document.title,
        &document.body,
        &document.labels,
        &document.people,
        &document.refs,
    ] {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    document
        .content_hash
        .copy_from_slice(&hash.finalize()[..16]);
    document
}
