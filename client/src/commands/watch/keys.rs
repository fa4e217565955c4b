//! What each key means.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextPanel,
    PreviousPanel,
    /// Open what is chosen.
    Open,
    /// Close what was opened.
    Back,
    SyncChosen,
    SyncAll,
    Cancel,
    /// Yes to a question.
    Yes,
    Refresh,
    Help,
    /// Stop for a while, as a shell does it.
    Stop,
    Leave,
    /// Ctrl+C: leave, whatever is open.
    LeaveAtOnce,
    /// A key that means nothing by itself; it answers a question with no.
    Other,
}

/// The keys, for the help.
pub(super) const KEYS: [(&str, &str); 11] = [
    ("tab, shift+tab", "the next list, the one before"),
    ("↑ ↓, k j", "choose in the list"),
    ("page up/down, home, end", "choose further away"),
    ("s", "sync the chosen project"),
    ("S", "sync all projects"),
    ("c", "cancel the chosen job; it asks first"),
    (
        "enter",
        "open the chosen run, a job's, or a project's latest",
    ),
    ("r", "ask the daemon again now"),
    ("esc", "close what is open"),
    ("ctrl+z", "back to the shell; `fg` comes back"),
    ("q, ctrl+c", "leave; what was started goes on"),
];

/// What `key` means; nothing where it was only released.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(match key.code {
            KeyCode::Char('c') => Action::LeaveAtOnce,
            KeyCode::Char('z') => Action::Stop,
            _ => Action::Other,
        });
    }
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Action::Up,
        KeyCode::Down | KeyCode::Char('j') => Action::Down,
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Action::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Action::First,
        KeyCode::End | KeyCode::Char('G') => Action::Last,
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => Action::NextPanel,
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => Action::PreviousPanel,
        KeyCode::Enter => Action::Open,
        KeyCode::Esc | KeyCode::Backspace => Action::Back,
        KeyCode::Char('s') => Action::SyncChosen,
        KeyCode::Char('S') => Action::SyncAll,
        KeyCode::Char('c') => Action::Cancel,
        KeyCode::Char('y' | 'Y') => Action::Yes,
        KeyCode::Char('r') => Action::Refresh,
        KeyCode::Char('?') | KeyCode::F(1) => Action::Help,
        KeyCode::Char('q') => Action::Leave,
        _ => Action::Other,
    })
}
