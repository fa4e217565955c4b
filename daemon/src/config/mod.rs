//! The config file (contract §3): what a person writes, checked and typed.
//!
//! Every mistake is an error that names the file, the line and, for a
//! misspelt key, the nearest known one. Nothing here reads a token; see
//! [`crate::credentials`].

mod error;
mod limits;
mod nearest;
mod parse;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

pub use error::ConfigError;
pub(crate) use error::shell_word;
pub use limits::Limits;
pub(crate) use nearest::nearest;
pub(crate) use parse::{check_host_name, check_project_path, host_url};

/// The largest config file that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A checked config.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// The hosts by their keys.
    pub hosts: BTreeMap<String, Host>,
    /// How syncs go.
    pub sync: SyncConfig,
    /// How documents become vectors.
    pub embedding: EmbeddingConfig,
    /// What clients may ask of the socket.
    pub server: Limits,
    /// What is allowed and probably not meant, a sentence each.
    pub warnings: Vec<String>,
}

/// One GitLab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where it is: scheme, host, port and, for a relative-URL install, a path
    /// without a slash at its end. Neither credentials nor a query.
    pub url: Url,
    /// Where its token comes from; absent: the token that `setup.write`
    /// stored, if there is one.
    pub token: Option<TokenSource>,
    /// Full paths, as written, without duplicates.
    pub projects: Vec<String>,
    /// A PEM file of authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the certificate to show to the host.
    pub client_cert: Option<PathBuf>,
    /// The PEM file with its key; present exactly where `client_cert` is.
    pub client_key: Option<PathBuf>,
}

/// Where a host's token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// A variable of the daemon's environment.
    Env(String),
    /// A file that its owner alone may read.
    File(PathBuf),
    /// A program with its arguments; the first line that it prints.
    Command(Vec<String>),
}

/// The table `[sync]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncConfig {
    /// From one timed sync to the next; absent: the timer is off.
    pub interval: Option<Duration>,
    /// Background requests under way at once, per host.
    pub max_concurrent_requests: usize,
    /// Interactive requests under way at once, per host.
    pub max_interactive_requests: usize,
    /// One attempt at a request.
    pub request_timeout: Duration,
    /// Attempts after the first.
    pub max_retries: u32,
    /// All primaries of a surgical sync.
    pub surgical_preflight_budget: Duration,
    /// One item's dependents in a surgical sync.
    pub surgical_entity_timeout: Duration,
    /// All dependents of a surgical sync together.
    pub surgical_dependents_budget: Duration,
    /// From one full reconcile to the next.
    pub full_reconcile: Duration,
    /// Every item's children are seen again within this time.
    pub children_sweep: Duration,
}

impl Default for SyncConfig {
    /// The defaults of contract §3.
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_mins(5)),
            max_concurrent_requests: 8,
            max_interactive_requests: 64,
            request_timeout: Duration::from_secs(30),
            max_retries: 4,
            surgical_preflight_budget: Duration::from_secs(30),
            surgical_entity_timeout: Duration::from_secs(20),
            surgical_dependents_budget: Duration::from_mins(2),
            full_reconcile: Duration::from_hours(24),
            children_sweep: Duration::from_hours(7 * 24),
        }
    }
}

/// The table `[embedding]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddingConfig {
    /// Who makes the vectors.
    pub provider: EmbeddingProvider,
    /// The provider's model.
    pub model: Option<String>,
    /// Where the provider is.
    pub url: Option<Url>,
    /// The variable of the daemon's environment that holds its key.
    pub api_key_env: Option<String>,
}

/// Who makes the vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmbeddingProvider {
    /// The daemon itself.
    #[default]
    Builtin,
    /// An Ollama server.
    Ollama,
    /// A server with `OpenAI`'s interface.
    Openai,
    /// Nobody.
    None,
}

impl Config {
    /// Reads and checks the file at `path`. It blocks; a config is small.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        Self::parse(path, &text)
    }

    /// Checks `text`, which is, or would be, the content of the file `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        parse::config(path, text)
    }

    /// A config that names nothing, as an empty file at `path` would be.
    pub fn empty(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            hosts: BTreeMap::new(),
            sync: SyncConfig::default(),
            embedding: EmbeddingConfig::default(),
            server: Limits::default(),
            warnings: Vec::new(),
        }
    }

    /// Every configured project as (host, path), by host, then path.
    pub fn projects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.hosts.iter().flat_map(|(name, host)| {
            let mut paths: Vec<&str> = host.projects.iter().map(String::as_str).collect();
            paths.sort_unstable();
            paths.into_iter().map(move |path| (name.as_str(), path))
        })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source: std::io::Error| {
        if source.kind() == std::io::ErrorKind::NotFound {
            ConfigError::NotFound { path: path.into() }
        } else {
            ConfigError::Unreadable {
                path: path.into(),
                reason: source.to_string(),
            }
        }
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    let reason = if !metadata.is_file() {
        "it is not a regular file"
    } else if metadata.len() > MAX_CONFIG_BYTES {
        "it has more than 1 MiB"
    } else {
        let bytes = std::fs::read(path).map_err(unreadable)?;
        match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => "it is not UTF-8",
        }
    };
    Err(ConfigError::Unreadable {
        path: path.into(),
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests;
