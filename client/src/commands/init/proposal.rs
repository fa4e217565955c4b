//! What the current checkout proposes: the hosts and projects of its remotes.

use crate::checkout::{Checkout, UserFiles};

/// A host and a project on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    /// Its name, with a port where it is one of HTTP.
    pub(super) host: String,
    /// The full path.
    pub(super) project: String,
}

/// Proposals from the current folder's git remotes, most telling first.
pub(super) fn from_checkout() -> Vec<Proposal> {
    let Ok(folder) = std::env::current_dir() else {
        return Vec::new();
    };
    let remotes = Checkout::around(&folder)
        .map(|checkout| checkout.remotes(&UserFiles::from_env()))
        .unwrap_or_default();
    remotes.iter().filter_map(|url| from_remote(url)).collect()
}

/// The host of an address of the web, as the config's key: with its port.
pub(super) fn host_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn from_remote(url: &str) -> Option<Proposal> {
    let (host, path) = match url.split_once("://") {
        Some((scheme @ ("http" | "https" | "ssh"), rest)) => {
            let (_, path) = rest.split_once('/')?;
            let host = host_of_url(url)?;
            // An ssh port says nothing of where the API is.
            let host = match host.split_once(':') {
                Some((name, _)) if scheme == "ssh" => name.to_owned(),
                _ => host,
            };
            (host, path)
        }
        Some(_) => return None,
        None => {
            let (place, path) = url.split_once(':')?;
            if place.contains('/') {
                return None;
            }
            let host = place.rsplit_once('@').map_or(place, |(_, h)| h);
            (host.to_ascii_lowercase(), path)
        }
    };
    let project = path.trim_matches('/');
    let project = project.strip_suffix(".git").unwrap_or(project);
    (!host.is_empty() && project.contains('/')).then(|| Proposal {
        host,
        project: project.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_of_every_form_propose_host_and_project() {
        for (url, expected) in [
            (
                "git@Gitlab.example:g/s/p.git",
                Some(("gitlab.example", "g/s/p")),
            ),
            ("ssh://git@h:2222/g/p.git", Some(("h", "g/p"))),
            ("https://h:8443/g/p", Some(("h:8443", "g/p"))),
            ("http://u@h/g/p.git/", Some(("h", "g/p"))),
            ("https://h/", None),
            ("../elsewhere", None),
            ("/srv/git:x/p.git", None),
            ("file:///srv/g/p.git", None),
        ] {
            let expected = expected.map(|(host, project)| Proposal {
                host: host.to_owned(),
                project: project.to_owned(),
            });
            assert_eq!(from_remote(url), expected, "{url}");
        }
    }
}
