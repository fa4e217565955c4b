//! Which of the times that were planned have come.
//!
//! They are planned by this machine's clock, which may be set back. A time
//! that lies further ahead than anything is ever planned was planned by a
//! clock that was wrong, and waiting for it could take years: it has come.

use std::time::Duration;

use jiff::Timestamp;

use super::convert::millis;

/// Nothing is planned further ahead than this.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The end, in epoch milliseconds, of the times that are still to come at
/// `now`: what is due lies not after `now`, or after this.
pub(super) fn horizon(now: Timestamp) -> i64 {
    millis(now.saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::SignedDuration;
    use rusqlite::Connection;

    use super::*;
    use crate::store::{Database, SourceType, Stages};
    use crate::store::{dirty, embeddings, items, queue, rechecks};

    /// What of the one thing that is planned in each table is due at `now`.
    fn due(connection: &Connection, now: Timestamp) -> [usize; 5] {
        let owed = queue::Due {
            by: Some(now),
            stages: Stages::dependents_of(SourceType::Issue),
        };
        let none = HashSet::<(SourceType, i64)>::new();
        [
            queue::due(connection, 1, owed, 9, &none).unwrap().len(),
            dirty::due(connection, 1, now, 9).unwrap().len(),
            rechecks::due(connection, 1, now).unwrap().len(),
            items::stalest(connection, SourceType::Issue, 1, now, 9)
                .unwrap()
                .len(),
            embeddings::due(connection, 1, 1, now, 9).unwrap().len(),
        ]
    }

    #[tokio::test]
    async fn what_a_clock_planned_that_was_set_back_since_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&folder.path().join("lore.db")).unwrap();
        let planned: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        db.write(move |tx| {
            tx.execute_batch(&format!(
                "INSERT INTO projects (id, host, gitlab_id, path_with_namespace, name, last_seen_at)
                 VALUES (1, 'h', 1, 'g/p', 'p', 0);
                 INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, updated_at)
                 VALUES (1, 1, 1, 1, 't', 'opened', 0), (2, 1, 2, 2, 't', 'opened', 0);
                 INSERT INTO dependent_fetches (source_type, source_id, stage, fetched_at)
                 VALUES ('issue', 1, 'discussions', {at});
                 INSERT INTO pending_dependent_fetches
                     (source_type, source_id, project_id, discussions, queued_at, next_attempt_at)
                 VALUES ('issue', 1, 1, 1, 0, {at});
                 INSERT INTO rechecks (project_id, source_type, iid, reason, due_at, queued_at)
                 VALUES (1, 'issue', 1, 'missing', {at}, 0);
                 INSERT INTO documents (id, project_id, source_type, source_id, issue_id,
                     confidential, content_hash, title, body, labels, people, refs)
                 VALUES (1, 1, 'issue', 1, 1, 0, x'00', '', '', '', '', '');
                 INSERT INTO embedding_models VALUES (1, 'm', 'p', 'm', 1);
                 INSERT INTO embedding_failures VALUES (1, 1, 1, {at}, '');
                 DELETE FROM dirty_sources;
                 INSERT INTO dirty_sources
                     (source_type, source_id, project_id, queued_at, generation, next_attempt_at)
                 VALUES ('issue', 1, 1, 0, 1, {at});",
                at = millis(planned)
            ))?;
            let hour = SignedDuration::from_hours(1);
            // Fetched a moment ago is not fetched longest ago.
            assert_eq!(due(tx, planned - hour), [0, 0, 0, 1, 0]);
            assert_eq!(due(tx, planned + hour), [1, 1, 1, 1, 1]);
            let set_back = planned - hour * 24 * 365;
            assert_eq!(due(tx, set_back), [1, 1, 1, 1, 1]);
            let next = |now| rechecks::next_due(tx, 1, now).unwrap();
            assert_eq!(next(planned - hour), Some(planned));
            assert!(next(set_back).is_some_and(|at| at <= set_back));
            // It is looked at before what was fetched in the past.
            tx.execute_batch(
                "INSERT INTO dependent_fetches VALUES ('issue', 2, 'discussions', 0)",
            )?;
            let first = items::stalest(tx, SourceType::Issue, 1, set_back, 1).unwrap();
            assert_eq!(first, [1]);
            let both = items::stalest(tx, SourceType::Issue, 1, set_back, 2).unwrap();
            assert_eq!(both, [1, 2]);
            Ok::<_, crate::store::StoreError>(())
        })
        .await
        .unwrap();
    }
}
