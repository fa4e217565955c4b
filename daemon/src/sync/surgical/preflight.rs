//! Every primary in hand and checked, or all that is wrong with them.

use lore_proto::sync::EntityStatus;
use lore_proto::{ErrorCode, WireError};
use serde_json::json;

use super::{Item, Run, Subject};
use crate::gitlab::GitLabError;
use crate::store::SourceType;
use crate::store::rechecks::{self, Reason};
use crate::sync::SyncError;
use crate::sync::fetch::{Answer, Primary, StageFailure};

/// The name of this stage in the ledger.
pub(super) const STAGE: &str = "primary";

impl Run {
    /// The primaries where all are in hand; else the one error that gathers
    /// what is wrong with each. An item that is not found goes on the recheck
    /// list, so that no ghost of it stays.
    pub(super) async fn check(
        &self,
        subject: &Subject,
        answers: Vec<(Item, Result<Answer<Primary>, StageFailure>)>,
    ) -> Result<Vec<(Item, Answer<Primary>)>, SyncError> {
        let total = answers.len();
        let mut primaries = Vec::with_capacity(total);
        let mut failures = Vec::new();
        for (item, answer) in answers {
            match answer {
                Ok(answer) => primaries.push((item, answer)),
                Err(failure) => failures.push((item, failure)),
            }
        }
        if self.cx.cancel.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        if failures.is_empty() {
            return Ok(primaries);
        }
        if !self.request.preflight_only {
            self.remember_missing(subject, &failures).await?;
        }
        // They were read, and it is told, though nothing is written of them.
        self.count_fetched(primaries.iter().map(|(item, _)| item));
        for (item, _) in &primaries {
            let (kind, iid) = (item.source.entity(), item.iid.unsigned_abs());
            self.ledger.entity(kind, iid, STAGE, EntityStatus::Ok, None);
        }
        Err(self.refused(&subject.asked, total, &failures))
    }

    /// Counts primaries that were read.
    pub(super) fn count_fetched<'i>(&self, items: impl Iterator<Item = &'i Item>) {
        self.ledger.count(|counters| {
            for item in items {
                match item.source {
                    SourceType::Issue => counters.issues_fetched += 1,
                    SourceType::MergeRequest => counters.mrs_fetched += 1,
                }
            }
        });
    }

    /// The error where not even the project could be read.
    pub(super) fn no_project(&self, path: &str, error: &GitLabError) -> SyncError {
        self.count(1);
        let failures: Vec<(Item, StageFailure)> = self
            .items
            .iter()
            .map(|item| {
                let failure = StageFailure::Unusable {
                    code: error.code(),
                    message: format!("the project could not be read: {error}"),
                };
                (*item, failure)
            })
            .collect();
        self.refused(path, failures.len(), &failures)
    }

    fn refused(&self, path: &str, total: usize, failures: &[(Item, StageFailure)]) -> SyncError {
        for (item, failure) in failures {
            let status = match failure.code() {
                ErrorCode::Timeout => EntityStatus::Timeout,
                _ => EntityStatus::Failed,
            };
            self.ledger.entity(
                item.source.entity(),
                item.iid.unsigned_abs(),
                STAGE,
                status,
                Some((failure.code(), failure.message())),
            );
        }
        self.failed(path, total, failures).into()
    }

    async fn remember_missing(
        &self,
        subject: &Subject,
        failures: &[(Item, StageFailure)],
    ) -> Result<(), SyncError> {
        let missing: Vec<Item> = failures
            .iter()
            .filter(|(_, failure)| failure.missing().is_some())
            .map(|(item, _)| *item)
            .collect();
        // Of a project that is not mirrored there is nothing to become one.
        if missing.is_empty() || subject.unseen.is_some() {
            return Ok(());
        }
        let (id, now) = (subject.row.id, self.engine.clock().now());
        let due = now
            .checked_add(std::time::Duration::from_mins(3))
            .unwrap_or(now);
        self.write(move |tx| {
            for item in missing {
                // Only what the mirror has can become a ghost.
                if crate::store::items::stored(tx, item.source, id, item.iid)?.is_some() {
                    rechecks::put_once(tx, id, item.source, item.iid, Reason::Missing, due, now)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// The commands that help are the ledger's, which knows the run's flags.
    fn failed(&self, path: &str, total: usize, failures: &[(Item, StageFailure)]) -> WireError {
        let list: Vec<_> = failures
            .iter()
            .map(|(item, failure)| {
                json!({
                    "entity_type": item.source.entity(),
                    "iid": item.iid,
                    "project": path,
                    "code": failure.code(),
                    "reason": failure.message(),
                })
            })
            .collect();
        let first = failures.first().map(|(_, failure)| failure.code());
        let shared = first.filter(|code| failures.iter().all(|(_, f)| f.code() == *code));
        let names: Vec<String> = failures
            .iter()
            .take(5)
            .map(|(item, failure)| {
                format!(
                    "{}{} ({})",
                    item.source.entity().sigil(),
                    item.iid,
                    failure.code()
                )
            })
            .collect();
        let more = failures.len().saturating_sub(names.len());
        let mut error = WireError::new(
            ErrorCode::SurgicalPreflightFailed,
            format!(
                "{} of {total} targets in `{path}` could not be read: {}{}; nothing was written",
                failures.len(),
                names.join(", "),
                if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                }
            ),
        )
        .details(json!({
            "run_id": self.ledger.run_id(),
            "total": total,
            "failures": list,
        }));
        error.retryable = failures.iter().all(|(_, f)| f.code().retryable());
        // A 404 keeps the exit status of its class; see contract §6.
        error.exit_code = shared.map(ErrorCode::exit_code);
        error
    }
}
