//! What lies over the lists: a run, the keys, a question.

use std::cell::Cell;

use lore_proto::WireError;
use lore_proto::sync::RunResult;
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear};

use super::{put, styled};
use crate::commands::sync_runs::run_page;
use crate::commands::watch::keys::KEYS;
use crate::commands::watch::state::State;
use crate::output::{View, sanitise, text};

/// One run as `lore sync-runs --run-id` shows it.
pub(super) fn run(
    frame: &mut Frame<'_>,
    area: Rect,
    id: &str,
    run: Option<&Result<RunResult, WireError>>,
    from: &Cell<usize>,
    view: &View,
) {
    let page = match run {
        None => "…".to_owned(),
        Some(Ok(run)) => run_page(run, view),
        Some(Err(error)) => format!(
            "{} {}",
            view.paint.bad("error:"),
            sanitise::line(&error.message)
        ),
    };
    let lines = wrapped(&page, usize::from(area.width));
    let height = usize::from(area.height.saturating_sub(1));
    let most = lines.len().saturating_sub(height);
    from.set(from.get().min(most));
    let more = match most - from.get() {
        0 => String::new(),
        below => format!(", {below} more lines below"),
    };
    let title = format!(" Run {}{more} ", sanitise::line(id));
    let block = Block::new().borders(Borders::TOP).title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    put(frame, inner, lines.into_iter().skip(from.get()).collect());
}

/// Lines that are wider than the screen go on in the next one, without their
/// colours.
fn wrapped(page: &str, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for line in styled::lines(page) {
        if line.width() <= columns || columns < 16 {
            lines.push(line);
            continue;
        }
        let words: String = line
            .spans
            .iter()
            .map(|span| span.content.as_ref())
            .collect();
        let indent = words.len() - words.trim_start().len();
        let mut current = " ".repeat(indent);
        for word in words.split_whitespace() {
            let needs = text::columns(word) + 1;
            if text::columns(&current) + needs > columns && !current.trim().is_empty() {
                lines.push(Line::from(std::mem::replace(
                    &mut current,
                    " ".repeat(indent + 2),
                )));
            }
            if !current.trim().is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(Line::from(current));
    }
    lines
}

/// The keys.
pub(super) fn help(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let widest = KEYS.iter().map(|(key, _)| text::columns(key)).max();
    let lines = KEYS.iter().map(|(key, does)| {
        let key = text::pad(key, widest.unwrap_or(0));
        styled::line(&format!("{}  {does}", view.paint.name(key)))
    });
    window(frame, area, " Keys ", lines.collect());
}

/// Whether to cancel.
pub(super) fn cancel(state: &State, frame: &mut Frame<'_>, area: Rect, job: u64, view: &View) {
    let jobs = state.status.iter().flat_map(|status| &status.jobs);
    let title = jobs
        .filter(|known| known.job_id == job)
        .map(|known| view.fit(&known.title, usize::from(area.width / 2)))
        .next();
    let what = title.map_or_else(|| format!("Job {job}"), |it| format!("Job {job}, {it}"));
    let lines = vec![
        styled::line(&view.paint.bold(what)),
        Line::from("What it has written stays; the rest is owed to a later sync."),
        Line::from(""),
        styled::line(&format!(
            "Cancel it? {} / any other key",
            view.paint.name("y")
        )),
    ];
    window(frame, area, " Cancel ", lines);
}

/// A box in the middle.
fn window(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'static>>) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let columns = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let place = area.centered(
        Constraint::Length(columns.min(area.width)),
        Constraint::Length(rows.min(area.height)),
    );
    let block = Block::bordered().title(title.to_owned());
    let inner = block.inner(place);
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    let inner = Rect {
        x: inner.x + 1.min(inner.width),
        width: inner.width.saturating_sub(2),
        ..inner
    };
    put(frame, inner, lines);
}
