//! A standard run: one project, everything that changed.
//!
//! Phases (contract §8): `preflight` finds the project; `fetch` walks its two
//! lists, each page written in one transaction with its cursor as it arrives;
//! `ingest` looks at the items that are due to be looked at again and at the
//! project's labels and milestones; `dependents` drains the queue that the
//! lists filled.

mod collections;
mod cost;
mod drain;
mod page;
mod rechecks;
mod reconcile;
mod statuses;
mod task;
mod walk;
mod write;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lore_proto::events::EventBody;
use lore_proto::sync::{Phase, Requested, RunMode, RunResult, SyncRequest};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Transaction;

use super::{Engine, NewRun, ProjectTarget, RunHandle, RunRecorder, SyncError, Trigger, stages};
use crate::config::SyncConfig;
use crate::gitlab::{Call, Client, ProjectRef};
use crate::ingest::ListMode;
use crate::jobs::JobContext;
use crate::store::projects::{self, ProjectRow};
use crate::store::{Stage, Stages, StoreError};

pub use cost::first_sync_requests;
pub(super) use reconcile::is_due as reconcile_is_due;
pub(super) use walk::begins_at as walk_begins_at;

/// What the parts of one run share.
struct Run {
    engine: Engine,
    client: Client,
    settings: SyncConfig,
    request: SyncRequest,
    trigger: Trigger,
    cx: JobContext,
    ledger: RunHandle,
}

/// Runs one project to its end, which the ledger has whatever happens. `Err`
/// only where not even the ledger could be written.
pub(super) async fn run(
    engine: Engine,
    request: SyncRequest,
    target: ProjectTarget,
    trigger: Trigger,
    cx: JobContext,
) -> Result<RunResult, WireError> {
    let known = {
        let (host, path) = (target.host.clone(), target.path.clone());
        engine
            .db()
            .read(move |connection| projects::by_path(connection, &host, &path))
            .await?
    };
    let publish = {
        let (events, run_id) = (cx.events.clone(), target.run_id.clone());
        Arc::new(move |body: EventBody| {
            events.publish(Some(&run_id), body);
        })
    };
    let recorder = RunRecorder::start(
        engine.ledger(),
        NewRun {
            run_id: target.run_id.clone(),
            mode: RunMode::Standard,
            project_id: known.as_ref().map(|project| project.id),
            host: target.host.clone(),
            project: target.path.clone(),
            trigger,
            options: serde_json::to_value(&request).unwrap_or_default(),
            requested: Requested::default(),
            retry_of: None,
        },
        publish,
    )
    .await?;
    let ended = match engine.client(&target, &cx).await {
        Err(error) => Err(error),
        Ok(client) => {
            let run = Run {
                settings: engine.settings(),
                ledger: recorder.handle(),
                engine: engine.clone(),
                client,
                request,
                trigger,
                cx: cx.clone(),
            };
            tokio::select! {
                ended = run.all(&recorder, &target, known) => ended,
                never = run.tell_waits() => match never {},
            }
        }
    };
    let result = match ended {
        Ok(()) => recorder.finish_succeeded().await?,
        Err(_) if cx.cancel.is_cancelled() => recorder.finish_cancelled().await?,
        Err(error) => recorder.finish_failed(&error.to_wire()).await?,
    };
    Ok(result)
}

impl Run {
    async fn all(
        &self,
        recorder: &RunRecorder,
        target: &ProjectTarget,
        known: Option<ProjectRow>,
    ) -> Result<(), SyncError> {
        recorder.enter(Phase::Preflight).await?;
        let now = self.now();
        let mode = match &known {
            _ if self.request.full => ListMode::Everything,
            Some(row) if reconcile_is_due(row, now, self.settings.full_reconcile) => {
                ListMode::Reconcile
            }
            _ => ListMode::Changes,
        };
        let mut project = self.project(target, known, mode).await?;
        self.ledger.project_known(project.id);

        recorder.enter(Phase::Fetch).await?;
        let walked = self.walk_lists(&project, mode).await?;
        recorder.heartbeat().await;

        recorder.enter(Phase::Ingest).await?;
        if walked.renamed && mode == ListMode::Changes {
            project = self.refresh_project(&project).await?;
        }
        let due = self.due_again(&project).await?;
        if walked.changed > 0 || !due.is_empty() || mode != ListMode::Changes {
            // First, since items name their labels, and names can pass from
            // one label to another.
            self.refresh_collections(&project).await?;
        }
        self.look_again(&project, due).await?;
        if mode != ListMode::Changes {
            self.reconcile(&project, &walked, mode).await?;
        }

        recorder.enter(Phase::Dependents).await?;
        self.drain(recorder, &project).await?;
        if !self.request.no_status {
            self.drain_statuses(&project).await?;
        }
        if walked.complete {
            let (id, now) = (project.id, self.now());
            // The first walk has seen every item.
            let enumerated = project.last_reconciled_at.is_none();
            self.write(move |tx| {
                projects::set_synced(tx, id, now)?;
                if enumerated {
                    projects::set_reconciled(tx, id, now)?;
                }
                Ok(())
            })
            .await?;
        }
        if !self.request.no_docs {
            recorder.enter(Phase::Docs).await?;
            stages::docs::due(self.stage(project.id)).await?;
        }
        if !self.request.no_embed {
            recorder.enter(Phase::Embed).await?;
            stages::embed::due(self.stage(project.id)).await?;
        }
        Ok(())
    }

    fn stage(&self, project: i64) -> stages::Stage<'_> {
        stages::Stage {
            engine: &self.engine,
            ledger: &self.ledger,
            cx: &self.cx,
            project,
        }
    }

    /// The project's row. An incremental run takes the stored one; a first or
    /// full one asks GitLab, by number where it is known.
    async fn project(
        &self,
        target: &ProjectTarget,
        known: Option<ProjectRow>,
        mode: ListMode,
    ) -> Result<ProjectRow, SyncError> {
        match known {
            Some(row) if mode == ListMode::Changes && row.access_lost_at.is_none() => Ok(row),
            Some(row) => self.refresh_project(&row).await,
            None => {
                let path = target.path.as_str();
                let answer = self
                    .client
                    .project(&self.call(), ProjectRef::Path(path))
                    .await;
                let answer = answer.map_err(|error| self.project_error(error, path))?;
                self.ledger
                    .count(|counters| counters.requests += u64::from(answer.requests));
                let (host, asked) = (target.host.clone(), target.path.clone());
                self.write(move |tx| {
                    Ok(projects::upsert(
                        tx,
                        &host,
                        &asked,
                        &answer.value,
                        answer.started_at,
                    )?)
                })
                .await
            }
        }
    }

    /// Asks for the project by its number and writes what it is called now.
    async fn refresh_project(&self, row: &ProjectRow) -> Result<ProjectRow, SyncError> {
        let answer = self
            .client
            .project(&self.call(), ProjectRef::Id(row.gitlab_id))
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if error.missing().is_some() {
                    let (id, now) = (row.id, self.now());
                    self.write(move |tx| Ok(projects::set_access_lost(tx, id, now)?))
                        .await?;
                    if let Some(number) = self.successor(row).await {
                        return Err(replaced(row, number));
                    }
                }
                return Err(self.project_error(error, &row.path));
            }
        };
        self.ledger
            .count(|counters| counters.requests += u64::from(answer.requests));
        let before = row.clone();
        let (renamed, row) = self
            .write(move |tx| {
                let row = projects::upsert(
                    tx,
                    &before.host,
                    &before.path,
                    &answer.value,
                    answer.started_at,
                )?;
                let renamed = row.path != before.path;
                if renamed {
                    projects::rename_items(tx, &before, &row)?;
                }
                Ok((renamed.then_some(before.path), row))
            })
            .await?;
        if let Some(old) = renamed {
            self.ledger.warn(
                ErrorCode::ProjectUnknown,
                format!(
                    "the project `{old}` is called `{}` now; both names find it, and the config may take the new one",
                    row.path
                ),
            );
        }
        Ok(row)
    }

    /// The number of another project that has the path of this one, which does
    /// not answer under its own number.
    async fn successor(&self, row: &ProjectRow) -> Option<i64> {
        let path = ProjectRef::Path(&row.path);
        let answer = self.client.project(&self.call(), path).await.ok()?;
        self.ledger
            .count(|counters| counters.requests += u64::from(answer.requests));
        Some(answer.value.id.0).filter(|number| *number != row.gitlab_id.0)
    }

    fn project_error(&self, error: crate::gitlab::GitLabError, path: &str) -> SyncError {
        if error.missing().is_none() {
            return error.into();
        }
        WireError::new(
            ErrorCode::GitlabNotFound,
            format!(
                "GitLab does not show the project `{path}` on {}: it is gone, or the token's user may not see it; nothing was deleted here",
                self.client.host()
            ),
        )
        .action("lore status")
        .into()
    }

    /// Passes waits for the host's budget on to whoever follows the job; never
    /// ends.
    async fn tell_waits(&self) -> std::convert::Infallible {
        let clock = self.engine.clock().as_ref();
        crate::sync::waits::tell(&self.client, clock, &self.cx, self.ledger.run_id()).await
    }

    /// Writes content: under the sync lock, in one transaction.
    async fn write<T, F>(&self, work: F) -> Result<T, SyncError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, SyncError> + Send + 'static,
    {
        let _guard = self
            .engine
            .sync_locks()
            .sync
            .acquire(
                lore_proto::jobs::Priority::Background,
                self.ledger.run_id(),
                &self.cx.cancel,
            )
            .await?;
        self.engine.db().write(work).await
    }

    /// Reads from the mirror.
    async fn read<T, F>(&self, work: F) -> Result<T, SyncError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    {
        Ok(self.engine.db().read(work).await?)
    }

    fn call(&self) -> Call<'_> {
        Call::background(&self.cx.cancel)
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// What this run fetches of an item.
    fn wanted(&self) -> Stages {
        wanted(&self.request)
    }
}

/// What a run fetches of an item.
fn wanted(request: &SyncRequest) -> Stages {
    let mut wanted = Stages::of(&[Stage::Item, Stage::Discussions, Stage::ClosesIssues]);
    if !request.no_events {
        wanted = wanted.union(Stages::of(&[
            Stage::StateEvents,
            Stage::LabelEvents,
            Stage::MilestoneEvents,
        ]));
    }
    if !request.no_file_changes {
        wanted = wanted.with(Stage::Diffs);
    }
    wanted
}

/// `now` and `wait`, at the end of time at the latest.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// A project was deleted, and another one made under its path: its issues are
/// not those that are stored.
fn replaced(row: &ProjectRow, number: i64) -> SyncError {
    WireError::new(
        ErrorCode::GitlabNotFound,
        format!(
            "the project `{}` that is mirrored (number {}) is gone, and another one (number \
             {number}) has its path; nothing was deleted here, and `lore db rebuild` sets the \
             mirror aside and fetches everything anew",
            row.path, row.gitlab_id
        ),
    )
    .action("lore db rebuild")
    .into()
}
