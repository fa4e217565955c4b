//! Users, their tokens and what they may see.

use std::collections::BTreeMap;

use crate::Moment;

/// Global id of a user.
pub type UserId = u64;

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Global id.
    pub id: UserId,
    /// Login name; can change hands.
    pub username: String,
    /// Display name.
    pub name: String,
    /// `active`, `blocked`, `deactivated`, ...
    pub state: String,
    /// Address of the picture, where there is one.
    pub avatar_url: Option<String>,
    /// When the record was last saved; part of GitLab's cache keys.
    pub updated_at: Moment,
}

/// What a caller may do in a project, as far as reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Not a member. A private project does not exist for them.
    None,
    /// A guest: no internal notes, no confidential issues of others, no merge
    /// requests of a private project.
    Guest,
    /// A reporter or more: sees everything.
    Member,
}

/// An access token and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Global id of the token.
    pub id: u64,
    /// Its label in the user's settings.
    pub name: String,
    /// Whose it is.
    pub user_id: UserId,
    /// `read_api`, `api`, `read_user`, or `granular`.
    pub scopes: Vec<String>,
    /// A revoked token answers 401.
    pub revoked: bool,
    /// From 00:00 UTC of this day (`YYYY-MM-DD`) the token answers 401.
    pub expires_at: Option<String>,
    /// When it was made.
    pub created_at: Moment,
    /// Its level in every project that `projects` does not name.
    pub default_access: Access,
    /// Levels in single projects, by project id.
    pub projects: BTreeMap<u64, Access>,
}

impl Token {
    /// Its level in one project.
    pub fn access(&self, project_id: u64) -> Access {
        self.projects
            .get(&project_id)
            .copied()
            .unwrap_or(self.default_access)
    }

    /// Whether the token still works at `now`.
    pub fn expired(&self, now: Moment) -> bool {
        self.expires_at
            .as_deref()
            .and_then(Moment::parse)
            .is_some_and(|end| now >= end)
    }
}
