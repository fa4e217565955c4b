//! The workflow status of work items, by GraphQL: REST does not have it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gitlab::answer::printable;
use crate::gitlab::call::{Call, Fetched};
use crate::gitlab::client::Client;
use crate::gitlab::error::{Failure, GitLabError, MissingKind};
use crate::gitlab::models::{Iid, ProjectId, WorkItemStatus, WorkflowStatus};
use crate::gitlab::transport::Request;

/// GitLab's limit of nodes a page.
const NODES: usize = 100;

/// Asks for named items, `$first` of them.
const BY_IID: &str = "query LoreStatuses($path: ID!, $iids: [String!], $first: Int) {
  project(fullPath: $path) {
    id
    workItems(iids: $iids, first: $first) {
      pageInfo { hasNextPage endCursor }
      nodes { iid widgets { type ... on WorkItemWidgetStatus { status { id name category color iconName position } } } }
    }
  }
}";

/// Walks what changed, oldest change first.
const BY_CHANGE: &str = "query LoreStatusesSince($path: ID!, $since: Time, $after: String, $first: Int) {
  project(fullPath: $path) {
    id
    workItems(types: [ISSUE, TASK, INCIDENT], updatedAfter: $since, sort: UPDATED_ASC, after: $after, first: $first) {
      pageInfo { hasNextPage endCursor }
      nodes { iid widgets { type ... on WorkItemWidgetStatus { status { id name category color iconName position } } } }
    }
  }
}";

/// Whether the instance has workflow statuses, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusOutcome {
    /// The query is valid here. Items that the token may not see are missing.
    Supported(Vec<WorkItemStatus>),
    /// This version or edition has no statuses, or means something else by
    /// them. Worth remembering for a while, not for ever: instances are
    /// upgraded.
    Unsupported(String),
}

/// One page of a walk over statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPage {
    /// What the page says.
    pub outcome: StatusOutcome,
    /// Where the walk goes on; `None` ends it.
    pub next_cursor: Option<String>,
}

impl Client {
    /// The statuses of the given items of a project. `full_path` must be its
    /// current path: an old one is [`MissingKind::Project`], whether nobody or
    /// another project has it now, as is one that the token may not see.
    pub async fn work_item_statuses(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        full_path: &str,
        iids: &[Iid],
    ) -> Result<Fetched<StatusOutcome>, GitLabError> {
        let mut found = Vec::new();
        let mut requests = 0;
        let mut earliest: Option<Fetched<()>> = None;
        let mut at_once = NODES;
        let mut rest = iids;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(at_once.min(rest.len()));
            let named: Vec<String> = batch.iter().map(Iid::to_string).collect();
            let variables = json!({ "path": full_path, "iids": named, "first": at_once });
            let answer = self.statuses(call, project, BY_IID, variables).await?;
            requests += answer.requests;
            let when = earliest.get_or_insert(Fetched {
                value: (),
                started_at: answer.started_at,
                server_date: answer.server_date,
                requests: 0,
            });
            match answer.value {
                Answer::Page(page) => found.extend(page.statuses),
                Answer::Unsupported(reason) => {
                    let outcome = StatusOutcome::Unsupported(reason);
                    return Ok(Fetched {
                        requests,
                        ..when.clone().map(|()| outcome)
                    });
                }
                Answer::TooComplex if at_once > 1 => {
                    at_once /= 2;
                    continue;
                }
                Answer::TooComplex => return Err(self.too_complex()),
            }
            rest = later;
        }
        let when = earliest.unwrap_or(Fetched {
            value: (),
            started_at: self.inner().clock.now(),
            server_date: None,
            requests: 0,
        });
        Ok(Fetched {
            requests,
            ..when.map(|()| StatusOutcome::Supported(found))
        })
    }

    /// One page of the statuses of all items that changed at or after
    /// `updated_after` (all, without one), oldest change first, after
    /// `cursor`.
    pub async fn work_item_statuses_page(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        full_path: &str,
        updated_after: Option<Timestamp>,
        cursor: Option<&str>,
    ) -> Result<Fetched<StatusPage>, GitLabError> {
        let mut at_once = NODES;
        loop {
            let variables = json!({
                "path": full_path,
                "since": updated_after.map(|since| since.to_string()),
                "after": cursor,
                "first": at_once,
            });
            let answer = self.statuses(call, project, BY_CHANGE, variables).await?;
            if at_once > 1 && matches!(answer.value, Answer::TooComplex) {
                at_once /= 2;
                continue;
            }
            let page = match &answer.value {
                Answer::TooComplex => return Err(self.too_complex()),
                Answer::Unsupported(reason) => StatusPage {
                    outcome: StatusOutcome::Unsupported(reason.clone()),
                    next_cursor: None,
                },
                Answer::Page(page) => {
                    if page.next_cursor.is_some() && page.next_cursor.as_deref() == cursor {
                        let reason = "the next page is the one that was read".into();
                        return Err(self.graphql_error(Failure::BadPayload {
                            reason,
                            malformed: false,
                        }));
                    }
                    StatusPage {
                        outcome: StatusOutcome::Supported(page.statuses.clone()),
                        next_cursor: page.next_cursor.clone(),
                    }
                }
            };
            return Ok(answer.map(|_| page));
        }
    }

    async fn statuses(
        &self,
        call: &Call<'_>,
        project: ProjectId,
        query: &str,
        variables: Value,
    ) -> Result<Fetched<Answer>, GitLabError> {
        let request = Request::graphql(query, variables);
        let answer = match self.json::<Document>(call, &request).await {
            Ok(answer) => answer,
            Err(error) if matches!(error.failure, Failure::NotFound { .. }) => {
                return Ok(Fetched {
                    value: Answer::Unsupported("this instance has no GraphQL".into()),
                    started_at: self.inner().clock.now(),
                    server_date: None,
                    requests: 1,
                });
            }
            Err(error) => return Err(error),
        };
        let fetched = answer.clone().map(|_| ());
        let read = answer
            .value
            .read(project)
            .map_err(|failure| self.error(&request, failure))?;
        Ok(fetched.map(|()| read))
    }

    fn graphql_error(&self, failure: Failure) -> GitLabError {
        self.error(&Request::graphql("", Value::Null), failure)
    }

    fn too_complex(&self) -> GitLabError {
        self.graphql_error(Failure::BadRequest {
            status: 200,
            reason: "the query for a single status is over the complexity limit".into(),
        })
    }
}

/// What a GraphQL answer means for statuses.
#[derive(Debug, Clone)]
enum Answer {
    Page(Nodes),
    Unsupported(String),
    /// Over the instance's complexity limit: ask for fewer at once.
    TooComplex,
}

#[derive(Debug, Clone)]
struct Nodes {
    statuses: Vec<WorkItemStatus>,
    next_cursor: Option<String>,
}

/// A GraphQL answer. A document that does not validate has no `data` at all.
#[derive(Debug, Clone, Deserialize)]
struct Document {
    data: Option<Data>,
    #[serde(default)]
    errors: Option<Vec<GraphQlError>>,
}

#[derive(Debug, Clone, Deserialize)]
struct GraphQlError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Debug, Clone, Deserialize)]
struct Extensions {
    code: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Data {
    project: Option<ProjectNode>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectNode {
    id: Option<String>,
    work_items: Option<Connection>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    page_info: Option<PageInfo>,
    #[serde(default)]
    nodes: Option<Vec<Option<WorkItem>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    #[serde(default)]
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct WorkItem {
    iid: String,
    #[serde(default)]
    widgets: Option<Vec<Option<Widget>>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Widget {
    #[serde(rename = "type")]
    widget_type: Option<String>,
    status: Option<WorkflowStatus>,
}

impl Document {
    fn read(self, asked: ProjectId) -> Result<Answer, Failure> {
        let errors = self.errors.unwrap_or_default();
        let found = self.data.map(|data| data.project);
        if let Some(Some(ProjectNode { id: Some(id), .. })) = &found
            && !names(id, asked)
        {
            return Err(Failure::NotFound {
                kind: MissingKind::Project,
                hint: "another project has this path now".into(),
            });
        }
        match found {
            Some(Some(ProjectNode {
                work_items: Some(items),
                ..
            })) if errors.is_empty() => items.read(),
            Some(None) if errors.is_empty() => Err(Failure::NotFound {
                kind: MissingKind::Project,
                hint: "GraphQL knows no such project by this path".into(),
            }),
            _ => read_errors(&errors),
        }
    }
}

/// Whether a global id, `gid://gitlab/Project/42`, is this project's. Only the
/// number is GitLab's word; the rest of the form may change.
fn names(global_id: &str, project: ProjectId) -> bool {
    let number = global_id.rsplit('/').next().unwrap_or(global_id);
    number.parse() == Ok(project.0)
}

/// Tells "this instance has no statuses" from failures. The validator's codes
/// are matched, not its words, which change.
fn read_errors(errors: &[GraphQlError]) -> Result<Answer, Failure> {
    let invalid = errors.iter().find(|error| {
        let code = error
            .extensions
            .as_ref()
            .and_then(|it| it.code.as_ref()?.as_str());
        matches!(
            code,
            Some(
                "undefinedField"
                    | "undefinedType"
                    | "selectionMismatch"
                    | "argumentNotAccepted"
                    | "argumentLiteralsIncompatible"
                    | "variableMismatch"
                    | "cannotSpreadFragment"
                    | "fragmentOnNonCompositeType"
            )
        )
    });
    if let Some(error) = invalid {
        return Ok(Answer::Unsupported(printable(&error.message)));
    }
    let Some(first) = errors.first() else {
        return Err(Failure::BadPayload {
            reason: "GraphQL answered with neither data nor errors".into(),
            malformed: false,
        });
    };
    let lower = first.message.to_ascii_lowercase();
    if lower.contains("complexity") {
        return Ok(Answer::TooComplex);
    }
    // A selection on what used to be a plain text, in versions whose errors
    // carry no code.
    if lower.contains("workitemwidgetstatus") || lower.contains("selections can't be made on") {
        return Ok(Answer::Unsupported(printable(&first.message)));
    }
    if lower.contains("timeout") || lower.contains("internal server error") {
        return Err(Failure::Unavailable { status: 500 });
    }
    Err(Failure::BadPayload {
        reason: printable(&first.message),
        malformed: false,
    })
}

impl Connection {
    fn read(self) -> Result<Answer, Failure> {
        let mut statuses = Vec::new();
        for item in self.nodes.into_iter().flatten().flatten() {
            let iid = item.iid.parse().map_err(|_| Failure::BadPayload {
                reason: format!("`{}` is no work item number", printable(&item.iid)),
                malformed: false,
            })?;
            let widget = item
                .widgets
                .into_iter()
                .flatten()
                .flatten()
                .find(|widget| widget.widget_type.as_deref() == Some("STATUS"));
            statuses.push(WorkItemStatus {
                iid: Iid(iid),
                has_widget: widget.is_some(),
                status: widget.and_then(|widget| widget.status),
            });
        }
        Ok(Answer::Page(Nodes {
            statuses,
            next_cursor: self
                .page_info
                .filter(|info| info.has_next_page)
                .and_then(|info| info.end_cursor),
        }))
    }
}
