//! `lore init`: writes the config, after the daemon has tried it.

mod conversation;
mod given;
mod proposal;
mod report;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use lore_proto::methods::{SetupCheck, SetupWrite, SyncStart};
use lore_proto::setup::{Setup, SetupReport, TokenSource};
use lore_proto::sync::{SyncOutcome, SyncRequest};
use lore_proto::{ErrorCode, WireError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Facts, Reply, Run, sync};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::parse_result;
use crate::output::robot::Document;

use conversation::Conversation;
use given::tidy;
pub(super) use given::{checked_url, full_path, read_token};

/// Set up a GitLab host, a token and projects
///
/// Asks for what is missing on a terminal; elsewhere every answer is a flag.
/// The token is tried before anything is written.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags of the command.
#[command(after_help = "Examples:
  lore init
  lore init --host gitlab.example.com --projects group/one,group/two --token-env GITLAB_TOKEN
  pass show gitlab | lore init --host gitlab.example.com -p group/one --token-stdin --sync")]
pub(crate) struct Init {
    /// Where the host is, when that is not `https://HOST`
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,
    /// The token is in this environment variable of the daemon
    #[arg(long, value_name = "NAME", group = "token")]
    token_env: Option<String>,
    /// The token is in this file, which only you may read
    #[arg(long, value_name = "FILE", group = "token")]
    token_file: Option<PathBuf>,
    /// This command prints the token
    #[arg(long, value_name = "COMMAND", group = "token")]
    token_command: Option<String>,
    /// Read the token from stdin; the daemon keeps it in a file of its own
    #[arg(long, group = "token")]
    token_stdin: bool,
    /// Projects to mirror, by their full paths; as `-p`, with commas for several
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    projects: Vec<String>,
    /// A PEM file with the authority that signed the host's certificate
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Run the first sync afterwards
    #[arg(long, overrides_with = "no_sync")]
    sync: bool,
    /// Do not, and do not ask
    #[arg(long)]
    no_sync: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
}

impl Run for Init {
    const FACTS: &'static [Facts] = &[Facts::write::<Answer>("init").asks_gitlab()];

    fn name(&self) -> &'static str {
        "init"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let asks = io::stdin().is_terminal()
            && context.printer.err.interactive
            && !context.printer.robot
            && !self.token_stdin
            && !self.yes;
        let mut conversation = asks.then(Conversation::on_terminal);
        let mut setup = self.setup(context, conversation.as_mut())?;
        let checked = check(context, &mut setup, conversation.as_mut())?;
        if let Some(conversation) = &mut conversation {
            context
                .printer
                .note(&report::checked(&checked, &context.printer.stderr_view()));
            if !conversation.confirm(&format!("Write `{}`?", checked.config), true)? {
                return Err(Failure::Error(WireError::new(
                    ErrorCode::Cancelled,
                    "nothing was written",
                )));
            }
        }
        let raw = context.ask_raw::<SetupWrite>(&setup)?;
        let report: SetupReport = parse_result("setup.write", &raw).map_err(WireError::from)?;
        if !context.printer.robot {
            let view = context.printer.view();
            // Who was asked has just seen what was found.
            let page = match &conversation {
                Some(_) => report::place(&report),
                None => report::written(&report, &view),
            };
            context.printer.out(&page)?;
        }
        let wants_sync = match (&mut conversation, self.sync, self.no_sync) {
            (_, true, _) => true,
            (_, _, true) | (None, ..) => false,
            (Some(conversation), ..) => conversation.confirm("Run the first sync now?", true)?,
        };
        finish(context, &setup, raw, wants_sync)
    }
}

impl Init {
    /// The set-up that flags and, where there is one, the conversation give.
    fn setup(
        &self,
        context: &Context,
        mut conversation: Option<&mut Conversation>,
    ) -> Result<Setup, Failure> {
        let url = self.url.as_deref().map(checked_url).transpose()?;
        let proposed = match &mut conversation {
            Some(_) => proposal::from_checkout(),
            None => Vec::new(),
        };
        let given_host = context
            .globals
            .host
            .clone()
            .or_else(|| url.and_then(proposal::host_of_url));
        let host = match (given_host, &mut conversation) {
            (Some(host), _) => host,
            (None, Some(conversation)) => {
                let proposal = proposed.first().map(|p| p.host.as_str());
                conversation.ask("GitLab host", proposal)?
            }
            (None, None) => return Err(missing("--host", "the GitLab host")),
        };
        let mut projects = self.projects.clone();
        projects.extend(context.globals.project.iter().cloned());
        if let (true, Some(conversation)) = (projects.is_empty(), &mut conversation) {
            let proposal = proposed.iter().find(|p| p.host == host);
            let answer = conversation.ask(
                "Projects (full paths, commas between them)",
                proposal.map(|p| p.project.as_str()),
            )?;
            projects = answer.split(',').map(str::to_owned).collect();
        }
        let projects = tidy(&projects);
        if projects.is_empty() {
            return Err(missing("--projects", "at least one project"));
        }
        let token = match (self.token()?, conversation) {
            (Some(token), _) => Some(token),
            (None, Some(conversation)) => conversation.token(&host)?,
            // The daemon then takes what it finds, and says what is missing
            // where that is nothing.
            (None, None) => None,
        };
        Ok(Setup {
            host,
            url: url.map(str::to_owned),
            token,
            projects,
            ca_file: self.ca_file.as_deref().map(full_path).transpose()?,
        })
    }

    fn token(&self) -> Result<Option<TokenSource>, Failure> {
        if let Some(name) = &self.token_env {
            return Ok(Some(TokenSource::Env(name.clone())));
        }
        if let Some(file) = &self.token_file {
            return Ok(Some(TokenSource::File(full_path(file)?)));
        }
        if let Some(command) = &self.token_command {
            let words = shlex::split(command).filter(|words| !words.is_empty());
            let words = words.ok_or_else(|| {
                Failure::usage("`--token-command` is empty or has a quote that is not closed")
            })?;
            return Ok(Some(TokenSource::Command(words)));
        }
        if self.token_stdin {
            return Ok(Some(TokenSource::Value(read_token(io::stdin().lock())?)));
        }
        Ok(None)
    }
}

/// Tries the set-up. On a terminal a token that GitLab refuses is asked for
/// again, twice.
fn check(
    context: &mut Context,
    setup: &mut Setup,
    mut conversation: Option<&mut Conversation>,
) -> Result<SetupReport, Failure> {
    for attempts_left in (0..3_u8).rev() {
        context.printer.note(&format!("asking {} …", setup.host));
        let error = match context.ask::<SetupCheck>(setup) {
            Ok(report) => return all_projects_fit(report),
            Err(Failure::Error(error)) => error,
            Err(closed) => return Err(closed),
        };
        let about_token = matches!(
            error.code,
            ErrorCode::TokenMissing | ErrorCode::GitlabUnauthorized
        );
        match &mut conversation {
            Some(conversation) if about_token && attempts_left > 0 => {
                context.printer.error(&error);
                setup.token = conversation.token(&setup.host)?;
            }
            _ => return Err(error.into()),
        }
    }
    Err(Failure::usage("no token was accepted"))
}

/// A project that cannot be read is most often a misspelt one: nothing is
/// written then.
fn all_projects_fit(report: SetupReport) -> Result<SetupReport, Failure> {
    let refused: Vec<_> = report
        .projects
        .iter()
        .filter_map(|p| p.error.as_ref().map(|error| (&p.asked, error)))
        .collect();
    let Some((asked, first)) = refused.first() else {
        return Ok(report);
    };
    let mut error = WireError::new(
        first.code,
        format!(
            "{} of {} projects cannot be read, and nothing was written; `{asked}`: {}",
            refused.len(),
            report.projects.len(),
            first.message
        ),
    )
    .details(serde_json::json!({ "projects": report.projects }));
    error.actions.clone_from(&first.actions);
    Err(error.into())
}

/// The document, or nothing more to say; after the first sync where that was
/// wanted.
fn finish(
    context: &mut Context,
    setup: &Setup,
    report: Box<RawValue>,
    wants_sync: bool,
) -> Result<Reply, Failure> {
    let mut sync_outcome = None;
    if wants_sync {
        let request = SyncRequest {
            host: Some(setup.host.clone()),
            ..SyncRequest::default()
        };
        let (status, outcome) = sync::start_and_follow::<SyncStart>(context, &request, false)?;
        if !context.printer.robot
            && let Ok(outcome) = parse_result::<SyncOutcome>("sync", &outcome)
        {
            let page = sync::outcome_page(&outcome, &context.printer.view());
            context.printer.out(&page)?;
        }
        status?;
        sync_outcome = Some(outcome);
    } else {
        context.printer.note("`lore sync` starts the first sync");
    }
    if !context.printer.robot {
        return Ok(Reply::Shown);
    }
    let data = Answer {
        setup: report,
        sync: sync_outcome,
    };
    let data = serde_json::value::to_raw_value(&data)
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Reply::Document(Document::new(data)))
}

/// `data` of the robot document, in the daemon's own bytes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InitAnswer")]
struct Answer {
    /// What was found and written.
    #[schemars(with = "SetupReport")]
    setup: Box<RawValue>,
    /// The first sync, where it was wanted.
    #[schemars(with = "SyncOutcome")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<Box<RawValue>>,
}

fn missing(flag: &str, what: &str) -> Failure {
    Failure::Error(
        WireError::new(
            ErrorCode::Usage,
            format!("{what} is missing and there is nobody to ask; give `{flag}`"),
        )
        .details(serde_json::json!({ "missing": flag }))
        .action("lore init --help"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_that_cannot_be_read_stops_it_with_its_own_code() {
        let report = SetupReport {
            config: "/c".into(),
            written: false,
            gitlab_version: None,
            username: None,
            scopes: vec![],
            expires_at: None,
            clock_skew_seconds: None,
            projects: vec![lore_proto::setup::ProjectCheck {
                asked: "a/b".into(),
                path: None,
                id: None,
                error: Some(WireError::new(ErrorCode::GitlabNotFound, "404")),
            }],
            checked_at: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        match all_projects_fit(report) {
            Err(Failure::Error(error)) => {
                assert_eq!(error.code, ErrorCode::GitlabNotFound);
                assert!(error.message.contains("nothing was written"));
            }
            other => panic!("{other:?}"),
        }
    }
}
