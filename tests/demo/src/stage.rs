//! What the audience sees: headings, remarks and command lines.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use lore_demo::{DemoError, Home};
use serde_json::Value;

/// The longest that any one command of the demo may take.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);

/// Runs commands in a home, and says what is going on.
pub(crate) struct Stage {
    pub(crate) home: Home,
    color: bool,
}

impl Stage {
    pub(crate) fn new(home: Home) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            home,
            color: std::io::stdout().is_terminal() && !plain,
        }
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) -> Result<(), DemoError> {
        self.line("\n", "\x1b[1;36m", &format!("== {text} =="))
    }

    /// A sentence or two for the audience.
    pub(crate) fn remark(&self, text: &str) -> Result<(), DemoError> {
        self.line("", "\x1b[2m", text)
    }

    /// Types a command and runs it.
    pub(crate) fn lore(&self, words: &[&str]) -> Result<(), DemoError> {
        self.line("\n", "\x1b[1m", &format!("$ lore {}", words.join(" ")))?;
        self.home.show(words, COMMAND_LIMIT)
    }

    /// Asks behind the scenes, for the answer's `data` and `meta`.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<Value, DemoError> {
        let answer = self.home.robot(words, COMMAND_LIMIT)?;
        if answer["ok"] == true {
            return Ok(answer);
        }
        let message = answer["error"]["message"].as_str().unwrap_or("no reason");
        Err(DemoError::Wrong(format!(
            "`lore {}` failed: {message}",
            words.join(" ")
        )))
    }

    /// Asks until the answer is as hoped for; `None` when it never was.
    pub(crate) fn ask_until(
        &self,
        words: &[&str],
        hoped: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, DemoError> {
        let deadline = Instant::now() + COMMAND_LIMIT;
        while Instant::now() < deadline {
            let answer = self.home.robot(words, COMMAND_LIMIT)?;
            if hoped(&answer) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn line(&self, before: &str, style: &str, text: &str) -> Result<(), DemoError> {
        let mut stdout = std::io::stdout().lock();
        let written = if self.color {
            writeln!(stdout, "{before}{style}{text}\x1b[0m")
        } else {
            writeln!(stdout, "{before}{text}")
        };
        // The commands write to the same place, past this buffer.
        written
            .and_then(|()| stdout.flush())
            .map_err(DemoError::io("writing to stdout"))
    }
}
