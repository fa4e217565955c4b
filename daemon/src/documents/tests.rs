//! Documents through a real database.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::*;
use crate::query::fixture::{Mirror, at};

/// Two issues and a merge request, each with a thread.
const ITEMS: &str = "
    INSERT INTO users (id, host, gitlab_id, username, name)
        VALUES (1, 'gitlab.example.com', 1, 'ada', 'Ada Lovelace'), (2, 'gitlab.example.com', 2, 'bob', NULL);
    INSERT INTO labels (id, project_id, name) VALUES (1, 1, 'bug'), (2, 1, 'needs::triage');
    INSERT INTO issues (id, project_id, gitlab_id, iid, title, description, state, author_id, updated_at, reference)
        VALUES (1, 1, 11, 1, 'Cache  is cold', '**Always** in `warm_cache`', 'opened', 1, 0, 'group/project#1'),
               (2, 1, 12, 2, 'Other', NULL, 'closed', 2, 0, 'group/project#2');
    INSERT INTO issue_labels VALUES (1, 1);
    INSERT INTO merge_requests (id, project_id, gitlab_id, iid, title, description, state, author_id,
        source_branch, target_branch, updated_at, reference)
        VALUES (1, 1, 21, 1, 'Warm it', 'See #1', 'merged', 2, 'warm', 'main', 0, 'group/project!1');
    INSERT INTO discussions (id, project_id, issue_id, merge_request_id, gitlab_id, position, individual_note, content_hash)
        VALUES (1, 1, 1, NULL, 'a', 0, 0, 1), (2, 1, 1, NULL, 'b', 1, 1, 1), (3, 1, NULL, 1, 'c', 0, 0, 1);
    INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, body, author_id, system, internal)
        VALUES (1, 1, 1, 1, 0, 'Is it the disk?', 1, 0, 0), (2, 1, 1, 2, 1, '> Is it the disk?' || char(10, 10) || 'No.', 2, 0, 0),
               (3, 2, 1, 3, 0, 'changed the title', 1, 1, 0), (4, 3, 1, 4, 0, 'Why here?', 1, 0, 1);
    INSERT INTO note_positions (note_id, project_id, new_path, new_line) VALUES (4, 1, 'src/cache.rs', 12);
";

const ISSUE: Source = Source {
    kind: SourceKind::Issue,
    id: 1,
};
const OTHER: Source = Source {
    kind: SourceKind::Issue,
    id: 2,
};
const THREAD: Source = Source {
    kind: SourceKind::Discussion,
    id: 1,
};

async fn mirror() -> Mirror {
    let mirror = Mirror::new().await;
    mirror.sql(ITEMS).await;
    mirror
}

async fn write<T: Send + 'static>(
    mirror: &Mirror,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    mirror.db.write(work).await.unwrap()
}

async fn all(mirror: &Mirror) -> Regenerated {
    let now = mirror.now();
    let mut whole = Regenerated::default();
    while let Some(batch) = write(mirror, move |tx| regenerate_due(tx, 1, now, 2)).await {
        whole.documents.extend(batch.documents);
        whole.written += batch.written;
        whole.removed += batch.removed;
        whole.failed.extend(batch.failed);
        whole.looked_at += batch.looked_at;
    }
    whole
}

async fn marked(mirror: &Mirror) -> Vec<(String, i64)> {
    rows(
        mirror,
        "SELECT source_type, source_id FROM dirty_sources ORDER BY 1, 2",
    )
    .await
}

async fn rows(mirror: &Mirror, sql: &'static str) -> Vec<(String, i64)> {
    mirror
        .db
        .read(move |connection| -> Result<_, StoreError> {
            let found = connection
                .prepare(sql)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(found)
        })
        .await
        .unwrap()
}

async fn text(mirror: &Mirror, source: Source) -> Option<(String, String)> {
    mirror
        .db
        .read(move |connection: &Connection| -> Result<_, StoreError> {
            use rusqlite::OptionalExtension;
            Ok(connection
                .query_row(
                    "SELECT title, body FROM documents WHERE source_type = ?1 AND source_id = ?2",
                    params![source.kind, source.id],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?)
        })
        .await
        .unwrap()
}

async fn found(mirror: &Mirror, words: &'static str) -> Vec<i64> {
    mirror
        .db
        .read(move |connection| -> Result<_, StoreError> {
            let found = connection
                .prepare("SELECT rowid FROM documents_fts WHERE documents_fts MATCH ?1")?
                .query_map([words], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(found)
        })
        .await
        .unwrap()
}

async fn marking_of(mirror: &Mirror, source: Source) -> Marked {
    write(mirror, move |tx| dirty::marking(tx, source))
        .await
        .unwrap()
}

#[tokio::test]
async fn every_source_has_one_document_and_its_words_are_indexed() {
    let mirror = mirror().await;
    let done = all(&mirror).await;
    assert_eq!((done.written, done.looked_at), (5, 6));
    assert!(marked(&mirror).await.is_empty());
    let issue = ("Cache is cold".into(), "Always in warm_cache".into());
    assert_eq!(text(&mirror, ISSUE).await, Some(issue));
    let thread = (String::new(), "ada: Is it the disk?\n\nbob: No.".into());
    assert_eq!(text(&mirror, THREAD).await, Some(thread));
    assert_eq!(found(&mirror, "names : warmcache").await.len(), 1);
    assert_eq!(found(&mirror, "labels : bug").await.len(), 1);
    assert_eq!(found(&mirror, "\"src cach rs 12\"").await.len(), 1);
    assert_eq!(found(&mirror, "names : \"!1\"").await.len(), 1);
}

#[tokio::test]
async fn a_thread_of_system_notes_alone_has_no_document() {
    let mirror = mirror().await;
    all(&mirror).await;
    let system = Source {
        kind: SourceKind::Discussion,
        id: 2,
    };
    assert_eq!(text(&mirror, system).await, None);
}

#[tokio::test]
async fn confidential_issues_and_internal_threads_are_marked() {
    let mirror = mirror().await;
    mirror
        .sql("UPDATE issues SET confidential = 1 WHERE id = 2")
        .await;
    all(&mirror).await;
    let sql = "SELECT source_type, source_id FROM documents WHERE confidential ORDER BY 1, 2";
    let expected = [("discussion".to_owned(), 3), ("issue".to_owned(), 2)];
    assert_eq!(rows(&mirror, sql).await, expected);
}

#[tokio::test]
async fn unchanged_text_is_not_written_again() {
    let mirror = mirror().await;
    all(&mirror).await;
    mirror
        .sql("INSERT INTO mark_dirty VALUES ('issue', 1, 1), ('discussion', 1, 1)")
        .await;
    let done = all(&mirror).await;
    assert_eq!((done.documents.len(), done.written), (2, 0));
}

#[tokio::test]
async fn what_a_document_is_made_of_marks_exactly_its_source() {
    let mirror = mirror().await;
    for (change, expected) in [
        (
            "UPDATE issues SET title = 'x' WHERE id = 1",
            vec![("issue", 1)],
        ),
        (
            "UPDATE issues SET description = 'x' WHERE id = 2",
            vec![("issue", 2)],
        ),
        (
            "UPDATE issues SET state = 'closed', updated_at = 9 WHERE id = 1",
            vec![],
        ),
        (
            "UPDATE issues SET title = title, description = description",
            vec![],
        ),
        (
            "UPDATE discussions SET content_hash = 7 WHERE id = 3",
            vec![("discussion", 3)],
        ),
        ("UPDATE discussions SET position = 7 WHERE id = 3", vec![]),
        ("INSERT INTO issue_labels VALUES (2, 2)", vec![("issue", 2)]),
        (
            "UPDATE labels SET name = 'defect' WHERE id = 1",
            vec![("issue", 1)],
        ),
        ("DELETE FROM labels WHERE id = 1", vec![("issue", 1)]),
        (
            "UPDATE merge_requests SET source_branch = 'w' WHERE id = 1",
            vec![("merge_request", 1)],
        ),
        (
            "INSERT INTO merge_request_reviewers VALUES (1, 1)",
            vec![("merge_request", 1)],
        ),
        (
            "UPDATE users SET username = 'ada2' WHERE id = 1",
            vec![
                ("discussion", 1),
                ("discussion", 3),
                ("issue", 1),
                ("merge_request", 1),
            ],
        ),
    ] {
        all(&mirror).await;
        mirror.sql(change).await;
        let expected: Vec<(String, i64)> = expected
            .into_iter()
            .map(|(kind, id)| (kind.to_owned(), id))
            .collect();
        assert_eq!(marked(&mirror).await, expected, "{change}");
    }
}

#[tokio::test]
async fn a_deleted_source_takes_document_words_vectors_and_marking_with_it() {
    let mirror = mirror().await;
    all(&mirror).await;
    mirror
        .sql(
            "INSERT INTO embedding_models (id, identity, provider, model, dimension) VALUES (1, 'm', 'p', 'm', 1);
             INSERT INTO embeddings (project_id, document_id, model_id, piece, body_from, body_to, vector)
                 SELECT 1, id, 1, 0, 0, 0, x'01' FROM documents;
             INSERT INTO mark_dirty VALUES ('issue', 1, 1), ('discussion', 1, 1);
             DELETE FROM issues WHERE id = 1",
        )
        .await;
    assert_eq!(text(&mirror, ISSUE).await, None);
    assert_eq!(text(&mirror, THREAD).await, None);
    assert!(found(&mirror, "disk").await.is_empty());
    assert!(marked(&mirror).await.is_empty());
    assert_eq!(
        rows(&mirror, "SELECT 'left', count(*) FROM embeddings").await[0].1,
        3
    );
    assert_eq!(
        rows(&mirror, "SELECT 'gone', count(*) FROM removed_embeddings").await[0].1,
        2
    );
}

#[tokio::test]
async fn another_text_takes_its_vectors_and_another_label_does_not() {
    let mirror = mirror().await;
    all(&mirror).await;
    mirror
        .sql(
            "INSERT INTO embedding_models (id, identity, provider, model, dimension) VALUES (1, 'm', 'p', 'm', 1);
             UPDATE documents SET embedded_with = 1;
             INSERT INTO issue_labels VALUES (1, 2);
             UPDATE issues SET title = 'New' WHERE id = 2",
        )
        .await;
    all(&mirror).await;
    let sql = "SELECT source_type, source_id FROM documents WHERE embedded_with IS NULL";
    assert_eq!(rows(&mirror, sql).await, [("issue".to_owned(), 2)]);
    assert_eq!(found(&mirror, "labels : triag").await.len(), 1);
}

#[tokio::test]
async fn surgical_docs_scope_ignores_preexisting_dirty_rows() {
    let mirror = mirror().await;
    let mine = marking_of(&mirror, ISSUE).await;
    let now = mirror.now();
    let done = write(&mirror, move |tx| regenerate(tx, &[mine], now)).await;
    assert_eq!((done.documents.len(), done.written), (1, 1));
    assert_eq!(text(&mirror, OTHER).await, None);
    let left = marked(&mirror).await;
    assert_eq!(left.len(), 5);
    assert!(!left.contains(&("issue".to_owned(), 1)));
}

#[tokio::test]
async fn surgical_docs_scope_ignores_preexisting_dirty_rows_for_same_entity() {
    let mirror = mirror().await;
    let now = mirror.now();
    // An older marking counts as absorbed by a run that marked it again.
    mirror
        .sql("UPDATE issues SET title = 'Second' WHERE id = 1")
        .await;
    let mine = marking_of(&mirror, ISSUE).await;
    // One that another run makes meanwhile stays.
    mirror
        .sql("UPDATE issues SET title = 'Third' WHERE id = 1")
        .await;
    let theirs = marking_of(&mirror, ISSUE).await;
    write(&mirror, move |tx| regenerate(tx, &[mine], now)).await;
    assert_eq!(marking_of(&mirror, ISSUE).await, theirs);
    // Whoever made it takes it off.
    write(&mirror, move |tx| regenerate(tx, &[theirs], now)).await;
    assert!(!marked(&mirror).await.contains(&("issue".to_owned(), 1)));
}

#[tokio::test]
async fn a_marking_is_not_mistaken_for_one_that_was_taken_off_before() {
    let mirror = mirror().await;
    let first = marking_of(&mirror, ISSUE).await;
    all(&mirror).await;
    mirror
        .sql("UPDATE issues SET title = 'Again' WHERE id = 1")
        .await;
    let now = mirror.now();
    write(&mirror, move |tx| regenerate(tx, &[first], now)).await;
    assert!(marked(&mirror).await.contains(&("issue".to_owned(), 1)));
}

#[tokio::test]
async fn a_source_that_cannot_be_rendered_waits_longer_each_time_and_stops_no_other() {
    let mirror = mirror().await;
    // Text of another encoding, as a foreign tool might write it.
    mirror
        .sql("UPDATE issues SET title = CAST(x'ff' AS TEXT) WHERE id = 1")
        .await;
    let done = all(&mirror).await;
    assert_eq!(done.failed.len(), 1);
    assert_eq!(done.written, 4);
    let waits = |mirror: &Mirror| {
        let db = mirror.db.clone();
        async move {
            db.read(|connection| -> Result<i64, StoreError> {
                Ok(connection.query_row(
                    "SELECT next_attempt_at FROM dirty_sources WHERE source_id = 1",
                    [],
                    |row| row.get(0),
                )?)
            })
            .await
            .unwrap()
        }
    };
    let first = waits(&mirror).await;
    assert_eq!(first, at(1_001).as_millisecond());
    mirror
        .clock
        .set(Timestamp::from_millisecond(first).unwrap());
    assert_eq!(all(&mirror).await.failed.len(), 1);
    assert_eq!(waits(&mirror).await, first + 120_000);
}

#[tokio::test]
async fn a_mirror_of_the_first_schema_gets_documents_for_all_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lore.db");
    {
        let old = Connection::open(&path).unwrap();
        old.execute_batch(include_str!("../store/migrations/schema_1.sql"))
            .unwrap();
    }
    let db = crate::store::Database::open(&path).unwrap();
    let now = at(1_000);
    let done = db
        .write(move |tx| regenerate_due(tx, 1, now, 100))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(done.written, 4);
}
