//! What holds in every framing, each rule by one table of cases.

use std::sync::Arc;

use jsonrpsee::{ConnectionId, Methods};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::server::testing::{Client, Odd, Spoken, odd, soon};

mod ending;
mod opening;
mod subscriptions;

struct Fixture {
    odd: Arc<Odd>,
    methods: Methods,
    limits: Limits,
    stop: CancellationToken,
    /// That of the latest connection.
    gone: CancellationToken,
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
            gone: CancellationToken::new(),
            next_id: 0,
        }
    }

    async fn connect(&mut self, spoken: Spoken) -> (Client<DuplexStream>, JoinHandle<()>) {
        println!("in {spoken:?}");
        let (near, served) = self.accept();
        (Client::new(spoken, near).await, served)
    }

    /// A connection that has not begun.
    fn accept(&mut self) -> (DuplexStream, JoinHandle<()>) {
        let (near, far) = tokio::io::duplex(4096);
        self.next_id += 1;
        self.gone = CancellationToken::new();
        let connection = Connection {
            methods: self.methods.clone(),
            limits: self.limits,
            id: ConnectionId(self.next_id),
            stop: self.stop.clone(),
            gone: self.gone.clone(),
        };
        (near, tokio::spawn(serve(far, connection)))
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
async fn alive(client: &mut Client<DuplexStream>) {
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
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
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
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"odd.echo","params":{{"text":"t"}}}}"#
            );
            client.send(&call).await;
            let line = client.next_text().await.unwrap();
            assert_eq!(
                line,
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"t"}}"#)
            );
        }
        alive(&mut client).await;
    }
}

/// What is wrong with each message, by the number of its error; the
/// connection survives all of them.
#[tokio::test]
async fn a_message_that_is_no_call_gets_the_standards_error() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
        // What follows would not begin a connection.
        alive(&mut client).await;
        let echo = r#""method":"odd.echo""#;
        let table = [
            ("{".to_owned(), Value::Null, PARSE),
            ("hello".to_owned(), Value::Null, PARSE),
            ("[1,".to_owned(), Value::Null, PARSE),
            ("{\"a\":\"\\ud800\"}x".to_owned(), Value::Null, PARSE),
            ("3".to_owned(), Value::Null, INVALID),
            (
                format!(r#"{{"jsonrpc":"2.0","id":1e400,{echo}}}"#),
                Value::Null,
                INVALID,
            ),
            (r#"{"id":-1e400,"id":1}"#.to_owned(), Value::Null, INVALID),
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
}

const PARSE: i32 = -32700;
const INVALID: i32 = -32600;
const METHOD: i32 = -32601;
const PARAMS: i32 = -32602;

#[tokio::test]
async fn a_failed_call_carries_lores_own_error() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
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
}

#[tokio::test]
async fn a_notification_is_done_and_not_answered() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
        client
            .send(r#"{"jsonrpc":"2.0","method":"odd.waitWrite"}"#)
            .await;
        soon(f.odd.begun.notified()).await;
        f.odd.release.notify_one();
        soon(f.odd.written.notified()).await;
        client.silence().await;
        for failed in ["no.such", "odd.fail", "odd.panic", "jobs.subscribe"] {
            let note = json!({ "jsonrpc": "2.0", "method": failed });
            client.send(&note.to_string()).await;
            client.silence().await;
        }
        alive(&mut client).await;
        // The last of them may have been answered late.
        client.end().await;
        assert!(client.next().await.is_none(), "a notification was answered");
    }
}

#[tokio::test]
async fn a_subscription_has_an_id_by_which_it_can_be_accepted() {
    for spoken in Spoken::LASTING {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
        for id in ["null", "1.5", "-1"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"jobs.subscribe"}}"#);
            let reply = client.ask(&text).await;
            assert_eq!(reply["id"].to_string(), id, "{reply}");
            assert_eq!(reply["error"]["code"], INVALID, "{reply}");
        }
        let accepted = client
            .ask(r#"{"jsonrpc":"2.0","id":"x","method":"jobs.subscribe"}"#)
            .await;
        assert!(accepted["result"].is_u64(), "{accepted}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_as_one_and_within_its_bound() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
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
        client.silence().await;
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
}

#[tokio::test]
async fn too_large_a_reply_is_an_error_and_too_large_a_request_ends_the_connection() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        let reply = client.call(5, "odd.big", &json!({ "bytes": 1000 })).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&json!(5), &json!(-32008))
        );
        alive(&mut client).await;
        let too_large = format!("{{\"x\":\"{}\"}}", "x".repeat(1001));
        let reply = client.ask(&too_large).await;
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&Value::Null, &json!(-32007))
        );
        assert!(client.next().await.is_none());
        drop(client);
        soon(served).await.unwrap();
    }
}

#[tokio::test]
async fn a_panic_answers_its_own_call_and_nothing_else() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
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
}
