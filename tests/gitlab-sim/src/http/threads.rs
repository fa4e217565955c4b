//! Discussions, notes and events of one item.

use super::answer::Answering;
use super::reply::Reply;
use crate::Route;
use crate::upstream::{Discussion, Issuable, ItemKind, Note, Project};

/// The answer for a route below an item; `None` for a route of another room.
pub(super) fn answer(
    step: &Answering<'_>,
    project: &Project,
    item: (ItemKind, &Issuable),
) -> Option<Result<Reply, Reply>> {
    let render = &step.render;
    let sub_id = step.request.target.sub_id.as_deref().unwrap_or_default();
    let reply = match step.request.target.route {
        Route::Discussions(_) => {
            // In GitLab the ids are paged, and what may be seen is filtered
            // after that.
            let discussions = ordered(item.1);
            Ok(step.page(&discussions, |discussion| {
                render.discussion(project, item, discussion)
            }))
        }
        Route::Discussion(_) => item
            .1
            .discussion(sub_id)
            .and_then(|discussion| render.discussion(project, item, discussion))
            .map(|value| Reply::json(&value))
            .ok_or_else(|| Reply::message(404, "404 Discussion Not Found")),
        Route::DiscussionNotes(_) => item
            .1
            .discussion(sub_id)
            .and_then(|discussion| render.discussion(project, item, discussion))
            .map(|value| Reply::json(&value["notes"]))
            .ok_or_else(|| Reply::message(404, "404 Discussion Not Found")),
        Route::Notes(_) => Ok(notes(step, project, item)),
        Route::Note(_) => sub_id
            .parse::<u64>()
            .map_err(|_| Reply::invalid("note_id"))
            .and_then(|id| {
                item.1
                    .notes()
                    .find(|note| note.id == id && render.viewer.sees_note(project, note))
                    .map(|note| Reply::json(&render.note(item, note)))
                    .ok_or_else(|| Reply::message(404, "404 Note Not Found"))
            }),
        Route::StateEvents(_) => Ok(step.page(&item.1.state_events, |event| {
            Some(render.state_event(item, event))
        })),
        // Filtered after paging too.
        Route::LabelEvents(_) => Ok(step.page(&item.1.label_events, |event| {
            render
                .viewer
                .sees_label_event(project, event)
                .then(|| render.label_event(project, item, event))
        })),
        Route::MilestoneEvents(_) => Ok(step.page(&item.1.milestone_events, |event| {
            Some(render.milestone_event(project, item, event))
        })),
        _ => return None,
    };
    Some(reply)
}

/// Discussions by their oldest note.
fn ordered(item: &Issuable) -> Vec<&Discussion> {
    let mut discussions: Vec<&Discussion> = item.discussions.iter().collect();
    discussions.sort_by_cached_key(|discussion| discussion.order());
    discussions
}

/// The flat list.
fn notes(step: &Answering<'_>, project: &Project, item: (ItemKind, &Issuable)) -> Reply {
    let query = &step.request.query;
    let filter = query.get("activity_filter");
    let mut notes: Vec<&Note> = item
        .1
        .notes()
        .filter(|note| match filter {
            Some("only_comments") => !note.system,
            Some("only_activity") => note.system,
            _ => true,
        })
        .collect();
    if query.get("order_by") == Some("updated_at") {
        notes.sort_by_key(|note| (note.updated_at, note.id));
    } else {
        notes.sort_by_key(|note| (note.created_at, note.id));
    }
    if query.get("sort") != Some("asc") {
        notes.reverse();
    }
    step.page(&notes, |note| {
        step.render
            .viewer
            .sees_note(project, note)
            .then(|| step.render.note(item, note))
    })
}
