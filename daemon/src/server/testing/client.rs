//! A client that speaks any of the framings.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite,
    AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf,
};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A framing as a client chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    Lines,
    Frames,
    Post,
    WebSocket,
}

impl Spoken {
    pub(crate) const ALL: [Self; 4] = [Self::Lines, Self::Frames, Self::Post, Self::WebSocket];
    /// Those in which a connection can be sent events.
    pub(crate) const LASTING: [Self; 3] = [Self::Lines, Self::Frames, Self::WebSocket];
}

/// A client that speaks one of them.
pub(crate) struct Client<S> {
    pub(crate) spoken: Spoken,
    wire: Wire<S>,
}

enum Wire<S> {
    Bytes(BufReader<ReadHalf<S>>, WriteHalf<S>),
    Socket(Box<WebSocketStream<S>>),
}

/// A response of HTTP.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn new(spoken: Spoken, stream: S) -> Self {
        let wire = if spoken == Spoken::WebSocket {
            let shaken = tokio_tungstenite::client_async("ws://localhost/", stream);
            let (socket, _) = super::soon(shaken).await.expect("a handshake");
            Wire::Socket(Box::new(socket))
        } else {
            let (reader, writer) = tokio::io::split(stream);
            Wire::Bytes(BufReader::new(reader), writer)
        };
        Self { spoken, wire }
    }

    /// The WebSocket itself.
    pub(crate) fn socket(&mut self) -> &mut WebSocketStream<S> {
        match &mut self.wire {
            Wire::Socket(socket) => socket,
            Wire::Bytes(..) => panic!("{:?} is no WebSocket", self.spoken),
        }
    }

    /// Bytes as they are; of a WebSocket, below its messages.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Bytes(_, writer) => writer.write_all(bytes).await.unwrap(),
            Wire::Socket(socket) => socket.get_mut().write_all(bytes).await.unwrap(),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        let length = text.len();
        let framed = match self.spoken {
            Spoken::Lines => format!("{text}\n"),
            Spoken::Frames => format!("Content-Length: {length}\r\n\r\n{text}"),
            Spoken::Post => format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{text}"
            ),
            Spoken::WebSocket => {
                return self.socket().send(Message::text(text)).await.unwrap();
            }
        };
        self.send_raw(framed.as_bytes()).await;
    }

    /// Sends a request, and leaves what the server makes of it for later.
    pub(crate) async fn request(&mut self, id: u64, method: &str, params: &Value) {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&request.to_string()).await;
    }

    /// The next message as it is written; none at the end of the connection.
    pub(crate) async fn next_text(&mut self) -> Option<String> {
        let next = async {
            match (self.spoken, &mut self.wire) {
                (_, Wire::Socket(socket)) => match socket.next().await?.ok()? {
                    Message::Text(text) => Some(text.to_string()),
                    Message::Close(_) => None,
                    other => panic!("{other} is no answer"),
                },
                (Spoken::Post, Wire::Bytes(reader, _)) => {
                    let response = response(reader).await?;
                    assert_ne!(response.status, 204, "nothing was answered");
                    Some(response.body)
                }
                (Spoken::Frames, Wire::Bytes(reader, _)) => {
                    let length = header(reader).await?;
                    assert_eq!(line(reader).await?, "", "one header is sent");
                    body(reader, length.1.parse().unwrap()).await
                }
                (_, Wire::Bytes(reader, _)) => line(reader).await,
            }
        };
        tokio::time::timeout(Duration::from_mins(1), next)
            .await
            .expect("no answer in time")
    }

    pub(crate) async fn next(&mut self) -> Option<Value> {
        let text = self.next_text().await?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The next response of HTTP.
    pub(crate) async fn response(&mut self) -> Option<Response> {
        match &mut self.wire {
            Wire::Bytes(reader, _) => super::soon(response(reader)).await,
            Wire::Socket(_) => panic!("a WebSocket gives messages"),
        }
    }

    pub(crate) async fn ask(&mut self, text: &str) -> Value {
        self.send(text).await;
        self.next().await.expect("the connection ended")
    }

    pub(crate) async fn call(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.request(id, method, params).await;
        self.next().await.expect("the connection ended")
    }

    /// Passes over the answer that HTTP gives even to a notification: none.
    pub(crate) async fn silence(&mut self) {
        if self.spoken == Spoken::Post {
            let response = self.response().await.unwrap();
            assert_eq!((response.status, response.body.as_str()), (204, ""));
        }
    }

    /// Says that nothing more is asked.
    pub(crate) async fn end(&mut self) {
        match &mut self.wire {
            Wire::Bytes(_, writer) => writer.shutdown().await.unwrap(),
            Wire::Socket(socket) => socket.as_mut().close(None).await.unwrap(),
        }
    }
}

async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = String::new();
    // A broken connection is an ended one.
    let read = reader.read_line(&mut line).await.unwrap_or_default();
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A header's name, in small letters, and its value; none at the end.
async fn header(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<(String, String)> {
    let line = line(reader).await?;
    let (name, value) = line.split_once(": ")?;
    Some((name.to_ascii_lowercase(), value.to_owned()))
}

async fn body(reader: &mut (impl AsyncRead + Unpin), length: usize) -> Option<String> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(String::from_utf8(body).unwrap())
}

async fn response(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<Response> {
    let first = line(reader).await?;
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    while let Some(header) = header(reader).await {
        headers.push(header);
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let body = body(reader, length).await?;
    Some(Response {
        status,
        headers,
        body,
    })
}
