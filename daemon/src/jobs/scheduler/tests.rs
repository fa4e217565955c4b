use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lore_proto::events::EventBody;
use lore_proto::jobs::{JobState, Priority};
use serde_json::json;

use super::*;
use crate::clock::SystemClock;
use crate::jobs::{JobContext, Work};

/// What a test job does.
struct Does<F>(F);

impl<F, Fut> Work for Does<F>
where
    F: FnOnce(JobContext) -> Fut + Send + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        self.0(cx).boxed()
    }
}

fn scheduler() -> Scheduler {
    Scheduler::start(Arc::new(SystemClock), SchedulerLimits::default())
}

async fn submit<F, Fut>(scheduler: &Scheduler, work: F) -> u64
where
    F: FnOnce(JobContext) -> Fut + Send + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let submission = Submission {
        kind: "test",
        title: "a test".to_owned(),
        priority: Priority::Interactive,
        key: None,
        exclusive: Vec::new(),
        run_ids: Vec::new(),
        work: Box::new(Does(work)),
    };
    scheduler.submit(submission).await.unwrap().job_id
}

/// Waits for the end of a job and gives its last state.
async fn state_at_end(scheduler: &Scheduler, job_id: u64) -> JobState {
    let mut follow = scheduler.follow(job_id, 0).unwrap();
    let end = async {
        let mut last = None;
        while let Some(event) = follow.next().await {
            last = Some(event.body);
        }
        last
    };
    let last = tokio::time::timeout(Duration::from_mins(1), end)
        .await
        .unwrap();
    match last {
        Some(EventBody::Finished { state, .. }) => state,
        other => panic!("the last event is {other:?}"),
    }
}

async fn until_cancelled(cx: JobContext) -> Outcome {
    cx.cancel.cancelled().await;
    Outcome::cancelled()
}

#[tokio::test]
async fn a_panic_fails_its_own_job_alone() {
    let scheduler = scheduler();
    let bad = submit(&scheduler, |_| async { panic!("glpat-secret") }).await;
    let good = submit(&scheduler, |_| async { Outcome::succeeded(json!(1)) }).await;
    assert_eq!(state_at_end(&scheduler, bad).await, JobState::Failed);
    assert_eq!(state_at_end(&scheduler, good).await, JobState::Succeeded);
    let error = scheduler.get(bad).await.unwrap().error.unwrap();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(!format!("{error:?}").contains("glpat-secret"));
    assert_eq!(scheduler.get(good).await.unwrap().result, Some(json!(1)));
}

#[tokio::test]
async fn a_cancelled_job_ends_cancelled() {
    let scheduler = scheduler();
    let job_id = submit(&scheduler, until_cancelled).await;
    assert!(scheduler.cancel(job_id, None).await.unwrap().cancelled);
    assert_eq!(state_at_end(&scheduler, job_id).await, JobState::Cancelled);
    assert!(scheduler.cancel(99, None).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cancels_after_the_grace_and_drops_after_the_deadline() {
    let scheduler = scheduler();
    let quick = submit(&scheduler, |_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Outcome::succeeded(json!({}))
    })
    .await;
    let obedient = submit(&scheduler, until_cancelled).await;
    let stubborn = submit(&scheduler, |_| std::future::pending()).await;
    let ends = [quick, obedient, stubborn].map(|job_id| {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { state_at_end(&scheduler, job_id).await })
    });
    tokio::task::yield_now().await;
    let begun = tokio::time::Instant::now();
    scheduler
        .shutdown(Duration::from_secs(2), Duration::from_secs(5))
        .await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    let [quick, obedient, stubborn] = ends;
    assert_eq!(quick.await.unwrap(), JobState::Succeeded);
    assert_eq!(obedient.await.unwrap(), JobState::Cancelled);
    assert_eq!(stubborn.await.unwrap(), JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_job_gets_to_say_how_it_ended_though_there_is_no_grace() {
    let scheduler = scheduler();
    let job_id = submit(&scheduler, |cx| async move {
        cx.cancel.cancelled().await;
        // It writes into the ledger.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Outcome::cancelled().with_result(json!("written"))
    })
    .await;
    let stubborn = submit(&scheduler, |_| std::future::pending()).await;
    let mut end = scheduler.follow(job_id, 0).unwrap();
    let begun = tokio::time::Instant::now();
    scheduler.shutdown(Duration::ZERO, Duration::ZERO).await;
    assert_eq!(begun.elapsed(), LAST_WORDS);
    let mut last = None;
    while let Some(event) = end.next().await {
        last = Some(event.body);
    }
    assert!(
        matches!(&last, Some(EventBody::Finished { result: Some(result), .. }) if result == "written"),
        "{last:?}"
    );
    assert_eq!(
        state_at_end(&scheduler, stubborn).await,
        JobState::Cancelled
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_as_soon_as_all_jobs_have() {
    let scheduler = scheduler();
    submit(&scheduler, until_cancelled).await;
    let begun = tokio::time::Instant::now();
    scheduler
        .shutdown(Duration::ZERO, Duration::from_mins(1))
        .await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let late = Submission {
        kind: "test",
        title: String::new(),
        priority: Priority::Background,
        key: None,
        exclusive: Vec::new(),
        run_ids: Vec::new(),
        work: Box::new(Does(until_cancelled)),
    };
    assert_eq!(
        scheduler.submit(late).await.unwrap_err().code,
        ErrorCode::DaemonUnavailable
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_request_to_stop_makes_it_sooner() {
    let scheduler = scheduler();
    submit(&scheduler, |_| std::future::pending()).await;
    let begun = tokio::time::Instant::now();
    let patient = scheduler.shutdown(Duration::from_mins(1), Duration::from_mins(2));
    let hasty = scheduler.shutdown(Duration::ZERO, Duration::from_secs(1));
    tokio::join!(patient, hasty);
    assert_eq!(begun.elapsed().as_secs(), 1);
}
