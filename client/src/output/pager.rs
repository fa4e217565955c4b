//! Long texts through a pager, as git shows them.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is run where no variable says otherwise: it ends at once where the text
/// fits the screen, passes colours through and leaves the text standing.
const DEFAULT: &str = "less -FIRX";

/// The pager that the environment asks for: its program and arguments; `None`
/// for none at all.
pub(crate) fn wanted(var: impl Fn(&str) -> Option<OsString>) -> Option<Vec<String>> {
    let asked = var("LORE_PAGER").or_else(|| var("PAGER").filter(|value| !value.is_empty()));
    let line = match asked {
        Some(asked) => asked.into_string().ok()?,
        None => DEFAULT.to_owned(),
    };
    let words = shlex::split(&line)?;
    match words.first().map(String::as_str) {
        None | Some("" | "cat") => None,
        Some(_) => Some(words),
    }
}

/// Shows `text` through a pager and waits until the person has read it; false
/// where it could not be started.
pub(crate) fn show(pager: &[String], text: &str) -> bool {
    let Some((program, arguments)) = pager.split_first() else {
        return false;
    };
    // Ctrl+C is the pager's while it runs; if nobody took it here, this
    // process would end and leave the terminal to two programs.
    let pressed = Arc::new(AtomicBool::new(false));
    let taken = signal_hook::flag::register(signal_hook::consts::SIGINT, pressed);
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped());
    // `PAGER=less` alone would show escape sequences as text.
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FIRX");
    }
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A pager that is left early stops reading; that is no error.
        let _ = stdin.write_all(text.as_bytes());
    }
    let _ = child.wait();
    if let Ok(id) = taken {
        signal_hook::low_level::unregister(id);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(vars: &[(&str, &str)]) -> Option<String> {
        wanted(|name| {
            let found = vars.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
        .map(|words| words.join(" "))
    }

    #[test]
    fn the_own_variable_comes_before_everybodys() {
        for (vars, expected) in [
            (&[][..], Some("less -FIRX")),
            (&[("PAGER", "more")], Some("more")),
            (&[("PAGER", "")], Some("less -FIRX")),
            (
                &[("PAGER", "more"), ("LORE_PAGER", "'my pager' -x")],
                Some("my pager -x"),
            ),
            (&[("PAGER", "more"), ("LORE_PAGER", "")], None),
            (&[("LORE_PAGER", "cat")], None),
            (&[("LORE_PAGER", "'open")], None),
        ] {
            assert_eq!(asked(vars).as_deref(), expected, "{vars:?}");
        }
    }
}
