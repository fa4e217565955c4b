//! From a request to an answer, without any wire in between.

use serde_json::{Value, json};

use super::paging::{LinkBase, OffsetPage};
use super::query::Query;
use super::render::{Render, set};
use super::reply::Reply;
use super::rows;
use crate::Route;
use crate::route::Target;
use crate::shared::Shared;
use crate::upstream::{ItemKind, Project, TokenRefused, Upstream};

/// A request, read and taken apart.
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) method: String,
    /// Path as sent, with the relative root.
    pub(crate) path: String,
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) token: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What a step of answering ends with: `Err` is an answer too.
pub(super) type Step<T> = Result<T, Reply>;

/// The answer of an upstream to a request.
pub(crate) fn answer(shared: &Shared, upstream: &Upstream, request: &Request) -> Reply {
    let answered = Answering::begin(shared, upstream, request).and_then(|step| step.run());
    match answered {
        Ok(reply) | Err(reply) => reply,
    }
}

/// Everything that answering one request needs.
pub(super) struct Answering<'a> {
    pub(super) shared: &'a Shared,
    pub(super) request: &'a Request,
    pub(super) render: Render<'a>,
}

impl<'a> Answering<'a> {
    fn begin(shared: &'a Shared, upstream: &'a Upstream, request: &'a Request) -> Step<Self> {
        let route = request.target.route;
        if route == Route::Unmatched {
            return Err(Reply::no_route());
        }
        let now = upstream.now();
        let viewer = upstream
            .viewer(request.token.as_deref())
            .map_err(|refused| refuse(refused, route))?;
        if let Some(token) = viewer.token()
            && route != Route::GraphQl
        {
            let readable = token
                .scopes
                .iter()
                .any(|scope| matches!(scope.as_str(), "api" | "read_api" | "granular"));
            let only_user = token.scopes.iter().any(|scope| scope == "read_user");
            let user_only = only_user && route == Route::CurrentUser;
            // Whatever it may do else, a token may look at itself.
            let itself = route == Route::CurrentToken;
            if !readable && !user_only && !itself {
                return Err(Reply::insufficient_scope("api read_api"));
            }
        } else if viewer.token().is_none() && route.needs_token() {
            return Err(Reply::unauthorized());
        }
        Ok(Self {
            shared,
            request,
            render: Render {
                upstream,
                viewer,
                options: &shared.options,
                base: shared.web_base(),
                now,
            },
        })
    }

    fn run(&self) -> Step<Reply> {
        let route = self.request.target.route;
        if route == Route::GraphQl {
            return Ok(crate::graphql::answer(&self.render, self.request));
        }
        if self.request.method != "GET" {
            if self.project().is_err_and(|moved| moved.status == 301) {
                return Err(Reply::message(405, "405 Method Not Allowed"));
            }
            return Err(Reply::bare_error(405, "405 Not Allowed"));
        }
        self.request.query.validate(route)?;
        match route {
            Route::Version => Ok(Reply::json(&json!({
                "version": self.shared.options.version,
                "revision": "3f2a91c",
            }))),
            Route::Metadata => Ok(Reply::json(&json!({
                "version": self.shared.options.version,
                "revision": "3f2a91c",
                "kas": { "enabled": false, "externalUrl": null, "version": null },
                "enterprise": self.shared.options.version.ends_with("-ee"),
            }))),
            Route::CurrentUser => Ok(self.current_user()),
            Route::CurrentToken => {
                let token = self.render.viewer.token().ok_or_else(Reply::no_record)?;
                Ok(Reply::json(&self.render.token(token)))
            }
            Route::Projects => Ok(self.projects()),
            Route::Project => Ok(Reply::json(&self.render.project(self.project()?))),
            Route::Labels => Ok(self.labels(self.project()?)),
            Route::Milestones => Ok(self.milestones(self.project()?)),
            Route::Items(kind) => rows::items(self, self.readable_project(kind)?, kind),
            _ => self.below_item(),
        }
    }

    fn current_user(&self) -> Reply {
        let id = self.render.viewer.token().map_or(0, |token| token.user_id);
        let mut user = self.render.user(id);
        set(&mut user, "email", "user@example.com");
        set(&mut user, "is_admin", false);
        Reply::json(&user)
    }

    fn projects(&self) -> Reply {
        let query = &self.request.query;
        let viewer = &self.render.viewer;
        let member_only = query.flag("membership");
        let archived = query.choice("archived");
        let needle = query.get("search").map(str::to_lowercase);
        let mut projects: Vec<&Project> = self
            .render
            .upstream
            .projects
            .values()
            .filter(|project| viewer.sees_project(project))
            .filter(|project| {
                let token = viewer.token();
                !member_only
                    || token.is_some_and(|token| token.access(project.id) > crate::Access::None)
            })
            .filter(|project| archived.is_none_or(|wanted| wanted == project.archived))
            .filter(|project| {
                needle.as_deref().is_none_or(|needle| {
                    let path = if query.flag("search_namespaces") || needle.contains('/') {
                        &project.path_with_namespace
                    } else {
                        project.path()
                    };
                    // Below three characters GitLab compares whole names.
                    let fits = |text: &str| match needle.chars().count() {
                        0..3 => text.to_lowercase() == needle,
                        _ => text.to_lowercase().contains(needle),
                    };
                    fits(path) || fits(project.path()) || fits(&project.name)
                })
            })
            .collect();
        match query.get("order_by") {
            Some("name") => projects.sort_by(|one, other| one.name.cmp(&other.name)),
            Some("path") => projects.sort_by(|one, other| one.path().cmp(other.path())),
            Some("last_activity_at" | "updated_at") => {
                projects.sort_by_key(|project| project.last_activity_at);
            }
            _ => projects.sort_by_key(|project| project.id),
        }
        if query.get("sort") != Some("asc") {
            projects.reverse();
        }
        let simple = query.flag("simple") || viewer.token().is_none();
        self.page(&projects, |project| {
            Some(if simple {
                self.render.simple_project(project)
            } else {
                self.render.project(project)
            })
        })
    }

    fn labels(&self, project: &Project) -> Reply {
        let mut labels: Vec<_> = project
            .labels
            .values()
            .filter(|label| self.searched(&label.name))
            .collect();
        labels.sort_by(|one, other| one.name.cmp(&other.name));
        self.page(&labels, |label| Some(self.render.listed_label(label)))
    }

    fn milestones(&self, project: &Project) -> Reply {
        let query = &self.request.query;
        let (after, before) = (query.time("updated_after"), query.time("updated_before"));
        let ancestors = query.flag("include_ancestors") || query.flag("include_parent_milestones");
        let iids = query.numbers("iids");
        let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
        let mut milestones: Vec<_> = project
            .milestones
            .values()
            .filter(|milestone| ancestors || milestone.group_id.is_none())
            .filter(|milestone| is("state", &milestone.state) && is("title", &milestone.title))
            .filter(|milestone| self.searched(&milestone.title))
            .filter(|milestone| {
                iids.as_ref()
                    .is_none_or(|iids| iids.contains(&milestone.iid))
            })
            .filter(|milestone| after.is_none_or(|after| milestone.updated_at >= after))
            .filter(|milestone| before.is_none_or(|before| milestone.updated_at <= before))
            .collect();
        milestones.sort_by_key(|milestone| std::cmp::Reverse(milestone.id));
        self.page(&milestones, |milestone| {
            Some(self.render.milestone(project, milestone))
        })
    }

    /// Whether a name passes the parameter `search`.
    fn searched(&self, name: &str) -> bool {
        self.request
            .query
            .get("search")
            .is_none_or(|needle| name.to_lowercase().contains(&needle.to_lowercase()))
    }

    fn below_item(&self) -> Step<Reply> {
        let route = self.request.target.route;
        let kind = match route {
            Route::Item(kind)
            | Route::Discussions(kind)
            | Route::Discussion(kind)
            | Route::DiscussionNotes(kind)
            | Route::Notes(kind)
            | Route::Note(kind)
            | Route::StateEvents(kind)
            | Route::LabelEvents(kind)
            | Route::MilestoneEvents(kind) => kind,
            Route::ClosedBy => ItemKind::Issue,
            _ => ItemKind::MergeRequest,
        };
        let project = self.readable_project(kind)?;
        let parameter = match kind {
            ItemKind::Issue => "issue_iid",
            ItemKind::MergeRequest => "merge_request_iid",
        };
        let iid: u64 = self
            .request
            .target
            .iid
            .as_deref()
            .and_then(|iid| iid.parse().ok())
            .ok_or_else(|| Reply::invalid(parameter))?;
        if kind == ItemKind::MergeRequest {
            let merge_request = project
                .merge_requests
                .get(&iid)
                .ok_or_else(Reply::no_record)?;
            if route == Route::Item(kind) {
                let value = self.render.single_merge_request(project, merge_request);
                return Ok(Reply::json(&value));
            }
            return match super::threads::answer(self, project, (kind, &merge_request.common)) {
                Some(reply) => reply,
                None => self.merge_request_part(project, merge_request),
            };
        }
        let issue = project
            .issues
            .get(&iid)
            .filter(|issue| self.render.viewer.sees_issue(project, issue))
            .ok_or_else(Reply::no_record)?;
        if route == Route::Item(kind) {
            return Ok(Reply::json(&self.render.single_issue(project, issue)));
        }
        super::threads::answer(self, project, (kind, &issue.common))
            .unwrap_or_else(|| Ok(self.closed_by(project, &issue.common)))
    }

    /// The project of the path; an answer where there is none for this caller.
    fn project(&self) -> Step<&'a Project> {
        let upstream = self.render.upstream;
        let named = self.request.target.project.as_deref().unwrap_or_default();
        let current = match named.parse::<u64>() {
            Ok(id) => upstream.projects.get(&id),
            Err(_) => upstream.project_by_path(named),
        };
        let seen = |project: &&Project| self.render.viewer.sees_project(project);
        if let Some(project) = current {
            return Some(project).filter(seen).ok_or_else(Reply::no_project);
        }
        let moved = named
            .contains('/')
            .then(|| upstream.project_by_former_path(named))
            .flatten()
            .filter(seen)
            .ok_or_else(Reply::no_project)?;
        let location = self.location(moved.id);
        let body = format!("This resource has been moved permanently to {location}.");
        Err(Reply::text(301, body).with("location", location))
    }

    fn location(&self, id: u64) -> String {
        let base = self.shared.options.redirect_base.as_deref().map_or_else(
            || self.shared.base_url().to_owned(),
            |base| format!("{base}{}", self.shared.options.relative_root),
        );
        let pairs: Vec<String> = self
            .request
            .query
            .pairs
            .iter()
            .map(|(name, value)| {
                let encode = |text| {
                    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                };
                format!("{}={}", encode(name), encode(value))
            })
            .collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!(
            "{base}/api/v4/projects/{id}{}{mark}{}",
            self.request.target.rest,
            pairs.join("&")
        )
    }

    /// The project, where this caller may read items of that kind in it.
    fn readable_project(&self, kind: ItemKind) -> Step<&'a Project> {
        let project = self.project()?;
        if kind == ItemKind::MergeRequest && !self.render.viewer.sees_merge_requests(project) {
            return Err(Reply::forbidden());
        }
        Ok(project)
    }

    /// One page of rows. Rows that render to nothing are left out after
    /// paging, as GitLab does: the page is short, the totals are not.
    pub(super) fn page<T>(&self, rows: &[T], render: impl Fn(&T) -> Option<Value>) -> Reply {
        let page = OffsetPage::of(&self.request.query);
        let shown: Vec<Value> = rows[page.range(rows.len())]
            .iter()
            .filter_map(render)
            .collect();
        self.with_page_headers(page, rows.len(), Reply::json(&Value::Array(shown)))
    }

    pub(super) fn with_page_headers(&self, page: OffsetPage, total: usize, reply: Reply) -> Reply {
        let url = self.link_url();
        let base = LinkBase {
            url: &url,
            query: &self.request.query,
        };
        page.headers(reply, total, self.shared.options.totals_limit, &base)
    }

    /// Where `Link` points: the configured host, the path of the request.
    pub(super) fn link_url(&self) -> String {
        let host = self
            .shared
            .options
            .link_host
            .as_deref()
            .unwrap_or_else(|| self.shared.host());
        format!("http://{host}{}", self.request.path)
    }
}

fn refuse(refused: TokenRefused, route: Route) -> Reply {
    if route == Route::GraphQl {
        let body = json!({ "errors": [{ "message": "Invalid token" }] });
        return Reply::raw_json(401, body.to_string().into_bytes());
    }
    match refused {
        TokenRefused::Unknown => Reply::unauthorized(),
        TokenRefused::Revoked => {
            Reply::invalid_token("Token was revoked. You have to re-authorize from the user.")
        }
        TokenRefused::Expired => Reply::invalid_token(
            "Token is expired. You can either do re-authorization or token refresh.",
        ),
    }
}
