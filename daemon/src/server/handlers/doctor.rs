//! `doctor.run`, which is there whatever else is not.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::doctor::{AskDoctor, Diagnosis};

use crate::daemon::Daemon;
use crate::doctor;

pub(super) async fn run(daemon: Arc<Daemon>, ask: AskDoctor) -> Result<Diagnosis, WireError> {
    Ok(doctor::run(&daemon, &ask).await)
}
