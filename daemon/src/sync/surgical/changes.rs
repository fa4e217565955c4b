//! What changed in an item since the mirror last saw it.

use std::collections::HashSet;

use lore_proto::sync::EntityChange;

use crate::store::items::ItemSnapshot;

impl ItemSnapshot {
    /// What a person would call changed since `before`.
    pub(super) fn changes_since(&self, before: Option<&Self>) -> Vec<EntityChange> {
        let Some(before) = before else {
            return vec![change("new", None, None)];
        };
        let mut changes = Vec::new();
        for (what, from, to) in [
            ("title", Some(&before.title), Some(&self.title)),
            ("state", Some(&before.state), Some(&self.state)),
            ("head", before.head.as_ref(), self.head.as_ref()),
            (
                "milestone",
                before.milestone.as_ref(),
                self.milestone.as_ref(),
            ),
            ("status", before.status.as_ref(), self.status.as_ref()),
            ("moved_to", before.moved_to.as_ref(), self.moved_to.as_ref()),
        ] {
            if from != to {
                changes.push(change(what, from.cloned(), to.cloned()));
            }
        }
        if before.draft != self.draft {
            let name = |draft: bool| Some(if draft { "draft" } else { "ready" }.to_owned());
            changes.push(change("draft", name(before.draft), name(self.draft)));
        }
        if before.description != self.description {
            changes.push(change("description", None, None));
        }
        for (what, from, to) in [
            ("labels", &before.labels, &self.labels),
            ("assignees", &before.assignees, &self.assignees),
            ("reviewers", &before.reviewers, &self.reviewers),
        ] {
            let (had, has): (HashSet<_>, HashSet<_>) = (from.iter().collect(), to.iter().collect());
            if had != has {
                changes.push(change(what, Some(from.join(", ")), Some(to.join(", "))));
            }
        }
        for (what, from, to) in [
            ("notes", before.notes, self.notes),
            ("threads_unresolved", before.unresolved, self.unresolved),
            ("file_changes", before.file_changes, self.file_changes),
            ("events", before.events, self.events),
        ] {
            if from != to {
                changes.push(change(what, Some(from.to_string()), Some(to.to_string())));
            }
        }
        changes
    }
}

fn change(what: &str, from: Option<String>, to: Option<String>) -> EntityChange {
    EntityChange {
        what: what.to_owned(),
        from,
        to,
    }
}
