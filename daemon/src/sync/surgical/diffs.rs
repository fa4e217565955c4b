//! What a list of file changes is worth. It was asked for beside the merge
//! request, and only the merge request itself tells which state the list is
//! of, and whether GitLab cut it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::answers::{Dependents, ListedDiff, MOST_REQUESTS_AN_ITEM, Primaries};
use super::{Item, Run, Subject};
use crate::gitlab::models::{Iid, MergeRequest};
use crate::gitlab::{Call, GitLabError, Lane};
use crate::ingest::Dependent;
use crate::store::merge_requests::{diff_identity, stored_changes};
use crate::store::{SourceType, Stage, StoreError, items};
use crate::sync::fetch::{Answer, Primary};
use crate::sync::{SyncError, fetch};

/// Of each merge request whose files wait for it, whether its diff moved.
pub(super) type Moved = BTreeMap<Item, oneshot::Receiver<bool>>;

/// Tells the waiting ones.
#[derive(Default)]
pub(super) struct Verdicts {
    stored: BTreeMap<i64, String>,
    waiting: Mutex<BTreeMap<Item, oneshot::Sender<bool>>>,
}

impl Verdicts {
    /// The merge request is in hand, or it could not be had.
    pub(super) fn judge(&self, item: Item, primary: Option<&Answer<Primary>>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = waiting.remove(&item)
            && let Some(answer) = primary
            && let Primary::MergeRequest(merge_request) = &answer.value
        {
            let identity = diff_identity(merge_request.diff_refs.as_ref());
            let same = identity.is_some() && identity.as_ref() == self.stored.get(&item.iid);
            // Whoever waited may have been stopped.
            let _ = tell.send(!same);
        }
    }
}

impl Run {
    /// Where the lane has no room for everything at once, files are asked for
    /// after their merge request, which most often says that they did not
    /// move: what would have had to wait for its turn anyway is left out.
    pub(super) async fn verdicts(&self, subject: &Subject) -> Result<(Verdicts, Moved), SyncError> {
        let room = self.settings.max_interactive_requests;
        let with_files = self.stages(SourceType::MergeRequest).has(Stage::Diffs);
        let fits = self.items.len() * MOST_REQUESTS_AN_ITEM <= room;
        if fits || !with_files || self.request.preflight_only {
            return Ok((Verdicts::default(), Moved::new()));
        }
        let stored = self.stored_identities(subject).await?;
        let (mut waiting, mut moved) = (BTreeMap::new(), Moved::new());
        for item in self.items.iter().copied() {
            if item.source == SourceType::MergeRequest {
                let (tell, told) = oneshot::channel();
                waiting.insert(item, tell);
                moved.insert(item, told);
            }
        }
        let verdicts = Verdicts {
            stored,
            waiting: Mutex::new(waiting),
        };
        Ok((verdicts, moved))
    }

    /// Turns the lists into sets that can be stored, completed where GitLab
    /// cut them.
    pub(super) async fn judge_diffs(
        &self,
        subject: &Subject,
        primaries: &Primaries,
        dependents: &mut Dependents,
    ) -> Result<(), SyncError> {
        let listed: Vec<(Item, &MergeRequest, ListedDiff)> = primaries
            .iter()
            .filter_map(|(item, primary)| {
                let Primary::MergeRequest(merge_request) = &primary.value else {
                    return None;
                };
                let diffs = dependents.get_mut(item)?.diffs.take()?;
                Some((*item, merge_request.as_ref(), diffs))
            })
            .collect();
        if listed.is_empty() {
            return Ok(());
        }
        let stored = self.stored_identities(subject).await?;
        let judged = listed.into_iter().map(|(item, merge_request, diffs)| {
            let known = stored.get(&item.iid);
            async move {
                let answer = self.judge(subject, merge_request, diffs, known).await;
                (item, answer)
            }
        });
        for (item, answer) in join_all(judged).await {
            let known = dependents.entry(item).or_default();
            match answer {
                Ok(Some(answer)) => known.sets.push(answer),
                Ok(None) => known.unprepared = true,
                Err(error) => known.failures.push((Stage::Diffs, error.into())),
            }
        }
        Ok(())
    }

    /// Which state of its diff the mirror has complete, by iid.
    async fn stored_identities(
        &self,
        subject: &Subject,
    ) -> Result<BTreeMap<i64, String>, SyncError> {
        let (project, all) = (subject.row.id, self.items.clone());
        let stored = self
            .engine
            .db()
            .read(move |connection| {
                let mut stored = BTreeMap::new();
                for item in all {
                    let Some(row) = items::stored(connection, item.source, project, item.iid)?
                    else {
                        continue;
                    };
                    if item.source == SourceType::MergeRequest
                        && let Some((Some(identity), true)) = stored_changes(connection, row.id)?
                    {
                        stored.insert(item.iid, identity);
                    }
                }
                Ok::<_, StoreError>(stored)
            })
            .await?;
        Ok(stored)
    }

    async fn judge(
        &self,
        subject: &Subject,
        merge_request: &MergeRequest,
        ListedDiff { list, deadline }: ListedDiff,
        stored: Option<&String>,
    ) -> Result<Option<Answer<Dependent>>, GitLabError> {
        let identity = diff_identity(merge_request.diff_refs.as_ref());
        if identity.is_none() && merge_request.state == "opened" {
            return Ok(None);
        }
        if identity.is_some() && identity.as_ref() == stored {
            return Ok(Some(Answer {
                started_at: list.started_at,
                server_date: list.server_date,
                requests: list.requests,
                value: Dependent::Diffs {
                    files: None,
                    identity,
                    complete: true,
                },
            }));
        }
        let call = Call {
            lane: Lane::Interactive,
            cancel: &self.cx.cancel,
            deadline: Some(deadline),
        };
        let answer = self
            .client
            .complete_merge_request_diffs(
                &call,
                subject.row.gitlab_id,
                Iid(merge_request.iid.0),
                list,
                Some(merge_request.changes_count.as_str()),
            )
            .await?;
        Ok(Some(fetch::file_changes(merge_request, answer)))
    }
}
