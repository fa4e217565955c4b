//! Facts about an item under each other: a name, then what it is.

use lore_proto::Timestamp;
use lore_proto::items::ItemLink;

use crate::output::flow::{Flow, Look};
use crate::output::{Page, View, sanitise, text, time};

/// The names' column.
const NAME: usize = 11;
/// Links of one kind that are shown.
const LINKS: usize = 10;

/// Adds a fact, continued under itself where it is longer than a line.
pub(in crate::commands) fn push(page: &mut Page, name: &str, what: &str, view: &View) {
    let mut flow = Flow::default();
    flow.push(what, &Look::default());
    for (at, line) in flow.lines(view.left(NAME), view).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        page.line(format_args!(
            "{}{line}",
            view.paint.dim(text::pad(name, NAME))
        ));
    }
}

/// Adds a list of names, where there are any.
pub(in crate::commands) fn push_names(page: &mut Page, name: &str, all: &[String], view: &View) {
    if !all.is_empty() {
        push(page, name, &all.join(", "), view);
    }
}

/// Adds what may be absent.
pub(in crate::commands) fn push_some(page: &mut Page, name: &str, what: Option<&str>, view: &View) {
    if let Some(what) = what {
        push(page, name, what, view);
    }
}

/// Adds when something happened, and by whom.
pub(in crate::commands) fn push_time(
    page: &mut Page,
    name: &str,
    at: Option<Timestamp>,
    by: Option<&str>,
    view: &View,
) {
    let Some(at) = at else { return };
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let what = format!("{}{by} ({})", time::ago(at, view.now), time::absolute(at));
    push(page, name, &what, view);
}

/// Adds links, one a line.
pub(in crate::commands) fn push_links(
    page: &mut Page,
    name: &str,
    links: &[ItemLink],
    view: &View,
) {
    let paint = view.paint;
    for (at, link) in links.iter().take(LINKS).enumerate() {
        let reference = sanitise::line(&link.reference);
        let state = link.state.as_deref().map(sanitise::line);
        let state = state.map(|state| format!(" ({state})")).unwrap_or_default();
        let used = NAME + text::columns(&reference) + 1 + text::columns(&state);
        let title = match link.title.as_deref() {
            Some(title) => format!(" {}", view.fit(title, view.left(used))),
            None => String::new(),
        };
        let name = if at == 0 { name } else { "" };
        page.line(format_args!(
            "{}{}{title}{state}",
            paint.dim(text::pad(name, NAME)),
            view.link(&paint.name(&reference), link.web_url.as_deref()),
        ));
    }
    if links.len() > LINKS {
        let more = format!("{} more", links.len() - LINKS);
        push(page, "", &more, view);
    }
}
