//! One page of either list.

use jiff::Timestamp;
use rusqlite::Transaction;

use crate::gitlab::models::{Issue, MergeRequest};
use crate::gitlab::{
    BrokenItem, Call, Client, GitLabError, ListParams, ListView, NextPage, Page, ProjectId,
};
use crate::ingest::{ListMode, Listed, listed_issue, listed_merge_request};
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, StoreError};

/// A page of issues or of merge requests.
pub(super) enum ListPage {
    Issues(Page<Issue>),
    MergeRequests(Page<MergeRequest>),
}

/// What is known of a page besides its elements.
pub(super) struct PageFacts {
    pub(super) next: Option<NextPage>,
    pub(super) server_date: Option<Timestamp>,
    pub(super) requests: u32,
    pub(super) doubtful: Doubtful,
}

/// Elements that were not taken: each is asked for alone later.
pub(super) struct Doubtful {
    /// Those that could not be read.
    pub(super) broken: Vec<BrokenItem>,
    /// The iids of those that say they are of another project.
    pub(super) strangers: Vec<i64>,
}

impl Doubtful {
    /// The iids of those that have one.
    pub(super) fn iids(&self) -> Vec<i64> {
        let broken = self.broken.iter().filter_map(|broken| Some(broken.iid?.0));
        broken.chain(self.strangers.iter().copied()).collect()
    }
}

impl ListPage {
    pub(super) async fn fetch(
        client: &Client,
        call: &Call<'_>,
        project: ProjectId,
        source: SourceType,
        params: &ListParams<'_>,
    ) -> Result<Self, GitLabError> {
        Ok(match source {
            SourceType::Issue => Self::Issues(client.issues_page(call, project, params).await?),
            // Only this view bypasses GitLab's cache of eight hours.
            SourceType::MergeRequest => Self::MergeRequests(
                client
                    .merge_requests_page(call, project, params, ListView::Fresh)
                    .await?,
            ),
        })
    }

    /// Takes out what is known besides the elements, and the elements that are
    /// not of `project`, which are never trusted.
    pub(super) fn facts(&mut self, project: ProjectId) -> PageFacts {
        fn of<T>(page: &mut Page<T>, strangers: Vec<i64>) -> PageFacts {
            PageFacts {
                next: page.next.take(),
                server_date: page.server_date,
                requests: page.requests,
                doubtful: Doubtful {
                    broken: std::mem::take(&mut page.broken),
                    strangers,
                },
            }
        }
        let strangers = self.take_strangers(project);
        match self {
            Self::Issues(page) => of(page, strangers),
            Self::MergeRequests(page) => of(page, strangers),
        }
    }

    /// The iid and `updated_at` of each element, in order.
    pub(super) fn elements(&self) -> Vec<(i64, Timestamp)> {
        match self {
            Self::Issues(page) => page.items.iter().map(|i| (i.iid.0, i.updated_at)).collect(),
            Self::MergeRequests(page) => {
                page.items.iter().map(|m| (m.iid.0, m.updated_at)).collect()
            }
        }
    }

    /// Drops the elements that are not wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(i64, Timestamp) -> bool) {
        match self {
            Self::Issues(page) => page.items.retain(|i| wanted(i.iid.0, i.updated_at)),
            Self::MergeRequests(page) => page.items.retain(|m| wanted(m.iid.0, m.updated_at)),
        }
    }

    /// Takes out the elements of another project than the one asked for.
    fn take_strangers(&mut self, project: ProjectId) -> Vec<i64> {
        let mut strangers = Vec::new();
        match self {
            Self::Issues(page) => page.items.retain(|issue| {
                let ours = issue.project_id == project;
                if !ours {
                    strangers.push(issue.iid.0);
                }
                ours
            }),
            Self::MergeRequests(page) => page.items.retain(|merge_request| {
                let ours = merge_request.project_id == project;
                if !ours {
                    strangers.push(merge_request.iid.0);
                }
                ours
            }),
        }
        strangers
    }

    /// Whether an element calls the project by another path than the mirror.
    pub(super) fn shows_another_path(&self, path: &str) -> bool {
        let other = |reference: Option<&String>, sign: char| {
            reference
                .and_then(|full| full.rsplit_once(sign))
                .is_some_and(|(of, _)| of != path)
        };
        match self {
            Self::Issues(page) => page
                .items
                .iter()
                .any(|i| other(i.references.as_ref().map(|r| &r.full), '#')),
            Self::MergeRequests(page) => page
                .items
                .iter()
                .any(|m| other(m.references.as_ref().map(|r| &r.full), '!')),
        }
    }

    /// Writes the elements; how many were news.
    pub(super) fn write(
        &self,
        tx: &Transaction<'_>,
        project: &ProjectRow,
        mode: ListMode,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut news = 0;
        let mut add = |listed: Listed| news += u64::from(listed != Listed::Known);
        match self {
            Self::Issues(page) => {
                for issue in &page.items {
                    add(listed_issue(
                        tx,
                        project,
                        issue,
                        mode,
                        page.started_at,
                        now,
                    )?);
                }
            }
            Self::MergeRequests(page) => {
                for merge_request in &page.items {
                    add(listed_merge_request(
                        tx,
                        project,
                        merge_request,
                        mode,
                        page.started_at,
                        now,
                    )?);
                }
            }
        }
        Ok(news)
    }
}
