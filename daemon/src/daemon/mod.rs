//! The daemon as a whole: every part is built once, here, and this is what
//! the handlers of requests are given.

pub(crate) mod idle;
mod items;
mod mirror;
pub(crate) mod rechecks;
mod settings;
mod stop;
mod surgical;
mod syncs;
mod upkeep;
pub(crate) mod warmth;
pub(crate) mod watch;

use std::sync::Arc;

use jiff::Timestamp;
use lore_proto::daemon::{EmbeddingInfo, LockInfo, StatusWarning};
use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};

pub(crate) use items::ItemAsked;
pub(crate) use mirror::{Makings, Mirror, MirrorPlace, Opened};
pub(crate) use settings::Settings;
pub(crate) use stop::{DEFAULT_GRACE, StopSignal};

use self::warmth::Warmth;
use crate::clock::Clock;
use crate::config::{Config, EmbeddingProvider, Limits};
use crate::connections::Connections;
use crate::hosts::HostClients;
use crate::jobs::{Scheduler, Timer};
use crate::query::search::Vectors;
use crate::store::Database;
use crate::store::backup::{NONE_LEFT, free_space};
use crate::sync::Engine;

/// The running daemon.
#[derive(Debug)]
pub struct Daemon {
    pub(crate) places: Places,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started_at: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) hosts: Arc<HostClients>,
    /// Where it could not be opened the daemon serves what needs none, so that
    /// a person can find out and mend it.
    pub(crate) mirror: MirrorPlace,
    pub(crate) scheduler: Scheduler,
    pub(crate) timer: std::sync::OnceLock<Timer>,
    pub(crate) connections: std::sync::OnceLock<Connections>,
    /// What clients that come now may ask of the socket.
    pub(crate) limits: tokio::sync::watch::Sender<Limits>,
    pub(crate) stop: StopSignal,
    /// Marked when something was synced, or the config changed: items may have
    /// to be looked at again sooner than was planned.
    pub(crate) synced: Arc<tokio::sync::Notify>,
    pub(crate) warmth: Arc<Warmth>,
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
        } = self.mirror.now()?;
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
    pub fn database(&self) -> Option<Database> {
        self.mirror.now().ok().map(|mirror| mirror.database)
    }

    /// Who may write content now.
    pub fn locks(&self) -> Vec<LockInfo> {
        self.mirror
            .now()
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

    /// Where texts become vectors, by the config in force; none where nothing
    /// is embedded.
    pub fn embedding(&self) -> Option<EmbeddingInfo> {
        let embedder = self.mirror.now().ok()?.engine.embedder().ok()??;
        let provider = match self.config_in_force().embedding.provider {
            EmbeddingProvider::Builtin => "builtin",
            EmbeddingProvider::Ollama => "ollama",
            EmbeddingProvider::Openai => "openai",
            EmbeddingProvider::None => return None,
        };
        Some(EmbeddingInfo {
            provider: provider.to_owned(),
            sent_to: embedder.destination().map(str::to_owned),
        })
    }

    /// What a person should know of the mirror and its disk.
    pub async fn mirror_warnings(&self) -> Vec<StatusWarning> {
        let mut warnings = Vec::new();
        if let Err(error) = self.mirror.now() {
            warnings.push(StatusWarning {
                code: error.code,
                message: error.message,
                actions: error.actions,
            });
        }
        let folder = self.places.data_dir.clone();
        let free = tokio::task::spawn_blocking(move || free_space(&folder)).await;
        if let Ok(Some(free)) = free
            && free < NONE_LEFT
        {
            warnings.push(StatusWarning {
                code: ErrorCode::DiskFull,
                message: format!(
                    "{} MiB are left on the disk of `{}`: what is synced may not fit any more",
                    free >> 20,
                    self.places.data_dir.display()
                ),
                actions: vec!["df -h".to_owned()],
            });
        }
        warnings
    }

    /// What a person should know of the config.
    pub fn config_warnings(&self) -> Vec<StatusWarning> {
        self.settings.warnings()
    }
}
