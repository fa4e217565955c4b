//! `lore init`: writes the config, after the daemon has tried it.

mod conversation;
mod given;
mod interview;
mod projects;
mod proposal;
mod report;
mod token;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use lore_proto::daemon::Nothing;
use lore_proto::methods::{GetDaemonStatus, SetupCheck, SetupWrite, SyncStart};
use lore_proto::setup::{FirstSync, Setup, SetupReport, TokenSource};
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

use conversation::{Conversation, is_cancelled};
use given::tidy;
pub(super) use given::{checked_url, full_path, read_token};
use token::OfShell;

/// Set up a GitLab host, a token and projects
///
/// Asks for what is missing on a terminal: the host and projects are proposed
/// from git's remotes and glab's config, and looked up by part of their names.
/// Elsewhere every answer is a flag. All of it is tried before anything is
/// written, and what the config has already stays.
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
        let given = self.given(context)?;
        let may_ask = io::stdin().is_terminal()
            && context.printer.err.interactive
            && !context.printer.robot
            && !self.token_stdin
            && !self.yes;
        let view = context.printer.stderr_view();
        let mut talk = may_ask.then(|| Conversation::on_terminal(view));
        let asks = given.host.is_none() || given.projects.is_empty();
        let (setup, checked) = match &mut talk {
            Some(talk) if asks => interview::hold(context, talk, &given)?,
            Some(talk) => interview::only_token(context, talk, given)?,
            None => {
                let setup = given.complete()?;
                let checked = try_out(context, &setup)?;
                (setup, checked)
            }
        };
        let checked = all_projects_fit(checked)?;
        let mut talk = talk.filter(|_| asks);
        if let Some(talk) = &mut talk {
            talk.say(&report::projects(&checked, &view))?;
            if !talk.confirm(&format!("Write {}?", checked.config), true)? {
                return Err(conversation::cancelled());
            }
        }
        let raw = context.ask_raw::<SetupWrite>(&setup)?;
        let report: SetupReport = parse_result("setup.write", &raw).map_err(WireError::from)?;
        if !context.printer.robot {
            // Who was asked has just seen what was found.
            let page = match &talk {
                Some(_) => report::place(&report),
                None => report::written(&report, &context.printer.view()),
            };
            context.printer.out(&page)?;
        }
        if let Some(sync) = &checked.first_sync {
            let estimate = report::first_sync(sync, &setup.host);
            context.printer.note(estimate.trim_end());
        }
        let wants_sync = match &mut talk {
            _ if self.sync => true,
            Some(talk) if !self.no_sync && checked.first_sync.is_some() => {
                match talk.confirm("Run the first sync now?", true) {
                    Ok(answer) => answer,
                    // The config is written: that stays.
                    Err(failure) if is_cancelled(&failure) => false,
                    Err(failure) => return Err(failure),
                }
            }
            _ => false,
        };
        finish(context, &setup, raw, checked.first_sync, wants_sync)
    }
}

/// What the command line says.
struct Given {
    host: Option<String>,
    url: Option<String>,
    token: Option<TokenSource>,
    projects: Vec<String>,
    ca_file: Option<String>,
}

impl Given {
    /// The set-up where nobody can be asked. Without a token the daemon takes
    /// what it finds, and says what is missing where that is nothing.
    fn complete(self) -> Result<Setup, Failure> {
        let host = self
            .host
            .ok_or_else(|| missing("--host", "the GitLab host"))?;
        if self.projects.is_empty() {
            return Err(missing("--projects", "at least one project"));
        }
        Ok(Setup {
            host,
            url: self.url,
            token: self.token,
            projects: self.projects,
            ca_file: self.ca_file,
        })
    }
}

impl Init {
    fn given(&self, context: &Context) -> Result<Given, Failure> {
        let url = self.url.as_deref().map(checked_url).transpose()?;
        let named = context.globals.host.clone();
        let mut projects = self.projects.clone();
        projects.extend(context.globals.project.iter().cloned());
        Ok(Given {
            host: named.or_else(|| url.and_then(proposal::host_of_url)),
            url: url.map(str::to_owned),
            projects: tidy(&projects),
            ca_file: self.ca_file.as_deref().map(full_path).transpose()?,
            token: self.token()?,
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

/// Tries the set-up and writes nothing.
fn try_out(context: &mut Context, setup: &Setup) -> Result<SetupReport, Failure> {
    context.printer.note(&format!("asking {} …", setup.host));
    context.ask::<SetupCheck>(setup).map_err(|failure| {
        let Failure::Error(mut error) = failure else {
            return failure;
        };
        if error.code == ErrorCode::TokenMissing
            && let Some(shell) = OfShell::look()
            && !error.message.contains(shell.variable)
        {
            let variable = shell.variable;
            error.message = format!(
                "{}; `{variable}` is set in this shell, and the daemon runs without it: a restart \
                 from here hands it on",
                error.message
            );
            error = error.action("lore daemon restart");
        }
        error.into()
    })
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
    first_sync: Option<FirstSync>,
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
    } else if !context.printer.robot && first_sync.is_some() {
        // It may begin without being asked for.
        let timer = context
            .ask::<GetDaemonStatus>(&Nothing {})
            .ok()
            .and_then(|status| status.next_timer_at);
        context.printer.note(match timer {
            Some(_) => {
                "The daemon's timer starts the first sync by itself; `lore sync` starts it now."
            }
            None => "`lore sync` starts the first sync.",
        });
    }
    if !context.printer.robot {
        return Ok(Reply::Shown);
    }
    let data = Answer {
        setup: report,
        first_sync,
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
    /// What the first sync takes, as it was estimated before; absent where
    /// every project was synced before.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_sync: Option<FirstSync>,
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
            expires_in_days: None,
            token_source: None,
            warnings: vec![],
            first_sync: None,
            projects: vec![lore_proto::setup::ProjectCheck {
                asked: "a/b".into(),
                path: None,
                id: None,
                error: Some(WireError::new(ErrorCode::GitlabNotFound, "404")),
                issues: None,
                merge_requests: None,
                mirrored: false,
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
