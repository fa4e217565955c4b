//! `setup.*`, which are there without a config too.

use std::collections::BTreeSet;
use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::setup::{AskProposals, FindProjects, FoundProjects, Proposals, Setup, SetupReport};

use crate::daemon::Daemon;
use crate::setup::{self, Trial};
use crate::store::{self, StoreError};

pub(super) async fn propose(
    daemon: Arc<Daemon>,
    ask: AskProposals,
) -> Result<Proposals, WireError> {
    // Before anything is asked: nothing is added to a file with a mistake.
    daemon.notice_config_change().await;
    if let Some(mistake) = daemon.settings.mistake() {
        return Err(mistake);
    }
    let hosts = daemon.hosts();
    setup::propose(&ask, &hosts.config(), &hosts.finder()).await
}

pub(super) async fn find_projects(
    daemon: Arc<Daemon>,
    ask: FindProjects,
) -> Result<FoundProjects, WireError> {
    let host = Setup {
        host: ask.host,
        url: ask.url,
        token: ask.token,
        projects: Vec::new(),
        ca_file: ask.ca_file,
    };
    let mut trial = trial(&daemon, &host)?;
    trial
        .find_projects(daemon.hosts(), &ask.query, ask.limit)
        .await
}

pub(super) async fn check(daemon: Arc<Daemon>, ask: Setup) -> Result<SetupReport, WireError> {
    let mut trial = trial(&daemon, &ask)?;
    let mirrored = mirrored(&daemon, trial.host_name(), &ask.projects).await;
    trial
        .check(daemon.hosts(), &mirrored, daemon.clock().now())
        .await
}

pub(super) async fn write(daemon: Arc<Daemon>, ask: Setup) -> Result<SetupReport, WireError> {
    let mut trial = trial(&daemon, &ask)?;
    let mirrored = mirrored(&daemon, trial.host_name(), &ask.projects).await;
    let report = trial
        .check(daemon.hosts(), &mirrored, daemon.clock().now())
        .await?;
    // The file is read, changed and in force before another change is made.
    let _editing = daemon.edit_config().await;
    let report = trial.write(report, &daemon.hosts().finder()).await?;
    if report.written {
        daemon.reload().await?;
    }
    Ok(report)
}

fn trial(daemon: &Daemon, ask: &Setup) -> Result<Trial, WireError> {
    Trial::new(ask, &daemon.places().config, &daemon.hosts().config())
}

/// Which of the projects were synced before, in lower case; none while there
/// is no config or no database, which a set-up need not have.
async fn mirrored(daemon: &Daemon, host: &str, projects: &[String]) -> BTreeSet<String> {
    let Ok(ready) = daemon.ready() else {
        return BTreeSet::new();
    };
    let (host, asked) = (host.to_owned(), projects.to_vec());
    let read = ready.database.read(move |connection| {
        let mut mirrored = BTreeSet::new();
        for path in asked {
            let row = store::projects::by_path(connection, &host, &path)?;
            if row.is_some_and(|row| row.last_synced_at.is_some()) {
                mirrored.insert(path.to_lowercase());
            }
        }
        Ok::<_, StoreError>(mirrored)
    });
    read.await.unwrap_or_default()
}
