//! The daemon's life: what is built in which order, and how it ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lore_proto::WireError;
use lore_proto::places::Places;
use thiserror::Error;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::{
    DEFAULT_GRACE, Daemon, Makings, Mirror, MirrorPlace, Opened, Settings, StopSignal, idle,
    rechecks, warmth, watch,
};
use crate::hosts::HostClients;
use crate::jobs::{OnTimer, Scheduler, SchedulerLimits, Timer};
use crate::server::{Listener, OwnerError, OwnerLock, handlers, own_folder};
use crate::service::{self, PassedSocket};
use crate::sync;

/// What a daemon is started with.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// Where its things are.
    pub places: Places,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Decides the jitter of timers and retries.
    pub seed: u64,
    /// The socket that a service manager has bound at `places.socket`; without
    /// one the daemon binds it itself.
    pub passed: Option<Arc<PassedSocket>>,
}

impl DaemonOptions {
    /// A daemon for everyday use.
    pub fn new(places: Places) -> Self {
        Self {
            places,
            clock: Arc::new(SystemClock),
            seed: rand::random(),
            passed: None,
        }
    }
}

/// Why no daemon could be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its folders, its lock or its socket cannot be used.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// A method was entered twice: a defect.
    #[error("the method table is wrong: {0}")]
    Methods(#[from] jsonrpsee::core::RegisterMethodError),
}

impl StartError {
    /// The error as a person meets it.
    pub fn to_wire(&self) -> WireError {
        match self {
            Self::Owner(error) => error.to_wire(),
            Self::Methods(_) => WireError::new(lore_proto::ErrorCode::Internal, self.to_string()),
        }
    }
}

/// A daemon that serves. It has to be waited for: dropping it ends it without
/// order.
#[derive(Debug)]
pub struct Running {
    daemon: Arc<Daemon>,
    server: JoinHandle<()>,
    rechecks: JoinHandle<()>,
    warmth: JoinHandle<()>,
    watch: JoinHandle<()>,
    idle: Option<JoinHandle<()>>,
    stop_serving: CancellationToken,
    /// Held to the end: whoever gets it next finds a closed database.
    lock: OwnerLock,
}

impl Running {
    /// Builds the parts from the bottom up and serves once all of them stand:
    /// folders, lock, config, database, scheduler, socket, timer. Neither a
    /// bad config nor a bad database keeps it from serving.
    pub async fn start(options: DaemonOptions) -> Result<Self, StartError> {
        let DaemonOptions {
            places,
            clock,
            seed,
            passed,
        } = options;
        own_folder(&places.data_dir)?;
        let lock = OwnerLock::acquire(&places.owner_lock())?;
        let settings = Settings::load(&places.config);
        let config = settings.current().unwrap_or_else(|_| {
            // No hosts; what needs some asks `Daemon::ready` first.
            Arc::new(Config::empty(&places.config))
        });
        let scheduler = Scheduler::start(Arc::clone(&clock), SchedulerLimits::default());
        let shared = sync::Hosts::default();
        let makings = Makings {
            places: places.clone(),
            hosts: shared.clone(),
            clock: Arc::clone(&clock),
            seed,
        };
        let (mirror, anew) = match Mirror::open(&makings, &config).await {
            Ok(Opened { mirror, anew }) => (Ok(mirror), anew),
            Err(error) => (Err(error), false),
        };
        let mirror = MirrorPlace::new(makings, mirror);
        let limits = channel::Sender::new(config.server);
        let hosts = Arc::new(HostClients::new(config, shared, Arc::clone(&clock), seed));
        let daemon = Arc::new(Daemon {
            started_at: clock.now(),
            settings,
            hosts,
            mirror,
            scheduler,
            synced: Arc::default(),
            warmth: Arc::default(),
            timer: OnceLock::new(),
            connections: OnceLock::new(),
            limits,
            stop: StopSignal::new(),
            clock: Arc::clone(&clock),
            places,
        });
        let methods = handlers::methods(&daemon)?;
        let limits = daemon.limits.subscribe();
        let listener = match &passed {
            Some(passed) => Listener::adopt(passed, limits, &lock)?,
            None => Listener::bind(&daemon.places.socket, limits, &lock)?,
        };
        // Both cells are set here alone.
        let _ = daemon.connections.set(listener.connections());
        let stop_serving = CancellationToken::new();
        let server = tokio::spawn(listener.serve(methods, stop_serving.clone()));
        let on_timer = TimedSync(Arc::downgrade(&daemon));
        let timer = Timer::start(daemon.schedule(), seed, clock, on_timer);
        let _ = daemon.timer.set(timer);
        let rechecks = tokio::spawn(rechecks::run(
            Arc::downgrade(&daemon),
            Arc::clone(&daemon.synced),
        ));
        let warmth = tokio::spawn(warmth::run(
            Arc::downgrade(&daemon),
            Arc::clone(&daemon.warmth),
        ));
        let watch = tokio::spawn(watch::run(Arc::downgrade(&daemon)));
        // Only one that is started again by the next client may go by itself.
        let idle = passed.map(|_| tokio::spawn(idle::run(Arc::downgrade(&daemon))));
        if anew {
            daemon.queue_full_sync().await;
        }
        tracing::info!(
            version = lore_proto::VERSION,
            socket = %daemon.places.socket.display(),
            degraded = daemon.degraded().map(|error| error.message),
            "lored serves"
        );
        service::say_ready();
        Ok(Self {
            daemon,
            server,
            rechecks,
            warmth,
            watch,
            idle,
            stop_serving,
            lock,
        })
    }

    /// The daemon, to ask and to stop it.
    pub fn daemon(&self) -> &Arc<Daemon> {
        &self.daemon
    }

    /// Waits until somebody wants the daemon to stop, and stops it: no more
    /// timed work, no more jobs, running jobs cancelled and waited for,
    /// clients told how they ended and let go, the database closed, the lock
    /// released. Running jobs get the grace that was asked for, the rest a
    /// bounded time.
    pub async fn wait(self) {
        let mut wish = self.daemon.stop.subscribe();
        // It may have come already.
        let mut grace = match wish.wait_for(Option::is_some).await {
            Ok(grace) => grace.unwrap_or(DEFAULT_GRACE),
            Err(_) => DEFAULT_GRACE,
        };
        tracing::info!(?grace, "lored stops");
        service::say_stopping();
        if let Some(timer) = self.daemon.timer.get() {
            timer.stop();
        }
        self.rechecks.abort();
        self.warmth.abort();
        self.watch.abort();
        if let Some(idle) = &self.idle {
            idle.abort();
        }
        // Waiting for a sync to finish by itself could take hours, and a
        // cancelled one loses next to nothing.
        let scheduler = &self.daemon.scheduler;
        loop {
            tokio::select! {
                () = scheduler.shutdown(Duration::ZERO, grace) => break,
                sooner = changed_grace(&mut wish) => grace = sooner,
            }
        }
        self.stop_serving.cancel();
        if self.server.await.is_err() {
            tracing::error!("the server ended by a defect");
        }
        // Somebody may still have the daemon in hand, and the next one finds a
        // closed database all the same.
        self.daemon.mirror.close().await;
        drop(self.daemon);
        drop(self.lock);
        tracing::info!("lored stopped");
    }
}

/// The grace of the next request to stop. The sender lives in the daemon,
/// whose end this waits for.
async fn changed_grace(wish: &mut channel::Receiver<Option<Duration>>) -> Duration {
    match wish.changed().await {
        Ok(()) => wish.borrow_and_update().unwrap_or(DEFAULT_GRACE),
        Err(_) => std::future::pending().await,
    }
}

/// What the timer does. It does not keep the daemon alive.
struct TimedSync(std::sync::Weak<Daemon>);

impl OnTimer for TimedSync {
    fn fire(&mut self) -> BoxFuture<'_, ()> {
        async move {
            let Some(daemon) = self.0.upgrade() else {
                return;
            };
            daemon.notice_changes().await;
            daemon.timed_sync(None).await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
