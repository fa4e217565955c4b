//! Care for the database: a copy, a check, a new beginning.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lore_proto::db::{Backup, BackupDone, Check, CheckDone, DbStarted, Rebuilt};
use lore_proto::events::EventBody;
use lore_proto::jobs::Priority;
use lore_proto::sync::SyncRequest;
use lore_proto::{ErrorCode, WireError};

use super::Daemon;
use super::syncs::named;
use crate::jobs::{JobContext, Outcome, Submission, Work};
use crate::store::check::{Checker, QUICK, THOROUGH};
use crate::store::{StoreError, aside, backup};
use crate::sync::Trigger;

impl Daemon {
    /// Queues a copy of the database.
    ///
    /// # Errors
    /// `USAGE` where the file's path is not absolute.
    pub async fn start_backup(&self, ask: Backup) -> Result<DbStarted, WireError> {
        let to = PathBuf::from(&ask.file);
        if !to.is_absolute() || to.file_name().is_none() {
            let message = format!(
                "`file` takes the absolute path of a file, not `{}`",
                ask.file
            );
            return Err(WireError::new(ErrorCode::Usage, message));
        }
        let work = BackupWork {
            from: self.places.database(),
            to,
            force: ask.force,
        };
        let claims = vec![format!("db backup {}", real(&work.to).await.display())];
        let title = "back up the database".to_owned();
        self.submit_upkeep("db backup", title, None, claims, work)
            .await
    }

    /// Queues a check of the database, of one that cannot be opened too.
    pub async fn start_check(&self, ask: Check) -> Result<DbStarted, WireError> {
        let work = CheckWork {
            database: self.places.database(),
            checks: if ask.quick { QUICK } else { THOROUGH },
        };
        let key = Some(format!("db check {}", ask.quick));
        let title = "check the database".to_owned();
        self.submit_upkeep("db check", title, key, Vec::new(), work)
            .await
    }

    async fn submit_upkeep(
        &self,
        kind: &'static str,
        title: String,
        key: Option<String>,
        exclusive: Vec<String>,
        work: impl Work,
    ) -> Result<DbStarted, WireError> {
        let submission = Submission {
            kind,
            title,
            priority: Priority::Interactive,
            key,
            exclusive,
            run_ids: Vec::new(),
            work: Box::new(work),
        };
        let submitted = self.scheduler.submit(submission).await?;
        Ok(DbStarted {
            job_id: submitted.job_id,
            joined: submitted.joined,
            asker: Some(submitted.asker),
        })
    }

    /// Moves the database aside, whatever state it is in, begins a new one and
    /// queues a full sync into it.
    ///
    /// # Errors
    /// The files could not be moved, or no new database be made. What was
    /// begun is finished by the next attempt or the next start.
    pub async fn rebuild(self: &Arc<Self>) -> Result<Rebuilt, WireError> {
        let moved = self
            .exchange_mirror(async |path: &Path| {
                let path = path.to_path_buf();
                // Now and not before: another rebuild may have been waited for.
                let stamp = self.clock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
                tracing::warn!(stamp, "the database is moved aside");
                let moving = tokio::task::spawn_blocking(move || aside::move_aside(&path, &stamp));
                let moved = moving.await.unwrap_or(Err(StoreError::Panicked));
                moved.map_err(|error| error.to_wire())
            })
            .await?;
        let queued = self.queue_full_sync().await;
        Ok(Rebuilt {
            moved_to: moved.as_ref().map(|it| it.to.display().to_string()),
            moved_bytes: moved.map_or(0, |it| it.bytes),
            job_id: queued.as_ref().map(|it| it.job_id),
            run_ids: queued.map_or_else(Vec::new, |it| it.run_ids),
        })
    }

    /// Queues a full sync of all projects; none where there are none.
    pub(crate) async fn queue_full_sync(self: &Arc<Self>) -> Option<crate::jobs::Submitted> {
        let ready = self.ready().ok()?;
        let projects = named(&ready.config);
        if projects.is_empty() {
            return None;
        }
        let request = SyncRequest {
            full: true,
            ..SyncRequest::default()
        };
        match self
            .submit_sync(&ready, request, projects, Trigger::Request)
            .await
        {
            Ok(submitted) => Some(submitted),
            Err(error) => {
                tracing::warn!(%error, "the full sync of the new database could not be queued");
                None
            }
        }
    }
}

/// A copy of the database.
struct BackupWork {
    from: PathBuf,
    to: PathBuf,
    force: bool,
}

impl Work for BackupWork {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        async move {
            let copying = tokio::task::spawn_blocking(move || {
                let progress = |done, total| {
                    tell(&cx, "pages", done, Some(total));
                    if cx.cancel.is_cancelled() {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                };
                let copied = backup::copy(&self.from, &self.to, self.force, progress)?;
                Ok::<_, StoreError>((copied, self.to))
            });
            let (copied, to) = match copying.await.unwrap_or(Err(StoreError::Panicked)) {
                Ok(done) => done,
                Err(error) => return Outcome::failed(error.to_wire()),
            };
            in_full(&BackupDone {
                file: to.display().to_string(),
                bytes: copied.bytes,
                schema_version: copied.schema_version,
            })
        }
        .boxed()
    }
}

/// A look for damage.
struct CheckWork {
    database: PathBuf,
    checks: &'static [&'static str],
}

impl Work for CheckWork {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        async move {
            let Self { database, checks } = *self;
            let path = database.clone();
            let opened = tokio::task::spawn_blocking(move || Checker::open(&path));
            let checker = match opened.await.unwrap_or(Err(StoreError::Panicked)) {
                Ok(checker) => checker,
                Err(error) => return Outcome::failed(error.to_wire()),
            };
            let interrupt = checker.interrupt();
            let cancel = cx.cancel.clone();
            let mut checking = tokio::task::spawn_blocking(move || {
                let mut problems = Vec::new();
                for (done, check) in (0_u64..).zip(checks) {
                    if cx.cancel.is_cancelled() {
                        return Err(StoreError::Cancelled);
                    }
                    tell(&cx, check, done, Some(checks.len() as u64));
                    problems.extend(checker.run(check)?);
                }
                problems.dedup();
                Ok(problems)
            });
            let checked = tokio::select! {
                checked = &mut checking => checked,
                () = cancel.cancelled() => {
                    interrupt.interrupt();
                    checking.await
                }
            };
            let problems = match checked.unwrap_or(Err(StoreError::Panicked)) {
                Ok(problems) => problems,
                Err(error) => return Outcome::failed(error.to_wire()),
            };
            let done = CheckDone {
                database: database.display().to_string(),
                checks: checks.iter().map(|check| (*check).to_owned()).collect(),
                problems,
            };
            if done.problems.is_empty() {
                return in_full(&done);
            }
            damaged(&done)
        }
        .boxed()
    }
}

/// The path with the links of its folder followed, so that one file is known
/// under all its names.
async fn real(path: &Path) -> PathBuf {
    let path = path.to_path_buf();
    let unknown = path.clone();
    let found = tokio::task::spawn_blocking(move || {
        let folder = std::fs::canonicalize(path.parent()?).ok()?;
        Some(folder.join(path.file_name()?))
    });
    found.await.ok().flatten().unwrap_or(unknown)
}

fn damaged(done: &CheckDone) -> Outcome {
    let message = format!(
        "the database `{}` is damaged: {}{}; everything in it can be had from GitLab again",
        done.database,
        done.problems.first().map_or("", String::as_str),
        match done.problems.len() {
            0 | 1 => String::new(),
            more => format!(" (and {} more problems)", more - 1),
        }
    );
    let details = serde_json::to_value(done).unwrap_or_default();
    let error = WireError::new(ErrorCode::DatabaseCorrupt, message)
        .details(details)
        .action("lore db rebuild");
    Outcome::failed(error)
}

fn tell(cx: &JobContext, what: &str, done: u64, total: Option<u64>) {
    let body = EventBody::Progress {
        project: "lore.db".to_owned(),
        what: what.to_owned(),
        done,
        total,
    };
    cx.events.publish(None, body);
}

fn in_full(result: &impl serde::Serialize) -> Outcome {
    let value = serde_json::to_value(result);
    value
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))
        .into()
}
