//! The checker itself is able to fail.

use gitlab_sim::upstream::{ClosingLink, WorkItemStatus};
use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use lore_e2e::{COMPARED_TABLES, Mirror, MirrorBuilder, broken_invariants, not_compared};
use rusqlite::Connection;
use rusqlite::types::Value;

/// Tables that are no content: the control plane and what tells it apart.
const CONTROL_PLANE: &[&str] = &[
    "dependent_fetches",
    "host_features",
    "pending_dependent_fetches",
    "project_paths",
    "rechecks",
    "sync_cursors",
    "sync_run_entities",
    "sync_runs",
];

async fn small_mirror() -> Mirror {
    let config = GeneratorConfig {
        seed: 5,
        issues: 40,
        merge_requests: 60,
        huge_merge_requests: 0,
        ..GeneratorConfig::default()
    };
    let sim = SimulatorBuilder::new()
        .generate(&config)
        .upstream(|upstream| {
            let (id, project) = upstream.projects.iter_mut().next().unwrap();
            assert!(!project.issues.is_empty(), "project {id}");
            // What the generator leaves out.
            for merge_request in project.merge_requests.values_mut() {
                merge_request.common.assignee_ids = vec![merge_request.common.author_id];
            }
        });
    let mirror = MirrorBuilder::new(sim).start();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
    mirror
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

fn content_tables(connection: &Connection) -> Vec<String> {
    names(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .into_iter()
    .filter(|name| !CONTROL_PLANE.contains(&name.as_str()))
    // Made from the mirror, not mirrored: search has tests of its own.
    .filter(|name| {
        ![
            "document",
            "embedding",
            "removed_embedding",
            "dirty_",
            "project_counts",
        ]
        .iter()
        .any(|made| name.starts_with(made))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_any_column_of_any_content_table_shows() {
    let mirror = small_mirror().await;
    let checker = mirror.checker();
    let mut connection = Connection::open(mirror.path()).unwrap();
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    let mut unnoticed = Vec::new();
    for table in content_tables(&connection) {
        let columns = names(
            &connection,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        );
        for column in columns {
            if not_compared(&table, &column).is_some() {
                continue;
            }
            let tx = connection.transaction().unwrap();
            // A row that has a value there, if any has.
            let one =
                format!("SELECT {column} FROM {table} ORDER BY {column} IS NULL, random() LIMIT 1");
            let before: Value = tx.query_row(&one, [], |row| row.get(0)).unwrap();
            let after = match &before {
                Value::Null => Value::Text("7".to_owned()),
                Value::Integer(number) => Value::Integer(number + 1_000_003),
                Value::Real(number) => Value::Real(number + 0.5),
                Value::Text(text) => Value::Text(format!("{text}x")),
                Value::Blob(_) => Value::Null,
            };
            let changed = tx.execute(
                &format!("UPDATE OR REPLACE {table} SET {column} = ?1 WHERE {column} IS ?2"),
                rusqlite::params![after, before],
            );
            match changed {
                Ok(_) => {
                    if checker.compare(&tx).is_empty() {
                        unnoticed.push(format!("{table}.{column} from {before:?} to {after:?}"));
                    }
                }
                // A rule of the schema forbids it.
                Err(rusqlite::Error::SqliteFailure(..)) => {}
                Err(error) => panic!("{table}.{column}: {error}"),
            }
            tx.rollback().unwrap();
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_missing_from_any_content_table_shows() {
    let mirror = small_mirror().await;
    let checker = mirror.checker();
    let mut connection = Connection::open(mirror.path()).unwrap();
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    for (table, _) in COMPARED_TABLES {
        let tx = connection.transaction().unwrap();
        let key = names(
            &tx,
            &format!("SELECT name FROM pragma_table_info('{table}') WHERE pk = 1"),
        );
        let gone = tx
            .execute(
                &format!(
                    "DELETE FROM {table} WHERE {0} = (SELECT {0} FROM {table} LIMIT 1)",
                    key[0]
                ),
                [],
            )
            .unwrap();
        assert!(gone > 0, "{table} is empty: nothing of it was compared");
        assert!(!checker.compare(&tx).is_empty(), "a row of {table}");
        tx.rollback().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_upstream_alone_has_shows() {
    let mirror = small_mirror().await;
    let project = mirror.projects[0];
    // Plain writes, as if GitLab had told nobody.
    mirror.change(|upstream| {
        let project = upstream.project_mut(project).unwrap();
        let issue = project.issues.values_mut().next().unwrap();
        issue.common.title.push('!');
        let merge_request = project.merge_requests.values_mut().next().unwrap();
        merge_request.closes.push(ClosingLink::External {
            id: "X-1".to_owned(),
            title: "elsewhere".to_owned(),
        });
        issue.status = Some(WorkItemStatus::done());
    });
    let found = mirror.differences();
    let title = |difference: &str| difference.contains("issue") && difference.contains("title is");
    assert!(found.iter().any(title), "{found}");
    assert!(
        found.iter().any(|it| it.contains("mr_closes_issues")),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_not_counted_rightly_shows() {
    let mirror = small_mirror().await;
    let connection = Connection::open(mirror.path()).unwrap();
    assert!(broken_invariants(&connection).is_empty());
    for column in ["issues", "merge_requests", "notes", "documents"] {
        let sql = format!("UPDATE project_counts SET {column} = {column} + 1");
        connection.execute(&sql, []).unwrap();
        assert!(!broken_invariants(&connection).is_empty(), "{column}");
        let sql = format!("UPDATE project_counts SET {column} = {column} - 1");
        connection.execute(&sql, []).unwrap();
    }
    connection
        .execute("DELETE FROM project_counts", [])
        .unwrap();
    assert!(!broken_invariants(&connection).is_empty());
}
