//! `lore` as a process, against a socket that speaks the protocol.
//!
//! What a daemon does is scripted here, so that each odd answer can be given
//! on purpose; the real `lored` is met in the end-to-end tests.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

mod answers;
mod autostart;
mod checkout;
mod completions;
mod every_command;
mod fake;
mod init;
mod items;
mod mcp;
mod process;
mod reading;
mod robot;
mod screens;
mod service;
mod sync;
mod terminal;
mod upkeep;
mod watch;
