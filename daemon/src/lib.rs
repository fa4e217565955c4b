//! `lored`: mirrors GitLab projects into SQLite, keeps the mirror current and
//! answers over a local socket. The binary is a thin shell around this
//! library, so that tests can hold a daemon in-process.

pub mod clock;
pub mod config;
pub mod events;
pub mod gitlab;
pub mod ingest;
pub mod jobs;
pub mod query;
pub mod store;
pub mod sync;
