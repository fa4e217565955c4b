//! The one gate that all requests to a host pass.
//!
//! Two lanes stand side by side, each with its own number of requests at once,
//! so that interactive work never queues behind bulk work. A 429 pauses both.
//! Below a tenth of the request budget that GitLab announces, background work
//! is spread over the time until the budget is renewed, and the very last part
//! is left to interactive work. Overload halves a lane's concurrency; success
//! wins it back one by one.

mod lane;
mod quota;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{rate_headers, server_date};
use super::call::{Call, Lane};
use super::error::Failure;
use super::retry::Jitter;
use crate::clock::Clock;
use lane::{LaneGate, LanePermit};
use quota::Quota;

/// The longest pause that a server's word is taken for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The longest pause that we choose ourselves.
const LONGEST_CHOSEN_PAUSE: Duration = Duration::from_mins(1);
/// Interactive concurrency does not fall below this.
const INTERACTIVE_FLOOR: usize = 8;
/// A shorter wait is nothing to tell anyone.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// A host's request budget and traffic, for people to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Requests that GitLab allows in its window; `None` where it does not
    /// say.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When the window ends, by GitLab's clock.
    pub reset_at: Option<Timestamp>,
    /// Until when all requests wait after a 429, by this machine's clock.
    pub paused_until: Option<Timestamp>,
    /// Background requests under way.
    pub in_flight_background: usize,
    /// Interactive requests under way.
    pub in_flight_interactive: usize,
    /// Background requests allowed at once just now.
    pub concurrency_background: usize,
    /// Interactive requests allowed at once just now.
    pub concurrency_interactive: usize,
    /// Attempts since the daemon started.
    pub requests_total: u64,
    /// How they ended.
    pub answers: AnswerCounts,
}

/// How many attempts ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerCounts {
    /// 2xx.
    pub success: u64,
    /// 3xx.
    pub redirect: u64,
    /// 4xx but 429.
    pub client_error: u64,
    /// 429.
    pub rate_limited: u64,
    /// 5xx.
    pub server_error: u64,
    /// No answer, or one that broke off.
    pub no_answer: u64,
}

/// Why requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// GitLab answered 429.
    RateLimited,
    /// Little is left of the budget, so background requests are spread out.
    Pacing,
}

/// A wait of some length that requests of the host are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Why.
    pub reason: WaitReason,
    /// Until when, by this machine's clock.
    pub until: Timestamp,
}

/// How an attempt ended, as far as the throttle cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer with this status arrived whole.
    Answered(u16),
    /// The server or the network did not keep up.
    Overloaded,
    /// No answer for another reason.
    Unanswered,
}

pub(super) struct Throttle {
    background: LaneGate,
    interactive: LaneGate,
    state: Mutex<State>,
    waiting: watch::Sender<Option<Waiting>>,
    requests_total: AtomicU64,
    /// After a 429 that does not say how long; each further one in a row is
    /// twice as long.
    first_pause: Duration,
    clock: Arc<dyn Clock>,
    jitter: Arc<Jitter>,
}

#[derive(Default)]
struct State {
    paused_until: Option<Instant>,
    /// 429s in a row that did not say how long to wait.
    unexplained: u32,
    quota: Option<Quota>,
    next_background: Option<Instant>,
    answers: AnswerCounts,
}

impl Throttle {
    pub(super) fn new(
        background: usize,
        interactive: usize,
        first_pause: Duration,
        clock: Arc<dyn Clock>,
        jitter: Arc<Jitter>,
    ) -> Self {
        Self {
            background: LaneGate::new(background.max(1), 1),
            interactive: LaneGate::new(
                interactive.max(1),
                INTERACTIVE_FLOOR.min(interactive.max(1)),
            ),
            state: Mutex::default(),
            waiting: watch::Sender::new(None),
            requests_total: AtomicU64::new(0),
            first_pause,
            clock,
            jitter,
        }
    }

    /// Tells about waits worth telling of: `Some` while one lasts.
    pub(super) fn waiting(&self) -> watch::Receiver<Option<Waiting>> {
        self.waiting.subscribe()
    }

    /// Waits until a request may be sent. Fails with `Cancelled`, with
    /// `Timeout` where the lane stayed full until the deadline, and with
    /// `RateLimited` at once where the wait would outlast the deadline.
    pub(super) async fn admit(&self, call: &Call<'_>) -> Result<Permit<'_>, Failure> {
        let gate = self.gate(call.lane);
        let lane = call.bounded(gate.enter()).await??;
        while let Some((until, reason)) = self.earliest(call.lane) {
            let wait = until.saturating_duration_since(Instant::now());
            if call.remaining().is_some_and(|left| left < wait) {
                return Err(Failure::RateLimited {
                    retry_after: Some(wait),
                });
            }
            self.tell(reason, wait);
            call.bounded(tokio::time::sleep_until(until)).await?;
        }
        self.waiting.send_if_modified(|waiting| {
            let over = waiting.is_some_and(|it| {
                it.reason == WaitReason::RateLimited || call.lane == Lane::Background
            });
            if over {
                *waiting = None;
            }
            over
        });
        Ok(Permit {
            throttle: self,
            lane,
            kind: call.lane,
            started: Instant::now(),
        })
    }

    /// Takes note of the budget in an answer's headers.
    pub(super) fn observe(&self, headers: &HeaderMap) {
        if let Some(rate) = rate_headers(headers) {
            let date = server_date(headers).unwrap_or_else(|| self.clock.now());
            let mut state = self.state();
            let seen = Quota::new(rate, date, Instant::now());
            state.quota = Some(match state.quota {
                Some(known) => known.merge(seen),
                None => seen,
            });
        }
    }

    /// Pauses all requests after a 429 and says for how long. A wait that the
    /// server asks for is taken up to an hour; without one the pause grows
    /// from a second to a minute.
    pub(super) fn pause(&self, asked: Option<Duration>) -> Duration {
        let mut state = self.state();
        let wait = if let Some(asked) = asked {
            // A little more, so that clocks that differ and truncated
            // seconds do not bring the next 429.
            asked.min(LONGEST_PAUSE) + self.jitter.spread(Duration::from_millis(200))
        } else {
            let chosen = self
                .first_pause
                .saturating_mul(1 << state.unexplained.min(16))
                .min(LONGEST_CHOSEN_PAUSE);
            state.unexplained = state.unexplained.saturating_add(1);
            self.jitter.spread(chosen)
        };
        let until = Instant::now() + wait;
        state.paused_until = Some(state.paused_until.map_or(until, |known| known.max(until)));
        drop(state);
        self.tell(WaitReason::RateLimited, wait);
        wait
    }

    /// The state of the budget and the traffic.
    pub(super) fn budget(&self) -> Budget {
        let now = Instant::now();
        let state = self.state();
        let quota = state.quota.filter(|quota| !quota.is_over(now));
        Budget {
            limit: quota.map(|quota| quota.limit),
            remaining: quota.map(|quota| quota.remaining),
            reset_at: quota.map(|quota| quota.reset_at),
            paused_until: state
                .paused_until
                .filter(|until| *until > now)
                .map(|until| self.at(until - now)),
            in_flight_background: self.background.in_flight(),
            in_flight_interactive: self.interactive.in_flight(),
            concurrency_background: self.background.limit(),
            concurrency_interactive: self.interactive.limit(),
            requests_total: self.requests_total.load(Ordering::Relaxed),
            answers: state.answers,
        }
    }

    fn gate(&self, lane: Lane) -> &LaneGate {
        match lane {
            Lane::Background => &self.background,
            Lane::Interactive => &self.interactive,
        }
    }

    /// When the lane's next request may go; `None` takes its turn at once.
    fn earliest(&self, lane: Lane) -> Option<(Instant, WaitReason)> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(until) = state.paused_until {
            if until > now {
                return Some((until, WaitReason::RateLimited));
            }
            state.paused_until = None;
        }
        if state.quota.is_some_and(|quota| quota.is_over(now)) {
            state.quota = None;
            state.next_background = None;
        }
        let mut quota = state.quota?;
        if lane == Lane::Background {
            if let Some(spacing) = quota.background_spacing(now) {
                let turn = state.next_background.unwrap_or(now).max(now);
                if turn > now {
                    return Some((turn, WaitReason::Pacing));
                }
                state.next_background = Some(now + spacing.until_next);
                if spacing.reserved_only {
                    return Some((now + spacing.until_next, WaitReason::Pacing));
                }
            } else {
                state.next_background = None;
            }
        }
        quota.remaining = quota.remaining.saturating_sub(1);
        state.quota = Some(quota);
        None
    }

    fn tell(&self, reason: WaitReason, wait: Duration) {
        if wait >= WORTH_TELLING {
            let until = self.at(wait);
            self.waiting.send_replace(Some(Waiting { reason, until }));
        }
    }

    /// The instant `ahead` of now by this machine's clock.
    fn at(&self, ahead: Duration) -> Timestamp {
        let now = self.clock.now();
        jiff::SignedDuration::try_from(ahead)
            .ok()
            .and_then(|ahead| now.checked_add(ahead).ok())
            .unwrap_or(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Throttle").field(&self.budget()).finish()
    }
}

/// The right to one attempt; given back when dropped.
pub(super) struct Permit<'a> {
    throttle: &'a Throttle,
    lane: LanePermit<'a>,
    kind: Lane,
    started: Instant,
}

impl Permit<'_> {
    /// Counts the request that is sent now.
    pub(super) fn sending(&self) {
        self.throttle.requests_total.fetch_add(1, Ordering::Relaxed);
    }

    /// Says how the attempt ended. An attempt that is dropped without was
    /// abandoned, which says nothing about the server.
    pub(super) fn finish(self, outcome: Outcome) {
        let gate = self.throttle.gate(self.kind);
        let mut state = self.throttle.state();
        let answers = &mut state.answers;
        match outcome {
            Outcome::Answered(200..300) => {
                answers.success += 1;
                state.unexplained = 0;
                gate.succeeded();
            }
            Outcome::Answered(429) => answers.rate_limited += 1,
            Outcome::Answered(300..400) => answers.redirect += 1,
            Outcome::Answered(408) => {
                answers.client_error += 1;
                gate.overloaded(self.started);
            }
            Outcome::Answered(500..) => {
                answers.server_error += 1;
                gate.overloaded(self.started);
            }
            Outcome::Answered(_) => {
                answers.client_error += 1;
                gate.succeeded();
            }
            Outcome::Overloaded => {
                answers.no_answer += 1;
                gate.overloaded(self.started);
            }
            Outcome::Unanswered => answers.no_answer += 1,
        }
        drop(state);
        drop(self.lane);
    }
}

#[cfg(test)]
mod tests;
