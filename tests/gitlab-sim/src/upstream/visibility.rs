//! What a caller sees of the upstream.

use super::{
    Access, Audience, Discussion, Issue, LabelEvent, Note, Project, Token, Upstream, Visibility,
};
use crate::Moment;

/// Why a token is refused, with 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Nobody has this token.
    #[error("no such token")]
    Unknown,
    /// It was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// Its day has come.
    #[error("the token expired")]
    Expired,
}

/// A caller, as the upstream knows them.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    upstream: &'a Upstream,
    token: Option<&'a Token>,
}

impl<'a> Viewer<'a> {
    /// Nobody in particular.
    pub(super) fn anonymous(upstream: &'a Upstream) -> Self {
        Self {
            upstream,
            token: None,
        }
    }

    pub(super) fn with_token(
        upstream: &'a Upstream,
        token: &str,
        now: Moment,
    ) -> Result<Self, TokenRefused> {
        let token = upstream.tokens.get(token).ok_or(TokenRefused::Unknown)?;
        if token.revoked {
            return Err(TokenRefused::Revoked);
        }
        if token.expired(now) {
            return Err(TokenRefused::Expired);
        }
        Ok(Self {
            upstream,
            token: Some(token),
        })
    }

    /// The token, unless anonymous.
    pub fn token(&self) -> Option<&'a Token> {
        self.token
    }

    /// Level in a project; what anybody may do in a public one counts as
    /// [`Access::Guest`].
    pub fn access(&self, project: &Project) -> Access {
        let granted = self
            .token
            .map_or(Access::None, |token| token.access(project.id));
        let open = match project.visibility {
            Visibility::Private => false,
            Visibility::Internal => self.token.is_some(),
            Visibility::Public => true,
        };
        if open {
            granted.max(Access::Guest)
        } else {
            granted
        }
    }

    /// Whether the project exists for this caller.
    pub fn sees_project(&self, project: &Project) -> bool {
        self.access(project) > Access::None
    }

    /// Whether merge requests may be read: not by guests of a private project.
    pub fn sees_merge_requests(&self, project: &Project) -> bool {
        let access = self.access(project);
        project.merge_requests_enabled
            && match project.visibility {
                Visibility::Private => access == Access::Member,
                Visibility::Internal | Visibility::Public => access > Access::None,
            }
    }

    /// Whether an issue exists for this caller: confidential ones only for
    /// members, their authors and assignees.
    pub fn sees_issue(&self, project: &Project, issue: &Issue) -> bool {
        let access = self.access(project);
        if access == Access::None {
            return false;
        }
        if !issue.confidential || access == Access::Member {
            return true;
        }
        self.token.is_some_and(|token| {
            issue.common.author_id == token.user_id
                || issue.common.assignee_ids.contains(&token.user_id)
        })
    }

    /// Whether a note shows.
    pub fn sees_note(&self, project: &Project, note: &Note) -> bool {
        if note.internal && self.access(project) < Access::Member {
            return false;
        }
        self.belongs_to(project, note.audience)
    }

    /// Whether anything of a discussion shows.
    pub fn sees_discussion(&self, project: &Project, discussion: &Discussion) -> bool {
        discussion
            .notes
            .iter()
            .any(|note| self.sees_note(project, note))
    }

    /// Whether a label event shows.
    pub fn sees_label_event(&self, project: &Project, event: &LabelEvent) -> bool {
        self.belongs_to(project, event.audience)
    }

    fn belongs_to(&self, project: &Project, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Members => self.access(project) == Access::Member,
            Audience::Project(id) => self
                .upstream
                .projects
                .get(&id)
                .is_some_and(|other| self.sees_project(other)),
        }
    }
}
