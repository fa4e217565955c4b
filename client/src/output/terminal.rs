//! What stands behind stdout and stderr, each judged for itself.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, as the environment allows (`NO_COLOR`, `FORCE_COLOR`)
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

/// One output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts.
pub(crate) struct Terminal {
    /// A terminal, not a pipe or a file.
    pub(crate) interactive: bool,
    /// Takes cursor movements, and thus a line that is drawn again.
    pub(crate) moves: bool,
    /// Takes colours.
    pub(crate) color: bool,
    /// Takes links (OSC 8), or ignores them as it should.
    pub(crate) links: bool,
    /// Columns and rows, where known.
    pub(crate) size: Option<(usize, usize)>,
}

impl Terminal {
    /// Looks at `stream`.
    pub(crate) fn of(stream: &(impl AsFd + IsTerminal), choice: ColorChoice) -> Self {
        let interactive = stream.is_terminal();
        let size = interactive
            .then(|| rustix::termios::tcgetwinsize(stream).ok())
            .flatten()
            .filter(|size| size.ws_col > 0 && size.ws_row > 0)
            .map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        Self::judge(interactive, size, choice, |name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    fn judge(
        interactive: bool,
        size: Option<(usize, usize)>,
        choice: ColorChoice,
        var: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let terminal = var("TERM").unwrap_or_default();
        let smart = interactive && terminal != "dumb";
        Self {
            interactive,
            moves: smart,
            color: match choice {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => color_by_environment(smart, &var),
            },
            // The Linux console prints what it does not know.
            links: smart && terminal != "linux",
            size,
        }
    }
}

/// no-color.org: `NO_COLOR` counts when it is not empty, and wins.
fn color_by_environment(smart: bool, var: &impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let forced = |name: &str| set(name).is_some_and(|value| value != "0");
    if set("NO_COLOR").is_some() {
        false
    } else {
        forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") || smart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(interactive: bool, choice: ColorChoice, vars: &[(&str, &str)]) -> bool {
        Terminal::judge(interactive, None, choice, |name| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
        .color
    }

    #[test]
    fn colour_follows_flag_then_environment_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (interactive, choice, vars, expected) in [
            (true, Auto, &[][..], true),
            (false, Auto, &[], false),
            (true, Auto, &[("NO_COLOR", "1")], false),
            (true, Auto, &[("NO_COLOR", "")], true),
            (true, Auto, &[("TERM", "dumb")], false),
            (false, Auto, &[("FORCE_COLOR", "1")], true),
            (false, Auto, &[("FORCE_COLOR", "0")], false),
            (false, Auto, &[("CLICOLOR_FORCE", "1")], true),
            (
                true,
                Auto,
                &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")],
                false,
            ),
            (false, Always, &[("NO_COLOR", "1")], true),
            (true, Never, &[("FORCE_COLOR", "1")], false),
        ] {
            assert_eq!(
                color(interactive, choice, vars),
                expected,
                "{interactive} {choice:?} {vars:?}"
            );
        }
    }

    #[test]
    fn a_dumb_terminal_gets_neither_links_nor_moves() {
        let dumb = Terminal::judge(true, None, ColorChoice::Auto, |name| {
            (name == "TERM").then(|| "dumb".to_owned())
        });
        assert!(dumb.interactive && !dumb.links && !dumb.moves);
    }
}
