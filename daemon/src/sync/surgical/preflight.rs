//! Every primary in hand and checked, or all that is wrong with them.

use lore_proto::sync::{EntityStatus, SyncRequest};
use lore_proto::{ErrorCode, WireError};
use serde_json::json;

use super::{Item, Run};
use crate::store::SourceType;
use crate::store::projects::ProjectRow;
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
        project: &ProjectRow,
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
        for (item, failure) in &failures {
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
        if !self.request.preflight_only {
            self.remember_missing(project, &failures).await?;
        }
        let found: Vec<Item> = primaries.iter().map(|(item, _)| *item).collect();
        Err(self.failed(project, total, &failures, &found).into())
    }

    async fn remember_missing(
        &self,
        project: &ProjectRow,
        failures: &[(Item, StageFailure)],
    ) -> Result<(), SyncError> {
        let missing: Vec<Item> = failures
            .iter()
            .filter(|(_, failure)| failure.missing().is_some())
            .map(|(item, _)| *item)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (id, now) = (project.id, self.engine.clock().now());
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

    fn failed(
        &self,
        project: &ProjectRow,
        total: usize,
        failures: &[(Item, StageFailure)],
        found: &[Item],
    ) -> WireError {
        let list: Vec<_> = failures
            .iter()
            .map(|(item, failure)| {
                json!({
                    "entity_type": item.source.entity(),
                    "iid": item.iid,
                    "project": project.path,
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
                "{} of {total} targets in `{}` could not be read: {}{}; nothing was written",
                failures.len(),
                project.path,
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
        if !found.is_empty() {
            error = error.action(command(&self.request, &project.path, found));
        }
        error
            .action(format!(
                "lore sync-runs --run-id {} --retry-failed",
                self.ledger.run_id()
            ))
            .action(format!("lore sync-runs --run-id {}", self.ledger.run_id()))
    }
}

/// The same sync of these items alone, ready to paste.
pub(super) fn command(request: &SyncRequest, path: &str, items: &[Item]) -> String {
    let mut command = "lore sync".to_owned();
    for item in items {
        command.push_str(match item.source {
            SourceType::Issue => " --issue ",
            SourceType::MergeRequest => " --mr ",
        });
        command.push_str(&item.iid.to_string());
    }
    command.push_str(" -p ");
    match shlex::try_quote(path) {
        Ok(quoted) => command.push_str(&quoted),
        Err(_) => command.push_str(path),
    }
    for (set, flag) in [
        (request.preflight_only, " --preflight-only"),
        (request.no_events, " --no-events"),
        (request.no_file_changes, " --no-file-changes"),
        (request.no_status, " --no-status"),
        (request.no_docs, " --no-docs"),
        (request.no_embed, " --no-embed"),
    ] {
        if set {
            command.push_str(flag);
        }
    }
    command
}
