//! `setup.*`: what `lore init` asks of the daemon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, WireError};

/// A token on its way from a prompt to the daemon. It cannot be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps what must not be shown.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where a host's token comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// An environment variable of the daemon.
    Env(String),
    /// A file of mode 0600.
    File(String),
    /// A command that prints it.
    Command(Vec<String>),
    /// The token itself, to be kept by the daemon in a file of mode 0600.
    Value(Secret),
}

/// Parameters of `setup.check` and `setup.write`: one host and its projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The host's key in the config, `gitlab.example.com`.
    pub host: String,
    /// Its URL; absent: `https://<host>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where its token comes from; absent: the one that is kept, what the
    /// config names, else what other tools left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSource>,
    /// Full paths.
    pub projects: Vec<String>,
    /// A PEM file with the authority that signed the host's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// The answer of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetupReport {
    /// The config file, written by `setup.write` alone.
    pub config: String,
    /// True where the file was written.
    pub written: bool,
    /// GitLab's version, where it says so.
    pub gitlab_version: Option<String>,
    /// Whom the token belongs to.
    pub username: Option<String>,
    /// What the token may do, where that can be known.
    pub scopes: Vec<String>,
    /// The day the token ends, `YYYY-MM-DD`.
    pub expires_at: Option<String>,
    /// Whole days until then; negative once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<i64>,
    /// Where the token comes from; never what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<String>,
    /// What a person should know of the host and the token: one that ends
    /// soon, one that may do more than reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// GitLab's clock less this machine's, in seconds.
    pub clock_skew_seconds: Option<i64>,
    /// Each project.
    pub projects: Vec<ProjectCheck>,
    /// What the first sync of those that are not mirrored yet will take;
    /// absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sync: Option<FirstSync>,
    /// When it was checked.
    pub checked_at: Timestamp,
}

/// One project of a [`SetupReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectCheck {
    /// The path that was asked for.
    pub asked: String,
    /// The path as GitLab spells it; absent where it cannot be read.
    pub path: Option<String>,
    /// GitLab's numeric id.
    pub id: Option<u64>,
    /// Why it cannot be read.
    pub error: Option<WireError>,
    /// How many issues it has; absent where GitLab does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issues: Option<ItemCount>,
    /// How many merge requests it has; absent where GitLab does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_requests: Option<ItemCount>,
    /// True where it was synced before.
    #[serde(default)]
    pub mirrored: bool,
}

/// How many items a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemCount {
    /// So many.
    pub count: u64,
    /// True where GitLab gives no total (beyond 10,000) and the newest item's
    /// number stands for it: there are no more than that.
    #[serde(default)]
    pub at_most: bool,
}

/// What a first sync will take, computed from what it does: its lists, and the
/// requests for each issue and each merge request. Long threads and cut diffs
/// take some more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstSync {
    /// Projects that it is about.
    pub projects: u64,
    /// Of these, projects that GitLab gives no numbers of; they come on top.
    pub uncounted: u64,
    /// Issues in the counted ones.
    pub issues: u64,
    /// Merge requests in the counted ones.
    pub merge_requests: u64,
    /// True where a number is an upper bound instead of a count.
    #[serde(default)]
    pub at_most: bool,
    /// Requests for them.
    pub requests: u64,
    /// What the host allows each minute (`RateLimit-Limit`); absent where it
    /// names no limit.
    pub requests_per_minute: Option<u64>,
    /// How long one answer took just now, in milliseconds.
    pub answer_milliseconds: Option<u64>,
    /// How many requests are under way at once (`max_concurrent_requests`).
    pub concurrency: u64,
    /// Seconds that the requests take: by the host's limit or by the answers'
    /// speed, whichever is slower; absent where neither is known.
    pub seconds: Option<u64>,
    /// True where it is the host's limit that decides.
    #[serde(default)]
    pub limited_by_host: bool,
}

/// Parameters of `setup.propose`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskProposals {
    /// URLs of the current checkout's git remotes, most telling first.
    #[serde(default)]
    pub remotes: Vec<String>,
    /// Only this host, whatever is known of it: a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// That host's URL, where it is not the one that is known or
    /// `https://<host>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The answer of `setup.propose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposals {
    /// Hosts that may be meant, most likely first.
    pub hosts: Vec<HostProposal>,
}

/// A host that `lore init` may set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostProposal {
    /// Its key in the config, `gitlab.example.com`.
    pub host: String,
    /// Where it is.
    pub url: String,
    /// Who speaks of it.
    pub origins: Vec<ProposalOrigin>,
    /// The projects of the remotes on it that the config does not have.
    pub projects: Vec<String>,
    /// The projects that the config has already.
    pub configured_projects: Vec<String>,
    /// Where a token for it was found; absent where none was. Nothing was sent
    /// anywhere.
    pub token_source: Option<String>,
    /// The page on which a token is made, name and scope filled in.
    pub token_page: String,
    /// The authority of its certificate, where glab knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// Who speaks of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalOrigin {
    /// lore's own config.
    Config,
    /// A git remote of the current checkout.
    Remote,
    /// `GITLAB_HOST` and its like, in the daemon's environment.
    Environment,
    /// glab's config.
    Glab,
    /// glab's config, as its default host.
    GlabDefault,
}

/// Parameters of `projects.search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindProjects {
    /// The host's key in the config, `gitlab.example.com`; it need not be
    /// there yet.
    pub host: String,
    /// Its URL; absent: what the config says, else `https://<host>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where its token comes from; absent: as for `setup.check`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSource>,
    /// A PEM file with the authority that signed the host's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Part of a project's name or path, a full path, or the project's web
    /// address; empty: the most recently active ones.
    pub query: String,
    /// The most projects in the answer, 1 to 100.
    pub limit: u32,
}

/// The answer of `projects.search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundProjects {
    /// What fits, the most recently active first; one that has exactly the
    /// asked path stands before all others.
    pub projects: Vec<FoundProject>,
    /// True where the first one has exactly the asked path.
    pub exact: bool,
    /// True where there are more that are not listed.
    pub more: bool,
    /// How many fit in all, where GitLab says.
    pub total: Option<u64>,
    /// True where only projects that the token's user is a member of were
    /// looked at; where none of those fits, all are.
    pub membership: bool,
}

/// A project that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundProject {
    /// The full path.
    pub path: String,
    /// The display name.
    pub name: String,
    /// When something last happened in it, roughly.
    pub last_activity_at: Option<Timestamp>,
}
