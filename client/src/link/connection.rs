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
use serde_json::Value;
use serde_json::value::RawValue;

use super::lines::Lines;

/// The longest request that is sent; the daemon refuses longer ones.
const MAX_REQUEST: usize = 10 * 1024 * 1024;

/// How long the handshake may take.
const HELLO_LIMIT: Duration = Duration::from_secs(10);

/// Why a call brought no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The connection broke, or what came over it was not the protocol.
    Lost(io::Error),
    /// No answer within the time that this method has.
    Silent {
        /// Which method.
        method: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The daemon said no.
    Refused(WireError),
}

impl From<CallError> for WireError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => error,
            CallError::Lost(cause) => Self::new(
                ErrorCode::DaemonUnavailable,
                format!("the connection to the daemon broke: {}", describe(&cause)),
            )
            .action("lore daemon status")
            .action("lore daemon logs"),
            CallError::Silent { method, waited } => Self::new(
                ErrorCode::Timeout,
                format!(
                    "the daemon did not answer `{method}` within {} seconds",
                    waited.as_secs()
                ),
            )
            .action("lore daemon status")
            .action("lore daemon logs"),
        }
    }
}

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
        let request = Request {
            jsonrpc: "2.0",
            id: self.last_id,
            method,
            params,
        };
        let mut line = serde_json::to_vec(&request).map_err(|error| {
            CallError::Refused(WireError::new(
                ErrorCode::Internal,
                format!("the request `{method}` could not be written as JSON: {error}"),
            ))
        })?;
        if line.len() >= MAX_REQUEST {
            return Err(CallError::Refused(WireError::new(
                ErrorCode::Usage,
                format!(
                    "the request is {} bytes long and the daemon takes {MAX_REQUEST}; use shorter arguments",
                    line.len()
                ),
            )));
        }
        line.push(b'\n');
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

/// The error of two builds that do not understand each other.
pub(super) fn protocol_mismatch(message: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::ProtocolMismatch, message).action("lore daemon restart")
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

/// How long a method may take. Those of set-up ask GitLab, with retries.
fn time_for(method: &str) -> Duration {
    if method.starts_with("setup.") {
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

/// The error of an answer, as it stood before it went on the wire.
fn wire_error(raw: &RawValue) -> WireError {
    let Ok(error) = serde_json::from_str::<RpcError>(raw.get()) else {
        return WireError::new(
            ErrorCode::Internal,
            "the daemon answered with an error that does not have the form of JSON-RPC",
        );
    };
    let data = error
        .data
        .and_then(|data| serde_json::from_value::<RpcErrorData>(data).ok());
    let Some(data) = data else {
        return standard_error(error.code, &error.message);
    };
    let known = data.code.parse().ok();
    let code = known.unwrap_or(ErrorCode::Internal);
    WireError {
        code,
        message: if known.is_some() {
            error.message
        } else {
            format!("{}: {}", data.code, error.message)
        },
        retryable: data.retryable.unwrap_or_else(|| code.retryable()),
        details: if data.details.is_object() {
            data.details
        } else {
            Value::Object(serde_json::Map::new())
        },
        actions: data.actions,
        exit_code: data.exit_code.filter(|exit| *exit != code.exit_code()),
    }
}

/// An error of JSON-RPC itself, which knows no codes of ours.
fn standard_error(code: i64, message: &str) -> WireError {
    match code {
        -32601 => protocol_mismatch(format!(
            "the daemon does not know what this `lore` asks ({message}); it is of another version"
        )),
        -32602 => WireError::new(
            ErrorCode::Usage,
            format!("the daemon did not accept the parameters: {message}"),
        ),
        -32009 => WireError::new(
            ErrorCode::DaemonUnavailable,
            format!("the daemon is busy: {message}"),
        )
        .action("lore daemon status"),
        _ => WireError::new(
            ErrorCode::Internal,
            format!("the daemon answered with the JSON-RPC error {code}: {message}"),
        )
        .action("lore daemon logs"),
    }
}

fn garbled(error: &serde_json::Error) -> CallError {
    CallError::Lost(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("what answers on the socket does not speak lore's protocol ({error})"),
    ))
}

fn describe(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => "it was closed before the answer came".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "the daemon does not read what it is sent".to_owned()
        }
        _ => cause.to_string(),
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

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

#[derive(Deserialize)]
struct RpcErrorData {
    code: String,
    #[serde(default)]
    exit_code: Option<u8>,
    #[serde(default)]
    retryable: Option<bool>,
    #[serde(default)]
    details: Value,
    #[serde(default)]
    actions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn an_error_of_the_wire_comes_back_as_it_was_sent() {
        let error = wire_error(&raw(
            r#"{"code":-31014,"message":"no","data":{"code":"SURGICAL_PREFLIGHT_FAILED","exit_code":5,"retryable":false,"details":{"total":1},"actions":["lore auth status"]}}"#,
        ));
        assert_eq!(error.code, ErrorCode::SurgicalPreflightFailed);
        assert_eq!(error.exit_status(), 5);
        assert_eq!(error.details["total"], 1);
        assert_eq!(error.actions, ["lore auth status"]);
    }

    #[test]
    fn an_exit_code_that_is_the_codes_own_is_not_kept_as_an_exception() {
        let error = wire_error(&raw(
            r#"{"code":-31030,"message":"no","data":{"code":"NOT_FOUND","exit_code":17,"retryable":false,"details":{},"actions":[]}}"#,
        ));
        assert_eq!(error.exit_code, None);
        assert_eq!(error.exit_status(), 17);
    }

    #[test]
    fn a_code_of_a_newer_daemon_is_named_in_the_message() {
        let error = wire_error(&raw(
            r#"{"code":-31099,"message":"no","data":{"code":"NEW_CAUSE"}}"#,
        ));
        assert_eq!(error.code, ErrorCode::Internal);
        assert!(error.message.contains("NEW_CAUSE"));
        assert!(error.details.is_object());
    }

    #[test]
    fn errors_of_json_rpc_itself_get_codes_of_ours() {
        let code = |number| standard_error(number, "x").code;
        assert_eq!(code(-32601), ErrorCode::ProtocolMismatch);
        assert_eq!(code(-32602), ErrorCode::Usage);
        assert_eq!(code(-32009), ErrorCode::DaemonUnavailable);
        assert_eq!(code(-32603), ErrorCode::Internal);
    }
}
