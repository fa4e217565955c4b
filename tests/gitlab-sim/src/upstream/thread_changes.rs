//! What people do in discussions.

use super::{
    Audience, Discussion, ItemKind, ItemRef, Note, NoteType, Position, Result, Upstream,
    UpstreamError, UserId, hex_id,
};
use crate::Moment;

/// A note about to be written.
#[derive(Clone, Debug)]
pub struct NewNote {
    /// Who writes it.
    pub author_id: UserId,
    /// Markdown.
    pub body: String,
    /// For members only.
    pub internal: bool,
    /// Written by GitLab.
    pub system: bool,
    /// Who can see it.
    pub audience: Audience,
    /// Opens a thread instead of standing alone.
    pub thread: bool,
    /// On a diff; always opens a thread.
    pub position: Option<Position>,
}

impl NewNote {
    /// A plain comment.
    pub fn comment(author_id: UserId, body: impl Into<String>) -> Self {
        Self {
            author_id,
            body: body.into(),
            internal: false,
            system: false,
            audience: Audience::Everyone,
            thread: false,
            position: None,
        }
    }

    /// A comment that opens a thread.
    pub fn thread(author_id: UserId, body: impl Into<String>) -> Self {
        Self {
            thread: true,
            ..Self::comment(author_id, body)
        }
    }

    /// A comment on a diff.
    pub fn on_diff(author_id: UserId, body: impl Into<String>, position: Position) -> Self {
        Self {
            position: Some(position),
            ..Self::thread(author_id, body)
        }
    }

    /// A note by GitLab itself.
    pub fn system(author_id: UserId, body: impl Into<String>) -> Self {
        Self {
            system: true,
            ..Self::comment(author_id, body)
        }
    }

    /// The same note, for members only.
    #[must_use]
    pub fn internal(self) -> Self {
        Self {
            internal: true,
            ..self
        }
    }

    /// The same note, for another audience.
    #[must_use]
    pub fn audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    fn note_type(&self) -> NoteType {
        if self.position.is_some() {
            NoteType::Diff
        } else if self.thread {
            NoteType::Discussion
        } else {
            NoteType::Plain
        }
    }
}

impl Upstream {
    /// A new discussion with one note: a comment, a thread's first note or a
    /// system note. Touches the item. Returns the note's id.
    pub fn add_note(&mut self, at: ItemRef, new: NewNote) -> Result<u64> {
        let now = self.now();
        let id = self.insert_note(at, new, now)?;
        self.item_mut(at)?.touch(now);
        Ok(id)
    }

    /// The same, but the parent stays untouched: so GitLab writes a
    /// cross-reference, and so the generator fills in the past.
    pub fn insert_note(&mut self, at: ItemRef, new: NewNote, created_at: Moment) -> Result<u64> {
        self.item(at)?;
        let id = self.next_note_id();
        let note_type = new.note_type();
        let note = Note {
            id,
            note_type,
            resolvable: resolvable(at.kind, note_type, new.system),
            body: new.body,
            author_id: new.author_id,
            created_at,
            updated_at: created_at,
            system: new.system,
            internal: new.internal,
            audience: new.audience,
            resolved: false,
            resolved_by: None,
            resolved_at: None,
            position: new.position,
        };
        self.item_mut(at)?.discussions.push(Discussion {
            id: hex_id(id, 0xd15c),
            individual_note: note_type == NoteType::Plain,
            notes: vec![note],
        });
        Ok(id)
    }

    /// An answer in a discussion. A plain comment becomes a thread by it.
    /// Touches the item. Returns the note's id.
    pub fn reply(
        &mut self,
        at: ItemRef,
        discussion_id: &str,
        author_id: UserId,
        body: impl Into<String>,
    ) -> Result<u64> {
        let now = self.now();
        let id = self.insert_reply(at, discussion_id, author_id, body, now)?;
        self.item_mut(at)?.touch(now);
        Ok(id)
    }

    /// The same, but the parent stays untouched.
    pub fn insert_reply(
        &mut self,
        at: ItemRef,
        discussion_id: &str,
        author_id: UserId,
        body: impl Into<String>,
        created_at: Moment,
    ) -> Result<u64> {
        let id = self.next_note_id();
        let discussion = self.discussion_mut(at, discussion_id)?;
        if discussion.individual_note {
            discussion.individual_note = false;
            for note in &mut discussion.notes {
                note.note_type = NoteType::Discussion;
                note.resolvable = resolvable(at.kind, NoteType::Discussion, note.system);
            }
        }
        let first = discussion.notes.first();
        let note_type = first.map_or(NoteType::Discussion, |note| note.note_type);
        let note = Note {
            id,
            note_type,
            body: body.into(),
            author_id,
            created_at,
            updated_at: created_at,
            system: false,
            internal: first.is_some_and(|note| note.internal),
            audience: first.map_or(Audience::Everyone, |note| note.audience),
            resolvable: resolvable(at.kind, note_type, false),
            resolved: false,
            resolved_by: None,
            resolved_at: None,
            position: first.and_then(|note| note.position.clone()),
        };
        discussion.notes.push(note);
        Ok(id)
    }

    /// A new text for a note. Touches the item.
    pub fn edit_note(&mut self, at: ItemRef, note_id: u64, body: impl Into<String>) -> Result<()> {
        let now = self.now();
        let note = self.note_mut(at, note_id)?;
        note.body = body.into();
        note.updated_at = now;
        self.item_mut(at)?.touch(now);
        Ok(())
    }

    /// Deletes a note, and its discussion with the last one. Does not touch
    /// the item: GitLab's own service does not.
    pub fn delete_note(&mut self, at: ItemRef, note_id: u64) -> Result<()> {
        self.note_mut(at, note_id)?;
        let item = self.item_mut(at)?;
        for discussion in &mut item.discussions {
            discussion.notes.retain(|note| note.id != note_id);
        }
        item.discussions
            .retain(|discussion| !discussion.notes.is_empty());
        Ok(())
    }

    /// Resolves a thread. Does not touch the item, unless that was its last
    /// open thread: then a system note says so, and touches it.
    pub fn resolve_thread(&mut self, at: ItemRef, discussion_id: &str, by: UserId) -> Result<()> {
        let now = self.now();
        let discussion = self.discussion_mut(at, discussion_id)?;
        let mut changed = false;
        for note in &mut discussion.notes {
            if note.resolvable && !note.resolved {
                note.resolved = true;
                note.resolved_by = Some(by);
                note.resolved_at = Some(now);
                changed = true;
            }
        }
        let item = self.item(at)?;
        let open = item
            .discussions
            .iter()
            .any(|discussion| discussion.resolvable() && !discussion.resolved());
        if changed && !open {
            self.add_note(at, NewNote::system(by, "resolved all threads"))?;
        }
        Ok(())
    }

    /// Opens a resolved thread again. Does not touch the item.
    pub fn unresolve_thread(&mut self, at: ItemRef, discussion_id: &str) -> Result<()> {
        for note in &mut self.discussion_mut(at, discussion_id)?.notes {
            note.resolved = false;
            note.resolved_by = None;
            note.resolved_at = None;
        }
        Ok(())
    }

    /// An emoji on a note: bumps the note, not the item.
    pub fn award_note(&mut self, at: ItemRef, note_id: u64) -> Result<()> {
        let now = self.now();
        self.note_mut(at, note_id)?.updated_at = now;
        Ok(())
    }

    fn discussion_mut(&mut self, at: ItemRef, id: &str) -> Result<&mut Discussion> {
        self.item_mut(at)?
            .discussions
            .iter_mut()
            .find(|discussion| discussion.id == id)
            .ok_or_else(|| UpstreamError::NoNote(id.to_owned()))
    }

    fn note_mut(&mut self, at: ItemRef, id: u64) -> Result<&mut Note> {
        self.item_mut(at)?
            .discussions
            .iter_mut()
            .flat_map(|discussion| &mut discussion.notes)
            .find(|note| note.id == id)
            .ok_or_else(|| UpstreamError::NoNote(id.to_string()))
    }
}

/// Threads of merge requests can be resolved, those of issues cannot.
fn resolvable(kind: ItemKind, note_type: NoteType, system: bool) -> bool {
    kind == ItemKind::MergeRequest && note_type != NoteType::Plain && !system
}
