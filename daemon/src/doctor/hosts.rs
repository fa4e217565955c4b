//! Each host: its token, the way to it, its clock, its projects.

use futures_util::future::join_all;
use lore_proto::WireError;
use lore_proto::doctor::{CheckState, Finding};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Host};
use crate::daemon::Daemon;
use crate::gitlab::{Call, ProjectRef};
use crate::hosts::{Examined, gitlab_error};

/// The most projects of a host that are asked for.
const MAX_PROJECTS: usize = 50;
/// So many at once.
const AT_ONCE: usize = 8;
/// All projects of a host together.
const PROJECTS_LIMIT: Duration = Duration::from_mins(1);
/// Clocks may differ by so much, in seconds.
const SKEW: u64 = 30;

/// Looks at every host; only at what this machine knows where `offline`.
pub(super) async fn look(daemon: &Daemon, config: &Config, offline: bool) -> Vec<Finding> {
    let each = config.hosts.iter().map(async |(name, host)| {
        let mut findings = Vec::new();
        match daemon.hosts().find_token(name, host).await {
            Ok(found) => {
                let message = format!("the token comes from {}", found.source);
                findings.push(Finding::ok("token", message).of(name));
            }
            Err(error) => {
                findings.push(Finding::failed("token", error).of(name));
                return findings;
            }
        }
        if offline {
            findings.push(Finding::skipped("host", "not asked").of(name));
            return findings;
        }
        match daemon.hosts().examine(name, host).await {
            Ok(examined) => {
                let now = daemon.clock().now();
                findings.extend(reached(name, host, &examined, now));
                findings.extend(projects(daemon, name, host).await);
            }
            Err(error) => findings.push(Finding::failed(area(&error), error).of(name)),
        }
        findings
    });
    join_all(each).await.into_iter().flatten().collect()
}

/// What a refusal is about.
fn area(error: &WireError) -> &'static str {
    use lore_proto::ErrorCode::{GitlabForbidden, GitlabUnauthorized, TokenMissing};
    match error.code {
        GitlabUnauthorized | GitlabForbidden | TokenMissing => "token",
        _ if error.details["cause"] == "tls" => "tls",
        _ => "host",
    }
}

fn reached(name: &str, host: &Host, examined: &Examined, now: jiff::Timestamp) -> Vec<Finding> {
    let version = examined.version.as_deref().unwrap_or("of unknown version");
    let message = format!(
        "GitLab {version} answers at {}",
        host.url.as_str().trim_end_matches('/')
    );
    let mut findings = vec![Finding::ok("host", message).of(name)];
    findings.push(if host.url.scheme() == "https" {
        Finding::ok("tls", "the certificate is trusted").of(name)
    } else {
        Finding::skipped("tls", "plain http").of(name)
    });
    let facts = &examined.facts;
    let scopes = if facts.scopes.is_empty() {
        "unknown".to_owned()
    } else {
        facts.scopes.join(", ")
    };
    let ends = facts
        .expires_at
        .as_deref()
        .unwrap_or("an unknown day, or never");
    let message = format!(
        "accepted, for {}; scopes {scopes}; ends on {ends}",
        examined.username
    );
    findings.push(Finding::ok("token", message).of(name));
    findings.extend(facts.warnings(name, now).into_iter().map(|message| {
        Finding::warning("token", message)
            .of(name)
            .action(format!("lore auth login --host {name}"))
    }));
    findings.push(match examined.clock_skew_seconds {
        None => Finding::skipped("clock", "the host does not say what time it is").of(name),
        Some(skew) if skew.unsigned_abs() > SKEW => {
            let side = if skew > 0 { "behind" } else { "ahead of" };
            let message = format!(
                "this machine's clock is {} s {side} the host's",
                skew.unsigned_abs()
            );
            Finding::warning("clock", message)
                .of(name)
                .action("timedatectl status")
        }
        Some(_) => Finding::ok("clock", "as the host's").of(name),
    });
    findings
}

/// Whether each project can be read.
async fn projects(daemon: &Daemon, name: &str, host: &Host) -> Vec<Finding> {
    let Some(client) = daemon.hosts().made(name) else {
        return Vec::new();
    };
    let cancel = CancellationToken::new();
    let call = Call::interactive(&cancel, Instant::now() + PROJECTS_LIMIT);
    let mut asked = Vec::new();
    let looked_at: Vec<&String> = host.projects.iter().take(MAX_PROJECTS).collect();
    for some in looked_at.chunks(AT_ONCE) {
        let requests = some
            .iter()
            .map(|path| client.project(&call, ProjectRef::Path(path)));
        asked.extend(some.iter().zip(join_all(requests).await));
    }
    let mut findings: Vec<Finding> = asked
        .into_iter()
        .filter_map(|(path, found)| {
            let error = found.err()?;
            Some(Finding::failed("project", gitlab_error(&error)).of(format!("{name}: {path}")))
        })
        .collect();
    let all = host.projects.len();
    let looked = all.min(MAX_PROJECTS);
    let readable = looked
        - findings
            .iter()
            .filter(|f| f.state == CheckState::Failed)
            .count();
    let rest = if all > looked {
        format!(" (the first of {all})")
    } else {
        String::new()
    };
    let message = format!("{readable} of {looked} projects can be read{rest}");
    findings.push(Finding::ok("project", message).of(name));
    findings
}
