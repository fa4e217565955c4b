//! Texts to vectors, and the nearest of many vectors.
//!
//! A [`Provider`] turns texts into [`Vector`]s: the built-in model, which
//! needs nothing and sends nothing anywhere, or a service that the config
//! names. A [`Matrix`] holds the vectors that are searched. Neither knows of
//! SQLite: other rooms feed texts in and keep what comes out.

pub mod builtin;
mod error;
pub mod matrix;
mod open;
mod provider;
mod remote;
#[cfg(test)]
pub(crate) mod testing;
mod vector;

pub use builtin::Builtin;
pub use error::{EmbedError, InputError};
pub use matrix::{Hit, Matrix, MatrixError};
pub use open::open;
pub use provider::{EmbedInput, Embedded, ModelIdentity, Provider, Purpose};
pub use remote::{ApiKey, RemoteSettings};
pub use vector::Vector;
