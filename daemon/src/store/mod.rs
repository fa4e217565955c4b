//! SQLite: the file, its schema and every statement that lore sends to it.

pub mod aside;
pub mod backup;
pub mod check;
mod convert;
pub mod cursors;
mod database;
pub mod dirty;
pub mod discussions;
pub mod document_rows;
pub mod documents;
pub mod embeddings;
mod error;
pub mod file_changes;
pub mod file_history;
pub mod issues;
pub mod item_details;
pub mod item_lists;
pub mod items;
pub mod labels;
pub mod merge_requests;
pub mod migrations;
pub mod people;
pub mod projects;
pub mod queue;
pub mod rechecks;
pub mod resource_events;
pub mod runs;
pub mod search_filter;
pub mod search_hits;
pub mod search_index;
mod source;
pub mod status;

pub use database::Database;
pub use documents::{DocumentId, Source, SourceKind};
pub use error::StoreError;
pub use source::{SourceType, Stage, Stages};
