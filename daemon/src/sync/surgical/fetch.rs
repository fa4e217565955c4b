//! Everything that the targets need, asked for at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lore_proto::ErrorCode;
use lore_proto::sync::Phase;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Item, Run};
use crate::gitlab::models::{Diff, Iid};
use crate::gitlab::{Call, Client, Collected, Lane, MissingKind, ProjectId, StatusOutcome};
use crate::ingest::Dependent;
use crate::store::merge_requests::diff_identity;
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, Stage, Stages};
use crate::sync::fetch::{self, Answer, Primary, StageFailure};
use crate::sync::{RunRecorder, SyncError};

/// Requests that one item makes side by side, about.
const REQUESTS_AN_ITEM: usize = 3;

/// What came of an item's dependents.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) sets: Vec<Answer<Dependent>>,
    pub(super) failures: Vec<(Stage, StageFailure)>,
    /// GitLab has not computed the diff yet.
    pub(super) unprepared: bool,
    /// A list of file changes that still has to be judged by the primary.
    diffs: Option<Collected<Diff>>,
}

pub(super) type Primaries = Vec<(Item, Answer<Primary>)>;
pub(super) type Dependents = BTreeMap<Item, Answers>;

impl Run {
    /// Asks for primaries and dependents side by side; the phase `preflight`
    /// ends when the primaries are checked, `fetch` when nothing is owed.
    pub(super) async fn ask(
        &self,
        recorder: &RunRecorder,
        project: &ProjectRow,
    ) -> Result<(Primaries, Dependents), SyncError> {
        // Dropping this stops what is under way, whatever ends the run.
        let stop = self.cx.cancel.child_token();
        let _stop_speculation = stop.clone().drop_guard();
        let mut speculation = JoinSet::new();
        if !self.request.preflight_only {
            self.speculate(project, &stop, &mut speculation);
        }
        let call = self.call(self.settings.surgical_preflight_budget);
        let asked = self.items.iter().map(|item| async {
            let answer = fetch::primary(
                &self.client,
                &call,
                project.gitlab_id,
                item.source,
                item.iid,
            )
            .await;
            self.count(answer.as_ref().map_or(1, |answer| answer.requests));
            (*item, answer)
        });
        let primaries = self.check(project, join_all(asked).await).await?;
        self.ledger.count(|counters| {
            for (item, _) in &primaries {
                match item.source {
                    SourceType::Issue => counters.issues_fetched += 1,
                    SourceType::MergeRequest => counters.mrs_fetched += 1,
                }
            }
        });
        if self.request.preflight_only {
            return Ok((primaries, Dependents::new()));
        }
        recorder.enter(Phase::Fetch).await?;
        let mut dependents = Dependents::new();
        while let Some(joined) = speculation.join_next().await {
            match joined {
                Ok(Speculated::Item(item, answers)) => {
                    let known = dependents.entry(item).or_default();
                    known.sets.extend(answers.sets);
                    known.failures.extend(answers.failures);
                    known.diffs = answers.diffs;
                }
                Ok(Speculated::Statuses(answers)) => {
                    for (item, answer) in answers {
                        let known = dependents.entry(item).or_default();
                        match answer {
                            Ok(answer) => known.sets.push(answer),
                            Err(failure) => known.failures.push((Stage::Status, failure)),
                        }
                    }
                }
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
        self.judge_diffs(project, &primaries, &mut dependents).await;
        if self.cx.cancel.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        Ok((primaries, dependents))
    }

    fn speculate(
        &self,
        project: &ProjectRow,
        stop: &CancellationToken,
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
                project: project.gitlab_id,
                item,
                stages: self.stages(item.source),
                stop: stop.clone(),
                budget_ends,
                timeout,
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
            let (client, path, stop) = (self.client.clone(), project.path.clone(), stop.clone());
            let (number, deadline) = (project.gitlab_id, budget_ends.min(Instant::now() + timeout));
            tasks.spawn(async move {
                Speculated::Statuses(
                    statuses(&client, (number, &path), &issues, &stop, deadline).await,
                )
            });
        }
    }

    /// What a list of file changes is worth can only be told by the merge
    /// request itself: which state it is of, and whether GitLab cut it.
    async fn judge_diffs(
        &self,
        project: &ProjectRow,
        primaries: &Primaries,
        dependents: &mut Dependents,
    ) {
        let deadline = Instant::now() + self.settings.surgical_entity_timeout;
        let call = Call {
            lane: Lane::Interactive,
            cancel: &self.cx.cancel,
            deadline: Some(deadline),
        };
        let judged = primaries.iter().filter_map(|(item, primary)| {
            let Primary::MergeRequest(merge_request) = &primary.value else {
                return None;
            };
            let diffs = dependents.get_mut(item)?.diffs.take()?;
            let call = &call;
            Some(async move {
                let identity = diff_identity(merge_request.diff_refs.as_ref());
                if identity.is_none() && merge_request.state == "opened" {
                    return (*item, Ok(None));
                }
                let whole = self
                    .client
                    .complete_merge_request_diffs(
                        call,
                        project.gitlab_id,
                        Iid(item.iid),
                        diffs,
                        Some(merge_request.changes_count.as_str()),
                    )
                    .await;
                let answer = whole.map(|answer| {
                    Some(Answer {
                        started_at: answer.started_at,
                        server_date: answer.server_date,
                        requests: answer.requests,
                        value: Dependent::Diffs {
                            files: Some(answer.value.diffs),
                            identity,
                            complete: answer.value.complete,
                        },
                    })
                });
                (*item, answer)
            })
        });
        for (item, answer) in join_all(judged.collect::<Vec<_>>()).await {
            let known = dependents.entry(item).or_default();
            match answer {
                Ok(Some(answer)) => known.sets.push(answer),
                Ok(None) => known.unprepared = true,
                Err(error) => known.failures.push((Stage::Diffs, error.into())),
            }
        }
    }

    pub(super) fn call(&self, budget: Duration) -> Call<'_> {
        Call::interactive(&self.cx.cancel, Instant::now() + budget)
    }

    fn count(&self, requests: u32) {
        self.ledger
            .count(|counters| counters.requests += u64::from(requests));
    }
}

enum Speculated {
    Item(Item, Answers),
    Statuses(Vec<(Item, Result<Answer<Dependent>, StageFailure>)>),
}

struct ItemTask {
    client: Client,
    project: ProjectId,
    item: Item,
    stages: Stages,
    stop: CancellationToken,
    budget_ends: Instant,
    timeout: Duration,
}

impl ItemTask {
    /// All dependents of one item, within its timeout and the stage's budget.
    async fn fetch(self) -> Answers {
        let call = Call {
            lane: Lane::Interactive,
            cancel: &self.stop,
            deadline: Some(self.budget_ends.min(Instant::now() + self.timeout)),
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
                    let answer = fetch::dependent(client, call, project, source, iid, stage).await;
                    (stage, answer)
                }
            });
        let diffs = async {
            if self.stages.has(Stage::Diffs) {
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
            Some(Ok(diffs)) => answers.diffs = Some(diffs),
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

/// The statuses of all issues in one query; nothing where the instance has no
/// such thing.
async fn statuses(
    client: &Client,
    (project, path): (ProjectId, &str),
    issues: &[Item],
    stop: &CancellationToken,
    deadline: Instant,
) -> Vec<(Item, Result<Answer<Dependent>, StageFailure>)> {
    let call = Call {
        lane: Lane::Interactive,
        cancel: stop,
        deadline: Some(deadline),
    };
    let iids: Vec<Iid> = issues.iter().map(|item| Iid(item.iid)).collect();
    match client.work_item_statuses(&call, project, path, &iids).await {
        Ok(answer) => {
            let StatusOutcome::Supported(found) = answer.value else {
                return Vec::new();
            };
            let mut requests = answer.requests;
            found
                .into_iter()
                .filter_map(|status| {
                    let item = *issues.iter().find(|item| Iid(item.iid) == status.iid)?;
                    let answer = Answer {
                        value: Dependent::Status(status),
                        started_at: answer.started_at,
                        server_date: answer.server_date,
                        // One request brought all of them.
                        requests: std::mem::take(&mut requests),
                    };
                    Some((item, Ok(answer)))
                })
                .collect()
        }
        Err(error) => {
            let (code, message) = (error.code(), error.to_string());
            issues
                .iter()
                .map(|item| {
                    let failure = StageFailure::Unusable {
                        code,
                        message: message.clone(),
                    };
                    (*item, Err(failure))
                })
                .collect()
        }
    }
}
