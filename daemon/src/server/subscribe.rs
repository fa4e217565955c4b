//! `jobs.subscribe`: a job's events, or all jobs', as notifications.

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::{PendingSubscriptionSink, RpcModule, SubscriptionSink};
use lore_proto::events::{Event, SubscribeJobs};
use lore_proto::methods::{JOBS_EVENT, JOBS_SUBSCRIBE, JOBS_UNSUBSCRIBE};
use lore_proto::{ErrorCode, WireError};
use serde_json::value::to_raw_value;

use super::errors::call_failed;
use super::register::by_name;
use crate::jobs::{FollowAll, FollowJob, Scheduler};

/// A client whose queue stays full for so long is not sent anything more. The
/// connection's own write timeout cuts it off sooner by default.
const SEND_TIMEOUT: Duration = Duration::from_mins(2);

/// Enters `jobs.subscribe` and `jobs.unsubscribe`. A subscription to one job
/// ends with the job's `finished`; one to all ends with its client or the
/// daemon.
pub fn register_jobs<C, F>(
    module: &mut RpcModule<C>,
    scheduler: F,
) -> Result<(), RegisterMethodError>
where
    C: Send + Sync + 'static,
    F: Fn(&C) -> Scheduler + Clone + Send + Sync + 'static,
{
    module.register_subscription(
        JOBS_SUBSCRIBE,
        JOBS_EVENT,
        JOBS_UNSUBSCRIBE,
        move |params, pending, context: Arc<C>, _| {
            let scheduler = scheduler(&context);
            async move {
                match by_name(&params) {
                    Ok(request) => subscribe(request, pending, &scheduler).await,
                    Err(error) => pending.reject(error).await,
                }
            }
        },
    )?;
    Ok(())
}

async fn subscribe(
    request: SubscribeJobs,
    pending: PendingSubscriptionSink,
    scheduler: &Scheduler,
) {
    // The position in the log is taken before the acceptance is sent, so that
    // a client that submits a job upon it misses nothing.
    let source = match follow(&request, scheduler) {
        Ok(source) => source,
        Err(error) => return pending.reject(call_failed(&error)).await,
    };
    // An error means that the client is gone.
    if let Ok(sink) = pending.accept().await {
        forward(source, &sink).await;
    }
}

enum Source {
    Job(FollowJob),
    All(FollowAll),
}

impl Source {
    async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Job(job) => job.next().await,
            Self::All(all) => all.next().await,
        }
    }
}

fn follow(request: &SubscribeJobs, scheduler: &Scheduler) -> Result<Source, WireError> {
    match (request.job_id, request.after_seq) {
        (Some(job_id), after_seq) => scheduler
            .follow(job_id, after_seq.unwrap_or(0))
            .map(Source::Job)
            .ok_or_else(|| unknown_job(job_id)),
        (None, Some(_)) => Err(WireError::new(
            ErrorCode::Usage,
            "`after_seq` counts the events of one job, so it needs `job_id`",
        )),
        (None, None) => Ok(Source::All(scheduler.follow_all())),
    }
}

/// Sends event after event at the client's pace. What the client is too slow
/// for stays in the job's log, which coalesces it.
async fn forward(mut source: Source, sink: &SubscriptionSink) {
    loop {
        let event = tokio::select! {
            () = sink.closed() => return,
            event = source.next() => event,
        };
        let Some(event) = event else {
            return;
        };
        let Ok(event) = to_raw_value(&event) else {
            tracing::error!(
                job = event.job_id,
                seq = event.seq,
                "an event cannot be written"
            );
            continue;
        };
        if sink.send_timeout(event, SEND_TIMEOUT).await.is_err() {
            return;
        }
    }
}

/// No job has this number.
pub(crate) fn unknown_job(job_id: u64) -> WireError {
    WireError::new(
        ErrorCode::NotFound,
        format!("no job {job_id} is known; ended jobs are forgotten after an hour"),
    )
    .details(serde_json::json!({ "job_id": job_id }))
    .action("lore jobs")
    .action("lore sync-runs")
}
