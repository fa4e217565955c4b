//! A surgical run as a job, from its row in the ledger to its result.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use lore_proto::events::EventBody;
use lore_proto::sync::{Requested, RunMode, RunResult, SyncRequest};
use lore_proto::{ErrorCode, WireError};

use super::{Run, items};
use crate::jobs::{JobContext, Outcome, Work};
use crate::store::projects;
use crate::sync::{Engine, NewRun, ProjectTarget, RunRecorder, SyncError, Trigger};

/// A surgical sync as a job.
#[derive(Debug)]
pub struct SurgicalWork {
    pub(in crate::sync) engine: Engine,
    pub(in crate::sync) request: SyncRequest,
    pub(in crate::sync) target: ProjectTarget,
    pub(in crate::sync) requested: Requested,
    pub(in crate::sync) retry_of: Option<String>,
}

impl Work for SurgicalWork {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            match self.run_to_end(cx).await {
                Ok((run, error)) => {
                    let result = serde_json::to_value(&run).ok();
                    Outcome { result, error }
                }
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

impl SurgicalWork {
    /// The run, and why it did not succeed. `Err` only where not even the
    /// ledger could be written.
    async fn run_to_end(self, cx: JobContext) -> Result<(RunResult, Option<WireError>), WireError> {
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
        let ended = match engine.client(&target, &cx).await {
            Err(error) => Err(error),
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
                    reached: Mutex::default(),
                };
                let ended = tokio::select! {
                    ended = run.all(&recorder, &target, known, &mut changes) => ended,
                    never = run.live(&recorder) => match never {},
                };
                if ended.is_err() && cx.cancel.is_cancelled() {
                    run.report_cancelled();
                }
                ended
            }
        };
        let (mut run, error) = finish(recorder, ended, cx.cancel.is_cancelled()).await?;
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

/// Closes the run in the ledger. `Err` only where that cannot be written.
async fn finish(
    recorder: RunRecorder,
    ended: Result<(), SyncError>,
    cancelled: bool,
) -> Result<(RunResult, Option<WireError>), WireError> {
    Ok(match ended {
        Ok(()) => (recorder.finish_succeeded().await?, None),
        Err(_) if cancelled => {
            let error = WireError::new(ErrorCode::Cancelled, "the sync was cancelled")
                .details(serde_json::json!({ "run_id": recorder.handle().run_id() }));
            let run = recorder.finish_cancelled().await?;
            let error = run
                .recovery_actions
                .iter()
                .fold(error, |error, action| error.action(action.clone()));
            (run, Some(error))
        }
        Err(error) => {
            let mut error = error.to_wire();
            match recorder.finish_failed(&error).await {
                Ok(run) => {
                    // The ledger knows what can be repeated.
                    for action in &run.recovery_actions {
                        if !error.actions.contains(action) {
                            error.actions.push(action.clone());
                        }
                    }
                    (run, Some(error))
                }
                // The cause matters more than that it could not be noted;
                // the ledger closes the run at its next chance.
                Err(unwritten) => {
                    tracing::error!(%unwritten, "the end of a run could not be written");
                    return Err(error);
                }
            }
        }
    })
}
