//! What is asked of GitLab for one item; no lock, no database.

use jiff::Timestamp;
use lore_proto::ErrorCode;

use super::settle;
use crate::gitlab::models::{Iid, Issue, MergeRequest, Noteable, ProjectId};
use crate::gitlab::{Call, Client, Collected, DiffSet, Fetched, GitLabError, MissingKind};
use crate::ingest::Dependent;
use crate::store::merge_requests::diff_identity;
use crate::store::{SourceType, Stage};

/// One item as asked for alone.
#[derive(Debug)]
pub(super) enum Primary {
    /// An issue.
    Issue(Box<Issue>),
    /// A merge request.
    MergeRequest(Box<MergeRequest>),
}

impl Primary {
    /// GitLab's time of its last change.
    pub(super) fn updated_at(&self) -> Timestamp {
        match self {
            Self::Issue(issue) => issue.updated_at,
            Self::MergeRequest(merge_request) => merge_request.updated_at,
        }
    }

    /// The project and iid that it says it has.
    pub(super) fn identity(&self) -> (ProjectId, Iid) {
        match self {
            Self::Issue(issue) => (issue.project_id, issue.iid),
            Self::MergeRequest(merge_request) => (merge_request.project_id, merge_request.iid),
        }
    }
}

/// An answer with the times that the guards need.
#[derive(Debug)]
pub(super) struct Answer<T> {
    /// What came.
    pub(super) value: T,
    /// The start of the request, by this machine's clock.
    pub(super) started_at: Timestamp,
    /// GitLab's clock in its answer.
    pub(super) server_date: Option<Timestamp>,
    /// Requests it took.
    pub(super) requests: u32,
}

/// Why one stage of one item has no answer.
#[derive(Debug)]
pub(super) enum StageFailure {
    /// GitLab did not give it.
    GitLab(GitLabError),
    /// It came, but not whole or not as asked.
    Unusable {
        /// Why.
        code: ErrorCode,
        /// In a sentence.
        message: String,
    },
}

impl StageFailure {
    /// The stable name of the cause.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::GitLab(error) => error.code(),
            Self::Unusable { code, .. } => *code,
        }
    }

    /// In a sentence.
    pub(super) fn message(&self) -> String {
        match self {
            Self::GitLab(error) => error.to_string(),
            Self::Unusable { message, .. } => message.clone(),
        }
    }

    /// What a 404 spoke of.
    pub(super) fn missing(&self) -> Option<MissingKind> {
        match self {
            Self::GitLab(error) => error.missing(),
            Self::Unusable { .. } => None,
        }
    }
}

impl From<GitLabError> for StageFailure {
    fn from(error: GitLabError) -> Self {
        Self::GitLab(error)
    }
}

/// Asks for one item, and refuses another one than was asked for.
pub(super) async fn primary(
    client: &Client,
    call: &Call<'_>,
    project: ProjectId,
    source: SourceType,
    iid: i64,
) -> Result<Answer<Primary>, StageFailure> {
    let (value, started_at, server_date, requests) = match source {
        SourceType::Issue => {
            let answer = client.issue(call, project, Iid(iid)).await?;
            let issue = Primary::Issue(Box::new(answer.value));
            (
                issue,
                answer.started_at,
                answer.server_date,
                answer.requests,
            )
        }
        SourceType::MergeRequest => {
            let answer = client.merge_request(call, project, Iid(iid)).await?;
            let merge_request = Primary::MergeRequest(Box::new(answer.value));
            (
                merge_request,
                answer.started_at,
                answer.server_date,
                answer.requests,
            )
        }
    };
    let (got_project, got_iid) = value.identity();
    if got_project != project || got_iid != Iid(iid) {
        return Err(StageFailure::Unusable {
            code: ErrorCode::ProjectMismatch,
            message: format!(
                "asked for {}{iid} of project {project}, and GitLab answered with {}{got_iid} of project {got_project}",
                source.entity().sigil(),
                source.entity().sigil(),
            ),
        });
    }
    Ok(Answer {
        value,
        started_at,
        server_date,
        requests,
    })
}

/// What the mirror has of a merge request's diff.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredDiff {
    /// Its state, `store::merge_requests::diff_identity`.
    pub(super) identity: Option<String>,
}

/// Asks for one set of dependents; file changes and status apart.
pub(super) async fn dependent(
    client: &Client,
    call: &Call<'_>,
    project: ProjectId,
    source: SourceType,
    iid: i64,
    stage: Stage,
) -> Result<Answer<Dependent>, StageFailure> {
    let noteable = match source {
        SourceType::Issue => Noteable::Issue,
        SourceType::MergeRequest => Noteable::MergeRequest,
    };
    let iid = Iid(iid);
    match stage {
        Stage::Discussions => whole(
            client.discussions(call, project, noteable, iid).await?,
            Dependent::Discussions,
        ),
        Stage::StateEvents => whole(
            client.state_events(call, project, noteable, iid).await?,
            Dependent::StateEvents,
        ),
        Stage::LabelEvents => whole(
            client.label_events(call, project, noteable, iid).await?,
            Dependent::LabelEvents,
        ),
        Stage::MilestoneEvents => whole(
            client
                .milestone_events(call, project, noteable, iid)
                .await?,
            Dependent::MilestoneEvents,
        ),
        Stage::ClosesIssues => whole(
            client.closes_issues(call, project, iid).await?,
            Dependent::ClosesIssues,
        ),
        Stage::Item | Stage::Diffs | Stage::Status => Err(StageFailure::Unusable {
            code: ErrorCode::Internal,
            message: format!("{} is not fetched as a list", stage.as_str()),
        }),
    }
}

/// Asks for a merge request's file changes where its `diff_refs` moved. `None`
/// while GitLab has not computed the diff of an open one.
pub(super) async fn diffs(
    client: &Client,
    call: &Call<'_>,
    project: ProjectId,
    merge_request: &MergeRequest,
    stored: &StoredDiff,
    asked: &Answer<()>,
) -> Result<Option<Answer<Dependent>>, StageFailure> {
    let identity = diff_identity(merge_request.diff_refs.as_ref());
    if identity.is_none() && merge_request.state == "opened" {
        return Ok(None);
    }
    if identity.is_some() && identity == stored.identity {
        return Ok(Some(Answer {
            value: Dependent::Diffs {
                files: None,
                identity,
                complete: true,
            },
            started_at: asked.started_at,
            server_date: asked.server_date,
            requests: 0,
        }));
    }
    let answer = client
        .merge_request_diffs(
            call,
            project,
            merge_request.iid,
            Some(merge_request.changes_count.as_str()),
        )
        .await?;
    Ok(Some(file_changes(merge_request, answer)))
}

/// The list of files that came for `merge_request`.
///
/// It may be of another state than the merge request tells of: of a push
/// between the two answers, or from a replica that lags. Such a push is recent,
/// and what was read soon after a change is looked at again: until then the
/// files bear no name, since one state's name on the files of another would
/// stay for good.
pub(super) fn file_changes(
    merge_request: &MergeRequest,
    list: Fetched<DiffSet>,
) -> Answer<Dependent> {
    let read_at = list.server_date.unwrap_or(list.started_at);
    let identity = diff_identity(merge_request.diff_refs.as_ref())
        .filter(|_| settle::is_settled(merge_request.updated_at, read_at));
    Answer {
        started_at: list.started_at,
        server_date: list.server_date,
        requests: list.requests,
        value: Dependent::Diffs {
            files: Some(list.value.diffs),
            identity,
            complete: list.value.complete,
        },
    }
}

/// A replacement deletes what is not in it, so that only a whole list counts.
fn whole<T>(
    list: Collected<T>,
    wrap: impl FnOnce(Vec<T>) -> Dependent,
) -> Result<Answer<Dependent>, StageFailure> {
    if let Some(broken) = list.broken.first() {
        return Err(StageFailure::Unusable {
            code: ErrorCode::GitlabBadPayload,
            message: format!(
                "{} element(s) of the list could not be read, the first at {}: {}",
                list.broken.len(),
                broken.index,
                broken.reason
            ),
        });
    }
    if !list.steady {
        return Err(StageFailure::Unusable {
            code: ErrorCode::GitlabUnavailable,
            message: "the list changed while it was read".to_owned(),
        });
    }
    Ok(Answer {
        value: wrap(list.items),
        started_at: list.started_at,
        server_date: list.server_date,
        requests: list.requests,
    })
}
