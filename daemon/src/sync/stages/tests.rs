//! The stages over a real database, with an embedder that tells what it was
//! asked for.

mod cost;

use std::sync::{Arc, Mutex};

use lore_proto::jobs::Priority;
use lore_proto::sync::{Requested, RunMode, RunResult};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::SyncConfig;
use crate::embedding::testing::{Scripted, named};
use crate::embedding::{EmbedError, EmbedInput, Embedded, InputError, Vector};
use crate::events::EventLog;
use crate::query::fixture::{HOST, Mirror, PATH};
use crate::store::dirty::{self, Marked};
use crate::store::{Source, SourceKind, StoreError};
use crate::sync::{Hosts, NewRun, RunRecorder, SyncError, Trigger};

#[derive(Debug, Default)]
struct Recording {
    model: String,
    titles: Mutex<Vec<String>>,
    /// Titles that it refuses.
    refuses: Vec<&'static str>,
    away: bool,
    /// Fires after a batch.
    cancels: Option<CancellationToken>,
}

impl Recording {
    fn embed(&self, inputs: &[EmbedInput]) -> Result<Vec<Embedded>, EmbedError> {
        if self.away {
            return Err(EmbedError::Defect);
        }
        let vectors = inputs.iter().map(|input| {
            self.titles.lock().unwrap().push(input.title.clone());
            if self.refuses.contains(&input.title.as_str()) {
                return Err(InputError::NoVector);
            }
            Vector::quantise(&[1.0, 0.5]).ok_or(InputError::Empty)
        });
        let vectors = vectors.collect();
        if let Some(cancel) = &self.cancels {
            cancel.cancel();
        }
        Ok(vectors)
    }
}

struct Bench {
    mirror: Mirror,
    engine: Engine,
}

impl Bench {
    async fn new() -> Self {
        let mirror = Mirror::new().await;
        let engine = Engine::new(
            mirror.db.clone(),
            Hosts::default(),
            mirror.clock.clone(),
            SyncConfig::default(),
            1,
        );
        Self { mirror, engine }
    }

    fn embedder(&self, provider: Recording) -> Arc<Recording> {
        let provider = Arc::new(provider);
        let (model, embedder) = (provider.model.clone(), Arc::clone(&provider));
        self.engine.set_embedder(Ok(Some(Arc::new(Scripted {
            identity: move || Ok(named(&model)),
            embed: move |inputs: &[EmbedInput]| embedder.embed(inputs),
        }))));
        provider
    }

    async fn issues(&self, ids: std::ops::RangeInclusive<i64>) {
        for id in ids {
            self.mirror
                .sql(format!(
                    "INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, updated_at)
                     VALUES ({id}, 1, {id}, {id}, 'Issue {id}', 'opened', {id})"
                ))
                .await;
        }
    }

    /// Runs `work` as the stages of a run.
    async fn run<F>(&self, cancel: CancellationToken, work: F) -> (Result<(), SyncError>, RunResult)
    where
        F: AsyncFnOnce(Stage<'_>) -> Result<(), SyncError>,
    {
        let run = NewRun {
            run_id: format!("run-{}", self.mirror.now().as_nanosecond()),
            mode: RunMode::Standard,
            project_id: Some(1),
            host: HOST.into(),
            project: PATH.into(),
            trigger: Trigger::Request,
            options: json!({}),
            requested: Requested::default(),
            retry_of: None,
        };
        self.mirror
            .clock
            .advance(jiff::SignedDuration::from_secs(1));
        let recorder = RunRecorder::start(self.engine.ledger(), run, Arc::new(|_| {}))
            .await
            .unwrap();
        let events = EventLog::new(1, self.mirror.clock.clone());
        let cx = JobContext::new(Priority::Background, events, cancel);
        let ledger = recorder.handle();
        let stage = Stage {
            engine: &self.engine,
            ledger: &ledger,
            cx: &cx,
            project: 1,
        };
        let ended = work(stage).await;
        (ended, recorder.finish_succeeded().await.unwrap())
    }

    async fn both(&self) -> RunResult {
        let (ended, run) = self
            .run(CancellationToken::new(), async |stage| {
                docs::due(stage).await?;
                embed::due(stage).await
            })
            .await;
        ended.unwrap();
        run
    }

    async fn number(&self, sql: &'static str) -> i64 {
        self.mirror
            .db
            .read(move |connection| -> Result<_, StoreError> {
                Ok(connection.query_row(sql, [], |row| row.get(0))?)
            })
            .await
            .unwrap()
    }

    async fn marking(&self, id: i64) -> Marked {
        let source = Source {
            kind: SourceKind::Issue,
            id,
        };
        let read = self.mirror.db.read(move |c| dirty::marking(c, source));
        read.await.unwrap().unwrap()
    }
}

const EMBEDDED: &str = "SELECT count(*) FROM documents WHERE embedded_with IS NOT NULL";

#[tokio::test]
async fn everything_due_is_rendered_and_embedded_once() {
    let bench = Bench::new().await;
    let provider = bench.embedder(Recording::default());
    bench.issues(1..=150).await;
    let run = bench.both().await;
    assert_eq!(run.counters.docs_regenerated, 150);
    assert_eq!(run.counters.docs_embedded, 150);
    assert_eq!(provider.titles.lock().unwrap().len(), 150);
    let again = bench.both().await;
    assert_eq!(
        (
            again.counters.docs_regenerated,
            again.counters.docs_embedded
        ),
        (0, 0)
    );
    bench
        .mirror
        .sql("UPDATE issues SET title = 'New' WHERE id = 7")
        .await;
    let changed = bench.both().await;
    assert_eq!(
        (
            changed.counters.docs_regenerated,
            changed.counters.docs_embedded
        ),
        (1, 1)
    );
    assert_eq!(provider.titles.lock().unwrap().len(), 151);
}

#[tokio::test]
async fn scoped_embed_does_not_embed_unrelated_docs_created_after_docs_stage() {
    let bench = Bench::new().await;
    let provider = bench.embedder(Recording::default());
    bench.issues(1..=1).await;
    let mine = bench.marking(1).await;
    let (ended, run) = bench
        .run(CancellationToken::new(), async |stage| {
            let documents = docs::exactly(stage, vec![mine]).await?;
            // Another sync renders another document before this one embeds.
            bench.issues(2..=2).await;
            docs::due(stage).await?;
            embed::exactly(stage, documents).await
        })
        .await;
    ended.unwrap();
    assert_eq!(*provider.titles.lock().unwrap(), ["Issue 1"]);
    assert_eq!(run.counters.docs_embedded, 1);
    assert_eq!(bench.number(EMBEDDED).await, 1);
    assert_eq!(bench.number("SELECT count(*) FROM documents").await, 2);
}

#[tokio::test]
async fn an_embedder_that_is_away_is_a_warning_and_the_next_run_makes_up_for_it() {
    let bench = Bench::new().await;
    bench.embedder(Recording {
        away: true,
        ..Recording::default()
    });
    bench.issues(1..=3).await;
    let run = bench.both().await;
    assert_eq!(run.counters.docs_regenerated, 3);
    assert_eq!((run.counters.docs_embedded, run.counters.warnings), (0, 1));
    bench.embedder(Recording::default());
    assert_eq!(bench.both().await.counters.docs_embedded, 3);
}

#[tokio::test]
async fn a_document_that_is_refused_waits_and_stops_no_other() {
    let bench = Bench::new().await;
    let provider = bench.embedder(Recording {
        refuses: vec!["Issue 2"],
        ..Recording::default()
    });
    bench.issues(1..=3).await;
    assert_eq!(bench.both().await.counters.docs_embedded, 2);
    assert_eq!(bench.both().await.counters.docs_embedded, 0);
    assert_eq!(provider.titles.lock().unwrap().len(), 3);
    bench
        .mirror
        .clock
        .advance(jiff::SignedDuration::from_mins(6));
    bench.embedder(Recording::default());
    assert_eq!(bench.both().await.counters.docs_embedded, 1);
}

#[tokio::test]
async fn another_model_embeds_all_anew_and_the_old_vectors_go_last() {
    let bench = Bench::new().await;
    bench.embedder(Recording::default());
    bench.issues(1..=100).await;
    bench.both().await;
    let cancel = CancellationToken::new();
    bench.embedder(Recording {
        model: "other".into(),
        cancels: Some(cancel.clone()),
        ..Recording::default()
    });
    let (ended, _) = bench
        .run(cancel, async |stage| embed::due(stage).await)
        .await;
    assert!(matches!(ended, Err(SyncError::Cancelled)));
    // One batch of the new ones, and every one of the old.
    let old = "SELECT count(*) FROM embeddings WHERE model_id = 1";
    assert_eq!(bench.number(old).await, 100);
    assert_eq!(bench.number("SELECT count(*) FROM embeddings").await, 164);
    bench.embedder(Recording {
        model: "other".into(),
        ..Recording::default()
    });
    assert_eq!(bench.both().await.counters.docs_embedded, 36);
    assert_eq!(bench.number(old).await, 0);
    assert_eq!(bench.number("SELECT count(*) FROM embeddings").await, 100);
}

#[tokio::test]
async fn a_document_that_the_new_model_refuses_does_not_keep_the_old_vectors() {
    let bench = Bench::new().await;
    bench.embedder(Recording::default());
    bench.issues(1..=3).await;
    bench.both().await;
    bench.embedder(Recording {
        model: "other".into(),
        refuses: vec!["Issue 2"],
        ..Recording::default()
    });
    bench.both().await;
    assert_eq!(
        bench
            .number("SELECT count(*) FROM embeddings WHERE model_id = 1")
            .await,
        0
    );
}

#[tokio::test]
async fn a_model_that_fails_at_most_documents_takes_no_vectors_and_the_way_back_is_open() {
    let bench = Bench::new().await;
    bench.embedder(Recording::default());
    bench.issues(1..=4).await;
    bench.both().await;
    bench.embedder(Recording {
        model: "broken".into(),
        refuses: vec!["Issue 1", "Issue 2", "Issue 3"],
        ..Recording::default()
    });
    bench.both().await;
    let old = "SELECT count(*) FROM embeddings WHERE model_id = 1";
    assert_eq!(bench.number(old).await, 4);
    assert_eq!(
        bench
            .number("SELECT count(*) FROM embedding_failures")
            .await,
        3
    );
    // Back again: what stands is not embedded anew, and what failed does not wait.
    let before = bench.embedder(Recording::default());
    bench.issues(5..=5).await;
    bench.both().await;
    assert_eq!(*before.titles.lock().unwrap(), ["Issue 5"]);
    let in_use = "SELECT count(*) FROM documents WHERE embedded_with = 1";
    assert_eq!(bench.number(in_use).await, 5);
    assert_eq!(bench.number("SELECT count(*) FROM embeddings").await, 5);
    let third = bench.embedder(Recording {
        model: "third".into(),
        ..Recording::default()
    });
    bench.both().await;
    assert_eq!(third.titles.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn the_embed_lock_is_free_while_the_service_is_waited_for() {
    let bench = Bench::new().await;
    bench.issues(1..=1).await;
    let (locks, held) = (
        bench.engine.sync_locks().clone(),
        Arc::new(Mutex::new(Vec::new())),
    );
    let seen = Arc::clone(&held);
    bench.engine.set_embedder(Ok(Some(Arc::new(Scripted {
        identity: || Ok(named("looking")),
        embed: move |inputs: &[EmbedInput]| {
            let embed = locks.info().swap_remove(1);
            seen.lock().unwrap().push(embed.held_by);
            let vectors = inputs.iter();
            let vectors = vectors.map(|_| Vector::quantise(&[1.0, 0.5]).ok_or(InputError::Empty));
            Ok(vectors.collect())
        },
    }))));
    assert_eq!(bench.both().await.counters.docs_embedded, 1);
    assert_eq!(*held.lock().unwrap(), [None]);
}

#[tokio::test]
async fn cancelling_loses_at_most_one_batch() {
    let bench = Bench::new().await;
    let cancel = CancellationToken::new();
    let provider = bench.embedder(Recording {
        cancels: Some(cancel.clone()),
        ..Recording::default()
    });
    bench.issues(1..=130).await;
    let (ended, _) = bench
        .run(cancel, async |stage| {
            docs::due(stage).await?;
            embed::due(stage).await
        })
        .await;
    assert!(matches!(ended, Err(SyncError::Cancelled)));
    assert_eq!(bench.number(EMBEDDED).await, 64);
    assert_eq!(provider.titles.lock().unwrap().len(), 64);
}

#[tokio::test]
async fn both_locks_are_free_when_the_stages_end() {
    let bench = Bench::new().await;
    bench.embedder(Recording::default());
    bench.issues(1..=2).await;
    bench.both().await;
    assert!(
        bench
            .engine
            .locks()
            .iter()
            .all(|lock| lock.held_by.is_none())
    );
}
