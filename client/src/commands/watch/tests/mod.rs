//! The view with data and time of the tests' own.

mod conduct;
mod screens;

use std::fmt::Write as _;

use lore_proto::daemon::DaemonStatus;
use lore_proto::events::{Event, EventBody};
use lore_proto::sync::{Phase, RunResult};
use lore_proto::sync_runs::RunList;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};

use super::feed::{Answer, News};
use super::screen;
use super::state::State;
use crate::output::View;
use crate::output::paint::Paint;

const NOW: &str = "2026-06-15T12:00:00Z";

fn status() -> Value {
    serde_json::from_str(include_str!("../../../../tests/cli/screens/status.json")).unwrap()
}

/// The nth run, the newest first.
fn run(nth: u64) -> Value {
    let outcome = match nth {
        0 => None,
        3 => Some("succeeded_with_warnings"),
        4 => Some("failed"),
        5 => Some("cancelled"),
        _ => Some("succeeded"),
    };
    let status = outcome.unwrap_or("running");
    let minutes = 59 - nth;
    let project = [
        "group/project",
        "group/sub/another-project-with-a-long-name",
    ];
    json!({
        "run_id": format!("01jx8m4tq{nth:02}"),
        "mode": if nth == 2 { "surgical" } else { "standard" },
        "project": project[usize::from(nth.is_multiple_of(2))],
        "status": status.strip_suffix("_with_warnings").unwrap_or(status),
        "phase": if nth == 0 { "dependents" } else { "done" },
        "completion_status": outcome,
        "requested": {"issues": [], "merge_requests": []},
        "started_at": format!("2026-06-15T11:{minutes:02}:00Z"),
        "finished_at": outcome.map(|_| "2026-06-15T11:59:30Z"),
        "elapsed_ms": 400 + nth * nth * 90,
        "stage_timings_ms": {"preflight": 100, "fetch": 200 + nth * 40, "dependents": nth * 50},
        "counters": {"issues_ingested": nth * 7, "mrs_ingested": nth / 2, "requests": 2 + nth},
        "entity_outcomes": [],
        "entity_failures": [],
        "recovery_actions": [],
    })
}

fn overview(status: &Value, runs: impl IntoIterator<Item = Value>) -> Answer {
    let status: DaemonStatus = serde_json::from_value(status.clone()).unwrap();
    let runs: Vec<RunResult> = runs
        .into_iter()
        .map(|run| serde_json::from_value(run).unwrap())
        .collect();
    let total = u64::try_from(runs.len()).unwrap();
    let list = RunList {
        runs,
        total,
        remaining: 0,
        next_cursor: None,
    };
    Answer::Overview(Box::new(Ok(status)), Ok(list))
}

fn event(seq: u64, job_id: u64, body: EventBody) -> News {
    News::Event(Box::new(Event {
        seq,
        at: NOW.parse().unwrap(),
        job_id,
        run_id: None,
        body,
    }))
}

/// Two projects, one of them being synced, and forty runs.
fn state() -> State {
    let mut state = State::default();
    state.hear(News::Connected);
    state.answered(overview(&status(), (0..40).map(run)));
    let project = "group/sub/another-project-with-a-long-name".to_owned();
    let phase = Phase::Dependents;
    state.hear(event(
        3,
        3,
        EventBody::Phase {
            phase,
            project: project.clone(),
        },
    ));
    let what = "dependents".to_owned();
    let (done, total) = (7, Some(20));
    state.hear(event(
        4,
        3,
        EventBody::Progress {
            project,
            what,
            done,
            total,
        },
    ));
    state
}

fn with(change: impl FnOnce(&mut State)) -> State {
    let mut state = state();
    change(&mut state);
    state
}

fn drawn(state: &State, (columns, rows): (u16, u16), colour: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let view = View {
        paint: Paint::new(colour),
        ..View::plain(NOW)
    };
    terminal
        .draw(|frame| screen::draw(state, frame, &view))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as a file: `␛` stands for the escape character.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut before = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let cell = &buffer[(x, y)];
            let style = style(cell);
            if style != before {
                line.push_str("␛[0m");
                line.push_str(&style);
                before = style;
            }
            line.push_str(cell.symbol());
            skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
        }
        if !before.is_empty() {
            line.push_str("␛[0m");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn style(cell: &Cell) -> String {
    let modifiers = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
    ];
    let colours = [
        (Color::Red, 31),
        (Color::Green, 32),
        (Color::Yellow, 33),
        (Color::Magenta, 35),
        (Color::Cyan, 36),
    ];
    assert_eq!(cell.bg, Color::Reset);
    let modifiers = modifiers
        .iter()
        .filter(|(modifier, _)| cell.modifier.contains(*modifier));
    let colours = colours.iter().filter(|(colour, _)| *colour == cell.fg);
    let codes = modifiers
        .map(|(_, code)| code)
        .chain(colours.map(|(_, code)| code));
    let mut style = String::new();
    for code in codes {
        write!(style, "␛[{code}m").unwrap();
    }
    style
}
