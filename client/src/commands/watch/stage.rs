//! The terminal as a whole: taken over at the start, given back at the end,
//! whichever way that comes.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::{Attribute, SetAttribute, force_color_output};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, backend::CrosstermBackend};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::Message;
use crate::failure::Failure;

/// Signals that give the terminal back before they do what they always do.
const SIGNALS: [i32; 5] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP];

/// A screen is written in one piece where it is not larger than this.
const WRITE: usize = 64 * 1024;

/// True while the terminal is ours. A panic and a second signal look at it
/// from where there is no [`Stage`].
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while the view stands on it. Dropping it gives it back.
pub(super) struct Stage {
    terminal: Terminal<CrosstermBackend<BufWriter<OnStage>>>,
}

/// stdout while the terminal is ours. What is written later, such as the rest
/// of a screen whose drawing failed, goes nowhere.
struct OnStage(Stdout);

impl Write for OnStage {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if TAKEN.load(Ordering::SeqCst) {
            self.0.write(bytes)
        } else {
            Ok(bytes.len())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) {
            self.0.flush()
        } else {
            Ok(())
        }
    }
}

impl Stage {
    /// Takes the terminal over, with or without `color`; signals and defects
    /// of other threads are sent to `sender` from here on.
    pub(super) fn enter(color: bool, sender: &Sender<Message>) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::io("taking the terminal over", &error);
        hear_signals(sender.clone()).map_err(failed)?;
        mind_panics(sender.clone());
        // Who decides is `--color`, then the environment, and that has happened.
        force_color_output(color);
        let stdout = BufWriter::with_capacity(WRITE, OnStage(io::stdout()));
        let backend = CrosstermBackend::new(stdout);
        let terminal = Terminal::new(backend).map_err(failed)?;
        let stage = Self { terminal };
        take().map_err(failed)?;
        Ok(stage)
    }

    /// Draws what has changed since the last time.
    pub(super) fn draw(&mut self, show: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        let drawn = self.terminal.draw(show).map(drop);
        drawn.map_err(|error| Failure::io("drawing on the terminal", &error))
    }

    /// Gives the terminal to the shell until it is told to go on (`fg`).
    pub(super) fn stop_for_a_while(&mut self) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::io("taking the terminal over again", &error);
        give_back();
        emulate_default_handler(SIGTSTP).map_err(failed)?;
        take().map_err(failed)?;
        // All of it is drawn anew. `clear` would ask the terminal where its
        // cursor is, and the answer is a key to whoever reads the keys.
        let size = self.terminal.size().map_err(failed)?;
        let all = Rect::new(0, 0, size.width, size.height);
        self.terminal.resize(all).map_err(failed)
    }

    /// Gives the terminal back.
    pub(super) fn leave(self) {
        drop(self);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether this signal stops the process and does not end it.
pub(super) fn stops(signal: i32) -> bool {
    signal == SIGTSTP
}

/// Ends the process by the signal that it was sent, so that whoever sent it
/// sees that it had its effect. Comes back only where that fails.
pub(super) fn end_by(signal: i32) -> Failure {
    let ended = emulate_default_handler(signal);
    let error = ended.err().unwrap_or_else(|| io::ErrorKind::Other.into());
    Failure::io(format_args!("ending by signal {signal}"), &error)
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// Every step is tried: a terminal that is gone fails all of them, and there
/// is nobody left to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout();
        let _ = execute!(
            stdout,
            SetAttribute(Attribute::Reset),
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// Sends signals to the loop. One that comes while the one before is not yet
/// taken, as where the terminal does not read, has its effect at once.
fn hear_signals(sender: Sender<Message>) -> io::Result<()> {
    let mut signals = Signals::new(SIGNALS)?;
    let hear = move || {
        let mut ending = false;
        for signal in signals.forever() {
            let told = sender.send(Message::Signal(signal)).is_ok();
            if !stops(signal) {
                if ending || !told {
                    give_back();
                    let _ = emulate_default_handler(signal);
                }
                ending = true;
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(hear)
        .map(drop)
}

/// A panic of the thread that draws first gives the terminal back, so that
/// what it says can be read. One of another thread is told to the loop.
fn mind_panics(sender: Sender<Message>) {
    let drawing = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        if std::thread::current().id() == drawing || !TAKEN.load(Ordering::SeqCst) {
            give_back();
            before(panic);
        } else {
            let _ = sender.send(Message::Defect(panic.to_string()));
        }
    }));
}
