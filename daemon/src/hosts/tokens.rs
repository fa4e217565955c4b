//! What GitLab says of the tokens, and which of them it refuses.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lore_proto::daemon::StatusWarning;
use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{HostClients, Made, gitlab_error};
use crate::config::Host;
use crate::gitlab::{Call, Client};

/// A token that ends within so many days is warned about.
const WARN_DAYS: i64 = 14;
/// All requests of one examination together.
const EXAMINATION: Duration = Duration::from_secs(30);
/// A refused token that has not changed is tried again so often, since a proxy
/// or a half-started GitLab refuses good ones too.
const TRY_REFUSED: SignedDuration = SignedDuration::from_hours(1);
/// GitLab is asked so often when a token ends.
const ASK_EXPIRY: SignedDuration = SignedDuration::from_hours(24);

/// What GitLab says of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// What it may do; empty where GitLab does not say.
    pub scopes: Vec<String>,
    /// The day it ends, `YYYY-MM-DD`; it stops at the start of that day.
    pub expires_at: Option<String>,
}

impl TokenFacts {
    /// Whole days from `now` until it ends; negative once that is over.
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        let ends: Date = self.expires_at.as_deref()?.parse().ok()?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let span = ends.duration_since(today);
        Some(span.as_hours().div_euclid(24))
    }

    /// Whether its scopes, where they are known, allow reading.
    pub fn may_read(&self) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|it| it == "api" || it == "read_api")
    }

    /// What a person should know of it.
    pub fn warnings(&self, host: &str, now: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        if let (Some(days), Some(ends)) = (self.days_left(now), &self.expires_at)
            && days <= WARN_DAYS
        {
            let when = match days {
                ..=0 => format!("ended on {ends}"),
                1 => format!("ends tomorrow ({ends})"),
                days => format!("ends in {days} days ({ends})"),
            };
            warnings.push(format!("the token for `{host}` {when}"));
        }
        if !self.may_read() {
            warnings.push(format!(
                "the token for `{host}` has neither the scope `read_api` nor `api`, so most of \
                 what is mirrored stays hidden from it"
            ));
        }
        warnings
    }
}

impl Examined {
    /// What a person should know before this token is used for `host`.
    pub(crate) fn warnings(&self, name: &str, host: &Host, now: Timestamp) -> Vec<String> {
        let mut warnings = self.facts.warnings(name, now);
        if host.url.scheme() == "http" && !is_loopback(host) {
            warnings.push(format!(
                "`{name}` is spoken to by plain http: whoever is on the way reads the token"
            ));
        }
        if self.facts.scopes.iter().any(|scope| scope == "api") {
            warnings.push(format!(
                "the token for `{name}` may write too; one with `read_api` alone is enough"
            ));
        }
        warnings
    }

    /// # Errors
    /// `GITLAB_FORBIDDEN` where the token's scopes do not allow reading; it
    /// says where one is made that does.
    pub(crate) fn check_may_read(&self, name: &str, host: &Host) -> Result<(), WireError> {
        if self.facts.may_read() {
            return Ok(());
        }
        let message = format!(
            "the token for `{name}` may not read: its scopes are {}; nothing was kept. One with \
             the scope `read_api` is made at {}",
            self.facts.scopes.join(", "),
            new_token_page(&host.url)
        );
        Err(WireError::new(ErrorCode::GitlabForbidden, message)
            .details(json!({ "host": name, "scopes": self.facts.scopes }))
            .action(format!("lore auth login --host {name}")))
    }
}

/// Where a token that may read is made, its name and scope filled in.
pub(crate) fn new_token_page(url: &Url) -> String {
    format!(
        "{}/-/user_settings/personal_access_tokens?name=lore&scopes=read_api",
        url.as_str().trim_end_matches('/')
    )
}

fn is_loopback(host: &Host) -> bool {
    match host.url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What one look at a host found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// Whom the token belongs to.
    pub username: String,
    /// GitLab's version; old and guarded instances keep it to themselves.
    pub version: Option<String>,
    /// What the token may do, and until when.
    pub facts: TokenFacts,
    /// GitLab's clock less this machine's, in seconds.
    pub clock_skew_seconds: Option<i64>,
}

/// Asks a host who the token is, what it may do, and its version.
///
/// # Errors
/// The host cannot be reached, or does not take the token.
pub(crate) async fn examine(client: &Client, call: &Call<'_>) -> Result<Examined, WireError> {
    let user = client
        .user(call)
        .await
        .map_err(|error| gitlab_error(&error))?;
    let skew = user
        .server_date
        .map(|server| server.duration_since(user.started_at).as_secs());
    let (version, token) = futures_util::join!(client.version(call), client.token_self(call));
    let token = token.ok().flatten().map(|found| found.value);
    Ok(Examined {
        username: user.value.username,
        version: version.ok().map(|version| version.value.version),
        facts: token.map_or_else(TokenFacts::default, |token| TokenFacts {
            scopes: token.scopes,
            expires_at: token.expires_at,
        }),
        clock_skew_seconds: skew,
    })
}

impl HostClients {
    /// Examines a host with the token that it has now. The client that syncs
    /// have is used where it is the same, and remembers what was said.
    pub(crate) async fn examine(&self, name: &str, host: &Host) -> Result<Examined, WireError> {
        let config = self.config();
        let client = if config.hosts.get(name) == Some(host) {
            self.client(&config, name).await?
        } else {
            let found = self.find_token(name, host).await?;
            self.trial(name, host, found.token)?
        };
        let cancel = CancellationToken::new();
        let call = Call::interactive(&cancel, Instant::now() + EXAMINATION);
        let examined = examine(&client, &call).await?;
        self.remember(name, &examined.facts);
        Ok(examined)
    }

    /// Forgets the client of a host, and with it what is known of its token:
    /// the next one is made from what is there then.
    pub(crate) fn forget(&self, name: &str) {
        self.state().made.remove(name);
    }

    /// Where the token of a host would come from, for a person.
    pub(crate) async fn describe_source(&self, name: &str, host: &Host) -> Option<String> {
        let only = super::is_only(&self.config(), name);
        let source = self.finder().describe(name, host, only).await?;
        Some(source.to_string())
    }

    fn remember(&self, name: &str, facts: &TokenFacts) {
        let now = self.clock.now();
        if let Some(made) = self.state().made.get_mut(name) {
            made.said = Some((facts.clone(), now));
        }
    }

    /// What a person should know of the tokens. It asks nobody.
    pub fn warnings(&self, now: Timestamp) -> Vec<StatusWarning> {
        let state = self.state();
        let mut made: Vec<_> = state.made.iter().collect();
        made.sort_by_key(|(name, _)| *name);
        let mut warnings = Vec::new();
        for (name, made) in made {
            let login = || vec![format!("lore auth login --host {name}")];
            if let Some(refusal) = made.client.token_refusal() {
                warnings.push(StatusWarning {
                    code: ErrorCode::GitlabUnauthorized,
                    message: format!(
                        "GitLab at `{name}` has not accepted the token since {} ({}); timed syncs \
                         of it wait for another one",
                        refusal.since, made.source
                    ),
                    actions: login(),
                });
            }
            let facts = made
                .said
                .as_ref()
                .map(|(facts, _)| facts.warnings(name, now));
            warnings.extend(facts.into_iter().flatten().map(|message| StatusWarning {
                code: ErrorCode::GitlabUnauthorized,
                message,
                actions: login(),
            }));
        }
        warnings
    }

    /// The hosts whose token was refused the last time it was used.
    pub(crate) fn suspected(&self) -> BTreeSet<String> {
        let suspected = self.made_where(|made| made.client.token_refusal().is_some());
        suspected.into_iter().map(|(name, _)| name).collect()
    }

    /// The hosts whose token is known to be refused: their timed syncs would
    /// only be refused again. A token that changed is no longer refused, and
    /// one that did not is tried again once an hour, by one request.
    pub(crate) async fn refused(&self) -> BTreeSet<String> {
        let suspected = self.made_where(|made| made.client.token_refusal().is_some());
        let one = async |(name, client): (String, Client)| {
            self.is_refused(&name, &client).await.then_some(name)
        };
        let refused = join_all(suspected.into_iter().map(one)).await;
        refused.into_iter().flatten().collect()
    }

    async fn is_refused(&self, name: &str, client: &Client) -> bool {
        let config = self.config();
        let Some(host) = config.hosts.get(name) else {
            return false;
        };
        if let Ok(found) = self.find_token(name, host).await {
            let state = self.state();
            let made = state.made.get(name);
            if made.is_none_or(|made| made.token != found.token) {
                return false;
            }
        }
        let last = client.token_refusal().map(|refusal| refusal.last);
        let now = self.clock.now();
        if last.is_some_and(|last| has_passed(TRY_REFUSED, last, now)) {
            let cancel = CancellationToken::new();
            let call = Call::interactive(&cancel, Instant::now() + EXAMINATION);
            // The client notes how it went.
            let _ = client.user(&call).await;
        }
        client.token_refusal().is_some()
    }

    /// Asks once a day when the tokens end, so that the status can warn of it.
    pub(crate) async fn ask_expiry(&self) {
        let now = self.clock.now();
        let due = |made: &Made| {
            let asked = made.said.as_ref().map(|(_, at)| *at);
            made.client.token_refusal().is_none()
                && asked.is_none_or(|at| has_passed(ASK_EXPIRY, at, now))
        };
        let one = async |(name, client): (String, Client)| {
            let cancel = CancellationToken::new();
            let call = Call::background(&cancel);
            let asked = tokio::time::timeout(EXAMINATION, client.token_self(&call)).await;
            let facts = match asked {
                Ok(Ok(Some(found))) => TokenFacts {
                    scopes: found.value.scopes,
                    expires_at: found.value.expires_at,
                },
                // This instance never says.
                Ok(Ok(None)) => TokenFacts::default(),
                _ => return,
            };
            self.remember(&name, &facts);
        };
        join_all(self.made_where(due).into_iter().map(one)).await;
    }

    fn made_where(&self, wanted: impl Fn(&Made) -> bool) -> Vec<(String, Client)> {
        let state = self.state();
        let made = state.made.iter().filter(|(_, made)| wanted(made));
        made.map(|(name, made)| (name.clone(), made.client.clone()))
            .collect()
    }
}

/// Whether `wait` has passed since `last`, or may have: a clock that was set
/// back does not say.
fn has_passed(wait: SignedDuration, last: Timestamp, now: Timestamp) -> bool {
    last > now || now.duration_since(last) >= wait
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_does_not_outlast_a_clock_that_was_set_back() {
        let last: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        assert!(!has_passed(hour, last, last));
        assert!(!has_passed(hour, last, last + hour / 2));
        assert!(has_passed(hour, last, last + hour));
        assert!(has_passed(hour, last, last - hour * 24));
    }

    #[test]
    fn a_token_is_warned_about_from_a_fortnight_before_its_end() {
        let now: Timestamp = "2026-11-21T23:00:00Z".parse().unwrap();
        for (ends, days, word) in [
            ("2026-12-06", 15, None),
            ("2026-12-05", 14, Some("in 14 days")),
            ("2026-11-22", 1, Some("tomorrow")),
            ("2026-11-21", 0, Some("ended on")),
            ("2026-11-01", -20, Some("ended on")),
        ] {
            let facts = TokenFacts {
                scopes: vec!["read_api".into()],
                expires_at: Some(ends.into()),
            };
            assert_eq!(facts.days_left(now), Some(days), "{ends}");
            let warnings = facts.warnings("h", now);
            assert_eq!(warnings.len(), usize::from(word.is_some()), "{ends}");
            assert!(
                warnings.iter().all(|it| it.contains(word.unwrap())),
                "{warnings:?}"
            );
        }
        let odd = TokenFacts {
            scopes: vec!["read_user".into()],
            expires_at: Some("some day".into()),
        };
        assert_eq!(odd.days_left(now), None);
        assert!(odd.warnings("h", now)[0].contains("read_api"));
    }
}
