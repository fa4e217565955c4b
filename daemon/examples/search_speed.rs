//! How long a search takes, as medians and 99th percentiles, beside a bare scan
//! of the vectors and beside FTS5 alone.
//!
//! ```text
//! cargo run --release -p lore-daemon --example search_speed -- 100000
//! ```
//!
//! The number is how many documents are made; their words follow Zipf's law, so
//! that some are nearly everywhere. Times differ from machine to machine; what
//! to compare are the columns of one run.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)] // Places in a vocabulary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lore_daemon::documents::{embeddable, pieces, regenerate_due};
use lore_daemon::embedding::{Builtin, EmbedInput, Matrix, Provider as _, Vector};
use lore_daemon::ingest;
use lore_daemon::query::search::{Searcher, Vectors};
use lore_daemon::store::embeddings::{self, Piece};
use lore_daemon::store::search_filter::Filters;
use lore_daemon::store::{Database, StoreError, projects, search_index};
use lore_proto::project::ProjectInfo;
use lore_proto::search::{SearchMode, SearchParams};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Different words.
const VOCABULARY: usize = 50_000;
/// Words of a document.
const WORDS: usize = 80;
/// Queries of each kind.
const QUERIES: usize = 60;

#[tokio::main]
async fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let count: u64 = count.unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(&folder.path().join("lore.db")).unwrap();
    let mut words = Words(StdRng::seed_from_u64(1));
    let began = Instant::now();
    for from in (1..=count).step_by(2_000) {
        let texts: Vec<(u64, String, String)> = (from..(from + 2_000).min(count + 1))
            .map(|iid| (iid, words.text(8), words.text(WORDS)))
            .collect();
        fill(&db, texts).await;
    }
    println!("{count} documents indexed in {:.1?}", began.elapsed());
    let searcher = Searcher {
        db: db.clone(),
        vectors: Vectors::default(),
        embedder: Ok(Some(Arc::new(Builtin))),
    };
    search(&searcher, "warm up", SearchMode::Hybrid).await;
    println!(
        "vectors in memory: {:.1} MB",
        searcher.vectors.memory_bytes() as f64 / 1e6
    );
    let matrix = matrix(&db).await;
    let kinds: [(&str, [usize; 6]); 4] = [
        (
            "common words",
            [0, 1, 2, usize::MAX, usize::MAX, usize::MAX],
        ),
        (
            "short",
            [300, 4_000, usize::MAX, usize::MAX, usize::MAX, usize::MAX],
        ),
        ("sentence", [3, 40, 700, 2_000, 9_000, 100]),
        (
            "rare",
            [
                30_000,
                usize::MAX,
                usize::MAX,
                usize::MAX,
                usize::MAX,
                usize::MAX,
            ],
        ),
    ];
    println!(
        "{:14} {:>17} {:>17} {:>17} {:>17}",
        "p50 / p99", "FTS5 alone", "bare scan", "words", "both"
    );
    for (name, ranks) in kinds {
        let mut times: [Vec<Duration>; 4] = Default::default();
        for number in 0..QUERIES {
            let query: Vec<String> = ranks
                .iter()
                .filter(|rank| **rank != usize::MAX)
                .map(|rank| word(rank + number))
                .collect();
            let query = query.join(" ");
            times[0].push(fts(&db, &query).await);
            let vector = Builtin.vector(&EmbedInput::query(&query)).unwrap().unwrap();
            times[1].push(timed(|| matrix.top_k(&vector, 120, None).unwrap()));
            times[2].push(search(&searcher, &query, SearchMode::Lexical).await);
            times[3].push(search(&searcher, &query, SearchMode::Hybrid).await);
        }
        let columns = times.map(|mut times| {
            times.sort();
            let (median, worst) = (times[QUERIES / 2], times[QUERIES * 99 / 100]);
            format!(
                "{:7.2} /{:7.2}",
                median.as_secs_f64() * 1e3,
                worst.as_secs_f64() * 1e3
            )
        });
        println!(
            "{name:14} {:>17} {:>17} {:>17} {:>17}  ms",
            columns[0], columns[1], columns[2], columns[3]
        );
    }
}

/// A word that no stemming touches.
fn word(rank: usize) -> String {
    let mut text = String::new();
    let mut rest = rank + 17;
    while rest > 0 {
        text.push(char::from(b"bcdfghjklmnpqrtvwz"[rest % 18]));
        text.push(char::from(b"aou"[rest % 3]));
        rest /= 18;
    }
    text
}

struct Words(StdRng);

impl Words {
    fn text(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count)
            .map(|_| {
                // Ranks by Zipf's law.
                let place: f64 = self.0.random();
                word(((VOCABULARY as f64).powf(place) - 1.0) as usize)
            })
            .collect();
        words.join(" ")
    }
}

async fn fill(db: &Database, texts: Vec<(u64, String, String)>) {
    let now = Timestamp::UNIX_EPOCH;
    db.write(move |tx| -> Result<(), StoreError> {
        let project = json!({"id": 1, "path_with_namespace": "g/p", "name": "p", "web_url": ""});
        let project = serde_json::from_value(project).unwrap();
        let row = projects::upsert(tx, "h", "g/p", &project, now)?;
        for (iid, title, text) in texts {
            let issue = json!({
                "id": iid, "iid": iid, "project_id": 1, "title": title, "description": text,
                "state": "opened", "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:00:00Z",
            });
            let issue = serde_json::from_value(issue).unwrap();
            ingest::issue(tx, &row, &issue, ingest::Asked::at(now))?;
        }
        while regenerate_due(tx, row.id, now, 2_000)?.is_some() {}
        let cancel = CancellationToken::new();
        let identity = futures_util::FutureExt::now_or_never(Builtin.identity(&cancel));
        let identity = identity.unwrap().unwrap();
        let name = identity.to_string();
        let model = embeddings::model(tx, &name, "builtin", &identity.model, identity.dimension)?;
        let due = embeddings::due(tx, row.id, model, now, 1_000_000)?;
        for document in embeddings::embeddable(tx, &due, model)? {
            let mut found = Vec::new();
            for at in pieces(&document.body) {
                let text = embeddable(&document.body[at.clone()]);
                let input = EmbedInput::document(&document.title, text);
                if let Ok(vector) = Builtin.vector(&input).unwrap() {
                    let vector = vector.to_bytes();
                    found.push(Piece { at, vector });
                }
            }
            embeddings::put(tx, model, &document, &found)?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn matrix(db: &Database) -> Matrix {
    db.read(|connection| -> Result<Matrix, StoreError> {
        let mut matrix = Matrix::new(256).unwrap();
        embeddings::vectors_after(connection, 1, 1, 0, |id, bytes| {
            matrix.set(id, &Vector::from_bytes(bytes).unwrap()).unwrap();
        })?;
        Ok(matrix)
    })
    .await
    .unwrap()
}

/// FTS5 ranking everything that has any of the words.
async fn fts(db: &Database, query: &str) -> Duration {
    let words: Vec<String> = query.split(' ').map(|word| format!("\"{word}\"")).collect();
    let expression = words.join(" OR ");
    let began = Instant::now();
    db.read(move |connection| search_index::best(connection, &expression, &Filters::of(1), 200))
        .await
        .unwrap();
    began.elapsed()
}

async fn search(searcher: &Searcher, query: &str, mode: SearchMode) -> Duration {
    let project = ProjectInfo {
        host: "h".into(),
        path: "g/p".into(),
        id: None,
        web_url: None,
    };
    let params = SearchParams {
        query: query.to_owned(),
        mode: Some(mode),
        ..SearchParams::default()
    };
    let began = Instant::now();
    searcher
        .query(&project, params, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    began.elapsed()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed()
}
