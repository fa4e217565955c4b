//! The client for GitLab's REST API v4 and the little of its GraphQL API that
//! has no REST counterpart.
//!
//! It knows nothing of the database, of jobs or of syncs: it asks, waits,
//! retries and reads, and hands typed answers up. Every request of one host
//! passes through one [`throttle`], every wait in here ends when the caller's
//! token fires, and a deadline bounds all of it.

mod acceptance;
mod answer;
mod api;
mod call;
mod client;
mod error;
mod git_diff;
mod host;
pub mod models;
mod paging;
mod retry;
mod throttle;
mod tls;
mod transport;
pub mod urls;

pub use acceptance::Refusal;
pub use api::{Counted, DiffSet, ProjectRef, StatusOutcome, StatusPage};
pub use call::{
    BrokenItem, Call, Collected, Fetched, Lane, ListOrder, ListParams, ListView, MAX_PER_PAGE,
    NextPage, Page, PageRequest,
};
pub use client::Client;
pub use error::{Failure, GitLabError, MissingKind, RequestLabel};
pub use host::{HostConfig, Token};
pub use models::{Iid, Noteable, ProjectId};
pub use throttle::{AnswerCounts, Budget, WaitReason, Waiting};

#[cfg(test)]
mod tests;
