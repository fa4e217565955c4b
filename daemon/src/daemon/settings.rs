//! The config in force, and how another one comes into force.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lore_proto::daemon::StatusWarning;
use lore_proto::{ErrorCode, WireError};
use tokio::time::Instant;

use super::Daemon;
use crate::config::{Config, ConfigError};
use crate::jobs::TimerSchedule;

/// The file is not looked at more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first timed sync comes so long after the start, or after a change of
/// the interval.
const FIRST_SYNC_AFTER: Duration = Duration::from_secs(10);

/// The config in force.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    state: Mutex<State>,
    /// Held from reading the file until all follow what was read, so that of
    /// two that read, all follow the later one.
    following: tokio::sync::Mutex<()>,
    /// Held by whoever changes the file, from reading it on.
    editing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// The last config that had no error; none where there never was one.
    good: Option<Arc<Config>>,
    /// Why the file as it is now is not in force.
    error: Option<ConfigError>,
    /// Which state of the file that was.
    seen: Option<FileState>,
    looked_at: Instant,
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Settings {
    /// Reads the file. A file that cannot be used leaves no config in force.
    pub(crate) fn load(path: &Path) -> Self {
        let seen = file_state(path);
        let (good, error) = match Config::load(path) {
            Ok(config) => (Some(Arc::new(config)), None),
            Err(error) => (None, Some(error)),
        };
        let looked_at = Instant::now();
        let state = State {
            good,
            error,
            seen,
            looked_at,
        };
        Self {
            path: path.to_path_buf(),
            state: Mutex::new(state),
            following: tokio::sync::Mutex::default(),
            editing: tokio::sync::Mutex::default(),
        }
    }

    /// The config in force.
    pub(crate) fn current(&self) -> Result<Arc<Config>, WireError> {
        let state = self.state();
        state.good.clone().ok_or_else(|| match &state.error {
            Some(error) => error.to_wire(),
            None => ConfigError::NotFound {
                path: self.path.clone(),
            }
            .to_wire(),
        })
    }

    /// What is wrong with the file as it is now, if it is there.
    pub(crate) fn mistake(&self) -> Option<WireError> {
        let state = self.state();
        let error = state.error.as_ref()?;
        let is_there = !matches!(error, ConfigError::NotFound { .. });
        is_there.then(|| error.to_wire())
    }

    pub(crate) fn warnings(&self) -> Vec<StatusWarning> {
        let state = self.state();
        let mut warnings = Vec::new();
        if let Some(error) = &state.error {
            let wire = error.to_wire();
            let mut message = wire.message;
            if state.good.is_some() {
                message.push_str("; the config from before stays in force");
            }
            warnings.push(StatusWarning {
                code: wire.code,
                message,
                actions: wire.actions,
            });
        }
        let of_good = state.good.iter().flat_map(|config| &config.warnings);
        warnings.extend(of_good.map(|message| StatusWarning {
            code: ErrorCode::ConfigInvalid,
            message: message.clone(),
            actions: vec!["lore init".to_owned()],
        }));
        warnings
    }

    /// True where the file is another than the one read last. It is looked at
    /// once a second at most.
    async fn has_changed(&self) -> bool {
        {
            let mut state = self.state();
            if state.looked_at.elapsed() < LOOK_EVERY {
                return false;
            }
            state.looked_at = Instant::now();
        }
        let path = self.path.clone();
        let now = tokio::task::spawn_blocking(move || file_state(&path)).await;
        now.is_ok_and(|now| now != self.state().seen)
    }

    /// Reads the file, and puts it in force where it has no error. Otherwise
    /// what was in force stays so.
    async fn read(&self) -> Result<Arc<Config>, ConfigError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || (file_state(&path), Config::load(&path)));
        let (seen, loaded) = read.await.unwrap_or_else(|error| {
            let reason = error.to_string();
            let path = self.path.clone();
            (None, Err(ConfigError::Unreadable { path, reason }))
        });
        let mut state = self.state();
        state.seen = seen;
        match loaded {
            Ok(config) => {
                let config = Arc::new(config);
                state.good = Some(Arc::clone(&config));
                state.error = None;
                Ok(config)
            }
            Err(error) => {
                state.error = Some(error.clone());
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Daemon {
    /// Reads the config again and puts it in force: for new requests, new
    /// runs, and the timer.
    ///
    /// # Errors
    /// The file has an error; what was in force stays so.
    pub async fn reload(&self) -> Result<Arc<Config>, WireError> {
        let _until_all_follow = self.settings.following.lock().await;
        match self.settings.read().await {
            Ok(config) => {
                tracing::info!(config = %config.path.display(), "the config was read");
                self.hosts.replace_config(Arc::clone(&config));
                if let Ok(mirror) = self.mirror.now() {
                    mirror.engine.configure(config.sync.clone());
                    mirror.take_embedder(&config);
                }
                self.limits.send_replace(config.server);
                self.synced.notify_one();
                if let Some(timer) = self.timer.get() {
                    timer.reschedule(self.schedule());
                }
                Ok(config)
            }
            Err(error) => {
                tracing::warn!(%error, "the config has an error and is not in force");
                Err(error.to_wire())
            }
        }
    }

    /// Lets one at a time change the config file: to be held from reading it
    /// until the change is in force.
    pub(crate) async fn edit_config(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.settings.editing.lock().await
    }

    /// Reloads where the config file changed since it was read.
    pub async fn notice_config_change(&self) {
        if self.settings.has_changed().await {
            // The log and `daemon.status` tell of an error.
            let _ = self.reload().await;
        }
    }

    /// The config in force, or one that names nothing where there is none.
    pub(crate) fn config_in_force(&self) -> Arc<Config> {
        self.settings
            .current()
            .unwrap_or_else(|_| Arc::new(Config::empty(&self.places.config)))
    }

    /// When the timer fires, by the config in force; never without one.
    pub(crate) fn schedule(&self) -> TimerSchedule {
        let config = self.ready().ok().map(|ready| ready.config);
        let interval = config.and_then(|config| config.sync.interval);
        TimerSchedule {
            interval,
            first_after: interval
                .map_or(FIRST_SYNC_AFTER, |interval| interval.min(FIRST_SYNC_AFTER)),
        }
    }
}

fn file_state(path: &Path) -> Option<FileState> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(FileState {
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    })
}
