//! How a connection ends, and what becomes of its calls.

use serde_json::json;

use super::{Fixture, small};
use crate::config::Limits;
use crate::server::testing::{Spoken, job, soon};

#[tokio::test(start_paused = true)]
async fn a_stop_lets_calls_end_and_sends_their_replies() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        client.request(1, "odd.waitRead", &json!({})).await;
        soon(f.odd.begun.notified()).await;
        f.stop.cancel();
        f.odd.release.notify_one();
        assert_eq!(client.next().await.unwrap()["result"], "released");
        assert!(client.next().await.is_none());
        drop(client);
        soon(served).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_connection_after_its_drain_at_the_latest() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (cx, _end) = job(&f.odd).await;
        let (mut client, served) = f.connect(spoken).await;
        client
            .call(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
            .await;
        client.request(2, "odd.waitRead", &json!({})).await;
        f.odd.begun.notified().await;
        let begun = tokio::time::Instant::now();
        f.stop.cancel();
        served.await.unwrap();
        assert_eq!(begun.elapsed(), f.limits.drain);
        while client.next().await.is_some() {}
        soon(f.odd.dropped.notified()).await;
        soon(cx.events.unread()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_a_subscription_say_how_its_job_ended_and_waits_no_longer() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (cx, end) = job(&f.odd).await;
        let (mut client, served) = f.connect(spoken).await;
        client
            .call(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
            .await;
        let begun = tokio::time::Instant::now();
        f.stop.cancel();
        // The stop has come as far as it can without the job's end.
        tokio::time::sleep(f.limits.drain / 4).await;
        end.notify_one();
        let mut last = serde_json::Value::Null;
        while let Some(event) = client.next().await {
            last = event["params"]["result"]["kind"].clone();
        }
        assert_eq!(last, "finished", "{spoken:?}");
        soon(served).await.unwrap();
        assert_eq!(begun.elapsed(), f.limits.drain / 4, "{spoken:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_drops_its_reads() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        client.request(1, "odd.waitRead", &json!({})).await;
        soon(f.odd.begun.notified()).await;
        drop(client);
        f.gone.cancel();
        soon(f.odd.dropped.notified()).await;
        soon(served).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_goes_does_not_end_its_writes() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        client.request(1, "odd.waitWrite", &json!({})).await;
        soon(f.odd.begun.notified()).await;
        drop(client);
        f.gone.cancel();
        f.odd.release.notify_one();
        soon(f.odd.written.notified()).await;
        soon(served).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_no_more_still_gets_its_answers() {
    // Who closes a WebSocket takes nothing more.
    for spoken in [Spoken::Lines, Spoken::Frames, Spoken::Post] {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        client.request(1, "odd.waitRead", &json!({})).await;
        client.end().await;
        soon(f.odd.begun.notified()).await;
        // However long they take.
        tokio::time::sleep(f.limits.drain * 100).await;
        f.odd.release.notify_one();
        assert_eq!(client.next().await.unwrap()["result"], "released");
        assert!(client.next().await.is_none());
        drop(client);
        soon(served).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_no_more_is_told_of_its_job_to_the_end() {
    for spoken in [Spoken::Lines, Spoken::Frames] {
        let mut f = Fixture::new(small());
        let (cx, end) = job(&f.odd).await;
        let (mut client, served) = f.connect(spoken).await;
        let params = json!({ "job_id": cx.job_id });
        client.request(1, "jobs.subscribe", &params).await;
        client.end().await;
        assert!(client.next().await.unwrap()["result"].is_u64());
        tokio::time::sleep(f.limits.drain * 100).await;
        end.notify_one();
        let mut kinds = Vec::new();
        while let Some(event) = client.next().await {
            kinds.push(event["params"]["result"]["kind"].clone());
        }
        assert_eq!(kinds, ["queued", "started", "finished"]);
        soon(served).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_longer_for_who_asks_no_more() {
    for spoken in [Spoken::Lines, Spoken::Frames, Spoken::Post] {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        client.request(1, "odd.waitRead", &json!({})).await;
        client.end().await;
        f.odd.begun.notified().await;
        let begun = tokio::time::Instant::now();
        f.stop.cancel();
        served.await.unwrap();
        assert_eq!(begun.elapsed(), f.limits.drain);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_longer_for_who_asks_no_more_and_does_not_read() {
    for spoken in [Spoken::Lines, Spoken::Frames] {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        // More than what lies between the two takes.
        for id in 1..=20 {
            let params = json!({ "bytes": 700 });
            client.request(id, "odd.big", &params).await;
        }
        client.end().await;
        tokio::time::sleep(f.limits.drain * 2).await;
        let begun = tokio::time::Instant::now();
        f.stop.cancel();
        served.await.unwrap();
        assert!(begun.elapsed() <= f.limits.drain, "{:?}", begun.elapsed());
        drop(client);
    }
}

#[tokio::test]
async fn calls_under_way_are_bounded_and_the_rest_waits() {
    // Over HTTP there is one at a time.
    for spoken in Spoken::LASTING {
        let limits = Limits {
            max_in_flight: 2,
            ..small()
        };
        let mut f = Fixture::new(limits);
        let (mut client, _) = f.connect(spoken).await;
        for id in [1, 2] {
            client.request(id, "odd.waitRead", &json!({})).await;
            soon(f.odd.begun.notified()).await;
        }
        client
            .request(3, "odd.echo", &json!({ "text": "third" }))
            .await;
        f.odd.release.notify_one();
        let first = client.next().await.unwrap();
        assert_eq!(first["result"], "released", "the third waits for a place");
        assert_eq!(client.next().await.unwrap()["result"], "third");
        f.odd.release.notify_one();
        assert_eq!(client.next().await.unwrap()["result"], "released");
    }
}

#[tokio::test]
async fn requests_over_http_are_answered_in_their_order() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect(Spoken::Post).await;
    client.request(1, "odd.waitRead", &json!({})).await;
    client
        .request(2, "odd.echo", &json!({ "text": "second" }))
        .await;
    soon(f.odd.begun.notified()).await;
    f.odd.release.notify_one();
    assert_eq!(client.next().await.unwrap()["result"], "released");
    assert_eq!(client.next().await.unwrap()["result"], "second");
}
