//! Colour. It never carries a meaning alone: words say the same.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Writes styles, or leaves them out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// With colour where `on`.
    pub(crate) fn new(on: bool) -> Self {
        Self { on }
    }

    /// Whether there is colour.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// What the eye should find first.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with(Style::new().bold(), text)
    }

    /// What the eye may skip.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with(Style::new().dimmed(), text)
    }

    /// What a person stressed.
    pub(crate) fn emphasis(self, text: impl Display) -> String {
        self.with(Style::new().italic(), text)
    }

    /// Code in prose.
    pub(crate) fn code(self, text: impl Display) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    /// Names that can be used in a next command.
    pub(crate) fn name(self, text: impl Display) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    /// What went well.
    pub(crate) fn good(self, text: impl Display) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// What deserves a look.
    pub(crate) fn warn(self, text: impl Display) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// What went wrong.
    pub(crate) fn bad(self, text: impl Display) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    /// What is over: merged, cancelled.
    pub(crate) fn past(self, text: impl Display) -> String {
        self.with(AnsiColor::Magenta.on_default(), text)
    }

    fn with(self, style: Style, text: impl Display) -> String {
        if self.on {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }
}
