//! The socket and what is answered on it: JSON-RPC 2.0 for this user alone.
//!
//! [`Listener`] accepts clients. [`connection`] serves one of them in the
//! framing that its first byte tells: lines and `Content-Length` frames are
//! sessions right away, HTTP answers each POST by itself or becomes a session
//! of WebSocket messages. The dispatcher turns a message into a reply by the
//! method table that [`register()`] fills with the handlers; it is the same for
//! all of them.

pub mod connection;
mod dispatch;
mod errors;
mod framing;
mod gone;
pub(crate) mod handlers;
mod http;
mod listener;
mod message;
mod owner;
mod peer;
mod register;
mod session;
mod subscribe;
#[cfg(test)]
pub(crate) mod testing;
mod websocket;

use lore_proto::{ErrorCode, WireError};

pub use listener::Listener;
pub use owner::{OwnerError, OwnerLock, own_folder, private_folder};
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
