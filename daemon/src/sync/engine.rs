//! What the daemon holds of syncing: plan, run, and who holds the locks.

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use lore_proto::daemon::LockInfo;
use lore_proto::sync::{
    CompletionStatus, ProjectPlan, Requested, RunMode, RunResult, SyncOutcome, SyncPlan,
    SyncRequest,
};
use lore_proto::{ErrorCode, WireError};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::surgical::SurgicalWork;
use super::{Hosts, Ledger, Locks, SyncError, Trigger, new_run_id, standard};
use crate::clock::Clock;
use crate::config::SyncConfig;
use crate::embedding::{EmbedError, Provider};
use crate::gitlab::Client;
use crate::jobs::{JobContext, Outcome, Work};
use crate::store::{Database, SourceType, StoreError, cursors, projects, queue, rechecks};

/// Projects that one job syncs side by side; the hosts' throttles bound the
/// requests.
const PROJECTS_AT_ONCE: usize = 4;

/// One project of a sync, with the id of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectTarget {
    /// The host's key in the config.
    pub host: String,
    /// The full path in the config.
    pub path: String,
    /// The run that will sync it.
    pub run_id: String,
}

impl ProjectTarget {
    /// What a job has for itself while it syncs the project: two standard runs
    /// of one project at once would do the same work twice.
    pub fn claim(&self) -> String {
        format!("sync {} {}", self.host, self.path)
    }
}

/// Runs syncs. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    hosts: Hosts,
    locks: Locks,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    settings: RwLock<SyncConfig>,
    embedder: RwLock<Result<Option<Arc<dyn Provider>>, EmbedError>>,
    random: std::sync::Mutex<StdRng>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("db", &self.inner.db)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over these parts. `seed` makes its run ids differ from those
    /// of other engines.
    pub fn new(
        db: Database,
        hosts: Hosts,
        clock: Arc<dyn Clock>,
        settings: SyncConfig,
        seed: u64,
    ) -> Self {
        let ledger = Ledger::new(db.clone(), clock.clone());
        Self {
            inner: Arc::new(Inner {
                db,
                hosts,
                locks: Locks::default(),
                ledger,
                clock,
                settings: RwLock::new(settings),
                embedder: RwLock::new(Ok(None)),
                random: std::sync::Mutex::new(StdRng::seed_from_u64(seed)),
            }),
        }
    }

    /// Takes these settings for runs that start from here on.
    pub fn configure(&self, settings: SyncConfig) {
        *self
            .inner
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Takes this source of vectors, or why there is none, for stages and
    /// searches that start from here on. There is none until it is told.
    pub fn set_embedder(&self, embedder: Result<Option<Arc<dyn Provider>>, EmbedError>) {
        *self
            .inner
            .embedder
            .write()
            .unwrap_or_else(PoisonError::into_inner) = embedder;
    }

    /// Where vectors come from; `None` where the config wants none.
    pub fn embedder(&self) -> Result<Option<Arc<dyn Provider>>, EmbedError> {
        self.inner
            .embedder
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The run ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// Who may write content now.
    pub fn locks(&self) -> Vec<LockInfo> {
        self.inner.locks.info()
    }

    /// Names a run for each of these projects, `(host, path)`.
    pub fn targets(
        &self,
        projects: impl IntoIterator<Item = (String, String)>,
    ) -> Vec<ProjectTarget> {
        let now = self.inner.clock.now();
        let mut random = self
            .inner
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        projects
            .into_iter()
            .map(|(host, path)| ProjectTarget {
                host,
                path,
                run_id: new_run_id(now, &mut *random),
            })
            .collect()
    }

    /// The work of a sync of these projects.
    pub fn work(
        &self,
        request: SyncRequest,
        targets: Vec<ProjectTarget>,
        trigger: Trigger,
    ) -> SyncWork {
        SyncWork {
            engine: self.clone(),
            request,
            targets,
            trigger,
        }
    }

    /// The work of a surgical sync of these items of one project.
    pub fn surgical_work(
        &self,
        request: SyncRequest,
        target: ProjectTarget,
        requested: Requested,
        retry_of: Option<String>,
    ) -> SurgicalWork {
        SurgicalWork {
            engine: self.clone(),
            request,
            target,
            requested,
            retry_of,
        }
    }

    /// What a sync of these projects would begin with; asks nothing of GitLab
    /// and writes nothing.
    pub async fn plan(
        &self,
        request: &SyncRequest,
        targets: &[ProjectTarget],
    ) -> Result<SyncPlan, StoreError> {
        let now = self.inner.clock.now();
        let reconcile_after = self.settings().full_reconcile;
        let full = request.full;
        let targets = targets.to_vec();
        let projects = self
            .inner
            .db
            .read(move |connection| {
                let mut plans = Vec::with_capacity(targets.len());
                for target in targets {
                    let row = projects::by_path(connection, &target.host, &target.path)?;
                    let Some(row) = row else {
                        plans.push(ProjectPlan {
                            project: target.path,
                            issues_updated_after: None,
                            merge_requests_updated_after: None,
                            queued_dependents: 0,
                            due_rechecks: 0,
                            reconcile: full,
                        });
                        continue;
                    };
                    let after = |source| -> Result<Option<Timestamp>, StoreError> {
                        if full {
                            return Ok(None);
                        }
                        let cursor = cursors::load(connection, row.id, source)?;
                        Ok(standard::walk_begins_at(&cursor))
                    };
                    plans.push(ProjectPlan {
                        issues_updated_after: after(SourceType::Issue)?,
                        merge_requests_updated_after: after(SourceType::MergeRequest)?,
                        queued_dependents: queue::count(connection, row.id)?,
                        due_rechecks: rechecks::due(connection, row.id, now)?.len() as u64,
                        reconcile: full || standard::reconcile_is_due(&row, now, reconcile_after),
                        project: row.path,
                    });
                }
                Ok::<_, StoreError>(plans)
            })
            .await?;
        Ok(SyncPlan {
            mode: RunMode::Standard,
            projects,
            requested: Requested::default(),
        })
    }

    /// When the next item of one of these projects, `(host, path)`, has to be
    /// looked at again, and which project that is.
    pub async fn next_recheck(
        &self,
        configured: Vec<(String, String)>,
    ) -> Result<Option<(Timestamp, (String, String))>, StoreError> {
        let now = self.inner.clock.now();
        self.inner
            .db
            .read(move |connection| {
                let mut next: Option<(Timestamp, (String, String))> = None;
                for (host, path) in configured {
                    let Some(row) = projects::by_path(connection, &host, &path)? else {
                        continue;
                    };
                    // While GitLab hides the project, the timer's own runs ask.
                    if row.access_lost_at.is_some() {
                        continue;
                    }
                    if let Some(at) = rechecks::next_due(connection, row.id, now)?
                        && next.as_ref().is_none_or(|(earliest, _)| at < *earliest)
                    {
                        next = Some((at, (host, path)));
                    }
                }
                Ok(next)
            })
            .await
    }

    pub(super) fn db(&self) -> &Database {
        &self.inner.db
    }

    /// The client of a target's host, waiting until it is made.
    pub(super) async fn client(
        &self,
        target: &ProjectTarget,
        cx: &JobContext,
    ) -> Result<Client, SyncError> {
        tokio::select! {
            biased;
            () = cx.cancel.cancelled() => Err(SyncError::Cancelled),
            client = self.inner.hosts.client(&target.host) => client.map_err(SyncError::Other),
        }
    }

    /// The locks themselves, for whoever has to hold content still.
    pub fn sync_locks(&self) -> &Locks {
        &self.inner.locks
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(super) fn settings(&self) -> SyncConfig {
        self.inner
            .settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A sync as a job: one run a project, side by side.
#[derive(Debug)]
pub struct SyncWork {
    engine: Engine,
    request: SyncRequest,
    targets: Vec<ProjectTarget>,
    trigger: Trigger,
}

impl Work for SyncWork {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let Self {
                engine,
                request,
                targets,
                trigger,
            } = *self;
            let order: Vec<String> = targets.iter().map(|t| t.run_id.clone()).collect();
            let mut runs: Vec<Result<RunResult, WireError>> = stream::iter(targets)
                .map(|target| async {
                    let claim = target.claim();
                    let (engine, request) = (engine.clone(), request.clone());
                    let ended = standard::run(engine, request, target, trigger, cx.clone()).await;
                    cx.release(&claim);
                    ended
                })
                .buffer_unordered(PROJECTS_AT_ONCE)
                .collect()
                .await;
            runs.sort_by_key(|run| match run {
                Ok(run) => order.iter().position(|id| *id == run.run_id),
                Err(_) => Some(usize::MAX),
            });
            outcome(runs)
        })
    }
}

/// The outcome of a job from those of its runs: the worst of them.
fn outcome(runs: Vec<Result<RunResult, WireError>>) -> Outcome {
    let mut lost = None;
    let mut results = Vec::with_capacity(runs.len());
    for run in runs {
        match run {
            Ok(run) => results.push(run),
            Err(error) => lost = Some(error),
        }
    }
    let has = |status| {
        results
            .iter()
            .any(|run: &RunResult| run.completion_status == Some(status))
    };
    let completion_status = if has(CompletionStatus::Cancelled) {
        CompletionStatus::Cancelled
    } else if lost.is_some() || has(CompletionStatus::Failed) {
        CompletionStatus::Failed
    } else if has(CompletionStatus::SucceededWithWarnings) {
        CompletionStatus::SucceededWithWarnings
    } else {
        CompletionStatus::Succeeded
    };
    let error = match completion_status {
        CompletionStatus::Cancelled => Some(WireError::new(
            ErrorCode::Cancelled,
            "the sync was cancelled",
        )),
        CompletionStatus::Failed => lost.or_else(|| results.iter().find_map(failure_of)),
        CompletionStatus::Succeeded | CompletionStatus::SucceededWithWarnings => None,
    };
    let result = serde_json::to_value(SyncOutcome {
        completion_status,
        runs: results,
    })
    .ok();
    Outcome { result, error }
}

fn failure_of(run: &RunResult) -> Option<WireError> {
    let code = run.error_code?;
    let message = run.error_message.clone().unwrap_or_default();
    let mut error = WireError::new(code, format!("{}: {message}", run.project))
        .details(serde_json::json!({ "run_id": run.run_id, "project": run.project }));
    error.actions.clone_from(&run.recovery_actions);
    Some(error)
}
