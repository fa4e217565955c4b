//! What is HTTP's own: statuses, headers, and who is kept out.

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::ConnectionId;
use serde_json::json;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::server::connection::{Connection, serve};
use crate::server::testing::{Client, Odd, Response, Spoken, odd};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"odd.echo","params":{"text":"t"}}"#;
const JSON: &str = "Content-Type: application/json\r\n";

async fn connect() -> (Arc<Odd>, Client<DuplexStream>) {
    let (odd, methods) = odd();
    let (near, far) = tokio::io::duplex(64 << 10);
    let limits = Limits {
        max_message_bytes: 1000,
        opening: Duration::from_secs(10),
        ..Limits::default()
    };
    let connection = Connection {
        methods,
        limits,
        id: ConnectionId(1),
        stop: CancellationToken::new(),
        gone: CancellationToken::new(),
    };
    tokio::spawn(serve(far, connection));
    (odd, Client::new(Spoken::Post, near).await)
}

/// The response to one request on a connection of its own, and whether another
/// could follow.
async fn ask(request: &str) -> (Response, bool) {
    let (_odd, mut client) = connect().await;
    client.send_raw(request.as_bytes()).await;
    let response = client.response().await.expect("a response");
    client.end().await;
    let kept = response.header("connection") != Some("close");
    (response, kept)
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_reply_comes_with_its_type_and_the_connection_stays() {
    let (response, kept) = ask(&post(&format!("Host: localhost\r\n{JSON}"), CALL)).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.json(),
        json!({ "jsonrpc": "2.0", "id": 1, "result": "t" })
    );
    assert!(kept);
    // A body in chunks is the same.
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{CALL}\r\n0\r\n\r\n",
        CALL.len()
    );
    assert_eq!(ask(&chunked).await.0.json()["result"], "t");
    // So is HTTP/1.0, where a request names no host.
    let old = post(JSON, CALL).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(ask(&old).await.0.json()["result"], "t");
}

#[tokio::test]
async fn what_is_no_call_is_refused_with_the_status_that_says_why() {
    let host = "Host: localhost\r\n";
    let long = format!("{CALL}{}", " ".repeat(1000));
    let chunked = format!(
        "POST / HTTP/1.1\r\n{host}{JSON}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let get = |headers: &str| format!("GET / HTTP/1.1\r\n{host}{headers}\r\n");
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (request, status, said) in [
        (get(""), 405, "POST"),
        (get("").replace("GET", "PUT"), 405, "POST"),
        (get("").replace("GET", "OPTIONS"), 405, "POST"),
        (get("").replace("GET /", "GET /rpc"), 404, "`/`"),
        (post(host, CALL), 415, "application/json"),
        (
            post(
                &format!("{host}Content-Type: application/x-www-form-urlencoded\r\n"),
                CALL,
            ),
            415,
            "application/json",
        ),
        (
            post(&format!("{host}{JSON}Content-Encoding: gzip\r\n"), CALL),
            415,
            "compressed",
        ),
        (post(&format!("{host}{JSON}"), &long), 413, "1000 bytes"),
        (chunked, 413, "1000 bytes"),
        (
            get(&format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n")),
            426,
            "WebSocket",
        ),
        (
            get(&format!("{upgrade}Sec-WebSocket-Version: 13\r\n")),
            400,
            "WebSocket",
        ),
    ] {
        let (response, kept) = ask(&request).await;
        assert_eq!(response.status, status, "{request}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        let reply = response.json();
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{request}: {message}");
        assert_eq!(reply["error"]["data"]["code"], "USAGE");
        assert_eq!(kept, status != 413, "{request}");
        match status {
            405 => assert_eq!(response.header("allow"), Some("POST")),
            426 => assert_eq!(response.header("sec-websocket-version"), Some("13")),
            _ => {}
        }
    }
}

#[tokio::test]
async fn headers_over_their_bound_and_broken_ones_are_refused() {
    let long = format!("Host: localhost\r\nX: {}\r\n", "x".repeat(super::MAX_HEAD));
    assert_eq!(ask(&post(&long, CALL)).await.0.status, 431);
    let many = format!("Host: localhost\r\n{}", "X: 1\r\n".repeat(200));
    assert_eq!(ask(&post(&many, CALL)).await.0.status, 431);
    assert_eq!(
        ask("POST / HTTP/1.1\r\nno colon\r\n\r\n").await.0.status,
        400
    );
    assert_eq!(ask("PATCH\r\n\r\n").await.0.status, 400);
}

#[tokio::test]
async fn a_web_page_and_a_foreign_name_are_kept_out() {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (headers, status, said) in [
        (
            "Host: localhost\r\nOrigin: https://evil.example\r\n",
            403,
            "`Origin`",
        ),
        ("Host: localhost\r\nOrigin: null\r\n", 403, "`Origin`"),
        (
            "Host: localhost\r\nOrigin: http://localhost\r\n",
            403,
            "`Origin`",
        ),
        ("Host: evil.example\r\n", 403, "`Host`"),
        ("Host: localhost\r\nHost: evil.example\r\n", 400, "`Host`"),
        ("", 400, "`Host`"),
    ] {
        let get = format!("GET / HTTP/1.1\r\n{headers}{upgrade}\r\n");
        for request in [post(&format!("{headers}{JSON}"), CALL), get] {
            let (response, _) = ask(&request).await;
            assert_eq!(response.status, status, "{request}");
            let reply = response.json();
            let message = reply["error"]["message"].as_str().unwrap();
            assert!(message.contains(said), "{request}: {message}");
        }
    }
    let absolute = post(&format!("Host: localhost\r\n{JSON}"), CALL)
        .replace("POST /", "POST http://evil.example/");
    assert_eq!(ask(&absolute).await.0.status, 403);
    // Without them the same is served.
    let handshake = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n");
    let (response, _) = ask(&handshake).await;
    assert_eq!(response.status, 101);
    // The example of RFC 6455, section 1.3.
    assert_eq!(
        response.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_does_not_keep_a_place() {
    let (_odd, mut client) = connect().await;
    let announced = post(&format!("Host: localhost\r\n{JSON}"), CALL);
    let begun = &announced[..announced.len() - 5];
    client.send_raw(begun.as_bytes()).await;
    let response = client.response().await.expect("a response");
    assert_eq!(response.status, 408);
    assert_eq!(response.header("connection"), Some("close"));
    assert!(response.body.contains("did not come in time"));
    assert!(client.response().await.is_none());
}
