//! `lore init`: what is on this machine proposes a host, projects are looked
//! up, and then host, token and projects are tried and written into the config
//! with everything else in it left as it was.

mod estimate;
mod find;
mod propose;
mod write;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use lore_proto::auth::TokenStore;
use lore_proto::setup::{ProjectCheck, Secret, Setup, SetupReport, TokenSource as AskedSource};
use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::estimate::Pace;
pub use self::propose::propose;
use crate::config::{Config, Host, TokenSource, check_host_name, check_project_path, host_url};
use crate::credentials::{Finder, Found, Source};
use crate::gitlab::models::Project;
use crate::gitlab::{Call, Client, ProjectRef, Token};
use crate::hosts::{HostClients, examine, gitlab_error};

/// All requests of one check together.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);
/// The most projects that one check takes.
const MAX_PROJECTS: usize = 500;

/// One host as somebody wants it in the config.
#[derive(Debug)]
pub struct Trial {
    config: PathBuf,
    name: String,
    host: Host,
    /// The token itself, where it was given and has to be kept.
    secret: Option<Secret>,
    /// The source of the token was given, so that one that is kept gives way.
    source_given: bool,
    /// The key of the config whose token gives way to the secret.
    replaced: Option<&'static str>,
    /// The source of the token was found, and is to be written too.
    source_found: bool,
    /// The host's URL was given and is to be written.
    url_given: bool,
    /// The certificate authority that was given and is to be written.
    ca_given: Option<PathBuf>,
}

impl Trial {
    /// What `ask` means with the rest from `current`, the config in force.
    ///
    /// # Errors
    /// `USAGE` where the name or the URL of the host cannot be one.
    pub fn new(ask: &Setup, config: &Path, current: &Config) -> Result<Self, WireError> {
        let usage = |message: String| WireError::new(ErrorCode::Usage, message);
        let name = own_name(current, check_host_name(&ask.host)?);
        if ask.projects.len() > MAX_PROJECTS {
            return Err(usage(format!("at most {MAX_PROJECTS} projects at once")));
        }
        let before = current.hosts.get(&name);
        let url = match (&ask.url, before) {
            (Some(url), _) => usable_url(&name, url)?,
            (None, Some(before)) => before.url.clone(),
            (None, None) => usable_url(&name, &format!("https://{name}"))?,
        };
        let folder = config.parent().unwrap_or(Path::new("")).to_path_buf();
        let (token, secret) = match &ask.token {
            Some(AskedSource::Env(variable)) => (Some(TokenSource::Env(variable.clone())), None),
            Some(AskedSource::File(path)) => (Some(TokenSource::File(folder.join(path))), None),
            Some(AskedSource::Command(words)) => (Some(TokenSource::Command(words.clone())), None),
            Some(AskedSource::Value(secret)) => (None, Some(secret.clone())),
            None => (before.and_then(|before| before.token.clone()), None),
        };
        let ca_given = ask.ca_file.as_ref().map(|path| folder.join(path));
        Ok(Self {
            config: config.to_path_buf(),
            name,
            host: Host {
                url,
                token,
                projects: ask.projects.clone(),
                ca_file: ca_given
                    .clone()
                    .or_else(|| before.and_then(|before| before.ca_file.clone())),
                client_cert: before.and_then(|before| before.client_cert.clone()),
                client_key: before.and_then(|before| before.client_key.clone()),
            },
            source_given: ask.token.is_some() && secret.is_none(),
            replaced: secret
                .as_ref()
                .and_then(|_| Some(write::key_of(before?.token.as_ref()?))),
            secret,
            source_found: false,
            url_given: ask.url.is_some(),
            ca_given,
        })
    }

    /// What the host is called, as the config spells it.
    pub fn host_name(&self) -> &str {
        &self.name
    }

    /// A client with the token that is given, named or found, and where that
    /// came from.
    async fn client(&mut self, hosts: &HostClients) -> Result<(Client, Source), WireError> {
        let found = match (&self.secret, &self.host.token) {
            (Some(secret), _) => Found {
                token: Token::new(secret.expose()),
                source: Source::Given,
            },
            (None, Some(source)) if self.source_given => {
                hosts.finder().from_source(&self.name, source).await?
            }
            _ => hosts.find_token(&self.name, &self.host).await?,
        };
        // A variable that was found stays the source when another host comes,
        // for which it was not meant.
        if let Source::Env(variable) = &found.source
            && self.host.token.is_none()
        {
            self.host.token = Some(TokenSource::Env(variable.clone()));
            self.source_found = true;
        }
        let client = hosts.trial(&self.name, &self.host, found.token)?;
        Ok((client, found.source))
    }

    /// Tries the token and each project, and writes nothing. What is in
    /// `mirrored`, paths in lower case, was synced before.
    ///
    /// # Errors
    /// The host cannot be reached, does not take the token, or does not let it
    /// read. A project that cannot be read is part of the report.
    pub async fn check(
        &mut self,
        hosts: &HostClients,
        mirrored: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<SetupReport, WireError> {
        let checked = self.checked(hosts, mirrored, now).await;
        checked.map_err(|error| self.with_url(error))
    }

    /// The host is not in the config yet: what to type next has to name its
    /// address too.
    fn with_url(&self, mut error: WireError) -> WireError {
        let login = format!("lore auth login --host {}", self.name);
        if self.url_given
            && let Ok(url) = shlex::try_quote(self.host.url.as_str())
        {
            for action in &mut error.actions {
                if *action == login {
                    *action = format!("{login} --url {url}");
                }
            }
        }
        error
    }

    async fn checked(
        &mut self,
        hosts: &HostClients,
        mirrored: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<SetupReport, WireError> {
        let (client, source) = self.client(hosts).await?;
        let cancel = CancellationToken::new();
        let call = Call::interactive(&cancel, Instant::now() + CHECK_TIMEOUT);
        let examined = examine(&client, &call).await?;
        examined.check_may_read(&self.name, &self.host)?;
        let pace = Pace::default();
        let counted = self.host.projects.len() <= estimate::MAX_COUNTED;
        let checks = self.host.projects.iter().map(async |asked| {
            let (mut check, found) = check_project(&client, &call, asked).await;
            check.mirrored = [Some(asked), check.path.as_ref()]
                .into_iter()
                .flatten()
                .any(|path| mirrored.contains(&path.to_lowercase()));
            if let Some(found) = found.filter(|_| counted && !check.mirrored) {
                (check.issues, check.merge_requests) =
                    estimate::count(&client, &call, &found, &pace).await;
            }
            check
        });
        let projects = join_all(checks).await;
        let mut warnings = examined.warnings(&self.name, &self.host, now);
        if self.source_found
            && let Some(TokenSource::Env(variable)) = &self.host.token
        {
            warnings.push(format!(
                "the token is in `{variable}` of the daemon's environment, which one that is \
                 started elsewhere does not have; `lore auth login` keeps it for any"
            ));
        }
        if let Some(key) = self.replaced {
            warnings.push(format!(
                "`{key}` of this host goes from the config: the token that was given takes its place"
            ));
        }
        let concurrency = hosts.config().sync.max_concurrent_requests;
        let budget = client.budget();
        Ok(SetupReport {
            config: self.config.display().to_string(),
            written: false,
            gitlab_version: examined.version.clone(),
            username: Some(examined.username.clone()),
            warnings,
            expires_in_days: examined.facts.days_left(now),
            scopes: examined.facts.scopes,
            expires_at: examined.facts.expires_at,
            token_source: Some(source.to_string()),
            clock_skew_seconds: examined.clock_skew_seconds,
            first_sync: estimate::first_sync(&projects, &pace, budget.limit, concurrency),
            projects,
            checked_at: now,
        })
    }

    /// Writes what was checked, unless a project of it cannot be read.
    ///
    /// # Errors
    /// The config has a mistake already, or a file cannot be written; then
    /// the config is as it was.
    pub async fn write(
        self,
        mut report: SetupReport,
        finder: &Finder,
    ) -> Result<SetupReport, WireError> {
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
        let (name, source_given) = (self.name.clone(), self.source_given);
        let secret = self.secret.clone();
        let edited = blocking(move || self.edited(projects)).await?;
        // The token first: a config whose host has no token would be worse than
        // a token that no config names.
        if let Some(secret) = secret {
            finder
                .keep(&name, secret.expose(), TokenStore::File)
                .await?;
        }
        blocking(move || edited.write()).await?;
        if source_given {
            finder.forget(&name).await?;
        }
        report.written = true;
        Ok(report)
    }
}

/// A host's key as the config has it, whatever its case; a new one in lower
/// case, so that it is not set up twice.
fn own_name(config: &Config, asked: &str) -> String {
    let mut keys = config.hosts.keys();
    keys.find(|key| key.eq_ignore_ascii_case(asked))
        .cloned()
        .unwrap_or_else(|| asked.to_ascii_lowercase())
}

fn usable_url(name: &str, url: &str) -> Result<Url, WireError> {
    host_url(url).map_err(|reason| {
        let message = format!("the URL of `{name}` cannot be used: {reason}");
        WireError::new(ErrorCode::Usage, message)
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
) -> Result<T, WireError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "writing the config ended by a defect, of which the log says more";
        Err(WireError::new(ErrorCode::Internal, message).action("lore daemon logs"))
    })
}

async fn check_project(
    client: &Client,
    call: &Call<'_>,
    asked: &str,
) -> (ProjectCheck, Option<Project>) {
    let mut check = ProjectCheck {
        asked: asked.to_owned(),
        path: None,
        id: None,
        error: None,
        issues: None,
        merge_requests: None,
        mirrored: false,
    };
    if let Err(reason) = check_project_path(asked) {
        let message = format!("`{asked}` is no full path of a project: {reason}");
        check.error = Some(WireError::new(ErrorCode::Usage, message));
        return (check, None);
    }
    match client.project(call, ProjectRef::Path(asked)).await {
        Ok(found) => {
            check.id = u64::try_from(found.value.id.0).ok();
            check.path = Some(found.value.path_with_namespace.clone());
            (check, Some(found.value))
        }
        Err(error) => {
            let error = gitlab_error(&error);
            let details = json!({ "project": asked });
            check.error = Some(WireError { details, ..error });
            (check, None)
        }
    }
}

#[cfg(test)]
mod tests;
