//! From named issues and merge requests to a surgical job.

use std::collections::BTreeSet;
use std::sync::Arc;

use lore_proto::jobs::Priority;
use lore_proto::sync::{
    EntityStatus, EntityType, ProjectPlan, Requested, RunMode, RunStatus, SyncPlan, SyncRequest,
    SyncStarted,
};
use lore_proto::sync_runs::RunRef;
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use super::syncs::SyncJob;
use super::{Daemon, Ready};
use crate::gitlab::ProjectId;
use crate::jobs::{Submission, Submitted};
use crate::query::runs;
use crate::store::StoreError;
use crate::store::runs::read::{self, StageEnd};
use crate::sync::surgical::targets::{self, KnownProjects, Targets};

/// Requests that one target makes side by side, at most.
const REQUESTS_A_TARGET: usize = 7;

impl Daemon {
    /// Queues a surgical sync, joins an identical one, or says what it would
    /// do.
    pub(super) async fn start_surgical(
        self: &Arc<Self>,
        ready: &Ready,
        request: SyncRequest,
    ) -> Result<SyncStarted, WireError> {
        let (config, ask) = (ready.config.clone(), request.clone());
        let targets = ready
            .database
            .read(move |connection| {
                Ok::<_, StoreError>(targets::resolve(&config, &ask, &Names(connection)))
            })
            .await??;
        if request.dry_run {
            return Ok(SyncStarted {
                job_id: None,
                joined: false,
                asker: None,
                run_ids: Vec::new(),
                run_id: None,
                plan: Some(SyncPlan {
                    mode: RunMode::Surgical,
                    projects: vec![ProjectPlan {
                        project: targets.path,
                        issues_updated_after: None,
                        merge_requests_updated_after: None,
                        queued_dependents: 0,
                        due_rechecks: 0,
                        reconcile: false,
                    }],
                    requested: targets.requested,
                }),
            });
        }
        let submitted = self.submit_surgical(ready, request, targets, None).await?;
        Ok(started(submitted))
    }

    /// Repeats what did not end well in a surgical run, as a new run.
    ///
    /// # Errors
    /// There is no such run, it is not surgical, it still goes on, or nothing
    /// of it failed.
    pub async fn retry_failed(self: &Arc<Self>, ask: RunRef) -> Result<SyncStarted, WireError> {
        let ready = self.ready()?;
        let run = runs::get(&ready.database, ask, self.clock.now())
            .await?
            .data;
        if run.mode != RunMode::Surgical {
            return Err(WireError::new(
                ErrorCode::Usage,
                format!(
                    "run {} is a standard one; the next sync of its project gets what it could not",
                    run.run_id
                ),
            )
            .action(format!(
                "lore sync -p {}",
                shlex::try_quote(&run.project).unwrap_or(std::borrow::Cow::Borrowed("PROJECT"))
            )));
        }
        if run.status == RunStatus::Running {
            return Err(WireError::new(
                ErrorCode::Usage,
                format!("run {} still goes on", run.run_id),
            )
            .action("lore jobs"));
        }
        let id = run.run_id.clone();
        let (ended, row) = ready
            .database
            .read(move |connection| {
                let ended = read::stage_ends(connection, &id)?;
                Ok::<_, StoreError>((ended, read::get(connection, &id)?))
            })
            .await?;
        let Some(row) = row else {
            return Err(WireError::new(
                ErrorCode::NotFound,
                format!("run {} is not in the ledger any more", run.run_id),
            )
            .action("lore sync-runs"));
        };
        let (requested, mut request) = (
            left(&run.requested, &ended, row.options.preflight_only),
            row.options,
        );
        if requested == Requested::default() {
            return Err(WireError::new(
                ErrorCode::Usage,
                format!("nothing of run {} failed", run.run_id),
            )
            .action(format!("lore sync-runs --run-id {}", run.run_id)));
        }
        request.issues.clone_from(&requested.issues);
        request.merge_requests.clone_from(&requested.merge_requests);
        request.issue_urls.clear();
        request.merge_request_urls.clear();
        request.urls.clear();
        let targets = Targets {
            host: row.host,
            path: run.project,
            requested,
        };
        let submitted = self
            .submit_surgical(&ready, request, targets, Some(run.run_id))
            .await?;
        Ok(started(submitted))
    }

    async fn submit_surgical(
        self: &Arc<Self>,
        ready: &Ready,
        request: SyncRequest,
        targets: Targets,
        retry_of: Option<String>,
    ) -> Result<Submitted, WireError> {
        let count = targets.requested.issues.len() + targets.requested.merge_requests.len();
        let options = SyncRequest {
            project: None,
            host: None,
            remotes: Vec::new(),
            issue_urls: Vec::new(),
            merge_request_urls: Vec::new(),
            urls: Vec::new(),
            issues: targets.requested.issues.clone(),
            merge_requests: targets.requested.merge_requests.clone(),
            ..request.clone()
        };
        let key = serde_json::to_string(&(&targets.host, &targets.path, &options)).ok();
        let target = ready
            .engine
            .targets([(targets.host, targets.path.clone())])
            .into_iter()
            .next()
            .ok_or_else(|| WireError::new(ErrorCode::Internal, "a sync of no project"))?;
        let lane = ready.config.sync.max_interactive_requests;
        self.warmth
            .used(&target.host, (count * REQUESTS_A_TARGET).min(lane));
        let run_ids = vec![target.run_id.clone()];
        let hosts = BTreeSet::from([target.host.clone()]);
        let work = ready
            .engine
            .surgical_work(options, target, targets.requested, retry_of);
        self.scheduler
            .submit(Submission {
                kind: "sync",
                title: format!("sync {count} of {}", targets.path),
                priority: Priority::Interactive,
                key,
                // It may run beside every other job.
                exclusive: Vec::new(),
                run_ids,
                work: Box::new(SyncJob {
                    daemon: Arc::downgrade(self),
                    hosts,
                    work: Box::new(work),
                }),
            })
            .await
    }
}

fn started(submitted: Submitted) -> SyncStarted {
    SyncStarted {
        job_id: Some(submitted.job_id),
        joined: submitted.joined,
        asker: Some(submitted.asker),
        run_id: submitted.run_ids.first().cloned(),
        run_ids: submitted.run_ids,
        plan: None,
    }
}

/// The targets that did not end `ok` or `skipped_stale` in every stage. Where
/// more than the items themselves was asked for, one without any dependent was
/// cut short.
fn left(asked: &Requested, ended: &[StageEnd], preflight_only: bool) -> Requested {
    let keep = |kind: EntityType, iids: &[u64]| -> Vec<u64> {
        let ended_well = |iid: u64| {
            let of = |end: &&StageEnd| end.entity_type == kind && end.iid == iid;
            let well = |end: &StageEnd| {
                matches!(end.status, EntityStatus::Ok | EntityStatus::SkippedStale)
            };
            let any = |primary: bool| ended.iter().filter(of).any(|end| end.primary == primary);
            any(true) && (preflight_only || any(false)) && ended.iter().filter(of).all(well)
        };
        iids.iter()
            .copied()
            .filter(|iid| !ended_well(*iid))
            .collect()
    };
    Requested {
        issues: keep(EntityType::Issue, &asked.issues),
        merge_requests: keep(EntityType::MergeRequest, &asked.merge_requests),
    }
}

/// The names that the mirror knows.
pub(super) struct Names<'a>(pub(super) &'a Connection);

impl KnownProjects for Names<'_> {
    fn number(&self, host: &str, path: &str) -> Option<ProjectId> {
        crate::store::projects::by_path(self.0, host, path)
            .ok()
            .flatten()
            .map(|project| project.gitlab_id)
    }
}
