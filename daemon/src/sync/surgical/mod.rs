//! A surgical run: exactly the named issues and merge requests, in about one
//! round trip, and nothing else.
//!
//! Everything that the targets need is asked for at once, primaries and
//! dependents side by side, and no lock is held meanwhile. Only when every
//! primary is in hand and is what was asked for, one transaction writes them
//! all; each item's dependents follow in a transaction of their own. What could
//! not be had is said, and left on the recheck list for the next standard run;
//! the queue of standard runs is not touched.

mod answers;
mod changes;
mod dependents;
mod diffs;
mod fetch;
mod preflight;
mod statuses;
pub mod targets;
mod work;
mod write;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lore_proto::jobs::Priority;
use lore_proto::sync::{EntityStatus, Phase, Requested, SyncRequest};
use rusqlite::Transaction;

pub use work::SurgicalWork;

use super::{Engine, ProjectTarget, RunHandle, RunRecorder, SyncError, stages, waits};
use crate::config::SyncConfig;
use crate::gitlab::models::Project;
use crate::gitlab::{Client, Fetched, ProjectRef};
use crate::jobs::JobContext;
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, Stage, Stages};

/// How often a run that waits says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

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
    /// How far each item came; absent: nowhere yet.
    reached: Mutex<BTreeMap<Item, Reached>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Its own payload is written; its dependents are not.
    Primary,
    /// There is no more to do for it.
    End,
}

/// The project that the items are of.
struct Subject {
    /// Its row; with the id 0 while the mirror has none.
    row: ProjectRow,
    /// What GitLab says of a project that the mirror has never seen. It is
    /// written with the first primaries, not before.
    unseen: Option<Fetched<Project>>,
    /// The path in the config.
    asked: String,
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
        changes: &mut dependents::Changes,
    ) -> Result<(), SyncError> {
        recorder.enter(Phase::Preflight).await?;
        let subject = match known {
            Some(row) => Subject {
                row,
                unseen: None,
                asked: target.path.clone(),
            },
            None => self.first_contact(target).await?,
        };
        let (primaries, dependents) = self.ask(recorder, &subject).await?;
        if self.request.preflight_only {
            self.report_checked(&primaries);
            return Ok(());
        }
        recorder.enter(Phase::Ingest).await?;
        let (project, written) = self.write_primaries(subject, primaries).await?;
        self.ledger.project_known(project.id);
        recorder.enter(Phase::Dependents).await?;
        let written = self
            .write_dependents(&project, &written, dependents)
            .await?;
        *changes = written.changes;
        if self.request.no_docs {
            return Ok(());
        }
        recorder.enter(Phase::Docs).await?;
        let stage = stages::Stage {
            engine: &self.engine,
            ledger: &self.ledger,
            cx: &self.cx,
            project: project.id,
        };
        let documents = stages::docs::exactly(stage, written.marked).await?;
        if self.request.no_embed {
            return Ok(());
        }
        recorder.enter(Phase::Embed).await?;
        stages::embed::exactly(stage, documents).await
    }

    /// A project that the mirror has never seen costs one more round trip.
    async fn first_contact(&self, target: &ProjectTarget) -> Result<Subject, SyncError> {
        let call = self.call(self.settings.surgical_preflight_budget);
        let asked = self.client.project(&call, ProjectRef::Path(&target.path));
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(error) if error.is_cancelled() => return Err(SyncError::Cancelled),
            Err(error) => return Err(self.no_project(&target.path, &error)),
        };
        self.count(answer.requests);
        Ok(Subject {
            row: ProjectRow {
                id: 0,
                host: target.host.clone(),
                gitlab_id: answer.value.id,
                path: answer.value.path_with_namespace.clone(),
                web_url: None,
                last_synced_at: None,
                last_reconciled_at: None,
                access_lost_at: None,
            },
            unseen: Some(answer),
            asked: target.path.clone(),
        })
    }

    /// Says that the run lives, and what it waits for; never ends.
    async fn live(&self, recorder: &RunRecorder) -> Infallible {
        let waits = waits::tell(
            &self.client,
            self.engine.clock().as_ref(),
            &self.cx,
            self.ledger.run_id(),
        );
        let heartbeat = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                recorder.heartbeat().await;
            }
        };
        tokio::select! {
            never = waits => never,
            never = heartbeat => never,
        }
    }

    fn reached(&self, item: Item, reached: Reached) {
        let mut all = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(item, reached);
    }

    /// Notes for every item that is not done where it was cut short.
    fn report_cancelled(&self) {
        let all = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        for item in &self.items {
            let stage = match all.get(item) {
                None => preflight::STAGE,
                Some(Reached::Primary) => dependents::DEPENDENTS,
                Some(Reached::End) => continue,
            };
            self.ledger.entity(
                item.source.entity(),
                item.iid.unsigned_abs(),
                stage,
                EntityStatus::Cancelled,
                None,
            );
        }
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

    /// Whether nothing of the items is left out.
    fn is_whole(&self) -> bool {
        let request = &self.request;
        !(request.no_events || request.no_file_changes || request.no_status)
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
