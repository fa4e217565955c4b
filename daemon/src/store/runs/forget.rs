//! What bounds the ledger: a timer every five minutes makes a hundred thousand
//! rows a year for each project.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use crate::store::StoreError;
use crate::store::convert::millis;

/// How long the ledger keeps runs of the timer. What somebody asked for stays.
pub const KEEP_TIMED: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Rows that one call deletes at most; more are made than this deletes in no
/// ledger, since every new run calls it.
const AT_ONCE: u32 = 50;

/// Drops runs of the timer that ended longer than [`KEEP_TIMED`] ago, the
/// oldest first, with their items.
pub(super) fn old_timed(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    let before = now.checked_sub(KEEP_TIMED).unwrap_or(Timestamp::MIN);
    tx.prepare_cached(
        "DELETE FROM sync_runs WHERE run_id IN (
             SELECT run_id FROM sync_runs INDEXED BY idx_sync_runs_timed
             WHERE started_at < ?1 AND trigger = 'timer' AND status <> 'running'
             ORDER BY started_at, run_id LIMIT ?2)",
    )?
    .execute(params![millis(before), AT_ONCE])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use lore_proto::sync::{Requested, RunMode};
    use serde_json::json;

    use super::*;
    use crate::store::Database;
    use crate::store::runs::{NewRun, Trigger, record};

    fn run(run_id: &str, trigger: Trigger) -> NewRun {
        NewRun {
            run_id: run_id.to_owned(),
            mode: RunMode::Standard,
            project_id: None,
            host: "h".to_owned(),
            project: "g/p".to_owned(),
            trigger,
            options: json!({}),
            requested: Requested::default(),
            retry_of: None,
        }
    }

    #[tokio::test]
    async fn old_runs_of_the_timer_are_forgotten_and_those_of_people_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&folder.path().join("lore.db")).unwrap();
        let left = db
            .write(|tx| -> Result<Vec<String>, StoreError> {
                let now = Timestamp::UNIX_EPOCH + KEEP_TIMED * 2;
                let old = now - KEEP_TIMED - SignedDuration::from_secs(1);
                for (id, trigger, at) in [
                    ("old-timed", Trigger::Timer, old),
                    ("old-running", Trigger::Timer, old),
                    ("old-asked", Trigger::Request, old),
                    ("kept", Trigger::Timer, now - KEEP_TIMED),
                ] {
                    record::insert(tx, &run(id, trigger), at)?;
                    if id != "old-running" {
                        tx.execute(
                            "UPDATE sync_runs SET status = 'succeeded' WHERE run_id = ?1",
                            [id],
                        )?;
                    }
                }
                record::insert(tx, &run("new", Trigger::Timer), now)?;
                let mut ids = tx.prepare("SELECT run_id FROM sync_runs ORDER BY run_id")?;
                let ids = ids.query_map([], |row| row.get(0))?;
                Ok(ids.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap();
        assert_eq!(left, ["kept", "new", "old-asked", "old-running"]);
    }
}
