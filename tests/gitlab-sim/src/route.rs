//! The endpoints, by name.

use crate::upstream::ItemKind;

/// An endpoint of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/version`
    Version,
    /// `/metadata`
    Metadata,
    /// `/user`
    CurrentUser,
    /// `/personal_access_tokens/self`
    CurrentToken,
    /// `/projects`
    Projects,
    /// `/projects/:id`
    Project,
    /// `/projects/:id/labels`
    Labels,
    /// `/projects/:id/milestones`
    Milestones,
    /// `/projects/:id/issues` or `.../merge_requests`
    Items(ItemKind),
    /// `.../:iid`
    Item(ItemKind),
    /// `.../:iid/discussions`
    Discussions(ItemKind),
    /// `.../:iid/discussions/:discussion_id`
    Discussion(ItemKind),
    /// `.../:iid/discussions/:discussion_id/notes`
    DiscussionNotes(ItemKind),
    /// `.../:iid/notes`
    Notes(ItemKind),
    /// `.../:iid/notes/:note_id`
    Note(ItemKind),
    /// `.../:iid/resource_state_events`
    StateEvents(ItemKind),
    /// `.../:iid/resource_label_events`
    LabelEvents(ItemKind),
    /// `.../:iid/resource_milestone_events`
    MilestoneEvents(ItemKind),
    /// `.../merge_requests/:iid/diffs`
    Diffs,
    /// `.../merge_requests/:iid/changes`
    Changes,
    /// `.../merge_requests/:iid/raw_diffs`
    RawDiffs,
    /// `.../merge_requests/:iid/versions`
    DiffVersions,
    /// `.../merge_requests/:iid/versions/:version_id`
    DiffVersion,
    /// `.../merge_requests/:iid/closes_issues`
    ClosesIssues,
    /// `.../merge_requests/:iid/commits`
    Commits,
    /// `.../merge_requests/:iid/approvals`
    Approvals,
    /// `.../merge_requests/:iid/reviewers`
    Reviewers,
    /// `.../issues/:iid/closed_by`
    ClosedBy,
    /// `POST /api/graphql`
    GraphQl,
    /// Anything else.
    Unmatched,
}

impl Route {
    /// A name for messages and logs.
    pub const fn name(self) -> &'static str {
        use ItemKind::{Issue, MergeRequest};
        match self {
            Self::Version => "version",
            Self::Metadata => "metadata",
            Self::CurrentUser => "user",
            Self::CurrentToken => "token",
            Self::Projects => "projects",
            Self::Project => "project",
            Self::Labels => "labels",
            Self::Milestones => "milestones",
            Self::Items(Issue) => "issues",
            Self::Items(MergeRequest) => "merge_requests",
            Self::Item(Issue) => "issue",
            Self::Item(MergeRequest) => "merge_request",
            Self::Discussions(Issue) => "issue_discussions",
            Self::Discussions(MergeRequest) => "merge_request_discussions",
            Self::Discussion(Issue) => "issue_discussion",
            Self::Discussion(MergeRequest) => "merge_request_discussion",
            Self::DiscussionNotes(Issue) => "issue_discussion_notes",
            Self::DiscussionNotes(MergeRequest) => "merge_request_discussion_notes",
            Self::Notes(Issue) => "issue_notes",
            Self::Notes(MergeRequest) => "merge_request_notes",
            Self::Note(Issue) => "issue_note",
            Self::Note(MergeRequest) => "merge_request_note",
            Self::StateEvents(Issue) => "issue_state_events",
            Self::StateEvents(MergeRequest) => "merge_request_state_events",
            Self::LabelEvents(Issue) => "issue_label_events",
            Self::LabelEvents(MergeRequest) => "merge_request_label_events",
            Self::MilestoneEvents(Issue) => "issue_milestone_events",
            Self::MilestoneEvents(MergeRequest) => "merge_request_milestone_events",
            Self::Diffs => "diffs",
            Self::Changes => "changes",
            Self::RawDiffs => "raw_diffs",
            Self::DiffVersions => "diff_versions",
            Self::DiffVersion => "diff_version",
            Self::ClosesIssues => "closes_issues",
            Self::Commits => "commits",
            Self::Approvals => "approvals",
            Self::Reviewers => "reviewers",
            Self::ClosedBy => "closed_by",
            Self::GraphQl => "graphql",
            Self::Unmatched => "unmatched",
        }
    }

    /// Whether a caller must be known, even for a public project.
    pub(crate) const fn needs_token(self) -> bool {
        matches!(
            self,
            Self::Version
                | Self::Metadata
                | Self::CurrentUser
                | Self::CurrentToken
                | Self::Discussions(_)
                | Self::Discussion(_)
                | Self::DiscussionNotes(_)
                | Self::StateEvents(_)
                | Self::LabelEvents(_)
                | Self::MilestoneEvents(_)
        )
    }

    /// Whether it answers a page of a collection.
    pub(crate) const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Projects
                | Self::Labels
                | Self::Milestones
                | Self::Items(_)
                | Self::Discussions(_)
                | Self::Notes(_)
                | Self::StateEvents(_)
                | Self::LabelEvents(_)
                | Self::MilestoneEvents(_)
                | Self::Diffs
                | Self::DiffVersions
                | Self::ClosesIssues
                | Self::Commits
                | Self::ClosedBy
        )
    }
}

/// A request's path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) route: Route,
    /// Number or full path, decoded.
    pub(crate) project: Option<String>,
    /// The path after the project's id, still encoded, with its slash.
    pub(crate) rest: String,
    pub(crate) iid: Option<String>,
    /// Id of a discussion, note or version.
    pub(crate) sub_id: Option<String>,
}

impl Target {
    fn of(route: Route) -> Self {
        Self {
            route,
            project: None,
            rest: String::new(),
            iid: None,
            sub_id: None,
        }
    }

    /// Matches a raw path below the relative root.
    pub(crate) fn parse(path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        if path == "/api/graphql" {
            return Self::of(Route::GraphQl);
        }
        let Some(path) = path.strip_prefix("/api/v4/") else {
            return Self::of(Route::Unmatched);
        };
        let segments: Vec<String> = path.split('/').map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (project, below) = match segments.as_slice() {
            ["version"] => return Self::of(Route::Version),
            ["metadata"] => return Self::of(Route::Metadata),
            ["user"] => return Self::of(Route::CurrentUser),
            ["personal_access_tokens", "self"] => return Self::of(Route::CurrentToken),
            ["projects"] => return Self::of(Route::Projects),
            ["projects", project, below @ ..] => (*project, below),
            _ => return Self::of(Route::Unmatched),
        };
        let Some((route, iid, sub_id)) = below_project(below) else {
            return Self::of(Route::Unmatched);
        };
        let rest: String = path
            .split('/')
            .skip(2)
            .flat_map(|segment| ["/", segment])
            .collect();
        Self {
            route,
            project: Some(project.to_owned()),
            rest,
            iid: iid.map(str::to_owned),
            sub_id: sub_id.map(str::to_owned),
        }
    }
}

type Below<'a> = (Route, Option<&'a str>, Option<&'a str>);

fn below_project<'a>(segments: &[&'a str]) -> Option<Below<'a>> {
    let (collection, below) = match segments {
        [] => return Some((Route::Project, None, None)),
        ["labels"] => return Some((Route::Labels, None, None)),
        ["milestones"] => return Some((Route::Milestones, None, None)),
        [collection, below @ ..] => (*collection, below),
    };
    let kind = match collection {
        "issues" => ItemKind::Issue,
        "merge_requests" => ItemKind::MergeRequest,
        _ => return None,
    };
    let (iid, below) = match below {
        [] => return Some((Route::Items(kind), None, None)),
        [iid, below @ ..] => (*iid, below),
    };
    let (route, sub_id) = match below {
        [] => (Route::Item(kind), None),
        ["discussions"] => (Route::Discussions(kind), None),
        ["discussions", id] => (Route::Discussion(kind), Some(*id)),
        ["discussions", id, "notes"] => (Route::DiscussionNotes(kind), Some(*id)),
        ["notes"] => (Route::Notes(kind), None),
        ["notes", id] => (Route::Note(kind), Some(*id)),
        ["resource_state_events"] => (Route::StateEvents(kind), None),
        ["resource_label_events"] => (Route::LabelEvents(kind), None),
        ["resource_milestone_events"] => (Route::MilestoneEvents(kind), None),
        ["closed_by"] if kind == ItemKind::Issue => (Route::ClosedBy, None),
        below if kind == ItemKind::MergeRequest => below_merge_request(below)?,
        _ => return None,
    };
    Some((route, Some(iid), sub_id))
}

fn below_merge_request<'a>(segments: &[&'a str]) -> Option<(Route, Option<&'a str>)> {
    Some(match segments {
        ["diffs"] => (Route::Diffs, None),
        ["changes"] => (Route::Changes, None),
        ["raw_diffs"] => (Route::RawDiffs, None),
        ["versions"] => (Route::DiffVersions, None),
        ["versions", id] => (Route::DiffVersion, Some(*id)),
        ["closes_issues"] => (Route::ClosesIssues, None),
        ["commits"] => (Route::Commits, None),
        ["approvals"] => (Route::Approvals, None),
        ["reviewers"] => (Route::Reviewers, None),
        _ => return None,
    })
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_project_path_is_one_segment() {
        let target = Target::parse("/api/v4/projects/acme%2Fsub%2Fapp/issues/5/notes/7");
        assert_eq!(target.route, Route::Note(ItemKind::Issue));
        assert_eq!(target.project.as_deref(), Some("acme/sub/app"));
        assert_eq!(target.iid.as_deref(), Some("5"));
        assert_eq!(target.sub_id.as_deref(), Some("7"));
        assert_eq!(target.rest, "/issues/5/notes/7");
    }

    #[test]
    fn an_unencoded_project_path_matches_no_route() {
        let target = Target::parse("/api/v4/projects/acme/app/issues");
        assert_eq!(target.route, Route::Unmatched);
    }

    #[test]
    fn endpoints_of_merge_requests_are_not_endpoints_of_issues() {
        for tail in ["diffs", "versions", "closes_issues", "commits", "raw_diffs"] {
            let issue = Target::parse(&format!("/api/v4/projects/1/issues/2/{tail}"));
            let other = Target::parse(&format!("/api/v4/projects/1/merge_requests/2/{tail}"));
            assert_eq!(issue.route, Route::Unmatched);
            assert_ne!(other.route, Route::Unmatched);
        }
    }
}
