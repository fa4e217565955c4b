//! Subscriptions, and clients that do not read them.

use lore_proto::ErrorCode;
use lore_proto::events::EventBody;
use serde_json::json;

use super::{Fixture, PARAMS, alive, small};
use crate::server::testing::{Spoken, job, soon};

#[tokio::test]
async fn a_subscription_is_accepted_before_its_first_event_and_ends_with_finished() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (cx, end) = job(&f.odd).await;
        let (mut client, _) = f.connect(spoken).await;
        let params = json!({ "job_id": cx.job_id });
        let accepted = client.call(1, "jobs.subscribe", &params).await;
        let subscription = accepted["result"].clone();
        assert!(subscription.is_u64(), "{accepted}");
        end.notify_one();
        let mut kinds = Vec::new();
        while kinds.last().is_none_or(|kind| kind != "finished") {
            let event = client.next().await.unwrap();
            assert_eq!(event["method"], "jobs.event");
            assert_eq!(event["params"]["subscription"], subscription);
            assert_eq!(event["params"]["result"]["job_id"], cx.job_id);
            kinds.push(
                event["params"]["result"]["kind"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        assert_eq!(kinds, ["queued", "started", "finished"]);
        soon(cx.events.unread()).await;
        // A late one is sent the same, from where it says.
        client
            .call(
                2,
                "jobs.subscribe",
                &json!({ "job_id": cx.job_id, "after_seq": 2 }),
            )
            .await;
        let event = client.next().await.unwrap();
        assert_eq!(event["params"]["result"]["kind"], "finished");
        assert_eq!(event["params"]["result"]["result"], json!({ "done": true }));
    }
}

#[tokio::test]
async fn an_unsubscription_and_a_disconnection_each_stop_the_sending() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (cx, _end) = job(&f.odd).await;
        let params = json!({ "job_id": cx.job_id });
        for by_name in [true, false] {
            let (mut client, served) = f.connect(spoken).await;
            let accepted = client.call(1, "jobs.subscribe", &params).await;
            for _ in 0..2 {
                client.next().await.unwrap();
            }
            let id = &accepted["result"];
            let params = if by_name {
                json!({ "subscription": id })
            } else {
                json!([id])
            };
            assert_eq!(
                client.call(2, "jobs.unsubscribe", &params).await["result"],
                true
            );
            soon(cx.events.unread()).await;
            assert_eq!(
                client.call(3, "jobs.unsubscribe", &params).await["result"],
                false
            );
            drop(client);
            soon(served).await.unwrap();
        }
        let (mut client, served) = f.connect(spoken).await;
        client.call(1, "jobs.subscribe", &params).await;
        drop(client);
        f.gone.cancel();
        soon(cx.events.unread()).await;
        soon(served).await.unwrap();
    }
}

#[tokio::test]
async fn a_subscription_that_cannot_be_says_why() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
        let reply = client
            .call(1, "jobs.subscribe", &json!({ "job_id": 99 }))
            .await;
        assert_eq!(reply["error"]["data"]["code"], "NOT_FOUND");
        let reply = client
            .call(1, "jobs.subscribe", &json!({ "job": 99 }))
            .await;
        assert_eq!(reply["error"]["code"], PARAMS);
        let reply = client
            .call(1, "jobs.subscribe", &json!({ "after_seq": 9 }))
            .await;
        assert_eq!(reply["error"]["data"]["code"], "USAGE");
        for _ in 0..2 {
            assert!(client.call(1, "jobs.subscribe", &json!({})).await["result"].is_u64());
        }
        let reply = client.call(4, "jobs.subscribe", &json!({})).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&json!(4), &json!(-32006))
        );
        alive(&mut client).await;
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_nobody_up_and_is_told_what_it_lost() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (cx, end) = job(&f.odd).await;
        let (mut frozen, _) = f.connect(spoken).await;
        frozen
            .request(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
            .await;
        let (mut other, _) = f.connect(spoken).await;
        for number in 0..20_000 {
            let message = format!("warning {number}");
            cx.events.publish(
                None,
                EventBody::Warning {
                    code: ErrorCode::Timeout,
                    message,
                },
            );
            if number % 4_000 == 0 {
                alive(&mut other).await;
            }
        }
        assert!(cx.events.len() <= crate::events::MAX_ITEM_EVENTS + 2);
        end.notify_one();
        assert!(frozen.next().await.unwrap()["result"].is_u64());
        let (mut seen, mut lost) = (0, 0);
        loop {
            let event = frozen.next().await.unwrap()["params"]["result"].clone();
            match event["kind"].as_str().unwrap() {
                "warning" => seen += 1,
                "lagged" => {
                    lost += event["lost"].as_u64().unwrap();
                    assert_eq!(event["job"]["job_id"], cx.job_id);
                }
                "finished" => break,
                _ => {}
            }
        }
        assert!(lost > 0);
        assert_eq!(seen + lost, 20_000);
    }
}

#[tokio::test]
async fn over_post_a_subscription_names_what_there_is_instead() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect(Spoken::Post).await;
    for (method, params) in [
        ("jobs.subscribe", json!({})),
        ("jobs.unsubscribe", json!({ "subscription": 1 })),
    ] {
        let reply = client.call(1, method, &params).await;
        assert_eq!(reply["error"]["code"], -32601, "{reply}");
        assert_eq!(reply["error"]["data"]["code"], "USAGE");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains("`jobs.get`"), "{message}");
        assert!(message.contains("WebSocket"), "{message}");
    }
    alive(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_for_too_long_is_cut_off() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (cx, _end) = job(&f.odd).await;
        let (mut frozen, served) = f.connect(spoken).await;
        if spoken == Spoken::Post {
            for id in 0..10 {
                let params = json!({ "bytes": 900 });
                frozen.request(id, "odd.big", &params).await;
            }
        } else {
            frozen
                .request(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
                .await;
        }
        tokio::task::yield_now().await;
        for _ in 0..1_000 {
            let message = "x".repeat(100);
            cx.events.publish(
                None,
                EventBody::Warning {
                    code: ErrorCode::Timeout,
                    message,
                },
            );
        }
        let longest = f.limits.write_timeout * 3;
        tokio::time::timeout(longest, served)
            .await
            .expect("it was not cut off")
            .unwrap();
        tokio::time::timeout(longest, cx.events.unread())
            .await
            .unwrap();
    }
}
