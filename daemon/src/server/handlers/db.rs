//! `db.backup`, `db.check`, `db.rebuild`, which are there without a database
//! that can be opened too.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::daemon::Nothing;
use lore_proto::db::{Backup, Check, DbStarted, Rebuilt};

use crate::daemon::Daemon;

pub(super) async fn backup(daemon: Arc<Daemon>, ask: Backup) -> Result<DbStarted, WireError> {
    daemon.start_backup(ask).await
}

pub(super) async fn check(daemon: Arc<Daemon>, ask: Check) -> Result<DbStarted, WireError> {
    daemon.start_check(ask).await
}

pub(super) async fn rebuild(daemon: Arc<Daemon>, _: Nothing) -> Result<Rebuilt, WireError> {
    daemon.rebuild().await
}
