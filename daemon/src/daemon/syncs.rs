//! From a wish to sync, a person's or the timer's, to a job.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lore_proto::jobs::Priority;
use lore_proto::project::ResolveProject;
use lore_proto::sync::{SyncRequest, SyncStarted};
use lore_proto::{ErrorCode, WireError};

use super::{Daemon, Ready};
use crate::config::Config;
use crate::jobs::{JobContext, Outcome, Submission, Submitted, Work};
use crate::projects;
use crate::sync::{ProjectTarget, Trigger};

/// A configured project: its host's key, its path.
type Named = (String, String);

impl Daemon {
    /// Queues a sync that somebody waits for, joins an identical one, or says
    /// what it would do.
    ///
    /// # Errors
    /// The projects it names are not configured, or nothing can be synced now.
    pub async fn start_sync(
        self: &Arc<Self>,
        request: SyncRequest,
    ) -> Result<SyncStarted, WireError> {
        let ready = self.ready()?;
        if request.is_surgical() {
            return self.start_surgical(&ready, request).await;
        }
        if request.preflight_only {
            return Err(WireError::new(
                ErrorCode::Usage,
                "a check of what can be had (`--preflight-only`) needs issues or merge requests to check; name some",
            )
            .action("lore sync --help"));
        }
        let projects = chosen(&ready.config, &request)?;
        if request.dry_run {
            let targets = ready.engine.targets(projects);
            let plan = ready.engine.plan(&request, &targets).await?;
            return Ok(SyncStarted {
                job_id: None,
                joined: false,
                asker: None,
                run_ids: Vec::new(),
                run_id: None,
                plan: Some(plan),
            });
        }
        let submitted = self
            .submit_sync(&ready, request, projects, Trigger::Request)
            .await?;
        Ok(SyncStarted {
            job_id: Some(submitted.job_id),
            joined: submitted.joined,
            asker: Some(submitted.asker),
            run_ids: submitted.run_ids,
            run_id: None,
            plan: None,
        })
    }

    /// Queues the timer's sync, of all configured projects or of one.
    pub(crate) async fn timed_sync(self: &Arc<Self>, only: Option<Named>) {
        let Ok(ready) = self.ready() else {
            return;
        };
        let all = only.is_none();
        let projects: Vec<Named> = match only {
            Some(project) => vec![project],
            None => named(&ready.config),
        };
        // What was refused for its token would only be refused again; to find
        // that out takes a while, for which the other hosts do not wait.
        let suspected = self.hosts.suspected();
        let (mut later, now): (Vec<Named>, Vec<Named>) = projects
            .into_iter()
            .partition(|(host, _)| suspected.contains(host));
        self.submit_timed(&ready, now).await;
        if !later.is_empty() {
            let refused = self.hosts.refused().await;
            later.retain(|(host, _)| !refused.contains(host));
            self.submit_timed(&ready, later).await;
        }
        if all {
            self.hosts.ask_expiry().await;
        }
    }

    async fn submit_timed(self: &Arc<Self>, ready: &Ready, projects: Vec<Named>) {
        if projects.is_empty() {
            return;
        }
        let request = SyncRequest::default();
        let submitted = self
            .submit_sync(ready, request, projects, Trigger::Timer)
            .await;
        if let Err(error) = submitted {
            tracing::warn!(%error, "the timer's sync could not be queued");
        }
    }

    pub(super) async fn submit_sync(
        self: &Arc<Self>,
        ready: &Ready,
        request: SyncRequest,
        projects: Vec<Named>,
        trigger: Trigger,
    ) -> Result<Submitted, WireError> {
        let title = match projects.as_slice() {
            [(_, path)] => format!("sync {path}"),
            all => format!("sync {} projects", all.len()),
        };
        // The same projects with the same options, however they were named.
        let options = SyncRequest {
            project: None,
            host: None,
            ..request.clone()
        };
        let key = serde_json::to_string(&(&projects, &options)).ok();
        let targets = ready.engine.targets(projects);
        let exclusive = targets.iter().map(ProjectTarget::claim).collect();
        let run_ids = targets.iter().map(|target| target.run_id.clone()).collect();
        let work = SyncJob {
            daemon: Arc::downgrade(self),
            hosts: targets.iter().map(|target| target.host.clone()).collect(),
            work: Box::new(ready.engine.work(request, targets, trigger)),
        };
        let submission = Submission {
            kind: "sync",
            title,
            priority: match trigger {
                Trigger::Timer => Priority::Background,
                Trigger::Request => Priority::Interactive,
            },
            key,
            exclusive,
            run_ids,
            work: Box::new(work),
        };
        self.scheduler.submit(submission).await
    }
}

/// The projects that a request is about: by host, then path.
fn chosen(config: &Config, request: &SyncRequest) -> Result<Vec<Named>, WireError> {
    if request.project.is_some() {
        let ask = ResolveProject {
            project: request.project.clone(),
            host: request.host.clone(),
            remotes: Vec::new(),
        };
        let project = projects::resolve(config, &ask)?;
        return Ok(vec![(project.host, project.path)]);
    }
    let mut all = named(config);
    if let Some(host) = &request.host {
        let key = projects::host_key(config, host)?;
        all.retain(|(host, _)| *host == key);
    }
    if all.is_empty() {
        let message = "no project is configured there; `lore init` adds one";
        return Err(WireError::new(ErrorCode::ProjectUnknown, message).action("lore init"));
    }
    Ok(all)
}

/// All configured projects.
pub(super) fn named(config: &Config) -> Vec<Named> {
    let pairs = config.projects();
    pairs
        .map(|(host, path)| (host.to_owned(), path.to_owned()))
        .collect()
}

/// A sync with the tokens as they are when it begins.
pub(super) struct SyncJob {
    pub(super) daemon: Weak<Daemon>,
    /// The hosts that it asks.
    pub(super) hosts: BTreeSet<String>,
    pub(super) work: Box<dyn Work>,
}

impl Work for SyncJob {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        async move {
            if let Some(daemon) = self.daemon.upgrade() {
                daemon.hosts.refresh(self.hosts.iter().map(String::as_str));
            }
            let outcome = self.work.run(cx).await;
            if let Some(daemon) = self.daemon.upgrade() {
                daemon.synced.notify_one();
            }
            outcome
        }
        .boxed()
    }
}
