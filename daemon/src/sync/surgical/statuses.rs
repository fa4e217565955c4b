//! The statuses of all issues of a run: one query for all of them.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{Dependents, Primaries};
use super::{Item, Run, Subject};
use crate::gitlab::models::Iid;
use crate::gitlab::{
    Call, Client, Fetched, GitLabError, Lane, MissingKind, ProjectId, StatusOutcome,
};
use crate::ingest::Dependent;
use crate::store::Stage;
use crate::sync::fetch::{Answer, Primary, StageFailure};

/// What the instance said of the statuses of `issues`.
pub(super) struct Statuses {
    issues: Vec<Item>,
    path: String,
    deadline: Instant,
    answer: Result<Fetched<StatusOutcome>, GitLabError>,
}

impl Statuses {
    /// Asks by the project's path, since GraphQL takes no number.
    pub(super) async fn ask(
        client: &Client,
        (project, path): (ProjectId, String),
        issues: Vec<Item>,
        cancel: &CancellationToken,
        deadline: Instant,
    ) -> Self {
        let call = Call {
            lane: Lane::Interactive,
            cancel,
            deadline: Some(deadline),
        };
        let iids: Vec<Iid> = issues.iter().map(|item| Iid(item.iid)).collect();
        let answer = client
            .work_item_statuses(&call, project, &path, &iids)
            .await;
        Self {
            issues,
            path,
            deadline,
            answer,
        }
    }
}

impl Run {
    /// Adds the statuses to what the issues brought; nothing where the
    /// instance has no such thing. A project that was renamed is asked for
    /// again under the name that its issues give.
    pub(super) async fn take_statuses(
        &self,
        subject: &Subject,
        primaries: &Primaries,
        mut statuses: Statuses,
        dependents: &mut Dependents,
    ) {
        let renamed = matches!(
            &statuses.answer,
            Err(error) if error.missing() == Some(MissingKind::Project)
        );
        if renamed
            && let Some(path) = path_of(primaries)
            && path != statuses.path
        {
            tracing::info!(old = subject.row.path, new = path, "a project was renamed");
            let Statuses {
                issues, deadline, ..
            } = statuses;
            statuses = Statuses::ask(
                &self.client,
                (subject.row.gitlab_id, path),
                issues,
                &self.cx.cancel,
                deadline,
            )
            .await;
        }
        match statuses.answer {
            Ok(answer) => {
                let StatusOutcome::Supported(found) = answer.value else {
                    self.count(answer.requests);
                    return;
                };
                let mut requests = answer.requests;
                for status in found {
                    let asked = |item: &&Item| Iid(item.iid) == status.iid;
                    let Some(item) = statuses.issues.iter().find(asked).copied() else {
                        continue;
                    };
                    dependents.entry(item).or_default().sets.push(Answer {
                        value: Dependent::Status(status),
                        started_at: answer.started_at,
                        server_date: answer.server_date,
                        // One request brought all of them.
                        requests: std::mem::take(&mut requests),
                    });
                }
                self.count(requests);
            }
            Err(error) => {
                for item in statuses.issues {
                    let failure = StageFailure::Unusable {
                        code: error.code(),
                        message: error.to_string(),
                    };
                    let known = dependents.entry(item).or_default();
                    known.failures.push((Stage::Status, failure));
                }
            }
        }
    }
}

/// What the project is called now, as the issues' own references say.
fn path_of(primaries: &Primaries) -> Option<String> {
    primaries.iter().find_map(|(_, primary)| {
        let Primary::Issue(issue) = &primary.value else {
            return None;
        };
        let (path, _) = issue.references.as_ref()?.full.rsplit_once('#')?;
        Some(path.to_owned())
    })
}
