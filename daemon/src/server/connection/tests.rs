use lore_proto::events::EventBody;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::*;
use crate::server::framing::Lines;
use crate::server::testing::{LineClient, Odd, job, odd, soon};

struct Fixture {
    odd: Arc<Odd>,
    methods: Methods,
    limits: Limits,
    stop: CancellationToken,
    next_id: usize,
}

impl Fixture {
    fn new(limits: Limits) -> Self {
        let (odd, methods) = odd();
        let stop = CancellationToken::new();
        Self {
            odd,
            methods,
            limits,
            stop,
            next_id: 0,
        }
    }

    fn connect(&mut self) -> (LineClient<DuplexStream>, JoinHandle<()>) {
        let (near, far) = tokio::io::duplex(4096);
        self.next_id += 1;
        let served = serve(
            far,
            Lines::new(self.limits.max_message_bytes),
            self.methods.clone(),
            self.limits,
            ConnectionId(self.next_id),
            self.stop.clone(),
        );
        (LineClient::new(near), tokio::spawn(served))
    }
}

fn small() -> Limits {
    Limits {
        max_message_bytes: 1000,
        max_batch: 3,
        max_subscriptions: 2,
        ..Limits::default()
    }
}

/// That the connection still answers.
async fn alive(client: &mut LineClient<DuplexStream>) {
    let reply = client
        .call(77, "odd.echo", &json!({ "text": "alive" }))
        .await;
    assert_eq!(
        reply,
        json!({ "jsonrpc": "2.0", "id": 77, "result": "alive" })
    );
}

#[tokio::test]
async fn a_call_is_answered_with_its_id_as_it_was_written() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    alive(&mut client).await;
    for id in [
        "\"a\\\"b\"",
        "0",
        "18446744073709551615",
        "-7",
        "1.50",
        "1e3",
        "null",
    ] {
        let call =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"odd.echo","params":{{"text":"t"}}}}"#);
        client.send(&call).await;
        let line = client.next_text().await;
        assert_eq!(
            line,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"t"}}"#)
        );
    }
    alive(&mut client).await;
}

/// What is wrong with each message, by the number of its error; the
/// connection survives all of them.
#[tokio::test]
async fn a_message_that_is_no_call_gets_the_standards_error() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    let echo = r#""method":"odd.echo""#;
    let table = [
        ("{".to_owned(), Value::Null, PARSE),
        ("hello".to_owned(), Value::Null, PARSE),
        ("[1,".to_owned(), Value::Null, PARSE),
        ("{\"a\":\"\\ud800\"}x".to_owned(), Value::Null, PARSE),
        ("3".to_owned(), Value::Null, INVALID),
        ("{}".to_owned(), Value::Null, INVALID),
        ("[]".to_owned(), Value::Null, INVALID),
        (format!(r#"{{"id":1,{echo}}}"#), json!(1), INVALID),
        (
            format!(r#"{{"jsonrpc":"1.0","id":1,{echo}}}"#),
            json!(1),
            INVALID,
        ),
        (r#"{"jsonrpc":"2.0","id":1}"#.to_owned(), json!(1), INVALID),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":3}"#.to_owned(),
            json!(1),
            INVALID,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":1,{echo},{echo}}}"#),
            json!(1),
            INVALID,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":{{}},{echo}}}"#),
            Value::Null,
            INVALID,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":true,{echo}}}"#),
            Value::Null,
            INVALID,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":1,{echo},"params":3}}"#),
            json!(1),
            INVALID,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":"x",{echo},"params":["t"]}}"#),
            json!("x"),
            PARAMS,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"odd.eco"}"#.to_owned(),
            json!(1),
            METHOD,
        ),
    ];
    for (text, id, number) in table {
        let reply = client.ask(&text).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&id, &json!(number)),
            "{text}: {reply}"
        );
        assert_eq!(reply["error"]["data"]["code"], "USAGE", "{text}");
        assert_eq!(reply["error"]["data"]["exit_code"], 2, "{text}");
    }
    let reply = client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"odd.eco"}"#)
        .await;
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("`odd.echo`"),
        "{reply}"
    );
    let reply = client.call(1, "odd.echo", &json!({ "txet": "t" })).await;
    assert_eq!(reply["error"]["code"], PARAMS);
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("`txet`"),
        "{reply}"
    );
    alive(&mut client).await;
}

const PARSE: i32 = -32700;
const INVALID: i32 = -32600;
const METHOD: i32 = -32601;
const PARAMS: i32 = -32602;

#[tokio::test]
async fn a_failed_call_carries_lores_own_error() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    let reply = client.call(1, "odd.fail", &json!({})).await;
    let data = json!({
        "code": "PROJECT_UNKNOWN", "exit_code": 18, "retryable": false,
        "details": { "nearest": ["a/b"] }, "actions": ["lore status"],
    });
    let number = ErrorCode::ProjectUnknown.rpc_code();
    assert_eq!(
        reply["error"],
        json!({ "code": number, "message": "no such project", "data": data })
    );
}

#[tokio::test]
async fn a_notification_is_done_and_not_answered() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    client
        .send(r#"{"jsonrpc":"2.0","method":"odd.waitWrite"}"#)
        .await;
    soon(f.odd.begun.notified()).await;
    client.send(r#"{"jsonrpc":"2.0","method":"no.such"}"#).await;
    f.odd.release.notify_one();
    soon(f.odd.written.notified()).await;
    alive(&mut client).await;
}

#[tokio::test]
async fn a_batch_is_answered_as_one_and_within_its_bound() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    let echo = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0",{id}"method":"odd.echo","params":{{"text":"t"}}}}"#)
    };
    let (one, note) = (echo(r#""id":1,"#), echo(""));
    let reply = client.ask(&format!("[{one},{note},4]")).await;
    assert_eq!(
        reply[0],
        json!({ "jsonrpc": "2.0", "id": 1, "result": "t" })
    );
    assert_eq!(reply[1]["error"]["code"], INVALID);
    assert_eq!(reply.as_array().unwrap().len(), 2);
    client.send(&format!("[{note},{note}]")).await;
    alive(&mut client).await;
    let reply = client.ask("[1,2,3,4]").await;
    assert_eq!(
        (&reply["id"], &reply["error"]["code"]),
        (&Value::Null, &json!(-32010))
    );
    let big = r#"{"jsonrpc":"2.0","id":2,"method":"odd.big","params":{"bytes":700}}"#;
    let reply = client.ask(&format!("[{big},{big}]")).await;
    assert_eq!(reply[0]["result"].as_str().unwrap().len(), 700);
    assert_eq!(
        (&reply[1]["id"], &reply[1]["error"]["code"]),
        (&json!(2), &json!(-32008))
    );
    let subscribe = r#"{"jsonrpc":"2.0","id":3,"method":"jobs.subscribe"}"#;
    let reply = client.ask(&format!("[{subscribe}]")).await;
    assert_eq!(reply[0]["error"]["code"], INVALID);
    alive(&mut client).await;
}

#[tokio::test]
async fn too_large_a_reply_is_an_error_and_too_large_a_request_ends_the_connection() {
    let mut f = Fixture::new(small());
    let (mut client, served) = f.connect();
    let reply = client.call(5, "odd.big", &json!({ "bytes": 1000 })).await;
    assert_eq!(
        (&reply["id"], &reply["error"]["code"]),
        (&json!(5), &json!(-32008))
    );
    alive(&mut client).await;
    let reply = client.ask(&"x".repeat(1001)).await;
    assert_eq!(
        (&reply["id"], &reply["error"]["code"]),
        (&Value::Null, &json!(-32007))
    );
    assert!(client.next().await.is_none());
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_panic_answers_its_own_call_and_nothing_else() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
    for method in ["odd.panic", "odd.panicWrite"] {
        let reply = client.call(9, method, &json!({})).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&json!(9), &json!(-32603))
        );
        assert_eq!(reply["error"]["data"]["code"], "INTERNAL");
        assert!(!reply.to_string().contains("on purpose"));
        alive(&mut client).await;
    }
}

#[tokio::test]
async fn a_subscription_is_accepted_before_its_first_event_and_ends_with_finished() {
    let mut f = Fixture::new(small());
    let (cx, end) = job(&f.odd).await;
    let (mut client, _) = f.connect();
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

#[tokio::test]
async fn an_unsubscription_and_a_disconnection_each_stop_the_sending() {
    let mut f = Fixture::new(small());
    let (cx, _end) = job(&f.odd).await;
    let params = json!({ "job_id": cx.job_id });
    for by_name in [true, false] {
        let (mut client, served) = f.connect();
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
    let (mut client, served) = f.connect();
    client.call(1, "jobs.subscribe", &params).await;
    drop(client);
    soon(cx.events.unread()).await;
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_cannot_be_says_why() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect();
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

#[tokio::test]
async fn a_client_that_reads_nothing_holds_nobody_up_and_is_told_what_it_lost() {
    let mut f = Fixture::new(small());
    let (cx, end) = job(&f.odd).await;
    let (mut frozen, _) = f.connect();
    frozen
        .request(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
        .await;
    let (mut other, _) = f.connect();
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

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_for_too_long_is_cut_off() {
    let mut f = Fixture::new(small());
    let (cx, _end) = job(&f.odd).await;
    let (mut frozen, served) = f.connect();
    frozen
        .request(1, "jobs.subscribe", &json!({ "job_id": cx.job_id }))
        .await;
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

#[tokio::test]
async fn a_stop_lets_calls_end_and_sends_their_replies() {
    let mut f = Fixture::new(small());
    let (mut client, served) = f.connect();
    client.request(1, "odd.waitRead", &json!({})).await;
    soon(f.odd.begun.notified()).await;
    f.stop.cancel();
    f.odd.release.notify_one();
    assert_eq!(client.next().await.unwrap()["result"], "released");
    assert!(client.next().await.is_none());
    soon(served).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_connection_after_its_drain_at_the_latest() {
    let mut f = Fixture::new(small());
    let (cx, _end) = job(&f.odd).await;
    let (mut client, served) = f.connect();
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

#[tokio::test]
async fn a_client_that_goes_drops_its_reads_and_not_its_writes() {
    let limits = Limits {
        drain: Duration::ZERO,
        ..small()
    };
    let mut f = Fixture::new(limits);
    let (mut client, served) = f.connect();
    client.request(1, "odd.waitRead", &json!({})).await;
    soon(f.odd.begun.notified()).await;
    drop(client);
    soon(f.odd.dropped.notified()).await;
    soon(served).await.unwrap();
    let (mut client, served) = f.connect();
    client.request(1, "odd.waitWrite", &json!({})).await;
    soon(f.odd.begun.notified()).await;
    drop(client);
    soon(served).await.unwrap();
    f.odd.release.notify_one();
    soon(f.odd.written.notified()).await;
}

#[tokio::test]
async fn a_client_that_asks_no_more_still_gets_its_answers() {
    let mut f = Fixture::new(small());
    let (mut client, served) = f.connect();
    client.request(1, "odd.waitRead", &json!({})).await;
    client.end().await;
    soon(f.odd.begun.notified()).await;
    f.odd.release.notify_one();
    assert_eq!(client.next().await.unwrap()["result"], "released");
    assert!(client.next().await.is_none());
    soon(served).await.unwrap();
}

#[tokio::test]
async fn calls_under_way_are_bounded_and_the_rest_waits() {
    let limits = Limits {
        max_in_flight: 2,
        ..small()
    };
    let mut f = Fixture::new(limits);
    let (mut client, _) = f.connect();
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
