//! `lored`: mirrors GitLab projects into SQLite, keeps the mirror current and
//! answers over a local socket. The binary is a thin shell around this
//! library, so that tests can hold a daemon in-process.

pub mod clock;
pub mod gitlab;
pub mod store;
pub mod sync;
