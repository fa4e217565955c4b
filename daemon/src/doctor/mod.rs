//! `doctor.run`: everything that may keep the mirror from working is looked
//! at, each thing with its cure. It works with no config and no database, and
//! changes nothing.

mod database;
mod hosts;
mod places;

use std::sync::Arc;

use lore_proto::doctor::{AskDoctor, Diagnosis, Finding};
use lore_proto::{PROTOCOL, VERSION};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::daemon::Daemon;

/// How long an embedding service may take to say which model it has.
const EMBEDDER_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Looks at everything.
pub async fn run(daemon: &Arc<Daemon>, ask: &AskDoctor) -> Diagnosis {
    let now = daemon.clock().now();
    let mut findings = vec![serves(daemon)];
    let in_force = config(daemon, &mut findings);
    let here = daemon.places().clone();
    let looked = tokio::task::spawn_blocking(move || {
        let mut findings = places::look(&here);
        findings.extend(database::disk(&here));
        findings
    });
    findings.extend(looked.await.unwrap_or_default());
    findings.extend(database::look(daemon).await);
    if let Some(config) = &in_force {
        findings.extend(variables(ask));
        findings.extend(hosts::look(daemon, config, ask.offline).await);
        findings.push(embedding(daemon, ask.offline).await);
    }
    Diagnosis::new(findings, now)
}

fn serves(daemon: &Daemon) -> Finding {
    let version = format!(
        "lored {VERSION} (protocol {PROTOCOL}, pid {}) answers at `{}`",
        std::process::id(),
        daemon.places().socket.display()
    );
    match daemon.degraded() {
        None => Finding::ok("daemon", version),
        Some(error) => {
            // What it is follows, with its cure.
            let message = format!("{version}, and serves set-up only");
            Finding {
                code: Some(error.code),
                ..Finding::warning("daemon", message)
            }
        }
    }
}

/// The config in force, where there is one.
fn config(daemon: &Daemon, findings: &mut Vec<Finding>) -> Option<Arc<Config>> {
    match daemon.settings.current() {
        Ok(config) => {
            for warning in daemon.config_warnings() {
                let finding = Finding::warning("config", warning.message);
                findings.push(Finding {
                    code: Some(warning.code),
                    actions: warning.actions,
                    ..finding
                });
            }
            let message = format!(
                "`{}` is in force: {} hosts, {} projects",
                config.path.display(),
                config.hosts.len(),
                config.projects().count()
            );
            findings.push(Finding::ok("config", message));
            Some(config)
        }
        Err(error) => {
            findings.push(Finding::failed("config", error));
            None
        }
    }
}

/// Variables that somebody's shell has and the daemon has not: a daemon that a
/// service manager started does not see them.
fn variables(ask: &AskDoctor) -> Vec<Finding> {
    let unseen = ask.variables.iter().filter(|name| {
        // Only names that mean something here: this is no way to ask for the
        // daemon's environment.
        lore_proto::doctor::VARIABLES.contains(&name.as_str()) && std::env::var_os(name).is_none()
    });
    unseen
        .map(|name| {
            let message =
                format!("`{name}` is set in your shell, and the daemon was started without it");
            Finding::warning("environment", message)
                .of(name.clone())
                .action("lore daemon restart")
        })
        .collect()
}

/// Where texts become vectors, and whether they leave this machine for it.
async fn embedding(daemon: &Daemon, offline: bool) -> Finding {
    let embedder = match daemon.mirror.now() {
        Ok(mirror) => mirror.engine.embedder(),
        Err(_) => return Finding::skipped("embedding", "there is no mirror to embed"),
    };
    let embedder = match embedder {
        Ok(Some(embedder)) => embedder,
        Ok(None) => {
            let message = "`provider = \"none\"`: search finds words, not meanings";
            return Finding::ok("embedding", message);
        }
        Err(error) => return Finding::failed("embedding", (&error).into()),
    };
    let Some(destination) = embedder.destination() else {
        return Finding::ok("embedding", "made in the daemon; no text leaves it");
    };
    let sent = format!("texts of issues and merge requests are sent to {destination}");
    if offline {
        return Finding::skipped("embedding", sent);
    }
    let cancel = CancellationToken::new();
    let asked = tokio::time::timeout(EMBEDDER_LIMIT, embedder.identity(&cancel)).await;
    match asked {
        Ok(Ok(model)) => Finding::ok("embedding", format!("{sent} (model {})", model.model)),
        Ok(Err(error)) => Finding::failed("embedding", (&error).into()),
        Err(_) => Finding::warning(
            "embedding",
            format!(
                "{sent}, which did not answer within {} s",
                EMBEDDER_LIMIT.as_secs()
            ),
        ),
    }
}
