//! `fileHistory.get`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::file_history::{FileHistory, FileHistoryParams};
use lore_proto::project::Read;

use super::projects::resolved;
use crate::daemon::Daemon;
use crate::query;

pub(super) async fn get(
    daemon: Arc<Daemon>,
    mut ask: FileHistoryParams,
) -> Result<Read<FileHistory>, WireError> {
    let ready = daemon.ready()?;
    let remotes = std::mem::take(&mut ask.remotes);
    let project = resolved(&ready.config, ask.project.take(), ask.host.take(), remotes)?;
    query::file_history::get(&ready.database, &project, ask, daemon.clock().now()).await
}
