//! What a rendering may know of the world: it is all in here, so that a test
//! decides it.

use lore_proto::Timestamp;

use super::paint::Paint;
use super::{sanitise, text};

/// How to write for the person at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Colour.
    pub(crate) paint: Paint,
    /// Columns; absent where nothing is to be cut, as in a pipe.
    pub(crate) width: Option<usize>,
    /// Links are taken.
    pub(crate) links: bool,
    /// What relative times refer to.
    pub(crate) now: Timestamp,
}

impl View {
    /// A view for a file: no colour, no cut, no links.
    #[cfg(test)]
    pub(crate) fn plain(now: &str) -> Self {
        Self {
            paint: Paint::new(false),
            width: None,
            links: false,
            now: now.parse().unwrap(),
        }
    }

    /// Text from outside in at most `columns`, safe for a terminal. In a pipe
    /// it is whole.
    pub(crate) fn fit(&self, words: &str, columns: usize) -> String {
        let clean = sanitise::line(words);
        match self.width {
            Some(_) => text::cut(&clean, columns),
            None => clean.into_owned(),
        }
    }

    /// As [`View::fit`], and the end of the text stays.
    pub(crate) fn fit_end(&self, words: &str, columns: usize) -> String {
        let clean = sanitise::line(words);
        match self.width {
            Some(_) => text::cut_start(&clean, columns),
            None => clean.into_owned(),
        }
    }

    /// The columns that are left beside `used`, never fewer than a few words
    /// need.
    pub(crate) fn left(&self, used: usize) -> usize {
        self.width
            .map_or(usize::MAX, |width| width.saturating_sub(used).max(16))
    }

    /// `shown`, as a link to `target` where the terminal takes links and the
    /// target is a plain web address.
    pub(crate) fn link(&self, shown: &str, target: Option<&str>) -> String {
        match target {
            Some(target) if self.links && is_plain_web_address(target) => {
                format!("\u{1b}]8;;{target}\u{1b}\\{shown}\u{1b}]8;;\u{1b}\\")
            }
            _ => shown.to_owned(),
        }
    }
}

/// Whether an address, which comes from GitLab too, is one of the web's and
/// nothing else.
pub(crate) fn is_plain_web_address(target: &str) -> bool {
    (target.starts_with("https://") || target.starts_with("http://"))
        && target.len() <= 2_000
        && target.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_web_address_becomes_a_link() {
        let view = View {
            links: true,
            ..View::plain("2026-01-01T00:00:00Z")
        };
        let link = view.link("!1", Some("https://gitlab.example/x/-/merge_requests/1"));
        assert!(link.contains("\u{1b}]8;;https://gitlab.example/x"));
        for target in [
            "javascript:alert(1)",
            "https://x/\u{1b}\\\u{1b}[2J",
            "https://x/a b",
            "https://x/\u{202e}",
        ] {
            assert_eq!(view.link("!1", Some(target)), "!1");
        }
        assert_eq!(
            View::plain("2026-01-01T00:00:00Z").link("!1", Some("https://x/")),
            "!1"
        );
    }

    #[test]
    fn text_is_cut_on_a_terminal_and_whole_in_a_pipe() {
        let pipe = View::plain("2026-01-01T00:00:00Z");
        let terminal = View {
            width: Some(80),
            ..pipe
        };
        assert_eq!(terminal.fit("a long\ntitle", 7), "a long…");
        assert_eq!(pipe.fit("a long\ntitle", 7), "a long title");
    }
}
