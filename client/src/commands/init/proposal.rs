//! Which host is meant: what the daemon proposes from the git remotes of the
//! current folder, glab's config and its own, and what is typed instead.

use lore_proto::methods::SetupPropose;
use lore_proto::setup::{AskProposals, HostProposal, ProposalOrigin};

use super::conversation::Conversation;
use super::given::checked_url;
use crate::checkout::{Checkout, UserFiles};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{sanitise, text};

/// The most hosts that are listed.
const MAX_LISTED: usize = 9;

/// URLs of the current folder's git remotes, most telling first.
pub(super) fn remotes() -> Vec<String> {
    Checkout::here()
        .map(|checkout| checkout.remotes(&UserFiles::from_env()))
        .unwrap_or_default()
}

/// The host of an address of the web, as the config's key: with its port.
pub(super) fn host_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Asks which host is meant.
pub(super) fn choose_host(
    context: &mut Context,
    talk: &mut Conversation,
    remotes: &[String],
) -> Result<HostProposal, Failure> {
    let ask = AskProposals {
        remotes: remotes.to_vec(),
        ..AskProposals::default()
    };
    let mut known = context.ask::<SetupPropose>(&ask)?.hosts;
    known.truncate(MAX_LISTED);
    if known.len() > 1 {
        talk.say("Known hosts:")?;
    }
    let width = known.iter().map(|it| text::columns(&it.host)).max();
    for (at, it) in known.iter().enumerate() {
        let host = sanitise::line(&it.host);
        let origins = talk.view.paint.dim(origins(&it.origins));
        talk.say(&if known.len() > 1 {
            let host = text::pad(&host, width.unwrap_or(0));
            format!("  {}  {host}  {origins}", at + 1)
        } else {
            format!("Known host: {host}, {origins}")
        })?;
    }
    let question = match known.len() {
        0 => "GitLab host, such as gitlab.example.com",
        1 => "GitLab host",
        _ => "GitLab host, by number or name",
    };
    loop {
        let first = known.first().map(|it| it.host.clone());
        let answer = talk.ask(question, first.as_deref())?;
        let number = answer.parse::<usize>().ok();
        let by_number = number.and_then(|number| known.get(number.checked_sub(1)?));
        let by_name = || {
            known
                .iter()
                .find(|it| it.host.eq_ignore_ascii_case(&answer))
        };
        if let Some(found) = by_number.or_else(by_name) {
            return Ok(found.clone());
        }
        if number.is_some() && !known.is_empty() {
            talk.say(&format!("The list has the numbers 1 to {}.", known.len()))?;
            continue;
        }
        let (host, url) = match checked(&answer) {
            Ok(fine) => fine,
            Err(error) => {
                say_error(talk, &error)?;
                continue;
            }
        };
        match one(context, &host, url, remotes) {
            Ok(found) => return Ok(found),
            Err(error) => say_error(talk, &error)?,
        }
    }
}

/// What is known of the host `name`.
pub(super) fn one(
    context: &mut Context,
    name: &str,
    url: Option<String>,
    remotes: &[String],
) -> Result<HostProposal, Failure> {
    let ask = AskProposals {
        remotes: remotes.to_vec(),
        host: Some(name.to_owned()),
        url,
    };
    let mut hosts = context.ask::<SetupPropose>(&ask)?.hosts;
    if hosts.is_empty() {
        return Err(Failure::usage(format!("`{name}` cannot be a host")));
    }
    Ok(hosts.swap_remove(0))
}

/// A name, or the address of a GitLab with its name.
fn checked(answer: &str) -> Result<(String, Option<String>), Failure> {
    if !answer.contains("://") {
        return Ok((answer.trim_end_matches('/').to_owned(), None));
    }
    let url = checked_url(answer)?;
    let host = host_of_url(url).unwrap_or_default();
    Ok((host, Some(url.to_owned())))
}

/// An error that does not end the conversation.
pub(super) fn say_error(talk: &mut Conversation, failure: &Failure) -> Result<(), Failure> {
    let Failure::Error(error) = failure else {
        return Ok(());
    };
    let word = talk.view.paint.bad("error:");
    talk.say(&format!("{word} {}", sanitise::lines(&error.message)))
}

fn origins(origins: &[ProposalOrigin]) -> String {
    let words: Vec<&str> = origins
        .iter()
        .map(|origin| match origin {
            ProposalOrigin::Config => "set up already",
            ProposalOrigin::Remote => "a remote of this folder",
            ProposalOrigin::Environment => "named by the environment",
            ProposalOrigin::Glab => "known to glab",
            ProposalOrigin::GlabDefault => "glab's default",
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_host_and_a_name_stays_a_name() {
        let url = "https://GL.corp:8443/gitlab";
        assert_eq!(
            checked(url).unwrap(),
            ("gl.corp:8443".to_owned(), Some(url.to_owned()))
        );
        assert_eq!(checked("gl.corp/").unwrap(), ("gl.corp".to_owned(), None));
        assert!(checked("https://u:p@gl.corp").is_err());
    }
}
