//! What is shown, on a small and on a large terminal, with and without colour:
//! kept in `client/tests/cli/screens/`. `LORE_RENEW=1` writes them anew.

use std::path::Path;

use lore_proto::events::EventBody;
use lore_proto::{ErrorCode, WireError};
use ratatui::buffer::Cell;
use serde_json::{Value, json};

use super::super::feed::{Answer, News};
use super::super::keys::Action;
use super::super::state::{Over, Panel, State};
use super::{drawn, event, overview, run, state, status, text, with};

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

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
