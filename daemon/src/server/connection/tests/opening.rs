//! How a connection begins.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Fixture, alive, small};
use crate::config::Limits;
use crate::server::testing::{Client, Spoken, soon};

#[tokio::test]
async fn what_begins_as_nothing_known_is_told_what_would_and_let_go() {
    for beginning in [
        "hello\n",
        "\u{16}\u{3}\u{1}",
        "3",
        "post / HTTP/1.1\r\n\r\n",
    ] {
        let mut f = Fixture::new(small());
        let (mut stream, served) = f.accept();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut text = String::new();
        soon(stream.read_to_string(&mut text)).await.unwrap();
        let reply: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&reply["id"], &reply["error"]["code"]),
            (&Value::Null, &json!(-32700)),
            "{reply}"
        );
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains("`Content-Length:`"), "{message}");
        drop(stream);
        soon(served).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_does_not_keep_its_place() {
    for beginning in ["", " \n"] {
        let mut f = Fixture::new(small());
        let (mut stream, served) = f.accept();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let begun = tokio::time::Instant::now();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(begun.elapsed(), f.limits.opening);
        assert!(text.contains("nothing came for 60 seconds"), "{text}");
        drop(stream);
        served.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_begun_may_be_silent_but_not_between_two_requests_of_http() {
    for spoken in Spoken::ALL {
        let mut f = Fixture::new(small());
        let (mut client, served) = f.connect(spoken).await;
        alive(&mut client).await;
        tokio::time::sleep(f.limits.opening * 2).await;
        if spoken == Spoken::Post {
            assert!(client.next().await.is_none());
            drop(client);
            served.await.unwrap();
        } else {
            alive(&mut client).await;
        }
    }
}

#[tokio::test]
async fn http_2_is_told_that_this_is_http_1() {
    let mut f = Fixture::new(small());
    let (mut client, _) = f.connect(Spoken::Post).await;
    for piece in ["PR", "I * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        client.send_raw(piece.as_bytes()).await;
    }
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 400);
    let error = response.json()["error"].take();
    assert_eq!(error["data"]["code"], "USAGE");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("--http2-prior-knowledge"), "{message}");
    assert!(client.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn half_a_message_does_not_keep_its_place() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"odd.echo","params":{"text":"t"}}"#;
    let framed = format!("Content-Length: {}\r\n\r\n{call}", call.len());
    // A text frame with a mask of zeros, and one that another shall follow.
    let length = u8::try_from(call.len()).unwrap();
    let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], call.as_bytes()].concat();
    let fragment = [&[0x01, 0x80 | length, 0, 0, 0, 0], call.as_bytes()].concat();
    for (spoken, half) in [
        (Spoken::Lines, call.as_bytes()),
        (Spoken::Frames, &framed.as_bytes()[..9]),
        (Spoken::Frames, &framed.as_bytes()[..30]),
        (Spoken::WebSocket, &frame[..1]),
        (Spoken::WebSocket, &frame[..20]),
        (Spoken::WebSocket, &fragment),
    ] {
        let limits = Limits {
            opening: Duration::from_secs(10),
            ..small()
        };
        let mut f = Fixture::new(limits);
        let (mut client, served) = f.connect(spoken).await;
        alive(&mut client).await;
        tokio::time::sleep(f.limits.opening * 2).await;
        let begun = tokio::time::Instant::now();
        let (first, second) = half.split_at(half.len() / 2);
        client.send_raw(first).await;
        // Whatever comes is time for the next.
        tokio::time::sleep(f.limits.opening / 2).await;
        client.send_raw(second).await;
        let reply = client.next().await.unwrap();
        assert_eq!(begun.elapsed(), f.limits.opening * 3 / 2);
        assert_eq!(reply["error"]["code"], -32700);
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains("did not come in time"), "{message}");
        assert!(client.next().await.is_none());
        drop(client);
        served.await.unwrap();
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_who_has_not_begun() {
    let mut f = Fixture::new(small());
    let (_stream, served) = f.accept();
    f.stop.cancel();
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_beginning_may_come_byte_by_byte_and_after_blanks() {
    for spoken in [Spoken::Lines, Spoken::Frames, Spoken::Post] {
        let mut f = Fixture::new(small());
        let (mut client, _) = f.connect(spoken).await;
        client.send_raw(b" \r\n").await;
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"odd.echo","params":{"text":"t"}}"#;
        let length = call.len();
        let bytes = match spoken {
            Spoken::Lines => format!("{call}\n"),
            Spoken::Frames => {
                format!("content-type: x; charset=utf-8\r\nCONTENT-LENGTH:{length}\r\n\r\n{call}")
            }
            _ => format!(
                "POST / HTTP/1.1\r\nhost: unix\r\ncontent-type: application/json; charset=utf-8\r\n\
                 content-length: {length}\r\n\r\n{call}"
            ),
        };
        for byte in bytes.bytes() {
            client.send_raw(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.next().await.unwrap()["result"], "t");
        alive(&mut client).await;
    }
}

/// A header that says no length cannot be read past.
#[tokio::test(start_paused = true)]
async fn a_broken_header_of_a_frame_is_named_and_ends_the_connection() {
    let mut f = Fixture::new(small());
    let (near, served) = f.accept();
    let mut client = Client::new(Spoken::Frames, near).await;
    client.send_raw(b"Content-Type: x\r\n\r\n{}").await;
    let reply = client.next().await.unwrap();
    assert_eq!(reply["error"]["code"], -32700);
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("`Content-Length` is missing"), "{message}");
    // What it still writes is taken, for a while, so that it can read.
    client.send_raw(&vec![b'x'; 100_000]).await;
    assert!(client.next().await.is_none());
    drop(client);
    tokio::time::timeout(Duration::from_mins(1), served)
        .await
        .unwrap()
        .unwrap();
}
