//! HTTP/1.1 on the socket: a JSON-RPC text comes as a POST to `/` and is answered
//! in the response, or the connection becomes a WebSocket.

mod guard;
mod reply;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, FutureExt as _};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, Join};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_util::sync::CancellationToken;

pub(super) use self::reply::in_plain;
use self::reply::{Refusal, answered, unanswered};
use super::dispatch::Dispatcher;
use super::peer::{Connection, LINGER, Reader, Writer};
use super::session::discard;
use super::websocket;
use crate::config::Limits;

/// The head of a request, in bytes. Real ones have a few hundred; more are
/// answered with 431.
const MAX_HEAD: usize = 16 << 10;

/// Serves the requests of one client, and its WebSocket where it asks for one.
pub(super) async fn serve<S>(reader: Reader<S>, writer: Writer<S>, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let limits = connection.limits;
    let dispatcher = Dispatcher::new(connection.methods.clone(), limits, connection.id, None);
    let answers = Answers::new(
        limits,
        Answerer::Calls {
            dispatcher,
            gone: connection.gone.clone(),
        },
    );
    let http = io(reader, writer);
    let mut http = builder(limits).serve_connection(http, answers);
    let ended = tokio::select! {
        biased;
        () = connection.stop.cancelled() => None,
        ended = poll_fn(|cx| http.poll_without_shutdown(cx)) => Some(ended),
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut http).graceful_shutdown();
        let drained = poll_fn(|cx| http.poll_without_shutdown(cx));
        let Ok(ended) = timeout(limits.drain, drained).await else {
            tracing::warn!("a call over HTTP did not end in time and is dropped");
            return;
        };
        ended
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended by an error");
    }
    let parts = http.into_parts();
    let mut stream = parts.io.into_inner();
    if parts.service.upgraded.load(Ordering::Relaxed) {
        return websocket::serve(stream, parts.read_buf, connection).await;
    }
    let _ = stream.shutdown().await;
    let lingering = timeout(LINGER, discard(stream));
    connection.stop.run_until_cancelled(lingering).await;
}

/// Answers the first request of a client that is one too many.
pub(super) async fn refuse<S>(reader: Reader<S>, writer: Writer<S>, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let answers = Answers::new(limits, Answerer::Busy);
    let http = builder(limits)
        .keep_alive(false)
        .serve_connection(io(reader, writer), answers);
    if let Ok(parts) = http.without_shutdown().await {
        let mut stream = parts.io.into_inner();
        let _ = stream.shutdown().await;
        discard(stream).await;
    }
}

type Io<S> = TokioIo<Join<Reader<S>, Writer<S>>>;

fn io<S: AsyncRead + AsyncWrite>(reader: Reader<S>, writer: Writer<S>) -> Io<S> {
    TokioIo::new(tokio::io::join(reader, writer))
}

fn builder(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.opening)
        .max_header_size(MAX_HEAD)
        // Who says that it asks nothing more may still wait for its answer.
        .half_close(true);
    builder
}

/// What is answered to the requests of one connection.
struct Answers {
    inner: Arc<Inner>,
    /// Set where a request has been answered with the handshake of WebSocket.
    upgraded: Arc<AtomicBool>,
}

struct Inner {
    limits: Limits,
    answerer: Answerer,
}

enum Answerer {
    Calls {
        dispatcher: Dispatcher,
        gone: CancellationToken,
    },
    /// To a client that is one too many.
    Busy,
}

impl Answers {
    fn new(limits: Limits, answerer: Answerer) -> Self {
        Self {
            inner: Arc::new(Inner { limits, answerer }),
            upgraded: Arc::default(),
        }
    }
}

impl Service<Request<Incoming>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        let upgraded = Arc::clone(&self.upgraded);
        async move {
            let answer = inner.answer(request).await;
            let response = answer.unwrap_or_else(Refusal::into_response);
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                upgraded.store(true, Ordering::Relaxed);
            }
            Ok(response)
        }
        .boxed()
    }
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
        guard::check(&request)?;
        if request.uri().path() != "/" {
            let message = "everything is at `/`: POST a JSON-RPC text to it";
            return Err(Refusal::new(StatusCode::NOT_FOUND, message));
        }
        if request.method() == Method::GET && request.headers().contains_key(UPGRADE) {
            return self.upgrade(&request);
        }
        if request.method() != Method::POST {
            return Err(Refusal::method());
        }
        check_type(&request)?;
        let text = self.read(request).await?;
        match &self.answerer {
            Answerer::Calls { dispatcher, gone } => {
                // Nobody takes the answer then; what was begun and must not be
                // dropped half-way runs on by itself.
                let reply = gone.run_until_cancelled(dispatcher.answer(&text)).await;
                Ok(reply
                    .flatten()
                    .map_or_else(unanswered, |reply| answered(&reply)))
            }
            Answerer::Busy => Err(Refusal::busy(&text, self.limits)),
        }
    }

    async fn read(&self, request: Request<Incoming>) -> Result<Bytes, Refusal> {
        let max = self.limits.max_message_bytes;
        let body = request.into_body();
        if body.size_hint().lower() > max as u64 {
            return Err(Refusal::too_large(max));
        }
        let read = timeout(self.limits.opening, Limited::new(body, max).collect());
        match read.await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(max)),
            Ok(Err(_)) => {
                let message = "the request's body ended before its end";
                Err(Refusal::new(StatusCode::BAD_REQUEST, message))
            }
            Err(_) => {
                let message = "the request's body did not come in time; the connection ends";
                let close = HeaderValue::from_static("close");
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message).header(CONNECTION, close))
            }
        }
    }

    /// The handshake of WebSocket, RFC 6455, section 4.2.
    fn upgrade(&self, request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
        if let Answerer::Busy = self.answerer {
            return Err(Refusal::busy(b"", self.limits));
        }
        create_response_with_body(request, Full::default).map_err(|error| {
            let version = request.headers().get(SEC_WEBSOCKET_VERSION);
            let status = match version {
                Some(version) if version != "13" => StatusCode::UPGRADE_REQUIRED,
                _ => StatusCode::BAD_REQUEST,
            };
            let message = format!("this is no WebSocket handshake: {error}");
            let version = HeaderValue::from_static("13");
            Refusal::new(status, message).header(SEC_WEBSOCKET_VERSION, version)
        })
    }
}

/// Only JSON as it is: what a web page may send without asking first has
/// another type.
fn check_type(request: &Request<Incoming>) -> Result<(), Refusal> {
    let headers = request.headers();
    let media_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    let known = ["application/json", "application/json-rpc"];
    if !known.iter().any(|it| media_type.eq_ignore_ascii_case(it)) {
        let message = "the header `Content-Type: application/json` is missing";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|it| it != "identity")
    {
        let message = "a request's body cannot be compressed";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
