//! How fast the built-in model and the vector scan are, as ratios that hold
//! on any machine: `cargo bench -p lore-daemon --bench embedding`.
//!
//! The scan is measured beside a bare one: the same products over the same
//! bytes, with nothing kept but the largest. The times of both alternate in
//! one run, so that whatever else the machine does falls on both. Arguments:
//! how many rows, several of them if wanted (10000 100000 1000000).

#![expect(clippy::print_stdout, reason = "what a benchmark is for")]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes, shown to a few digits"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lore_daemon::embedding::{Builtin, EmbedInput, Matrix, Vector};
use multiversion::multiversion;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const DIMENSION: usize = 256;
const K: usize = 50;
const QUERIES: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    embedding()?;
    let sizes: Vec<i64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = match sizes.as_slice() {
        [] => &[10_000, 100_000, 1_000_000],
        sizes => sizes,
    };
    for rows in sizes {
        scan(*rows)?;
    }
    Ok(())
}

/// Documents a second on one thread.
fn embedding() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let first = Builtin.vector(&EmbedInput::query("first"))?;
    println!("builtin: first text after {:?}", started.elapsed());
    black_box(first?);

    let documents = documents(&mut StdRng::seed_from_u64(1), 2_000);
    let bytes: usize = documents.iter().map(|input| input.text.len()).sum();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        for document in &documents {
            black_box(Builtin.vector(document)?).ok();
        }
        best = best.min(started.elapsed());
    }
    println!(
        "builtin: {:.0} documents/s of {} bytes on average ({:.1} MB/s)",
        documents.len() as f64 / best.as_secs_f64(),
        bytes / documents.len(),
        bytes as f64 / best.as_secs_f64() / 1e6,
    );
    Ok(())
}

fn scan(rows: i64) -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = StdRng::seed_from_u64(2);
    let mut matrix = Matrix::new(DIMENSION)?;
    let mut bare = Vec::new();
    let mut filling = Duration::ZERO;
    for id in 0..rows {
        let vector = random(&mut rng);
        bare.extend_from_slice(vector.components());
        let setting = Instant::now();
        matrix.set(id, &vector)?;
        filling += setting.elapsed();
    }
    let (mut found, mut filtered, mut touched) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..QUERIES {
        let query = random(&mut rng);
        let started = Instant::now();
        black_box(matrix.top_k(&query, K, None)?);
        found.push(started.elapsed());
        let started = Instant::now();
        black_box(matrix.top_k(&query, K, Some(&|id| id % 100 == 7))?);
        filtered.push(started.elapsed());
        let components: Vec<i16> = query.components().iter().map(|x| i16::from(*x)).collect();
        let started = Instant::now();
        black_box(largest_product(&components, &bare));
        touched.push(started.elapsed());
    }
    for times in [&mut found, &mut filtered, &mut touched] {
        times.sort_unstable();
    }
    let p50 = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e3;
    let p99 = |times: &[Duration]| times[times.len() * 99 / 100].as_secs_f64() * 1e3;
    println!(
        "{rows} rows, k = {K}: p50 {:.2} ms, p99 {:.2} ms; {:.2} of a bare scan ({:.2} ms); \
         with a filter that lets 1 in 100 through {:.2} of it; {} bytes a row; filled in {:.0} ms",
        p50(&found),
        p99(&found),
        p50(&found) / p50(&touched),
        p50(&touched),
        p50(&filtered) / p50(&touched),
        matrix.memory_bytes() / usize::try_from(rows)?,
        filling.as_secs_f64() * 1e3,
    );
    Ok(())
}

/// The bare scan.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx2+fma",
    "x86_64+avx2+fma",
    "x86_64+sse4.1",
    "aarch64+neon",
))]
fn largest_product(query: &[i16], rows: &[i8]) -> i32 {
    let mut largest = i32::MIN;
    for row in rows.chunks_exact(query.len()) {
        let product = row
            .iter()
            .zip(query)
            .map(|(a, b)| i32::from(i16::from(*a)) * i32::from(*b))
            .sum();
        largest = largest.max(product);
    }
    largest
}

fn random(rng: &mut StdRng) -> Vector {
    loop {
        let components: Vec<f32> = (0..DIMENSION)
            .map(|_| rng.random_range(-1.0..1.0))
            .collect();
        if let Some(vector) = Vector::quantise(&components) {
            return vector;
        }
    }
}

/// Documents of the words of a bug report, of very different lengths.
fn documents(rng: &mut StdRng, count: usize) -> Vec<EmbedInput> {
    const WORDS: &[&str] = &[
        "the",
        "to",
        "fails",
        "when",
        "Runner",
        "config.toml",
        "is",
        "a",
        "pipeline",
        "after",
        "NullPointerException",
        "at",
        "upgrade",
        "with",
        "kubernetes",
        "executor",
        "timeout,",
        "and",
        "cache",
        "not",
        "restored.",
        "GitLab",
        "job",
        "artifacts",
        "upload",
        "returns",
        "403",
        "src/main.rs:42",
        "expected",
        "behaviour",
        "see",
        "#1234",
        "docker-machine",
        "in",
        "logs",
        "authentication",
        "token",
        "expired",
        "for",
        "merge",
        "request",
        "`git fetch`",
    ];
    let mut document = |words: usize| {
        let words: Vec<&str> = (0..words)
            .map(|_| WORDS[rng.random_range(0..WORDS.len())])
            .collect();
        words.join(" ")
    };
    (0..count)
        .map(|number| EmbedInput::document(document(8), document(10 + number % 160)))
        .collect()
}
