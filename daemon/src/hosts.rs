//! The clients of all configured hosts: made from the config and the tokens,
//! made anew when one of the two changed; and what is known of the tokens.

mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use jiff::Timestamp;
use lore_proto::daemon::HostStatus;
use lore_proto::{ErrorCode, WireError};
use serde_json::json;

use crate::clock::Clock;
use crate::config::{Config, Host, SyncConfig};
use crate::credentials::{Finder, Found, Source, Surroundings};
use crate::gitlab::{Client, GitLabError, HostConfig, Token};
use crate::sync;

/// Makes the clients that syncs use.
#[derive(Debug)]
pub struct HostClients {
    clock: Arc<dyn Clock>,
    /// Decides the jitter of retries.
    seed: u64,
    /// Where syncs find the clients.
    shared: sync::Hosts,
    surroundings: Surroundings,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<Config>,
    made: HashMap<String, Made>,
}

#[derive(Debug)]
struct Made {
    host: Host,
    sync: SyncConfig,
    token: Token,
    source: Source,
    client: Client,
    /// What GitLab said of the token, and when it was asked.
    said: Option<(TokenFacts, Timestamp)>,
}

pub use tokens::{Examined, TokenFacts};
pub(crate) use tokens::{examine, new_token_page};

impl HostClients {
    /// The hosts of `config`, with no client made yet; `shared` is given them
    /// as they are made.
    pub fn new(config: Arc<Config>, shared: sync::Hosts, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let made = HashMap::new();
        Self {
            clock,
            seed,
            shared,
            surroundings: Surroundings::of_process(),
            state: Mutex::new(State { config, made }),
        }
    }

    /// Looks for tokens in these surroundings instead of the process's own.
    #[must_use]
    pub fn with_surroundings(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// Finds and keeps the tokens of these hosts.
    pub fn finder(&self) -> Finder {
        Finder::new(&self.config().path, self.surroundings.clone())
    }

    /// The token of a host, which need not be in the config, read now.
    pub async fn find_token(&self, name: &str, host: &Host) -> Result<Found, WireError> {
        let only = is_only(&self.config(), name);
        self.finder().find(name, host, only).await
    }

    /// Follows `config` from here on. Clients change with the next
    /// [`HostClients::refresh`].
    pub fn replace_config(&self, config: Arc<Config>) {
        let mut state = self.state();
        state.made.retain(|name, _| config.hosts.contains_key(name));
        self.shared.retain(|name| config.hosts.contains_key(name));
        state.config = config;
    }

    /// The config that is followed.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.state().config)
    }

    /// Reads the tokens of these hosts from now on, and hands the syncs that
    /// begin from here on clients with them: each waits for its own host's. A
    /// client whose host, settings and token are the same stays, with what it
    /// knows of the host's request budget. A Tokio runtime has to be running.
    pub fn refresh<'a>(self: &Arc<Self>, names: impl IntoIterator<Item = &'a str>) {
        let config = self.config();
        for name in names {
            let (this, config, host) = (Arc::clone(self), Arc::clone(&config), name.to_owned());
            // By itself: one who gives up waiting does not end it for others.
            let reading = tokio::spawn(async move { this.client(&config, &host).await });
            self.shared.set(name, async {
                reading.await.unwrap_or_else(|_| {
                    let message = "the token could not be read: lored is stopping";
                    Err(WireError::new(ErrorCode::DaemonUnavailable, message)
                        .action("lore daemon start"))
                })
            });
        }
    }

    async fn client(&self, config: &Config, name: &str) -> Result<Client, WireError> {
        let Some(host) = config.hosts.get(name) else {
            let message = format!("no host `{name}` is configured");
            return Err(WireError::new(ErrorCode::HostUnknown, message).action("lore status"));
        };
        let Found { token, source } = self.find_token(name, host).await?;
        let mut state = self.state();
        if let Some(made) = state.made.get_mut(name)
            && made.token == token
            && made.host == without_projects(host)
            && made.sync == config.sync
        {
            made.source = source;
            return Ok(made.client.clone());
        }
        let settings = settings(name, host, &config.sync, token.clone());
        let client = Client::new(settings, Arc::clone(&self.clock), self.seed)
            .map_err(|error| gitlab_error(&error))?;
        let made = Made {
            host: without_projects(host),
            sync: config.sync.clone(),
            token,
            source,
            client: client.clone(),
            said: None,
        };
        state.made.insert(name.to_owned(), made);
        Ok(client)
    }

    /// The client that a host has already; makes none.
    pub(crate) fn made(&self, name: &str) -> Option<Client> {
        let state = self.state();
        state.made.get(name).map(|made| made.client.clone())
    }

    /// A client for a host that is not, or not so, in the config.
    pub(crate) fn trial(&self, name: &str, host: &Host, token: Token) -> Result<Client, WireError> {
        let settings = settings(name, host, &self.config().sync, token);
        Client::new(settings, Arc::clone(&self.clock), self.seed)
            .map_err(|error| gitlab_error(&error))
    }

    /// Each host with its request budget, by name. It asks no host.
    pub async fn status(&self) -> Vec<HostStatus> {
        let finder = self.finder();
        let config = self.config();
        let one = async |(name, host): (&String, &Host)| {
            let budget = self.made(name).map(|client| client.budget());
            let budget = budget.as_ref();
            let source = finder.describe(name, host, is_only(&config, name)).await;
            HostStatus {
                host: name.clone(),
                url: host.url.as_str().trim_end_matches('/').to_owned(),
                token_source: source.map(|source| source.to_string()),
                limit: budget.and_then(|budget| budget.limit),
                remaining: budget.and_then(|budget| budget.remaining),
                reset_at: budget.and_then(|budget| budget.reset_at),
                paused_until: budget.and_then(|budget| budget.paused_until),
                requests_total: budget.map_or(0, |budget| budget.requests_total),
                in_flight: budget.map_or(0, |budget| {
                    (budget.in_flight_background + budget.in_flight_interactive) as u64
                }),
            }
        };
        join_all(config.hosts.iter().map(one)).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a variable that names no host can only mean this one.
fn is_only(config: &Config, name: &str) -> bool {
    config.hosts.keys().all(|other| other == name)
}

/// What a client is made of: its bounds, its budget and GitLab's word to wait
/// are the host's, and another project changes none of them.
fn without_projects(host: &Host) -> Host {
    Host {
        projects: Vec::new(),
        ..host.clone()
    }
}

/// What a client has to know of a configured host.
fn settings(name: &str, host: &Host, sync: &SyncConfig, token: Token) -> HostConfig {
    HostConfig {
        token: Some(token),
        ca_file: host.ca_file.clone(),
        client_cert: host.client_cert.clone(),
        client_key: host.client_key.clone(),
        max_concurrent_requests: sync.max_concurrent_requests,
        max_interactive_requests: sync.max_interactive_requests,
        request_timeout: sync.request_timeout,
        max_retries: sync.max_retries,
        ..HostConfig::new(name, host.url.clone())
    }
}

/// An error of the GitLab client as it crosses the wire.
pub fn gitlab_error(error: &GitLabError) -> WireError {
    let host = &error.request.host;
    let code = error.code();
    let wire = WireError::new(code, format!("{error}. {}", error.advice())).details(json!({
        "host": host,
        "request": error.request.to_string(),
        "correlation_id": error.correlation_id,
        "cause": error.failure.cause(),
    }));
    match code {
        ErrorCode::GitlabUnauthorized | ErrorCode::TokenMissing => {
            wire.action(format!("lore auth login --host {host}"))
        }
        _ => wire,
    }
}
