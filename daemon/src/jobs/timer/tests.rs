use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use jiff::SignedDuration;
use tokio::time::Instant;

use super::*;

/// Shows tokio's time, and what it was set off by.
#[derive(Debug)]
struct TestClock {
    start: Instant,
    offset: crate::clock::ManualClock,
}

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            offset: crate::clock::ManualClock::new(Timestamp::UNIX_EPOCH),
        })
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.offset.now() + self.start.elapsed()
    }
}

#[derive(Clone, Default)]
struct Counts {
    fired: Arc<AtomicUsize>,
}

impl Counts {
    fn fired(&self) -> usize {
        self.fired.load(Ordering::Relaxed)
    }
}

impl OnTimer for Counts {
    fn fire(&mut self) -> BoxFuture<'_, ()> {
        self.fired.fetch_add(1, Ordering::Relaxed);
        async {}.boxed()
    }
}

fn every(seconds: u64) -> TimerSchedule {
    TimerSchedule {
        interval: Some(Duration::from_secs(seconds)),
        first_after: Duration::from_secs(10),
    }
}

/// Lets tokio's paused time go by; the timer runs whenever its time comes.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn it_fires_at_its_interval_with_jitter_that_the_seed_decides() {
    let mut moments = Vec::new();
    for _ in 0..2 {
        let clock = TestClock::new();
        let counts = Counts::default();
        let timer = Timer::start(
            every(300),
            7,
            Arc::clone(&clock) as Arc<dyn Clock>,
            counts.clone(),
        );
        pass(11).await;
        assert_eq!(counts.fired(), 1);
        let next = timer
            .next_at()
            .unwrap()
            .duration_since(Timestamp::UNIX_EPOCH);
        assert!((10 + 270..=10 + 330).contains(&next.as_secs()), "{next}");
        pass(330 * 10).await;
        assert!((10..=12).contains(&counts.fired()), "{}", counts.fired());
        moments.push((next, counts.fired()));
    }
    assert_eq!(moments[0], moments[1]);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_machine_catches_up_once() {
    let clock = TestClock::new();
    let counts = Counts::default();
    let _timer = Timer::start(
        every(300),
        7,
        Arc::clone(&clock) as Arc<dyn Clock>,
        counts.clone(),
    );
    pass(11).await;
    // Ten hours go by that no sleep has noticed.
    clock.offset.advance(SignedDuration::from_hours(10));
    pass(31).await;
    assert_eq!(counts.fired(), 2);
    pass(60).await;
    assert_eq!(counts.fired(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_does_not_stop_it() {
    let clock = TestClock::new();
    let counts = Counts::default();
    let _timer = Timer::start(
        every(300),
        7,
        Arc::clone(&clock) as Arc<dyn Clock>,
        counts.clone(),
    );
    pass(11).await;
    clock.offset.advance(SignedDuration::from_hours(-10));
    pass(400).await;
    assert_eq!(counts.fired(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_schedule_counts_at_once_and_none_turns_it_off() {
    let clock = TestClock::new();
    let counts = Counts::default();
    let off = TimerSchedule {
        interval: None,
        first_after: Duration::ZERO,
    };
    let timer = Timer::start(off, 7, clock, counts.clone());
    pass(10_000).await;
    assert_eq!((counts.fired(), timer.next_at()), (0, None));
    timer.reschedule(every(300));
    pass(11).await;
    assert_eq!(counts.fired(), 1);
    // The same again does not begin anew.
    pass(250).await;
    timer.reschedule(every(300));
    pass(100).await;
    assert_eq!(counts.fired(), 2);
    timer.reschedule(off);
    pass(10_000).await;
    assert_eq!((counts.fired(), timer.next_at()), (2, None));
}
