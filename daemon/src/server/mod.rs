//! The socket and what is answered on it: JSON-RPC 2.0 for this user alone.
//!
//! [`Listener`] accepts clients, [`connection`] serves one of them in a
//! [`framing`], the dispatcher turns a message into a reply by the method
//! table that [`register()`] fills with the handlers.

pub mod connection;
mod dispatch;
mod errors;
pub mod framing;
pub(crate) mod handlers;
mod limits;
mod listener;
mod message;
mod owner;
mod register;
mod subscribe;
#[cfg(test)]
pub(crate) mod testing;

use lore_proto::{ErrorCode, WireError};

pub use limits::Limits;
pub use listener::Listener;
pub use owner::{OwnerError, OwnerLock, private_folder};
pub use register::register;
pub use subscribe::register_jobs;

/// What is answered to what cannot be done any more.
fn stopping() -> WireError {
    WireError::new(
        ErrorCode::DaemonUnavailable,
        "lored is stopping; ask again once it runs",
    )
    .action("lore daemon start")
}
