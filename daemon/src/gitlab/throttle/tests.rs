use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Outcome, Throttle, WaitReason};
use crate::clock::ManualClock;
use crate::gitlab::call::{Call, Lane};
use crate::gitlab::error::Failure;
use crate::gitlab::retry::Jitter;

const NOW: i64 = 1_800_000_000;

fn throttle(background: usize, interactive: usize) -> Throttle {
    let clock = ManualClock::new(jiff::Timestamp::from_second(NOW).unwrap());
    Throttle::new(
        background,
        interactive,
        Duration::from_secs(1),
        Arc::new(clock),
        Arc::new(Jitter::new(1)),
    )
}

fn budget(limit: u64, remaining: u64, reset_in: i64) -> HeaderMap {
    [
        ("ratelimit-limit", limit.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", (NOW + reset_in).to_string()),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(&value).unwrap(),
        )
    })
    .collect()
}

fn call(lane: Lane, cancel: &CancellationToken, deadline: Option<Duration>) -> Call<'_> {
    Call {
        lane,
        cancel,
        deadline: deadline.map(|after| Instant::now() + after),
    }
}

#[tokio::test(start_paused = true)]
async fn interactive_work_never_queues_behind_bulk_work() {
    let throttle = throttle(1, 1);
    let cancel = CancellationToken::new();
    let bulk = throttle
        .admit(&call(Lane::Background, &cancel, None))
        .await
        .unwrap();
    let short = Some(Duration::from_millis(1));
    let blocked = throttle
        .admit(&call(Lane::Background, &cancel, short))
        .await;
    assert!(matches!(blocked, Err(Failure::Timeout { .. })));
    let quick = throttle
        .admit(&call(Lane::Interactive, &cancel, short))
        .await;
    assert!(quick.is_ok());
    let seen = throttle.budget();
    assert_eq!(
        (seen.in_flight_background, seen.in_flight_interactive),
        (1, 1)
    );
    drop((bulk, quick));
    assert_eq!(throttle.budget().in_flight_background, 0);
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_both_lanes_for_as_long_as_it_asks() {
    let throttle = throttle(4, 4);
    let cancel = CancellationToken::new();
    let told = throttle.waiting();
    throttle.pause(Some(Duration::from_secs(40)));
    for lane in [Lane::Background, Lane::Interactive] {
        let refused = throttle
            .admit(&call(lane, &cancel, Some(Duration::from_secs(5))))
            .await
            .err();
        match refused {
            Some(Failure::RateLimited { retry_after }) => {
                let wait = retry_after.unwrap();
                assert!(wait >= Duration::from_secs(40) && wait < Duration::from_secs(41));
            }
            other => panic!("{lane:?}: {other:?}"),
        }
    }
    let waiting = told.borrow().unwrap();
    assert_eq!(waiting.reason, WaitReason::RateLimited);
    assert_eq!(waiting.until.as_second(), NOW + 40);
    let before = Instant::now();
    assert!(
        throttle
            .admit(&call(Lane::Interactive, &cancel, None))
            .await
            .is_ok()
    );
    assert!(before.elapsed() >= Duration::from_secs(40));
    assert_eq!(*told.borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn unexplained_429s_pause_ever_longer_up_to_a_minute() {
    let throttle = throttle(1, 1);
    let waits: Vec<_> = (0..12).map(|_| throttle.pause(None)).collect();
    for (round, wait) in waits.iter().enumerate() {
        let whole = Duration::from_secs(1 << round.min(10)).min(Duration::from_mins(1));
        assert!(*wait <= whole && *wait >= whole / 2, "{round}: {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_absurd_wait_is_cut_to_an_hour() {
    let throttle = throttle(1, 1);
    let wait = throttle.pause(Some(Duration::from_secs(10_000_000)));
    assert!(wait <= Duration::from_secs(3601), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_call_is_cancelled() {
    let throttle = throttle(1, 1);
    let cancel = CancellationToken::new();
    throttle.pause(Some(Duration::from_secs(1000)));
    let background = call(Lane::Background, &cancel, None);
    let before = Instant::now();
    let (refused, ()) = tokio::join!(throttle.admit(&background), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cancel.cancel();
    });
    assert_eq!(refused.err(), Some(Failure::Cancelled));
    assert_eq!(before.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn background_work_is_spread_over_the_last_tenth_of_the_budget() {
    let throttle = throttle(4, 4);
    let cancel = CancellationToken::new();
    throttle.observe(&budget(1000, 70, 500));
    // 70 left, 20 of them reserved: one every 10 s (9 % of the limit or less).
    let before = Instant::now();
    for _ in 0..4 {
        let permit = throttle
            .admit(&call(Lane::Background, &cancel, None))
            .await
            .unwrap();
        permit.finish(Outcome::Answered(200));
    }
    let spread = before.elapsed();
    assert!(
        spread > Duration::from_secs(28) && spread < Duration::from_secs(35),
        "{spread:?}"
    );
    let before = Instant::now();
    assert!(
        throttle
            .admit(&call(Lane::Interactive, &cancel, None))
            .await
            .is_ok()
    );
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_reserve_is_left_to_interactive_work_until_the_window_ends() {
    let throttle = throttle(4, 4);
    let cancel = CancellationToken::new();
    throttle.observe(&budget(1000, 20, 500));
    let refused = throttle
        .admit(&call(
            Lane::Background,
            &cancel,
            Some(Duration::from_mins(1)),
        ))
        .await;
    assert!(matches!(refused, Err(Failure::RateLimited { .. })));
    assert!(
        throttle
            .admit(&call(Lane::Interactive, &cancel, None))
            .await
            .is_ok()
    );
    let before = Instant::now();
    assert!(
        throttle
            .admit(&call(Lane::Background, &cancel, None))
            .await
            .is_ok()
    );
    assert_eq!(before.elapsed(), Duration::from_secs(500));
    assert_eq!(throttle.budget().limit, None);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_raise_the_budget_again() {
    let throttle = throttle(4, 4);
    throttle.observe(&budget(1000, 500, 60));
    throttle.observe(&budget(1000, 510, 60));
    assert_eq!(throttle.budget().remaining, Some(500));
    throttle.observe(&budget(1000, 900, 30));
    assert_eq!(throttle.budget().remaining, Some(500));
    throttle.observe(&budget(1000, 999, 120));
    assert_eq!(throttle.budget().remaining, Some(999));
}

#[tokio::test(start_paused = true)]
async fn overload_halves_concurrency_once_and_success_wins_it_back() {
    let throttle = throttle(8, 64);
    let cancel = CancellationToken::new();
    let background = call(Lane::Background, &cancel, None);
    let mut permits = Vec::new();
    for _ in 0..8 {
        permits.push(throttle.admit(&background).await.unwrap());
    }
    tokio::time::advance(Duration::from_millis(10)).await;
    // All eight were under way together: one halving.
    for permit in permits.drain(..) {
        permit.finish(Outcome::Answered(503));
    }
    assert_eq!(throttle.budget().concurrency_background, 4);
    assert_eq!(throttle.budget().concurrency_interactive, 64);
    for _ in 0..4 {
        permits.push(throttle.admit(&background).await.unwrap());
    }
    let fifth = call(Lane::Background, &cancel, Some(Duration::from_millis(1)));
    assert!(throttle.admit(&fifth).await.is_err());
    permits
        .drain(..)
        .for_each(|permit| permit.finish(Outcome::Answered(200)));
    assert_eq!(throttle.budget().concurrency_background, 5);
    for _ in 0..100 {
        let permit = throttle.admit(&background).await.unwrap();
        permit.finish(Outcome::Answered(200));
    }
    assert_eq!(throttle.budget().concurrency_background, 8);
    for _ in 0..8 {
        permits.push(throttle.admit(&background).await.unwrap());
    }
    assert!(
        throttle.admit(&fifth).await.is_err(),
        "never more than configured"
    );
}

#[tokio::test(start_paused = true)]
async fn overload_never_closes_a_lane() {
    let throttle = throttle(8, 64);
    let cancel = CancellationToken::new();
    for _ in 0..20 {
        for lane in [Lane::Background, Lane::Interactive] {
            tokio::time::advance(Duration::from_millis(10)).await;
            let permit = throttle.admit(&call(lane, &cancel, None)).await.unwrap();
            permit.sending();
            tokio::time::advance(Duration::from_millis(10)).await;
            permit.finish(Outcome::Overloaded);
        }
    }
    let seen = throttle.budget();
    assert_eq!(
        (seen.concurrency_background, seen.concurrency_interactive),
        (1, 8)
    );
    assert_eq!(seen.answers.no_answer, 40);
    assert_eq!(seen.requests_total, 40);
}
