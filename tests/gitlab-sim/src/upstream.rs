//! The upstream itself: what a GitLab instance knows, as plain data.
//!
//! Fields are public, so that a checker can compare a mirror with them. They
//! may be written too; the methods beside them do what GitLab does to
//! `updated_at`, to events and to system notes, which a plain write does not.

mod diff;
mod event;
mod issuable;
mod issue_move;
mod item_changes;
mod label_changes;
mod merge_request_changes;
mod note;
mod people;
mod project;
mod project_changes;
mod random;
mod thread_changes;
mod visibility;

use std::collections::BTreeMap;
use std::time::Duration;

pub use diff::{Commit, DiffFile, DiffVersion};
pub use event::{EventAction, LabelEvent, MilestoneEvent, StateEvent};
pub use issuable::{
    ClosingLink, Issuable, Issue, ItemKind, ItemRef, ItemState, MergeRequest, WorkItemStatus,
};
pub use item_changes::NewIssue;
pub use label_changes::NewMilestone;
pub use merge_request_changes::NewMergeRequest;
pub use note::{Audience, Discussion, LinePoint, Note, NoteType, Place, Position};
pub use people::{Access, Token, User, UserId};
pub use project::{Label, Milestone, Project, Visibility};
pub use random::{ChangeDescription, RandomChangeOptions};
pub use thread_changes::NewNote;
pub use visibility::{TokenRefused, Viewer};

use crate::{Moment, VirtualClock};

/// A change was asked for something that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No project has this id.
    #[error("the upstream has no project {0}")]
    NoProject(u64),
    /// The project has no such issue or merge request.
    #[error("project {} has no {} {}", .0.project_id, .0.kind.collection(), .0.iid)]
    NoItem(ItemRef),
    /// The item has no such note or discussion.
    #[error("no note or discussion {0} there")]
    NoNote(String),
    /// The project has no such label or milestone.
    #[error("no label or milestone {0} there")]
    NoLabelOrMilestone(u64),
    /// The item is in a state that rules the change out.
    #[error("{what} is not possible for {item:?}: {why}")]
    NotPossible {
        /// The change.
        what: &'static str,
        /// What it was asked for.
        item: ItemRef,
        /// The reason.
        why: &'static str,
    },
}

/// Result of a change.
pub type Result<T> = std::result::Result<T, UpstreamError>;

/// Everything a GitLab instance knows.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// By global id.
    pub users: BTreeMap<UserId, User>,
    /// By their secret.
    pub tokens: BTreeMap<String, Token>,
    /// By global id.
    pub projects: BTreeMap<u64, Project>,
    /// How long a new version of a merge request is being prepared.
    pub preparing_delay: Duration,
    clock: VirtualClock,
    last_ids: LastIds,
}

/// The last global id given out, per kind.
#[derive(Clone, Debug, Default)]
struct LastIds {
    user: u64,
    project: u64,
    issue: u64,
    merge_request: u64,
    note: u64,
    label: u64,
    milestone: u64,
    event: u64,
    version: u64,
    sha: u64,
}

impl Upstream {
    /// An empty instance.
    pub fn new(clock: VirtualClock) -> Self {
        Self {
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            projects: BTreeMap::new(),
            preparing_delay: Duration::ZERO,
            clock,
            last_ids: LastIds {
                // Far from iids, so that mixing the two up shows.
                issue: 90_000,
                merge_request: 310_000,
                note: 7_000_000,
                label: 4_000,
                milestone: 5_000,
                event: 880_000,
                version: 110_000,
                project: 41,
                ..LastIds::default()
            },
        }
    }

    /// The server's clock, shared with the simulator.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// The server's time.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// What a caller with this token sees; `None` for an anonymous one.
    pub fn viewer(&self, token: Option<&str>) -> std::result::Result<Viewer<'_>, TokenRefused> {
        match token {
            None => Ok(Viewer::anonymous(self)),
            Some(token) => Viewer::with_token(self, token, self.now()),
        }
    }

    /// The project of that id.
    pub fn project(&self, id: u64) -> Result<&Project> {
        self.projects.get(&id).ok_or(UpstreamError::NoProject(id))
    }

    /// The project of that id, for a plain write.
    pub fn project_mut(&mut self, id: u64) -> Result<&mut Project> {
        self.projects
            .get_mut(&id)
            .ok_or(UpstreamError::NoProject(id))
    }

    /// The project at that path, whatever the case.
    pub fn project_by_path(&self, path: &str) -> Option<&Project> {
        self.projects
            .values()
            .find(|project| same_path(&project.path_with_namespace, path))
    }

    /// The project that used to be at that path.
    pub fn project_by_former_path(&self, path: &str) -> Option<&Project> {
        self.projects.values().find(|project| {
            project
                .former_paths
                .iter()
                .any(|former| same_path(former, path))
        })
    }

    /// What issues and merge requests have in common.
    pub fn item(&self, at: ItemRef) -> Result<&Issuable> {
        let project = self.project(at.project_id)?;
        match at.kind {
            ItemKind::Issue => project.issues.get(&at.iid).map(|issue| &issue.common),
            ItemKind::MergeRequest => project
                .merge_requests
                .get(&at.iid)
                .map(|merge_request| &merge_request.common),
        }
        .ok_or(UpstreamError::NoItem(at))
    }

    /// The same, for a plain write.
    pub fn item_mut(&mut self, at: ItemRef) -> Result<&mut Issuable> {
        let project = self.project_mut(at.project_id)?;
        match at.kind {
            ItemKind::Issue => project
                .issues
                .get_mut(&at.iid)
                .map(|issue| &mut issue.common),
            ItemKind::MergeRequest => project
                .merge_requests
                .get_mut(&at.iid)
                .map(|merge_request| &mut merge_request.common),
        }
        .ok_or(UpstreamError::NoItem(at))
    }

    /// The issue.
    pub fn issue(&self, project_id: u64, iid: u64) -> Result<&Issue> {
        let at = ItemRef::issue(project_id, iid);
        let project = self.project(project_id)?;
        project.issues.get(&iid).ok_or(UpstreamError::NoItem(at))
    }

    /// The issue, for a plain write.
    pub fn issue_mut(&mut self, project_id: u64, iid: u64) -> Result<&mut Issue> {
        let at = ItemRef::issue(project_id, iid);
        let project = self.project_mut(project_id)?;
        project
            .issues
            .get_mut(&iid)
            .ok_or(UpstreamError::NoItem(at))
    }

    /// The merge request.
    pub fn merge_request(&self, project_id: u64, iid: u64) -> Result<&MergeRequest> {
        let at = ItemRef::merge_request(project_id, iid);
        let project = self.project(project_id)?;
        project
            .merge_requests
            .get(&iid)
            .ok_or(UpstreamError::NoItem(at))
    }

    /// The merge request, for a plain write.
    pub fn merge_request_mut(&mut self, project_id: u64, iid: u64) -> Result<&mut MergeRequest> {
        let at = ItemRef::merge_request(project_id, iid);
        let project = self.project_mut(project_id)?;
        project
            .merge_requests
            .get_mut(&iid)
            .ok_or(UpstreamError::NoItem(at))
    }

    /// A new user.
    pub fn add_user(&mut self, username: &str, name: &str) -> UserId {
        self.last_ids.user += 1;
        let id = self.last_ids.user;
        let user = User {
            id,
            username: username.to_owned(),
            name: name.to_owned(),
            state: "active".to_owned(),
            avatar_url: None,
            updated_at: self.now(),
        };
        self.users.insert(id, user);
        id
    }

    /// A token for a user, with the scope `read_api` and one level in every
    /// project.
    pub fn add_token(&mut self, secret: &str, user_id: UserId, access: Access) {
        let id = 4_711 + u64::try_from(self.tokens.len()).unwrap_or_default();
        let token = Token {
            id,
            name: "lore-mirror".to_owned(),
            user_id,
            scopes: vec!["read_api".to_owned()],
            revoked: false,
            expires_at: None,
            created_at: self.now(),
            default_access: access,
            projects: BTreeMap::new(),
        };
        self.tokens.insert(secret.to_owned(), token);
    }

    /// A sha that nothing else has.
    pub(crate) fn next_sha(&mut self) -> String {
        self.last_ids.sha += 1;
        hex_id(self.last_ids.sha, 0x5ba)
    }

    fn next_note_id(&mut self) -> u64 {
        self.last_ids.note += 1;
        self.last_ids.note
    }

    fn next_event_id(&mut self) -> u64 {
        self.last_ids.event += 1;
        self.last_ids.event
    }
}

fn same_path(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// Forty hexadecimal digits that depend on nothing but their arguments.
fn hex_id(number: u64, kind: u64) -> String {
    use std::fmt::Write as _;

    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind.rotate_left(32);
    let mut text = String::with_capacity(48);
    for _ in 0..3 {
        // The finaliser of SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Writing to a String cannot fail.
        let _ = write!(text, "{mixed:016x}");
    }
    text.truncate(40);
    text
}
