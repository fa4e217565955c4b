//! Whole behaviours, through real HTTP and a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod absence;
mod checker;
mod clients;
mod corpus;
mod crowd;
mod economy;
mod embedding_server;
mod equality;
mod faults;
mod full_disk;
mod gitlab_client;
mod init;
mod installations;
mod items;
mod killed;
mod mcp;
mod refusals;
mod self_managed;
mod settling;
mod support;
mod surgical;
mod sweep;
mod walks;
