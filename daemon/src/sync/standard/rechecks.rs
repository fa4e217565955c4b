//! Items that are due to be looked at again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use lore_proto::ErrorCode;
use lore_proto::sync::EntityStatus;

use super::reconcile::DOUBT;
use super::{Run, SyncError, after};
use crate::gitlab::{MissingKind, ProjectRef};
use crate::ingest::{self, Asked};
use crate::store::projects::ProjectRow;
use crate::store::rechecks::{self, Reason, Recheck};
use crate::store::{LONGEST_WAIT, SourceType, Stage, Stages, items, queue};
use crate::sync::fetch::{self, Answer, Primary, StageFailure};

/// Items asked for at once.
const AT_ONCE: usize = 32;
/// The longest time between two looks at an item that cannot be read.
const MAX_WAIT: Duration = Duration::from_hours(6);
const _: () = assert!(MAX_WAIT.as_secs() < LONGEST_WAIT.as_secs());

impl Run {
    /// Everything whose time to be looked at again has come.
    pub(super) async fn due_again(&self, project: &ProjectRow) -> Result<Vec<Recheck>, SyncError> {
        let (id, now) = (project.id, self.now());
        self.read(move |connection| rechecks::due(connection, id, now))
            .await
    }

    /// Looks again at each of these items.
    pub(super) async fn look_again(
        &self,
        project: &ProjectRow,
        due: Vec<Recheck>,
    ) -> Result<(), SyncError> {
        // One request serves all reasons to look at an item.
        let mut by_item: BTreeMap<(SourceType, i64), Vec<Recheck>> = BTreeMap::new();
        for recheck in due {
            by_item
                .entry((recheck.source, recheck.iid))
                .or_default()
                .push(recheck);
        }
        let mut rest = by_item.into_iter();
        loop {
            let some: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return Ok(());
            }
            // All answers before the first is worked on: that may take further
            // requests, which would wait for ever for a place that a request
            // holds which nobody polls.
            let answers: Vec<_> = stream::iter(some)
                .map(|((source, iid), reasons)| async move {
                    let call = self.call();
                    let answer =
                        fetch::primary(&self.client, &call, project.gitlab_id, source, iid).await;
                    (source, iid, reasons, answer)
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            // Whether the project and other items of it can be read, once known:
            // asked after the answers of each batch, for access may be lost
            // between two.
            let mut access = BTreeMap::new();
            for (source, iid, reasons, answer) in answers {
                match answer {
                    Ok(answer) => self.found(project, source, iid, reasons, answer).await?,
                    Err(failure) if failure.missing().is_some() => {
                        self.not_found(project, source, iid, &reasons, &failure, &mut access)
                            .await?;
                    }
                    Err(failure) => {
                        self.unreadable(project, source, iid, reasons, failure)
                            .await?;
                    }
                }
            }
        }
    }

    async fn found(
        &self,
        project: &ProjectRow,
        source: SourceType,
        iid: i64,
        reasons: Vec<Recheck>,
        answer: Answer<Primary>,
    ) -> Result<(), SyncError> {
        let (clock, project) = (Arc::clone(self.engine.clock()), project.clone());
        self.count_primary(source, &answer);
        self.write(move |tx| {
            let now = clock.now();
            let asked = Asked::at(answer.started_at, now);
            let written = match &answer.value {
                Primary::Issue(issue) => ingest::issue(tx, &project, issue, asked)?,
                Primary::MergeRequest(merge_request) => {
                    ingest::merge_request(tx, &project, merge_request, asked)?
                }
            };
            let mut stages = Stages::dependents_of(source);
            if source == SourceType::MergeRequest {
                // Its diff is compared with the payload that queued it.
                stages = stages.with(Stage::Item);
            }
            let sort_key = answer.value.updated_at().as_millisecond();
            queue::mark(tx, project.id, source, written.id(), stages, sort_key, now)?;
            for recheck in reasons {
                // The drain decides about these two by what it then sees.
                if recheck.reason != Reason::Unprepared {
                    rechecks::remove(tx, project.id, source, iid, recheck.reason)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// 404, which alone proves nothing: the item counts as gone only if it was
    /// missed before, and the project and another item of it can be read.
    async fn not_found(
        &self,
        project: &ProjectRow,
        source: SourceType,
        iid: i64,
        reasons: &[Recheck],
        failure: &StageFailure,
        access: &mut BTreeMap<SourceType, bool>,
    ) -> Result<(), SyncError> {
        let readable = if failure.missing() == Some(MissingKind::Project) {
            false
        } else if let Some(readable) = access.get(&source) {
            *readable
        } else {
            let readable = self.can_read_others(project, source, iid).await?;
            access.insert(source, readable);
            readable
        };
        let missed_before = reasons.iter().any(|r| r.reason == Reason::Missing);
        let (id, now) = (project.id, self.now());
        let again = reasons.to_vec();
        if !(readable && missed_before) {
            if !readable {
                self.ledger.warn(
                    ErrorCode::GitlabNotFound,
                    format!(
                        "{}{iid} is not found and neither is the rest of the project; nothing was deleted",
                        source.entity().sigil()
                    ),
                );
            }
            return self
                .write(move |tx| {
                    for recheck in again {
                        if recheck.reason == Reason::Missing {
                            rechecks::postpone(tx, id, &recheck, after(now, DOUBT))?;
                        } else {
                            rechecks::remove(tx, id, source, iid, recheck.reason)?;
                        }
                    }
                    rechecks::put_once(
                        tx,
                        id,
                        source,
                        iid,
                        Reason::Missing,
                        after(now, DOUBT),
                        now,
                    )?;
                    Ok(())
                })
                .await;
        }
        let gone = self
            .write(move |tx| Ok(items::delete(tx, source, id, iid)?))
            .await?;
        if gone {
            self.ledger.count(|counters| counters.deleted += 1);
            tracing::info!(
                project = project.path,
                source = source.as_str(),
                iid,
                "an item that is gone upstream was taken out of the mirror"
            );
        }
        Ok(())
    }

    /// Whether the project answers under its number, and another item of the
    /// same kind with it, where there is one.
    async fn can_read_others(
        &self,
        project: &ProjectRow,
        source: SourceType,
        iid: i64,
    ) -> Result<bool, SyncError> {
        let call = self.call();
        let asked = self
            .client
            .project(&call, ProjectRef::Id(project.gitlab_id));
        match asked.await {
            Ok(answer) if answer.value.id == project.gitlab_id => {}
            Ok(_) => return Ok(false),
            Err(error) if error.missing().is_some() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let id = project.id;
        let other = self
            .read(move |connection| items::another_iid(connection, source, id, iid))
            .await?;
        let Some(other) = other else { return Ok(true) };
        match fetch::primary(&self.client, &call, project.gitlab_id, source, other).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.missing() == Some(MissingKind::Record) => {
                // That one may be gone as well; the lists tell.
                let params = crate::gitlab::ListParams {
                    per_page: 1,
                    ..crate::gitlab::ListParams::default()
                };
                let list = super::page::ListPage::fetch(
                    &self.client,
                    &call,
                    project.gitlab_id,
                    source,
                    &params,
                )
                .await;
                Ok(list.is_ok())
            }
            Err(_) => Ok(false),
        }
    }

    async fn unreadable(
        &self,
        project: &ProjectRow,
        source: SourceType,
        iid: i64,
        reasons: Vec<Recheck>,
        failure: StageFailure,
    ) -> Result<(), SyncError> {
        self.ledger.entity(
            source.entity(),
            iid.unsigned_abs(),
            Stage::Item.as_str(),
            EntityStatus::Failed,
            Some((failure.code(), failure.message())),
        );
        let (id, now) = (project.id, self.now());
        self.write(move |tx| {
            for recheck in reasons {
                let wait = Duration::from_secs(30)
                    .saturating_mul(1 << recheck.attempts.min(10))
                    .min(MAX_WAIT);
                rechecks::postpone(tx, id, &recheck, after(now, wait))?;
            }
            Ok(())
        })
        .await?;
        match failure {
            StageFailure::GitLab(error) if SyncError::is_fatal(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn count_primary(&self, source: SourceType, answer: &Answer<Primary>) {
        self.ledger.count(|counters| {
            counters.requests += u64::from(answer.requests);
            match source {
                SourceType::Issue => counters.issues_fetched += 1,
                SourceType::MergeRequest => counters.mrs_ingested += 1,
            }
        });
    }
}
