//! The conversation from the first question to a set-up that was tried.

use lore_proto::ErrorCode;
use lore_proto::setup::{HostProposal, ProposalOrigin, Setup, SetupReport, TokenSource};

use super::conversation::Conversation;
use super::{Given, projects, proposal, report, token, try_out};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::sanitise;

/// Asks for what `given` leaves open, host, token, projects, and tries each as
/// soon as it is known.
pub(super) fn hold(
    context: &mut Context,
    talk: &mut Conversation,
    given: &Given,
) -> Result<(Setup, SetupReport), Failure> {
    talk.say(
        "This sets up which projects of which GitLab are mirrored. Nothing is written\n\
         before it was tried and you say so; Ctrl+C leaves everything as it is.",
    )?;
    let remotes = proposal::remotes();
    let (mut setup, host, account) = loop {
        let host = match &given.host {
            Some(name) => proposal::one(context, name, given.url.clone(), &remotes)?,
            None => proposal::choose_host(context, talk, &remotes)?,
        };
        let mut setup = of_host(&host, given);
        match settle_token(context, talk, &mut setup, &host) {
            Ok(account) => break (setup, host, account),
            // A misspelt host, most likely.
            Err(Failure::Error(error)) if given.host.is_none() && is_about_host(error.code) => {
                context.printer.error(&error);
            }
            Err(failure) => return Err(failure),
        }
    };
    talk.say(&report::account(&account, &talk.view))?;
    setup.projects = match given.projects.as_slice() {
        [] => projects::choose(context, talk, &setup, &host)?,
        given => given.to_vec(),
    };
    let report = try_out(context, &setup)?;
    Ok((setup, report))
}

/// Host and projects are given: only a token that is nowhere to be found is
/// asked for.
pub(super) fn only_token(
    context: &mut Context,
    talk: &mut Conversation,
    given: Given,
) -> Result<(Setup, SetupReport), Failure> {
    let names_source = given.token.is_some();
    let mut setup = given.complete()?;
    let error = match try_out(context, &setup) {
        Err(Failure::Error(error)) if error.code == ErrorCode::TokenMissing && !names_source => {
            error
        }
        other => return other.map(|report| (setup, report)),
    };
    context.printer.error(&error);
    let host = proposal::one(context, &setup.host, setup.url.clone(), &[])?;
    setup.token = token::ask(talk, &host, false)?;
    let report = try_out(context, &setup)?;
    Ok((setup, report))
}

/// The set-up of a host, still without a project.
fn of_host(host: &HostProposal, given: &Given) -> Setup {
    let is_new = !host.origins.contains(&ProposalOrigin::Config);
    let derived = format!("https://{}", host.host);
    let url = (is_new && host.url != derived).then(|| host.url.clone());
    Setup {
        host: host.host.clone(),
        url: given.url.clone().or(url),
        token: given.token.clone(),
        projects: Vec::new(),
        ca_file: given
            .ca_file
            .clone()
            .or_else(|| host.ca_file.clone().filter(|_| is_new)),
    }
}

/// Asks for a token until the host takes one.
fn settle_token(
    context: &mut Context,
    talk: &mut Conversation,
    setup: &mut Setup,
    host: &HostProposal,
) -> Result<SetupReport, Failure> {
    let is_given = setup.token.is_some();
    let mut refused = false;
    loop {
        if !is_given {
            setup.token = token::ask(talk, host, refused)?;
        }
        let error = match try_out(context, setup) {
            Err(Failure::Error(error)) if is_about_token(error.code) && !is_given => error,
            other => return other,
        };
        let word = talk.view.paint.bad("error:");
        talk.say(&format!("{word} {}", sanitise::lines(&error.message)))?;
        // What was found is not offered a second time.
        refused |= !matches!(setup.token, Some(TokenSource::Value(_)));
    }
}

fn is_about_token(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TokenMissing | ErrorCode::GitlabUnauthorized | ErrorCode::GitlabForbidden
    )
}

fn is_about_host(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Usage
            | ErrorCode::Network
            | ErrorCode::Timeout
            | ErrorCode::GitlabNotFound
            | ErrorCode::GitlabUnavailable
            | ErrorCode::GitlabBadPayload
    )
}
