//! Merge requests and the issues they close.

use super::list_query;
use crate::gitlab::call::{Call, Collected, Fetched, ListParams, ListView, Page};
use crate::gitlab::client::Client;
use crate::gitlab::error::GitLabError;
use crate::gitlab::models::{ClosesIssue, EnumeratedItem, Iid, MergeRequest, ProjectId};
use crate::gitlab::paging::Walk;
use crate::gitlab::transport::Request;

impl Client {
    /// One merge request: the authoritative answer, unlike a list's.
    pub async fn merge_request(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Fetched<MergeRequest>, GitLabError> {
        let request = Request::get(format!("projects/{project}/merge_requests/{iid}"));
        self.json(call, &request).await
    }

    /// One page of a project's merge requests, of every state, in the
    /// requested order.
    pub async fn merge_requests_page(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        params: &ListParams<'_>,
        view: ListView,
    ) -> Result<Page<MergeRequest>, GitLabError> {
        let list = merge_requests(project, params, view);
        self.page(call, list, params.per_page, &params.page).await
    }

    /// One page of a sweep over a project's merge requests: identities and
    /// times, and with [`ListView::Fresh`] the counters that betray silent
    /// changes.
    pub async fn merge_request_iids_page(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        params: &ListParams<'_>,
        view: ListView,
    ) -> Result<Page<EnumeratedItem>, GitLabError> {
        let list = merge_requests(project, params, view);
        self.page(call, list, params.per_page, &params.page).await
    }

    /// The issues that merging this merge request closes (or closed), of
    /// whatever project or tracker.
    pub async fn closes_issues(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Collected<ClosesIssue>, GitLabError> {
        let path = format!("projects/{project}/merge_requests/{iid}/closes_issues");
        self.collect(call, Request::get(path)).await
    }
}

fn merge_requests(project: ProjectId, params: &ListParams<'_>, view: ListView) -> Walk {
    let list =
        Request::get(format!("projects/{project}/merge_requests")).with_all(list_query(params));
    Walk::offset(match view {
        ListView::Simple => list.with("view", "simple"),
        ListView::Cached => list,
        ListView::Fresh => list.with("with_labels_details", "true"),
    })
}
