//! Work item status, which only GraphQL has and only some instances offer.

use jiff::SignedDuration;
use lore_proto::sync::EntityStatus;
use std::sync::Arc;

use super::{Run, SyncError};
use crate::gitlab::models::Iid;
use crate::gitlab::{MissingKind, StatusOutcome};
use crate::ingest::{Asked, Dependent, write_dependent};
use crate::store::projects::ProjectRow;
use crate::store::queue::{self, Due};
use crate::store::{SourceType, Stage, Stages, cursors, items};

/// Items asked for in one query.
pub(super) const BATCH: u32 = 100;
/// An instance that cannot tell is asked again after this time: it may have
/// been upgraded.
const TRY_AGAIN: SignedDuration = SignedDuration::from_hours(24);
const FEATURE: &str = "work_item_status";

impl Run {
    /// Asks for the status of all issues that owe one. Where the instance has
    /// no such thing, they owe none, silently.
    pub(super) async fn drain_statuses(&self, project: &ProjectRow) -> Result<(), SyncError> {
        if self.known_unsupported(project).await? {
            return self.forgive(project).await;
        }
        let wanted = Stages::of(&[Stage::Status]);
        let mut project = project.clone();
        let mut asked_again = false;
        let mut tried = std::collections::HashSet::new();
        loop {
            let (id, now) = (project.id, self.now());
            let due = Due {
                by: self.due_by(now),
                stages: wanted,
            };
            let skip = tried.clone();
            let batch = self
                .read(move |connection| {
                    let mut batch = Vec::new();
                    for owed in queue::due(connection, id, due, BATCH, &skip)? {
                        if let Some((iid, _)) =
                            items::iid_of(connection, SourceType::Issue, owed.id)?
                        {
                            batch.push((owed, iid));
                        }
                    }
                    Ok(batch)
                })
                .await?;
            if batch.is_empty() {
                return Ok(());
            }
            tried.extend(batch.iter().map(|(owed, _)| (owed.source, owed.id)));
            let iids: Vec<Iid> = batch.iter().map(|(_, iid)| Iid(*iid)).collect();
            let answer = self
                .client
                .work_item_statuses(&self.call(), project.gitlab_id, &project.path, &iids)
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                // GraphQL knows a project by its current path alone.
                Err(error) if error.missing() == Some(MissingKind::Project) && !asked_again => {
                    asked_again = true;
                    project = self.refresh_project(&project).await?;
                    tried.retain(|key| {
                        !batch.iter().any(|(owed, _)| (owed.source, owed.id) == *key)
                    });
                    continue;
                }
                Err(error) => {
                    self.status_failed(&project, &batch, &error).await?;
                    if SyncError::is_fatal(&error) {
                        return Err(error.into());
                    }
                    continue;
                }
            };
            self.ledger
                .count(|counters| counters.requests += u64::from(answer.requests));
            let statuses = match answer.value {
                StatusOutcome::Unsupported(why) => {
                    tracing::debug!(host = self.client.host(), why, "no work item status here");
                    self.remember_unsupported(&project).await?;
                    return self.forgive(&project).await;
                }
                StatusOutcome::Supported(statuses) => statuses,
            };
            let (row, started_at) = (project.clone(), answer.started_at);
            let clock = Arc::clone(self.engine.clock());
            let enriched = self
                .write(move |tx| {
                    let asked = Asked::at(started_at, clock.now());
                    let mut enriched = 0;
                    for (owed, iid) in &batch {
                        if let Some(status) = statuses.iter().find(|s| s.iid == Iid(*iid)) {
                            enriched += u64::from(status.status.is_some());
                            write_dependent(
                                tx,
                                &row,
                                SourceType::Issue,
                                owed.id,
                                &Dependent::Status(status.clone()),
                                asked,
                            )?;
                        }
                        queue::complete(tx, owed, wanted)?;
                    }
                    Ok(enriched)
                })
                .await?;
            self.ledger
                .count(|counters| counters.statuses_enriched += enriched);
        }
    }

    async fn known_unsupported(&self, project: &ProjectRow) -> Result<bool, SyncError> {
        let host = project.host.clone();
        let known = self
            .read(move |connection| cursors::feature(connection, &host, FEATURE))
            .await?;
        Ok(known.is_some_and(|(supported, at)| {
            let now = self.now();
            !supported && at <= now && now < at.saturating_add(TRY_AGAIN).unwrap_or(at)
        }))
    }

    async fn remember_unsupported(&self, project: &ProjectRow) -> Result<(), SyncError> {
        let (host, now) = (project.host.clone(), self.now());
        self.write(move |tx| Ok(cursors::set_feature(tx, &host, FEATURE, false, now)?))
            .await
    }

    async fn forgive(&self, project: &ProjectRow) -> Result<(), SyncError> {
        let id = project.id;
        self.write(move |tx| Ok(queue::forget_status(tx, id)?))
            .await
    }

    async fn status_failed(
        &self,
        project: &ProjectRow,
        batch: &[(queue::Owed, i64)],
        error: &crate::gitlab::GitLabError,
    ) -> Result<(), SyncError> {
        let (code, message) = (error.code(), error.to_string());
        for (owed, iid) in batch {
            self.ledger.entity(
                owed.source.entity(),
                iid.unsigned_abs(),
                Stage::Status.as_str(),
                EntityStatus::Failed,
                Some((code, message.clone())),
            );
        }
        let owed: Vec<_> = batch.iter().map(|(owed, _)| owed.clone()).collect();
        tracing::debug!(project = project.path, %message, "statuses not read");
        let now = self.now();
        self.write(move |tx| {
            for owed in &owed {
                queue::fail(
                    tx,
                    owed,
                    code,
                    &message,
                    super::task::next_attempt(owed, now),
                )?;
            }
            Ok(())
        })
        .await
    }
}
