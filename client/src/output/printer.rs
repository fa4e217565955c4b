//! Hands out what the flags allow, so that no command thinks about them.

use std::io::{self, Write as _};

use lore_proto::{Timestamp, WireError};

use super::paint::Paint;
use super::{ColorChoice, Page, Terminal, View, pager, sanitise};
use crate::failure::Failure;

/// Writes to stdout and stderr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    /// One JSON document and nothing else.
    pub(crate) robot: bool,
    /// `-q`: no progress and no notes.
    pub(crate) quiet: bool,
    /// `-v`: more of both.
    pub(crate) verbose: bool,
    /// stdout.
    pub(crate) out: Terminal,
    /// stderr.
    pub(crate) err: Terminal,
}

impl Printer {
    /// Looks at the process's own streams.
    pub(crate) fn new(robot: bool, quiet: bool, verbose: bool, color: ColorChoice) -> Self {
        Self {
            robot,
            quiet,
            verbose,
            out: Terminal::of(&io::stdout(), color),
            err: Terminal::of(&io::stderr(), color),
        }
    }

    /// How to render for stdout.
    pub(crate) fn view(&self) -> View {
        view_of(self.out)
    }

    /// How to render for stderr.
    pub(crate) fn stderr_view(&self) -> View {
        view_of(self.err)
    }

    /// Writes to stdout, at once and whole.
    #[allow(clippy::unused_self)] // Only who was handed a printer writes.
    pub(crate) fn out(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::stdout(&error))
    }

    /// Writes an answer for a person: through a pager where stdout is a
    /// terminal that it does not fit.
    pub(crate) fn show(&self, text: &str) -> Result<(), Failure> {
        let rows = self.out.size.map_or(24, |(_, rows)| rows);
        let long = self.out.interactive && self.out.moves && text.lines().count() >= rows;
        if long
            && !self.robot
            && let Some(pager) = pager::wanted(|name| std::env::var_os(name))
            && pager::show(&pager, text)
        {
            return Ok(());
        }
        self.out(text)
    }

    /// Writes to stderr as it is. Where stderr cannot be written there is
    /// nobody to tell.
    #[allow(clippy::unused_self)]
    pub(crate) fn err(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }

    /// A line for a person beside the answer; not with `-q`, not in robot
    /// mode.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.robot {
            self.err(&format!("{}\n", sanitise::lines(text)));
        }
    }

    /// Something that a person should know about the answer. In robot mode it
    /// stands in `meta.warnings` instead.
    pub(crate) fn warning(&self, text: &str) {
        if !self.robot {
            let paint = Paint::new(self.err.color);
            self.err(&format!(
                "{} {}\n",
                paint.warn("warning:"),
                sanitise::lines(text)
            ));
        }
    }

    /// An error for a person: what happened, then what to do.
    pub(crate) fn error(&self, error: &WireError) {
        self.err(&render_error(
            error,
            Paint::new(self.err.color),
            self.verbose,
        ));
    }
}

fn view_of(terminal: Terminal) -> View {
    View {
        paint: Paint::new(terminal.color),
        width: terminal
            .interactive
            .then(|| terminal.size.map_or(80, |(columns, _)| columns)),
        links: terminal.links,
        now: Timestamp::now(),
    }
}

fn render_error(error: &WireError, paint: Paint, verbose: bool) -> String {
    let mut text = Page::default();
    text.line(format_args!(
        "{} {}",
        paint.bad("error:"),
        sanitise::lines(&error.message)
    ));
    if verbose {
        text.line(format_args!("  code {}", error.code));
        if error.details.as_object().is_some_and(|d| !d.is_empty()) {
            let details = error.details.to_string();
            text.line(format_args!("  details {}", sanitise::line(&details)));
        }
    }
    if !error.actions.is_empty() {
        text.blank();
    }
    for action in &error.actions {
        text.line(format_args!(
            "{} {}",
            paint.name("hint:"),
            sanitise::line(action)
        ));
    }
    text.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::ErrorCode;

    #[test]
    fn an_error_says_what_happened_and_then_what_to_do() {
        let error = WireError::new(ErrorCode::TokenMissing, "no token is known for `h`")
            .action("lore init --host h");
        assert_eq!(
            render_error(&error, Paint::new(false), false),
            "error: no token is known for `h`\n\nhint: lore init --host h\n"
        );
        let verbose = render_error(
            &error.details(serde_json::json!({"host": "h"})),
            Paint::new(false),
            true,
        );
        assert!(verbose.contains("code TOKEN_MISSING"));
        assert!(verbose.contains(r#"details {"host":"h"}"#));
    }

    #[test]
    fn an_error_that_quotes_upstream_text_cannot_drive_the_terminal() {
        let error = WireError::new(ErrorCode::NotFound, "no `\u{1b}]0;x\u{7}\u{202e}`");
        assert_eq!(
            render_error(&error, Paint::new(false), false),
            "error: no ``\n"
        );
    }
}
