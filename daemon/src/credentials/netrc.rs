//! `.netrc`: `machine HOST login NAME password TOKEN`.

use std::path::PathBuf;

use super::Wanted;
use super::files::read_small;
use super::surroundings::Surroundings;

/// The password of a host, and the file that has it.
pub(super) fn password(wanted: &Wanted<'_>, env: &Surroundings) -> Option<(String, PathBuf)> {
    let home = || env.path("HOME").map(|home| home.join(".netrc"));
    let file = env.path("NETRC").or_else(home)?;
    let password = in_text(&read_small(&file).ok()?, wanted)?;
    Some((password, file))
}

/// The password in the first entry of the machine that has one. The entry
/// `default` is for hosts that nobody named, so a token in it was not meant
/// for this one.
fn in_text(text: &str, wanted: &Wanted<'_>) -> Option<String> {
    // A macro's body, up to an empty line, has words of its own.
    let mut in_macro = false;
    let lines = text.lines().filter(|line| {
        in_macro = match (in_macro, line.trim()) {
            (true, "") => false,
            (true, _) => true,
            (false, line) => line.starts_with("macdef"),
        };
        !in_macro && !line.trim_start().starts_with('#')
    });
    let words: Vec<String> = lines.flat_map(words).collect();
    let mut words = words.into_iter();
    let mut here = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => here = words.next().is_some_and(|name| wanted.is_machine(&name)),
            "default" => here = false,
            "login" | "account" => drop(words.next()),
            "password" => {
                let password = words.next()?;
                if here {
                    return Some(password);
                }
            }
            _ => {}
        }
    }
    None
}

/// The words of a line: white space between them, or quotes around them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut characters = line.chars().peekable();
    while let Some(first) = characters.find(|c| !c.is_whitespace()) {
        let mut word = String::new();
        if first == '"' {
            while let Some(c) = characters.next().filter(|c| *c != '"') {
                word.push(if c == '\\' {
                    characters.next().unwrap_or(c)
                } else {
                    c
                });
            }
        } else {
            word.push(first);
            while let Some(c) = characters.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_machine_is_found_and_that_of_no_other() {
        let text = "# machine h password no\nmachine other login a password no\n\
                    macdef init\nmachine h password no\n\n\
                    machine h\n  login me\n  password \"glpat \\\"1\\\"\"\ndefault login a password no\n";
        let found = |name: &str| {
            let url = format!("https://{name}").parse().unwrap();
            in_text(text, &Wanted { name, url: &url })
        };
        assert_eq!(found("h").as_deref(), Some("glpat \"1\""));
        assert_eq!(found("h:8443").as_deref(), Some("glpat \"1\""));
        assert_eq!(found("elsewhere"), None);
    }

    #[test]
    fn a_broken_file_has_no_password() {
        let url = "https://h".parse().unwrap();
        let wanted = Wanted {
            name: "h",
            url: &url,
        };
        for text in [
            "",
            "machine",
            "machine h",
            "machine h password",
            "password x",
            "machine \"h",
        ] {
            assert_eq!(in_text(text, &wanted), None, "{text}");
        }
    }
}
