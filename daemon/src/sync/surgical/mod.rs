//! A surgical run: exactly the named issues and merge requests, in about one
//! round trip, and nothing else.
//!
//! Everything that the targets need is asked for at once, primaries and
//! dependents side by side, and no lock is held meanwhile. Only when every
//! primary is in hand and is what was asked for, one transaction writes them
//! all; each item's dependents follow in a transaction of their own. What could
//! not be had is said, and left on the recheck list for the next standard run;
//! the queue of standard runs is not touched.

mod fetch;
mod preflight;
pub mod targets;
mod write;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use lore_proto::events::EventBody;
use lore_proto::jobs::Priority;
use lore_proto::sync::{Phase, Requested, RunMode, RunResult, SyncRequest};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Transaction;

use super::{Engine, NewRun, ProjectTarget, RunHandle, RunRecorder, SyncError, Trigger, stages};
use crate::config::SyncConfig;
use crate::gitlab::{Client, ProjectRef};
use crate::jobs::{JobContext, Outcome, Work};
use crate::store::projects::{self, ProjectRow};
use crate::store::{SourceType, Stage, Stages};

/// A surgical sync as a job.
#[derive(Debug)]
pub struct SurgicalWork {
    pub(super) engine: Engine,
    pub(super) request: SyncRequest,
    pub(super) target: ProjectTarget,
    pub(super) requested: Requested,
    pub(super) retry_of: Option<String>,
}

impl Work for SurgicalWork {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            match self.to_end(cx).await {
                Ok((run, error)) => {
                    let result = serde_json::to_value(&run).ok();
                    Outcome { result, error }
                }
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

/// One item of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    source: SourceType,
    iid: i64,
}

/// What the parts of one run share.
struct Run {
    engine: Engine,
    client: Client,
    settings: SyncConfig,
    request: SyncRequest,
    items: Vec<Item>,
    cx: JobContext,
    ledger: RunHandle,
    /// The start of the preflight by this machine's clock: the guards'.
    began: Timestamp,
}

impl SurgicalWork {
    /// The run, and why it did not succeed. `Err` only where not even the
    /// ledger could be written.
    async fn to_end(self, cx: JobContext) -> Result<(RunResult, Option<WireError>), WireError> {
        let Self {
            engine,
            request,
            target,
            requested,
            retry_of,
        } = self;
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
        let mut options = request.clone();
        options.remotes.clear();
        let recorder = RunRecorder::start(
            engine.ledger(),
            NewRun {
                run_id: target.run_id.clone(),
                mode: RunMode::Surgical,
                project_id: known.as_ref().map(|project| project.id),
                host: target.host.clone(),
                project: target.path.clone(),
                trigger: Trigger::Request,
                options: serde_json::to_value(&options).unwrap_or_default(),
                requested: requested.clone(),
                retry_of,
            },
            publish,
        )
        .await?;
        let mut changes = Vec::new();
        let ended = match engine.hosts().client(&target.host) {
            Err(error) => Err(SyncError::Other(error)),
            Ok(client) => {
                let run = Run {
                    settings: engine.settings(),
                    ledger: recorder.handle(),
                    began: engine.clock().now(),
                    engine: engine.clone(),
                    client,
                    request,
                    items: items(&requested),
                    cx: cx.clone(),
                };
                run.all(&recorder, &target, known, &mut changes).await
            }
        };
        let cancelled = cx.cancel.is_cancelled();
        let (mut run, error) = match ended {
            Ok(()) => (recorder.finish_succeeded().await?, None),
            Err(_) if cancelled => {
                let error = WireError::new(ErrorCode::Cancelled, "the sync was cancelled");
                (recorder.finish_cancelled().await?, Some(error))
            }
            Err(error) => {
                let error = error.to_wire();
                match recorder.finish_failed(&error).await {
                    Ok(run) => (run, Some(error)),
                    // The cause matters more than that it could not be noted;
                    // the ledger closes the run at its next chance.
                    Err(unwritten) => {
                        tracing::error!(%unwritten, "the end of a run could not be written");
                        return Err(error);
                    }
                }
            }
        };
        for (item, title, seen) in changes {
            let outcome = run.entity_outcomes.iter_mut().find(|o| {
                o.entity_type == item.source.entity() && o.iid == item.iid.unsigned_abs()
            });
            if let Some(outcome) = outcome {
                outcome.title = Some(title);
                outcome.changes = seen;
            }
        }
        Ok((run, error))
    }
}

fn items(requested: &Requested) -> Vec<Item> {
    let of = |source| {
        move |iid: &u64| Item {
            source,
            iid: i64::try_from(*iid).unwrap_or(i64::MAX),
        }
    };
    requested
        .issues
        .iter()
        .map(of(SourceType::Issue))
        .chain(
            requested
                .merge_requests
                .iter()
                .map(of(SourceType::MergeRequest)),
        )
        .collect()
}

impl Run {
    async fn all(
        &self,
        recorder: &RunRecorder,
        target: &ProjectTarget,
        known: Option<ProjectRow>,
        changes: &mut write::Changes,
    ) -> Result<(), SyncError> {
        recorder.enter(Phase::Preflight).await?;
        let project = match known {
            Some(row) => row,
            None => self.first_contact(target).await?,
        };
        self.ledger.project_known(project.id);
        let (primaries, dependents) = self.ask(recorder, &project).await?;
        if self.request.preflight_only {
            self.report_checked(&primaries);
            return Ok(());
        }
        recorder.enter(Phase::Ingest).await?;
        let written = self.write_primaries(&project, primaries).await?;
        recorder.enter(Phase::Dependents).await?;
        let (seen, threads) = self
            .write_dependents(&project, &written, dependents)
            .await?;
        *changes = seen;
        if self.request.no_docs {
            return Ok(());
        }
        recorder.enter(Phase::Docs).await?;
        let items = written.values().filter_map(|primary| primary.marked);
        let stage = stages::Stage {
            engine: &self.engine,
            ledger: &self.ledger,
            cx: &self.cx,
            project: project.id,
        };
        let sources = items.chain(threads).collect();
        let documents = stages::docs::exactly(stage, sources).await?;
        if self.request.no_embed {
            return Ok(());
        }
        recorder.enter(Phase::Embed).await?;
        stages::embed::exactly(stage, documents).await
    }

    /// A project that the mirror has never seen costs one more round trip.
    async fn first_contact(&self, target: &ProjectTarget) -> Result<ProjectRow, SyncError> {
        let call = self.call(self.settings.surgical_preflight_budget);
        let asked = self.client.project(&call, ProjectRef::Path(&target.path));
        let answer = asked.await?;
        self.ledger
            .count(|counters| counters.requests += u64::from(answer.requests));
        if self.request.preflight_only {
            // Nothing but the ledger is written, not even the project's row.
            return Ok(ProjectRow {
                id: 0,
                host: target.host.clone(),
                gitlab_id: answer.value.id,
                path: answer.value.path_with_namespace,
                web_url: None,
                last_synced_at: None,
                last_reconciled_at: None,
                access_lost_at: None,
            });
        }
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

    /// Writes content: under the sync lock, before every background writer.
    async fn write<T, F>(&self, work: F) -> Result<T, SyncError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, SyncError> + Send + 'static,
    {
        let _guard = self
            .engine
            .sync_locks()
            .sync
            .acquire(Priority::Interactive, self.ledger.run_id(), &self.cx.cancel)
            .await?;
        self.engine.db().write(work).await
    }

    /// What this run fetches of an item.
    fn stages(&self, source: SourceType) -> Stages {
        let mut left_out = Stages::NONE;
        if self.request.no_events {
            left_out = left_out.union(Stages::of(&[
                Stage::StateEvents,
                Stage::LabelEvents,
                Stage::MilestoneEvents,
            ]));
        }
        if self.request.no_file_changes {
            left_out = left_out.with(Stage::Diffs);
        }
        if self.request.no_status {
            left_out = left_out.with(Stage::Status);
        }
        Stages::dependents_of(source).without(left_out)
    }
}
