//! JSON-RPC 2.0 over the socket: calls and the events of a subscription.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use lore_proto::daemon::{Hello, HelloReply};
use lore_proto::events::SubscribeJobs;
use lore_proto::methods::{DaemonHello, JOBS_EVENT, JOBS_SUBSCRIBE, Method};
use lore_proto::{ErrorCode, PROTOCOL, VERSION, WireError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{CallError, garbled, protocol_mismatch, wire_error};
use super::lines::Lines;

/// The longest request that is sent; the daemon refuses longer ones.
const MAX_REQUEST: usize = 10 * 1024 * 1024;

/// How long the handshake may take.
const HELLO_LIMIT: Duration = Duration::from_secs(10);

/// What a connection that is listened to brings.
#[derive(Debug)]
pub(crate) enum Notice {
    /// An event, as the daemon wrote it.
    Event(Box<RawValue>),
    /// Nothing within the time.
    Quiet,
}

/// A connection to the daemon. Requests go out one after another; answers are
/// matched by id, since the daemon may give them in any order.
#[derive(Debug)]
pub(crate) struct Connection {
    lines: Lines,
    last_id: u64,
    /// Answers to requests that nobody waits for at the moment.
    answers: Vec<(u64, Vec<u8>)>,
    /// Events that arrived while an answer was waited for.
    events: VecDeque<Box<RawValue>>,
}

impl Connection {
    /// Connects; says nothing yet.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        Ok(Self {
            lines: Lines::connect(socket)?,
            last_id: 0,
            answers: Vec::new(),
            events: VecDeque::new(),
        })
    }

    /// The handshake by itself, before anything that changes something.
    pub(crate) fn greet(&mut self, hello: &Hello) -> Result<HelloReply, CallError> {
        let (id, request) = self.request(DaemonHello::NAME, hello)?;
        self.send(&request)?;
        self.hello_reply(id)
    }

    /// The handshake and a first request in one write, and both answers: a
    /// read costs one trip to the daemon and back.
    pub(crate) fn greet_and_call<M: Method>(
        &mut self,
        hello: &Hello,
        params: &M::Params,
    ) -> Result<Result<Box<RawValue>, CallError>, CallError> {
        let (hello_id, mut bytes) = self.request(DaemonHello::NAME, hello)?;
        let (id, request) = self.request(M::NAME, params)?;
        bytes.extend_from_slice(&request);
        self.send(&bytes)?;
        self.hello_reply(hello_id)?;
        Ok(self.result(id, M::NAME))
    }

    /// Calls a method and gives its result by type.
    pub(crate) fn call<M: Method>(&mut self, params: &M::Params) -> Result<M::Result, CallError> {
        let raw = self.call_raw::<M>(params)?;
        parse_result::<M::Result>(M::NAME, &raw)
    }

    /// Calls a method and gives its result as the daemon wrote it.
    pub(crate) fn call_raw<M: Method>(
        &mut self,
        params: &M::Params,
    ) -> Result<Box<RawValue>, CallError> {
        let (id, request) = self.request(M::NAME, params)?;
        self.send(&request)?;
        self.result(id, M::NAME)
    }

    /// Subscribes to the events of jobs; [`Connection::next_event`] brings
    /// them.
    pub(crate) fn subscribe(&mut self, wanted: &SubscribeJobs) -> Result<(), CallError> {
        let (id, request) = self.request(JOBS_SUBSCRIBE, wanted)?;
        self.send(&request)?;
        self.result(id, JOBS_SUBSCRIBE).map(drop)
    }

    /// Waits at most `wait` for the next event.
    pub(crate) fn next_event(&mut self, wait: Duration) -> Result<Notice, CallError> {
        let until = Instant::now() + wait;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Notice::Event(event));
            }
            match self.lines.next(until).map_err(CallError::Lost)? {
                Some(line) => self.sort(line)?,
                None => return Ok(Notice::Quiet),
            }
        }
    }

    /// A request as a line, with the id that its answer will have.
    fn request<P: Serialize>(
        &mut self,
        method: &'static str,
        params: &P,
    ) -> Result<(u64, Vec<u8>), CallError> {
        self.last_id += 1;
        let line = encode(self.last_id, method, params).map_err(CallError::Refused)?;
        Ok((self.last_id, line))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.lines.send(bytes).map_err(CallError::Lost)
    }

    fn hello_reply(&mut self, id: u64) -> Result<HelloReply, CallError> {
        let raw = self.answer(id, DaemonHello::NAME, HELLO_LIMIT)?;
        let reply: HelloReply = parse_result(DaemonHello::NAME, &raw)?;
        if reply.protocol == PROTOCOL {
            Ok(reply)
        } else {
            Err(CallError::Refused(protocol_mismatch(format!(
                "the daemon (version {}, pid {}) speaks protocol {} and this `lore` (version {VERSION}) speaks {PROTOCOL}",
                reply.version, reply.pid, reply.protocol
            ))))
        }
    }

    fn result(&mut self, id: u64, method: &'static str) -> Result<Box<RawValue>, CallError> {
        self.answer(id, method, time_for(method))
    }

    /// Waits for the answer to request `id`.
    fn answer(
        &mut self,
        id: u64,
        method: &'static str,
        limit: Duration,
    ) -> Result<Box<RawValue>, CallError> {
        let until = Instant::now() + limit;
        loop {
            if let Some(at) = self.answers.iter().position(|(known, _)| *known == id) {
                let (_, line) = self.answers.swap_remove(at);
                return open_answer(&line);
            }
            match self.lines.next(until).map_err(CallError::Lost)? {
                Some(line) => self.sort(line)?,
                None => {
                    return Err(CallError::Silent {
                        method,
                        waited: limit,
                    });
                }
            }
        }
    }

    /// Puts a line where it belongs.
    fn sort(&mut self, line: Vec<u8>) -> Result<(), CallError> {
        let message: Incoming<'_> = serde_json::from_slice(&line).map_err(|e| garbled(&e))?;
        match (message.method.as_deref(), message.id, message.error) {
            (Some(JOBS_EVENT), ..) => {
                let params = message.params.map_or("null", RawValue::get);
                let notice: Subscribed = serde_json::from_str(params).map_err(|e| garbled(&e))?;
                self.events.push_back(notice.result);
                Ok(())
            }
            // A notification of a newer daemon that this client does not know.
            (Some(_), ..) => Ok(()),
            (None, Some(id), _) => {
                self.answers.push((id, line));
                Ok(())
            }
            // An error without an id is about the connection as a whole.
            (None, None, Some(error)) => Err(CallError::Refused(wire_error(error))),
            (None, None, None) => Err(CallError::Lost(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message that is neither an answer nor a notification arrived",
            ))),
        }
    }
}

/// A request as a line with its end.
fn encode<P: Serialize>(id: u64, method: &str, params: &P) -> Result<Vec<u8>, WireError> {
    let request = Request {
        jsonrpc: "2.0",
        id,
        method,
        params,
    };
    let mut line = serde_json::to_vec(&request).map_err(|error| {
        WireError::new(
            ErrorCode::Internal,
            format!("the request `{method}` could not be written as JSON: {error}"),
        )
    })?;
    if line.len() >= MAX_REQUEST {
        return Err(WireError::new(
            ErrorCode::Usage,
            format!(
                "the request is {} bytes long and the daemon takes {MAX_REQUEST}; use shorter arguments",
                line.len()
            ),
        ));
    }
    line.push(b'\n');
    Ok(line)
}

/// Reads a result by its type.
pub(crate) fn parse_result<T: for<'de> Deserialize<'de>>(
    method: &str,
    raw: &RawValue,
) -> Result<T, CallError> {
    serde_json::from_str(raw.get()).map_err(|error| {
        CallError::Refused(protocol_mismatch(format!(
            "the daemon's answer to `{method}` does not have the form that this `lore` knows: {error}"
        )))
    })
}

/// How long a method may take. Some ask GitLab, with retries; a rebuild waits
/// for jobs to end, a doctor reads the whole database.
fn time_for(method: &str) -> Duration {
    let long = ["setup.", "auth.", "doctor.", "db."];
    if long.iter().any(|area| method.starts_with(area)) {
        Duration::from_mins(5)
    } else {
        Duration::from_mins(1)
    }
}

fn open_answer(line: &[u8]) -> Result<Box<RawValue>, CallError> {
    let message: Incoming<'_> = serde_json::from_slice(line).map_err(|e| garbled(&e))?;
    match (message.error, message.result) {
        (Some(error), _) => Err(CallError::Refused(wire_error(error))),
        (None, Some(result)) => Ok(result.to_owned()),
        // `"result":null` reads as absent.
        (None, None) => Ok(RawValue::NULL.to_owned()),
    }
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a P,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(default)]
    id: Option<u64>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Subscribed {
    result: Box<RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_longer_than_the_daemon_takes_is_not_sent() {
        let error = encode(1, "x", &"y".repeat(MAX_REQUEST)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Usage);
        assert!(encode(1, "x", &"y".repeat(MAX_REQUEST / 2)).is_ok());
    }

    #[test]
    fn a_request_is_one_line_whatever_stands_in_it() {
        let line = encode(1, "x", &"two\nlines\u{2028}").unwrap();
        let end = line.iter().position(|byte| *byte == b'\n');
        assert_eq!(end, Some(line.len() - 1));
    }
}
