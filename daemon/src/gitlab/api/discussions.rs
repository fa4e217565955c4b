//! Discussions with their notes.

use crate::gitlab::call::{Call, Collected};
use crate::gitlab::client::Client;
use crate::gitlab::error::GitLabError;
use crate::gitlab::models::{Discussion, Iid, Noteable, ProjectId};
use crate::gitlab::transport::Request;

impl Client {
    /// All discussions of an issue or merge request, oldest first. An error of
    /// any page is an error of the whole, and [`Collected::is_complete`] says
    /// whether a discussion that is absent may be believed to be gone.
    pub async fn discussions(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
        iid: Iid,
    ) -> Result<Collected<Discussion>, GitLabError> {
        let route = noteable.route();
        let path = format!("projects/{project}/{route}/{iid}/discussions");
        self.collect(call, Request::get(path)).await
    }

    /// All discussions of an issue.
    pub async fn issue_discussions(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Collected<Discussion>, GitLabError> {
        self.discussions(call, project, Noteable::Issue, iid).await
    }

    /// All discussions of a merge request.
    pub async fn merge_request_discussions(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Collected<Discussion>, GitLabError> {
        self.discussions(call, project, Noteable::MergeRequest, iid)
            .await
    }
}
