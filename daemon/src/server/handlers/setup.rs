//! `setup.check` and `setup.write`, which are there without a config too.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::setup::{Setup, SetupReport};

use crate::daemon::Daemon;
use crate::setup;

pub(super) async fn check(daemon: Arc<Daemon>, ask: Setup) -> Result<SetupReport, WireError> {
    let places = daemon.places();
    let mut trial = setup::Trial::new(&ask, &places.config, &daemon.hosts().config())?;
    trial.check(daemon.hosts(), daemon.clock().now()).await
}

pub(super) async fn write(daemon: Arc<Daemon>, ask: Setup) -> Result<SetupReport, WireError> {
    let places = daemon.places();
    let mut trial = setup::Trial::new(&ask, &places.config, &daemon.hosts().config())?;
    let report = trial.check(daemon.hosts(), daemon.clock().now()).await?;
    // The file is read, changed and in force before another change is made.
    let _editing = daemon.edit_config().await;
    let report = trial.write(report, &daemon.hosts().finder()).await?;
    if report.written {
        daemon.reload().await?;
    }
    Ok(report)
}
