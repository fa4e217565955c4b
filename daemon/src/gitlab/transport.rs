//! One request: admitted by the throttle, sent, read within its bounds, and
//! tried again where that may help.

mod failures;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::answer::{
    ERROR_BODY_LIMIT, correlation_id, failure_of, is_declared_html, looks_like_login_page,
    server_date,
};
use super::call::{Call, Fetched};
use super::client::Client;
use super::error::{Failure, GitLabError, RequestLabel};
use super::retry::{Patience, Retries, attempt_timeout};
use super::throttle::Outcome;
pub(super) use failures::read_json;
use failures::{chain, connection_failure, outcome_of};

/// What to ask for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    route: Route,
    query: Vec<(Cow<'static, str>, String)>,
    /// How many times the ordinary time and size an answer may take.
    scale: u32,
}

#[derive(Debug, Clone)]
enum Route {
    /// Below `/api/v4/`.
    Rest(String),
    GraphQl(Value),
}

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            route: Route::Rest(path.into()),
            query: Vec::new(),
            scale: 1,
        }
    }

    pub(super) fn graphql(query: &str, variables: Value) -> Self {
        let mut body = serde_json::Map::new();
        body.insert("query".into(), query.into());
        body.insert("variables".into(), variables);
        Self {
            route: Route::GraphQl(Value::Object(body)),
            query: Vec::new(),
            scale: 1,
        }
    }

    pub(super) fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    pub(super) fn with_all(mut self, parameters: Vec<(&'static str, String)>) -> Self {
        self.query.extend(
            parameters
                .into_iter()
                .map(|(name, value)| (name.into(), value)),
        );
        self
    }

    /// Allows the answer `times` the ordinary time and size.
    pub(super) fn scaled(mut self, times: u32) -> Self {
        self.scale = times;
        self
    }

    fn path(&self) -> String {
        match &self.route {
            Route::Rest(path) => format!("/api/v4/{path}"),
            Route::GraphQl(_) => "/api/graphql".into(),
        }
    }

    fn method(&self) -> &'static str {
        match self.route {
            Route::Rest(_) => "GET",
            Route::GraphQl(_) => "POST",
        }
    }
}

/// Takes in a body as it arrives; a new one for each attempt.
pub(super) trait Sink: Default + Send {
    /// Takes the next part of the body.
    fn push(&mut self, chunk: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, chunk: &[u8]) {
        self.extend_from_slice(chunk);
    }
}

/// What stands around a successful body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) headers: HeaderMap,
    pub(super) started_at: Timestamp,
    pub(super) server_date: Option<Timestamp>,
}

/// A failed attempt.
struct Failed {
    failure: Failure,
    correlation_id: Option<Box<str>>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            correlation_id: None,
        }
    }
}

impl Client {
    /// The answer to `request`, read as JSON.
    pub(super) async fn json<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        request: &Request,
    ) -> Result<Fetched<T>, GitLabError> {
        let mut requests = 0;
        let patience = self.patience();
        let (value, head) = self
            .run(
                call,
                request,
                patience,
                &mut requests,
                |body: Vec<u8>, head| read_json(&body, &head.headers),
            )
            .await?;
        Ok(Fetched {
            value,
            started_at: head.started_at,
            server_date: head.server_date,
            requests,
        })
    }

    /// The retries of an ordinary request.
    pub(super) fn patience(&self) -> Patience {
        Patience {
            first_backoff: self.inner().host.first_backoff,
            retries: self.inner().host.max_retries,
            before_shrinking: None,
        }
    }

    /// Asks until `read` accepts an answer, the retries are spent, the
    /// deadline has come or the call is cancelled. `requests` counts the
    /// attempts, failed ones included.
    pub(super) async fn run<S: Sink, T>(
        &self,
        call: &Call<'_>,
        request: &Request,
        patience: Patience,
        requests: &mut u32,
        read: impl Fn(S, &Head) -> Result<T, Failure>,
    ) -> Result<(T, Head), GitLabError> {
        let inner = self.inner();
        let url = self
            .url(request)
            .map_err(|failure| self.error(request, failure))?;
        let mut retries = Retries::default();
        let mut made = 0;
        let mark = inner.acceptance.mark();
        loop {
            let permit = inner
                .throttle
                .admit(call)
                .await
                .map_err(|failure| self.error(request, failure))?;
            if let Some(refused) = inner.acceptance.refused_since(mark) {
                return Err(self.error(request, refused));
            }
            permit.sending();
            let allowed = inner.host.request_timeout.saturating_mul(request.scale);
            let timeout = attempt_timeout(allowed, call.remaining(), made);
            made += 1;
            *requests += 1;
            let started = Instant::now();
            // On the heap: an exchange's state is large, and callers run many
            // of them side by side in one future.
            let attempt = Box::pin(self.attempt::<S>(call, request, url.clone(), timeout));
            let outcome = call.bounded(attempt).await.map_err(Failed::from);
            let outcome = outcome
                .and_then(|attempt| attempt)
                .and_then(|(body, head)| match read(body, &head) {
                    Ok(value) => Ok((value, head)),
                    Err(failure) => Err(Failed {
                        failure,
                        correlation_id: correlation_id(&head.headers),
                    }),
                });
            let Failed {
                mut failure,
                correlation_id,
            } = match outcome {
                Ok(done) => {
                    permit.finish(Outcome::Answered(200));
                    inner.acceptance.accepted(mark);
                    tracing::trace!(path = url.path(), elapsed = ?started.elapsed(), "answered");
                    return Ok(done);
                }
                Err(failed) => failed,
            };
            // Before the place in the lane is given to one that waits.
            if let Failure::Unauthorized { reason } = &failure {
                inner.acceptance.refused(reason, inner.clock.now());
            }
            permit.finish(outcome_of(&failure));
            if let Failure::RateLimited { retry_after } = &mut failure {
                *retry_after = Some(inner.throttle.pause(*retry_after));
            }
            let wait = retries.next(&failure, patience, call.remaining(), &inner.jitter);
            tracing::debug!(
                host = inner.host.host,
                path = url.path(),
                attempt = made,
                %failure,
                retry_in = ?wait,
                "request failed"
            );
            let Some(wait) = wait else {
                let mut error = self.error(request, failure);
                error.correlation_id = correlation_id;
                return Err(error);
            };
            call.bounded(tokio::time::sleep(wait))
                .await
                .map_err(|failure| self.error(request, failure))?;
        }
    }

    /// The error that `failure` of `request` is.
    pub(super) fn error(&self, request: &Request, failure: Failure) -> GitLabError {
        GitLabError {
            request: Box::new(RequestLabel {
                host: self.inner().host.host.clone(),
                method: request.method(),
                path: request.path(),
            }),
            failure,
            correlation_id: None,
        }
    }

    fn url(&self, request: &Request) -> Result<Url, Failure> {
        let text = format!("{}{}", self.inner().root, request.path());
        let mut url = Url::parse(&text).map_err(|error| Failure::Setup {
            key: "url",
            reason: error.to_string(),
        })?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    async fn attempt<S: Sink>(
        &self,
        call: &Call<'_>,
        request: &Request,
        url: Url,
        timeout: Duration,
    ) -> Result<(S, Head), Failed> {
        let inner = self.inner();
        let http = self.http(call.lane);
        let mut sending = match &request.route {
            Route::Rest(_) => http
                .get(url)
                .header(ACCEPT, "application/json, text/plain, */*;q=0.1"),
            Route::GraphQl(body) => http
                .post(url)
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string()),
        };
        if let Some((name, value)) = &inner.auth {
            sending = sending.header(name, value);
        }
        let limit = usize::try_from(request.scale)
            .unwrap_or(usize::MAX)
            .saturating_mul(inner.host.max_body_bytes);
        let started_at = inner.clock.now();
        let exchange = async {
            let response = sending
                .send()
                .await
                .map_err(|error| connection_failure(&error, timeout))?;
            let head = Head {
                server_date: server_date(response.headers()),
                headers: response.headers().clone(),
                started_at,
            };
            inner.throttle.observe(&head.headers);
            let status = response.status();
            if status.is_success() && !is_declared_html(&head.headers) {
                let body = read_body(response, limit).await?;
                return Ok((body, head));
            }
            let failure = self.refusal(status, &head, response).await;
            Err(Failed {
                failure,
                correlation_id: correlation_id(&head.headers),
            })
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(done) => done,
            Err(_) => Err(Failed::from(Failure::Timeout {
                after: timeout,
                connecting: false,
            })),
        }
    }

    /// The failure that an answer stands for which is no data.
    async fn refusal(
        &self,
        status: StatusCode,
        head: &Head,
        mut response: reqwest::Response,
    ) -> Failure {
        let mut body = Vec::new();
        // Whatever breaks off or is too long here only shortens the words.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= ERROR_BODY_LIMIT {
                body.truncate(ERROR_BODY_LIMIT);
                break;
            }
        }
        if status.is_success() {
            return Failure::NotJson {
                looks_like_login_page: looks_like_login_page(&body),
            };
        }
        let token = self.inner().host.token.as_ref();
        let body = match token {
            Some(token) => token.redact(&String::from_utf8_lossy(&body)).into_bytes(),
            None => body,
        };
        failure_of(status, &head.headers, &body, token.is_some())
    }
}

async fn read_body<S: Sink>(mut response: reqwest::Response, limit: usize) -> Result<S, Failed> {
    let mut body = S::default();
    let mut received = 0_usize;
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) => {
                received = received.saturating_add(chunk.len());
                if received > limit {
                    return Err(Failure::BodyTooLarge { limit }.into());
                }
                body.push(&chunk);
            }
            Err(error) => {
                return Err(Failure::Truncated {
                    received,
                    reason: chain(&error),
                }
                .into());
            }
        }
    }
}
