//! What keys and messages do.

use lore_proto::events::EventBody;
use lore_proto::jobs::JobState;
use lore_proto::sync::SyncStarted;
use lore_proto::{ErrorCode, WireError};
use serde_json::json;

use super::super::feed::{Answer, Ask, News};
use super::super::keys::Action;
use super::super::state::{Link, Over, Panel, State, Wish};
use super::{drawn, event, overview, run, state, status, text};

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
        state.answered(overview(&status(), (0..40).map(super::run)))
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
        asker: None,
        run_ids: Vec::new(),
        run_id: None,
        plan: None,
    })));
    let said = |state: &State| text(&drawn(state, (80, 24), false)).contains("started job 4");
    assert!(said(&state));
    state.act(Action::Other);
    assert!(!said(&state));
}
