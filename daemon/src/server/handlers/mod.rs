//! One short function for each method: parameters in, result out. What a
//! function needs of the daemon it asks for; nothing is decided here that
//! another room could decide.

mod auth;
mod daemon;
mod db;
mod discover;
mod doctor;
mod file_history;
mod items;
mod jobs;
mod projects;
mod search;
mod setup;
mod sync;
mod sync_runs;

use std::future::Future;
use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::{Methods, RpcModule};
use lore_proto::WireError;
use lore_proto::methods::{self, Described};

use super::{register, register_jobs};
use crate::daemon::Daemon;

/// The method table of a daemon.
pub(crate) fn methods(daemon: &Arc<Daemon>) -> Result<Methods, RegisterMethodError> {
    let mut table = RpcModule::from_arc(Arc::clone(daemon));
    let t = &mut table;
    enter::<methods::DaemonHello, _, _>(t, daemon::hello)?;
    enter::<methods::GetDaemonStatus, _, _>(t, daemon::status)?;
    enter::<methods::DaemonShutdown, _, _>(t, daemon::shutdown)?;
    enter::<methods::DaemonReload, _, _>(t, daemon::reload)?;
    enter::<methods::JobsList, _, _>(t, jobs::list)?;
    enter::<methods::JobsGet, _, _>(t, jobs::get)?;
    enter::<methods::JobsCancel, _, _>(t, jobs::cancel)?;
    enter::<methods::SyncStart, _, _>(t, sync::start)?;
    enter::<methods::FileHistoryGet, _, _>(t, file_history::get)?;
    enter::<methods::SyncRunsList, _, _>(t, sync_runs::list)?;
    enter::<methods::SyncRunsGet, _, _>(t, sync_runs::get)?;
    enter::<methods::SyncRunsRetryFailed, _, _>(t, sync_runs::retry_failed)?;
    enter::<methods::SearchQuery, _, _>(t, search::query)?;
    enter::<methods::IssuesList, _, _>(t, items::list_issues)?;
    enter::<methods::IssuesGet, _, _>(t, items::get_issue)?;
    enter::<methods::MergeRequestsList, _, _>(t, items::list_merge_requests)?;
    enter::<methods::MergeRequestsGet, _, _>(t, items::get_merge_request)?;
    enter::<methods::ProjectsList, _, _>(t, projects::list)?;
    enter::<methods::ProjectsResolve, _, _>(t, projects::resolve)?;
    enter::<methods::SetupPropose, _, _>(t, setup::propose)?;
    enter::<methods::ProjectsSearch, _, _>(t, setup::find_projects)?;
    enter::<methods::SetupCheck, _, _>(t, setup::check)?;
    enter::<methods::SetupWrite, _, _>(t, setup::write)?;
    enter::<methods::RpcDiscover, _, _>(t, discover::document)?;
    enter::<methods::AuthLogin, _, _>(t, auth::login)?;
    enter::<methods::GetAuthStatus, _, _>(t, auth::status)?;
    enter::<methods::AuthLogout, _, _>(t, auth::logout)?;
    enter::<methods::DoctorRun, _, _>(t, doctor::run)?;
    enter::<methods::DbBackup, _, _>(t, db::backup)?;
    enter::<methods::DbCheck, _, _>(t, db::check)?;
    enter::<methods::DbRebuild, _, _>(t, db::rebuild)?;
    register_jobs(t, |daemon: &Daemon| daemon.scheduler().clone())?;
    Ok(table.into())
}

/// Enters a method that answers by the config as it is now.
fn enter<M, F, Fut>(table: &mut RpcModule<Daemon>, handler: F) -> Result<(), RegisterMethodError>
where
    M: Described,
    M::Params: 'static,
    M::Result: 'static,
    F: Fn(Arc<Daemon>, M::Params) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Result, WireError>> + Send + 'static,
{
    register::<M, _, _, _>(table, move |daemon: Arc<Daemon>, params| {
        let handler = handler.clone();
        async move {
            daemon.notice_changes().await;
            let answer = handler(daemon, params).await;
            if let Err(error) = &answer {
                expect_described::<M>(error);
            }
            answer
        }
    })
}

/// Clients are told which errors a method may give: one that is not among them
/// is missing in the table of methods.
fn expect_described<M: Described>(error: &WireError) {
    let described = M::ERRORS.iter().any(|family| family.contains(&error.code));
    if !described {
        tracing::warn!(method = M::NAME, code = %error.code, "an error that is not described");
    }
    // Elsewhere the caller is better served with the error than with a panic.
    #[cfg(test)]
    assert!(described, "`{}` does not name {error}", M::NAME);
}
