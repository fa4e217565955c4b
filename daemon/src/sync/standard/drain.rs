//! Drains the queue of what items owe: many at once, newest first, each
//! written in one short transaction that also takes it off the queue.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use lore_proto::ErrorCode;
use lore_proto::sync::EntityStatus;
use rusqlite::Transaction;

use super::reconcile::DOUBT;
use super::{Run, SyncError, after};
use crate::gitlab::MissingKind;
use crate::ingest::{self, Asked, Dependent, DependentWritten, write_dependent};
use crate::store::projects::ProjectRow;
use crate::store::queue::{self, Due, Owed};
use crate::store::rechecks::{self, Reason};
use crate::store::{SourceType, Stage, Stages, items, merge_requests};
use crate::sync::fetch::{self, Answer, Primary, StageFailure, StoredDiff};
use crate::sync::{RunRecorder, Trigger, settle};

/// Rows read from the queue at a time.
const BATCH: u32 = 256;
/// Items after which the ledger is brought up to date.
const HEARTBEAT_EVERY: u64 = 200;
/// Items in a row that the network or GitLab's health let fail, after which
/// the rest would only wait for the same.
const GIVE_UP_AFTER: u32 = 24;
/// The longest time between two background attempts at an item.
const MAX_WAIT: Duration = Duration::from_hours(6);
/// Looks at a merge request whose diff GitLab has not computed, 15 s, 30 s, …
/// apart; one that stays so is left until it moves.
const MAX_UNPREPARED: u32 = 10;

/// When background runs try a failed item again: 30 s, 1 min, … 6 h.
pub(super) fn next_attempt(owed: &Owed, now: Timestamp) -> Timestamp {
    let wait = Duration::from_secs(30)
        .saturating_mul(1 << owed.attempts.min(10))
        .min(MAX_WAIT);
    after(now, wait)
}

/// One item of the queue with what fetching it takes.
#[derive(Clone)]
struct Task {
    owed: Owed,
    iid: i64,
    stored_diff: StoredDiff,
}

/// What came back for an item.
struct Fetched {
    task: Task,
    primary: Option<Answer<Primary>>,
    dependents: Vec<Answer<Dependent>>,
    failures: Vec<(Stage, StageFailure)>,
    /// Stages that this instance does not have.
    absent: Stages,
    /// GitLab has not computed the diff yet.
    unprepared: bool,
}

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
                        .and_then(|(identity, _)| identity)
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
        let now = self.now();
        let (notes, stale, cut) = self
            .write(move |tx| write_fetched(tx, &row, &fetched, now))
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

impl Fetched {
    fn take(&mut self, stage: Stage, answer: Result<Answer<Dependent>, StageFailure>) {
        match answer {
            Ok(answer) => self.dependents.push(answer),
            // An older version or another edition has no such route, or the
            // licence none of the feature: there is nothing to be had.
            Err(failure)
                if failure.missing() == Some(MissingKind::Route)
                    || matches!(&failure, StageFailure::GitLab(error) if error.is_licence_gate()) =>
            {
                self.absent = self.absent.with(stage);
            }
            Err(failure) => self.failures.push((stage, failure)),
        }
    }

    /// The item itself seems to be gone, by the answer to any of its parts.
    fn is_missing(&self) -> bool {
        self.primary.is_none()
            && self.failures.iter().any(|(_, failure)| {
                matches!(
                    failure.missing(),
                    Some(MissingKind::Record | MissingKind::Unknown)
                )
            })
    }
}

/// Writes an item's answers; the notes written, the sets that were stale, and
/// the iid where the file list stays cut.
fn write_fetched(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    fetched: &Fetched,
    now: Timestamp,
) -> Result<(u64, u64, Option<i64>), SyncError> {
    let Task { owed, iid, .. } = &fetched.task;
    let (source, id, iid) = (owed.source, owed.id, *iid);
    if items::iid_of(tx, source, id)?.is_none() {
        queue::remove(tx, source, id)?;
        return Ok((0, 0, None));
    }
    let (mut notes, mut stale, mut cut) = (0, 0, None);
    let mut done = fetched.absent;
    if let Some(primary) = &fetched.primary {
        let asked = Asked::at(primary.started_at);
        let written = match &primary.value {
            Primary::Issue(issue) => ingest::issue(tx, project, issue, asked)?,
            Primary::MergeRequest(payload) => ingest::merge_request(tx, project, payload, asked)?,
        };
        stale += u64::from(written.is_stale());
        done = done.with(Stage::Item);
    }
    for answer in &fetched.dependents {
        if let Dependent::Diffs {
            files: Some(_),
            complete: false,
            ..
        } = answer.value
        {
            cut = Some(iid);
        }
        let written = write_dependent(
            tx,
            project,
            source,
            id,
            &answer.value,
            answer.started_at,
            answer.started_at,
        )?;
        match written {
            DependentWritten::Stored(discussions) => notes += discussions.notes,
            DependentWritten::Stale => stale += 1,
        }
        done = done.with(answer.value.stage());
    }
    if fetched.unprepared {
        done = done.with(Stage::Diffs);
        look_again_when_prepared(tx, project.id, iid, now)?;
    } else if done.has(Stage::Diffs) {
        rechecks::remove(tx, project.id, source, iid, Reason::Unprepared)?;
    }
    if fetched.is_missing() {
        // Nothing more is to be had of it until that is clear.
        queue::remove(tx, source, id)?;
        let due = after(now, DOUBT);
        rechecks::put_once(tx, project.id, source, iid, Reason::Missing, due, now)?;
        return Ok((notes, stale, cut));
    }
    queue::complete(tx, owed, done)?;
    if let Some((_, failure)) = fetched.failures.first() {
        let next = next_attempt(owed, now);
        queue::fail(tx, owed, failure.code(), &failure.message(), next)?;
    }
    settle_later(tx, project.id, fetched, now)?;
    Ok((notes, stale, cut))
}

/// Puts an item on the list again whose answers were read within GitLab's
/// minute of silence.
fn settle_later(
    tx: &Transaction<'_>,
    project: i64,
    fetched: &Fetched,
    now: Timestamp,
) -> Result<(), SyncError> {
    let Task { owed, iid, .. } = &fetched.task;
    let read_at = fetched
        .dependents
        .iter()
        .map(|answer| answer.server_date.unwrap_or(answer.started_at))
        .min();
    let (Some(read_at), Some((_, updated_at))) =
        (read_at, items::iid_of(tx, owed.source, owed.id)?)
    else {
        return Ok(());
    };
    if let Some(due) = settle::recheck_at(updated_at, read_at, now) {
        rechecks::put(tx, project, owed.source, *iid, Reason::Unsettled, due, now)?;
    }
    Ok(())
}

fn look_again_when_prepared(
    tx: &Transaction<'_>,
    project: i64,
    iid: i64,
    now: Timestamp,
) -> Result<(), SyncError> {
    let source = SourceType::MergeRequest;
    let wait = |attempts: u32| after(now, Duration::from_secs(15) * (1 << attempts.min(10)));
    let known = rechecks::get(tx, project, source, iid, Reason::Unprepared)?;
    match known {
        None => rechecks::put(tx, project, source, iid, Reason::Unprepared, wait(0), now)?,
        Some(recheck) if recheck.attempts >= MAX_UNPREPARED => {
            rechecks::remove(tx, project, source, iid, Reason::Unprepared)?;
        }
        Some(recheck) => rechecks::postpone(tx, project, &recheck, wait(recheck.attempts + 1))?,
    }
    Ok(())
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
