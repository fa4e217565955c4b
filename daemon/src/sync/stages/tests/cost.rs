//! One change costs as much in a large project as in a small one.

use super::*;

/// Rows that the stages wrote, the index's own among them, and how many
/// documents they rendered and embedded, for one new title among `issues`.
async fn of_one_change(issues: i64) -> (u64, u64, u64) {
    let bench = Bench::new().await;
    let provider = bench.embedder(Recording::default());
    bench.issues(1..=issues).await;
    bench.both().await;
    let calls = || provider.titles.lock().unwrap().len() as u64;
    let embedded = calls();
    bench
        .mirror
        .sql("UPDATE issues SET title = 'New' WHERE id = 7")
        .await;
    let before = rows_written(&bench).await;
    let run = bench.both().await;
    assert_eq!(run.counters.docs_embedded, calls() - embedded);
    (
        rows_written(&bench).await - before,
        run.counters.docs_regenerated,
        run.counters.docs_embedded,
    )
}

/// By the only connection that writes, since it was opened.
async fn rows_written(bench: &Bench) -> u64 {
    let written = bench
        .mirror
        .db
        .write(|tx| -> Result<u64, StoreError> { Ok(tx.total_changes()) });
    written.await.unwrap()
}

#[tokio::test]
async fn one_change_is_rendered_embedded_and_written_alone_however_large_the_project() {
    let small = of_one_change(10).await;
    let large = of_one_change(400).await;
    assert_eq!((small.1, small.2), (1, 1));
    assert_eq!((large.1, large.2), (1, 1));
    assert!(small.0 > 0);
    assert!(
        large.0 <= small.0 + 5,
        "{} rows among 10 issues, {} among 400",
        small.0,
        large.0
    );
}
