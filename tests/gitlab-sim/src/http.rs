//! The wire: connections in, answers out, and what goes wrong in between.

mod answer;
mod body;
mod connection;
mod merge_request_parts;
mod paging;
mod query;
mod render;
mod reply;
mod rows;
mod threads;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

pub(crate) use answer::Request;
pub(crate) use render::Render;
pub(crate) use reply::Reply;

use self::body::{ScriptedBody, Step};
use self::connection::Connection;
use self::query::Query;
use crate::faults::{ErrorBody, FaultKind, Matched, Struck};
use crate::options::{RetryAfter, Throttle};
use crate::request_log::RequestEntry;
use crate::route::Target;
use crate::shared::{Budget, Shared, View};
use crate::{Moment, Route};

/// No request of a client is larger than this.
const LARGEST_REQUEST: usize = 1 << 20;

/// Serves connections until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve_connection(stream, shared.clone()));
            }
            // Out of file descriptors, most likely: those in use come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    let delay = shared.latency.lock().connect;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    // Only speed is lost where the option does not take.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Connection::new(stream, reset.clone()));
    let service = service_fn(move |request| {
        let (shared, reset) = (shared.clone(), reset.clone());
        async move { handle(&shared, request, &reset).await }
    });
    // An error here is a peer that went away, or a fault that was asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service)
        .await;
}

async fn handle(
    shared: &Shared,
    request: hyper::Request<Incoming>,
    reset: &AtomicBool,
) -> io::Result<hyper::Response<ScriptedBody>> {
    let _in_flight = shared.log.begin();
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST)
        .collect()
        .await
        .map_err(|error| io::Error::other(error.to_string()))?
        .to_bytes();
    let header = |name: &str| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let bearer =
        header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let query = Query::parse(head.uri.query());
    let in_query = query.get("private_token").or(query.get("access_token"));
    let token = header("private-token")
        .or(bearer)
        .or_else(|| in_query.map(str::to_owned));
    let path = head.uri.path().to_owned();
    let below_root = path.strip_prefix(shared.options.relative_root.as_str());
    let request = Request {
        number: shared.next_number(),
        method: head.method.as_str().to_owned(),
        target: Target::parse(below_root.unwrap_or_default()),
        path,
        query,
        token,
        body: body.to_vec(),
    };

    let at = shared.clock.now();
    let iid = request
        .target
        .iid
        .as_deref()
        .and_then(|iid| iid.parse().ok());
    let matched = Matched {
        route: request.target.route,
        project_id: project_id(shared, &request.target),
        iid,
        path: &request.path,
    };
    let struck = shared.faults.strike(&matched, at);
    let mut delay = shared.latency.lock().answer;
    if let Some(Struck {
        kind: FaultKind::Latency(more),
        ..
    }) = &struck
    {
        delay += *more;
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }

    let mut reply = reply_to(shared, &request, struck.as_ref());
    if let Some(struck) = &struck {
        reply = distort(reply, &struck.kind, at);
    }
    shared.log.push(RequestEntry {
        number: request.number,
        method: request.method.clone(),
        path: request.path.clone(),
        unknown_params: request.query.unknown(request.target.route),
        query: request.query.pairs.clone(),
        route: request.target.route,
        project_id: matched.project_id,
        iid,
        status: reply.status,
        at,
        fault: struck.as_ref().map(|struck| struck.kind.name()),
        body: (!request.body.is_empty())
            .then(|| String::from_utf8_lossy(&request.body).into_owned()),
        user_agent: header("user-agent"),
    });
    shared.run_hooks(&matched);

    let condition = header("if-none-match");
    let gzip = shared.options.gzip
        && header("accept-encoding").is_some_and(|encodings| encodings.contains("gzip"));
    let reply = finish(shared, &request, reply, condition.as_deref(), gzip);
    match struck.map(|struck| struck.kind) {
        Some(FaultKind::Reset) => {
            reset.store(true, Ordering::SeqCst);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        fault => respond(reply, fault.as_ref()),
    }
}

/// What GitLab itself would answer, unless a limit or a stale view stands
/// before it.
fn reply_to(shared: &Shared, request: &Request, struck: Option<&Struck>) -> Reply {
    let now = shared.clock.now();
    let mut budget = None;
    if let Some(limit) = shared.options.rate_limit {
        let spent = shared.spend(limit.per_minute, now);
        if spent.exceeded {
            let wait = spent.resets_at.since(now).as_secs().max(1);
            let reply = throttled(limit.throttle, limit.retry_after, wait, now);
            return if limit.headers && limit.throttle == Throttle::RackAttack {
                with_budget(reply, limit.per_minute, &spent)
            } else {
                reply
            };
        }
        budget = limit.headers.then_some((limit.per_minute, spent));
    }
    let view = match struck.and_then(|struck| struck.stale.clone()) {
        Some(stale) => View::Earlier(stale),
        None => shared.view(request.number),
    };
    let reply = answer::answer(shared, &view, request);
    match budget {
        Some((limit, spent)) => with_budget(reply, limit, &spent),
        None => reply,
    }
}

/// A 429 of either kind.
fn throttled(throttle: Throttle, retry_after: RetryAfter, seconds: u64, now: Moment) -> Reply {
    let reply = match throttle {
        Throttle::RackAttack => Reply::text(429, "Retry later\n"),
        Throttle::Endpoint => {
            let message = "This endpoint has been requested too many times. Try again later.";
            let body = serde_json::json!({ "message": { "error": message } });
            return Reply::raw_json(429, body.to_string().into_bytes());
        }
    };
    match retry_after {
        RetryAfter::Seconds => reply.with("retry-after", seconds.to_string()),
        RetryAfter::Date => {
            let until = now + Duration::from_secs(seconds);
            reply.with("retry-after", until.http_date())
        }
        RetryAfter::Absent => reply,
    }
}

fn with_budget(reply: Reply, limit: u64, budget: &Budget) -> Reply {
    reply
        .with("ratelimit-limit", limit.to_string())
        .with("ratelimit-name", "throttle_authenticated_api")
        .with("ratelimit-observed", budget.observed.to_string())
        .with("ratelimit-remaining", budget.remaining.to_string())
        .with("ratelimit-reset", budget.resets_at.as_secs().to_string())
        .with("ratelimit-resettime", budget.resets_at.http_date())
}

/// What a fault makes of an answer; those of the wire come later.
fn distort(reply: Reply, fault: &FaultKind, now: Moment) -> Reply {
    match fault {
        // Clients tell GitLab's 404s apart by their words.
        FaultKind::Status(404, ErrorBody::Json) => Reply::message(404, "404 Not found"),
        FaultKind::Status(status, ErrorBody::Json) => {
            Reply::message(*status, &format!("{status} made up"))
        }
        FaultKind::Status(status, ErrorBody::Html) => {
            Reply::html(*status, "GitLab is not responding")
        }
        FaultKind::Status(status, ErrorBody::Text) => Reply::text(*status, "upstream error\n"),
        FaultKind::Status(status, ErrorBody::Empty) => Reply::text(*status, ""),
        FaultKind::RateLimited(throttle, retry_after, seconds) => {
            throttled(*throttle, *retry_after, *seconds, now)
        }
        FaultKind::HtmlOk => Reply::html(200, "Sign in"),
        FaultKind::InvalidJson => {
            let mut body = reply.body.clone();
            body.truncate(body.len().saturating_sub(1));
            body.extend_from_slice(b",,");
            Reply { body, ..reply }
        }
        FaultKind::WrongProjectId(id) => {
            let Ok(mut value) = serde_json::from_slice::<Value>(&reply.body) else {
                return reply;
            };
            replace_project_id(&mut value, *id);
            Reply {
                body: value.to_string().into_bytes(),
                ..reply
            }
        }
        FaultKind::PartialData(field) => {
            let Ok(mut value) = serde_json::from_slice::<Value>(&reply.body) else {
                return reply;
            };
            if let Some(project) = value.pointer_mut("/data/project") {
                render::set(project, field, Value::Null);
            }
            let error = serde_json::json!({
                "message": "Internal server error: made up", "path": ["project", field],
            });
            render::set(&mut value, "errors", vec![error]);
            Reply {
                body: value.to_string().into_bytes(),
                ..reply
            }
        }
        FaultKind::Latency(_)
        | FaultKind::Reset
        | FaultKind::HalfBody
        | FaultKind::Stall(_)
        | FaultKind::StaleList
        | FaultKind::HugeBody(_) => reply,
    }
}

fn replace_project_id(value: &mut Value, id: u64) {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| replace_project_id(value, id)),
        Value::Object(map) => {
            for (key, value) in map {
                if key == "project_id" {
                    *value = id.into();
                } else {
                    replace_project_id(value, id);
                }
            }
        }
        _ => {}
    }
}

/// The headers that every answer carries, the entity tag and compression.
fn finish(
    shared: &Shared,
    request: &Request,
    mut reply: Reply,
    condition: Option<&str>,
    gzip: bool,
) -> Reply {
    if reply.status == 200 && request.method == "GET" && reply.content_type == reply::JSON {
        let mut hasher = DefaultHasher::new();
        reply.body.hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        if condition == Some(tag.as_str()) {
            reply.status = 304;
            reply.body.clear();
        }
        reply = reply.with("etag", tag);
    }
    if gzip && reply.body.len() > 200 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        // Writing to memory cannot fail; if it did, the plain body is right.
        if encoder.write_all(&reply.body).is_ok()
            && let Ok(body) = encoder.finish()
        {
            reply.body = body;
            reply = reply.with("content-encoding", "gzip");
        }
    }
    let id = format!("sim-{:08}", request.number);
    let meta = format!("{{\"correlation_id\":\"{id}\",\"version\":\"1\"}}");
    reply
        .with("date", shared.clock.now().http_date())
        .with("cache-control", "max-age=0, private, must-revalidate")
        .with("vary", "Origin, Accept-Encoding")
        .with("x-gitlab-meta", meta)
        .with("x-request-id", id)
        .with("x-runtime", "0.012345")
}

/// The answer as hyper sends it, with the faults of the wire.
fn respond(reply: Reply, fault: Option<&FaultKind>) -> io::Result<hyper::Response<ScriptedBody>> {
    let length = reply.body.len();
    let (body, length) = match fault {
        Some(FaultKind::HalfBody) => (ScriptedBody::half(reply.body, []), Some(length.max(2))),
        Some(FaultKind::Stall(hold)) => (
            ScriptedBody::half(reply.body, [Step::hold(*hold)]),
            Some(length.max(2)),
        ),
        Some(FaultKind::HugeBody(bytes)) => {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            let chunks = bytes / (64 * 1024) + 1;
            let steps = [
                Step::Data(Bytes::from_static(b"[{\"description\":\"")),
                Step::Repeat(chunk, chunks),
                Step::Data(Bytes::from_static(b"\"}]")),
            ];
            (ScriptedBody::steps(steps), None)
        }
        _ => (ScriptedBody::whole(reply.body), None),
    };
    let mut response = hyper::Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(
        hyper::header::CONTENT_TYPE,
        HeaderValue::from_static(reply.content_type),
    );
    if let Some(length) = length {
        headers.insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in reply.headers {
        let value = HeaderValue::from_str(&value).map_err(io::Error::other)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Global id of the project that a path names.
fn project_id(shared: &Shared, target: &Target) -> Option<u64> {
    let named = target.project.as_deref()?;
    if let Ok(id) = named.parse() {
        return Some(id);
    }
    let upstream = shared.upstream.read();
    let project = upstream
        .project_by_path(named)
        .or_else(|| upstream.project_by_former_path(named))?;
    (target.route != Route::Unmatched).then_some(project.id)
}
