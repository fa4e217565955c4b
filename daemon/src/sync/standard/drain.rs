//! Drains the queue of what items owe: many at once, newest first.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use lore_proto::ErrorCode;
use lore_proto::sync::EntityStatus;

use super::task::{Fetched, Task};
use super::write::write_fetched;
use super::{Run, SyncError};
use crate::ingest::Dependent;
use crate::store::projects::ProjectRow;
use crate::store::queue::{self, Due};
use crate::store::{SourceType, Stage, Stages, items, merge_requests};
use crate::sync::fetch::{self, Answer, Primary, StageFailure, StoredDiff};
use crate::sync::{RunRecorder, Trigger};

/// Rows read from the queue at a time.
const BATCH: u32 = 256;
/// Items after which the ledger is brought up to date.
const HEARTBEAT_EVERY: u64 = 200;
/// Items in a row that the network or GitLab's health let fail, after which
/// the rest would only wait for the same.
const GIVE_UP_AFTER: u32 = 24;

impl Run {
    /// Fetches and writes until nothing is due.
    pub(super) async fn drain(
        &self,
        recorder: &RunRecorder,
        project: &ProjectRow,
    ) -> Result<(), SyncError> {
        let wanted = self.wanted();
        let width = self
            .settings
            .max_concurrent_requests
            .saturating_mul(2)
            .max(2);
        let id = project.id;
        let total = self
            .read(move |connection| queue::count(connection, id))
            .await?;
        let mut waiting: VecDeque<Task> = VecDeque::new();
        // Under way, or failed in this run: the next run's.
        let mut taken: HashSet<(SourceType, i64)> = HashSet::new();
        let mut under_way = FuturesUnordered::new();
        let mut done = 0;
        let mut broken_in_a_row = 0;
        loop {
            if waiting.is_empty() && under_way.len() < width {
                waiting = self.next_batch(project, wanted, &taken).await?;
                taken.extend(waiting.iter().map(|task| (task.owed.source, task.owed.id)));
            }
            while under_way.len() < width
                && let Some(task) = waiting.pop_front()
            {
                under_way.push(self.fetch(project, task, wanted));
            }
            let Some(fetched) = under_way.next().await else {
                return Ok(());
            };
            let key = (fetched.task.owed.source, fetched.task.owed.id);
            let outage = fetched
                .failures
                .iter()
                .find_map(|(_, failure)| outage(failure));
            let finished = fetched.failures.is_empty();
            let stop = fetched.failures.iter().position(|(_, failure)| {
                matches!(failure, StageFailure::GitLab(error) if SyncError::is_fatal(error))
            });
            if let Some(fatal) = stop {
                let mut failures = fetched.failures;
                if let (_, StageFailure::GitLab(error)) = failures.swap_remove(fatal) {
                    return Err(error.into());
                }
                continue;
            }
            self.write_item(project, fetched).await?;
            if finished {
                // It may be marked anew while the run goes on.
                taken.remove(&key);
                broken_in_a_row = 0;
            } else if let Some(code) = outage {
                broken_in_a_row += 1;
                if broken_in_a_row >= GIVE_UP_AFTER {
                    return Err(given_up(code, self.client.host()).into());
                }
            }
            done += 1;
            self.ledger
                .progress("dependents", done, Some(total.max(done)));
            if done % HEARTBEAT_EVERY == 0 {
                recorder.heartbeat().await;
            }
        }
    }

    /// Rows due before this instant are taken: all, where somebody waits.
    pub(super) fn due_by(&self, now: Timestamp) -> Option<Timestamp> {
        match self.trigger {
            Trigger::Request => None,
            Trigger::Timer => Some(now),
        }
    }

    async fn next_batch(
        &self,
        project: &ProjectRow,
        wanted: Stages,
        taken: &HashSet<(SourceType, i64)>,
    ) -> Result<VecDeque<Task>, SyncError> {
        let due = Due {
            by: self.due_by(self.now()),
            stages: wanted,
        };
        let (id, taken) = (project.id, taken.clone());
        self.read(move |connection| {
            let mut tasks = VecDeque::new();
            for owed in queue::due(connection, id, due, BATCH, &taken)? {
                let Some((iid, _)) = items::iid_of(connection, owed.source, owed.id)? else {
                    continue;
                };
                let identity = if owed.stages.has(Stage::Diffs) {
                    merge_requests::stored_changes(connection, owed.id)?
                        .and_then(|(identity, complete)| identity.filter(|_| complete))
                } else {
                    None
                };
                tasks.push_back(Task {
                    owed,
                    iid,
                    stored_diff: StoredDiff { identity },
                });
            }
            Ok(tasks)
        })
        .await
    }

    async fn fetch(&self, project: &ProjectRow, task: Task, wanted: Stages) -> Fetched {
        let call = self.call();
        let (client, number) = (&self.client, project.gitlab_id);
        let (source, iid) = (task.owed.source, task.iid);
        let mut stages = Stages::of(
            &task
                .owed
                .stages
                .iter()
                .filter(|stage| wanted.has(*stage))
                .collect::<Vec<_>>(),
        );
        if stages.has(Stage::Diffs) {
            // Whether the diff moved is written in the merge request itself.
            stages = stages.with(Stage::Item);
        }
        let primary = async {
            if stages.has(Stage::Item) {
                Some(fetch::primary(client, &call, number, source, iid).await)
            } else {
                None
            }
        };
        let lists = stages
            .iter()
            .filter(|stage| !matches!(stage, Stage::Item | Stage::Diffs | Stage::Status))
            .map(|stage| {
                let call = &call;
                async move {
                    let answer = fetch::dependent(client, call, number, source, iid, stage).await;
                    (stage, answer)
                }
            });
        let (primary, lists) = tokio::join!(primary, futures_util::future::join_all(lists));
        let mut fetched = Fetched {
            task,
            primary: None,
            dependents: Vec::with_capacity(lists.len()),
            failures: Vec::new(),
            absent: Stages::NONE,
            unprepared: false,
        };
        for (stage, answer) in lists {
            fetched.take(stage, answer);
        }
        match primary {
            Some(Ok(answer)) => fetched.primary = Some(answer),
            Some(Err(failure)) => {
                if stages.has(Stage::Diffs) {
                    // The ledger names everything that is still owed.
                    let because = StageFailure::Unusable {
                        code: failure.code(),
                        message: format!(
                            "the merge request itself could not be read: {}",
                            failure.message()
                        ),
                    };
                    fetched.failures.push((Stage::Diffs, because));
                }
                fetched.failures.push((Stage::Item, failure));
            }
            None => {}
        }
        if stages.has(Stage::Diffs) {
            self.fetch_diffs(project, &mut fetched).await;
        }
        fetched
    }

    async fn fetch_diffs(&self, project: &ProjectRow, fetched: &mut Fetched) {
        let Some(primary) = &fetched.primary else {
            return;
        };
        let Primary::MergeRequest(merge_request) = &primary.value else {
            return;
        };
        let asked = Answer {
            value: (),
            started_at: primary.started_at,
            server_date: primary.server_date,
            requests: 0,
        };
        let call = self.call();
        let stored = fetched.task.stored_diff.clone();
        let answer = fetch::diffs(
            &self.client,
            &call,
            project.gitlab_id,
            merge_request,
            &stored,
            &asked,
        )
        .await;
        match answer {
            Ok(Some(diffs)) => fetched.dependents.push(diffs),
            Ok(None) => fetched.unprepared = true,
            Err(failure) => fetched.take(Stage::Diffs, Err(failure)),
        }
    }

    /// Writes what came of an item, and what of it is owed still.
    async fn write_item(&self, project: &ProjectRow, fetched: Fetched) -> Result<(), SyncError> {
        self.report(&fetched);
        let row = project.clone();
        // The time at which it is written: others may have the lock before.
        let clock = Arc::clone(self.engine.clock());
        let (notes, stale, cut) = self
            .write(move |tx| write_fetched(tx, &row, &fetched, clock.now()))
            .await?;
        self.ledger.count(|counters| {
            counters.notes_ingested += notes;
            counters.skipped_stale += stale;
        });
        if let Some(iid) = cut {
            self.ledger.warn(
                ErrorCode::GitlabBadPayload,
                format!("GitLab cut the file list of !{iid}, and it could not be completed"),
            );
        }
        Ok(())
    }

    fn report(&self, fetched: &Fetched) {
        let (source, iid) = (fetched.task.owed.source, fetched.task.iid);
        if let Some(primary) = &fetched.primary {
            self.count_primary(source, primary);
        }
        for answer in &fetched.dependents {
            self.ledger.count(|counters| {
                counters.requests += u64::from(answer.requests);
                let of = |len: usize| len as u64;
                match &answer.value {
                    Dependent::Discussions(list) => counters.discussions_fetched += of(list.len()),
                    Dependent::StateEvents(list) => {
                        counters.resource_events_fetched += of(list.len());
                    }
                    Dependent::LabelEvents(list) => {
                        counters.resource_events_fetched += of(list.len());
                    }
                    Dependent::MilestoneEvents(list) => {
                        counters.resource_events_fetched += of(list.len());
                    }
                    Dependent::Diffs { files, .. } => {
                        counters.mr_diffs_fetched += files.as_ref().map_or(0, |f| of(f.len()));
                    }
                    Dependent::ClosesIssues(list) => {
                        counters.closes_issues_fetched += of(list.len());
                    }
                    Dependent::Status(_) => {}
                }
            });
        }
        for (stage, failure) in &fetched.failures {
            let status = match failure.code() {
                ErrorCode::Timeout => EntityStatus::Timeout,
                _ => EntityStatus::Failed,
            };
            self.ledger.entity(
                source.entity(),
                iid.unsigned_abs(),
                stage.as_str(),
                status,
                Some((failure.code(), failure.message())),
            );
        }
    }
}

/// The cause of a failure that says nothing of the item and much of the way to
/// GitLab.
fn outage(failure: &StageFailure) -> Option<ErrorCode> {
    let code = failure.code();
    matches!(
        code,
        ErrorCode::Network
            | ErrorCode::Timeout
            | ErrorCode::GitlabUnavailable
            | ErrorCode::GitlabRateLimited
    )
    .then_some(code)
}

fn given_up(code: ErrorCode, host: &str) -> lore_proto::WireError {
    lore_proto::WireError::new(
        code,
        format!(
            "{GIVE_UP_AFTER} items in a row could not be had from {host}; the rest stays queued and the next sync goes on there"
        ),
    )
    .action("lore status")
}
