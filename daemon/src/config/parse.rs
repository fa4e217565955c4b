//! From TOML to [`Config`], with the line of every mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use toml::Spanned;
use toml::de::DeTable;
use url::Url;

use super::table::{File, Table, Value};
use super::{
    Config, ConfigError, EmbeddingConfig, EmbeddingProvider, Host, Limits, SyncConfig, TokenSource,
};

const TABLES: &[&str] = &["hosts", "sync", "embedding", "server"];
const HOST_KEYS: &[&str] = &[
    "url",
    "token_env",
    "token_file",
    "token_command",
    "projects",
    "ca_file",
    "client_cert",
    "client_key",
];
const SYNC_KEYS: &[&str] = &[
    "interval_seconds",
    "max_concurrent_requests",
    "max_interactive_requests",
    "request_timeout_seconds",
    "max_retries",
    "surgical_preflight_budget_seconds",
    "surgical_entity_timeout_seconds",
    "surgical_dependents_budget_seconds",
    "full_reconcile_hours",
    "children_sweep_days",
];
const SERVER_KEYS: &[&str] = &[
    "max_message_bytes",
    "max_connections",
    "max_subscriptions",
    "max_batch",
    "max_in_flight",
    "max_queued",
    "opening_seconds",
    "write_timeout_seconds",
    "drain_seconds",
];
const EMBEDDING_KEYS: &[&str] = &["provider", "model", "url", "api_key_env"];

pub(super) fn config(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let file = File { path, text };
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        file.mistake(&at, error.message())
    })?;
    let root = Table::new(&file, "", root.get_ref(), TABLES)?;
    let mut warnings = Vec::new();
    let mut hosts = BTreeMap::new();
    if let Some(table) = root.table("hosts")? {
        for (name, value) in table {
            let host = host(&file, name, value, &mut warnings)?;
            hosts.insert(name.get_ref().to_string(), host);
        }
    }
    if hosts.is_empty() {
        warnings.push(format!(
            "`{}` names no host; `lore init` adds one",
            path.display()
        ));
    }
    let sync = match root.table("sync")? {
        Some(table) => sync(&Table::new(&file, "sync", table, SYNC_KEYS)?)?,
        None => SyncConfig::default(),
    };
    let embedding = match root.table("embedding")? {
        Some(table) => embedding(&Table::new(&file, "embedding", table, EMBEDDING_KEYS)?)?,
        None => EmbeddingConfig::default(),
    };
    let server = match root.table("server")? {
        Some(table) => server(&Table::new(&file, "server", table, SERVER_KEYS)?)?,
        None => Limits::default(),
    };
    Ok(Config {
        path: path.to_path_buf(),
        hosts,
        sync,
        embedding,
        server,
        warnings,
    })
}

fn host(
    file: &File<'_>,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Value<'_>,
    warnings: &mut Vec<String>,
) -> Result<Host, ConfigError> {
    let key = name.get_ref().as_ref();
    let shown = format!("hosts.\"{key}\"");
    let Some(table) = value.get_ref().as_table() else {
        return Err(file.wrong_type(&shown, value, "a table"));
    };
    let table = Table::new(file, &shown, table, HOST_KEYS)?;
    let (url, at) = match table.string("url")? {
        Some((url, at)) => (url.to_owned(), at),
        None => (format!("https://{key}"), name.span()),
    };
    // The value is not repeated: somebody may have put a password into it.
    let url = host_url(&url).map_err(|reason| {
        file.mistake(
            &at,
            &format!("`{shown}.url` is no URL of a GitLab: {reason}"),
        )
    })?;
    let projects = projects(&table)?;
    if projects.is_empty() {
        warnings.push(format!(
            "host `{key}` has no projects, so nothing of it is mirrored; add some to `projects`"
        ));
    }
    let client_cert = table.path("client_cert")?;
    let client_key = table.path("client_key")?;
    match (&client_cert, &client_key) {
        (Some((_, at)), None) => {
            return Err(file.mistake(at, "`client_cert` needs `client_key` beside it"));
        }
        (None, Some((_, at))) => {
            return Err(file.mistake(at, "`client_key` needs `client_cert` beside it"));
        }
        _ => {}
    }
    Ok(Host {
        url,
        token: token_source(&table)?,
        projects,
        ca_file: table.path("ca_file")?.map(|(path, _)| path),
        client_cert: client_cert.map(|(path, _)| path),
        client_key: client_key.map(|(path, _)| path),
    })
}

/// A name that a host can have in the config, without blanks around it.
///
/// # Errors
/// `USAGE`, with what a name is.
pub(crate) fn check_host_name(name: &str) -> Result<&str, WireError> {
    let name = name.trim();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if name.is_empty() || name.starts_with('-') || name.contains(odd) {
        let message =
            "`host` takes the name of a host, such as gitlab.example.com; a path goes into `url`";
        return Err(WireError::new(ErrorCode::Usage, message));
    }
    Ok(name)
}

/// The URL of a GitLab, without a slash at its end; an error says why not.
pub(crate) fn host_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it has to begin with `https://` or `http://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "credentials do not belong here; use token_env, token_file or token_command".to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must end before any `?` or `#`".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn token_source(table: &Table<'_>) -> Result<Option<TokenSource>, ConfigError> {
    let mut sources = Vec::new();
    if let Some((variable, at)) = table.non_empty("token_env")? {
        if variable.contains(['=', '\0']) || variable.chars().any(char::is_whitespace) {
            return Err(table.file.mistake(
                &at,
                "`token_env` takes the name of an environment variable, never a token itself",
            ));
        }
        sources.push((TokenSource::Env(variable.to_owned()), at));
    }
    if let Some((path, at)) = table.path("token_file")? {
        sources.push((TokenSource::File(path), at));
    }
    if let Some((words, at)) = table.strings("token_command")? {
        if words.first().is_none_or(|(program, _)| program.is_empty()) {
            return Err(table.file.mistake(
                &at,
                "`token_command` needs a program, such as [\"pass\", \"show\", \"gitlab\"]",
            ));
        }
        let words = words.into_iter().map(|(word, _)| word.to_owned()).collect();
        sources.push((TokenSource::Command(words), at));
    }
    sources.sort_by_key(|(_, at)| at.start);
    if let [_, (_, at), ..] = sources.as_slice() {
        return Err(table.file.mistake(
            at,
            "a host takes one of `token_env`, `token_file` and `token_command`, and this is the second",
        ));
    }
    Ok(sources.pop().map(|(source, _)| source))
}

fn projects(table: &Table<'_>) -> Result<Vec<String>, ConfigError> {
    let mut seen = BTreeMap::new();
    let mut projects = Vec::new();
    for (project, at) in table
        .strings("projects")?
        .map_or_else(Vec::new, |(all, _)| all)
    {
        if let Err(reason) = check_project_path(project) {
            let message = format!("`{project}` is no full path of a project: {reason}");
            return Err(table.file.mistake(&at, &message));
        }
        // GitLab's paths are unique without regard to case.
        if let Some(first) = seen.insert(project.to_lowercase(), table.file.line(at.start)) {
            let message = format!("`{project}` stands here already, on line {first}");
            return Err(table.file.mistake(&at, &message));
        }
        projects.push(project.to_owned());
    }
    Ok(projects)
}

/// Whether `path` can be the full path of a GitLab project.
pub(crate) fn check_project_path(path: &str) -> Result<(), String> {
    if path.contains("://") {
        return Err("take the part of the URL after the host".to_owned());
    }
    if path
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "?#%\\".contains(c))
    {
        return Err("it holds a character that no path has".to_owned());
    }
    let parts: BTreeSet<&str> = path.split('/').collect();
    if parts.contains("") {
        return Err("it must have no slash at its ends and none twice".to_owned());
    }
    if parts.contains("-") || parts.contains(".") || parts.contains("..") {
        return Err("`-`, `.` and `..` are no names".to_owned());
    }
    if !path.contains('/') {
        return Err("it needs its group, such as `group/project`".to_owned());
    }
    Ok(())
}

fn sync(table: &Table<'_>) -> Result<SyncConfig, ConfigError> {
    let default = SyncConfig::default();
    let number =
        |key: &str, range: RangeInclusive<u64>, default: u64| table.number(key, range, default);
    let seconds = |key: &str, default: Duration| {
        number(key, 1..=3600, default.as_secs()).map(Duration::from_secs)
    };
    let count = |key: &str, most: u64, default: usize| {
        number(key, 1..=most, default as u64).map(|n| usize::try_from(n).unwrap_or(default))
    };
    let interval = number("interval_seconds", 0..=7 * 86_400, 300)?;
    Ok(SyncConfig {
        interval: (interval > 0).then(|| Duration::from_secs(interval)),
        max_concurrent_requests: count(
            "max_concurrent_requests",
            256,
            default.max_concurrent_requests,
        )?,
        max_interactive_requests: count(
            "max_interactive_requests",
            1024,
            default.max_interactive_requests,
        )?,
        request_timeout: seconds("request_timeout_seconds", default.request_timeout)?,
        max_retries: u32::try_from(number(
            "max_retries",
            0..=20,
            u64::from(default.max_retries),
        )?)
        .unwrap_or(default.max_retries),
        surgical_preflight_budget: seconds(
            "surgical_preflight_budget_seconds",
            default.surgical_preflight_budget,
        )?,
        surgical_entity_timeout: seconds(
            "surgical_entity_timeout_seconds",
            default.surgical_entity_timeout,
        )?,
        surgical_dependents_budget: seconds(
            "surgical_dependents_budget_seconds",
            default.surgical_dependents_budget,
        )?,
        full_reconcile: Duration::from_hours(number("full_reconcile_hours", 1..=8_760, 24)?),
        children_sweep: Duration::from_hours(24 * number("children_sweep_days", 1..=365, 7)?),
    })
}

fn server(table: &Table<'_>) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let count = |key: &str, range: RangeInclusive<u64>, default: usize| {
        let number = table.number(key, range, default as u64)?;
        Ok(usize::try_from(number).unwrap_or(default))
    };
    let seconds = |key: &str, most: u64, default: Duration| {
        let number = table.number(key, 1..=most, default.as_secs());
        number.map(Duration::from_secs)
    };
    let subscriptions = u64::from(default.max_subscriptions);
    let subscriptions = table.number("max_subscriptions", 1..=1024, subscriptions)?;
    Ok(Limits {
        // `rpc.discover` has to fit.
        max_message_bytes: count(
            "max_message_bytes",
            1 << 20..=1 << 30,
            default.max_message_bytes,
        )?,
        // One client may take two: to cancel what it follows.
        max_connections: count("max_connections", 2..=4096, default.max_connections)?,
        max_subscriptions: u32::try_from(subscriptions).unwrap_or(default.max_subscriptions),
        max_batch: count("max_batch", 1..=10_000, default.max_batch)?,
        max_in_flight: count("max_in_flight", 1..=1024, default.max_in_flight)?,
        max_queued: count("max_queued", 1..=10_000, default.max_queued)?,
        opening: seconds("opening_seconds", 3600, default.opening)?,
        write_timeout: seconds("write_timeout_seconds", 3600, default.write_timeout)?,
        // Whoever asks for a stop waits for 20 s, jobs and this included.
        drain: seconds("drain_seconds", 5, default.drain)?,
        refusal: default.refusal,
    })
}

fn embedding(table: &Table<'_>) -> Result<EmbeddingConfig, ConfigError> {
    let provider = match table.string("provider")? {
        None | Some(("builtin", _)) => EmbeddingProvider::Builtin,
        Some(("ollama", _)) => EmbeddingProvider::Ollama,
        Some(("openai", _)) => EmbeddingProvider::Openai,
        Some(("none", _)) => EmbeddingProvider::None,
        Some((other, at)) => {
            let message =
                format!("`{other}` is no provider; they are builtin, ollama, openai and none");
            return Err(table.file.mistake(&at, &message));
        }
    };
    let url = match table.string("url")? {
        None => None,
        Some((url, at)) => Some(host_url(url).map_err(|reason| {
            table.file.mistake(
                &at,
                &format!("`embedding.url` is no URL of a server: {reason}"),
            )
        })?),
    };
    Ok(EmbeddingConfig {
        provider,
        model: table.non_empty("model")?.map(|(model, _)| model.to_owned()),
        url,
        api_key_env: table
            .non_empty("api_key_env")?
            .map(|(name, _)| name.to_owned()),
    })
}
