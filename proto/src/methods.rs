//! Every JSON-RPC method with its parameters and its result.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{daemon, file_history, jobs, project, search, setup, sync, sync_runs};

/// What a call does to the world, for annotations and for caution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads the mirror or the daemon's state.
    Read,
    /// Changes something, here or through a request to GitLab.
    Write,
}

/// One method: its name and the types at its two ends.
pub trait Method {
    /// The name on the wire.
    const NAME: &'static str;
    /// What a call does to the world.
    const EFFECT: Effect;
    /// By-name parameters.
    type Params: Serialize + DeserializeOwned + Send;
    /// The result.
    type Result: Serialize + DeserializeOwned + Send;
}

macro_rules! methods {
    ($( $(#[$doc:meta])* $type:ident = $name:literal, $effect:ident, $params:ty => $result:ty; )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $type;
            impl Method for $type {
                const NAME: &'static str = $name;
                const EFFECT: Effect = Effect::$effect;
                type Params = $params;
                type Result = $result;
            }
        )+
        /// The names of all methods; subscriptions apart.
        pub const NAMES: &[&str] = &[ $( $name, )+ ];
    };
}

methods! {
    /// Handshake: versions and places.
    DaemonHello = "daemon.hello", Read, daemon::Hello => daemon::HelloReply;
    /// All that the daemon knows of itself.
    GetDaemonStatus = "daemon.status", Read, daemon::Nothing => daemon::DaemonStatus;
    /// Ends the daemon.
    DaemonShutdown = "daemon.shutdown", Write, daemon::Shutdown => daemon::ShuttingDown;
    /// Reads the config again.
    DaemonReload = "daemon.reload", Write, daemon::Nothing => daemon::Reloaded;
    /// Queues a sync, or joins an identical one.
    SyncStart = "sync.start", Write, sync::SyncRequest => sync::SyncStarted;
    /// The scheduler's queue.
    JobsList = "jobs.list", Read, daemon::Nothing => jobs::JobList;
    /// One job, with its result.
    JobsGet = "jobs.get", Read, jobs::JobRef => jobs::JobInfo;
    /// Cancels a job.
    JobsCancel = "jobs.cancel", Write, jobs::JobRef => jobs::Cancelled;
    /// The merge requests behind a file.
    FileHistoryGet = "fileHistory.get", Read, file_history::FileHistoryParams => project::Read<file_history::FileHistory>;
    /// The run ledger.
    SyncRunsList = "syncRuns.list", Read, sync_runs::ListRuns => project::Read<sync_runs::RunList>;
    /// One run with its items.
    SyncRunsGet = "syncRuns.get", Read, sync_runs::RunRef => project::Read<sync::RunResult>;
    /// A new run of the targets of a surgical run that did not end well.
    SyncRunsRetryFailed = "syncRuns.retryFailed", Write, sync_runs::RunRef => sync::SyncStarted;
    /// Issues and merge requests by words and by meaning.
    SearchQuery = "search.query", Read, search::SearchParams => project::Read<search::SearchResults>;
    /// The configured projects.
    ProjectsList = "projects.list", Read, daemon::Nothing => project::ProjectList;
    /// Which project a selector or a checkout means.
    ProjectsResolve = "projects.resolve", Read, project::ResolveProject => project::ProjectInfo;
    /// Tries a host, a token and projects, and writes nothing.
    SetupCheck = "setup.check", Read, setup::Setup => setup::SetupReport;
    /// The same, and writes the config.
    SetupWrite = "setup.write", Write, setup::Setup => setup::SetupReport;
}

/// Subscribes to the events of a job or of all; [`crate::events::SubscribeJobs`].
pub const JOBS_SUBSCRIBE: &str = "jobs.subscribe";
/// The notification that carries an [`crate::events::Event`].
pub const JOBS_EVENT: &str = "jobs.event";
/// Ends a subscription.
pub const JOBS_UNSUBSCRIBE: &str = "jobs.unsubscribe";
