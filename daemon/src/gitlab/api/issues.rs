//! Issues.

use super::list_query;
use crate::gitlab::call::{Call, Fetched, ListParams, Page};
use crate::gitlab::client::Client;
use crate::gitlab::error::GitLabError;
use crate::gitlab::models::{EnumeratedItem, Iid, Issue, ProjectId};
use crate::gitlab::paging::Walk;
use crate::gitlab::transport::Request;

impl Client {
    /// One issue.
    pub async fn issue(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Fetched<Issue>, GitLabError> {
        let request = Request::get(format!("projects/{project}/issues/{iid}"));
        self.json(call, &request).await
    }

    /// One page of a project's issues, of every state, in the requested
    /// order. Keyset paging is used where the instance has it, so that changes
    /// during the walk do not shift the pages. Labels come with their ids: a
    /// name can pass from one to another.
    pub async fn issues_page(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        params: &ListParams<'_>,
    ) -> Result<Page<Issue>, GitLabError> {
        let list = issues(project, params).with("with_labels_details", "true");
        self.page(call, list, params.per_page, &params.page).await
    }

    /// One page of a sweep over a project's issues: identities, times and the
    /// counters that betray silent changes.
    pub async fn issue_iids_page(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        params: &ListParams<'_>,
    ) -> Result<Page<EnumeratedItem>, GitLabError> {
        self.page(call, issues(project, params), params.per_page, &params.page)
            .await
    }
}

fn issues(project: ProjectId, params: &ListParams<'_>) -> Walk {
    let list = Request::get(format!("projects/{project}/issues")).with_all(list_query(params));
    if params.iids.is_empty() {
        Walk::keyset(list)
    } else {
        Walk::offset(list)
    }
}
