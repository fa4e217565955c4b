//! Runs a document that passed its checks.

use graphql_parser::query::{Field, Selection, TypeCondition};
use serde_json::{Map, Value, json};

use super::connection::{Connection, Wanted};
use super::literal::argument;
use super::{Operation, Selected};
use crate::Moment;
use crate::http::Render;
use crate::options::Tier;
use crate::upstream::{
    DiffVersion, Issuable, Issue, ItemState, MergeRequest, Project, UserId, WorkItemStatus,
};

/// Something that fields can be asked of.
#[derive(Clone)]
pub(super) enum Node<'a> {
    Query,
    Project(&'a Project),
    Issue(&'a Project, &'a Issue),
    WorkItem(&'a Project, &'a Issue),
    MergeRequest(&'a Project, &'a MergeRequest),
    User(UserId),
    DiffRefs(&'a DiffVersion),
    Status(&'a WorkItemStatus),
    Widget(&'static str, &'a Issue),
    /// An object whose fields are known already.
    Known(&'static str, Value),
}

/// What a field turned out to be.
enum Found<'a> {
    Leaf(Value),
    Node(Node<'a>),
    Nodes(Vec<Node<'a>>),
    Connection(&'static str, Connection<'a>),
}

pub(super) struct Resolver<'a> {
    pub(super) render: &'a Render<'a>,
    pub(super) operation: &'a Operation,
    pub(super) score: u64,
}

impl<'a> Resolver<'a> {
    pub(super) fn run(&self) -> Value {
        self.object(&Node::Query, &self.operation.selections)
    }

    fn object(&self, node: &Node<'a>, selections: &[Selected]) -> Value {
        let mut object = Map::new();
        self.collect(node, selections, &mut object);
        Value::Object(object)
    }

    fn collect(&self, node: &Node<'a>, selections: &[Selected], into: &mut Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    into.insert(key.clone(), self.value(node, field));
                }
                Selection::InlineFragment(fragment) => {
                    let applies = match &fragment.type_condition {
                        Some(TypeCondition::On(on)) => node.is(on),
                        None => true,
                    };
                    if applies {
                        self.collect(node, &fragment.selection_set.items, into);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some((on, items)) = self.operation.fragment(&spread.fragment_name)
                        && node.is(on)
                    {
                        self.collect(node, items, into);
                    }
                }
            }
        }
    }

    fn value(&self, node: &Node<'a>, field: &Field<'static, String>) -> Value {
        let selections = &field.selection_set.items;
        let objects = |nodes: &[Node<'a>], selections: &[Selected]| -> Value {
            nodes
                .iter()
                .map(|node| self.object(node, selections))
                .collect()
        };
        match self.field(node, field) {
            Found::Leaf(value) => value,
            Found::Node(node) => self.object(&node, selections),
            Found::Nodes(nodes) => objects(&nodes, selections),
            Found::Connection(type_name, page) => {
                let mut object = Map::new();
                for selection in selections {
                    // Fragments on connections are as good as unheard of.
                    let Selection::Field(part) = selection else {
                        continue;
                    };
                    let value = match part.name.as_str() {
                        "nodes" => objects(&page.nodes, &part.selection_set.items),
                        "pageInfo" => {
                            let info = json!({
                                "hasNextPage": page.has_next,
                                "hasPreviousPage": page.has_previous,
                                "startCursor": page.start,
                                "endCursor": page.end,
                            });
                            let info = Node::Known("PageInfo", info);
                            self.object(&info, &part.selection_set.items)
                        }
                        "count" => json!(page.count),
                        _ => json!(type_name),
                    };
                    object.insert(part.alias.as_ref().unwrap_or(&part.name).clone(), value);
                }
                Value::Object(object)
            }
        }
    }

    fn field(&self, node: &Node<'a>, field: &Field<'static, String>) -> Found<'a> {
        let name = field.name.as_str();
        if name == "__typename" {
            return Found::Leaf(json!(node.type_name()));
        }
        match node {
            Node::Query => self.query(field),
            Node::Project(project) => self.project(project, field),
            Node::Issue(project, issue) => {
                let state = json!(issue.common.state.as_str());
                item_field(name, "Issue", &issue.common, state, || {
                    self.render.single_issue(project, issue)
                })
            }
            Node::WorkItem(project, issue) => self.work_item(project, issue, name),
            Node::MergeRequest(project, merge_request) => {
                self.merge_request(project, merge_request, name)
            }
            Node::User(id) => {
                let value = self.render.user(*id);
                Found::Leaf(match name {
                    "id" => json!(format!("gid://gitlab/User/{id}")),
                    "webUrl" => value["web_url"].clone(),
                    name => value[name].clone(),
                })
            }
            Node::DiffRefs(version) => Found::Leaf(match name {
                "baseSha" => json!(version.base_sha),
                "headSha" => json!(version.head_sha),
                _ => json!(version.start_sha),
            }),
            Node::Status(status) => Found::Leaf(match name {
                "id" => json!(status.id),
                "name" => json!(status.name),
                "category" => json!(status.category),
                "color" => json!(status.color),
                "iconName" => json!(status.icon_name),
                "position" => json!(status.position),
                _ => Value::Null,
            }),
            Node::Widget(kind, issue) => match (name, *kind) {
                ("type", "WorkItemWidgetStatus") => Found::Leaf(json!("STATUS")),
                ("type", _) => Found::Leaf(json!("DESCRIPTION")),
                ("status", _) if self.render.options.tier == Tier::Premium => issue
                    .status
                    .as_ref()
                    .map_or(Found::Leaf(Value::Null), |status| {
                        Found::Node(Node::Status(status))
                    }),
                ("description", _) => Found::Leaf(json!(issue.common.description)),
                _ => Found::Leaf(Value::Null),
            },
            Node::Known(_, value) => Found::Leaf(value[name].clone()),
        }
    }

    fn query(&self, field: &Field<'static, String>) -> Found<'a> {
        let options = self.render.options;
        match field.name.as_str() {
            "project" => {
                let path = self.argument(field, "fullPath");
                let project = path
                    .as_str()
                    .and_then(|path| self.render.upstream.project_by_path(path))
                    .filter(|project| self.render.viewer.sees_project(project));
                project.map_or(Found::Leaf(Value::Null), |project| {
                    Found::Node(Node::Project(project))
                })
            }
            "currentUser" => self
                .render
                .viewer
                .token()
                .map_or(Found::Leaf(Value::Null), |token| {
                    Found::Node(Node::User(token.user_id))
                }),
            "metadata" => {
                let enterprise = options.version.ends_with("-ee");
                let known = json!({
                    "version": options.version, "revision": "3f2a91c", "enterprise": enterprise,
                });
                Found::Node(Node::Known("Metadata", known))
            }
            _ => {
                let known = json!({ "score": self.score, "limit": options.max_complexity });
                Found::Node(Node::Known("QueryComplexity", known))
            }
        }
    }

    fn project(&self, project: &'a Project, field: &Field<'static, String>) -> Found<'a> {
        let viewer = &self.render.viewer;
        let wanted = Wanted::read(|name| self.argument(field, name));
        let issues =
            |node: fn(&'a Project, &'a Issue) -> Node<'a>| -> Vec<(&'a Issuable, Node<'a>)> {
                project
                    .issues
                    .values()
                    .filter(|issue| viewer.sees_issue(project, issue))
                    .filter(|issue| wanted.admits(&issue.common, Some(&issue.issue_type)))
                    .map(|issue| (&issue.common, node(project, issue)))
                    .collect()
            };
        let merge_requests = || -> Vec<(&'a Issuable, Node<'a>)> {
            project
                .merge_requests
                .values()
                .filter(|_| viewer.sees_merge_requests(project))
                .filter(|merge_request| wanted.admits(&merge_request.common, None))
                .map(|merge_request| {
                    let node = Node::MergeRequest(project, merge_request);
                    (&merge_request.common, node)
                })
                .collect()
        };
        let first = |rows: Vec<(&'a Issuable, Node<'a>)>| {
            rows.into_iter()
                .next()
                .map_or(Found::Leaf(Value::Null), |(_, node)| Found::Node(node))
        };
        match field.name.as_str() {
            "issue" => first(issues(Node::Issue)),
            "mergeRequest" => first(merge_requests()),
            "issues" => Found::Connection("IssueConnection", wanted.page(issues(Node::Issue))),
            "mergeRequests" => {
                Found::Connection("MergeRequestConnection", wanted.page(merge_requests()))
            }
            "workItems" => {
                Found::Connection("WorkItemConnection", wanted.page(issues(Node::WorkItem)))
            }
            name => Found::Leaf(match name {
                "id" => json!(format!("gid://gitlab/Project/{}", project.id)),
                "fullPath" => json!(project.path_with_namespace),
                "path" => json!(project.path()),
                "name" => json!(project.name),
                "archived" => json!(project.archived),
                "visibility" => json!(project.visibility.as_str()),
                "lastActivityAt" => time(Some(project.last_activity_at)),
                _ => json!(self.render.project_url(project)),
            }),
        }
    }

    fn work_item(&self, project: &'a Project, issue: &'a Issue, name: &str) -> Found<'a> {
        match name {
            "widgets" => {
                let mut widgets = vec![Node::Widget("WorkItemWidgetDescription", issue)];
                // A task or an issue with a licence has a status.
                if self.render.options.tier == Tier::Premium
                    && matches!(issue.issue_type.as_str(), "issue" | "task")
                {
                    widgets.push(Node::Widget("WorkItemWidgetStatus", issue));
                }
                Found::Nodes(widgets)
            }
            "workItemType" => {
                let known = json!({
                    "id": "gid://gitlab/WorkItems::Type/1", "name": issue.issue_type,
                });
                Found::Node(Node::Known("WorkItemType", known))
            }
            name => {
                let open = issue.common.state == ItemState::Opened;
                let state = json!(if open { "OPEN" } else { "CLOSED" });
                item_field(name, "WorkItem", &issue.common, state, || {
                    self.render.single_issue(project, issue)
                })
            }
        }
    }

    fn merge_request(
        &self,
        project: &'a Project,
        merge_request: &'a MergeRequest,
        name: &str,
    ) -> Found<'a> {
        let ready = merge_request.ready_version(self.render.now);
        Found::Leaf(match name {
            "diffRefs" => {
                return ready.map_or(Found::Leaf(Value::Null), |version| {
                    Found::Node(Node::DiffRefs(version))
                });
            }
            "mergeUser" => {
                return merge_request
                    .merged_by
                    .map_or(Found::Leaf(Value::Null), |id| Found::Node(Node::User(id)));
            }
            "draft" => json!(merge_request.draft),
            "mergedAt" => time(merge_request.merged_at),
            "preparedAt" => time(merge_request.prepared_at(self.render.now)),
            "sourceBranch" => json!(merge_request.source_branch),
            "targetBranch" => json!(merge_request.target_branch),
            "sourceProjectId" => json!(merge_request.source_project_id),
            "targetProjectId" => json!(project.id),
            "diffHeadSha" => json!(ready.map(|version| &version.head_sha)),
            "mergeCommitSha" => json!(merge_request.merge_commit_sha),
            name => {
                let item = &merge_request.common;
                let state = json!(item.state.as_str());
                return item_field(name, "MergeRequest", item, state, || {
                    self.render.single_merge_request(project, merge_request)
                });
            }
        })
    }

    fn argument(&self, field: &Field<'static, String>, name: &str) -> Value {
        argument(field, name, &self.operation.variables)
    }
}

/// A field that issues, work items and merge requests share; `rest` makes
/// what REST shows of the item, which is not cheap.
fn item_field<'a>(
    name: &str,
    type_name: &str,
    item: &Issuable,
    state: Value,
    rest: impl FnOnce() -> Value,
) -> Found<'a> {
    Found::Leaf(match name {
        "id" => json!(format!("gid://gitlab/{type_name}/{}", item.id)),
        "iid" => json!(item.iid.to_string()),
        "state" => state,
        "createdAt" => time(Some(item.created_at)),
        "updatedAt" => time(Some(item.updated_at)),
        "closedAt" => time(item.closed_at),
        "userNotesCount" => rest()["user_notes_count"].clone(),
        "webUrl" => rest()["web_url"].clone(),
        "title" => json!(item.title),
        "author" => return Found::Node(Node::User(item.author_id)),
        name => rest()[name].clone(),
    })
}

impl Node<'_> {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Project(_) => "Project",
            Self::Issue(..) => "Issue",
            Self::WorkItem(..) => "WorkItem",
            Self::MergeRequest(..) => "MergeRequest",
            Self::User(_) => "UserCore",
            Self::DiffRefs(_) => "DiffRefs",
            Self::Status(_) => "WorkItemStatus",
            Self::Widget(name, _) | Self::Known(name, _) => name,
        }
    }

    fn is(&self, type_name: &str) -> bool {
        type_name == self.type_name()
            || (type_name == "WorkItemWidget" && matches!(self, Self::Widget(..)))
    }
}

/// Whole seconds, always UTC.
fn time(moment: Option<Moment>) -> Value {
    moment.map_or(Value::Null, |moment| json!(moment.rfc3339_seconds()))
}
