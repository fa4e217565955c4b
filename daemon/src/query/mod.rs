//! Answers from the mirror: read-only, from the store alone, each in one read
//! transaction. No lock, no network.

mod cursor;
pub mod file_history;
#[cfg(test)]
pub(crate) mod fixture;
pub mod items;
mod project;
pub mod runs;
pub mod search;
pub mod status;

use lore_proto::{ErrorCode, WireError};

/// The page size where none is asked for.
const DEFAULT_LIMIT: u32 = 20;
/// The largest page.
const MAX_LIMIT: u32 = 1_000;

/// The page size that was asked for, if it is allowed.
fn page_size(limit: Option<u32>) -> Result<u32, WireError> {
    match limit {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Some(limit) => Err(WireError::new(
            ErrorCode::Usage,
            format!("the limit is {limit}; it has to be from 1 to {MAX_LIMIT}"),
        )),
    }
}
