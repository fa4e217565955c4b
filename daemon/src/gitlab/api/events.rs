//! Resource events.

use serde::de::DeserializeOwned;

use crate::gitlab::call::{Call, Collected};
use crate::gitlab::client::Client;
use crate::gitlab::error::GitLabError;
use crate::gitlab::models::{Iid, LabelEvent, MilestoneEvent, Noteable, ProjectId, StateEvent};
use crate::gitlab::transport::Request;

impl Client {
    /// All openings, closings and merges of an item but the first opening,
    /// which GitLab does not record.
    pub async fn state_events(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
        iid: Iid,
    ) -> Result<Collected<StateEvent>, GitLabError> {
        self.events(call, project, noteable, iid, "resource_state_events")
            .await
    }

    /// All labels added to and removed from an item.
    pub async fn label_events(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
        iid: Iid,
    ) -> Result<Collected<LabelEvent>, GitLabError> {
        self.events(call, project, noteable, iid, "resource_label_events")
            .await
    }

    /// All milestones set on and taken off an item.
    pub async fn milestone_events(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
        iid: Iid,
    ) -> Result<Collected<MilestoneEvent>, GitLabError> {
        self.events(call, project, noteable, iid, "resource_milestone_events")
            .await
    }

    async fn events<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
        iid: Iid,
        kind: &str,
    ) -> Result<Collected<T>, GitLabError> {
        let route = noteable.route();
        let path = format!("projects/{project}/{route}/{iid}/{kind}");
        self.collect(call, Request::get(path)).await
    }
}
