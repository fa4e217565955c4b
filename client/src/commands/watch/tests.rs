//! The screen with data and time of the tests' own, kept in
//! `client/tests/cli/screens/`; and what keys and messages do.

use std::fmt::Write as _;
use std::path::Path;

use lore_proto::daemon::DaemonStatus;
use lore_proto::events::{Event, EventBody};
use lore_proto::jobs::JobState;
use lore_proto::sync::{Phase, RunResult, SyncStarted};
use lore_proto::sync_runs::RunList;
use lore_proto::{ErrorCode, WireError};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};

use super::feed::{Answer, Ask, News};
use super::keys::Action;
use super::screen;
use super::state::{Link, Over, Panel, State, Wish};
use crate::output::View;
use crate::output::paint::Paint;

const NOW: &str = "2026-06-15T12:00:00Z";

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

fn status() -> Value {
    serde_json::from_str(include_str!("../../../tests/cli/screens/status.json")).unwrap()
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

#[test]
fn screens_are_as_they_are_kept() {
    let gone = WireError::new(ErrorCode::DaemonUnavailable, "the socket is not there")
        .action("lore daemon start");
    let open = |state: &mut State| {
        state.panel = Panel::Runs;
        state.act(Action::Down);
        state.act(Action::Open);
        let run = serde_json::from_value(run(1)).unwrap();
        state.answered(Answer::Run("01jx8m4tq01".into(), Box::new(Ok(run))));
    };
    let mut broken = status();
    broken["degraded"] = json!("config.toml:1: unclosed array, expected `]`");
    for field in ["projects", "jobs", "hosts"] {
        broken[field] = json!([]);
    }
    broken["next_timer_at"] = Value::Null;
    broken["warnings"] = json!([
        {"code": "CONFIG_INVALID",
         "message": "/home/mira/.config/lore/config.toml:1: unclosed array, expected `]`",
         "actions": ["${EDITOR:-vi} +1 /home/mira/.config/lore/config.toml"]},
        {"code": "DATABASE_CORRUPT",
         "message": "the database `/home/mira/.local/share/lore/lore.db` is damaged (file is not \
                     a database); everything in it can be had from GitLab again",
         "actions": ["lore db check", "lore db rebuild"]},
    ]);
    let mut degraded = State::default();
    degraded.hear(News::Connected);
    degraded.answered(overview(&broken, []));
    let renew = std::env::var_os("LORE_RENEW").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/screens");
    let mut wrong = Vec::new();
    for (name, state) in [
        ("watch", state()),
        ("watch-empty", State::default()),
        ("watch-run", with(open)),
        ("watch-help", with(|state| drop(state.act(Action::Help)))),
        (
            "watch-cancel",
            with(|state| drop(state.act(Action::Cancel))),
        ),
        ("watch-degraded", degraded),
        ("watch-gone", with(|state| state.hear(News::Gone(gone)))),
    ] {
        for size in SIZES {
            for (colour, on) in [("plain", false), ("colour", true)] {
                let screen = text(&drawn(&state, size, on));
                let kept = folder.join(format!("{name}.{}x{}.{colour}.txt", size.0, size.1));
                if renew {
                    std::fs::write(&kept, &screen).unwrap();
                } else if std::fs::read_to_string(&kept).unwrap_or_default() != screen {
                    wrong.push(format!("{}:\n{screen}", kept.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_colour_no_cell_has_a_style_and_every_choice_can_be_seen() {
    for size in SIZES {
        let plain = text(&drawn(&state(), size, false));
        assert!(!plain.contains('␛'), "{plain}");
        assert!(plain.contains("▶ Projects"), "{plain}");
        assert!(plain.contains("▶ group/project"), "{plain}");
    }
}

/// Acts on a terminal in every way there is.
const HOSTILE: &str = "\u{1b}]8;;https://evil.example\u{1b}\\a\u{1b}]8;;\u{1b}\\\u{1b}[2J\u{9b}5m\
    \u{90}q\u{9c}\u{202e}\u{2066}\u{200f}\u{7}\u{8}\r\n\tX";

fn poison(value: &mut Value) {
    match value {
        Value::String(text) => {
            let is_time = text.parse::<jiff::Timestamp>().is_ok();
            // What is a choice on the wire has to stay one.
            let is_choice = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                || text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            if !is_time && !is_choice {
                text.push_str(HOSTILE);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(poison),
        Value::Object(fields) => fields.values_mut().for_each(poison),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn poisoned(mut value: Value) -> Value {
    poison(&mut value);
    value
}

#[test]
fn hostile_text_from_upstream_reaches_no_cell() {
    let mut state = State::default();
    state.hear(News::Connected);
    let project = format!("group/{HOSTILE}");
    state.hear(event(
        3,
        3,
        EventBody::Progress {
            project,
            what: HOSTILE.into(),
            done: 1,
            total: Some(2),
        },
    ));
    let runs = (0..40).map(|nth| poisoned(run(nth)));
    state.answered(overview(&poisoned(status()), runs));
    let with = |over: Over| {
        let mut other = State::default();
        other.answered(overview(&poisoned(status()), [poisoned(run(1))]));
        let error = WireError::new(ErrorCode::NotFound, HOSTILE).action(HOSTILE);
        other.answered(Answer::Sync(Err(error.clone())));
        other.hear(News::Gone(error));
        other.over = over;
        other
    };
    let mut failed = run(4);
    failed["error_code"] = json!("TIMEOUT");
    failed["error_message"] = json!("x");
    failed["warnings"] = json!(["y"]);
    failed["recovery_actions"] = json!(["lore z"]);
    let open = |run| Over::Run {
        id: HOSTILE.into(),
        run: Some(Box::new(run)),
        from: std::cell::Cell::default(),
    };
    let failed = serde_json::from_value(poisoned(failed)).unwrap();
    let error = WireError::new(ErrorCode::NotFound, HOSTILE);
    for state in [
        state,
        with(Over::Cancel(3)),
        with(open(Ok(failed))),
        with(open(Err(error))),
    ] {
        for size in SIZES {
            let screen = drawn(&state, size, true);
            let odd = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            let cells = screen.content().iter();
            let symbols: String = cells.map(Cell::symbol).collect();
            assert!(!symbols.contains(odd), "{symbols:?}");
            assert!(!symbols.contains("evil"), "{symbols}");
            assert!(!symbols.contains("[2J"), "{symbols}");
        }
    }
}

#[test]
fn a_terminal_of_any_size_gets_a_screen() {
    let mut states = vec![State::default(), state()];
    for action in [Action::Help, Action::Cancel] {
        states.push(with(|state| drop(state.act(action))));
    }
    states.push(with(|state| {
        state.panel = Panel::Runs;
        state.act(Action::Open);
        let run = serde_json::from_value(run(0)).unwrap();
        state.answered(Answer::Run("01jx8m4tq00".into(), Box::new(Ok(run))));
        state.act(Action::Last);
    }));
    for state in &states {
        for size in [
            (1, 1),
            (2, 3),
            (10, 4),
            (40, 10),
            (139, 7),
            (140, 8),
            (300, 100),
        ] {
            drawn(state, size, true);
        }
    }
}

#[test]
fn the_chosen_row_is_on_the_screen_however_long_the_list() {
    let last = with(|state| {
        state.panel = Panel::Runs;
        state.act(Action::Last);
    });
    let screen = text(&drawn(&last, (80, 24), false));
    let chosen = screen.lines().find(|line| line.starts_with("▶ s"));
    assert!(
        chosen.is_some_and(|line| line.contains("40 minutes ago")),
        "{screen}"
    );
}

#[test]
fn what_a_small_screen_leaves_out_is_counted() {
    let mut many = status();
    let host = many["hosts"][0].clone();
    many["hosts"] = vec![host; 5].into();
    let warning = many["warnings"][0].clone();
    many["warnings"] = vec![warning; 6].into();
    let mut state = State::default();
    state.answered(overview(&many, []));
    let screen = text(&drawn(&state, (80, 24), false));
    assert!(screen.contains("3 of 5 hosts"), "{screen}");
    assert!(
        screen.contains("and 3 more warnings: lore status"),
        "{screen}"
    );
    let screen = text(&drawn(&state, (200, 50), false));
    assert!(!screen.contains("of 5 hosts"), "{screen}");
    assert!(!screen.contains("more warnings"), "{screen}");
}

#[test]
fn the_choice_stays_with_its_run_while_others_come() {
    let mut state = state();
    state.panel = Panel::Runs;
    state.act(Action::Down);
    state.act(Action::Down);
    let mut newer = run(0);
    newer["run_id"] = json!("newer");
    let runs = std::iter::once(newer).chain((0..40).map(run));
    state.answered(overview(&status(), runs));
    let opened = Some(Wish::Ask(Ask::Run("01jx8m4tq02".into())));
    assert_eq!(state.act(Action::Open), opened);
    // One that nobody has moved away from is the newest.
    state.act(Action::Back);
    state.act(Action::First);
    let mut newest = run(0);
    newest["run_id"] = json!("newest");
    state.answered(overview(&status(), [newest, run(0)]));
    let opened = Some(Wish::Ask(Ask::Run("newest".into())));
    assert_eq!(state.act(Action::Open), opened);
}

#[test]
fn a_job_is_cancelled_only_after_a_yes() {
    let mut state = state();
    for no in [Action::Other, Action::Back, Action::Open, Action::Leave] {
        assert_eq!(state.act(Action::Cancel), None);
        assert_eq!(state.act(no), None);
        assert!(matches!(state.over, Over::Nothing));
    }
    state.act(Action::Cancel);
    assert_eq!(state.act(Action::Yes), Some(Wish::Ask(Ask::Cancel(3))));
    assert_eq!(state.act(Action::Yes), None);
}

#[test]
fn keys_sync_what_is_chosen_or_all() {
    let mut state = state();
    assert_eq!(state.act(Action::SyncAll), Some(Wish::Ask(Ask::Sync(None))));
    state.act(Action::Down);
    let host = "gitlab.example.com".to_owned();
    let path = "group/sub/another-project-with-a-long-name".to_owned();
    let chosen = Some(Wish::Ask(Ask::Sync(Some((host, path)))));
    // Whichever list has the keys.
    assert_eq!(state.act(Action::SyncChosen), chosen);
    state.act(Action::NextPanel);
    assert_eq!(state.act(Action::SyncChosen), chosen);
}

#[test]
fn ctrl_c_leaves_whatever_is_open() {
    for first in [Action::Other, Action::Help, Action::Cancel, Action::Open] {
        let mut state = state();
        state.act(first);
        assert_eq!(state.act(Action::LeaveAtOnce), Some(Wish::Leave));
    }
}

#[test]
fn the_daemon_is_asked_after_something_happened_and_once_at_a_time() {
    let mut state = State::default();
    assert!(!state.wants_overview(), "nobody is connected");
    state.hear(News::Connected);
    assert!(state.wants_overview());
    state.asked_for_overview();
    state.hear(event(1, 9, EventBody::Started {}));
    assert!(!state.wants_overview(), "an answer is still to come");
    state.answered(overview(&status(), []));
    assert!(state.wants_overview(), "of before the event");
    state.asked_for_overview();
    state.answered(overview(&status(), []));
    assert!(!state.wants_overview());
    state.hear(News::Gone(WireError::new(
        ErrorCode::DaemonUnavailable,
        "x",
    )));
    state.tick();
    assert!(!state.wants_overview(), "there is nobody to ask");
}

#[test]
fn a_daemon_that_went_away_leaves_what_was_known_and_says_so() {
    let mut state = state();
    let gone = WireError::new(ErrorCode::DaemonUnavailable, "x");
    state.hear(News::Gone(gone.clone()));
    state.answered(Answer::Overview(Box::new(Err(gone.clone())), Err(gone)));
    assert!(matches!(state.link, Link::Gone(_)));
    assert!(state.status.is_some());
    assert!(!state.boards.is_empty());
    state.hear(News::Connected);
    assert!(
        state.boards.is_empty(),
        "another daemon counts its jobs anew"
    );
}

#[test]
fn a_run_that_goes_on_is_looked_at_again_while_it_is_open() {
    let mut state = state();
    state.panel = Panel::Runs;
    state.act(Action::Open);
    let shown = |state: &mut State, nth| {
        let run = serde_json::from_value(run(nth)).unwrap();
        state.answered(Answer::Run("01jx8m4tq00".into(), Box::new(Ok(run))));
        state.answered(overview(&status(), (0..40).map(self::run)))
    };
    let again = Some(Wish::Ask(Ask::Run("01jx8m4tq00".into())));
    assert_eq!(shown(&mut state, 0), again);
    // It has ended.
    assert_eq!(shown(&mut state, 1), None);
}

#[test]
fn the_end_of_a_job_takes_its_progress_off_the_screen() {
    let mut state = state();
    let end = EventBody::Finished {
        state: JobState::Succeeded,
        result: None,
        error: None,
    };
    state.hear(event(9, 3, end));
    assert!(state.boards.is_empty());
}

#[test]
fn what_a_key_did_is_said_until_the_next_key() {
    let mut state = state();
    state.answered(Answer::Sync(Ok(SyncStarted {
        job_id: Some(4),
        joined: false,
        run_ids: Vec::new(),
        run_id: None,
        plan: None,
    })));
    let said = |state: &State| text(&drawn(state, (80, 24), false)).contains("started job 4");
    assert!(said(&state));
    state.act(Action::Other);
    assert!(!said(&state));
}
