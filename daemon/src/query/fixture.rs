//! A small mirror for tests, written without a GitLab.

use std::sync::Arc;

use jiff::Timestamp;
use lore_proto::file_history::ChangeType;
use lore_proto::project::ProjectInfo;
use rusqlite::params;

use crate::clock::{Clock, ManualClock};
use crate::store::{Database, StoreError};

pub(crate) const HOST: &str = "gitlab.example.com";
pub(crate) const PATH: &str = "group/project";

/// A database in a folder that goes with it, and a clock that stands still.
pub(crate) struct Mirror {
    pub(crate) db: Database,
    pub(crate) clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

/// A merge request to be written; times are minutes after the epoch.
#[derive(Debug, Clone)]
pub(crate) struct Mr {
    pub(crate) project: i64,
    pub(crate) iid: u64,
    pub(crate) state: &'static str,
    pub(crate) target: &'static str,
    pub(crate) merged: Option<i64>,
    pub(crate) updated: i64,
    pub(crate) complete: bool,
    pub(crate) changes: Vec<(String, String, ChangeType)>,
}

impl Mr {
    /// Merged at `minute`.
    pub(crate) fn merged(iid: u64, minute: i64) -> Self {
        Self {
            project: 1,
            iid,
            state: "merged",
            target: "main",
            merged: Some(minute),
            updated: minute,
            complete: true,
            changes: Vec::new(),
        }
    }

    /// In another state, last changed at `minute`.
    pub(crate) fn in_state(state: &'static str, iid: u64, minute: i64) -> Self {
        Self {
            state,
            merged: None,
            ..Self::merged(iid, minute)
        }
    }

    pub(crate) fn renames(mut self, from: &str, to: &str) -> Self {
        self.changes
            .push((from.into(), to.into(), ChangeType::Renamed));
        self
    }

    pub(crate) fn touches(mut self, path: &str, change: ChangeType) -> Self {
        self.changes.push((path.into(), path.into(), change));
        self
    }

    pub(crate) fn modifies(self, path: &str) -> Self {
        self.touches(path, ChangeType::Modified)
    }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// The project as the config names it.
pub(crate) fn project() -> ProjectInfo {
    ProjectInfo {
        host: HOST.into(),
        path: PATH.into(),
        id: None,
        web_url: None,
    }
}

impl Mirror {
    /// With no project yet.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            db: Database::open(&folder.path().join("lore.db")).unwrap(),
            clock: Arc::new(ManualClock::new(at(1_000))),
            _folder: folder,
        }
    }

    /// With [`project`] as number 1, synced at minute 900.
    pub(crate) async fn new() -> Self {
        let mirror = Self::empty();
        mirror.add_project(1, PATH).await;
        mirror
            .sql("UPDATE projects SET last_synced_at = 54000000")
            .await;
        mirror
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn add_project(&self, id: i64, path: &'static str) {
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO projects (id, host, gitlab_id, path_with_namespace, name, web_url,
                     last_seen_at)
                 VALUES (?1, ?2, ?1 + 70, ?3, ?3, 'https://' || ?2 || '/' || ?3, 0)",
                params![id, HOST, path],
            )?;
            tx.execute(
                "INSERT INTO project_paths (host, path, project_id) VALUES (?1, ?2, ?3)",
                params![HOST, path, id],
            )
        })
        .await;
    }

    pub(crate) async fn sql(&self, sql: impl Into<String>) {
        let sql = sql.into();
        self.write(move |tx| tx.execute_batch(&sql)).await;
    }

    pub(crate) async fn add(&self, merge_requests: impl IntoIterator<Item = Mr>) {
        let all: Vec<Mr> = merge_requests.into_iter().collect();
        self.write(move |tx| {
            for mr in &all {
                tx.execute(
                    "INSERT INTO merge_requests (project_id, gitlab_id, iid, title, state,
                         target_branch, updated_at, merged_at, changes_complete, web_url)
                     VALUES (?1, ?2 + 1000, ?2, 'Title ' || ?2, ?3, ?4, ?5, ?6, ?7,
                         'https://gitlab.example.com/group/project/-/merge_requests/' || ?2)",
                    params![
                        mr.project,
                        mr.iid,
                        mr.state,
                        mr.target,
                        mr.updated * 60_000,
                        mr.merged.map(|minute| minute * 60_000),
                        mr.complete
                    ],
                )?;
                let id = tx.last_insert_rowid();
                for (old, new, change) in &mr.changes {
                    tx.execute(
                        "INSERT INTO mr_file_changes (merge_request_id, project_id, old_path,
                             new_path, change_type) VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![id, mr.project, old, new, change.as_str()],
                    )?;
                }
            }
            Ok(())
        })
        .await;
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> T {
        self.db
            .write(move |tx| work(tx).map_err(StoreError::Sqlite))
            .await
            .unwrap()
    }

    /// SQLite's plan of a statement, a line a step.
    pub(crate) async fn plan(&self, sql: &str) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        self.db
            .read(move |connection| -> Result<_, StoreError> {
                let mut statement = connection.prepare(&sql)?;
                // What is bound does not change a plan; unbound is NULL.
                let steps = statement
                    .raw_query()
                    .mapped(|row| row.get(3))
                    .collect::<Result<_, _>>()?;
                Ok(steps)
            })
            .await
            .unwrap()
    }
}
