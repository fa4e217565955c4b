//! A text that grows line by line.

use std::fmt::{self, Write as _};

/// What a command is going to print.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) {
        self.add(line);
        self.text.push('\n');
    }

    /// Adds an empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds words to the line that has been begun.
    pub(crate) fn add(&mut self, words: impl fmt::Display) {
        // Writing to a string fails only where a `Display` of its own does,
        // and ours do not.
        let _ = write!(self.text, "{words}");
    }

    /// The text as it is.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
