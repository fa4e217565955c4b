//! `syncRuns.list`, `syncRuns.get` and `syncRuns.retryFailed`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::project::Read;
use lore_proto::sync::{RunResult, SyncStarted};
use lore_proto::sync_runs::{ListRuns, RunList, RunRef};

use super::projects::resolved;
use crate::daemon::Daemon;
use crate::projects;
use crate::query::runs::{self, RunsOf};

pub(super) async fn list(daemon: Arc<Daemon>, ask: ListRuns) -> Result<Read<RunList>, WireError> {
    let ready = daemon.ready()?;
    let of = match (&ask.project, &ask.host) {
        (None, None) => RunsOf::All,
        (None, Some(host)) => RunsOf::Host(projects::host_key(&ready.config, host)?),
        (Some(project), host) => {
            let (project, host) = (Some(project.clone()), host.clone());
            RunsOf::Project(resolved(&ready.config, project, host, Vec::new())?)
        }
    };
    runs::list(&ready.database, of, ask, daemon.clock().now()).await
}

pub(super) async fn get(daemon: Arc<Daemon>, ask: RunRef) -> Result<Read<RunResult>, WireError> {
    let ready = daemon.ready()?;
    runs::get(&ready.database, ask, daemon.clock().now()).await
}

pub(super) async fn retry_failed(
    daemon: Arc<Daemon>,
    ask: RunRef,
) -> Result<SyncStarted, WireError> {
    daemon.retry_failed(ask).await
}
