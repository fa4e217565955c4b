//! Meaning beside words.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::embedding::testing::{Scripted, named};
use crate::embedding::{Builtin, Embedded, Vector};
use crate::store::DocumentId;
use crate::store::embeddings::{self, Piece};
use crate::store::search_filter::Filters;

#[allow(clippy::unnecessary_wraps)] // The type of every embedder.
fn near() -> Embedder {
    Ok(Some(Arc::new(Scripted {
        identity: || Ok(named("near")),
        embed: all_near,
    })))
}

/// Gives the query the vector of 0, so that a test decides what is near.
#[allow(clippy::unnecessary_wraps)] // The type of every embedder.
fn all_near(inputs: &[EmbedInput]) -> Result<Vec<Embedded>, EmbedError> {
    Ok(inputs.iter().map(|_| Ok(direction(0))).collect())
}

/// The nearer to that of 0, the smaller the number.
fn direction(number: u16) -> Vector {
    Vector::quantise(&[100.0, f32::from(number)]).unwrap()
}

/// Gives the documents of these sources these vectors.
async fn vectors(mirror: &Mirror, of: &[(&'static str, i64, u16)]) {
    let of = of.to_vec();
    mirror
        .db
        .write(move |tx| -> Result<(), StoreError> {
            let model = embeddings::model(tx, "openai/near/2", "openai", "near", 2)?;
            for (kind, id, number) in of {
                let document: DocumentId = tx.query_row(
                    "SELECT id FROM documents WHERE source_type = ?1 AND source_id = ?2",
                    rusqlite::params![kind, id],
                    |row| row.get(0),
                )?;
                tx.execute(
                    "UPDATE documents SET embedded_with = NULL WHERE id = ?1",
                    [document],
                )?;
                let found = embeddings::embeddable(tx, &[document], -1)?;
                let piece = Piece {
                    at: 0..0,
                    vector: direction(number).to_bytes(),
                };
                assert!(embeddings::put(tx, model, &found[0], &[piece])?);
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn results(searcher: &Searcher, mirror: &Mirror, params: SearchParams) -> SearchResults {
    whole(searcher, mirror, params).await.unwrap().data
}

fn semantic(query: &str) -> SearchParams {
    SearchParams {
        mode: Some(SearchMode::Semantic),
        ..text(query)
    }
}

#[tokio::test]
async fn meaning_finds_what_no_word_does_and_both_are_explained() {
    let mirror = mirror().await;
    vectors(
        &mirror,
        &[("issue", 3, 1), ("merge_request", 2, 2), ("issue", 1, 3)],
    )
    .await;
    let searcher = by(&mirror, near());
    let params = SearchParams {
        explain: true,
        ..text("cache")
    };
    let found = results(&searcher, &mirror, params).await;
    assert_eq!(found.mode, SearchMode::Hybrid);
    assert!(references(&found).contains(&"#3".to_owned()));
    assert_eq!(references(&found)[0], "#1", "in both lists");
    let explain = found.hits[0].explain.as_ref().unwrap();
    assert!(explain.lexical.is_some() && explain.semantic.is_some());
    assert_eq!(found.coverage.not_embedded, found.coverage.documents - 3);
}

#[tokio::test]
async fn filters_phrases_and_exclusions_hold_for_meaning_too() {
    let mirror = mirror().await;
    let all = [
        ("issue", 1, 1),
        ("issue", 2, 2),
        ("issue", 3, 3),
        ("merge_request", 1, 4),
    ];
    vectors(&mirror, &all).await;
    let searcher = by(&mirror, near());
    for (query, expected) in [
        ("x", vec!["#1", "#2", "#3", "!1"]),
        ("x state:opened", vec!["#1", "#3"]),
        ("x label:bug", vec!["#1"]),
        ("x -cold", vec!["#2", "#3", "!1"]),
        ("x \"the cache\"", vec!["#2", "!1"]),
    ] {
        let found = results(&searcher, &mirror, semantic(query)).await;
        assert_eq!(references(&found), expected, "{query}");
    }
    let open = SearchParams {
        no_confidential: true,
        ..semantic("x")
    };
    let found = results(&searcher, &mirror, open).await;
    assert_eq!(references(&found), ["#1", "#3", "!1"]);
}

#[tokio::test]
async fn vectors_in_memory_follow_the_database() {
    let mirror = mirror().await;
    vectors(&mirror, &[("issue", 1, 1), ("issue", 2, 2)]).await;
    let searcher = by(&mirror, near());
    let ask = async || references(&results(&searcher, &mirror, semantic("x")).await);
    assert_eq!(ask().await, ["#1", "#2"]);
    vectors(&mirror, &[("issue", 3, 0)]).await;
    assert_eq!(ask().await, ["#3", "#1", "#2"]);
    mirror.sql("DELETE FROM issues WHERE id = 3").await;
    assert_eq!(ask().await, ["#1", "#2"]);
    // Another vector of the same document.
    vectors(&mirror, &[("issue", 1, 9)]).await;
    assert_eq!(ask().await, ["#2", "#1"]);
    // What was thinned out before this copy saw it.
    mirror
        .sql("DELETE FROM issues WHERE id = 2; DELETE FROM removed_embeddings WHERE id <= 2")
        .await;
    assert_eq!(ask().await, ["#1"]);
}

#[tokio::test(start_paused = true)]
async fn vectors_leave_memory_when_nobody_searches() {
    let mirror = mirror().await;
    vectors(&mirror, &[("issue", 1, 1)]).await;
    let searcher = by(&mirror, near());
    results(&searcher, &mirror, semantic("x")).await;
    assert!(searcher.vectors.memory_bytes() > 0);
    tokio::time::sleep(Duration::from_mins(21)).await;
    assert_eq!(searcher.vectors.memory_bytes(), 0);
    assert_eq!(
        references(&results(&searcher, &mirror, semantic("x")).await),
        ["#1"]
    );
}

#[tokio::test]
async fn without_an_embedder_words_answer_and_meaning_alone_is_an_error() {
    let mirror = mirror().await;
    for embedder in [
        Ok(None),
        Ok(Some(Arc::new(Scripted {
            identity: || Err(EmbedError::Defect),
            embed: all_near,
        }) as Arc<dyn Provider>)),
    ] {
        let searcher = by(&mirror, embedder);
        let read = whole(&searcher, &mirror, text("cache"));
        let read = read.await.unwrap();
        assert_eq!(read.data.mode, SearchMode::Lexical);
        assert_eq!(read.data.total, 3);
        assert_eq!(read.warnings.len(), 1);
        let alone = whole(&searcher, &mirror, semantic("cache"));
        assert!(alone.await.is_err());
    }
}

#[tokio::test]
async fn what_is_like_an_item_is_near_to_it_and_not_itself() {
    let mirror = mirror().await;
    vectors(
        &mirror,
        &[("issue", 1, 0), ("merge_request", 1, 1), ("issue", 3, 9)],
    )
    .await;
    let searcher = by(&mirror, near());
    let like = async |item| near_item(&searcher, &mirror, Some(item), text("")).await;
    let found = like((SourceType::Issue, 1)).await.unwrap().data;
    assert_eq!(references(&found)[0], "!1");
    assert!(!references(&found).contains(&"#1".to_owned()));
    let error = like((SourceType::MergeRequest, 99)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(error.actions, ["lore sync --mr 99 -p group/project"]);
    mirror
        .sql("DELETE FROM documents WHERE source_type = 'issue' AND source_id = 1")
        .await;
    let error = like((SourceType::Issue, 1)).await.unwrap_err();
    assert_eq!(error.actions, ["lore sync -p group/project"]);
}

/// A service that counts how often it is asked and never answers well.
fn down() -> (Arc<AtomicU64>, Embedder) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let embedder = Scripted {
        identity: move || {
            count.fetch_add(1, Ordering::Relaxed);
            Err(EmbedError::TimedOut {
                service: "http://127.0.0.1:1".into(),
                after: Duration::from_secs(1),
            })
        },
        embed: |_: &[EmbedInput]| Err(EmbedError::Defect),
    };
    (asked, Ok(Some(Arc::new(embedder))))
}

#[tokio::test(start_paused = true)]
async fn vectors_of_the_built_in_model_are_searched_while_another_service_is_down() {
    let mirror = mirror().await;
    let cancel = CancellationToken::new();
    let identity = Builtin.identity(&cancel).await.unwrap();
    let texts = [EmbedInput::document("", "The eviction of entries")];
    let mut vectors = Builtin.embed(&texts, &cancel).await.unwrap();
    let vector = vectors.pop().unwrap().unwrap().to_bytes();
    mirror
        .db
        .write(move |tx| -> Result<(), StoreError> {
            let dimension = identity.dimension;
            let name = identity.to_string();
            let model = embeddings::model(tx, &name, "builtin", "lore", dimension)?;
            let document =
                tx.query_row("SELECT id FROM documents LIMIT 1", [], |row| row.get(0))?;
            let found = embeddings::embeddable(tx, &[document], -1)?;
            embeddings::put(tx, model, &found[0], &[Piece { at: 0..0, vector }])?;
            Ok(())
        })
        .await
        .unwrap();
    let (count, embedder) = down();
    let searcher = by(&mirror, embedder);
    let read = whole(&searcher, &mirror, semantic("eviction"))
        .await
        .unwrap();
    assert_eq!(read.data.mode, SearchMode::Semantic);
    assert_eq!(read.data.total, 1);
    assert!(
        read.warnings[0].contains("built-in model"),
        "{:?}",
        read.warnings
    );
    // That it is down is remembered for a while.
    let asked = || count.load(Ordering::Relaxed);
    assert_eq!(asked(), 1);
    let read = whole(&searcher, &mirror, semantic("eviction"))
        .await
        .unwrap();
    assert_eq!((asked(), read.warnings.len()), (1, 1));
    tokio::time::advance(Duration::from_mins(1)).await;
    whole(&searcher, &mirror, semantic("eviction"))
        .await
        .unwrap();
    assert_eq!(asked(), 2);
    // Another one is another matter.
    let (other, embedder) = down();
    let searcher = Searcher {
        embedder,
        ..searcher
    };
    whole(&searcher, &mirror, semantic("eviction"))
        .await
        .unwrap();
    assert_eq!(other.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_cursor_of_words_alone_is_not_one_of_meaning() {
    let mirror = mirror().await;
    vectors(&mirror, &[("issue", 1, 1), ("issue", 2, 2)]).await;
    let page = |cursor| SearchParams {
        limit: Some(1),
        cursor,
        ..text("cache")
    };
    let first = results(&by(&mirror, near()), &mirror, page(None)).await;
    let again = results(
        &by(&mirror, near()),
        &mirror,
        page(first.next_cursor.clone()),
    )
    .await;
    assert_eq!(again.hits.len(), 1);
    let error = whole(&by(&mirror, Ok(None)), &mirror, page(first.next_cursor)).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Usage);
}

/// 5,000 issues by ada with a label, each with a vector, and two more of bob's
/// that are farthest from every query.
async fn crowd(mirror: &Mirror) {
    mirror
        .sql(
            "INSERT INTO embedding_models (id, identity, provider, model, dimension)
                 VALUES (1, 'openai/near/2', 'openai', 'near', 2);
             CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS
                 (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) SELECT i FROM n;
             INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, author_id, updated_at)
                 SELECT i, 1, i, i, 'One of many', 'closed', 1, i FROM n;
             INSERT INTO issue_labels SELECT i, 1 FROM n;
             INSERT INTO documents (project_id, source_type, source_id, issue_id, author_id,
                     confidential, content_hash, title, body, labels, people, refs)
                 SELECT 1, 'issue', i, i, 1, 0, x'00', 'One of many', '', '', '', '' FROM n;
             INSERT INTO embeddings (project_id, document_id, model_id, piece, body_from, body_to, vector)
                 SELECT 1, id, 1, 0, 0, 0, x'7f00' FROM documents WHERE source_id > 1000;
             DROP TABLE n;
             DELETE FROM dirty_sources",
        )
        .await;
    vectors(mirror, &[("issue", 2, 9), ("issue", 3, 10)]).await;
}

/// Steps of SQLite's machine, in hundreds, that the nearest under a filter
/// take, once the vectors are in memory; and how many are found.
async fn effort(mirror: &Mirror, searcher: &Searcher, query: &str) -> (u64, usize) {
    let (vectors, query) = (searcher.vectors.clone(), text(query));
    mirror
        .db
        .read(move |connection| -> Result<_, WireError> {
            let filters = parse::parse(&query, 1)?.filters;
            let near = |filters: &Filters| {
                let nearest = vectors.nearest(connection, filters, 1, &direction(0), || ());
                nearest.map(|(nearest, ())| nearest)
            };
            near(&Filters::of(1))?;
            let steps = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&steps);
            connection
                .progress_handler(
                    100,
                    Some(move || {
                        counted.fetch_add(1, Ordering::Relaxed);
                        false
                    }),
                )
                .unwrap();
            let found = near(&filters)?.found.len();
            connection
                .progress_handler(0, None::<fn() -> bool>)
                .unwrap();
            Ok((steps.load(Ordering::Relaxed), found))
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_filter_is_read_once_however_many_vectors_it_is_asked_about() {
    let mirror = mirror().await;
    crowd(&mirror).await;
    let searcher = by(&mirror, near());
    // Of 5,002 documents each.
    for (query, found) in [
        ("author:ada", 120),
        ("label:bug", 120),
        ("-author:bob", 120),
        ("-author:ada", 2),
        ("-label:bug", 2),
        ("-path:src", 120),
        ("state:merged", 0),
        ("state:opened", 1),
        ("state:closed", 120),
    ] {
        let (hundreds, hits) = effort(&mirror, &searcher, query).await;
        assert_eq!(hits, found, "{query}");
        assert!(hundreds < 100 * 50, "{query} took {hundreds} hundred steps");
    }
}
