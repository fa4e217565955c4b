//! An item's description, and what happened to it.

use lore_proto::items::ItemEvent;

use crate::output::{Page, View, markdown, sanitise, text, time};

/// Events that are shown, where not all are asked for.
const EVENTS: usize = 10;

/// Adds the description, rendered.
pub(in crate::commands) fn push_description(
    page: &mut Page,
    description: &str,
    truncated: bool,
    view: &View,
) {
    let lines = markdown::render(description, view.width, view);
    if lines.is_empty() {
        return;
    }
    page.blank();
    for line in lines {
        page.line(line);
    }
    if truncated {
        page.line(view.paint.dim("… and more, with --full"));
    }
}

/// Adds the events, newest first.
pub(in crate::commands) fn push_events(
    page: &mut Page,
    events: &[ItemEvent],
    total: u64,
    full: bool,
    view: &View,
) {
    if events.is_empty() {
        return;
    }
    page.blank();
    page.line(view.paint.bold("Events"));
    let limit = if full { events.len() } else { EVENTS };
    for event in events.iter().take(limit) {
        let when = time::ago_or(event.created_at, view.now, "at an unknown time");
        let user = sanitise::line(event.user.as_deref().unwrap_or("somebody"));
        let what = view.fit(&sentence(event), view.left(18 + text::columns(&user)));
        page.line(format_args!(
            "  {} {user} {what}",
            view.paint.dim(text::pad(&when, 14))
        ));
    }
    let shown = u64::try_from(events.len().min(limit)).unwrap_or(u64::MAX);
    if total > shown {
        let hint = if full { "" } else { ", with --full" };
        let more = format!("  {} more{hint}", text::thousands(total - shown));
        page.line(view.paint.dim(more));
    }
}

fn sentence(event: &ItemEvent) -> String {
    let action = event.action.as_deref().unwrap_or_default();
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "that is gone".to_owned());
    match (event.kind.as_str(), action) {
        ("state", _) => action.to_owned(),
        ("label", "remove") => format!("removed the label {}", name(&event.label)),
        ("label", _) => format!("added the label {}", name(&event.label)),
        ("milestone", "remove") => {
            format!("removed it from the milestone {}", name(&event.milestone))
        }
        ("milestone", _) => format!("put it into the milestone {}", name(&event.milestone)),
        (kind, action) => format!("{kind} {action}"),
    }
}
