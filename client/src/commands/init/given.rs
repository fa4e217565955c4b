//! What was given, checked before anybody is asked.

use std::io::{self, Read as _};
use std::path::Path;

use lore_proto::setup::Secret;

use crate::failure::Failure;

/// The longest token that is read from stdin, in bytes.
const MAX_TOKEN: u64 = 4 * 1024;

/// A URL that may go into the config: one without a user or a password, which
/// would be written down in clear.
pub(in crate::commands) fn checked_url(url: &str) -> Result<&str, Failure> {
    let problem = match url.split_once("://") {
        Some(("http" | "https", rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.contains('@') {
                "it holds a user or a password; a token goes into `--token-stdin`, `--token-env`, `--token-file` or `--token-command`"
            } else if authority.is_empty() {
                "it names no host"
            } else {
                return Ok(url);
            }
        }
        _ => "it does not begin with `https://` or `http://`",
    };
    // Not repeated here: it may hold a password.
    Err(Failure::usage(format!("`--url` is not usable: {problem}")))
}

/// Paths without blanks, each once.
pub(super) fn tidy(projects: &[String]) -> Vec<String> {
    let mut tidy: Vec<String> = Vec::new();
    for project in projects {
        let project = project.trim().trim_matches('/').to_owned();
        if !project.is_empty() && !tidy.contains(&project) {
            tidy.push(project);
        }
    }
    tidy
}

/// A path that the daemon, which has another current folder, understands.
pub(in crate::commands) fn full_path(path: &Path) -> Result<String, Failure> {
    let full = std::path::absolute(path)
        .map_err(|error| Failure::io(format_args!("finding `{}`", path.display()), &error))?;
    full.into_os_string().into_string().map_err(|path| {
        Failure::usage(format!(
            "the path `{}` is not valid UTF-8, and the config is",
            path.display()
        ))
    })
}

/// The first line of `input`.
pub(in crate::commands) fn read_token(input: impl io::Read) -> Result<Secret, Failure> {
    let mut bytes = Vec::new();
    input
        .take(MAX_TOKEN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("reading the token from stdin", &error))?;
    let too_long = bytes.len() as u64 > MAX_TOKEN;
    let text = String::from_utf8(bytes).ok();
    let token = text.as_deref().and_then(|text| text.lines().next());
    match token.map(str::trim) {
        _ if too_long => Err(Failure::usage("what stdin brings is too long for a token")),
        Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(Secret::new(token))
        }
        Some("") | None => Err(Failure::usage("stdin brought no token")),
        Some(_) => Err(Failure::usage(
            "what stdin brings is no token: it has blanks or other odd characters",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence<T>(result: Result<T, Failure>) -> String {
        match result {
            Err(Failure::Error(error)) => error.message,
            _ => panic!("it was accepted"),
        }
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_repeated() {
        let said = sentence(checked_url("https://user:glpat-secret@h/"));
        assert!(said.contains("--token-stdin"));
        assert!(!said.contains("glpat-secret"));
        assert!(sentence(checked_url("ftp://h/")).contains("https://"));
        assert!(sentence(checked_url("https:///x")).contains("no host"));
        assert!(checked_url("http://127.0.0.1:8080/gitlab").is_ok());
    }

    #[test]
    fn a_token_is_the_first_line_and_nothing_odd() {
        assert_eq!(
            read_token(&b"glpat-1\r\nrest"[..]).unwrap().expose(),
            "glpat-1"
        );
        for odd in [&b""[..], b"\n", b"two words", b"\xff\xfe"] {
            assert!(read_token(odd).is_err(), "{odd:?}");
        }
        assert!(read_token(&*vec![b'x'; 5_000]).is_err());
    }

    #[test]
    fn projects_are_told_apart_and_trimmed() {
        let given = [" a/b ", "/c/d/", "a/b", ""].map(str::to_owned);
        assert_eq!(tidy(&given), ["a/b", "c/d"]);
    }
}
