//! The screen: one column on a narrow terminal, two on a wide one.

mod over;
mod panels;
mod styled;

use lore_proto::daemon::DaemonStatus;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::state::{Link, Note, Over, State};
use crate::commands::wording::next_timer;
use crate::output::{View, sanitise, text, time};

/// From so many columns on, lists stand side by side.
const WIDE: u16 = 140;

/// What warnings may take of the screen, in lines for each 24 of its rows.
const WARNINGS: u16 = 4;

/// A sentence that is cut to less than this says too little.
const SENTENCE: usize = 40;

/// Draws `state`; ages are counted from `view.now`.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>, view: &View) {
    let area = frame.area();
    let view = &View {
        width: Some(usize::from(area.width)),
        ..*view
    };
    let top = top(state, area, view);
    let rows = u16::try_from(top.len()).unwrap_or(u16::MAX);
    let [above, body, below] = Layout::vertical([
        Constraint::Length(rows),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    put(frame, above, top);
    match &state.over {
        Over::Run { id, run, from } => over::run(frame, body, id, run.as_deref(), from, view),
        _ => lists(state, frame, body, view),
    }
    match &state.over {
        Over::Help => over::help(frame, body, view),
        Over::Cancel(job_id) => over::cancel(state, frame, body, *job_id, view),
        Over::Nothing | Over::Run { .. } => {}
    }
    put(frame, below, vec![bottom(state, view)]);
}

/// Lines of text from the top of `area` on.
fn put(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>) {
    for (row, line) in area.rows().zip(lines) {
        frame.render_widget(line, row);
    }
}

/// The daemon, what is wrong with it, and its warnings with their cures.
fn top(state: &State, area: Rect, view: &View) -> Vec<Line<'static>> {
    let paint = view.paint;
    let mut lines = vec![heading(state, view)];
    if let Link::Gone(why) = &state.link {
        let head = paint.bad("not connected, trying again:");
        lines.extend(told(&head, &why.message, &why.actions, view));
    }
    let Some(status) = &state.status else {
        return lines.iter().map(|line| styled::line(line)).collect();
    };
    let mut room = usize::from(WARNINGS * area.height.div_ceil(24));
    let mut hidden = status.warnings.len();
    for warning in &status.warnings {
        let head = paint.warn("warning:");
        let said = told(&head, &warning.message, &warning.actions, view);
        // The last line may have to say how many more there are.
        let needed = said.len() + usize::from(hidden > 1);
        if needed > room {
            break;
        }
        room -= said.len();
        hidden -= 1;
        lines.extend(said);
    }
    if hidden > 0 {
        lines.push(paint.warn(format!("and {hidden} more warnings: lore status")));
    }
    lines.iter().map(|line| styled::line(line)).collect()
}

fn heading(state: &State, view: &View) -> String {
    let paint = view.paint;
    let mut heading = paint.bold("lore watch");
    match (&state.link, &state.status) {
        (Link::Gone(_), Some(_)) => heading.push_str("  as it was last seen"),
        (_, None) => heading.push_str("  asking the daemon …"),
        (_, Some(status)) => {
            if status.degraded.is_some() {
                heading.push_str("  ");
                heading.push_str(&paint.bad("serves set-up only"));
            }
            let facts = format!(
                "lored {}, up {}; next sync by the timer: {}",
                sanitise::line(&status.version),
                time::span(uptime(status, view)),
                next_timer(status.next_timer_at, view.now)
            );
            heading.push_str("  ");
            heading.push_str(&paint.dim(facts));
        }
    }
    heading
}

/// It goes on between two answers.
fn uptime(status: &DaemonStatus, view: &View) -> u64 {
    let seconds = view.now.as_second() - status.started_at.as_second();
    u64::try_from(seconds).unwrap_or(0)
}

/// What is wrong and what to do about it: in a line where there is room for
/// both, else in two.
fn told(head: &str, message: &str, actions: &[String], view: &View) -> Vec<String> {
    let used = styled::line(head).width() + 1;
    let Some(cure) = actions.first().map(|action| sanitise::line(action)) else {
        return vec![format!("{head} {}", view.fit(message, view.left(used)))];
    };
    let both = used + text::columns(&sanitise::line(message)) + 3 + text::columns(&cure);
    let painted = view.paint.name(&cure);
    if both <= view.left(0) {
        return vec![format!("{head} {} → {painted}", sanitise::line(message))];
    }
    vec![
        format!("{head} {}", view.fit(message, view.left(used))),
        format!("  → {painted}"),
    ]
}

/// The same in one line; the cure is left out where it leaves no room for the
/// sentence.
fn said(head: &str, message: &str, actions: &[String], view: &View) -> String {
    let cure = actions.first().map(|action| sanitise::line(action));
    let used = styled::line(head).width() + 1;
    let with_cure = used + cure.as_ref().map_or(0, |cure| text::columns(cure) + 3);
    match cure {
        Some(cure) if view.left(0) >= with_cure + SENTENCE => format!(
            "{head} {} → {}",
            view.fit(message, view.left(with_cure)),
            view.paint.name(cure)
        ),
        _ => format!("{head} {}", view.fit(message, view.left(used))),
    }
}

/// What the keys do now, or what the last one did.
fn bottom(state: &State, view: &View) -> Line<'static> {
    let paint = view.paint;
    let line = match (&state.note, &state.over) {
        (Some(Note::Done(what)), _) => paint.good(sanitise::line(what)),
        (Some(Note::Failed(error)), _) => {
            said(&paint.bad("error:"), &error.message, &error.actions, view)
        }
        (None, Over::Nothing) => keys(
            &[
                ("tab", "list"),
                ("↑↓", "choose"),
                ("s", "sync"),
                ("S", "sync all"),
                ("c", "cancel"),
                ("enter", "open"),
                ("?", "help"),
                ("q", "leave"),
            ],
            view,
        ),
        (None, Over::Run { .. }) => keys(&[("↑↓", "scroll"), ("esc", "back")], view),
        (None, Over::Help) => keys(&[("any key", "back")], view),
        (None, Over::Cancel(_)) => keys(&[("y", "yes"), ("any other key", "no")], view),
    };
    styled::line(&line)
}

fn keys(keys: &[(&str, &str)], view: &View) -> String {
    let shown = keys
        .iter()
        .map(|(key, does)| format!("{} {}", view.paint.name(key), view.paint.dim(does)));
    shown.collect::<Vec<_>>().join("  ")
}

fn lists(state: &State, frame: &mut Frame<'_>, body: Rect, view: &View) {
    let [projects, jobs, runs, hosts] = if body.width >= WIDE {
        let [left, _, right] = Layout::horizontal([
            Constraint::Fill(1),
            Constraint::Length(2),
            Constraint::Fill(1),
        ])
        .areas(body);
        let jobs = panels::job_lines(state, view, left.width).rows().max(6);
        let [projects, jobs] = split(left, jobs, left.height / 2);
        let [runs, hosts] = split(right, panels::host_rows(state), right.height / 4);
        [projects, jobs, runs, hosts]
    } else {
        let third = body.height / 3;
        let projects = panels::project_rows(state).clamp(2, third.max(2));
        let jobs = panels::job_lines(state, view, body.width).rows();
        let hosts = panels::host_rows(state).clamp(2, 4);
        Layout::vertical([
            Constraint::Length(projects),
            Constraint::Length(jobs.clamp(2, third.max(2))),
            Constraint::Fill(1),
            Constraint::Length(hosts),
        ])
        .areas(body)
    };
    panels::projects(state, frame, projects, view);
    panels::jobs(state, frame, jobs, view);
    panels::runs(state, frame, runs, view);
    panels::hosts(state, frame, hosts, view);
}

/// An area in two, the lower one with `rows` and at most `most`.
fn split(area: Rect, rows: u16, most: u16) -> [Rect; 2] {
    let lower = Constraint::Length(rows.min(most));
    Layout::vertical([Constraint::Fill(1), lower]).areas(area)
}
