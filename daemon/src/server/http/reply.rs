//! Responses.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use jsonrpsee::types::ErrorObjectOwned;
use lore_proto::ErrorCode;
use serde_json::value::RawValue;

use crate::config::Limits;
use crate::server::dispatch::failure;
use crate::server::errors::{INVALID_REQUEST, REQUEST_TOO_BIG, reserved};
use crate::server::message::CallId;
use crate::server::peer::busy;

/// The response with a reply, be it a result or an error: of HTTP, all is well.
pub(super) fn answered(reply: &RawValue) -> Response<Full<Bytes>> {
    json(StatusCode::OK, reply)
}

/// The response where no reply is due.
pub(super) fn unanswered() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Why a request is not answered; in the body, as an error of JSON-RPC.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reply: Box<RawValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into().into_owned();
        Self::of(status, reserved(INVALID_REQUEST, ErrorCode::Usage, message))
    }

    /// For all methods but POST, and for GET without an upgrade.
    pub(super) fn method() -> Self {
        let message = "POST a JSON-RPC text, or GET with an upgrade to WebSocket";
        let allow = HeaderValue::from_static("POST");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message).header(ALLOW, allow)
    }

    /// For more than `max` bytes. What has not been read of them is in the way
    /// of the next request, so that there can be none.
    pub(super) fn too_large(max: usize) -> Self {
        let message = format!("a request has at most {max} bytes; the connection ends");
        let error = reserved(REQUEST_TOO_BIG, ErrorCode::Usage, message);
        let close = HeaderValue::from_static("close");
        Self::of(StatusCode::PAYLOAD_TOO_LARGE, error).header(CONNECTION, close)
    }

    /// For `text` of a client that is one too many.
    pub(super) fn busy(text: &[u8], limits: Limits) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            reply: busy(text, limits),
            headers: vec![(RETRY_AFTER, HeaderValue::from_static("1"))],
        }
    }

    fn of(status: StatusCode, error: ErrorObjectOwned) -> Self {
        Self {
            status,
            reply: failure(&CallId::NULL, error),
            headers: Vec::new(),
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.status, &self.reply);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The whole response to who does not speak HTTP/1.1, as it goes over the
/// wire.
pub(in crate::server) fn in_plain(message: &str) -> String {
    let error = reserved(INVALID_REQUEST, ErrorCode::Usage, message);
    let body = failure(&CallId::NULL, error);
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.get().len()
    )
}

fn json(status: StatusCode, reply: &RawValue) -> Response<Full<Bytes>> {
    let body = Bytes::copy_from_slice(reply.get().as_bytes());
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
