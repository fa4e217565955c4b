//! `lored`: mirrors GitLab projects into SQLite, keeps the mirror current and
//! answers over a local socket. The binary is a thin shell around this
//! library, so that tests can hold a daemon in-process.

pub mod auth;
pub mod clock;
pub mod config;
mod connections;
pub mod credentials;
pub mod daemon;
pub mod doctor;
pub mod documents;
pub mod embedding;
pub mod events;
mod files;
pub mod gitlab;
pub mod hosts;
pub mod ingest;
pub mod jobs;
pub mod life;
pub mod logging;
pub mod projects;
pub mod query;
pub mod server;
pub mod service;
pub mod setup;
pub mod store;
pub mod sync;
