//! The mirror that is served, or why there is none; and how one takes the
//! place of the other.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Daemon;
use crate::clock::Clock;
use crate::config::Config;
use crate::embedding;
use crate::query::search::Vectors;
use crate::store::{Database, StoreError, aside};
use crate::sync::{self, Engine};

/// A database that could not be opened is not tried more often than this.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// The open database, and what syncs into it.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    pub(crate) vectors: Vectors,
    /// Decides the jitter of an embedding service's retries.
    pub(crate) seed: u64,
}

/// What a mirror is made of.
#[derive(Debug, Clone)]
pub(crate) struct Makings {
    pub(crate) places: Places,
    pub(crate) hosts: sync::Hosts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
}

/// A mirror that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) mirror: Mirror,
    /// A rebuild that broke off was finished: the database is empty.
    pub(crate) anew: bool,
}

impl Mirror {
    /// Opens the database, finishes a rebuild that broke off, and closes the
    /// runs that a dead daemon left.
    pub(crate) async fn open(makings: &Makings, config: &Config) -> Result<Opened, WireError> {
        let path = makings.places.database();
        let opened = tokio::task::spawn_blocking(move || {
            let anew = aside::finish(&path)?.is_some();
            Ok::<_, StoreError>((Database::open(&path)?, anew))
        });
        let (database, anew) = match opened.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(error.to_wire()),
            Err(_) => {
                let message = "opening the database ended by a defect, of which the log says more";
                return Err(WireError::new(ErrorCode::Internal, message).action("lore daemon logs"));
            }
        };
        let engine = Engine::new(
            database.clone(),
            makings.hosts.clone(),
            Arc::clone(&makings.clock),
            config.sync.clone(),
            makings.seed,
        );
        close_interrupted_runs(&engine).await;
        let mirror = Self {
            database,
            engine,
            vectors: Vectors::default(),
            seed: makings.seed,
        };
        mirror.take_embedder(config);
        Ok(Opened { mirror, anew })
    }

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

/// The place of the mirror: what it holds is asked for again with each
/// request.
#[derive(Debug)]
pub(crate) struct MirrorPlace {
    makings: Makings,
    now: RwLock<Result<Mirror, WireError>>,
    /// Held by whoever changes what stands there.
    changing: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    /// When opening was tried last.
    tried: Instant,
    /// The daemon stops, and nothing is opened any more.
    over: bool,
}

impl MirrorPlace {
    pub(crate) fn new(makings: Makings, now: Result<Mirror, WireError>) -> Self {
        if let Err(error) = &now {
            tracing::error!(%error, "the database cannot be opened");
        }
        Self {
            makings,
            now: RwLock::new(now),
            changing: Mutex::new(Changes {
                tried: Instant::now(),
                over: false,
            }),
        }
    }

    /// The mirror as it is now, or why there is none.
    pub(crate) fn now(&self) -> Result<Mirror, WireError> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn replace(&self, by: Result<Mirror, WireError>) -> Result<Mirror, WireError> {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, by)
    }

    /// Closes the database for good, whoever still has it in hand.
    pub(crate) async fn close(&self) {
        let changing = tokio::time::timeout(super::DEFAULT_GRACE, self.changing.lock()).await;
        if let Ok(mut changes) = changing {
            changes.over = true;
        } else {
            tracing::warn!("a rebuild did not end in time");
        }
        if let Ok(mirror) = self.replace(Err(StoreError::Closed.to_wire())) {
            close(mirror).await;
        }
    }
}

async fn close(mirror: Mirror) {
    let database = mirror.database.clone();
    drop(mirror);
    let closed = tokio::task::spawn_blocking(move || database.close());
    if closed.await.is_err() {
        tracing::error!("closing the database ended by a defect");
    }
}

impl Daemon {
    /// Tries again to open a database that could not be opened: what was
    /// locked, full or unreadable may no longer be.
    pub(crate) async fn retry_mirror(self: &Arc<Self>) {
        if self.mirror.now().is_ok() {
            return;
        }
        let Ok(mut changes) = self.mirror.changing.try_lock() else {
            return;
        };
        if changes.over || changes.tried.elapsed() < TRY_EVERY || self.mirror.now().is_ok() {
            return;
        }
        changes.tried = Instant::now();
        let config = self.config_in_force();
        match Mirror::open(&self.mirror.makings, &config).await {
            Ok(Opened { mirror, anew }) => {
                tracing::info!("the database could be opened");
                drop(self.mirror.replace(Ok(mirror)));
                drop(changes);
                self.mirror_changed();
                if anew {
                    self.fill_anew().await;
                }
            }
            Err(error) => drop(self.mirror.replace(Err(error))),
        }
    }

    /// Takes the mirror away, ends what works with it, lets `meanwhile` do
    /// something to the closed database's file, and opens what is there then.
    pub(super) async fn exchange_mirror<T>(
        self: &Arc<Self>,
        meanwhile: impl AsyncFnOnce(&std::path::Path) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let mut changes = self.mirror.changing.lock().await;
        if changes.over {
            return Err(StoreError::Closed.to_wire());
        }
        let reason = "the mirror is being rebuilt; ask again in a moment";
        let rebuilding = WireError::new(ErrorCode::DatabaseLocked, reason).action("lore status");
        let old = self.mirror.replace(Err(rebuilding));
        self.end_jobs().await;
        if let Ok(old) = old {
            close(old).await;
        }
        let done = meanwhile(&self.places.database()).await;
        let config = self.config_in_force();
        let opened = Mirror::open(&self.mirror.makings, &config).await;
        changes.tried = Instant::now();
        let anew = opened.as_ref().is_ok_and(|opened| opened.anew);
        let opened = opened.map(|opened| opened.mirror);
        let failed = opened.as_ref().err().cloned();
        drop(self.mirror.replace(opened));
        drop(changes);
        self.mirror_changed();
        if anew {
            // `meanwhile` failed half-way, and opening went on with it.
            self.fill_anew().await;
        }
        match (done, failed) {
            (Err(error), _) | (Ok(_), Some(error)) => Err(error),
            (Ok(done), None) => Ok(done),
        }
    }

    /// Queues what a rebuild owes that broke off and was finished later.
    async fn fill_anew(self: &Arc<Self>) {
        tracing::warn!("the rebuild that broke off is finished: the database is new and empty");
        self.queue_full_sync().await;
    }

    fn mirror_changed(&self) {
        self.synced.notify_one();
        if let Some(timer) = self.timer.get() {
            timer.reschedule(self.schedule());
        }
    }

    /// Cancels all jobs and waits until they have ended, within a bound: what
    /// still goes on then finds a closed database.
    async fn end_jobs(&self) {
        let going = self.scheduler.list().await;
        let going = going.iter().filter(|job| !job.state.is_terminal());
        let ids: Vec<u64> = going.map(|job| job.job_id).collect();
        for id in &ids {
            self.scheduler.cancel(*id, None).await;
        }
        let ended = async {
            for id in ids {
                if let Some(mut events) = self.scheduler.follow(id, 0) {
                    while events.next().await.is_some() {}
                }
            }
        };
        if tokio::time::timeout(super::DEFAULT_GRACE, ended)
            .await
            .is_err()
        {
            tracing::warn!("jobs did not end in time and lose their database");
        }
    }
}

/// A run that a dead daemon left running did not end well.
async fn close_interrupted_runs(engine: &Engine) {
    match engine.ledger().close_interrupted().await {
        Ok(0) => {}
        Ok(runs) => tracing::warn!(runs, "runs of a daemon that died were closed"),
        Err(error) => tracing::error!(%error, "runs of a daemon that died cannot be closed"),
    }
}
