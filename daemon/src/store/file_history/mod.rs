//! What `mr_file_changes` and the positions of diff notes know of a file.
//!
//! Names go in as one JSON array, so that one prepared statement serves a
//! chain of any length. A path is found through two indexes: the one on
//! `new_path`, and the one on `old_path` of the entries that have two paths,
//! whose condition `old_path <> new_path` has to stand in the statement.

mod review;
mod touches;

pub use review::{Note, Thread, notes, threads};
pub use touches::{
    MergeRequest, Rename, Touch, changes, each_known_path, earlier_names, is_known, later_names,
    merge_request, possibly_missing, touching,
};

#[cfg(test)]
mod tests;
