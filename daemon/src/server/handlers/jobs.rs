//! `jobs.list`, `jobs.get`, `jobs.cancel`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::daemon::Nothing;
use lore_proto::jobs::{CancelJob, Cancelled, JobInfo, JobList, JobRef};

use crate::daemon::Daemon;
use crate::server::subscribe::unknown_job;

pub(super) async fn list(daemon: Arc<Daemon>, _: Nothing) -> Result<JobList, WireError> {
    let jobs = daemon.scheduler().list().await;
    Ok(JobList { jobs })
}

pub(super) async fn get(daemon: Arc<Daemon>, job: JobRef) -> Result<JobInfo, WireError> {
    let found = daemon.scheduler().get(job.job_id).await;
    found.ok_or_else(|| unknown_job(job.job_id))
}

pub(super) async fn cancel(daemon: Arc<Daemon>, job: CancelJob) -> Result<Cancelled, WireError> {
    let cancelled = daemon.scheduler().cancel(job.job_id, job.asker).await;
    cancelled.ok_or_else(|| unknown_job(job.job_id))
}
