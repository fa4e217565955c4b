//! Passing waits for a host's request budget on to whoever follows a job.

use std::convert::Infallible;

use jiff::Timestamp;
use lore_proto::events::EventBody;

use crate::clock::Clock;
use crate::gitlab::Client;
use crate::jobs::JobContext;

/// Publishes every wait of the host's as an event of the run; never ends.
pub(super) async fn tell(
    client: &Client,
    clock: &dyn Clock,
    cx: &JobContext,
    run_id: &str,
) -> Infallible {
    let mut waiting = client.waiting();
    loop {
        let until = waiting.borrow_and_update().map(|wait| wait.until);
        if let Some(until) = until {
            cx.events.publish(
                Some(run_id),
                EventBody::Waiting {
                    reason: "rate_limit".to_owned(),
                    seconds: seconds_from(clock.now(), until),
                },
            );
        }
        if waiting.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn seconds_from(now: Timestamp, until: Timestamp) -> u64 {
    let left = until.as_millisecond() - now.as_millisecond();
    u64::try_from(left).unwrap_or(0).div_ceil(1000)
}
