//! The client against real HTTP on loopback: one odd answer at a time.

mod changes;
mod items;
mod lists;
mod refusals;
mod retries;
mod statuses;
mod trust;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Call, Client, HostConfig, ProjectId, Token};
use crate::clock::ManualClock;

const PROJECT: ProjectId = ProjectId(42);
const TOKEN: &str = "glpat-the-secret";

/// A config with waits that are short enough for tests.
fn config(base_url: &str) -> HostConfig {
    HostConfig {
        token: Some(Token::new(TOKEN)),
        first_backoff: Duration::from_millis(1),
        request_timeout: Duration::from_secs(10),
        ..HostConfig::new("gl", base_url.parse().unwrap())
    }
}

fn client_of(config: HostConfig) -> Client {
    let clock = ManualClock::new(now());
    Client::new(config, Arc::new(clock), 1).unwrap()
}

fn client(base_url: &str) -> Client {
    client_of(config(base_url))
}

/// What the client's clock shows.
fn now() -> Timestamp {
    "2026-11-20T22:00:00Z".parse().unwrap()
}

fn background(cancel: &CancellationToken) -> Call<'_> {
    Call::background(cancel)
}

/// A server that answers everything by `respond`.
async fn server(respond: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(respond)
        .mount(&server)
        .await;
    server
}

/// A server that answers with each of `answers` in turn, and with the last one
/// from then on.
async fn in_turn(answers: Vec<ResponseTemplate>) -> MockServer {
    let turn = AtomicUsize::new(0);
    server(move |_: &Request| {
        let at = turn.fetch_add(1, Ordering::SeqCst);
        answers[at.min(answers.len() - 1)].clone()
    })
    .await
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

async fn requests_to(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap_or_default()
}

fn query(request: &Request, name: &str) -> Option<String> {
    request
        .url
        .query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn issue(iid: i64) -> Value {
    json!({
        "id": 90_000 + iid, "iid": iid, "project_id": 42, "title": format!("Issue {iid}"),
        "created_at": "2026-10-02T08:15:00.104Z", "updated_at": "2026-11-03T16:40:12.870Z",
    })
}

/// A server below HTTP: what `answer` gives for the n-th request is sent as it
/// is, and the connection closed.
struct RawServer {
    url: Url,
    seen: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl RawServer {
    async fn start(answer: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match connection.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                if head.is_empty() {
                    continue;
                }
                let bytes = answer(counter.fetch_add(1, Ordering::SeqCst));
                connection.write_all(&bytes).await.ok();
                connection.shutdown().await.ok();
            }
        });
        Self {
            url: url.parse().unwrap(),
            seen,
            task,
        }
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A whole HTTP answer.
fn raw_ok(body: &str) -> Vec<u8> {
    raw_cut(body, body.len())
}

/// An answer that promises the whole of `body` and sends `sent` bytes of it.
fn raw_cut(body: &str, sent: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body.as_bytes()[..sent]].concat()
}
