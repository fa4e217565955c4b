use std::time::Duration;

use jiff::SignedDuration;
use lore_proto::sync::{CompletionStatus, Requested, RunStatus};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::state::MAX_WARNINGS;
use super::*;
use crate::query::fixture::{HOST, Mirror, PATH};
use crate::store::runs::{read, result};
use crate::sync::{Publish, new_run_id};

const OK: EntityStatus = EntityStatus::Ok;
const FAILED: EntityStatus = EntityStatus::Failed;

/// A ledger with a project, and all events that its runs published.
struct Bench {
    mirror: Mirror,
    ledger: Ledger,
    events: Arc<Mutex<Vec<EventBody>>>,
}

impl Bench {
    async fn new() -> Self {
        let mirror = Mirror::new().await;
        let ledger = Ledger::new(mirror.db.clone(), mirror.clock.clone());
        Self {
            mirror,
            ledger,
            events: Arc::default(),
        }
    }

    async fn start(&self, run_id: &str) -> RunRecorder {
        self.start_as(run_id, RunMode::Standard).await
    }

    async fn start_as(&self, run_id: &str, mode: RunMode) -> RunRecorder {
        let events = Arc::clone(&self.events);
        let publish: Publish = Arc::new(move |event| events.lock().unwrap().push(event));
        RunRecorder::start(&self.ledger, new_run(run_id, mode), publish)
            .await
            .unwrap()
    }

    /// The run as the ledger has it now.
    async fn stored(&self, run_id: &'static str) -> RunResult {
        self.mirror
            .db
            .read(move |connection| {
                let row = read::get(connection, run_id)?.unwrap();
                result::with_entities(connection, row)
            })
            .await
            .unwrap()
    }

    /// Lets the database grow by no more than `pages`, as a full disk does.
    async fn limit_growth(&self, pages: Option<u32>) {
        self.mirror
            .db
            .write(move |tx| -> Result<(), StoreError> {
                let now: u32 = tx.pragma_query_value(None, "page_count", |row| row.get(0))?;
                let limit = pages.map_or(1 << 30, |pages| now + pages);
                tx.pragma_query_value(None, "max_page_count", |_| Ok(()))?;
                tx.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))?;
                Ok(())
            })
            .await
            .unwrap();
    }
}

fn new_run(run_id: &str, mode: RunMode) -> NewRun {
    NewRun {
        run_id: run_id.into(),
        mode,
        project_id: None,
        host: HOST.into(),
        project: PATH.into(),
        trigger: Trigger::Request,
        options: json!({}),
        requested: Requested::default(),
        retry_of: None,
    }
}

fn timeout() -> (ErrorCode, String) {
    (ErrorCode::Timeout, "no answer".into())
}

#[tokio::test]
async fn a_run_stands_in_the_ledger_from_its_start() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    let stored = bench.stored("run1").await;
    assert_eq!(
        (stored.status, stored.phase),
        (RunStatus::Running, Phase::Preflight)
    );
    assert_eq!(stored.started_at, bench.mirror.now());
    assert_eq!((stored.completion_status, stored.finished_at), (None, None));
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(result.completion_status, Some(CompletionStatus::Succeeded));
    assert_eq!(
        (result.status, result.phase),
        (RunStatus::Succeeded, Phase::Done)
    );
    assert_eq!(result, bench.stored("run1").await);
}

#[tokio::test(start_paused = true)]
async fn each_phase_is_written_published_and_timed() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    tokio::time::advance(Duration::from_millis(120)).await;
    run.enter(Phase::Ingest).await.unwrap();
    run.enter(Phase::Ingest).await.unwrap();
    tokio::time::advance(Duration::from_millis(30)).await;
    run.handle().count(|counters| counters.issues_ingested += 3);
    bench.mirror.clock.advance(SignedDuration::from_secs(9));
    run.heartbeat().await;
    let stored = bench.stored("run1").await;
    assert_eq!(stored.phase, Phase::Ingest);
    assert_eq!(
        (
            stored.stage_timings_ms.preflight,
            stored.stage_timings_ms.ingest
        ),
        (120, 30)
    );
    assert_eq!(
        (stored.counters.issues_ingested, stored.elapsed_ms),
        (3, 9_000)
    );
    tokio::time::advance(Duration::from_millis(5)).await;
    run.enter(Phase::Done).await.unwrap();
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(
        (
            result.stage_timings_ms.ingest,
            result.stage_timings_ms.dependents
        ),
        (35, 0)
    );
    let phases: Vec<_> = bench.events.lock().unwrap().iter().cloned().collect();
    let phase = |phase| EventBody::Phase {
        phase,
        project: PATH.into(),
    };
    assert_eq!(phases, [phase(Phase::Preflight), phase(Phase::Ingest)]);
}

#[tokio::test]
async fn a_standard_run_keeps_what_did_not_go_well() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    let handle = run.handle();
    for iid in 1..=1_000 {
        handle.entity(EntityType::Issue, iid, "discussions", OK, None);
    }
    handle.entity(
        EntityType::Issue,
        7,
        "item",
        EntityStatus::SkippedStale,
        None,
    );
    handle.entity(
        EntityType::MergeRequest,
        8,
        "diffs",
        EntityStatus::Timeout,
        Some(timeout()),
    );
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(
        result.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    assert_eq!(result.counters.warnings, 1);
    let [stale, late] = result.entity_outcomes.as_slice() else {
        panic!("{:?}", result.entity_outcomes)
    };
    assert!(stale.stale_skipped && stale.fetched && !stale.ingested);
    assert!(late.fetched && late.ingested);
    assert_eq!(late.dependent_failures[0].stage, "diffs");
    assert_eq!(result.entity_failures.len(), 1);
    assert_eq!(result.entity_failures[0].code, ErrorCode::Timeout);
    assert_eq!(
        result.recovery_actions,
        ["lore sync-runs --run-id run1", "lore sync -p group/project"]
    );
}

#[tokio::test]
async fn a_stage_that_failed_and_was_done_later_is_no_warning() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    let handle = run.handle();
    handle.entity(EntityType::Issue, 1, "discussions", FAILED, Some(timeout()));
    run.heartbeat().await;
    assert_eq!(bench.stored("run1").await.counters.warnings, 1);
    handle.entity(EntityType::Issue, 1, "discussions", OK, None);
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(result.completion_status, Some(CompletionStatus::Succeeded));
    assert!(result.entity_failures.is_empty());
}

#[tokio::test]
async fn a_surgical_run_keeps_every_item() {
    let bench = Bench::new().await;
    let run = bench.start_as("run1", RunMode::Surgical).await;
    run.handle()
        .entity(EntityType::Issue, 1, "primary", OK, None);
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(result.entity_outcomes.len(), 1);
    assert!(result.entity_outcomes[0].ingested);
}

#[tokio::test]
async fn warnings_are_kept_up_to_a_bound_and_counted_beyond_it() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    for n in 0..MAX_WARNINGS + 5 {
        run.handle().warn(
            ErrorCode::GitlabBadPayload,
            format!("{n} {}", "x".repeat(5_000)),
        );
    }
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(result.warnings.len(), MAX_WARNINGS + 1);
    assert!(result.warnings[MAX_WARNINGS].contains("5 more"));
    assert!(result.warnings[0].chars().count() <= MAX_MESSAGE + 1);
    assert_eq!(result.counters.warnings, 205);
    assert_eq!(
        result.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    assert_eq!(bench.events.lock().unwrap().len(), 1 + MAX_WARNINGS + 5);
}

#[tokio::test]
async fn more_failures_than_wait_in_memory_are_all_in_the_result() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let handle = run.handle();
            tokio::spawn(async move {
                for iid in 0..500 {
                    handle.entity(
                        EntityType::Issue,
                        task * 500 + iid,
                        "discussions",
                        FAILED,
                        Some(timeout()),
                    );
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let result = run.finish_succeeded().await.unwrap();
    assert_eq!(
        (result.entity_failures.len(), result.counters.warnings),
        (2_000, 2_000)
    );
}

#[tokio::test]
async fn failure_and_cancellation_say_so() {
    let bench = Bench::new().await;
    let error = WireError::new(ErrorCode::GitlabUnauthorized, "the token was refused");
    let failed = bench
        .start("run1")
        .await
        .finish_failed(&error)
        .await
        .unwrap();
    assert_eq!(
        (failed.status, failed.phase),
        (RunStatus::Failed, Phase::Failed)
    );
    assert_eq!(failed.error_code, Some(ErrorCode::GitlabUnauthorized));
    assert_eq!(
        failed.error_message.as_deref(),
        Some("the token was refused")
    );
    assert_eq!(
        failed.recovery_actions[0],
        "lore auth login --host gitlab.example.com"
    );
    let cancelled = bench.start("run2").await.finish_cancelled().await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.phase),
        (RunStatus::Cancelled, Phase::Cancelled)
    );
    assert_eq!(cancelled.cancelled_at, cancelled.finished_at);
    assert!(cancelled.cancelled_at.is_some());
}

#[tokio::test]
async fn a_run_that_is_dropped_or_panics_is_recorded_as_failed() {
    let bench = Bench::new().await;
    drop(bench.start("run1").await);
    let run = bench.start("run2").await;
    let panicked = tokio::spawn(async move {
        let _run = run;
        panic!("a defect");
    });
    assert!(panicked.await.is_err());
    assert_eq!(bench.ledger.close_at_next_chance().await, 0);
    for run_id in ["run1", "run2"] {
        let stored = bench.stored(run_id).await;
        assert_eq!(
            (stored.status, stored.error_code),
            (RunStatus::Failed, Some(ErrorCode::Internal))
        );
        assert!(stored.finished_at.is_some());
    }
}

#[tokio::test]
async fn nothing_is_recorded_after_the_end() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    let handle = run.handle();
    let result = run.finish_succeeded().await.unwrap();
    handle.count(|counters| counters.issues_fetched += 1);
    handle.entity(EntityType::Issue, 1, "item", FAILED, Some(timeout()));
    handle.shared.flush().await.unwrap();
    assert_eq!(bench.stored("run1").await, result);
}

#[tokio::test]
async fn a_write_that_comes_late_leaves_a_closed_run_as_it_is() {
    let bench = Bench::new().await;
    let result = bench.start("run1").await.finish_cancelled().await.unwrap();
    let progress = State::new(None).progress();
    let ending = Ending {
        run_id: "run1".into(),
        progress: progress.clone(),
        entities: Vec::new(),
        end: End::Succeeded,
        at: bench.mirror.now(),
    };
    bench.mirror.clock.advance(SignedDuration::from_secs(7));
    let now = bench.mirror.now();
    let again = bench
        .mirror
        .db
        .write(move |tx| {
            record::save(tx, "run1", &progress, now)?;
            record::finish(tx, &ending)
        })
        .await
        .unwrap();
    assert_eq!(again, result);
}

#[tokio::test]
async fn a_run_learns_its_project_and_outlives_it() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    run.handle().project_known(1);
    run.enter(Phase::Fetch).await.unwrap();
    let of = |bench: &Bench| {
        let db = bench.mirror.db.clone();
        async move {
            db.read(|connection| read::get(connection, "run1"))
                .await
                .unwrap()
                .unwrap()
                .project_id
        }
    };
    assert_eq!(of(&bench).await, Some(1));
    bench.mirror.sql("DELETE FROM projects").await;
    run.heartbeat().await;
    assert_eq!(run.finish_succeeded().await.unwrap().project, PATH);
    assert_eq!(of(&bench).await, None);
}

#[tokio::test]
async fn runs_of_a_dead_daemon_are_closed_as_interrupted() {
    let bench = Bench::new().await;
    let finished = bench.start("run1").await.finish_succeeded().await.unwrap();
    // A dead process runs no destructor.
    std::mem::forget(bench.start("run2").await);
    bench.mirror.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(bench.ledger.close_interrupted().await.unwrap(), 1);
    let stored = bench.stored("run2").await;
    assert_eq!(
        (stored.status, stored.phase),
        (RunStatus::Failed, Phase::Failed)
    );
    assert_eq!(stored.error_code, Some(ErrorCode::Interrupted));
    assert_eq!(stored.finished_at, Some(bench.mirror.now()));
    assert_eq!(stored.recovery_actions, ["lore sync -p group/project"]);
    assert_eq!(bench.stored("run1").await, finished);
}

#[tokio::test]
async fn an_end_that_does_not_fit_on_the_disk_is_written_at_the_next_chance() {
    let bench = Bench::new().await;
    let run = bench.start("run1").await;
    for n in 0..MAX_WARNINGS {
        run.handle()
            .warn(ErrorCode::Network, format!("{n} {}", "x".repeat(900)));
    }
    bench.limit_growth(Some(0)).await;
    run.heartbeat().await;
    let error = run.finish_succeeded().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DiskFull);
    assert_eq!(bench.stored("run1").await.status, RunStatus::Running);
    assert_eq!(bench.ledger.close_at_next_chance().await, 1);
    bench.limit_growth(None).await;
    // The next run of any project is such a chance.
    let next = bench.start("run2").await;
    let stored = bench.stored("run1").await;
    assert_eq!(
        stored.completion_status,
        Some(CompletionStatus::SucceededWithWarnings)
    );
    assert_eq!(stored.warnings.len(), MAX_WARNINGS);
    next.finish_succeeded().await.unwrap();
    assert_eq!(bench.ledger.close_at_next_chance().await, 0);
}

#[test]
fn run_ids_are_sorted_by_time_and_unique() {
    let mut random = StdRng::seed_from_u64(1);
    let mut id = |millis| {
        let at = jiff::Timestamp::from_millisecond(millis).unwrap();
        new_run_id(at, &mut random)
    };
    let ids = [
        id(1_000),
        id(1_001),
        id(1_800_000_000_000),
        id(1_800_000_000_001),
    ];
    assert!(ids.is_sorted());
    assert_ne!(id(5), id(5));
    for id in ids {
        assert_eq!(id.len(), 26);
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
        );
    }
}
