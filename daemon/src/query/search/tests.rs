//! Search through a real database.

mod filters;
mod hostile;
mod meaning;
mod neighbours;

use lore_proto::search::{PassageSource, SearchType};
use lore_proto::sync::EntityType;

use super::*;
use crate::documents;
use crate::query::fixture::{self, Mirror};

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
    near_item(searcher, mirror, None, params).await
}

async fn near_item(
    searcher: &Searcher,
    mirror: &Mirror,
    item: Option<(SourceType, u64)>,
    params: SearchParams,
) -> Result<Read<SearchResults>, WireError> {
    let project = fixture::project();
    searcher.query(&project, item, params, mirror.now()).await
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
async fn an_exclusion_without_words_leaves_out_and_the_newest_come_first() {
    let mirror = mirror().await;
    let all = found(&mirror, text("type:mr type:issue")).await;
    // Threads are texts of their own: of these two, one has no other text.
    assert!(all.contains(&"#2".to_owned()) && all.contains(&"!2".to_owned()));
    for query in ["-cache", "type:mr type:issue -cache"] {
        let rest = found(&mirror, text(query)).await;
        assert!(rest.contains(&"!2".to_owned()), "{query}: {rest:?}");
        assert!(!rest.contains(&"#2".to_owned()), "{query}: {rest:?}");
    }
    let newest = mirror
        .db
        .read(|connection| {
            connection
                .query_row(
                    "SELECT ref FROM (SELECT '#' || iid AS ref, updated_at FROM issues
                         UNION ALL SELECT '!' || iid, updated_at FROM merge_requests)
                     ORDER BY updated_at DESC LIMIT 1",
                    [],
                    |row| row.get::<_, String>(0),
                )
                .map_err(crate::store::StoreError::from)
        })
        .await
        .unwrap();
    assert_eq!(all.first(), Some(&newest));
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

#[tokio::test]
async fn what_changed_lately_comes_first_where_it_is_asked_for_and_never_far_ahead() {
    let mirror = mirror().await;
    let day = 86_400_000_i64;
    mirror
        .sql(format!(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, description, state, updated_at)
                 VALUES (1, 91, 91, 'Frobnication', 'Frobnication fails.', 'opened', {}),
                        (1, 92, 92, 'Frobnication again', 'Frobnication fails.', 'opened', {}),
                        (1, 93, 93, 'Other', 'Rarely, frobnication.', 'opened', {})",
            900 * day,
            1_000 * day,
            2_000 * day
        ))
        .await;
    render(&mirror).await;
    assert_eq!(
        found(&mirror, text("frobnication")).await,
        ["#91", "#92", "#93"]
    );
    let recent = SearchParams {
        recent: true,
        explain: true,
        ..text("frobnication")
    };
    let results = ask(&mirror, recent).await.unwrap();
    // The newest by far fits far worse.
    assert_eq!(references(&results), ["#91", "#92", "#93"]);
    let ages: Vec<f64> = results
        .hits
        .iter()
        .filter_map(|hit| hit.explain.as_ref()?.recency)
        .collect();
    assert!(ages[0] < ages[1] && ages[1] < ages[2], "{ages:?}");
    assert!((ages[2] - 1.0).abs() < 1e-9, "the newest loses nothing");
    mirror
        .sql(format!(
            "UPDATE issues SET updated_at = {} WHERE iid = 92; DELETE FROM issues WHERE iid = 93",
            2_000 * day
        ))
        .await;
    let recent = SearchParams {
        recent: true,
        ..text("frobnication")
    };
    assert_eq!(found(&mirror, recent).await, ["#92", "#91"]);
}

#[tokio::test]
async fn an_item_without_a_description_shows_its_title() {
    let mirror = mirror().await;
    mirror
        .sql(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, state, updated_at)
                 VALUES (1, 91, 91, 'The frobnicator hums', 'opened', 1)",
        )
        .await;
    render(&mirror).await;
    let results = ask(&mirror, text("frobnicator")).await.unwrap();
    let passage = &results.hits[0].passages[0];
    assert_eq!(passage.source, PassageSource::Title);
    assert_eq!(passage.text, "The frobnicator hums");
    assert_eq!(passage.highlights, [(4, 15)]);
}

#[tokio::test]
async fn the_number_of_documents_follows_the_database() {
    let mirror = mirror().await;
    let searcher = by(&mirror, Ok(None));
    let count = async || {
        let read = whole(&searcher, &mirror, text("cache")).await.unwrap();
        read.data.coverage.documents
    };
    let before = count().await;
    assert_eq!(count().await, before);
    mirror.sql("DELETE FROM issues WHERE id = 3").await;
    assert_eq!(count().await, before - 1);
}

#[tokio::test]
async fn a_page_goes_on_behind_the_last_hit_though_others_came_before_it() {
    let mirror = mirror().await;
    mirror
        .sql(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, description, state, updated_at)
                 VALUES (1, 91, 91, 'Frobnication', 'One.', 'opened', 1),
                        (1, 92, 92, 'Other', 'Rare frobnication, once among several words.', 'opened', 2)",
        )
        .await;
    render(&mirror).await;
    let page = |cursor: Option<String>| SearchParams {
        limit: Some(1),
        cursor,
        ..text("frobnication")
    };
    let first = ask(&mirror, page(None)).await.unwrap();
    assert_eq!(references(&first), ["#91"]);
    mirror
        .sql(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, description, state, updated_at)
                 VALUES (1, 93, 93, 'Frobnication frobnication', 'Frobnication.', 'opened', 3)",
        )
        .await;
    render(&mirror).await;
    let second = ask(&mirror, page(first.next_cursor.clone())).await.unwrap();
    assert_eq!(references(&second), ["#92"]);
    // The hit itself is gone.
    mirror.sql("DELETE FROM issues WHERE iid = 91").await;
    let second = ask(&mirror, page(first.next_cursor)).await.unwrap();
    assert_eq!(references(&second), ["#92"]);
}
