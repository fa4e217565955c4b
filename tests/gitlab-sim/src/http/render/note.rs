//! Discussions and notes.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::{Render, set};
use crate::upstream::{
    Discussion, Issuable, ItemKind, LinePoint, Note, NoteType, Place, Position, Project,
};

impl Render<'_> {
    /// A discussion with what this caller sees of it; `None` for nothing.
    pub(crate) fn discussion(
        &self,
        project: &Project,
        (kind, item): (ItemKind, &Issuable),
        discussion: &Discussion,
    ) -> Option<Value> {
        let notes: Vec<Value> = discussion
            .notes
            .iter()
            .filter(|note| self.viewer.sees_note(project, note))
            .map(|note| self.note((kind, item), note))
            .collect();
        (!notes.is_empty()).then(|| {
            self.finish(json!({
                "id": discussion.id,
                "individual_note": discussion.individual_note,
                "notes": notes,
            }))
        })
    }

    pub(crate) fn note(&self, (kind, item): (ItemKind, &Issuable), note: &Note) -> Value {
        let mut value = json!({
            "id": note.id,
            "type": note.note_type.as_str(),
            "body": note.body,
            "author": self.user(note.author_id),
            "created_at": self.time(note.created_at),
            "updated_at": self.time(note.updated_at),
            "system": note.system,
            "noteable_id": item.id,
            "noteable_type": kind.type_name(),
            "noteable_iid": item.iid,
            "project_id": item.project_id,
            "resolvable": note.resolvable,
            "confidential": note.internal,
            "internal": note.internal,
            "imported": false,
            "imported_from": "none",
            "commands_changes": {},
        });
        if note.resolvable {
            set(&mut value, "resolved", note.resolved);
            set(
                &mut value,
                "resolved_by",
                self.user_or_null(note.resolved_by),
            );
            set(
                &mut value,
                "resolved_at",
                self.time_or_null(note.resolved_at),
            );
        }
        if note.note_type == NoteType::Diff {
            set(&mut value, "commit_id", Value::Null);
            set(&mut value, "suggestions", Value::Array(Vec::new()));
            set(&mut value, "position", note.position.as_ref().map(position));
        }
        self.finish(value)
    }
}

fn position(position: &Position) -> Value {
    let mut value = json!({
        "base_sha": position.base_sha,
        "start_sha": position.start_sha,
        "head_sha": position.head_sha,
        "old_path": position.old_path,
        "new_path": position.new_path,
    });
    match &position.place {
        Place::Text {
            old_line,
            new_line,
            line_range,
        } => {
            set(&mut value, "position_type", "text");
            set(&mut value, "old_line", *old_line);
            set(&mut value, "new_line", *new_line);
            let range = line_range.as_ref().map(|(start, end)| {
                json!({
                    "start": line_point(&position.new_path, *start),
                    "end": line_point(&position.new_path, *end),
                })
            });
            set(&mut value, "line_range", range);
        }
        Place::Image {
            width,
            height,
            x,
            y,
        } => {
            set(&mut value, "position_type", "image");
            set(&mut value, "width", *width);
            set(&mut value, "height", *height);
            set(&mut value, "x", *x);
            set(&mut value, "y", *y);
        }
        Place::File => {
            set(&mut value, "position_type", "file");
            set(&mut value, "old_line", Value::Null);
            set(&mut value, "new_line", Value::Null);
            set(&mut value, "line_range", Value::Null);
        }
    }
    value
}

fn line_point(path: &str, point: LinePoint) -> Value {
    let mut hash = String::with_capacity(40);
    for byte in Sha1::digest(path.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    let line_type = match (point.old_line, point.new_line) {
        (None, Some(_)) => Some("new"),
        (Some(_), None) => Some("old"),
        _ => None,
    };
    json!({
        "line_code": format!(
            "{hash}_{}_{}",
            point.old_line.unwrap_or(0),
            point.new_line.unwrap_or(0)
        ),
        "type": line_type,
        "old_line": point.old_line,
        "new_line": point.new_line,
    })
}
