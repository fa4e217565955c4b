//! The simulator against what is known of GitLab, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test ends where its helper fails")]

mod access;
mod changes;
mod endpoints;
mod faults;
mod generated;
mod graphql;
mod paging;
mod payloads;
mod sources;
mod support;
