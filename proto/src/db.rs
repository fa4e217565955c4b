//! `db.backup`, `db.check`, `db.rebuild`: care for the database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `db.backup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Where the copy goes: an absolute path, since the daemon has another
    /// current folder than whoever asks.
    pub file: String,
    /// Replace a file that is there already.
    #[serde(default)]
    pub force: bool,
}

/// Parameters of `db.check`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Only what can be told without reading every index entry.
    #[serde(default)]
    pub quick: bool,
}

/// The answer of `db.backup` and `db.check`: the job that does it. Its result
/// is a [`BackupDone`] or a [`CheckDone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DbStarted {
    /// The job to follow.
    pub job_id: u64,
    /// True where an identical request was already queued or running.
    pub joined: bool,
    /// The number of this request among those that the job is done for, for
    /// `jobs.cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<u64>,
}

/// The result of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupDone {
    /// The copy.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The version of its schema.
    pub schema_version: u32,
}

/// The result of a check. A check that finds something fails with
/// `DATABASE_CORRUPT`, and has this as the error's details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckDone {
    /// The file that was checked.
    pub database: String,
    /// What was run, in order: `quick_check`, `integrity_check`,
    /// `foreign_key_check`.
    pub checks: Vec<String>,
    /// What is wrong, in SQLite's words; empty where nothing is. The first
    /// twenty of each check.
    pub problems: Vec<String>,
}

/// The answer of `db.rebuild`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rebuilt {
    /// Where the database from before is now; absent where there was none.
    pub moved_to: Option<String>,
    /// How much of the disk it takes, with its log.
    pub moved_bytes: u64,
    /// The full sync that was queued; absent where no project is configured.
    pub job_id: Option<u64>,
    /// Its runs, one a project.
    pub run_ids: Vec<String>,
}
