//! `lore watch`: a full-screen view that stays until it is left.
//!
//! [`feed`] has two threads that talk to the daemon: one is told the events of
//! all jobs and comes back where the daemon went away, one asks what is to be
//! asked. Keys and signals have a thread each. All of them send [`Message`]s
//! to the loop in this file, which holds the [`state`] and draws the
//! [`screen`] anew after a message, and never without one. [`stage`] takes the
//! terminal over and gives it back, whichever way this ends.

mod feed;
mod keys;
mod screen;
mod stage;
mod state;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use clap::Args;
use lore_proto::daemon::Nothing;
use lore_proto::{ErrorCode, Timestamp, WireError};
use ratatui::crossterm::event::{self, Event as Input, KeyEvent};

use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::View;
use crate::output::paint::Paint;
use feed::{Answer, Ask, News, Whose};
use stage::Stage;
use state::{State, Wish};

/// Ages and budgets are looked at again after so long without an event.
const TICK: Duration = Duration::from_secs(5);

/// The screen is drawn at most so often.
const REDRAW: Duration = Duration::from_millis(50);

/// The daemon is asked for its state at most so often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Watch projects, jobs, runs and hosts live, on the whole of a terminal
///
/// For people; `lore status` says the same once. With `-p` or `--host`, only the
/// runs of these are shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore watch
  lore watch -p group/project
Keys: tab and arrows choose, s syncs the chosen project, S all of them,
c cancels the chosen job (it asks), enter opens a run, ? helps, q leaves.")]
pub(crate) struct Watch {}

/// What the loop is told.
#[derive(Debug)]
enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// Keys can no longer be read.
    Deaf(io::Error),
    /// The system wants this process to end, or to stop for a while.
    Signal(i32),
    /// From the daemon, unasked.
    News(News),
    /// From the daemon, asked.
    Answer(Answer),
    /// A thread met a defect of its own.
    Defect(String),
}

/// How the view ends.
enum End {
    /// The person left.
    Left,
    /// By this signal.
    Signal(i32),
}

impl Run for Watch {
    // It draws and prints no document. Its keys sync and cancel.
    const FACTS: &'static [Facts] = &[Facts::write::<Nothing>("watch").asks_gitlab()];

    fn name(&self) -> &'static str {
        "watch"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        refuse_without_terminal(context)?;
        let whose = Whose {
            project: context.project()?,
            host: context.globals.host.clone(),
        };
        // Before the screen is taken: a daemon that does not start says why.
        let first = context.connect()?;
        let (sender, messages) = std::sync::mpsc::channel();
        let paint = Paint::new(context.printer.out.color);
        let mut stage = Stage::enter(paint.is_on(), &sender)?;
        let asks = feed::start(context, first, whose, &sender)
            .and_then(|asks| read_keys(sender).map(|()| asks))
            .map_err(|error| Failure::io("starting a thread", &error))?;
        let mut state = State::default();
        let end = watch(&mut state, &mut stage, &messages, &asks, paint);
        stage.leave();
        match end? {
            End::Left => Ok(Reply::Shown),
            End::Signal(signal) => Err(stage::end_by(signal)),
        }
    }
}

/// A view needs a terminal to stand on.
fn refuse_without_terminal(context: &Context) -> Result<(), Failure> {
    let instead = if context.printer.robot {
        "lore status --robot"
    } else {
        "lore status"
    };
    let why = if context.printer.robot {
        "`lore watch` draws on a terminal and has no document for scripts"
    } else if !context.printer.out.interactive || !io::stdin().is_terminal() {
        "`lore watch` draws on a terminal, and stdin or stdout is none"
    } else if !context.printer.out.moves {
        "`lore watch` draws on the whole terminal, and this one (TERM=dumb) cannot"
    } else {
        return Ok(());
    };
    let message = format!("{why}; `{instead}` says the same once");
    Err(WireError::new(ErrorCode::Usage, message)
        .action(instead)
        .into())
}

/// Reads the terminal's keys on a thread of their own, which ends with the
/// process.
fn read_keys(sender: Sender<Message>) -> io::Result<()> {
    let read = move || {
        loop {
            let message = match event::read() {
                Ok(Input::Key(key)) => Message::Key(key),
                Ok(Input::Resize(..)) => Message::Resized,
                Ok(_) => continue,
                Err(error) => Message::Deaf(error),
            };
            let last = matches!(message, Message::Deaf(_));
            if sender.send(message).is_err() || last {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(read)
        .map(drop)
}

/// Shows `state` until somebody leaves.
fn watch(
    state: &mut State,
    stage: &mut Stage,
    messages: &Receiver<Message>,
    asks: &Sender<Ask>,
    paint: Paint,
) -> Result<End, Failure> {
    let mut asked = None::<Instant>;
    let mut drawn = None::<Instant>;
    let mut dirty = true;
    loop {
        let now = Instant::now();
        if state.wants_overview() && asked.is_none_or(|at| now >= at + ASK_AGAIN) {
            state.asked_for_overview();
            let _ = asks.send(Ask::Overview);
            asked = Some(now);
        }
        if dirty && drawn.is_none_or(|at| now >= at + REDRAW) {
            let view = View {
                paint,
                width: None,
                links: false,
                now: Timestamp::now(),
            };
            stage.draw(|frame| screen::draw(state, frame, &view))?;
            drawn = Some(Instant::now());
            dirty = false;
        }
        let redraw = drawn.filter(|_| dirty).map(|at| at + REDRAW);
        let ask = asked
            .filter(|_| state.wants_overview())
            .map(|at| at + ASK_AGAIN);
        let until = [redraw, ask].into_iter().flatten().min();
        let wait = until.map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
        match messages.recv_timeout(wait) {
            Ok(message) => {
                dirty = true;
                if let Some(end) = take(state, stage, asks, message)? {
                    return Ok(end);
                }
            }
            Err(RecvTimeoutError::Timeout) if until.is_none() => {
                state.tick();
                dirty = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The stage holds a sender.
            Err(RecvTimeoutError::Disconnected) => return Ok(End::Left),
        }
    }
}

/// Takes a message in and does what it asks for.
fn take(
    state: &mut State,
    stage: &mut Stage,
    asks: &Sender<Ask>,
    message: Message,
) -> Result<Option<End>, Failure> {
    let wish = match message {
        Message::Key(key) => keys::action(key).and_then(|action| state.act(action)),
        Message::Resized => None,
        Message::Deaf(error) => return Err(Failure::io("reading the terminal", &error)),
        Message::Signal(signal) if stage::stops(signal) => Some(Wish::Stop),
        Message::Signal(signal) => return Ok(Some(End::Signal(signal))),
        Message::News(news) => {
            state.hear(news);
            None
        }
        Message::Answer(answer) => state.answered(answer),
        Message::Defect(what) => {
            let what = format!("`lore watch` met a defect of its own: {what}");
            return Err(WireError::new(ErrorCode::Internal, what).into());
        }
    };
    match wish {
        None => Ok(None),
        Some(Wish::Ask(ask)) => {
            let _ = asks.send(ask);
            Ok(None)
        }
        Some(Wish::Stop) => {
            stage.stop_for_a_while()?;
            Ok(None)
        }
        Some(Wish::Leave) => Ok(Some(End::Left)),
    }
}
