//! Which files a merge request changed.

use serde::Deserialize;

use crate::gitlab::call::{Call, Collected, Fetched};
use crate::gitlab::client::Client;
use crate::gitlab::error::{Failure, GitLabError};
use crate::gitlab::git_diff::GitDiff;
use crate::gitlab::models::{Diff, Iid, ProjectId};
use crate::gitlab::transport::Request;

/// GitLab's default limit of files in a stored diff. Without a count to
/// compare with, a list of this length is suspected to be cut.
const DEFAULT_FILE_LIMIT: usize = 1_000;
/// How many times the ordinary time and size an unpaginated diff may take.
const WHOLE_DIFF_SCALE: u32 = 16;

/// The file changes of a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffSet {
    /// One element a file.
    pub diffs: Vec<Diff>,
    /// Whether every changed file is among them.
    pub complete: bool,
}

impl Client {
    /// The file changes of a merge request, completed where GitLab cut them.
    /// `changes_count` is that of the single merge request; `None` where it is
    /// not known (yet).
    pub async fn merge_request_diffs(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
        changes_count: Option<&str>,
    ) -> Result<Fetched<DiffSet>, GitLabError> {
        let listed = self.merge_request_diffs_listed(call, project, iid).await?;
        self.complete_merge_request_diffs(call, project, iid, listed, changes_count)
            .await
    }

    /// The file changes as far as GitLab lists them. The list is cut without a
    /// word at the instance's limits; see
    /// [`Client::complete_merge_request_diffs`].
    pub async fn merge_request_diffs_listed(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
    ) -> Result<Collected<Diff>, GitLabError> {
        let path = format!("projects/{project}/merge_requests/{iid}/diffs");
        self.collect(call, Request::get(path)).await
    }

    /// Judges by `changes_count` whether `listed` is cut, and if so reads the
    /// whole diff instead: from `raw_diffs` (GitLab 17 and later), else from
    /// `changes` past the database's limits. Where neither can be had the
    /// answer is `listed`, marked incomplete.
    pub async fn complete_merge_request_diffs(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
        listed: Collected<Diff>,
        changes_count: Option<&str>,
    ) -> Result<Fetched<DiffSet>, GitLabError> {
        let mut answer = Fetched {
            value: DiffSet {
                complete: listed.is_complete() && !is_cut(listed.items.len(), changes_count),
                diffs: listed.items,
            },
            started_at: listed.started_at,
            server_date: listed.server_date,
            requests: listed.requests,
        };
        if answer.value.complete {
            return Ok(answer);
        }
        for source in [Whole::RawDiffs, Whole::Changes] {
            let mut requests = 0;
            let whole = self
                .whole_diff(call, project, iid, source, &mut requests)
                .await;
            answer.requests += requests;
            match whole {
                Ok(diffs) if diffs.len() >= answer.value.diffs.len() => {
                    answer.value = DiffSet {
                        diffs,
                        complete: true,
                    };
                    return Ok(answer);
                }
                // Fewer files than the list has: of another version of the
                // merge request, or not yet there.
                Ok(_) => {}
                Err(error) if stops_everything(&error.failure) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a cut diff could not be completed this way");
                }
            }
        }
        Ok(answer)
    }

    async fn whole_diff(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        iid: Iid,
        source: Whole,
        requests: &mut u32,
    ) -> Result<Vec<Diff>, GitLabError> {
        let route = format!("projects/{project}/merge_requests/{iid}");
        let patience = self.patience();
        match source {
            Whole::RawDiffs => {
                let request = Request::get(format!("{route}/raw_diffs")).scaled(WHOLE_DIFF_SCALE);
                let read = |diff: GitDiff, _: &_| diff.finish();
                Ok(self.run(call, &request, patience, requests, read).await?.0)
            }
            Whole::Changes => {
                let request = Request::get(format!("{route}/changes"))
                    .with("access_raw_diffs", "true")
                    .scaled(WHOLE_DIFF_SCALE);
                let answer = self.json::<Changes>(call, &request).await?;
                *requests += answer.requests;
                if answer.value.overflow {
                    return Err(self.error(
                        &request,
                        Failure::BadPayload {
                            reason: "the diff is cut here, too".into(),
                            malformed: false,
                        },
                    ));
                }
                Ok(answer.value.changes)
            }
        }
    }
}

/// Where a whole diff can be had.
#[derive(Debug, Clone, Copy)]
enum Whole {
    RawDiffs,
    Changes,
}

/// The part of a `changes` answer that is not the merge request.
#[derive(Debug, Deserialize)]
struct Changes {
    changes: Vec<Diff>,
    #[serde(default)]
    overflow: bool,
}

/// Whether `listed` files are fewer than `changes_count` says.
fn is_cut(listed: usize, changes_count: Option<&str>) -> bool {
    match changes_count
        .map(str::trim)
        .filter(|count| !count.is_empty())
    {
        None => listed >= DEFAULT_FILE_LIMIT,
        Some(count) => count.parse().map_or(true, |count: usize| listed < count),
    }
}

/// Failures that speak of more than this one diff.
fn stops_everything(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Cancelled
            | Failure::Unauthorized { .. }
            | Failure::TokenMissing
            | Failure::RateLimited { .. }
    )
}
