//! Which token: the one that was found, one that is typed, or one that is made
//! on the page that opens for it.

use lore_proto::setup::{HostProposal, Secret, TokenSource};

use super::conversation::{AboutToken, Conversation};
use crate::browser;
use crate::failure::Failure;
use crate::output::{is_plain_web_address, sanitise};

/// The variables that GitLab's tools take a token from.
const VARIABLES: [&str; 3] = ["GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN"];

/// A token in the environment of this shell.
pub(super) struct OfShell {
    /// The variable.
    pub(super) variable: &'static str,
    secret: Secret,
}

impl OfShell {
    /// The first that is set.
    pub(super) fn look() -> Option<Self> {
        VARIABLES.into_iter().find_map(|variable| {
            let value = std::env::var(variable).ok()?;
            let value = value.trim();
            (!value.is_empty()).then(|| Self {
                variable,
                secret: Secret::new(value),
            })
        })
    }
}

/// Asks for the token of `host`; nothing means the one that the daemon finds.
/// `refused`: that one was tried and does not do.
pub(super) fn ask(
    talk: &mut Conversation,
    host: &HostProposal,
    refused: bool,
) -> Result<Option<TokenSource>, Failure> {
    let name = sanitise::line(&host.host).into_owned();
    let found = host.token_source.as_deref().filter(|_| !refused);
    // Whoever started the daemon did not have it.
    let of_shell = match found {
        None if !refused => OfShell::look(),
        _ => None,
    };
    let question = match (found, &of_shell) {
        (Some(source), _) => {
            let source = talk.view.paint.bold(sanitise::line(source));
            talk.say(&format!("A token for {name} is there: {source}"))?;
            "Enter uses it; or type another (unseen), or o to make one"
        }
        (None, Some(shell)) => {
            let variable = talk.view.paint.bold(shell.variable);
            talk.say(&format!(
                "{variable} is set in this shell; the daemon does not see it, or not for {name}."
            ))?;
            "Enter gives it to the daemon to keep; or type another (unseen), or o to make one"
        }
        (None, None) => {
            talk.say(&format!(
                "A token for {name} with the scope read_api is made here:\n  {}",
                sanitise::line(&host.token_page)
            ))?;
            "Token (unseen), or o to open that page"
        }
    };
    loop {
        match talk.token(question)? {
            AboutToken::Typed(secret) => return Ok(Some(TokenSource::Value(secret))),
            AboutToken::OpenPage => open(talk, &host.token_page)?,
            AboutToken::Nothing if found.is_some() => return Ok(None),
            AboutToken::Nothing => {
                if let Some(shell) = &of_shell {
                    return Ok(Some(TokenSource::Value(shell.secret.clone())));
                }
            }
        }
    }
}

fn open(talk: &mut Conversation, page: &str) -> Result<(), Failure> {
    let shown = sanitise::line(page).into_owned();
    if is_plain_web_address(page) && browser::open(page) {
        talk.say(&format!("Opened {shown}"))
    } else {
        talk.say(&format!("No browser could be opened; the page is {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::tests::answering;
    use super::*;

    fn host(source: Option<&str>) -> HostProposal {
        HostProposal {
            host: "h".to_owned(),
            url: "https://h".to_owned(),
            origins: Vec::new(),
            projects: Vec::new(),
            configured_projects: Vec::new(),
            token_source: source.map(str::to_owned),
            token_page: "https://h/page".to_owned(),
            ca_file: None,
        }
    }

    #[test]
    fn enter_takes_what_was_found_unless_it_was_refused() {
        let found = host(Some("file /t"));
        let mut talk = answering("\n");
        assert_eq!(ask(&mut talk, &found, false).unwrap(), None);
        let mut talk = answering("\nglpat-2\n");
        assert_eq!(
            ask(&mut talk, &found, true).unwrap(),
            Some(TokenSource::Value(Secret::new("glpat-2")))
        );
    }
}
