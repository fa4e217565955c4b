//! Search through a real database.

use futures_util::future::BoxFuture;
use lore_proto::search::{PassageSource, SearchType};
use lore_proto::sync::EntityType;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::documents;
use crate::embedding::{Embedded, ModelIdentity, Vector};
use crate::query::fixture::{self, Mirror};
use crate::store::DocumentId;
use crate::store::embeddings::{self, Piece};

const ROWS: &str = "
    INSERT INTO users (id, host, gitlab_id, username) VALUES (1, 'gitlab.example.com', 1, 'ada'),
        (2, 'gitlab.example.com', 2, 'bob');
    INSERT INTO labels (id, project_id, name) VALUES (1, 1, 'bug'), (2, 1, 'needs work');
    INSERT INTO issues (id, project_id, gitlab_id, iid, title, description, state, author_id, updated_at,
            confidential, web_url)
        VALUES (1, 1, 11, 1, 'Cache is cold after a restart', 'The `warm_cache` job never ran.', 'opened', 1, 1000, 0, 'https://h/1'),
               (2, 1, 12, 2, 'Secret rotation', 'Keys leak into the cache.', 'closed', 2, 2000, 1, NULL),
               (3, 1, 13, 3, 'Größe der Datei', 'Über 日本語 text', 'opened', 2, 3000, 0, NULL);
    INSERT INTO issue_labels VALUES (1, 1), (2, 2);
    INSERT INTO merge_requests (id, project_id, gitlab_id, iid, title, description, state, author_id, updated_at, web_url)
        VALUES (1, 1, 21, 1, 'Warm the cache at start', 'Closes #1. Adds fileHistory to docker-machine.', 'merged', 2, 4000, 'https://h/m1'),
               (2, 1, 22, 2, 'Rename the executor', 'Nothing else.', 'opened', 1, 5000, NULL);
    INSERT INTO mr_file_changes (merge_request_id, project_id, old_path, new_path, change_type)
        VALUES (1, 1, 'src/cache/warm.rs', 'src/cache/warm.rs', 'modified'), (2, 1, 'old/exec.rs', 'src/exec.rs', 'renamed');
    INSERT INTO discussions (id, project_id, issue_id, merge_request_id, gitlab_id, position, individual_note, content_hash)
        VALUES (1, 1, NULL, 1, 'a', 0, 0, 1), (2, 1, 1, NULL, 'b', 0, 0, 1);
    INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, body, author_id, internal, created_at, updated_at)
        VALUES (1, 1, 1, 501, 0, 'Is the eviction policy right?', 1, 0, 7, 7),
               (2, 2, 1, 502, 0, 'An internal word about eviction.', 2, 1, 8, 8);
    INSERT INTO note_positions (note_id, project_id, old_path, new_path, new_line) VALUES (1, 1, 'src/cache/warm.rs', 'src/cache/warm.rs', 3);
";

async fn mirror() -> Mirror {
    let mirror = Mirror::new().await;
    mirror.sql(ROWS).await;
    render(&mirror).await;
    mirror
}

async fn render(mirror: &Mirror) {
    let now = mirror.now();
    mirror
        .db
        .write(move |tx| documents::regenerate_due(tx, 1, now, 1_000_000))
        .await
        .unwrap();
}

async fn ask(mirror: &Mirror, params: SearchParams) -> Result<SearchResults, WireError> {
    let read = whole(&by(mirror, Ok(None)), mirror, params).await?;
    Ok(read.data)
}

async fn whole(
    searcher: &Searcher,
    mirror: &Mirror,
    params: SearchParams,
) -> Result<Read<SearchResults>, WireError> {
    let project = fixture::project();
    searcher.query(&project, params, mirror.now()).await
}

fn by(mirror: &Mirror, embedder: Embedder) -> Searcher {
    Searcher {
        db: mirror.db.clone(),
        vectors: Vectors::default(),
        embedder,
    }
}

fn text(query: &str) -> SearchParams {
    SearchParams {
        query: query.into(),
        ..SearchParams::default()
    }
}

/// The references found, in order: `#1`, `!1`.
async fn found(mirror: &Mirror, params: SearchParams) -> Vec<String> {
    references(&ask(mirror, params).await.unwrap())
}

fn references(results: &SearchResults) -> Vec<String> {
    let hits = results.hits.iter();
    hits.map(|hit| format!("{}{}", hit.entity_type.sigil(), hit.iid))
        .collect()
}

fn sorted(mut references: Vec<String>) -> Vec<String> {
    references.sort();
    references
}

#[tokio::test]
async fn words_in_the_title_come_first_and_forms_do_not_matter() {
    let mirror = mirror().await;
    let results = ask(&mirror, text("caching restarts")).await.unwrap();
    assert_eq!(references(&results)[0], "#1");
    assert_eq!(results.total, 3);
}

#[tokio::test]
async fn identifiers_are_found_in_any_spelling() {
    let mirror = mirror().await;
    for query in ["warm_cache", "warmCache", "WARM-CACHE"] {
        assert_eq!(found(&mirror, text(query)).await[0], "#1", "{query}");
    }
    assert_eq!(found(&mirror, text("file_history")).await, ["!1"]);
    assert_eq!(found(&mirror, text("dockermachine")).await, ["!1"]);
    assert_eq!(found(&mirror, text("#1")).await, ["!1"]);
    assert_eq!(found(&mirror, text("docker*")).await, ["!1"]);
    assert_eq!(found(&mirror, text("rotati*")).await, ["#2"]);
}

#[tokio::test]
async fn other_scripts_and_accents_are_found() {
    let mirror = mirror().await;
    for query in ["grosse größe", "datei", "uber", "日本"] {
        assert_eq!(found(&mirror, text(query)).await, ["#3"], "{query}");
    }
}

#[tokio::test]
async fn a_phrase_is_required_and_an_exclusion_leaves_out() {
    let mirror = mirror().await;
    assert_eq!(
        found(&mirror, text("\"the cache\" warm")).await,
        ["!1", "#2"]
    );
    assert_eq!(found(&mirror, text("cache -restart -leak")).await, ["!1"]);
}

#[tokio::test]
async fn filters_in_the_text_and_flags_are_the_same() {
    let mirror = mirror().await;
    for (query, params, expected) in [
        (
            "author:ada",
            SearchParams {
                author: Some("ADA".into()),
                ..text("")
            },
            vec!["!1", "!2", "#1"],
        ),
        (
            "label:\"needs work\"",
            SearchParams {
                labels: vec!["needs work".into()],
                ..text("")
            },
            vec!["#2"],
        ),
        (
            "state:merged",
            SearchParams {
                state: Some("merged".into()),
                ..text("")
            },
            vec!["!1"],
        ),
        (
            "type:issue",
            SearchParams {
                types: vec![SearchType::Issue],
                ..text("")
            },
            vec!["#1", "#2", "#3"],
        ),
        (
            "path:src/cache",
            SearchParams {
                path: Some("/src/cache/".into()),
                ..text("")
            },
            vec!["!1"],
        ),
        (
            "path:old/exec.rs",
            SearchParams {
                path: Some("old/exec.rs".into()),
                ..text("")
            },
            vec!["!2"],
        ),
    ] {
        assert_eq!(
            sorted(found(&mirror, text(query)).await),
            expected,
            "{query}"
        );
        assert_eq!(sorted(found(&mirror, params).await), expected, "{query}");
    }
    assert_eq!(
        found(&mirror, text("cache -label:bug -state:merged")).await,
        ["#2"]
    );
    let since = SearchParams {
        since: Some(Timestamp::from_millisecond(4_500).unwrap()),
        ..text("")
    };
    assert_eq!(found(&mirror, since).await, ["!2"]);
}

#[tokio::test]
async fn a_filter_does_not_starve_the_answer() {
    let mirror = mirror().await;
    // 500 better matches that the filter leaves out.
    mirror
        .sql(
            "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 599)
             INSERT INTO issues (project_id, gitlab_id, iid, title, state, updated_at)
                 SELECT 1, i, i, 'eviction eviction', 'closed', 0 FROM n",
        )
        .await;
    render(&mirror).await;
    assert_eq!(found(&mirror, text("eviction state:merged")).await, ["!1"]);
}

#[tokio::test]
async fn confidential_text_can_be_left_out() {
    let mirror = mirror().await;
    assert_eq!(
        sorted(found(&mirror, text("eviction leak")).await),
        ["!1", "#1", "#2"]
    );
    let open = SearchParams {
        no_confidential: true,
        ..text("eviction leak")
    };
    assert_eq!(found(&mirror, open).await, ["!1"]);
}

#[tokio::test]
async fn a_hit_is_one_row_with_its_passages_marked_and_linked() {
    let mirror = mirror().await;
    let results = ask(&mirror, text("cache eviction")).await.unwrap();
    let hit = results
        .hits
        .iter()
        .find(|hit| hit.entity_type == EntityType::MergeRequest);
    let passages = &hit.unwrap().passages;
    assert_eq!(passages.len(), 2);
    let thread = passages
        .iter()
        .find(|p| p.source == PassageSource::Discussion)
        .unwrap();
    assert_eq!(thread.text, "ada: Is the eviction policy right?");
    assert_eq!(thread.highlights, [(12, 20)]);
    assert_eq!(thread.path.as_deref(), Some("src/cache/warm.rs"));
    assert_eq!(thread.web_url.as_deref(), Some("https://h/m1#note_501"));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let mirror = mirror().await;
    let whole = found(&mirror, text("cache eviction")).await;
    let mut paged = Vec::new();
    let mut cursor = None;
    loop {
        let page = SearchParams {
            limit: Some(1),
            cursor: cursor.take(),
            ..text("cache eviction")
        };
        let results = ask(&mirror, page).await.unwrap();
        assert_eq!(results.total, whole.len() as u64);
        paged.extend(references(&results));
        cursor = results.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole);
    let other = SearchParams {
        cursor: Some("00".into()),
        ..text("cache")
    };
    assert_eq!(
        ask(&mirror, other).await.unwrap_err().code,
        ErrorCode::Usage
    );
}

#[tokio::test]
async fn nothing_to_search_for_and_a_limit_out_of_range_are_usage_errors() {
    let mirror = mirror().await;
    let huge = "x ".repeat(10_000);
    for params in [
        text(""),
        text("  "),
        text(&huge),
        SearchParams {
            limit: Some(0),
            ..text("a")
        },
        SearchParams {
            limit: Some(101),
            ..text("a")
        },
    ] {
        assert_eq!(
            ask(&mirror, params).await.unwrap_err().code,
            ErrorCode::Usage
        );
    }
}

#[tokio::test]
async fn words_that_nearly_every_document_has_are_ranked_by_title_and_time() {
    let mirror = mirror().await;
    mirror
        .sql(
            "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 20999)
             INSERT INTO issues (project_id, gitlab_id, iid, title, description, state, updated_at)
                 SELECT 1, i, i, iif(i % 10000 = 0, 'common', 'x'), 'common', 'closed', i FROM n",
        )
        .await;
    render(&mirror).await;
    let results = ask(&mirror, text("common")).await.unwrap();
    assert_eq!(&references(&results)[..3], ["#20000", "#10000", "#20999"]);
    assert!(results.total_is_lower_bound);
    // A rare word beside it decides alone.
    assert_eq!(found(&mirror, text("common eviction")).await.len(), 2);
}

/// Anything that a person or a program might send: no panic and no syntax
/// error.
#[tokio::test]
async fn any_text_is_a_query_and_never_a_syntax_error() {
    let mirror = mirror().await;
    let mut random = StdRng::seed_from_u64(7);
    let pieces = [
        "cache", "\"", "-", "*", "(", ")", ":", "^", "NEAR", "AND", "OR", "NOT", "{", "}", "+",
        "'", ";", "--", "title:", "author:", "label:", "path:", "names : ", " ", " ", " ", "日本",
        "é", "\u{301}", "\0", "!1", "#2", "foo_bar", "a.b/c", "\n", "\\", "%", "🦀", "Ⓐ", "ﬁ", "İ",
        "-\"x", "xyz*", "the",
    ];
    for _ in 0..4_000 {
        let length = random.random_range(0..8);
        let text: String = (0..length)
            .map(|_| pieces[random.random_range(0..pieces.len())])
            .collect();
        let params = SearchParams {
            query: text.clone(),
            ..SearchParams::default()
        };
        match ask(&mirror, params).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code, ErrorCode::Usage, "{text:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn long_queries_are_answered() {
    let mirror = mirror().await;
    let words: Vec<String> = (0..2_000).map(|n| format!("w{n}x")).collect();
    for query in [
        format!("cache {}", words.join(" ")),
        "cac* evi* war* ".repeat(300),
        format!("cache \"{}\"", words.join(" ")),
        format!(
            "cache {}",
            words
                .iter()
                .fold(String::new(), |text, word| text + "-" + word + " ")
        ),
        "a_b_c_d_e_f_g_h ".repeat(500),
        "(((((((((".repeat(1_000),
        "日".repeat(3_000),
    ] {
        let read = whole(&by(&mirror, Ok(None)), &mirror, text(&query)).await;
        assert!(read.is_ok(), "{:.30}: {:?}", query, read.err());
    }
}

/// Gives the query the vector of the document that it names, so that a test
/// decides what is near.
#[derive(Debug)]
struct Near(&'static str);

impl Provider for Near {
    fn identity<'a>(
        &'a self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        Box::pin(async {
            if self.0 == "away" {
                return Err(EmbedError::Defect);
            }
            Ok(ModelIdentity {
                provider: "openai",
                model: "near".into(),
                dimension: 2,
                digest: String::new(),
            })
        })
    }

    fn batch_size(&self) -> usize {
        8
    }

    fn max_input_chars(&self) -> usize {
        1_000
    }

    fn destination(&self) -> Option<&str> {
        None
    }

    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(async move { Ok(inputs.iter().map(|_| Ok(direction(0))).collect()) })
    }
}

#[allow(clippy::unnecessary_wraps)] // The type of every embedder.
fn near() -> Embedder {
    Ok(Some(Arc::new(Near(""))))
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
        Ok(Some(Arc::new(Near("away")) as Arc<dyn Provider>)),
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
    let like = |reference: &str| SearchParams {
        like: Some(reference.into()),
        ..text("")
    };
    let found = results(&searcher, &mirror, like("#1")).await;
    assert_eq!(references(&found)[0], "!1");
    assert!(!references(&found).contains(&"#1".to_owned()));
    for reference in [
        "group/project#1",
        "https://h/group/project/-/issues/1#note_3",
    ] {
        assert_eq!(
            references(&results(&searcher, &mirror, like(reference)).await),
            references(&found)
        );
    }
    for (reference, code) in [("#99", ErrorCode::NotFound), ("one", ErrorCode::Usage)] {
        let error = whole(&searcher, &mirror, like(reference));
        assert_eq!(error.await.unwrap_err().code, code);
    }
}
