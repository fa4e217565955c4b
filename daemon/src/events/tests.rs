use std::sync::Arc;

use jiff::Timestamp;
use lore_proto::ErrorCode;
use lore_proto::events::EventBody;
use lore_proto::jobs::JobState;

use super::*;
use crate::clock::ManualClock;

fn log(max_items: usize) -> EventLog {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    EventLog::build(1, clock, max_items, None)
}

fn warning(message: &str) -> EventBody {
    EventBody::Warning {
        code: ErrorCode::Timeout,
        message: message.to_owned(),
    }
}

fn progress(what: &str, done: u64) -> EventBody {
    EventBody::Progress {
        project: "g/p".to_owned(),
        what: what.to_owned(),
        done,
        total: None,
    }
}

fn finished() -> EventBody {
    EventBody::Finished {
        state: JobState::Succeeded,
        result: None,
        error: None,
    }
}

/// What is there to read now, a word each.
fn drain(subscription: &mut Subscription) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(delivery) = subscription.try_next() {
        words.push(match delivery {
            Delivery::Lost { count, seq } => format!("lost {count} up to {seq}"),
            Delivery::Event(event) => match &event.body {
                EventBody::Progress { what, done, .. } => format!("{}:{what}={done}", event.seq),
                EventBody::Warning { message, .. } => format!("{}:{message}", event.seq),
                EventBody::Waiting { seconds, .. } => format!("{}:waiting {seconds}", event.seq),
                EventBody::Finished { .. } => format!("{}:finished", event.seq),
                _ => format!("{}:other", event.seq),
            },
        });
    }
    words
}

#[tokio::test]
async fn a_late_subscriber_gets_everything_but_replaced_progress() {
    let log = log(100);
    log.publish(None, EventBody::Started {});
    log.publish(None, progress("issues", 1));
    log.publish(None, warning("a"));
    log.publish(None, progress("issues", 2));
    log.publish(None, progress("notes", 7));
    for seconds in [40, 39] {
        log.publish(
            None,
            EventBody::Waiting {
                reason: "rate_limit".to_owned(),
                seconds,
            },
        );
    }
    log.publish(None, finished());
    let mut late = log.subscribe(0);
    let words = [
        "1:other",
        "3:a",
        "4:issues=2",
        "5:notes=7",
        "7:waiting 39",
        "8:finished",
    ];
    assert_eq!(drain(&mut late), words);
    assert!(late.is_over());
    assert!(late.next().await.is_none());
}

#[test]
fn a_subscriber_goes_on_after_the_number_it_names() {
    let log = log(100);
    for word in ["a", "b", "c"] {
        log.publish(None, warning(word));
    }
    assert_eq!(drain(&mut log.subscribe(2)), ["3:c"]);
    // A number that is yet to come does not hide what comes before it.
    let mut ahead = log.subscribe(99);
    log.publish(None, warning("d"));
    assert_eq!(drain(&mut ahead), ["4:d"]);
}

#[test]
fn a_slow_subscriber_is_told_how_many_lasting_events_it_lost() {
    let log = log(2);
    let mut slow = log.subscribe(0);
    log.publish(None, EventBody::Started {});
    assert_eq!(drain(&mut slow), ["1:other"]);
    for word in ["a", "b", "c", "d", "e"] {
        log.publish(None, warning(word));
        log.publish(None, progress("issues", 1));
    }
    assert_eq!(
        drain(&mut slow),
        ["lost 3 up to 7", "8:d", "10:e", "11:issues=1"]
    );
    // Once told, it is not told again.
    log.publish(None, warning("f"));
    assert_eq!(drain(&mut slow), ["12:f"]);
}

#[test]
fn a_log_is_bounded_and_keeps_its_phases_and_its_end() {
    let log = log(10);
    log.publish(None, EventBody::Started {});
    for number in 0..1_000 {
        log.publish(None, warning(&number.to_string()));
        log.publish(None, progress("issues", number));
    }
    log.publish(None, finished());
    assert_eq!(log.len(), 1 + 10 + 1 + 1);
    let words = drain(&mut log.subscribe(0));
    assert_eq!(words[0], "1:other");
    assert_eq!(words[1], "lost 990 up to 1981");
    assert_eq!(words.last().unwrap(), "2002:finished");
}

#[test]
fn nothing_follows_the_end() {
    let log = log(10);
    log.publish(None, finished());
    log.publish(None, warning("late"));
    assert_eq!(drain(&mut log.subscribe(0)), ["1:finished"]);
}

#[tokio::test]
async fn a_waiting_subscriber_wakes_up_for_the_next_event() {
    let log = log(10);
    let mut subscription = log.subscribe(0);
    let waiting = tokio::spawn(async move { subscription.next().await.is_some() });
    tokio::task::yield_now().await;
    log.publish(None, warning("a"));
    assert!(waiting.await.unwrap());
}
