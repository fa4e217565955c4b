//! SQLite: the file, its schema and every statement that lore sends to it.

mod database;
mod error;
pub mod migrations;

pub use database::Database;
pub use error::StoreError;
