//! Projects, their labels and milestones.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::gitlab::call::{
    Call, Collected, Fetched, ListOrder, ListParams, MAX_PER_PAGE, Page, PageRequest,
};
use crate::gitlab::client::Client;
use crate::gitlab::error::{Failure, GitLabError};
use crate::gitlab::models::{EnumeratedItem, Label, Milestone, Noteable, Project, ProjectId};
use crate::gitlab::paging::Walk;
use crate::gitlab::transport::Request;

/// Everything but RFC 3986's unreserved characters, so that a path with its
/// slashes is one segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// How a project is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectRef<'a> {
    /// By its number: what is stored after the first look-up.
    Id(ProjectId),
    /// By its full path, possibly one it had before a rename.
    Path(&'a str),
}

/// How many elements a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// As GitLab says.
    Exactly(u64),
    /// GitLab does not say; there are no more than these.
    AtMost(u64),
}

impl Client {
    /// A project. Of an old path GitLab says by a redirect which number the
    /// project has; the redirect itself is never followed (it may name another
    /// host, or plain HTTP), the number is asked for instead.
    ///
    /// A path can be taken over by another project: compare the answer's id
    /// with a stored one before trusting it.
    pub async fn project(
        &self,
        call: &Call<'_>,
        project: ProjectRef<'_>,
    ) -> Result<Fetched<Project>, GitLabError> {
        let path = match project {
            ProjectRef::Id(id) => return self.json(call, &by_id(id)).await,
            ProjectRef::Path(path) => path.trim_matches('/'),
        };
        if !path.contains('/') || path.contains('\0') {
            return Err(self.error(
                &Request::get("projects"),
                Failure::BadRequest {
                    status: 400,
                    reason: "a project is named by its full path, with its group".into(),
                },
            ));
        }
        let encoded = utf8_percent_encode(path, SEGMENT);
        let request = Request::get(format!("projects/{encoded}"));
        match self.json(call, &request).await {
            Err(GitLabError {
                failure:
                    Failure::Moved {
                        project_id: Some(id),
                        ..
                    },
                ..
            }) => self.json(call, &by_id(ProjectId(id))).await,
            other => other,
        }
    }

    /// The first `limit` (at most 100) projects whose name or path contains
    /// `query`, most recently active first. `membership` leaves out those the
    /// token's user is no member of. Most fields are absent. GitLab compares
    /// fewer than three characters with whole names only.
    pub async fn search_projects(
        &self,
        call: &Call<'_>,
        query: &str,
        membership: bool,
        limit: u32,
    ) -> Result<Page<Project>, GitLabError> {
        let mut request = Request::get("projects")
            .with("simple", "true")
            .with("order_by", "last_activity_at")
            .with("sort", "desc");
        if !query.is_empty() {
            request = request
                .with("search", query)
                .with("search_namespaces", "true");
        }
        if membership {
            request = request.with("membership", "true");
        }
        let limit = limit.clamp(1, MAX_PER_PAGE);
        self.page(call, Walk::offset(request), limit, &PageRequest::First)
            .await
    }

    /// How many issues or merge requests a project has, of every state, by one
    /// request. Beyond 10,000 GitLab gives no total; the newest item's number
    /// is then the upper bound, since numbers are not used again.
    pub async fn count_items(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        noteable: Noteable,
    ) -> Result<Counted, GitLabError> {
        let newest = ListParams {
            order: ListOrder::CreatedDesc,
            ..ListParams::default()
        };
        let list = Request::get(format!("projects/{project}/{}", noteable.route()))
            .with_all(super::list_query(&newest));
        let page = self
            .page::<EnumeratedItem>(call, Walk::offset(list), 1, &PageRequest::First)
            .await?;
        let newest = page.items.first().map(|item| item.iid.0);
        Ok(match (page.total, newest) {
            (Some(count), _) => Counted::Exactly(count),
            (None, Some(iid)) => Counted::AtMost(iid.unsigned_abs()),
            (None, None) => Counted::Exactly(0),
        })
    }

    /// All labels of a project, those of its groups included.
    pub async fn labels(
        &self,
        call: &Call<'_>,
        project: ProjectId,
    ) -> Result<Collected<Label>, GitLabError> {
        let list = Request::get(format!("projects/{project}/labels"))
            .with("include_ancestor_groups", "true")
            .with("with_counts", "false");
        self.collect(call, list).await
    }

    /// All milestones of a project, those of its groups included.
    pub async fn milestones(
        &self,
        call: &Call<'_>,
        project: ProjectId,
    ) -> Result<Collected<Milestone>, GitLabError> {
        let list = Request::get(format!("projects/{project}/milestones"))
            .with("include_ancestors", "true");
        self.collect(call, list).await
    }
}

fn by_id(id: ProjectId) -> Request {
    Request::get(format!("projects/{id}"))
}
