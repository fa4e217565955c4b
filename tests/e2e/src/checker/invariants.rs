//! What holds of every mirror, whatever upstream is like.

use rusqlite::Connection;

use super::Differences;

/// Rows that none of these may find, with what it means if they do.
const NEVER: &[(&str, &str)] = &[
    (
        "SELECT \"table\" || ' row ' || rowid || ' names a ' || parent || ' that is not there'
         FROM pragma_foreign_key_check",
        "a foreign key is broken",
    ),
    (
        "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        "the file is damaged",
    ),
    (
        "SELECT source_type || ' ' || source_id FROM pending_dependent_fetches p
         WHERE (source_type = 'issue' AND NOT EXISTS (SELECT 1 FROM issues WHERE id = source_id))
            OR (source_type = 'merge_request'
                AND NOT EXISTS (SELECT 1 FROM merge_requests WHERE id = source_id))",
        "something is queued for an item that is not there",
    ),
    (
        "SELECT source_type || ' ' || source_id || ' ' || stage FROM dependent_fetches
         WHERE (source_type = 'issue' AND NOT EXISTS (SELECT 1 FROM issues WHERE id = source_id))
            OR (source_type = 'merge_request'
                AND NOT EXISTS (SELECT 1 FROM merge_requests WHERE id = source_id))",
        "a fetch is recorded of an item that is not there",
    ),
    (
        "SELECT run_id || ' in ' || phase FROM sync_runs
         WHERE status <> 'running' AND (completion_status IS NULL OR finished_at IS NULL)",
        "a run ended without saying how",
    ),
    (
        "SELECT path_with_namespace FROM projects p LEFT JOIN project_counts c ON c.project_id = p.id
         WHERE (c.issues, c.merge_requests, c.notes, c.documents) IS NOT (
             (SELECT count(*) FROM issues WHERE project_id = p.id),
             (SELECT count(*) FROM merge_requests WHERE project_id = p.id),
             (SELECT count(*) FROM notes WHERE project_id = p.id),
             (SELECT count(*) FROM documents WHERE project_id = p.id))",
        "a project is not counted rightly",
    ),
];

/// The same, of a mirror that no run works on and that owes nothing.
const NEVER_AT_REST: &[(&str, &str)] = &[
    (
        "SELECT run_id || ' in ' || phase FROM sync_runs WHERE status = 'running'",
        "a run is left running",
    ),
    (
        "SELECT source_type || ' ' || source_id || ': ' || coalesce(error_message, 'no error')
         FROM pending_dependent_fetches",
        "a fetch is owed still",
    ),
    (
        // A merge request whose diff GitLab never works out stays on the list.
        "SELECT source_type || ' ' || iid || ': ' || reason FROM rechecks
         WHERE reason <> 'unprepared'",
        "an item is to be looked at again",
    ),
    (
        "SELECT project_id || ' ' || source_type FROM sync_cursors
         WHERE NOT backfill_done OR walk_anchor IS NOT NULL",
        "a walk was left half-way",
    ),
];

pub(super) fn always(mirror: &Connection, found: &mut Differences) {
    for (sql, meaning) in NEVER {
        report(mirror, sql, meaning, found);
    }
}

pub(super) fn at_rest(mirror: &Connection, found: &mut Differences) {
    always(mirror, found);
    for (sql, meaning) in NEVER_AT_REST {
        report(mirror, sql, meaning, found);
    }
}

fn report(mirror: &Connection, sql: &str, meaning: &str, found: &mut Differences) {
    let rows = mirror.prepare(sql).and_then(|mut statement| {
        statement
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()
    });
    match rows {
        Ok(rows) => {
            for row in rows {
                found.add(format!("{meaning}: {row}"));
            }
        }
        Err(error) => found.add(format!("{meaning}? It cannot be told: {error}")),
    }
}
