//! Lines that a person types at the terminal behind stdin.
//!
//! While a question is open, Ctrl+C is read like any other key, so that the
//! program ends in its own way: a process that the key ended in the middle of a
//! hidden answer would leave a terminal behind that shows nothing.

use std::io::{self, BufRead as _, StdinLock};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// Ctrl+C.
const INTERRUPT: u8 = 3;

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, without its end, control characters and blanks at its ends.
    Line(String),
    /// Ctrl+C, or Ctrl+D on an empty line.
    Ended,
}

/// Asks by `ask` and reads a line; what is typed is shown where `echo`. Where
/// stdin is no terminal, the line is read all the same.
pub(crate) fn line(echo: bool, ask: impl FnOnce() -> io::Result<()>) -> io::Result<Typed> {
    let stdin = io::stdin().lock();
    // Before the question: whoever sees it may begin to type.
    let _modes = Modes::set(&stdin, echo)?;
    ask()?;
    read(stdin)
}

fn read(mut input: StdinLock<'_>) -> io::Result<Typed> {
    let mut line = Vec::new();
    loop {
        let part = match input.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = part.iter().position(|it| matches!(*it, b'\n' | INTERRUPT));
        let Some(end) = end else {
            if part.is_empty() {
                return Ok(Typed::Ended);
            }
            let length = part.len();
            line.extend_from_slice(part);
            input.consume(length);
            if line.len() > MAX_LINE {
                return Err(io::Error::other("the line is too long"));
            }
            continue;
        };
        let interrupted = part[end] == INTERRUPT;
        line.extend_from_slice(&part[..end]);
        input.consume(end + 1);
        if interrupted {
            return Ok(Typed::Ended);
        }
        let text = String::from_utf8_lossy(&line);
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        return Ok(Typed::Line(text.trim().to_owned()));
    }
}

/// The terminal's modes while a question is open; as they were before when
/// dropped.
struct Modes {
    before: Option<Termios>,
}

impl Modes {
    fn set(stdin: &StdinLock<'_>, echo: bool) -> io::Result<Self> {
        let before = match tcgetattr(stdin) {
            Ok(before) => before,
            Err(rustix::io::Errno::NOTTY) => return Ok(Self { before: None }),
            Err(error) => return Err(error.into()),
        };
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ISIG);
        if !echo {
            modes.local_modes.remove(LocalModes::ECHO);
            modes.local_modes.insert(LocalModes::ECHONL);
        }
        // The key no longer makes a signal, so let it end the line.
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(stdin, OptionalActions::Now, &modes)?;
        Ok(Self {
            before: Some(before),
        })
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // Nothing is left to try where this fails.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
