//! Which configured project is meant (contract §4): by a path or the end of
//! one, by a checkout's git remotes, or because there is only one.

use lore_proto::project::ResolveProject;
use lore_proto::{ErrorCode, WireError};
use percent_encoding::percent_decode_str;
use serde_json::json;
use url::Url;

use crate::config::{Config, nearest};

/// So many characters of what was asked for stand in a message.
const MAX_SHOWN: usize = 200;

/// A configured project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredProject {
    /// The host's key in the config.
    pub host: String,
    /// The full path, as the config spells it.
    pub path: String,
    /// The project's page.
    pub web_url: String,
}

/// All configured projects, by host, then path.
pub fn all(config: &Config) -> Vec<ConfiguredProject> {
    config
        .projects()
        .map(|(host, path)| ConfiguredProject {
            host: host.to_owned(),
            path: path.to_owned(),
            web_url: match config.hosts.get(host) {
                Some(found) => format!("{}/{path}", found.url.as_str().trim_end_matches('/')),
                None => String::new(),
            },
        })
        .collect()
}

/// The project that `ask` means.
///
/// # Errors
/// `HOST_UNKNOWN`, `PROJECT_UNKNOWN` with the nearest names, and
/// `AMBIGUOUS_PROJECT` with the candidates.
pub fn resolve(config: &Config, ask: &ResolveProject) -> Result<ConfiguredProject, WireError> {
    let mut candidates = all(config);
    if let Some(asked) = &ask.host {
        let host = host_key(config, asked)?;
        candidates.retain(|project| project.host == host);
    }
    if candidates.is_empty() {
        return Err(WireError::new(
            ErrorCode::ProjectUnknown,
            "no project is configured; `lore init` adds one",
        )
        .details(json!({ "candidates": [] }))
        .action("lore init"));
    }
    if let Some(asked) = &ask.project {
        return by_path(config, &candidates, asked);
    }
    for remote in ask
        .remotes
        .iter()
        .filter_map(|remote| Remote::parse(remote))
    {
        let found = candidates
            .iter()
            .find(|project| remote.is_of(config, project));
        if let Some(project) = found {
            return Ok(project.clone());
        }
    }
    let message = if ask.remotes.is_empty() {
        "several projects are configured; name one with `-p`"
    } else {
        "no remote of this checkout is a configured project, and several are configured; name one with `-p`"
    };
    one_of(candidates, message)
}

/// The key of the configured host that `asked` names: a key, or a host's name
/// in its URL, in any case.
pub fn host_key(config: &Config, asked: &str) -> Result<String, WireError> {
    let by_key = config
        .hosts
        .keys()
        .find(|key| key.eq_ignore_ascii_case(asked));
    let by_url = || {
        let mut hosts = config.hosts.iter();
        hosts.find(|(_, host)| {
            host.url
                .host_str()
                .is_some_and(|name| name.eq_ignore_ascii_case(asked))
        })
    };
    if let Some(key) = by_key.or_else(|| by_url().map(|(key, _)| key)) {
        return Ok(key.clone());
    }
    let known: Vec<&str> = config.hosts.keys().map(String::as_str).collect();
    let message = match (nearest(asked, &known), known.as_slice()) {
        (Some(near), _) => format!("no configured host is called that; did you mean `{near}`?"),
        (None, []) => "no host is configured; `lore init` adds one".to_owned(),
        (None, known) => format!(
            "no configured host is called that; there is {}",
            known.join(", ")
        ),
    };
    Err(WireError::new(ErrorCode::HostUnknown, message)
        .details(json!({ "asked": asked, "hosts": known }))
        .action("lore status"))
}

fn by_path(
    config: &Config,
    candidates: &[ConfiguredProject],
    asked: &str,
) -> Result<ConfiguredProject, WireError> {
    if asked.contains("://") || asked.starts_with("git@") {
        let remote = Remote::parse(asked);
        let mut found = candidates.iter();
        return found
            .find(|project| {
                remote
                    .as_ref()
                    .is_some_and(|remote| remote.is_of(config, project))
            })
            .cloned()
            // Not as it was given: a URL may hold a password.
            .ok_or_else(|| {
                unknown(
                    candidates,
                    remote.as_ref().map_or("", |remote| &remote.path),
                )
            });
    }
    let wanted = asked.trim_matches('/').to_lowercase();
    let ends_so = |project: &ConfiguredProject| {
        let path = project.path.to_lowercase();
        path.strip_suffix(&wanted)
            .is_some_and(|group| group.is_empty() || group.ends_with('/'))
    };
    let whole = |project: &ConfiguredProject| project.path.to_lowercase() == wanted;
    let mut found: Vec<ConfiguredProject> = Vec::new();
    if !wanted.is_empty() {
        found = candidates
            .iter()
            .filter(|project| whole(project))
            .cloned()
            .collect();
        if found.is_empty() {
            found = candidates
                .iter()
                .filter(|project| ends_so(project))
                .cloned()
                .collect();
        }
    }
    if found.is_empty() {
        return Err(unknown(candidates, asked));
    }
    one_of(
        found,
        "several configured projects fit; give more of the path, or the host with `--host`",
    )
}

fn one_of(
    mut candidates: Vec<ConfiguredProject>,
    message: &str,
) -> Result<ConfiguredProject, WireError> {
    if candidates.len() == 1
        && let Some(project) = candidates.pop()
    {
        return Ok(project);
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|project| called(project, &candidates))
        .collect();
    let listed: Vec<_> = candidates
        .iter()
        .map(|project| json!({ "host": project.host, "path": project.path }))
        .collect();
    Err(WireError::new(
        ErrorCode::AmbiguousProject,
        format!("{message}: {}", shortened(&names)),
    )
    .details(json!({ "candidates": listed }))
    .action("lore status"))
}

/// A project as it is told from the others: by its path, and by its host where
/// another host has the same path.
fn called(project: &ConfiguredProject, among: &[ConfiguredProject]) -> String {
    let ConfiguredProject { host, path, .. } = project;
    let same = |other: &&ConfiguredProject| other.path.eq_ignore_ascii_case(path);
    if among.iter().filter(same).count() > 1 {
        format!("`{path}` on {host}")
    } else {
        format!("`{path}`")
    }
}

/// The error that nothing configured is called `asked`, nearest names first.
fn unknown(candidates: &[ConfiguredProject], asked: &str) -> WireError {
    let asked_last = last_part(asked).to_lowercase();
    let mut near: Vec<(usize, usize, &ConfiguredProject)> = candidates
        .iter()
        .map(|project| {
            let path = project.path.to_lowercase();
            let whole = strsim::damerau_levenshtein(&path, &asked.to_lowercase());
            let last = strsim::damerau_levenshtein(last_part(&path), &asked_last);
            (whole.min(last), whole, project)
        })
        .collect();
    near.sort_unstable_by_key(|(least, whole, project)| {
        (*least, *whole, &project.path, &project.host)
    });
    let near: Vec<&ConfiguredProject> = near.into_iter().map(|(_, _, it)| it).take(5).collect();
    let names: Vec<String> = near.iter().map(|it| called(it, candidates)).collect();
    let mut paths: Vec<&str> = near.iter().map(|project| project.path.as_str()).collect();
    paths.dedup();
    // Whoever asks may have split a line wrongly, and sees it here.
    let shown = match asked.chars().take(MAX_SHOWN).collect::<String>() {
        nothing if nothing.is_empty() => "that".to_owned(),
        name => format!("`{name}`"),
    };
    let message = format!(
        "no configured project is called {shown}; the nearest are {}; `lore init` adds another",
        shortened(&names)
    );
    WireError::new(ErrorCode::ProjectUnknown, message)
        .details(json!({ "asked": asked, "nearest": paths }))
        .action("lore status")
        .action("lore init")
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn shortened(names: &[String]) -> String {
    use std::fmt::Write as _;
    let mut text = names[..names.len().min(10)].join(", ");
    if names.len() > 10 {
        // A string takes everything.
        let _ = write!(text, " and {} more", names.len() - 10);
    }
    text
}

/// The URL of a git remote, as far as it can name a project.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Lower case.
    pub(crate) host: String,
    pub(crate) port: Port,
    /// Without slashes at its ends and without `.git`.
    pub(crate) path: String,
}

/// The port of a remote, where it says something of the web's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// An HTTP port; absent: the scheme's own.
    Web(Option<u16>),
    /// That of SSH or git, which may be any.
    Other,
}

impl Remote {
    /// Reads `git@host:group/p.git`, `ssh://`, `git://` and `http(s)://`. What
    /// else git takes, such as a folder, names no GitLab.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains("://") {
            let url = Url::parse(text).ok()?;
            let port = match url.scheme() {
                "http" | "https" => Port::Web(url.port()),
                "ssh" | "git" | "git+ssh" | "ssh+git" => Port::Other,
                _ => return None,
            };
            return Self::new(url.host_str()?, port, url.path());
        }
        // git's own rule: a colon before any slash makes it host and path.
        let (host, path) = text.split_once(':')?;
        if host.contains('/') || host.is_empty() {
            return None;
        }
        let host = host.rsplit('@').next()?;
        Self::new(host, Port::Other, path)
    }

    fn new(host: &str, port: Port, path: &str) -> Option<Self> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let path = path.trim_matches('/');
        let path = path
            .strip_suffix(".git")
            .unwrap_or(path)
            .trim_end_matches('/');
        (!path.is_empty()).then(|| Self {
            host: host.to_lowercase(),
            port,
            path: path.to_owned(),
        })
    }

    fn is_of(&self, config: &Config, project: &ConfiguredProject) -> bool {
        let Some(host) = config.hosts.get(&project.host) else {
            return false;
        };
        let wanted = project.path.to_lowercase();
        self.is_at(&host.url)
            && (self.path.to_lowercase() == wanted
                || self.path_below(&host.url).to_lowercase() == wanted)
    }

    /// Whether it leads to the host at `url`; a port of SSH says nothing.
    pub(crate) fn is_at(&self, url: &Url) -> bool {
        let same_host = url
            .host_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(&self.host));
        let same_port = match self.port {
            Port::Web(port) => port == url.port(),
            Port::Other => true,
        };
        same_host && same_port
    }

    /// The path without the prefix that a relative-URL install at `url` has in
    /// web addresses.
    pub(crate) fn path_below(&self, url: &Url) -> &str {
        let root = url.path().trim_matches('/');
        let rest = match (self.port, self.path.get(..root.len())) {
            (Port::Web(_), Some(start)) if start.eq_ignore_ascii_case(root) => {
                &self.path[root.len()..]
            }
            _ => return &self.path,
        };
        match rest.strip_prefix('/') {
            Some(path) if !root.is_empty() => path,
            _ => &self.path,
        }
    }
}

#[cfg(test)]
mod tests;
