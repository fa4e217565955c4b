//! `lore`: asks the resident daemon and renders its answers.
//!
//! The rooms, from the top: [`app`] turns a command line into an exit status,
//! [`commands`] has one file for each command, [`link`] reaches the daemon (and
//! starts it), [`checkout`] reads git's files to tell which project and which
//! file are meant, [`output`] is the one place that writes to a terminal. The
//! client keeps no state, opens no database and never talks to GitLab; it uses
//! no threads and no async runtime, since it lives for a few milliseconds. The
//! two that stay start what they need for themselves: `lore watch` threads,
//! `lore mcp` both.
//!
//! It is a library so that what a package holds besides the program is made
//! from the program's own parser: [`parser`], [`completion_script`],
//! [`packaged_units`].

mod about;
mod app;
mod args;
mod browser;
mod checkout;
mod commands;
mod complete;
mod context;
mod correct;
mod failure;
mod fields;
mod globals;
mod interrupt;
mod keyboard;
mod link;
mod output;
mod service;

pub use app::main;
pub use args::parser;
pub use complete::{Shell, completion_script};
pub use service::packaged_units;
