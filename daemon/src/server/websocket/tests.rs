//! What is WebSocket's own: control frames, fragments, codes of a close.

use futures_util::{SinkExt as _, StreamExt as _};
use jsonrpsee::ConnectionId;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::server::connection::{Connection, serve};
use crate::server::testing::{Client, Spoken, odd, soon};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"odd.echo","params":{"text":"t"}}"#;

struct Fixture {
    client: Client<DuplexStream>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Fixture {
    async fn new() -> Self {
        let (_, methods) = odd();
        let (near, far) = tokio::io::duplex(4096);
        let stop = CancellationToken::new();
        let limits = Limits {
            max_message_bytes: 1000,
            ..Limits::default()
        };
        let connection = Connection {
            methods,
            limits,
            id: ConnectionId(1),
            stop: stop.clone(),
            gone: CancellationToken::new(),
        };
        let served = tokio::spawn(serve(far, connection));
        let client = Client::new(Spoken::WebSocket, near).await;
        Self {
            client,
            stop,
            served,
        }
    }

    async fn next(&mut self) -> Message {
        let next = soon(self.client.socket().next()).await;
        next.expect("a message").expect("a sound one")
    }

    async fn send(&mut self, message: Message) {
        self.client.socket().send(message).await.unwrap();
    }

    /// The code with which the server closes, after what it says.
    async fn closed(&mut self) -> CloseCode {
        loop {
            match self.next().await {
                Message::Close(frame) => return frame.expect("a code").code,
                Message::Text(_) => {}
                other => panic!("{other} is no end"),
            }
        }
    }
}

fn data(kind: Data, text: &str, last: bool) -> Message {
    let payload = Bytes::copy_from_slice(text.as_bytes());
    Message::Frame(Frame::message(payload, OpCode::Data(kind), last))
}

#[tokio::test]
async fn a_message_may_be_text_or_bytes_whole_or_in_fragments_with_pings_between() {
    let mut f = Fixture::new().await;
    f.send(Message::text(CALL)).await;
    let reply = f.next().await.into_text().unwrap().to_string();
    assert_eq!(reply, r#"{"jsonrpc":"2.0","id":1,"result":"t"}"#);
    f.send(Message::binary(CALL)).await;
    assert_eq!(f.next().await, Message::text(reply.clone()));
    f.send(data(Data::Text, &CALL[..9], false)).await;
    f.send(Message::Ping("are you there".into())).await;
    f.send(Message::Pong("unasked".into())).await;
    assert_eq!(f.next().await, Message::Pong("are you there".into()));
    f.send(data(Data::Continue, &CALL[9..20], false)).await;
    f.send(data(Data::Continue, &CALL[20..], true)).await;
    assert_eq!(f.next().await, Message::text(reply));
    f.send(Message::text("")).await;
    assert!(f.next().await.to_text().unwrap().contains("-32700"));
}

#[tokio::test]
async fn a_message_that_comes_along_with_the_handshake_is_not_lost() {
    let (_, methods) = odd();
    let (mut near, far) = tokio::io::duplex(4096);
    let connection = Connection {
        methods,
        limits: Limits::default(),
        id: ConnectionId(1),
        stop: CancellationToken::new(),
        gone: CancellationToken::new(),
    };
    tokio::spawn(serve(far, connection));
    let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
          Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    // A text frame, with a mask of zeros.
    bytes.extend([0x81, 0x80 | u8::try_from(CALL.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(CALL.as_bytes());
    near.write_all(&bytes).await.unwrap();
    let reply = br#"{"jsonrpc":"2.0","id":1,"result":"t"}"#;
    let mut seen = Vec::new();
    while !seen.ends_with(reply) {
        let read = soon(near.read_buf(&mut seen)).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
    }
    assert!(seen.starts_with(b"HTTP/1.1 101 "));
}

#[tokio::test]
async fn a_close_is_answered_at_once_and_ends_what_was_asked() {
    let mut f = Fixture::new().await;
    f.client.request(1, "odd.waitRead", &json!({})).await;
    f.client.end().await;
    assert!(matches!(f.next().await, Message::Close(_)));
    assert!(soon(f.client.socket().next()).await.is_none());
    soon(f.served).await.unwrap();
}

#[tokio::test]
async fn the_end_says_why_in_its_code() {
    let mut f = Fixture::new().await;
    f.stop.cancel();
    assert_eq!(f.closed().await, CloseCode::Away);
    soon(f.served).await.unwrap();

    for fragments in [false, true] {
        let mut f = Fixture::new().await;
        if fragments {
            f.send(data(Data::Text, &"x".repeat(600), false)).await;
            f.send(data(Data::Continue, &"x".repeat(600), false)).await;
        } else {
            f.send(Message::text("x".repeat(1001))).await;
        }
        let said = f.next().await.into_text().unwrap();
        assert!(said.contains("-32007"), "{said}");
        assert_eq!(f.closed().await, CloseCode::Size);
    }

    let mut f = Fixture::new().await;
    f.send(data(Data::Continue, "nothing to go on with", true))
        .await;
    let said = f.next().await.into_text().unwrap();
    assert!(said.contains("-32700"), "{said}");
    assert_eq!(f.closed().await, CloseCode::Protocol);
}
