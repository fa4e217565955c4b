//! From a config to the URLs that tell which project a checkout is of.

use super::config::GitConfig;
use super::ssh::HostNames;

/// At most so many are told the daemon.
const MAX_REMOTES: usize = 32;

/// The remotes' URLs, most telling first, each once.
pub(super) fn urls(config: &GitConfig, branch: Option<&str>, aliases: &HostNames) -> Vec<String> {
    let followed = branch.and_then(|branch| config.last("branch", branch, "remote"));
    let preferred = followed.into_iter().chain(["upstream", "origin"]);
    let others = config.all("remote", "url").map(|(name, _)| name);
    let mut found: Vec<String> = Vec::new();
    for name in preferred.chain(others) {
        // git fetches from the first of a remote's URLs.
        let first = config
            .all("remote", "url")
            .find(|(known, _)| *known == name);
        let Some((_, url)) = first else { continue };
        let url = aliases.resolve(&without_credentials(&rewritten(config, url)));
        if !found.contains(&url) && found.len() < MAX_REMOTES {
            found.push(url);
        }
    }
    found
}

/// `url.<base>.insteadOf`: the longest matching beginning is replaced.
fn rewritten(config: &GitConfig, url: &str) -> String {
    config
        .all("url", "insteadof")
        .filter(|(_, prefix)| !prefix.is_empty() && url.starts_with(prefix))
        .max_by_key(|(_, prefix)| prefix.len())
        .map_or_else(
            || url.to_owned(),
            |(base, prefix)| format!("{base}{}", &url[prefix.len()..]),
        )
}

/// A URL without user and password: people put tokens there, and the daemon
/// has no use for them. `git@` of an ssh URL stays, it is no secret.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else {
        return url.to_owned();
    };
    let is_ssh = matches!(scheme, "ssh" | "git+ssh" | "ssh+git");
    match user.split_once(':').map_or(user, |(name, _)| name) {
        name if is_ssh && !name.is_empty() => format!("{scheme}://{name}@{host}{path}"),
        _ => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_remote_never_leaves_the_config() {
        for (given, told) in [
            ("https://oauth2:glpat-x@h/g/p.git", "https://h/g/p.git"),
            ("https://glpat-x@h/g/p.git", "https://h/g/p.git"),
            ("https://u:p@ss@h:8443/g/p", "https://h:8443/g/p"),
            ("https://h/g/p@v2", "https://h/g/p@v2"),
            ("ssh://git@h:2222/g/p.git", "ssh://git@h:2222/g/p.git"),
            ("ssh://git:secret@h/g/p", "ssh://git@h/g/p"),
            ("git@h:g/p.git", "git@h:g/p.git"),
            ("../local", "../local"),
        ] {
            assert_eq!(without_credentials(given), told);
        }
    }
}
