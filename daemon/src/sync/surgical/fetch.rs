//! Everything that the targets need, asked for at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, poll_immediate};
use lore_proto::ErrorCode;
use lore_proto::sync::Phase;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{Answers, Dependents, ListedDiff, Primaries};
use super::diffs::Moved;
use super::statuses::Statuses;
use super::{Item, Run, Subject};
use crate::gitlab::models::Iid;
use crate::gitlab::{Call, Client, Lane, MissingKind, ProjectId};
use crate::store::{Stage, Stages};
use crate::sync::fetch::{self, StageFailure};
use crate::sync::{RunRecorder, SyncError};

/// Requests that one item makes side by side, about.
const REQUESTS_AN_ITEM: usize = 3;

impl Run {
    /// Asks for primaries and dependents side by side; the phase `preflight`
    /// ends when the primaries are checked, `fetch` when nothing is owed.
    pub(super) async fn ask(
        &self,
        recorder: &RunRecorder,
        subject: &Subject,
    ) -> Result<(Primaries, Dependents), SyncError> {
        // Dropping this stops what is under way, whatever ends the run.
        let stop = self.cx.cancel.child_token();
        let _stop_speculation = stop.clone().drop_guard();
        let mut speculation = JoinSet::new();
        let (tell, moved) = self.verdicts(subject).await?;
        let call = self.call(self.settings.surgical_preflight_budget);
        let asked = self.items.iter().map(|item| async {
            let answer = fetch::primary(
                &self.client,
                &call,
                subject.row.gitlab_id,
                item.source,
                item.iid,
            )
            .await;
            self.count(answer.as_ref().map_or(1, |answer| answer.requests));
            tell.judge(*item, answer.as_ref().ok());
            (*item, answer)
        });
        let mut asked = std::pin::pin!(join_all(asked));
        // The primaries take their places in the lane before the dependents:
        // with many targets, a missing one shows before the rest was fetched.
        let at_once = poll_immediate(asked.as_mut()).await;
        if !self.request.preflight_only {
            self.speculate(subject, &stop, moved, &mut speculation);
        }
        let answers = match at_once {
            Some(answers) => answers,
            None => asked.await,
        };
        let primaries = self.check(subject, answers).await?;
        self.count_fetched(primaries.iter().map(|(item, _)| item));
        if self.request.preflight_only {
            return Ok((primaries, Dependents::new()));
        }
        recorder.enter(Phase::Fetch).await?;
        let mut dependents = Dependents::new();
        let mut statuses = None;
        while let Some(joined) = speculation.join_next().await {
            match joined {
                Ok(Speculated::Item(item, answers)) => {
                    dependents.insert(item, answers);
                }
                Ok(Speculated::Statuses(answer)) => statuses = Some(answer),
                Err(error) if error.is_panic() => {
                    return Err(lore_proto::WireError::new(
                        ErrorCode::Internal,
                        "a part of the sync panicked; the daemon's log has more",
                    )
                    .action("lore daemon logs")
                    .into());
                }
                Err(_) => {}
            }
        }
        if let Some(statuses) = statuses {
            self.take_statuses(subject, &primaries, statuses, &mut dependents)
                .await;
        }
        self.judge_diffs(subject, &primaries, &mut dependents)
            .await?;
        if self.cx.cancel.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        Ok((primaries, dependents))
    }

    fn speculate(
        &self,
        subject: &Subject,
        stop: &CancellationToken,
        mut moved: Moved,
        tasks: &mut JoinSet<Speculated>,
    ) {
        let budget_ends = Instant::now() + self.settings.surgical_dependents_budget;
        let timeout = self.settings.surgical_entity_timeout;
        // More items at once than the lane has room for would only let their
        // time run while their requests wait.
        let room = (self.settings.max_interactive_requests / REQUESTS_AN_ITEM).max(1);
        let room = Arc::new(Semaphore::new(room));
        for item in self.items.iter().copied() {
            let task = ItemTask {
                client: self.client.clone(),
                project: subject.row.gitlab_id,
                item,
                stages: self.stages(item.source),
                stop: stop.clone(),
                budget_ends,
                timeout,
                moved: moved.remove(&item),
            };
            let room = room.clone();
            tasks.spawn(async move {
                let _place = room.acquire_owned().await;
                Speculated::Item(item, task.fetch().await)
            });
        }
        let issues: Vec<Item> = self
            .items
            .iter()
            .copied()
            .filter(|item| self.stages(item.source).has(Stage::Status))
            .collect();
        if !issues.is_empty() {
            let (client, stop) = (self.client.clone(), stop.clone());
            let project = (subject.row.gitlab_id, subject.row.path.clone());
            let deadline = budget_ends.min(Instant::now() + timeout);
            tasks.spawn(async move {
                let asked = Statuses::ask(&client, project, issues, &stop, deadline);
                Speculated::Statuses(asked.await)
            });
        }
    }

    pub(super) fn call(&self, budget: Duration) -> Call<'_> {
        Call::interactive(&self.cx.cancel, Instant::now() + budget)
    }

    pub(super) fn count(&self, requests: u32) {
        self.ledger
            .count(|counters| counters.requests += u64::from(requests));
    }
}

enum Speculated {
    Item(Item, Answers),
    Statuses(Statuses),
}

struct ItemTask {
    client: Client,
    project: ProjectId,
    item: Item,
    stages: Stages,
    stop: CancellationToken,
    budget_ends: Instant,
    timeout: Duration,
    /// Tells whether its diff moved; absent: there is room to ask at once.
    moved: Option<oneshot::Receiver<bool>>,
}

impl ItemTask {
    /// All dependents of one item, within its timeout and the stage's budget.
    async fn fetch(self) -> Answers {
        let deadline = self.budget_ends.min(Instant::now() + self.timeout);
        let call = Call {
            lane: Lane::Interactive,
            cancel: &self.stop,
            deadline: Some(deadline),
        };
        let Item { source, iid } = self.item;
        let (client, project) = (&self.client, self.project);
        let lists = self
            .stages
            .iter()
            .filter(|stage| !matches!(stage, Stage::Item | Stage::Diffs | Stage::Status))
            .map(|stage| {
                let call = &call;
                async move {
                    // Where the lane has not room for all, the long answers of
                    // every item come first, and are read while the short
                    // ones are waited for.
                    if stage != Stage::Discussions {
                        tokio::task::yield_now().await;
                    }
                    let answer = fetch::dependent(client, call, project, source, iid, stage).await;
                    (stage, answer)
                }
            });
        let (asks, moved) = (self.stages.has(Stage::Diffs), self.moved);
        let diffs = async {
            let moved = match moved {
                None => true,
                // A merge request that was not had needs no files either.
                Some(verdict) => verdict.await.unwrap_or(false),
            };
            if asks && moved {
                Some(
                    client
                        .merge_request_diffs_listed(&call, project, Iid(iid))
                        .await,
                )
            } else {
                None
            }
        };
        let (lists, diffs) = tokio::join!(join_all(lists), diffs);
        let mut answers = Answers::default();
        for (stage, answer) in lists {
            match answer {
                Ok(answer) => answers.sets.push(answer),
                Err(failure) if is_absent(&failure) => {}
                Err(failure) => answers.failures.push((stage, failure)),
            }
        }
        match diffs {
            Some(Ok(list)) => answers.diffs = Some(ListedDiff { list, deadline }),
            Some(Err(error)) => answers.failures.push((Stage::Diffs, error.into())),
            None => {}
        }
        answers
    }
}

/// An older version or another edition has no such route, or the licence none
/// of the feature: there is nothing to be had.
fn is_absent(failure: &StageFailure) -> bool {
    failure.missing() == Some(MissingKind::Route)
        || matches!(failure, StageFailure::GitLab(error) if error.is_licence_gate())
}
