//! How long a search takes in the daemon's own code, beside FTS5 alone, a bare
//! scan of the vectors, and `sqlite-vec`. The times of all alternate, so that
//! whatever else the machine does falls on all.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use lore_daemon::documents::{embeddable, pieces, regenerate_due};
use lore_daemon::embedding::{Builtin, EmbedInput, Matrix, Provider as _, Vector};
use lore_daemon::ingest;
use lore_daemon::query::search::{Searcher, Vectors};
use lore_daemon::store::embeddings::{self, Piece};
use lore_daemon::store::vectors;
use lore_daemon::store::{Database, StoreError, projects};
use lore_demo::{DemoError, Interrupt};
use lore_proto::WireError;
use lore_proto::project::ProjectInfo;
use lore_proto::search::{SearchMode, SearchParams};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::bare::largest_product;
use super::made_up::{Kind, Words};
use super::sqlite_vec::VecTable;
use crate::report::{self, millis, number};

/// Documents of one transaction.
const BATCH: usize = 2_000;
/// Nearest that are asked for, as a search does.
const NEAREST: usize = 140;
/// Queries that `sqlite-vec` is asked: it takes long.
const VEC_QUERIES: usize = 11;

/// How the speed of search is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Documents; can be repeated
    #[arg(value_name = "N", default_values_t = [10_000, 100_000])]
    documents: Vec<usize>,
    /// Queries of each kind
    #[arg(long, value_name = "N", default_value_t = 61)]
    queries: usize,
}

/// Fills a database for each number of documents and prints the times.
pub(crate) fn measure(interrupt: &Interrupt, options: &Options) -> Result<(), DemoError> {
    let runtime = Runtime::new().map_err(DemoError::io("starting threads"))?;
    for documents in &options.documents {
        let folder = tempfile::tempdir().map_err(DemoError::io("making a folder"))?;
        let file = folder.path().join("lore.db");
        let bench = Bench::fill(&runtime, interrupt, &file, *documents)?;
        bench.queries(interrupt, options.queries)?;
        bench.vectors(folder.path())?;
    }
    Ok(())
}

struct Bench<'r> {
    runtime: &'r Runtime,
    searcher: Searcher,
    /// What a person with a shell would use.
    by_hand: Connection,
    matrix: Matrix,
    /// The same vectors, one behind the other.
    rows: Vec<i8>,
}

impl<'r> Bench<'r> {
    fn fill(
        runtime: &'r Runtime,
        interrupt: &Interrupt,
        file: &Path,
        documents: usize,
    ) -> Result<Self, DemoError> {
        let db = Database::open(file).map_err(store)?;
        let mut words = Words::new();
        let began = Instant::now();
        for from in (1..=documents).step_by(BATCH) {
            interrupt.check()?;
            let until = (from + BATCH).min(documents + 1);
            let texts: Vec<_> = (from..until).map(|iid| (iid, words.document())).collect();
            runtime.block_on(insert(&db, texts))?;
        }
        let took = began.elapsed();
        report::heading(&format!("search: {documents} made-up documents"))?;
        report::figure(
            "written, rendered, indexed and embedded a second",
            format_args!("{:.0}", number(documents as u64) / took.as_secs_f64()),
        )?;
        let (mut matrix, mut rows) = (None, Vec::new());
        let (matrix, rows) = runtime
            .block_on(db.read(move |connection| {
                vectors::after(connection, 1, 1, 0, |id, bytes| {
                    let Some(vector) = Vector::from_bytes(bytes) else {
                        return;
                    };
                    rows.extend_from_slice(vector.components());
                    if matrix.is_none() {
                        matrix = Matrix::new(vector.dimension()).ok();
                    }
                    if let Some(matrix) = &mut matrix {
                        // Of one model, and fewer than can be counted.
                        matrix.set(id, &vector).ok();
                    }
                })?;
                Ok::<_, StoreError>((matrix, rows))
            }))
            .map_err(store)?;
        let matrix = matrix.ok_or_else(|| DemoError::Wrong("there are no vectors".to_owned()))?;
        let by_hand = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| {
                connection.pragma_update(None, "mmap_size", 256 << 20)?;
                Ok(connection)
            })
            .map_err(sqlite)?;
        Ok(Self {
            runtime,
            searcher: Searcher {
                db,
                vectors: Vectors::default(),
                embedder: Ok(Some(Arc::new(Builtin))),
            },
            by_hand,
            matrix,
            rows,
        })
    }

    /// Each kind of query, by hand and by lore in turn.
    fn queries(&self, interrupt: &Interrupt, count: usize) -> Result<(), DemoError> {
        self.search("warm up", SearchMode::Hybrid)?;
        report::figure(
            "vectors in memory",
            format_args!(
                "{} bytes each",
                self.searcher.vectors.memory_bytes() / self.matrix.len().max(1)
            ),
        )?;
        report::line(format_args!(
            "  {:13} {:>18} {:>18} {:>18} {:>18}   both by FTS5 and scan",
            "p50 / p99 ms", "FTS5 alone", "bare scan", "lore, words", "lore, both"
        ))?;
        let mut all: [Vec<Duration>; 4] = Default::default();
        for kind in Kind::MIX {
            interrupt.check()?;
            let mut times: [Vec<Duration>; 4] = Default::default();
            for number in 0..count {
                let (query, by_hand) = kind.query(number);
                let vector = vector(&query)?;
                let components: Vec<i16> =
                    vector.components().iter().map(|x| i16::from(*x)).collect();
                times[0].push(self.fts5(&by_hand)?);
                times[1].push(timed(|| largest_product(&components, &self.rows)));
                times[2].push(self.search(&query, SearchMode::Lexical)?);
                times[3].push(self.search(&query, SearchMode::Hybrid)?);
            }
            line(kind.name(), &times)?;
            for (all, times) in all.iter_mut().zip(times) {
                all.extend(times);
            }
        }
        line("the whole mix", &all)
    }

    /// The vectors alone.
    fn vectors(&self, folder: &Path) -> Result<(), DemoError> {
        let bytes: Vec<u8> = self.rows.iter().map(|part| part.cast_unsigned()).collect();
        let dimension = self.matrix.dimension();
        let rows = (1..).zip(bytes.chunks_exact(dimension));
        let table = VecTable::fill(&folder.join("vec.db"), dimension, rows)?;
        drop(bytes);
        let mut times: [Vec<Duration>; 3] = Default::default();
        for number in 0..VEC_QUERIES {
            let vector = vector(&Kind::MIX[1].query(number).0)?;
            let components: Vec<i16> = vector.components().iter().map(|x| i16::from(*x)).collect();
            times[0].push(timed(|| largest_product(&components, &self.rows)));
            times[1].push(timed(|| self.matrix.top_k(&vector, NEAREST, None)));
            let began = Instant::now();
            table.nearest(&vector, NEAREST)?;
            times[2].push(began.elapsed());
        }
        let [bare, own, other] = times.map(|times| quantile(times, 50));
        report::figure("vectors: a bare scan, p50", millis(bare))?;
        let ratio = |time: Duration| time.as_secs_f64() / bare.as_secs_f64();
        report::figure("lore's scan, by that,", format_args!("{:.2} x", ratio(own)))?;
        report::figure(
            "sqlite-vec 0.1.9, int8, by that,",
            format_args!("{:.1} x", ratio(other)),
        )
    }

    fn fts5(&self, expression: &str) -> Result<Duration, DemoError> {
        let began = Instant::now();
        let mut statement = self
            .by_hand
            .prepare_cached(
                "SELECT rowid, bm25(documents_fts, 4.0, 1.0, 1.5, 2.0, 0.5) AS score
                 FROM documents_fts WHERE documents_fts MATCH ?1 ORDER BY score LIMIT 200",
            )
            .map_err(sqlite)?;
        let found = statement
            .query_map([expression], |row| row.get::<_, i64>(0))
            .map_err(sqlite)?;
        let found: Vec<i64> = found.collect::<Result<_, _>>().map_err(sqlite)?;
        std::hint::black_box(found);
        Ok(began.elapsed())
    }

    fn search(&self, query: &str, mode: SearchMode) -> Result<Duration, DemoError> {
        let params = SearchParams {
            query: query.to_owned(),
            mode: Some(mode),
            ..SearchParams::default()
        };
        let project = project();
        let began = Instant::now();
        let found = self
            .searcher
            .query(&project, None, params, Timestamp::UNIX_EPOCH);
        let found = self.runtime.block_on(found);
        let took = began.elapsed();
        found.map_err(|error: WireError| DemoError::Wrong(error.message))?;
        Ok(took)
    }
}

fn line(name: &str, times: &[Vec<Duration>; 4]) -> Result<(), DemoError> {
    let least = times[0].iter().zip(&times[1]);
    let ratios = times[3]
        .iter()
        .zip(least)
        .map(|(both, (fts5, scan))| both.as_secs_f64() / (fts5.as_secs_f64() + scan.as_secs_f64()));
    let ratio = report::median(ratios.collect());
    let column = |times: &[Duration]| {
        let ms = |percent| quantile(times.to_vec(), percent).as_secs_f64() * 1e3;
        format!("{:8.2} /{:8.2}", ms(50), ms(99))
    };
    report::line(format_args!(
        "  {name:13} {:>18} {:>18} {:>18} {:>18}   {ratio:.2} x",
        column(&times[0]),
        column(&times[1]),
        column(&times[2]),
        column(&times[3]),
    ))
}

fn quantile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    let place = times.len() * percent / 100;
    times.get(place).copied().unwrap_or_default()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed()
}

fn vector(query: &str) -> Result<Vector, DemoError> {
    Builtin
        .vector(&EmbedInput::query(query))
        .map_err(|error| DemoError::Wrong(error.to_string()))?
        .map_err(|error| DemoError::Wrong(error.to_string()))
}

fn project() -> ProjectInfo {
    ProjectInfo {
        host: "h".into(),
        path: "g/p".into(),
        id: None,
        web_url: None,
    }
}

/// Writes issues, and does at once what the stages of a sync do.
async fn insert(db: &Database, texts: Vec<(usize, (String, String))>) -> Result<(), DemoError> {
    let wrong = |error: serde_json::Error| DemoError::Wrong(error.to_string());
    let project = json!({"id": 1, "path_with_namespace": "g/p", "name": "p", "web_url": ""});
    let project = serde_json::from_value(project).map_err(wrong)?;
    let mut issues = Vec::with_capacity(texts.len());
    for (iid, (title, text)) in texts {
        let issue = json!({
            "id": iid, "iid": iid, "project_id": 1, "title": title, "description": text,
            "state": "opened", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        });
        issues.push(serde_json::from_value(issue).map_err(wrong)?);
    }
    let cancel = CancellationToken::new();
    let identity = Builtin.identity(&cancel).await;
    let identity = identity.map_err(|error| DemoError::Wrong(error.to_string()))?;
    let now = Timestamp::UNIX_EPOCH;
    db.write(move |tx| -> Result<(), StoreError> {
        let row = projects::upsert(tx, "h", "g/p", &project, now)?;
        for issue in issues {
            ingest::issue(tx, &row, &issue, ingest::Asked::at(now, now))?;
        }
        while regenerate_due(tx, row.id, now, 2_000)?.is_some() {}
        let name = identity.to_string();
        let model = embeddings::model(tx, &name, "builtin", &identity.model, identity.dimension)?;
        let due = embeddings::due(tx, row.id, model, now, 1_000_000)?;
        for document in embeddings::embeddable(tx, &due, model)? {
            let mut found = Vec::new();
            for at in pieces(&document.body) {
                let text = embeddable(&document.body[at.clone()]);
                let input = EmbedInput::document(&document.title, text);
                if let Ok(Ok(vector)) = Builtin.vector(&input) {
                    let vector = vector.to_bytes();
                    found.push(Piece { at, vector });
                }
            }
            embeddings::put(tx, model, &document, &found)?;
        }
        Ok(())
    })
    .await
    .map_err(store)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn store(error: StoreError) -> DemoError {
    DemoError::Wrong(error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn sqlite(error: rusqlite::Error) -> DemoError {
    DemoError::Wrong(error.to_string())
}
