//! How a daemon stops.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lore_proto::jobs::Priority;
use tokio::sync::Notify;

use super::*;
use crate::jobs::{JobContext, Outcome, Submission, Work};

struct UntilCancelled(Arc<Notify>);

impl Work for UntilCancelled {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        async move {
            self.0.notify_one();
            cx.cancel.cancelled().await;
            Outcome::cancelled()
        }
        .boxed()
    }
}

/// Again and again on several threads: what ends first decides who is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shutdown_answers_first_and_tells_subscribers_how_jobs_ended() {
    let f = Fixture::new(Some(CONFIG));
    for _ in 0..6 {
        let started = f.start().await;
        let begun = Arc::new(Notify::new());
        let submission = Submission {
            kind: "test",
            title: "a test".to_owned(),
            priority: Priority::Interactive,
            key: None,
            exclusive: Vec::new(),
            run_ids: Vec::new(),
            work: Box::new(UntilCancelled(Arc::clone(&begun))),
        };
        let scheduler = started.daemon.scheduler();
        let job_id = scheduler.submit(submission).await.unwrap().job_id;
        soon(begun.notified()).await;
        let mut subscribers = Vec::new();
        for number in 0..8 {
            let ask = match number % 2 {
                0 => json!({ "job_id": job_id }),
                _ => json!({}),
            };
            let mut subscriber = started.connect().await;
            subscriber.call(1, "jobs.subscribe", &ask).await;
            subscribers.push(subscriber);
        }
        let reply = started
            .call("daemon.shutdown", json!({ "grace_ms": 60_000 }))
            .await;
        assert_eq!(reply["result"]["pid"], std::process::id());
        for mut subscriber in subscribers {
            let mut last = Value::Null;
            while let Some(event) = subscriber.next().await {
                last = event["params"]["result"].clone();
            }
            assert_eq!(
                (&last["kind"], &last["state"]),
                (&json!("finished"), &json!("cancelled"))
            );
        }
        let Started { daemon, ended } = started;
        drop(daemon);
        soon(ended).await.unwrap();
    }
}

#[tokio::test]
async fn a_daemon_that_has_stopped_leaves_a_closed_database_whoever_has_it_in_hand() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let (daemon, kept) = (Arc::clone(&started.daemon), started.daemon.database());
    started.stop().await;
    let asked = kept.unwrap().schema_version().await;
    assert_eq!(asked.unwrap_err().code(), ErrorCode::DaemonUnavailable);
    let log = f.folder.path().join("data/lore.db-wal");
    assert!(!log.exists(), "the log was not folded into the database");
    // Nor is it opened again behind the back of the next daemon.
    assert_eq!(
        daemon.rebuild().await.unwrap_err().code,
        ErrorCode::DaemonUnavailable
    );
    f.start().await.stop().await;
}
