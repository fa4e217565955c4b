//! Threads for a person.

use lore_proto::items::{Thread, ThreadNote};

use crate::commands::wording::more_line;
use crate::output::{Page, View, markdown, sanitise, text, time};

/// Lines of a note that are shown, where not all are asked for.
const NOTE_LINES: usize = 12;
/// Before the lines of a note.
const INDENT: usize = 4;

/// What there is of an item's threads.
pub(in crate::commands) struct Shown<'a> {
    pub(in crate::commands) threads: &'a [Thread],
    pub(in crate::commands) total: u64,
    pub(in crate::commands) remaining: u64,
    pub(in crate::commands) next_cursor: Option<&'a str>,
    /// What the total counts, as in `2 unresolved`.
    pub(in crate::commands) heading: String,
    /// Every line of every note.
    pub(in crate::commands) full: bool,
}

/// Adds the threads under a heading.
pub(in crate::commands) fn push(page: &mut Page, shown: &Shown<'_>, view: &View) {
    if shown.total == 0 {
        return;
    }
    page.blank();
    page.line(view.paint.bold(&shown.heading));
    for thread in shown.threads {
        page.blank();
        push_thread(page, thread, shown.full, view);
    }
    if let Some(line) = more_line(shown.remaining, shown.total, shown.next_cursor) {
        page.blank();
        page.line(view.paint.dim(line));
    }
}

fn push_thread(page: &mut Page, thread: &Thread, full: bool, view: &View) {
    let paint = view.paint;
    let (mark, word) = match thread.resolved {
        Some(true) => (paint.good("✓"), " · resolved"),
        Some(false) => (paint.warn("●"), " · unresolved"),
        None => (paint.dim("○"), ""),
    };
    let by = match &thread.resolved_by {
        Some(by) => format!(" by {}", sanitise::line(by)),
        None => String::new(),
    };
    for (at, note) in thread.notes.iter().enumerate() {
        let author = sanitise::line(note.author.as_deref().unwrap_or("unknown author"));
        let when = time::ago_or(note.created_at, view.now, "at an unknown time");
        let internal = if note.internal {
            paint.warn(" · internal")
        } else {
            String::new()
        };
        if at == 0 {
            let place = place(thread);
            let used = text::columns(&author) + text::columns(word) + text::columns(&by) + 24;
            let place = place.map(|place| {
                // The end of a path tells more than its beginning.
                let shown = view.fit_end(&place, view.left(used));
                format!(
                    " on {}",
                    view.link(&paint.name(shown), thread.web_url.as_deref())
                )
            });
            page.line(format_args!(
                "{mark} {author}{}{word}{by}{internal} {}",
                place.unwrap_or_default(),
                paint.dim(format!("· {when}"))
            ));
        } else {
            page.line(format_args!(
                "  └ {author}{internal} {}",
                paint.dim(format!("· {when}"))
            ));
        }
        push_body(page, note, full, view);
    }
    let hidden = thread.notes_total.saturating_sub(thread.notes.len() as u64);
    if hidden > 0 {
        let more = format!("  └ {}, with --full", text::count(hidden, "more note"));
        page.line(paint.dim(more));
    }
}

/// `src/main.rs:12`, where the thread is on a file.
fn place(thread: &Thread) -> Option<String> {
    let path = thread.path.as_deref()?;
    Some(match (thread.line, thread.side.as_deref()) {
        (Some(line), Some("old")) => format!("{path}:{line} (old)"),
        (Some(line), _) => format!("{path}:{line}"),
        (None, _) => path.to_owned(),
    })
}

fn push_body(page: &mut Page, note: &ThreadNote, full: bool, view: &View) {
    let width = view.width.map(|width| width.saturating_sub(INDENT).max(16));
    let lines = markdown::render(&note.body, width, view);
    let shown = if full { lines.len() } else { NOTE_LINES };
    for line in lines.iter().take(shown) {
        if line.is_empty() {
            page.blank();
        } else {
            page.line(format_args!("{:INDENT$}{line}", ""));
        }
    }
    let hidden = lines.len().saturating_sub(shown);
    if hidden > 0 {
        let more = format!("{:INDENT$}… {} more lines, with --full", "", hidden);
        page.line(view.paint.dim(more));
    } else if note.body_truncated {
        page.line(view.paint.dim(format!("{:INDENT$}…", "")));
    }
}
