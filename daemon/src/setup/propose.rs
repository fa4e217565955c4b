//! Which host and which projects may be meant, from what is on this machine:
//! nobody is asked, and no token goes anywhere.

use std::path::PathBuf;

use futures_util::future::join_all;
use lore_proto::WireError;
use lore_proto::setup::{AskProposals, HostProposal, ProposalOrigin, Proposals};
use url::Url;

use super::own_name;
use crate::config::{Config, Host, check_host_name, check_project_path, host_url};
use crate::credentials::{Finder, GlabHost};
use crate::hosts::new_token_page;
use crate::projects::{Port, Remote};

/// Hosts of remotes that are known to be no GitLab.
const NO_GITLAB: [&str; 5] = [
    "github.com",
    "bitbucket.org",
    "codeberg.org",
    "git.sr.ht",
    "ssh.dev.azure.com",
];
/// More remotes are not looked at.
const MAX_REMOTES: usize = 100;

/// The hosts that lore's config, the git remotes, the environment and glab's
/// config speak of, most likely first; with [`AskProposals::host`] that one
/// alone.
///
/// # Errors
/// `USAGE` where a host is named that can be none.
pub async fn propose(
    ask: &AskProposals,
    config: &Config,
    finder: &Finder,
) -> Result<Proposals, WireError> {
    let mut known = Known {
        config,
        glab: finder.glab_hosts().await,
        hosts: Vec::new(),
    };
    let asked = match &ask.host {
        Some(host) => Some(own_name(config, check_host_name(host)?)),
        None => None,
    };
    if let Some(name) = &asked {
        let url = ask.url.as_deref().map(|url| super::usable_url(name, url));
        let url = url.transpose()?;
        known.host(name, url);
    }
    for remote in ask.remotes.iter().take(MAX_REMOTES) {
        known.remote(remote);
    }
    known.rest(&finder.hosts_of_variables());
    let mut hosts = known.hosts;
    match asked {
        Some(name) => hosts.retain(|it| it.name == name),
        None => hosts.sort_by_key(Guess::rank),
    }
    let hosts = hosts.into_iter().map(|it| it.told(config, finder));
    Ok(Proposals {
        hosts: join_all(hosts).await,
    })
}

/// What is known so far.
struct Known<'a> {
    config: &'a Config,
    glab: Vec<GlabHost>,
    hosts: Vec<Guess>,
}

/// A host that may be meant.
struct Guess {
    name: String,
    url: Url,
    origins: Vec<ProposalOrigin>,
    projects: Vec<String>,
    ca_file: Option<PathBuf>,
}

impl Known<'_> {
    /// The guess for a host of this name, made where there is none; `url`: what
    /// is said of where it is, by somebody who knows.
    fn host(&mut self, name: &str, url: Option<Url>) -> Option<&mut Guess> {
        let at = self.hosts.iter().position(|it| it.name == name);
        let at = if let Some(at) = at {
            at
        } else {
            let guess = self.guess(name, url)?;
            self.hosts.push(guess);
            self.hosts.len() - 1
        };
        self.hosts.get_mut(at)
    }

    fn guess(&self, name: &str, url: Option<Url>) -> Option<Guess> {
        let configured = self.config.hosts.get(name);
        let glab = self.glab.iter().find(|it| it.name == name);
        let url = url
            .or_else(|| configured.map(|host| host.url.clone()))
            .or_else(|| host_url(&glab?.url).ok())
            .or_else(|| host_url(&format!("https://{name}")).ok())?;
        let mut origins = Vec::new();
        if configured.is_some() {
            origins.push(ProposalOrigin::Config);
        }
        if let Some(glab) = glab {
            origins.push(if glab.default {
                ProposalOrigin::GlabDefault
            } else {
                ProposalOrigin::Glab
            });
        }
        Some(Guess {
            name: name.to_owned(),
            url,
            origins,
            projects: Vec::new(),
            ca_file: match configured {
                Some(host) => host.ca_file.clone(),
                None => glab.and_then(|glab| glab.ca_cert.clone()),
            },
        })
    }

    fn remote(&mut self, text: &str) {
        let Some(remote) = Remote::parse(text) else {
            return;
        };
        if NO_GITLAB.contains(&remote.host.as_str()) {
            return;
        }
        let name = self.name_of(&remote);
        // Whoever clones over plain http has a GitLab there.
        let plain = text.trim().to_ascii_lowercase().starts_with("http://");
        let url = plain.then(|| host_url(&format!("http://{name}")).ok());
        let unknown = !self.config.hosts.contains_key(&name)
            && !self.glab.iter().any(|glab| glab.name == name);
        let Some(guess) = self.host(&name, url.flatten().filter(|_| unknown)) else {
            return;
        };
        if !guess.origins.contains(&ProposalOrigin::Remote) {
            guess.origins.push(ProposalOrigin::Remote);
        }
        let path = remote.path_below(&guess.url);
        let is_new = guess
            .projects
            .iter()
            .all(|known| !known.eq_ignore_ascii_case(path));
        if is_new && check_project_path(path).is_ok() {
            guess.projects.push(path.to_owned());
        }
    }

    /// What the host of a remote is called: as the config or glab call it,
    /// which may know of a port or of another name for SSH.
    fn name_of(&self, remote: &Remote) -> String {
        let configured = self
            .config
            .hosts
            .iter()
            .find(|(_, host)| remote.is_at(&host.url))
            .map(|(name, _)| name.clone());
        let by_glab = || {
            let glab = self.glab.iter().find(|glab| {
                glab.ssh_host.as_deref() == Some(remote.host.as_str())
                    || glab.name == remote.host
                    || host_url(&glab.url).is_ok_and(|url| remote.is_at(&url))
            });
            glab.map(|glab| glab.name.clone())
        };
        configured
            .or_else(by_glab)
            .unwrap_or_else(|| match remote.port {
                Port::Web(Some(port)) => format!("{}:{port}", remote.host),
                _ => remote.host.clone(),
            })
    }

    /// The hosts that no remote speaks of.
    fn rest(&mut self, variables: &[String]) {
        for text in variables {
            let address = match text.split_once("://") {
                Some(_) => host_url(text),
                None => host_url(&format!("https://{text}")),
            };
            let Ok(url) = address else { continue };
            let Some(host) = url.host_str() else { continue };
            let name = match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            };
            let name = own_name(self.config, &name);
            let told = text.contains("://").then(|| url.clone());
            if let Some(guess) = self.host(&name, told) {
                guess.origins.push(ProposalOrigin::Environment);
            }
        }
        let glab: Vec<String> = self.glab.iter().map(|it| it.name.clone()).collect();
        let names = glab.iter().chain(self.config.hosts.keys());
        for name in names {
            self.host(&own_name(self.config, name), None);
        }
    }
}

impl Guess {
    /// A remote on a host that somebody set up goes first, then other remotes.
    fn rank(&self) -> u8 {
        let by_remote = self.origins.contains(&ProposalOrigin::Remote);
        match (by_remote, self.origins.len()) {
            (true, 2..) => 0,
            (true, _) => 1,
            _ => 2,
        }
    }

    async fn told(self, config: &Config, finder: &Finder) -> HostProposal {
        let configured = config.hosts.get(&self.name);
        let host = Host {
            url: self.url.clone(),
            ..configured.cloned().unwrap_or(Host {
                url: self.url.clone(),
                token: None,
                projects: Vec::new(),
                ca_file: None,
                client_cert: None,
                client_key: None,
            })
        };
        let only = config.hosts.keys().all(|other| *other == self.name);
        let token_source = finder.describe(&self.name, &host, only).await;
        let has = |path: &String| {
            let mut configured = host.projects.iter();
            configured.any(|known| known.eq_ignore_ascii_case(path))
        };
        HostProposal {
            token_page: new_token_page(&self.url),
            url: self.url.as_str().trim_end_matches('/').to_owned(),
            origins: self.origins,
            projects: self
                .projects
                .into_iter()
                .filter(|path| !has(path))
                .collect(),
            token_source: token_source.map(|source| source.to_string()),
            ca_file: self.ca_file.map(|path| path.display().to_string()),
            configured_projects: host.projects,
            host: self.name,
        }
    }
}
