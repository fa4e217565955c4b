//! What the tests of the server share: a method table with odd methods, and
//! clients: one that speaks any framing, and a plain one for lines of JSON.

mod client;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonrpsee::{Methods, RpcModule};
use lore_proto::jobs::Priority;
use lore_proto::methods::{Effect, Method};
use lore_proto::{ErrorCode, WireError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Lines,
};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc};

pub(crate) use client::{Client, Response, Spoken};

use super::{register, register_jobs};
use crate::clock::SystemClock;
use crate::jobs::{JobContext, Outcome, Scheduler, SchedulerLimits, Submission, Work};

/// What the odd methods share with a test.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) scheduler: Scheduler,
    /// A waiting call began.
    pub(super) begun: Notify,
    /// Lets a waiting call end.
    pub(super) release: Notify,
    /// A waiting read was dropped.
    pub(super) dropped: Notify,
    /// A waiting write came to its end.
    pub(super) written: Notify,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    #[serde(default)]
    text: String,
    #[serde(default)]
    bytes: usize,
}

macro_rules! odd_methods {
    ($($type:ident = $name:literal, $effect:ident;)+) => {$(
        struct $type;
        impl Method for $type {
            const NAME: &'static str = $name;
            const EFFECT: Effect = Effect::$effect;
            type Params = Text;
            type Result = Value;
        }
    )+};
}

odd_methods! {
    Echo = "odd.echo", Read;
    Fail = "odd.fail", Read;
    Panic = "odd.panic", Read;
    PanicWrite = "odd.panicWrite", Write;
    Big = "odd.big", Read;
    WaitRead = "odd.waitRead", Read;
    WaitWrite = "odd.waitWrite", Write;
}

struct Dropped(Arc<Odd>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

pub(super) fn odd() -> (Arc<Odd>, Methods) {
    let odd = Arc::new(Odd {
        scheduler: Scheduler::start(Arc::new(SystemClock), SchedulerLimits::default()),
        begun: Notify::new(),
        release: Notify::new(),
        dropped: Notify::new(),
        written: Notify::new(),
    });
    let mut table = RpcModule::from_arc(Arc::clone(&odd));
    let t = &mut table;
    register::<Echo, _, _, _>(t, |_, ask: Text| async move { Ok(json!(ask.text)) }).unwrap();
    register::<Fail, _, _, _>(t, |_, _| async {
        let error = WireError::new(ErrorCode::ProjectUnknown, "no such project");
        Err(error
            .details(json!({ "nearest": ["a/b"] }))
            .action("lore status"))
    })
    .unwrap();
    register::<Panic, _, _, _>(t, |_, _| async { panic!("on purpose") }).unwrap();
    register::<PanicWrite, _, _, _>(t, |_, _| async { panic!("on purpose") }).unwrap();
    register::<Big, _, _, _>(
        t,
        |_, ask: Text| async move { Ok(json!("x".repeat(ask.bytes))) },
    )
    .unwrap();
    register::<WaitRead, _, _, _>(t, |odd: Arc<Odd>, _| async move {
        let _guard = Dropped(Arc::clone(&odd));
        odd.begun.notify_one();
        odd.release.notified().await;
        Ok(json!("released"))
    })
    .unwrap();
    register::<WaitWrite, _, _, _>(t, |odd: Arc<Odd>, _| async move {
        odd.begun.notify_one();
        odd.release.notified().await;
        odd.written.notify_one();
        Ok(json!("written"))
    })
    .unwrap();
    register_jobs(t, |odd: &Odd| odd.scheduler.clone()).unwrap();
    (odd, table.into())
}

/// A job that hands its context to the test and ends when the test says so.
struct Handed(mpsc::UnboundedSender<JobContext>, Arc<Notify>);

impl Work for Handed {
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome> {
        async move {
            self.0.send(cx).unwrap();
            self.1.notified().await;
            Outcome::succeeded(json!({ "done": true }))
        }
        .boxed()
    }
}

/// Runs a job: its context, and what ends it.
pub(super) async fn job(odd: &Odd) -> (JobContext, Arc<Notify>) {
    let (sender, mut contexts) = mpsc::unbounded_channel();
    let end = Arc::new(Notify::new());
    let submission = Submission {
        kind: "test",
        title: "a test".to_owned(),
        priority: Priority::Interactive,
        key: None,
        exclusive: Vec::new(),
        run_ids: Vec::new(),
        work: Box::new(Handed(sender, Arc::clone(&end))),
    };
    odd.scheduler.submit(submission).await.unwrap();
    (contexts.recv().await.unwrap(), end)
}

/// A client that speaks lines of JSON.
pub(crate) struct LineClient<S> {
    lines: Lines<BufReader<ReadHalf<S>>>,
    writer: WriteHalf<S>,
}

impl<S: AsyncRead + AsyncWrite> LineClient<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            lines: BufReader::new(reader).lines(),
            writer,
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    /// Sends, and leaves what the server makes of it for later.
    pub(crate) async fn request(&mut self, id: u64, method: &str, params: &Value) {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&request.to_string()).await;
    }

    /// The next message; none at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = self.line().await?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn line(&mut self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_mins(1), self.lines.next_line());
        // A broken connection is an ended one.
        next.await.expect("no answer in time").unwrap_or_default()
    }

    pub(crate) async fn call(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.request(id, method, params).await;
        self.next().await.expect("the connection ended")
    }
}

/// Waits for something that another task will do, within a bound.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), future)
        .await
        .expect("it did not happen in time")
}
