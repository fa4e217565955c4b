//! The daemon as a whole: every part is built once, here, and this is what
//! the handlers of requests are given.

mod items;
pub(crate) mod rechecks;
mod settings;
mod stop;
mod surgical;
mod syncs;
pub(crate) mod warmth;

use std::sync::Arc;

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::daemon::{LockInfo, StatusWarning};
use lore_proto::places::Places;

pub(crate) use items::ItemAsked;
pub(crate) use settings::Settings;
pub(crate) use stop::{DEFAULT_GRACE, StopSignal};

use self::warmth::Warmth;
use crate::clock::Clock;
use crate::config::Config;
use crate::connections::Connections;
use crate::embedding;
use crate::hosts::HostClients;
use crate::jobs::{Scheduler, Timer};
use crate::query::search::Vectors;
use crate::store::Database;
use crate::sync::Engine;

/// The running daemon.
#[derive(Debug)]
pub struct Daemon {
    pub(crate) places: Places,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started_at: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) hosts: Arc<HostClients>,
    /// Why there is none, where it could not be opened: then the daemon
    /// serves what needs none, so that a person can find out and mend it.
    pub(crate) mirror: Result<Mirror, WireError>,
    pub(crate) scheduler: Scheduler,
    pub(crate) timer: std::sync::OnceLock<Timer>,
    pub(crate) connections: std::sync::OnceLock<Connections>,
    pub(crate) stop: StopSignal,
    /// Marked when something was synced, or the config changed: items may have
    /// to be looked at again sooner than was planned.
    pub(crate) synced: Arc<tokio::sync::Notify>,
    pub(crate) warmth: Arc<Warmth>,
}

/// The open database, and what syncs into it.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    pub(crate) vectors: Vectors,
    /// Decides the jitter of an embedding service's retries.
    pub(crate) seed: u64,
}

impl Mirror {
    /// Puts the config's source of vectors in force.
    pub(crate) fn take_embedder(&self, config: &Config) {
        let env = |name: &str| std::env::var(name).ok();
        let embedder = embedding::open(&config.embedding, env, self.seed);
        if let Err(error) = &embedder {
            tracing::warn!(%error, "nothing can be embedded");
        }
        self.engine.set_embedder(embedder);
    }
}

/// What a daemon that can serve everything has.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The config as it is now.
    pub config: Arc<Config>,
    /// The mirror.
    pub database: Database,
    /// What syncs it.
    pub engine: Engine,
    /// The vectors of its documents that are in memory.
    pub vectors: Vectors,
}

impl Daemon {
    /// The config and the mirror; an error says which of them is missing, why,
    /// and what to do.
    pub fn ready(&self) -> Result<Ready, WireError> {
        let config = self.settings.current()?;
        let Mirror {
            database,
            engine,
            vectors,
            ..
        } = self.mirror.clone()?;
        Ok(Ready {
            config,
            database,
            engine,
            vectors,
        })
    }

    /// Why not everything is served; none where it is.
    pub fn degraded(&self) -> Option<WireError> {
        self.ready().err()
    }

    /// Where things are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The daemon's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// When it started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The clients of the configured hosts.
    pub fn hosts(&self) -> &Arc<HostClients> {
        &self.hosts
    }

    /// The jobs.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The mirror, where it could be opened.
    pub fn database(&self) -> Option<&Database> {
        self.mirror.as_ref().ok().map(|mirror| &mirror.database)
    }

    /// Who may write content now.
    pub fn locks(&self) -> Vec<LockInfo> {
        self.mirror
            .as_ref()
            .map_or_else(|_| Vec::new(), |mirror| mirror.engine.locks())
    }

    /// When the timer fires next; none while it is off.
    pub fn next_timer_at(&self) -> Option<Timestamp> {
        self.timer.get()?.next_at()
    }

    /// How many clients are connected.
    pub fn connections(&self) -> u64 {
        self.connections
            .get()
            .map_or(0, |connections| connections.count() as u64)
    }

    /// What a person should know of the config.
    pub fn config_warnings(&self) -> Vec<StatusWarning> {
        self.settings.warnings()
    }
}
