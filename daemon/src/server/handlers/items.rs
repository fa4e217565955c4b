//! `issues.list`, `issues.get`, `mergeRequests.list` and `mergeRequests.get`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::issues::{GetIssue, IssueDetail, IssueList, ListIssues};
use lore_proto::merge_requests::{
    GetMergeRequest, ListMergeRequests, MergeRequestDetail, MergeRequestList,
};
use lore_proto::project::Read;

use super::projects::resolved;
use crate::daemon::{Daemon, ItemAsked};
use crate::query::items;
use crate::store::SourceType;

pub(super) async fn list_issues(
    daemon: Arc<Daemon>,
    mut ask: ListIssues,
) -> Result<Read<IssueList>, WireError> {
    let ready = daemon.ready()?;
    let remotes = std::mem::take(&mut ask.remotes);
    let project = resolved(&ready.config, ask.project.take(), ask.host.take(), remotes)?;
    items::list_issues(&ready.database, &project, ask, daemon.clock().now()).await
}

pub(super) async fn list_merge_requests(
    daemon: Arc<Daemon>,
    mut ask: ListMergeRequests,
) -> Result<Read<MergeRequestList>, WireError> {
    let ready = daemon.ready()?;
    let remotes = std::mem::take(&mut ask.remotes);
    let project = resolved(&ready.config, ask.project.take(), ask.host.take(), remotes)?;
    items::list_merge_requests(&ready.database, &project, ask, daemon.clock().now()).await
}

pub(super) async fn get_issue(
    daemon: Arc<Daemon>,
    mut ask: GetIssue,
) -> Result<Read<IssueDetail>, WireError> {
    let ready = daemon.ready()?;
    let asked = ItemAsked {
        source: Some(SourceType::Issue),
        iid: ask.iid.take(),
        reference: ask.reference.take(),
        project: ask.project.take(),
        host: ask.host.take(),
        remotes: std::mem::take(&mut ask.remotes),
    };
    let (project, _, iid) = daemon.item(&ready, asked).await?;
    items::get_issue(&ready.database, &project, iid, ask, daemon.clock().now()).await
}

pub(super) async fn get_merge_request(
    daemon: Arc<Daemon>,
    mut ask: GetMergeRequest,
) -> Result<Read<MergeRequestDetail>, WireError> {
    let ready = daemon.ready()?;
    let asked = ItemAsked {
        source: Some(SourceType::MergeRequest),
        iid: ask.iid.take(),
        reference: ask.reference.take(),
        project: ask.project.take(),
        host: ask.host.take(),
        remotes: std::mem::take(&mut ask.remotes),
    };
    let (project, _, iid) = daemon.item(&ready, asked).await?;
    items::get_merge_request(&ready.database, &project, iid, ask, daemon.clock().now()).await
}
