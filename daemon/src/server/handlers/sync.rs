//! `sync.start`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::sync::{SyncRequest, SyncStarted};

use crate::daemon::Daemon;

pub(super) async fn start(daemon: Arc<Daemon>, ask: SyncRequest) -> Result<SyncStarted, WireError> {
    daemon.start_sync(ask).await
}
