use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::clock::ManualClock;

struct Nothing;

impl Work for Nothing {
    fn run(self: Box<Self>, _: JobContext) -> BoxFuture<'static, Outcome> {
        async { Outcome::succeeded(json!({})) }.boxed()
    }
}

fn submission(title: &str, priority: Priority) -> Submission {
    Submission {
        kind: "test",
        title: title.to_owned(),
        priority,
        key: None,
        exclusive: Vec::new(),
        run_ids: vec![format!("run-{title}")],
        work: Box::new(Nothing),
    }
}

struct Fixture {
    clock: Arc<ManualClock>,
    index: Arc<JobIndex>,
    table: JobTable,
}

fn fixture(limits: SchedulerLimits) -> Fixture {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let index = Arc::new(JobIndex::new(Arc::clone(&clock) as Arc<dyn Clock>));
    let table = JobTable::new(limits, Arc::clone(&index));
    Fixture {
        clock,
        index,
        table,
    }
}

impl Fixture {
    fn submit(&mut self, submission: Submission) -> u64 {
        self.table.submit(submission).unwrap().job_id
    }

    fn start(&mut self) -> Option<u64> {
        self.table.start_next().map(|start| start.cx.job_id)
    }

    /// The table as a text, a job a word.
    fn snapshot(&mut self) -> String {
        let jobs = self.table.list();
        let words = jobs
            .iter()
            .map(|job| format!("{}:{:?}", job.title, job.state));
        words.collect::<Vec<_>>().join(" ")
    }
}

use lore_proto::jobs::Priority::{Background, Interactive};

#[test]
fn interactive_jobs_go_before_background_ones_and_older_before_newer() {
    let limits = SchedulerLimits {
        max_running: 1,
        ..SchedulerLimits::default()
    };
    let mut f = fixture(limits);
    f.submit(submission("b1", Background));
    f.submit(submission("i1", Interactive));
    f.submit(submission("b2", Background));
    f.submit(submission("i2", Interactive));
    let mut order = Vec::new();
    while let Some(job_id) = f.start() {
        assert_eq!(f.start(), None, "one at a time");
        order.push(f.table.get(job_id).unwrap().title);
        f.table.end(job_id, Outcome::succeeded(json!({})));
    }
    assert_eq!(order, ["i1", "i2", "b1", "b2"]);
}

#[test]
fn jobs_that_share_an_exclusive_name_take_turns_and_others_do_not_wait() {
    let mut f = fixture(SchedulerLimits::default());
    let with = |title: &str, names: &[&str]| Submission {
        exclusive: names.iter().map(|name| (*name).to_owned()).collect(),
        ..submission(title, Background)
    };
    let first = f.submit(with("first", &["a"]));
    let both = f.submit(with("both", &["a", "b"]));
    let only_b = f.submit(with("only-b", &["b"]));
    let free = f.submit(with("free", &[]));
    assert_eq!(f.start(), Some(first));
    // `only-b` would be free, but must not overtake the one that waits for b.
    assert_eq!(f.start(), Some(free));
    assert_eq!(f.start(), None);
    f.table.end(first, Outcome::cancelled());
    assert_eq!(f.start(), Some(both));
    assert_eq!(f.start(), None);
    f.table.end(both, Outcome::cancelled());
    assert_eq!(f.start(), Some(only_b));
}

#[test]
fn a_name_that_a_running_job_gives_back_lets_the_next_one_start() {
    let mut f = fixture(SchedulerLimits::default());
    let with = |title: &str, names: &[&str]| Submission {
        exclusive: names.iter().map(|name| (*name).to_owned()).collect(),
        ..submission(title, Background)
    };
    f.submit(with("all", &["a", "b"]));
    let only_a = f.submit(with("only-a", &["a"]));
    let only_b = f.submit(with("only-b", &["b"]));
    let all = f.table.start_next().unwrap();
    assert_eq!(f.start(), None);
    let freed = f.table.freed();
    all.cx.release("b");
    assert!(freed.notified().now_or_never().is_some());
    assert_eq!(f.start(), Some(only_b));
    assert_eq!(f.start(), None);
    all.cx.release("a");
    assert_eq!(f.start(), Some(only_a));
}

#[test]
fn identical_requests_are_one_job_and_the_more_urgent_one_decides() {
    let mut f = fixture(SchedulerLimits::default());
    let keyed = |priority| Submission {
        key: Some("same".to_owned()),
        ..submission("sync", priority)
    };
    let first = f.table.submit(keyed(Background)).unwrap();
    assert!(!first.joined);
    f.submit(submission("other", Background));
    let second = f
        .table
        .submit(Submission {
            run_ids: vec!["new".to_owned()],
            ..keyed(Interactive)
        })
        .unwrap();
    assert_eq!((second.job_id, second.joined), (first.job_id, true));
    assert_eq!(
        second.run_ids,
        ["run-sync"],
        "the runs are those of the job"
    );
    assert_eq!(f.table.get(first.job_id).unwrap().priority, Interactive);
    let start = f.table.start_next().unwrap();
    assert_eq!(start.cx.priority(), Interactive);
    // A running job is joined too, one that shall end or has ended is not.
    assert!(f.table.submit(keyed(Background)).unwrap().joined);
    f.table.cancel(first.job_id, None);
    let third = f.table.submit(keyed(Background)).unwrap();
    assert!(!third.joined);
    assert_eq!(f.start(), Some(2));
    assert_eq!(f.start(), Some(third.job_id));
    f.table.end(third.job_id, Outcome::succeeded(json!({})));
    assert!(!f.table.submit(keyed(Background)).unwrap().joined);
}

#[test]
fn who_takes_a_request_back_does_not_end_the_job_of_others() {
    let mut f = fixture(SchedulerLimits::default());
    let keyed = || Submission {
        key: Some("same".to_owned()),
        ..submission("sync", Interactive)
    };
    let first = f.table.submit(keyed()).unwrap();
    let second = f.table.submit(keyed()).unwrap();
    let job_id = first.job_id;
    let start = f.table.start_next().unwrap();
    // Said twice, or by a number that nobody has, it is still one.
    for asker in [first.asker, first.asker, 99] {
        let answer = f.table.cancel(job_id, Some(asker)).unwrap();
        assert!(answer.left && !answer.cancelled, "{asker}");
        assert!(!start.cx.cancel.is_cancelled());
    }
    let third = f.table.submit(keyed()).unwrap();
    assert!(third.joined && third.asker != first.asker);
    assert!(f.table.cancel(job_id, Some(second.asker)).unwrap().left);
    let answer = f.table.cancel(job_id, Some(third.asker)).unwrap();
    assert!(answer.cancelled && !answer.left);
    assert!(start.cx.cancel.is_cancelled());
    // Without a number it is for everybody.
    let next = f.table.submit(keyed()).unwrap();
    assert!(f.table.submit(keyed()).unwrap().joined);
    assert!(f.table.cancel(next.job_id, None).unwrap().cancelled);
    assert_eq!(f.table.get(next.job_id).unwrap().state, JobState::Cancelled);
}

#[test]
fn a_running_job_learns_that_somebody_waits_for_it_now() {
    let mut f = fixture(SchedulerLimits::default());
    let keyed = |priority| Submission {
        key: Some("same".to_owned()),
        ..submission("sync", priority)
    };
    f.submit(keyed(Background));
    let start = f.table.start_next().unwrap();
    assert_eq!(start.cx.priority(), Background);
    f.submit(keyed(Interactive));
    assert_eq!(start.cx.priority(), Interactive);
}

#[test]
fn cancelling_ends_a_queued_job_at_once_and_asks_a_running_one() {
    let mut f = fixture(SchedulerLimits::default());
    let running = f.submit(submission("running", Background));
    let start = f.table.start_next().unwrap();
    let queued = f.submit(submission("queued", Background));
    let answer = f.table.cancel(queued, None).unwrap();
    assert_eq!((answer.cancelled, answer.state), (true, JobState::Queued));
    let answer = f.table.cancel(running, None).unwrap();
    assert_eq!((answer.cancelled, answer.state), (true, JobState::Running));
    assert!(start.cx.cancel.is_cancelled());
    assert_eq!(f.snapshot(), "running:Running queued:Cancelled");
    f.table.end(
        running,
        Outcome::cancelled().with_result(json!({ "runs": [] })),
    );
    let info = f.table.get(running).unwrap();
    assert_eq!(info.state, JobState::Cancelled);
    assert_eq!(info.result, Some(json!({ "runs": [] })));
    assert!(!f.table.cancel(running, None).unwrap().cancelled);
    assert!(f.table.cancel(99, None).is_none());
    // Whatever ended it first counts.
    f.table.end(running, Outcome::succeeded(json!({})));
    assert_eq!(f.table.get(running).unwrap().state, JobState::Cancelled);
}

#[tokio::test]
async fn the_end_is_in_the_table_before_anybody_is_told() {
    let mut f = fixture(SchedulerLimits::default());
    let job_id = f.submit(submission("job", Background));
    f.start();
    let mut reader = f.index.follow(job_id, 0).unwrap();
    f.table.end(
        job_id,
        Outcome::failed(WireError::new(ErrorCode::Network, "no network")),
    );
    let mut kinds = Vec::new();
    while let Some(event) = reader.next().await {
        kinds.push(serde_json::to_value(&event).unwrap()["kind"].clone());
    }
    assert_eq!(kinds, ["queued", "started", "finished"]);
    let info = f.table.get(job_id).unwrap();
    assert_eq!((info.state, info.last_seq), (JobState::Failed, 3));
    assert_eq!(info.error.unwrap().code, ErrorCode::Network);
}

#[test]
fn ended_jobs_are_kept_for_a_while_and_within_bounds() {
    let limits = SchedulerLimits {
        max_ended: 2,
        ..SchedulerLimits::default()
    };
    let mut f = fixture(limits);
    for title in ["a", "b", "c"] {
        let job_id = f.submit(submission(title, Background));
        f.start();
        f.clock.advance(SignedDuration::from_secs(1));
        f.table.end(job_id, Outcome::succeeded(json!({})));
    }
    assert_eq!(f.snapshot(), "c:Succeeded b:Succeeded");
    assert!(f.index.follow(1, 0).is_none());
    f.clock.advance(SignedDuration::from_mins(61));
    assert_eq!(f.snapshot(), "c:Succeeded", "the latest stays");
}

#[test]
fn a_closed_or_full_queue_says_so() {
    let limits = SchedulerLimits {
        max_queued: 1,
        ..SchedulerLimits::default()
    };
    let mut f = fixture(limits);
    f.submit(submission("a", Background));
    let error = f.table.submit(submission("b", Background)).unwrap_err();
    assert!(error.message.contains("takes no more"), "{error}");
    f.table.close();
    assert_eq!(f.snapshot(), "a:Cancelled");
    let error = f.table.submit(submission("c", Background)).unwrap_err();
    assert_eq!(error.code, ErrorCode::DaemonUnavailable);
}

#[tokio::test]
async fn one_reader_follows_all_jobs_from_now_on() {
    let mut f = fixture(SchedulerLimits::default());
    let old = f.submit(submission("old", Background));
    f.start();
    let mut all = f.index.follow_all();
    f.table.end(old, Outcome::succeeded(json!({})));
    let new = f.submit(submission("new", Background));
    f.table.cancel(new, None);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = all.next().await.unwrap();
        let kind = serde_json::to_value(&event).unwrap()["kind"]
            .as_str()
            .unwrap()
            .to_owned();
        seen.push((event.job_id, kind));
    }
    seen.sort();
    let expected = [(old, "finished"), (new, "finished"), (new, "queued")];
    assert_eq!(
        seen,
        expected.map(|(job_id, kind)| (job_id, kind.to_owned()))
    );
    assert!(all.next().now_or_never().is_none(), "nothing more happened");
    let last = f.submit(submission("last", Background));
    f.table.close();
    f.table.end_index();
    let mut told = Vec::new();
    while let Some(event) = all.next().await {
        told.push(event.job_id);
    }
    assert_eq!(told, [last, last], "an end is told before the end of all");
}
