//! How much of a project is mirrored.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// How many rows a project has; triggers keep count, so that asking costs the
/// same however many they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Issues.
    pub issues: u64,
    /// Merge requests.
    pub merge_requests: u64,
    /// Notes, system notes included.
    pub notes: u64,
    /// Documents that can be searched.
    pub documents: u64,
}

/// How much is mirrored of `project`; nothing where there is no such project.
pub fn counts(connection: &Connection, project: i64) -> Result<Counts, StoreError> {
    let counts = connection
        .prepare_cached(
            "SELECT issues, merge_requests, notes, documents FROM project_counts
             WHERE project_id = ?1",
        )?
        .query_row([project], |row| {
            Ok(Counts {
                issues: row.get(0)?,
                merge_requests: row.get(1)?,
                notes: row.get(2)?,
                documents: row.get(3)?,
            })
        })
        .optional()?;
    Ok(counts.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::Mirror;

    #[tokio::test]
    async fn what_comes_is_counted_and_what_goes_is_not() {
        let mirror = Mirror::new().await;
        mirror.add_project(2, "group/other").await;
        let count = async |project| {
            let counts = mirror
                .db
                .read(move |connection| counts(connection, project));
            counts.await.unwrap()
        };
        mirror
            .sql(
                "INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, updated_at)
                 VALUES (1, 1, 1, 1, 't', 'opened', 0), (2, 1, 2, 2, 't', 'opened', 0), (3, 2, 3, 1, 't', 'opened', 0)
                 ON CONFLICT DO UPDATE SET title = 'u';
                 INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, updated_at)
                 VALUES (1, 1, 1, 1, 't', 'opened', 0) ON CONFLICT DO UPDATE SET title = 'u';
                 INSERT INTO merge_requests (id, project_id, gitlab_id, iid, title, state, updated_at)
                 VALUES (1, 1, 1, 1, 't', 'opened', 0);
                 INSERT INTO discussions (id, project_id, issue_id, gitlab_id, position, individual_note, content_hash)
                 VALUES (1, 1, 1, 'd', 0, 0, 0), (2, 1, 2, 'e', 0, 0, 0);
                 INSERT INTO notes (discussion_id, project_id, gitlab_id, position, body)
                 VALUES (1, 1, 1, 0, ''), (1, 1, 2, 1, ''), (2, 1, 3, 0, '')",
            )
            .await;
        let all = Counts {
            issues: 2,
            merge_requests: 1,
            notes: 3,
            documents: 0,
        };
        assert_eq!(count(1).await, all);
        // Its threads and their notes go with it.
        mirror.sql("DELETE FROM issues WHERE id = 1").await;
        let left = Counts {
            issues: 1,
            notes: 1,
            ..all
        };
        assert_eq!(count(1).await, left);
        mirror.sql("DELETE FROM projects WHERE id = 1").await;
        assert_eq!(count(1).await, Counts::default());
        assert_eq!(count(2).await.issues, 1);
    }
}
