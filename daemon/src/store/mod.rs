//! SQLite: the file, its schema and every statement that lore sends to it.

mod convert;
mod database;
mod error;
pub mod migrations;
pub mod projects;
pub mod runs;

pub use database::Database;
pub use error::StoreError;
