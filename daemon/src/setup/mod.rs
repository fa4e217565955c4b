//! `lore init`: a host, its token and its projects are tried, and then written
//! into the config with everything else in it left as it was.

mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use lore_proto::setup::{ProjectCheck, Setup, SetupReport, TokenSource as AskedSource};
use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Host, TokenSource, check_project_path, host_url};
use crate::credentials;
use crate::gitlab::{Call, Client, ProjectRef, Token};
use crate::hosts::{HostClients, gitlab_error};

/// All requests of one check together.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);
/// The most projects that one check takes.
const MAX_PROJECTS: usize = 500;
/// Where the token is looked for when nobody says where.
const DEFAULT_TOKEN_ENV: &str = "GITLAB_TOKEN";

/// One host as somebody wants it in the config.
#[derive(Debug)]
pub struct Trial {
    config: PathBuf,
    name: String,
    host: Host,
    /// The token itself, where it was given and has to be kept.
    given: Option<Token>,
    /// The same as text, for the file that keeps it.
    secret: Option<lore_proto::setup::Secret>,
    /// The host's URL was given and is to be written.
    url_given: bool,
}

impl Trial {
    /// What `ask` means with the rest from `current`, the config in force.
    ///
    /// # Errors
    /// `USAGE` where the name or the URL of the host cannot be one.
    pub fn new(ask: &Setup, config: &Path, current: &Config) -> Result<Self, WireError> {
        let usage = |message: String| WireError::new(ErrorCode::Usage, message);
        let name = ask.host.trim();
        if name.is_empty()
            || name.contains('/')
            || name.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            let message = "`host` takes the name of a host, such as gitlab.example.com; a path goes into `url`";
            return Err(usage(message.to_owned()));
        }
        if ask.projects.len() > MAX_PROJECTS {
            return Err(usage(format!("at most {MAX_PROJECTS} projects at once")));
        }
        let before = current.hosts.get(name);
        let url = match (&ask.url, before) {
            (Some(url), _) => host_url(url),
            (None, Some(before)) => Ok(before.url.clone()),
            (None, None) => host_url(&format!("https://{name}")),
        };
        let url =
            url.map_err(|reason| usage(format!("the URL of `{name}` cannot be used: {reason}")))?;
        let folder = config.parent().unwrap_or(Path::new("")).to_path_buf();
        let default = TokenSource::Env(DEFAULT_TOKEN_ENV.to_owned());
        let (token, secret) = match &ask.token {
            Some(AskedSource::Env(variable)) => (Some(TokenSource::Env(variable.clone())), None),
            Some(AskedSource::File(path)) => (Some(TokenSource::File(folder.join(path))), None),
            Some(AskedSource::Command(words)) => (Some(TokenSource::Command(words.clone())), None),
            Some(AskedSource::Value(secret)) => {
                let stored = credentials::stored_file(config, name);
                (Some(TokenSource::File(stored)), Some(secret.clone()))
            }
            None => match before {
                Some(before) if before.token.is_some() => (before.token.clone(), None),
                _ if credentials::stored_file(config, name).is_file() => (None, None),
                _ => (Some(default), None),
            },
        };
        Ok(Self {
            config: config.to_path_buf(),
            name: name.to_owned(),
            host: Host {
                url,
                token,
                projects: ask.projects.clone(),
                ca_file: match &ask.ca_file {
                    Some(path) => Some(folder.join(path)),
                    None => before.and_then(|before| before.ca_file.clone()),
                },
                client_cert: before.and_then(|before| before.client_cert.clone()),
                client_key: before.and_then(|before| before.client_key.clone()),
            },
            given: secret.as_ref().map(|secret| Token::new(secret.expose())),
            secret,
            url_given: ask.url.is_some(),
        })
    }

    /// Tries the token and each project, and writes nothing.
    ///
    /// # Errors
    /// The host cannot be reached, or does not take the token. A project that
    /// cannot be read is part of the report.
    pub async fn check(
        &self,
        hosts: &HostClients,
        now: Timestamp,
    ) -> Result<SetupReport, WireError> {
        let token = match &self.given {
            Some(token) => token.clone(),
            None => credentials::resolve(&self.name, &self.host, &self.config).await?,
        };
        let client = hosts.trial(&self.name, &self.host, token)?;
        let cancel = CancellationToken::new();
        let call = Call::interactive(&cancel, Instant::now() + CHECK_TIMEOUT);
        let user = client
            .user(&call)
            .await
            .map_err(|error| gitlab_error(&error))?;
        let skew = user
            .server_date
            .map(|server| server.duration_since(user.started_at).as_secs());
        // Old and guarded instances keep these two to themselves.
        let version = client.version(&call).await.ok();
        let token = client
            .token_self(&call)
            .await
            .ok()
            .flatten()
            .map(|found| found.value);
        let checks = self
            .host
            .projects
            .iter()
            .map(|asked| check_project(&client, &call, asked));
        Ok(SetupReport {
            config: self.config.display().to_string(),
            written: false,
            gitlab_version: version.map(|version| version.value.version),
            username: Some(user.value.username),
            scopes: token
                .as_ref()
                .map(|token| token.scopes.clone())
                .unwrap_or_default(),
            expires_at: token.and_then(|token| token.expires_at),
            clock_skew_seconds: skew,
            projects: join_all(checks).await,
            checked_at: now,
        })
    }

    /// Writes what was checked, unless a project of it cannot be read.
    ///
    /// # Errors
    /// The config has a mistake already, or a file cannot be written; then
    /// the config is as it was.
    pub async fn write(self, mut report: SetupReport) -> Result<SetupReport, WireError> {
        if report
            .projects
            .iter()
            .any(|project| project.error.is_some())
        {
            return Ok(report);
        }
        let projects = report
            .projects
            .iter()
            .filter_map(|project| project.path.clone())
            .collect();
        let write = tokio::task::spawn_blocking(move || self.write_files(projects));
        write.await.unwrap_or_else(|_| {
            let message = "writing the config ended by a defect, of which the log says more";
            Err(WireError::new(ErrorCode::Internal, message).action("lore daemon logs"))
        })?;
        report.written = true;
        Ok(report)
    }
}

async fn check_project(client: &Client, call: &Call<'_>, asked: &str) -> ProjectCheck {
    let mut check = ProjectCheck {
        asked: asked.to_owned(),
        path: None,
        id: None,
        error: None,
    };
    if let Err(reason) = check_project_path(asked) {
        let message = format!("`{asked}` is no full path of a project: {reason}");
        check.error = Some(WireError::new(ErrorCode::Usage, message));
        return check;
    }
    match client.project(call, ProjectRef::Path(asked)).await {
        Ok(found) => {
            check.id = u64::try_from(found.value.id.0).ok();
            check.path = Some(found.value.path_with_namespace);
        }
        Err(error) => {
            let error = gitlab_error(&error);
            let details = json!({ "project": asked });
            check.error = Some(WireError { details, ..error });
        }
    }
    check
}

#[cfg(test)]
mod tests;
