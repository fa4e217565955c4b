//! When to try again, and after how long.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::error::Failure;

/// The longest backoff.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// The longest wait before a broken connection is tried again for the first
/// time: most often an idle connection that the server closed as it was used.
const RECONNECT_WAIT: Duration = Duration::from_millis(20);
/// An attempt with less time than this is not worth making.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(50);
/// How often a request waits out a 429 before it gives up. Waiting is what
/// GitLab asked for, so it costs none of the ordinary retries.
const RATE_LIMIT_WAITS: u32 = 8;
/// How often a body that broke off is asked for again.
const TRUNCATED_RETRIES: u32 = 2;
/// How often a body that is not JSON is asked for again.
const MALFORMED_RETRIES: u32 = 1;

/// Randomness that spreads retries, from a seed that the caller chooses.
#[derive(Debug)]
pub(super) struct Jitter(Mutex<StdRng>);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// Something from half of `whole` up to `whole`.
    pub(super) fn spread(&self, whole: Duration) -> Duration {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        whole.mul_f64(rng.random_range(0.5..=1.0))
    }
}

/// How patient one request is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The wait before the first retry.
    pub(super) first_backoff: Duration,
    /// Retries after timeouts, broken connections and 5xx.
    pub(super) retries: u32,
    /// Of these, how many where a smaller page may help instead.
    pub(super) before_shrinking: Option<u32>,
}

/// The retries of one request so far.
#[derive(Debug, Default)]
pub(super) struct Retries {
    ordinary: u32,
    shrinkable: u32,
    truncated: u32,
    malformed: u32,
    rate_limited: u32,
}

impl Retries {
    /// After `failure`, how long to wait before the next attempt; `None` ends
    /// the request. A 429 is waited out by the throttle, so its own backoff is
    /// nothing. `remaining` is what is left until the caller's deadline.
    pub(super) fn next(
        &mut self,
        failure: &Failure,
        patience: Patience,
        remaining: Option<Duration>,
        jitter: &Jitter,
    ) -> Option<Duration> {
        if let Some(limit) = patience.before_shrinking
            && failure.shrinks_page()
        {
            if self.shrinkable >= limit {
                return None;
            }
            self.shrinkable += 1;
        }
        match failure {
            Failure::RateLimited { .. } => {
                self.rate_limited += 1;
                return (self.rate_limited <= RATE_LIMIT_WAITS).then_some(Duration::ZERO);
            }
            Failure::Truncated { .. } => {
                self.truncated += 1;
                if self.truncated > TRUNCATED_RETRIES.min(patience.retries) {
                    return None;
                }
            }
            Failure::BadPayload {
                malformed: true, ..
            } => {
                self.malformed += 1;
                if self.malformed > MALFORMED_RETRIES.min(patience.retries) {
                    return None;
                }
            }
            Failure::Timeout { .. }
            | Failure::Network { .. }
            | Failure::Unavailable { .. }
            | Failure::ServerTimeout => {}
            _ => return None,
        }
        self.ordinary += 1;
        if self.ordinary > patience.retries {
            return None;
        }
        let mut backoff = patience
            .first_backoff
            .saturating_mul(1 << (self.ordinary - 1).min(16))
            .min(LONGEST_BACKOFF);
        if self.ordinary == 1 && matches!(failure, Failure::Network { .. }) {
            backoff = backoff.min(RECONNECT_WAIT);
        }
        let wait = jitter.spread(backoff);
        match remaining {
            Some(left) if left < wait + SHORTEST_ATTEMPT => None,
            _ => Some(wait),
        }
    }
}

impl Failure {
    /// Whether a list may pass with fewer elements a page: its answer broke
    /// off, took too long, was too large, or one element breaks the rest.
    pub(super) fn shrinks_page(&self) -> bool {
        match self {
            Self::Timeout { connecting, .. } => !connecting,
            other => other.breaks_on_one_item(),
        }
    }

    /// Whether a page of a single element that ends like this may be put down
    /// to the element. A timeout may not: a server that hangs would lose us
    /// every element in turn.
    pub(super) fn breaks_on_one_item(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. }
                | Self::ServerTimeout
                | Self::BodyTooLarge { .. }
                | Self::Unavailable { status: 500 }
                | Self::BadPayload {
                    malformed: true,
                    ..
                }
        )
    }
}

/// How long the attempt after `made` earlier ones may take. With a deadline,
/// the first takes at most a quarter of what is left and the second half, so
/// that one stall does not eat the time of the others.
pub(super) fn attempt_timeout(
    request_timeout: Duration,
    remaining: Option<Duration>,
    made: u32,
) -> Duration {
    let share = match (remaining, made) {
        (None, _) => return request_timeout,
        (Some(left), 0) => left / 4,
        (Some(left), 1) => left / 2,
        (Some(left), _) => left,
    };
    share.min(request_timeout)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Jitter, Patience, Retries, attempt_timeout};
    use crate::gitlab::error::{Failure, MissingKind};

    const PATIENT: Patience = Patience {
        first_backoff: Duration::from_millis(250),
        retries: 4,
        before_shrinking: None,
    };

    fn retries_of(failure: &Failure, patience: Patience) -> u32 {
        let jitter = Jitter::new(1);
        let mut retries = Retries::default();
        let mut made = 0;
        while retries.next(failure, patience, None, &jitter).is_some() {
            made += 1;
            assert!(made < 100, "no end of retries");
        }
        made
    }

    #[test]
    fn each_failure_is_retried_as_often_as_it_deserves() {
        let text = String::new;
        let table = [
            (Failure::Network { reason: text() }, 4),
            (Failure::Unavailable { status: 503 }, 4),
            (Failure::ServerTimeout, 4),
            (
                Failure::Timeout {
                    after: Duration::ZERO,
                    connecting: true,
                },
                4,
            ),
            (Failure::RateLimited { retry_after: None }, 8),
            (
                Failure::Truncated {
                    received: 0,
                    reason: text(),
                },
                2,
            ),
            (
                Failure::BadPayload {
                    reason: text(),
                    malformed: true,
                },
                1,
            ),
            (
                Failure::BadPayload {
                    reason: text(),
                    malformed: false,
                },
                0,
            ),
            (Failure::Unauthorized { reason: text() }, 0),
            (
                Failure::Forbidden {
                    reason: text(),
                    licence_gate: false,
                },
                0,
            ),
            (
                Failure::NotFound {
                    kind: MissingKind::Record,
                    hint: text(),
                },
                0,
            ),
            (
                Failure::BadRequest {
                    status: 400,
                    reason: text(),
                },
                0,
            ),
            (Failure::Cancelled, 0),
            (Failure::BodyTooLarge { limit: 1 }, 0),
        ];
        for (failure, expected) in table {
            assert_eq!(retries_of(&failure, PATIENT), expected, "{failure:?}");
        }
    }

    #[test]
    fn a_list_that_can_shrink_does_so_after_one_retry() {
        let patience = Patience {
            before_shrinking: Some(1),
            ..PATIENT
        };
        assert_eq!(retries_of(&Failure::ServerTimeout, patience), 1);
        assert_eq!(
            retries_of(&Failure::Unavailable { status: 503 }, patience),
            4
        );
    }

    #[test]
    fn backoff_doubles_within_its_jitter_and_stays_bounded() {
        let jitter = Jitter::new(7);
        let patience = Patience {
            retries: 40,
            ..PATIENT
        };
        let mut retries = Retries::default();
        let failure = Failure::Unavailable { status: 502 };
        for round in 0..40_u32 {
            let wait = retries.next(&failure, patience, None, &jitter).unwrap();
            let whole = Duration::from_millis(250)
                .saturating_mul(1 << round.min(16))
                .min(Duration::from_secs(30));
            assert!(
                wait <= whole && wait >= whole / 2,
                "round {round}: {wait:?} of {whole:?}"
            );
        }
    }

    #[test]
    fn no_retry_starts_that_the_deadline_leaves_no_time_for() {
        let jitter = Jitter::new(1);
        let mut retries = Retries::default();
        let failure = Failure::Unavailable { status: 502 };
        let left = Some(Duration::from_millis(60));
        assert_eq!(retries.next(&failure, PATIENT, left, &jitter), None);
    }

    #[test]
    fn the_first_stall_leaves_most_of_the_deadline() {
        let second = Duration::from_secs(1);
        let timeout = 30 * second;
        assert_eq!(attempt_timeout(timeout, None, 0), timeout);
        assert_eq!(attempt_timeout(timeout, Some(20 * second), 0), 5 * second);
        assert_eq!(
            attempt_timeout(timeout, Some(15 * second), 1),
            second * 15 / 2
        );
        assert_eq!(attempt_timeout(timeout, Some(7 * second), 2), 7 * second);
        assert_eq!(
            attempt_timeout(2 * second, Some(20 * second), 0),
            2 * second
        );
    }
}
