//! Every ending is in the ledger, and what was cut short is not lost.

use gitlab_sim::upstream::{ItemKind, ItemRef};
use gitlab_sim::{FaultKind, FaultRule, Route, RouteFilter, When};
use lore_e2e::{Mirror, broken_invariants, eventually};
use lore_proto::ErrorCode;
use lore_proto::jobs::{JobState, Priority};
use lore_proto::sync::{CompletionStatus, Phase, RunStatus};
use tokio_util::sync::CancellationToken;

use super::harness::{Ended, dump, ended, merge_requests, reaches, retitle, start, surgical};
use crate::support::{LATER, PROJECT, generated, synced};

async fn changed(seed: u64) -> Mirror {
    let mirror = synced(&generated(seed, 10)).await;
    mirror.change(|upstream| retitle(upstream, ItemRef::merge_request(PROJECT, 2)));
    mirror.advance(LATER);
    mirror
}

/// What a cancelled run of merge request 2 has to look like.
async fn assert_cancelled(mirror: &Mirror, ended: &Ended, stage: Option<&str>) {
    assert_eq!(ended.state, JobState::Cancelled, "{stage:?}: {ended:#?}");
    assert_eq!(ended.code(), "CANCELLED");
    let run = ended.run();
    assert_eq!(run.status, RunStatus::Cancelled);
    assert_eq!(run.phase, Phase::Cancelled);
    assert_eq!(run.completion_status, Some(CompletionStatus::Cancelled));
    assert!(run.finished_at.is_some() && run.cancelled_at.is_some());
    // What ended well before the cut need not be repeated.
    let retry = match stage {
        Some(_) => format!("lore sync-runs --run-id {} --retry-failed", run.run_id),
        None => format!("lore sync -p {}", run.project),
    };
    assert_eq!(run.suggested_retry_command, Some(retry));
    let cut = mirror.texts(&format!(
        "SELECT stage FROM sync_run_entities WHERE run_id = '{}' AND status = 'cancelled'",
        run.run_id
    ));
    assert_eq!(cut, Vec::from_iter(stage));
    for lock in mirror.engine().locks() {
        assert_eq!(lock.held_by, None, "{stage:?}");
    }
    broken_invariants(&mirror.connection()).assert_none();
    // The mirror is repaired by the next standard sync.
    mirror.sim.faults().clear();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellation_marks_sync_run_cancelled() {
    // While the network is waited for.
    for (seed, phase, route) in [
        (40, Phase::Preflight, Route::Item(ItemKind::MergeRequest)),
        (41, Phase::Fetch, Route::Discussions(ItemKind::MergeRequest)),
    ] {
        let mirror = changed(seed).await;
        let before = dump(&mirror);
        mirror.sim.faults().add(FaultRule::new(
            RouteFilter::Item(route, 2),
            FaultKind::Stall(None),
            When::Always,
        ));
        let job = start(&mirror, merge_requests(&[2])).await;
        reaches(&mirror, job, phase).await;
        assert!(mirror.scheduler().cancel(job, None).await.is_some());
        let ended = ended(&mirror, job).await;
        assert_eq!(dump(&mirror), before, "{phase}");
        assert_cancelled(&mirror, &ended, Some("primary")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_the_lock_can_be_cancelled() {
    // How often the lock is had before the run is made to wait, and where it
    // then stands.
    for (seed, turns, phase, stage) in [
        (42, 0, Phase::Ingest, Some("primary")),
        (43, 1, Phase::Dependents, Some("dependents")),
        (46, 2, Phase::Docs, None),
    ] {
        let mirror = changed(seed).await;
        let lock = mirror.engine().sync_locks().sync.clone();
        let never = CancellationToken::new();
        let mut held = lock
            .acquire(Priority::Interactive, "test", &never)
            .await
            .unwrap();
        let job = start(&mirror, merge_requests(&[2])).await;
        reaches(&mirror, job, Phase::Ingest).await;
        for _ in 0..turns {
            // Stands in the line behind the run, gets the lock after its next
            // write and keeps it from the one after.
            lock_has(&mirror, 1).await;
            let (lock, never) = (lock.clone(), never.clone());
            let next =
                tokio::spawn(
                    async move { lock.acquire(Priority::Interactive, "test", &never).await },
                );
            lock_has(&mirror, 2).await;
            drop(held);
            held = next.await.unwrap().unwrap();
        }
        reaches(&mirror, job, phase).await;
        assert!(mirror.scheduler().cancel(job, None).await.is_some());
        let ended = ended(&mirror, job).await;
        drop(held);
        assert_cancelled(&mirror, &ended, stage).await;
    }
}

/// Waits until so many wait for the sync lock.
async fn lock_has(mirror: &Mirror, waiting: u64) {
    eventually("somebody waits for the lock", || {
        let locks = mirror.engine().locks();
        locks.iter().find(|it| it.name == "sync").unwrap().waiting >= waiting
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_daemon_died_is_closed_as_interrupted_and_owes_what_it_began() {
    let mut mirror = changed(44).await;
    let lock = mirror.engine().sync_locks().sync.clone();
    let never = CancellationToken::new();
    let held = lock
        .acquire(Priority::Interactive, "test", &never)
        .await
        .unwrap();
    let job = start(&mirror, merge_requests(&[2])).await;
    reaches(&mirror, job, Phase::Ingest).await;
    lock_has(&mirror, 1).await;
    let behind = {
        let (lock, never) = (lock.clone(), never.clone());
        tokio::spawn(async move { lock.acquire(Priority::Interactive, "test", &never).await })
    };
    lock_has(&mirror, 2).await;
    drop(held);
    // The items are written, their dependents are not.
    let held = behind.await.unwrap().unwrap();
    reaches(&mirror, job, Phase::Dependents).await;
    // What a kill leaves: the database as it is now.
    let file = std::fs::read(mirror.path()).unwrap();
    let log = std::fs::read(mirror.path().with_extension("db-wal")).unwrap();
    drop(held);
    ended(&mirror, job).await;
    mirror
        .restart_after(|path| {
            std::fs::write(path, &file).unwrap();
            std::fs::write(path.with_extension("db-wal"), &log).unwrap();
        })
        .await;
    let died =
        mirror.texts("SELECT status || ' ' || error_code FROM sync_runs WHERE mode = 'surgical'");
    assert_eq!(died, [format!("failed {}", ErrorCode::Interrupted)]);
    assert_eq!(
        mirror.texts("SELECT iid || reason FROM rechecks"),
        ["2incomplete"]
    );
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_says_what_it_asked_for() {
    let mirror = changed(45).await;
    let ended = surgical(&mirror, merge_requests(&[2, 999])).await;
    let run = ended.run();
    assert_eq!(run.requested.merge_requests, [2, 999]);
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.phase, Phase::Failed);
    assert_eq!(run.error_code, Some(ErrorCode::SurgicalPreflightFailed));
    let targets = mirror.texts(&format!(
        "SELECT requested FROM sync_runs WHERE run_id = '{}'",
        run.run_id
    ));
    assert_eq!(targets, [r#"{"issues":[],"merge_requests":[2,999]}"#]);
}
