//! The way to the daemon: the socket, the handshake, and starting `lored`
//! where none answers.

mod connection;
mod error;
mod launch;
mod lines;
mod probe;

pub(crate) use connection::{Connection, Notice, parse_result};
pub(crate) use error::CallError;
pub(crate) use launch::{find_lored, launch, owner, unheard, wait_until_gone};
pub(crate) use probe::{Probe, hello, means_absent, probe};
