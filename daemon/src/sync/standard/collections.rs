//! A project's labels and milestones. Renaming or deleting one moves no item's
//! `updated_at`, so they are read whole whenever a run has news.

use super::{Run, SyncError};
use crate::gitlab::{Collected, GitLabError};
use crate::store::labels;
use crate::store::projects::ProjectRow;

impl Run {
    /// Reads both collections again. One that cannot be read, or not whole, is
    /// a warning, and the stored one stays.
    pub(super) async fn refresh_collections(&self, project: &ProjectRow) -> Result<(), SyncError> {
        let call = self.call();
        let (labels, milestones) = tokio::join!(
            self.client.labels(&call, project.gitlab_id),
            self.client.milestones(&call, project.gitlab_id),
        );
        let id = project.id;
        if let Some(list) = self.usable("labels", labels)? {
            self.write(move |tx| Ok(labels::replace_labels(tx, id, &list)?))
                .await?;
        }
        if let Some(list) = self.usable("milestones", milestones)? {
            self.write(move |tx| Ok(labels::replace_milestones(tx, id, &list)?))
                .await?;
        }
        Ok(())
    }

    fn usable<T>(
        &self,
        what: &str,
        answer: Result<Collected<T>, GitLabError>,
    ) -> Result<Option<Vec<T>>, SyncError> {
        match answer {
            Ok(list) => {
                self.ledger
                    .count(|counters| counters.requests += u64::from(list.requests));
                if list.is_complete() {
                    return Ok(Some(list.items));
                }
                self.ledger.warn(
                    lore_proto::ErrorCode::GitlabBadPayload,
                    format!("the project's {what} could not be read whole; the stored ones stay"),
                );
                Ok(None)
            }
            Err(error) => {
                let error = SyncError::from(error);
                if error.ends_the_run() {
                    return Err(error);
                }
                self.ledger.warn(
                    error.code(),
                    format!("the project's {what} could not be read: {error}"),
                );
                Ok(None)
            }
        }
    }
}
