//! What other tools know of hosts and have tokens for.

use std::path::PathBuf;

use super::files::in_time;
use super::glab::{self, GlabHost};
use super::surroundings::Surroundings;
use super::{Finder, Source, Wanted, netrc};

/// The variables that GitLab's tools take a token from.
const VARIABLES: [&str; 3] = ["GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN"];
/// The variables that say for which host those are.
const HOST_VARIABLES: [&str; 3] = ["GITLAB_HOST", "GITLAB_URI", "GL_HOST"];

/// Where another tool has a token.
pub(super) enum Discovered {
    Token(String, Source),
    /// The service under which glab keeps it, and the file that says so.
    InKeyring(String, PathBuf),
}

impl Finder {
    /// The hosts that glab knows, the likeliest first.
    pub(crate) async fn glab_hosts(&self) -> Vec<GlabHost> {
        let finder = self.clone();
        let read = in_time(move || glab::hosts(&finder.env));
        read.await.unwrap_or_default()
    }

    /// The hosts, names or addresses, that variables name for GitLab's tools.
    pub(crate) fn hosts_of_variables(&self) -> Vec<String> {
        HOST_VARIABLES
            .iter()
            .filter_map(|name| self.env.text(name))
            .collect()
    }

    /// What other tools have for this host. Blocks.
    pub(super) fn discovered(&self, wanted: &Wanted<'_>, only: bool) -> Option<Discovered> {
        if self.variables_mean(wanted, only)
            && let Some((name, value)) = VARIABLES
                .iter()
                .find_map(|name| Some((*name, self.env.text(name)?)))
        {
            return Some(Discovered::Token(value, Source::Env(name.to_owned())));
        }
        match glab::login(wanted, &self.env) {
            Some(glab::Login::Token(token, file)) => {
                return Some(Discovered::Token(token, Source::Glab(file)));
            }
            Some(glab::Login::InKeyring(key, file)) => {
                // `.netrc` may have one that is easier to come by.
                return Some(netrc_or(wanted, &self.env, || {
                    Discovered::InKeyring(format!("glab:{key}"), file)
                }));
            }
            None => {}
        }
        let (password, file) = netrc::password(wanted, &self.env)?;
        Some(Discovered::Token(password, Source::Netrc(file)))
    }

    /// Whether the variables of [`VARIABLES`] are for this host.
    fn variables_mean(&self, wanted: &Wanted<'_>, only: bool) -> bool {
        let mut named = HOST_VARIABLES
            .iter()
            .filter_map(|name| self.env.text(name))
            .peekable();
        if named.peek().is_none() {
            return only;
        }
        named.any(|host| wanted.is(&host))
    }

    /// A variable that is set and was not taken, since it may be for another
    /// host.
    pub(super) fn unclaimed(&self, wanted: &Wanted<'_>, only: bool) -> Option<&'static str> {
        let set = VARIABLES
            .into_iter()
            .find(|name| self.env.text(name).is_some())?;
        (!self.variables_mean(wanted, only)).then_some(set)
    }
}

fn netrc_or(
    wanted: &Wanted<'_>,
    env: &Surroundings,
    otherwise: impl FnOnce() -> Discovered,
) -> Discovered {
    match netrc::password(wanted, env) {
        Some((password, file)) => Discovered::Token(password, Source::Netrc(file)),
        None => otherwise(),
    }
}
