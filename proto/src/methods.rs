//! Every JSON-RPC method with its parameters and its result.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    ErrorCode, auth, daemon, db, doctor, file_history, issues, jobs, merge_requests, openrpc,
    project, search, setup, sync, sync_runs,
};

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

/// What is told about a method of the table: in the `OpenRPC` document, to
/// agents, and in this documentation.
pub trait Described: Method<Params: JsonSchema, Result: JsonSchema> {
    /// What it does, in a line.
    const SUMMARY: &'static str;
    /// The codes of the errors that a call may be answered with, family by
    /// family; a code may stand in several.
    const ERRORS: &'static [&'static [ErrorCode]];
    /// Calls with their answers: a JSON array of `{name, params, result}`,
    /// from `proto/examples/<method>.json`.
    const EXAMPLES: &'static str;
}

/// Meets each method of the table once, by [`visit_all`].
pub trait Visitor {
    /// This one.
    fn visit<M: Described>(&mut self);
}

macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])+
        $type:ident = $name:literal, $effect:ident, $params:ty => $result:ty,
            errors [$($family:ident)* $(; $($code:ident)+)?];
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy)]
            pub struct $type;
            impl Method for $type {
                const NAME: &'static str = $name;
                const EFFECT: Effect = Effect::$effect;
                type Params = $params;
                type Result = $result;
            }
            impl Described for $type {
                const SUMMARY: &'static str = concat!($($doc,)+).trim_ascii();
                const ERRORS: &'static [&'static [ErrorCode]] =
                    &[ANY, $(families::$family,)* &[$($(ErrorCode::$code),+)?]];
                const EXAMPLES: &'static str =
                    include_str!(concat!("../examples/", $name, ".json"));
            }
        )+
        /// The names of all methods; subscriptions apart.
        pub const NAMES: &[&str] = &[ $( $name, )+ ];

        /// Shows `visitor` every method, in the order of the table.
        pub fn visit_all(visitor: &mut impl Visitor) {
            $( visitor.visit::<$type>(); )+
        }
    };
}

/// What any call may be answered with: a defect, parameters that do not fit, a
/// daemon that is about to end or has too much to do.
pub const ANY: &[ErrorCode] = &[
    ErrorCode::Internal,
    ErrorCode::Usage,
    ErrorCode::DaemonUnavailable,
];

/// Causes that come together, for the table below.
// Written in the table as the codes are.
#[allow(non_upper_case_globals, clippy::enum_glob_use)]
mod families {
    use crate::ErrorCode::{self, *};

    /// The config is read, or what it says is needed.
    pub(super) const Config: &[ErrorCode] = &[ConfigInvalid, ConfigNotFound];
    /// The database is needed.
    pub(super) const Mirror: &[ErrorCode] = &[
        ConfigInvalid,
        ConfigNotFound,
        DatabaseLocked,
        Database,
        DatabaseCorrupt,
        MigrationFailed,
        SchemaTooNew,
        Io,
        DiskFull,
    ];
    /// The request means a project.
    pub(super) const Project: &[ErrorCode] = &[AmbiguousProject, ProjectUnknown, HostUnknown];
    /// The request names issues or merge requests to be fetched.
    pub(super) const Targets: &[ErrorCode] = &[
        ScopeConflict,
        MixedProjects,
        TargetConflict,
        TooManyTargets,
        BadUrl,
    ];
    /// GitLab is asked before the call is answered.
    pub(super) const Gitlab: &[ErrorCode] = &[
        TokenMissing,
        GitlabUnauthorized,
        GitlabForbidden,
        GitlabNotFound,
        GitlabRateLimited,
        Network,
        Timeout,
        GitlabUnavailable,
        GitlabBadPayload,
    ];
}

methods! {
    /// Handshake: versions and places.
    DaemonHello = "daemon.hello", Read, daemon::Hello => daemon::HelloReply,
        errors [; ProtocolMismatch];
    /// All that the daemon knows of itself.
    GetDaemonStatus = "daemon.status", Read, daemon::Nothing => daemon::DaemonStatus,
        errors [];
    /// Ends the daemon.
    DaemonShutdown = "daemon.shutdown", Write, daemon::Shutdown => daemon::ShuttingDown,
        errors [];
    /// Reads the config again.
    DaemonReload = "daemon.reload", Write, daemon::Nothing => daemon::Reloaded,
        errors [Mirror];
    /// Queues a sync, or joins an identical one.
    SyncStart = "sync.start", Write, sync::SyncRequest => sync::SyncStarted,
        errors [Mirror Project Targets];
    /// The scheduler's queue.
    JobsList = "jobs.list", Read, daemon::Nothing => jobs::JobList,
        errors [];
    /// One job, with its result.
    JobsGet = "jobs.get", Read, jobs::JobRef => jobs::JobInfo,
        errors [; NotFound];
    /// Cancels a job.
    JobsCancel = "jobs.cancel", Write, jobs::CancelJob => jobs::Cancelled,
        errors [; NotFound];
    /// The merge requests behind a file.
    FileHistoryGet = "fileHistory.get", Read, file_history::FileHistoryParams => project::Read<file_history::FileHistory>,
        errors [Mirror Project; NotFound];
    /// The run ledger.
    SyncRunsList = "syncRuns.list", Read, sync_runs::ListRuns => project::Read<sync_runs::RunList>,
        errors [Mirror Project; NotFound];
    /// One run with its items.
    SyncRunsGet = "syncRuns.get", Read, sync_runs::RunRef => project::Read<sync::RunResult>,
        errors [Mirror; NotFound];
    /// A new run of the targets of a surgical run that did not end well.
    SyncRunsRetryFailed = "syncRuns.retryFailed", Write, sync_runs::RunRef => sync::SyncStarted,
        errors [Mirror Project Targets; NotFound];
    /// Issues and merge requests by words and by meaning.
    SearchQuery = "search.query", Read, search::SearchParams => project::Read<search::SearchResults>,
        errors [Mirror Project Targets; NotFound Timeout EmbedderUnavailable EmbedderModelMissing];
    /// Issues by filters.
    IssuesList = "issues.list", Read, issues::ListIssues => project::Read<issues::IssueList>,
        errors [Mirror Project; NotFound Timeout];
    /// One issue with its threads.
    IssuesGet = "issues.get", Read, issues::GetIssue => project::Read<issues::IssueDetail>,
        errors [Mirror Project Targets; NotFound];
    /// Merge requests by filters.
    MergeRequestsList = "mergeRequests.list", Read, merge_requests::ListMergeRequests => project::Read<merge_requests::MergeRequestList>,
        errors [Mirror Project; NotFound Timeout];
    /// One merge request with its threads.
    MergeRequestsGet = "mergeRequests.get", Read, merge_requests::GetMergeRequest => project::Read<merge_requests::MergeRequestDetail>,
        errors [Mirror Project Targets; NotFound];
    /// The configured projects.
    ProjectsList = "projects.list", Read, daemon::Nothing => project::ProjectList,
        errors [Mirror];
    /// Which project a selector or a checkout means.
    ProjectsResolve = "projects.resolve", Read, project::ResolveProject => project::ProjectInfo,
        errors [Mirror Project];
    /// Projects on a host by part of their names.
    ProjectsSearch = "projects.search", Read, setup::FindProjects => setup::FoundProjects,
        errors [Config Gitlab; Io];
    /// Hosts and projects that may be meant, from what is on this machine.
    SetupPropose = "setup.propose", Read, setup::AskProposals => setup::Proposals,
        errors [Config];
    /// Tries a host, a token and projects, and writes nothing.
    SetupCheck = "setup.check", Read, setup::Setup => setup::SetupReport,
        errors [Config Gitlab; Io];
    /// The same, and writes the config.
    SetupWrite = "setup.write", Write, setup::Setup => setup::SetupReport,
        errors [Config Gitlab; Io DiskFull];
    /// Tries a token and keeps it.
    AuthLogin = "auth.login", Write, auth::Login => auth::HostToken,
        errors [Gitlab; ConfigInvalid Io DiskFull];
    /// Which token each host has, and whether it works; never what it is.
    GetAuthStatus = "auth.status", Read, auth::AskStatus => auth::AuthStatus,
        errors [; HostUnknown];
    /// Forgets a kept token.
    AuthLogout = "auth.logout", Write, auth::Logout => auth::LoggedOut,
        errors [; Io];
    /// Looks for what may be wrong.
    DoctorRun = "doctor.run", Read, doctor::AskDoctor => doctor::Diagnosis,
        errors [];
    /// Copies the database to a file, as a job.
    DbBackup = "db.backup", Write, db::Backup => db::DbStarted,
        errors [];
    /// Looks for damage in the database, as a job.
    DbCheck = "db.check", Write, db::Check => db::DbStarted,
        errors [];
    /// Moves the database aside and mirrors anew.
    DbRebuild = "db.rebuild", Write, daemon::Nothing => db::Rebuilt,
        errors [Mirror];
    /// This interface as an `OpenRPC` document.
    RpcDiscover = "rpc.discover", Read, daemon::Nothing => openrpc::Document,
        errors [];
}

/// Subscribes to the events of a job or of all; [`crate::events::SubscribeJobs`].
pub const JOBS_SUBSCRIBE: &str = "jobs.subscribe";
/// The notification that carries an [`crate::events::Event`].
pub const JOBS_EVENT: &str = "jobs.event";
/// Ends a subscription.
pub const JOBS_UNSUBSCRIBE: &str = "jobs.unsubscribe";
