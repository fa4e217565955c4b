//! What the tools take. The comments are what an agent reads.

#![allow(clippy::doc_markdown)] // They are plain text there.

use lore_proto::Timestamp;
use lore_proto::issues::IssueState;
use lore_proto::items::ItemSort;
use lore_proto::merge_requests::MergeRequestState;
use lore_proto::search::{SearchMode, SearchType};
use lore_proto::sync::{RunMode, RunStatus};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fit::{Budget, Page};
use crate::failure::Failure;
use crate::output::time;

/// Bytes of a tool's result where nothing else is asked for.
const MAX_BYTES: u32 = 16_000;

/// What every tool may be told.
pub(super) trait Bounded {
    /// Bytes that the result may have.
    fn budget(&self) -> Result<Budget, Failure>;
}

/// What every paged tool may be told.
pub(super) trait Paged: Bounded {
    /// Which page is asked for.
    fn page(&self) -> Page;
}

macro_rules! arguments {
    ($( $(#[$meta:meta])* $name:ident $kind:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* } )+) => { $(
        arguments!(@$kind $(#[$meta])* $name { $( $(#[$field_meta])* pub(super) $field: $type, )* });
        impl Bounded for $name {
            fn budget(&self) -> Result<Budget, Failure> {
                budget(self.max_bytes)
            }
        }
    )+ };
    (@plain $(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($fields)*
            /// Bytes of the whole result, 4000 to 200000; default 16000
            #[schemars(range(min = 4_000, max = 200_000))]
            pub(super) max_bytes: Option<u32>,
        }
    };
    (@of_project $(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        arguments!(@plain $(#[$meta])* $name {
            $($fields)*
            /// Full path of the project or an unambiguous end of it; leave out
            /// inside a checkout of it, or where one project is mirrored
            pub(super) project: Option<String>,
            /// GitLab host, only where a project path exists on several
            pub(super) host: Option<String>,
        });
    };
    (@paged $(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        arguments!(@of_project $(#[$meta])* $name {
            $($fields)*
            /// At most so many; fewer where max_bytes is reached
            #[schemars(range(min = 1, max = 100))]
            pub(super) limit: Option<u32>,
            /// data.next_cursor of the page before, with the same arguments
            pub(super) cursor: Option<String>,
        });
        impl Paged for $name {
            fn page(&self) -> Page {
                Page { limit: self.limit, goes_on: self.cursor.is_some() }
            }
        }
    };
}

arguments! {
    FileHistory paged {
        /// The file, from the repository's root, such as src/main.rs
        path: String,
        /// Add the review threads on the file
        #[serde(default)]
        discussions: bool,
        /// Only merged merge requests
        #[serde(default)]
        merged: bool,
        /// Only this very path, not the earlier and later names of the file
        #[serde(default)]
        no_follow_renames: bool,
    }
    Search paged {
        /// Words, "phrases", prefix*, -exclusions, and filters author: label:
        /// state: type: path:
        #[serde(default)]
        query: String,
        /// Instead of a query: the nearest to this item: #12, !12, group/p!12 or its
        /// web address
        like: Option<String>,
        /// By words and meaning (hybrid, the default), words (lexical) or meaning
        /// (semantic)
        mode: Option<SearchMode>,
        /// Only text of these kinds
        #[serde(default)]
        types: Vec<SearchType>,
        /// Only what this user name wrote
        author: Option<String>,
        /// Only items with all of these labels
        #[serde(default)]
        labels: Vec<String>,
        /// opened, closed, merged or locked
        state: Option<String>,
        /// Only merge requests that touch this file or folder, and threads on it
        path: Option<String>,
        /// Only items changed since: 2d, 1w, 2026-01-31, or RFC 3339
        since: Option<String>,
        /// Leave out confidential issues and internal threads
        #[serde(default)]
        no_confidential: bool,
        /// Among hits that fit about as well, those first that changed last
        #[serde(default)]
        recent: bool,
    }
    GetIssue paged {
        /// 123, #123, group/project#123, or the web address
        #[serde(deserialize_with = "reference")]
        reference: String,
        /// Characters of the description and of each note; default 1000
        #[schemars(range(min = 1, max = 1_000_000))]
        body_chars: Option<u32>,
    }
    GetMergeRequest paged {
        /// 123, !123, group/project!123, or the web address
        #[serde(deserialize_with = "reference")]
        reference: String,
        /// Only threads that are not resolved
        #[serde(default)]
        unresolved: bool,
        /// Only threads on this file
        file: Option<String>,
        /// Characters of the description and of each note; default 1000
        #[schemars(range(min = 1, max = 1_000_000))]
        body_chars: Option<u32>,
    }
    ListIssues paged {
        /// Default: opened
        state: Option<IssueState>,
        /// User name of the author
        author: Option<String>,
        /// User name of an assignee, none, or any
        assignee: Option<String>,
        /// All of these labels; none or any, alone
        #[serde(default)]
        labels: Vec<String>,
        /// Title of the milestone, none, or any
        milestone: Option<String>,
        /// Changed since: 2d, 1w, 2026-01-31, or RFC 3339
        since: Option<String>,
        /// Words that title and description have; the tool search finds more
        search: Option<String>,
        /// By last change (updated, the default) or opening (created), newest first
        sort: Option<ItemSort>,
        /// The oldest first
        #[serde(default)]
        reverse: bool,
    }
    ListMergeRequests paged {
        /// Default: opened
        state: Option<MergeRequestState>,
        /// User name of the author
        author: Option<String>,
        /// User name of an assignee, none, or any
        assignee: Option<String>,
        /// User name of a reviewer, none, or any
        reviewer: Option<String>,
        /// All of these labels; none or any, alone
        #[serde(default)]
        labels: Vec<String>,
        /// Title of the milestone, none, or any
        milestone: Option<String>,
        /// Changed since: 2d, 1w, 2026-01-31, or RFC 3339
        since: Option<String>,
        /// Words that title and description have; the tool search finds more
        search: Option<String>,
        /// Only drafts (true) or none of them (false)
        draft: Option<bool>,
        /// Only those with unresolved threads
        #[serde(default)]
        unresolved: bool,
        /// The branch it comes from
        source_branch: Option<String>,
        /// The branch it goes to
        target_branch: Option<String>,
        /// By last change (updated, the default) or opening (created), newest first
        sort: Option<ItemSort>,
        /// The oldest first
        #[serde(default)]
        reverse: bool,
    }
    Sync of_project {
        /// Exactly these issues, by number
        #[serde(default)]
        issues: Vec<u64>,
        /// Exactly these merge requests, by number
        #[serde(default)]
        merge_requests: Vec<u64>,
        /// Exactly the items of these web addresses, or group/project!12
        #[serde(default)]
        urls: Vec<String>,
        /// false: start it and return run ids at once; ask sync_runs for the end.
        /// Default true
        wait: Option<bool>,
    }
    SyncRuns paged {
        /// This run alone, with its items
        run_id: Option<String>,
        /// Only runs in one of these states
        #[serde(default)]
        states: Vec<RunStatus>,
        /// Only runs of this kind
        mode: Option<RunMode>,
    }
    Status plain {
    }
}

/// Reads the arguments of a tool.
///
/// # Errors
/// `USAGE`, naming the argument that is unknown, missing or of another type.
pub(super) fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        // A missing or an unknown argument is named by the cause itself.
        let message = if path == "." {
            format!("the arguments do not fit: {cause}")
        } else {
            format!("the argument `{path}` does not fit: {cause}")
        };
        Failure::usage(super::fit::shorten(&message, 600))
    })
}

/// The instant that an argument means.
pub(super) fn instant(since: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = since else {
        return Ok(None);
    };
    time::since(text, now).map(Some).ok_or_else(|| {
        Failure::usage(
            "the argument `since` takes an age such as 30m, 12h, 2d or 1w, a date such as \
             2026-01-31, or a time such as 2026-01-31T12:00:00Z",
        )
    })
}

fn budget(max_bytes: Option<u32>) -> Result<Budget, Failure> {
    match max_bytes {
        None => Ok(Budget::of_result(MAX_BYTES)),
        Some(bytes @ 4_000..=200_000) => Ok(Budget::of_result(bytes)),
        Some(_) => Err(Failure::usage(
            "the argument `max_bytes` takes 4000 to 200000",
        )),
    }
}

/// What a resource may have.
pub(super) fn resource_budget() -> Budget {
    Budget::of_resource(MAX_BYTES)
}

/// Agents give a bare number as a number, too.
fn reference<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a string such as 123, #123 or a web address"
    )]
    enum Given {
        Text(String),
        Number(u64),
    }
    Given::deserialize(deserializer).map(|given| match given {
        Given::Text(text) => text,
        Given::Number(number) => number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(arguments: Value) -> String {
        super::super::error::wire(read::<T>(arguments).unwrap_err()).message
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let said = refused::<GetIssue>(json!({"reference": "1", "projct": "a"}));
        assert!(
            said.contains("`projct`") && said.contains("`project`"),
            "{said}"
        );
        let said = refused::<GetIssue>(json!({}));
        assert!(said.contains("`reference`"), "{said}");
        let said = refused::<GetIssue>(json!({"reference": "1", "limit": "many"}));
        assert!(said.contains("`limit`") && said.contains("many"), "{said}");
        let said = refused::<Sync>(json!({"issues": [1, -2]}));
        assert!(said.contains("`issues[1]`"), "{said}");
        let said = refused::<ListIssues>(json!({"state": "merged"}));
        assert!(
            said.contains("`state`") && said.contains("opened"),
            "{said}"
        );
    }

    #[test]
    fn a_reference_may_be_a_number() {
        let read = |value| {
            read::<GetIssue>(json!({"reference": value}))
                .unwrap()
                .reference
        };
        assert_eq!(read(json!(12)), "12");
        assert_eq!(read(json!("#12")), "#12");
    }

    #[test]
    fn a_budget_outside_the_range_is_refused() {
        assert!(budget(Some(3_999)).is_err());
        assert!(budget(Some(200_001)).is_err());
        assert!(budget(Some(4_000)).is_ok());
    }
}
