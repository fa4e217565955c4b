//! How well search finds what people have said belongs together.
//!
//! ```text
//! LORE_CORPUS=<folder> cargo run --release -p lore-daemon --example search_quality [-- --candidates FILE]
//! ```
//!
//! The folder holds `duplicates/*.jsonl.gz` (bug reports with their recorded
//! duplicates: a report's title is the query, its duplicates are to be found)
//! and `gitlab-runner/mrs.jsonl.gz` (merge requests: a title is the query, the
//! merge request that has its commits' subjects as description is to be found).
//! Pairs with equal titles are left out. Figures are of the second half of the
//! queries; the constants of the ranking were chosen on the first.
//! `--candidates` writes both lists of every query, to choose them anew.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::cast_precision_loss)] // Counts of queries.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use lore_daemon::documents::{embeddable, pieces, regenerate_due};
use lore_daemon::embedding::{Builtin, EmbedInput, Provider as _};
use lore_daemon::ingest;
use lore_daemon::query::search::{Searcher, Vectors};
use lore_daemon::store::embeddings::{self, Piece};
use lore_daemon::store::{Database, StoreError, projects};
use lore_proto::project::ProjectInfo;
use lore_proto::search::{SearchHit, SearchMode, SearchParams};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Queries of one set that are asked, at most.
const QUERIES: usize = 800;
/// Resamplings of the intervals.
const RESAMPLINGS: usize = 2_000;

struct Report {
    title: String,
    text: String,
}

struct Set {
    name: String,
    reports: Vec<Report>,
    /// The query, the report that it is of where that is not to be found, and
    /// what is.
    queries: Vec<(String, Option<usize>, HashSet<usize>)>,
}

#[tokio::main]
async fn main() {
    let Some(corpus) = std::env::var_os("LORE_CORPUS") else {
        println!("LORE_CORPUS is not set: there is nothing to measure with");
        return;
    };
    let corpus = Path::new(&corpus);
    let arguments: Vec<String> = std::env::args().collect();
    let candidates = arguments
        .iter()
        .position(|argument| argument == "--candidates")
        .map(|at| arguments[at + 1].clone());
    let mut dump = String::new();
    for set in [
        duplicates(corpus, "hadoop"),
        duplicates(corpus, "seamonkey"),
        merge_requests(corpus),
    ] {
        measure(&set, candidates.is_some().then_some(&mut dump)).await;
    }
    if let Some(path) = candidates {
        std::fs::write(path, dump).unwrap();
    }
}

fn duplicates(corpus: &Path, name: &str) -> Set {
    let rows = lines(&corpus.join(format!("duplicates/{name}.jsonl.gz")));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    let reports: Vec<Report> = rows
        .iter()
        .map(|row| Report {
            title: text(row, "title"),
            text: text(row, "text"),
        })
        .collect();
    let queries = rows
        .iter()
        .enumerate()
        .filter_map(|(own, row)| {
            let relevant: HashSet<usize> = row["duplicates"]
                .as_array()?
                .iter()
                .filter_map(|id| ids.iter().position(|other| Some(*other) == id.as_i64()))
                .filter(|other| folded(&reports[*other].title) != folded(&reports[own].title))
                .collect();
            (!relevant.is_empty()).then(|| (reports[own].title.clone(), Some(own), relevant))
        })
        .collect();
    Set {
        name: format!("duplicates of {name}"),
        queries,
        reports,
    }
}

fn merge_requests(corpus: &Path) -> Set {
    let rows = lines(&corpus.join("gitlab-runner/mrs.jsonl.gz"));
    let mut set = Set {
        name: "merge requests by their commits".into(),
        reports: Vec::new(),
        queries: Vec::new(),
    };
    for row in rows {
        let title = row["title"].as_str().unwrap_or_default().to_owned();
        let commits: Vec<&str> = row["commits"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|commit| commit["title"].as_str())
            .collect();
        let own = set.reports.len();
        let trivial = commits
            .iter()
            .any(|commit| folded(commit) == folded(&title));
        if !trivial && !commits.is_empty() {
            set.queries.push((title, None, HashSet::from([own])));
        }
        set.reports.push(Report {
            title: "Merge request".into(),
            text: commits.join("\n\n"),
        });
    }
    set
}

fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

fn lines(path: &Path) -> Vec<Value> {
    let file = std::fs::File::open(path).expect("the corpus has this file");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn measure(set: &Set, mut dump: Option<&mut String>) {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(&folder.path().join("lore.db")).unwrap();
    fill(&db, set).await;
    let searcher = Searcher {
        db,
        vectors: Vectors::default(),
        embedder: Ok(Some(Arc::new(Builtin))),
    };
    // Every second query, spread over the whole set, for each half.
    let step = set.queries.len().div_ceil(QUERIES).max(1);
    let mut figures: [Vec<[f64; 3]>; 4] = Default::default();
    for (number, (query, own, relevant)) in set.queries.iter().step_by(step).enumerate() {
        let tuning = number % 2 == 0;
        if let (Some(own), false) = (own, tuning) {
            let like = SearchParams {
                like: Some(format!("#{}", own + 1)),
                ..SearchParams::default()
            };
            let hits = ask(&searcher, like).await;
            figures[3].push(figure(&hits, Some(*own), relevant));
        }
        for (mode, figures) in [
            SearchMode::Lexical,
            SearchMode::Semantic,
            SearchMode::Hybrid,
        ]
        .into_iter()
        .zip(&mut figures)
        {
            if dump.is_none() && tuning {
                continue;
            }
            let params = SearchParams {
                query: query.clone(),
                mode: Some(mode),
                ..SearchParams::default()
            };
            let hits = ask(&searcher, params).await;
            if let (Some(dump), SearchMode::Hybrid) = (&mut dump, mode) {
                candidates(dump, set, number, &hits, *own, relevant);
            }
            if !tuning {
                figures.push(figure(&hits, *own, relevant));
            }
        }
    }
    println!(
        "\n{}: {} documents, {} queries",
        set.name,
        set.reports.len(),
        figures[0].len()
    );
    println!(
        "{:10} recall@1 recall@10 MRR@10   MRR@10 against words alone, 95 %",
        ""
    );
    let names = ["words", "meaning", "both", "like"];
    for (name, own) in names.into_iter().zip(&figures) {
        if own.is_empty() {
            continue;
        }
        let mean = |of: usize| own.iter().map(|f| f[of]).sum::<f64>() / own.len() as f64;
        let (low, high) = interval(own, &figures[0]);
        println!(
            "{name:10} {:8.3} {:9.3} {:6.3}   {:+.3} [{low:+.3}, {high:+.3}]",
            mean(0),
            mean(1),
            mean(2),
            mean(2) - figures[0].iter().map(|f| f[2]).sum::<f64>() / own.len() as f64,
        );
    }
}

async fn fill(db: &Database, set: &Set) {
    let project = json!({"id": 1, "path_with_namespace": "g/p", "name": "p", "web_url": ""});
    let issues: Vec<Value> = (1..)
        .zip(&set.reports)
        .map(|(iid, report): (u64, &Report)| {
            json!({
                "id": iid, "iid": iid, "project_id": 1, "title": report.title,
                "description": report.text, "state": "opened",
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            })
        })
        .collect();
    let now = Timestamp::UNIX_EPOCH;
    db.write(move |tx| -> Result<(), StoreError> {
        let project = serde_json::from_value(project).unwrap();
        let row = projects::upsert(tx, "h", "g/p", &project, now)?;
        for issue in issues {
            let issue = serde_json::from_value(issue).unwrap();
            ingest::issue(tx, &row, &issue, ingest::Asked::at(now))?;
        }
        while regenerate_due(tx, row.id, now, 1_000)?.is_some() {}
        let cancel = CancellationToken::new();
        let identity = futures_util::FutureExt::now_or_never(Builtin.identity(&cancel));
        let identity = identity.unwrap().unwrap();
        let name = identity.to_string();
        let model = embeddings::model(tx, &name, "builtin", &identity.model, identity.dimension)?;
        loop {
            let due = embeddings::due(tx, row.id, model, now, 500)?;
            if due.is_empty() {
                return Ok(());
            }
            for document in embeddings::embeddable(tx, &due, model)? {
                let mut found = Vec::new();
                for at in pieces(&document.body) {
                    let text = embeddable(&document.body[at.clone()]);
                    let input = EmbedInput::document(&document.title, text);
                    if let Ok(vector) = Builtin.vector(&input).unwrap() {
                        found.push(Piece {
                            at,
                            vector: vector.to_bytes(),
                        });
                    }
                }
                embeddings::put(tx, model, &document, &found)?;
            }
        }
    })
    .await
    .unwrap();
}

async fn ask(searcher: &Searcher, params: SearchParams) -> Vec<SearchHit> {
    let project = ProjectInfo {
        host: "h".into(),
        path: "g/p".into(),
        id: None,
        web_url: None,
    };
    let params = SearchParams {
        limit: Some(100),
        explain: true,
        ..params
    };
    // A title can hold what is no query, such as `type:` without a value.
    match searcher
        .query(&project, params, Timestamp::UNIX_EPOCH)
        .await
    {
        Ok(read) => read.data.hits,
        Err(_) => Vec::new(),
    }
}

/// Recall at 1 and at 10, and the reciprocal rank within 10.
fn figure(hits: &[SearchHit], own: Option<usize>, relevant: &HashSet<usize>) -> [f64; 3] {
    let ranking: Vec<usize> = hits
        .iter()
        .map(|hit| usize::try_from(hit.iid).unwrap() - 1)
        .filter(|found| Some(*found) != own)
        .take(10)
        .collect();
    let within = |k: usize| {
        let found = ranking.iter().take(k).filter(|id| relevant.contains(*id));
        found.count() as f64 / relevant.len() as f64
    };
    let first = ranking.iter().position(|id| relevant.contains(id));
    [
        within(1),
        within(10),
        first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
    ]
}

/// The interval of the difference in MRR, by paired bootstrap.
fn interval(own: &[[f64; 3]], base: &[[f64; 3]]) -> (f64, f64) {
    let mut random = StdRng::seed_from_u64(1);
    let mut means: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let total: f64 = (0..own.len())
                .map(|_| {
                    let at = random.random_range(0..own.len());
                    own[at][2] - base[at][2]
                })
                .sum();
            total / own.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (
        means[RESAMPLINGS / 40],
        means[RESAMPLINGS - RESAMPLINGS / 40],
    )
}

fn candidates(
    dump: &mut String,
    set: &Set,
    number: usize,
    hits: &[SearchHit],
    own: Option<usize>,
    relevant: &HashSet<usize>,
) {
    for hit in hits {
        let id = usize::try_from(hit.iid).unwrap() - 1;
        let explain = hit.explain.as_ref().unwrap();
        if Some(id) == own {
            continue;
        }
        let part = |part: Option<lore_proto::search::Part>| {
            part.map_or("-\t-".to_owned(), |part| {
                format!("{}\t{}", part.rank, part.score)
            })
        };
        let _ = writeln!(
            dump,
            "{}\t{number}\t{}\t{}\t{}\t{}\t{}\t{}",
            set.name,
            explain.reason,
            relevant.len(),
            u8::from(relevant.contains(&id)),
            part(explain.lexical),
            part(explain.semantic),
            set.queries.len()
        );
    }
}
