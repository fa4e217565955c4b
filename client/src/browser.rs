//! Opens a page in the person's browser.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Opens `url` with `$BROWSER`, else with what the system has for it; false
/// where that did not work.
pub(crate) fn open(url: &str) -> bool {
    let asked = std::env::var_os("BROWSER");
    commands(url, asked).into_iter().any(|words| run(&words))
}

/// The commands to try, in order. `$BROWSER` may name several, separated by
/// colons, each with `%s` where the address goes.
fn commands(url: &str, asked: Option<OsString>) -> Vec<Vec<String>> {
    let asked = asked.and_then(|value| value.into_string().ok());
    let asked = asked.filter(|value| !value.trim().is_empty());
    let system = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    asked
        .as_deref()
        .unwrap_or(system)
        .split(':')
        .filter_map(shlex::split)
        .filter(|words| !words.is_empty())
        .map(|mut words| {
            let has_place = words.iter().any(|word| word.contains("%s"));
            for word in &mut words {
                *word = word.replace("%s", url);
            }
            if !has_place {
                words.push(url.to_owned());
            }
            words
        })
        .collect()
}

/// Runs without a shell and waits: a browser for the terminal needs it.
fn run(words: &[String]) -> bool {
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_tried_in_order_and_take_the_address_where_they_say() {
        let of = |asked: Option<&str>| -> Vec<String> {
            commands("https://h/a b", asked.map(OsString::from))
                .iter()
                .map(|words| words.join("|"))
                .collect()
        };
        assert_eq!(
            of(Some("firefox --new-tab %s:w3m")),
            ["firefox|--new-tab|https://h/a b", "w3m|https://h/a b"]
        );
        assert_eq!(of(Some("  ")), of(None));
        assert_eq!(of(None).len(), 1);
    }
}
