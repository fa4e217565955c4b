//! One question to the service: sent, tried again where that may help, and
//! its answer read within bounds.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::dialect::{Components, Dialect, message};
use super::{ApiKey, RemoteSettings, http};
use crate::embedding::error::EmbedError;
use crate::embedding::provider::setup;

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// The longest wait between two attempts, also where the service asks for
/// more.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// A text that every model can embed.
const PROBE: &str = "A text to learn the dimension from.";

/// A service and the model to use there.
#[derive(Debug)]
pub(super) struct Service {
    dialect: Dialect,
    settings: RemoteSettings,
    root: String,
    address: String,
    http: reqwest::Client,
    authorization: Option<HeaderValue>,
    jitter: Mutex<StdRng>,
}

/// Why texts have no vectors.
#[derive(Debug)]
pub(super) enum Failure {
    /// The texts may be the reason: fewer or shorter ones may do.
    OfInput { status: u16, reason: String },
    /// Other texts would fare no better.
    OfService(EmbedError),
}

/// A failed attempt.
struct Attempt {
    failure: Failure,
    again: Again,
}

/// Whether another attempt may help.
#[derive(Clone, Copy)]
enum Again {
    No,
    /// After the service's wait, if it names one, and the backoff.
    After(Option<Duration>),
}

impl From<EmbedError> for Attempt {
    fn from(error: EmbedError) -> Self {
        Self {
            failure: Failure::OfService(error),
            again: Again::No,
        }
    }
}

impl Service {
    pub(super) fn new(dialect: Dialect, settings: RemoteSettings) -> Result<Self, EmbedError> {
        let url = &settings.url;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(setup("url", "it is no http or https address".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let reason = "it carries credentials; name a key by `api_key_env` instead";
            return Err(setup("url", reason.into()));
        }
        let mut plain = url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        let authorization = settings.api_key.as_ref().map(authorization).transpose()?;
        Ok(Self {
            root: dialect.root(plain.as_str()).to_owned(),
            address: url.origin().ascii_serialization(),
            http: http::client(url)?,
            jitter: Mutex::new(StdRng::seed_from_u64(settings.seed)),
            authorization,
            dialect,
            settings,
        })
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn model(&self) -> &str {
        &self.settings.model
    }

    /// Scheme, host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The dimension of the model's vectors. Without `patient`, nothing is
    /// tried twice.
    pub(super) async fn probe(
        &self,
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<usize, EmbedError> {
        match self.ask(&[PROBE], patient, cancel).await {
            Ok(vectors) => match vectors.first() {
                Some(vector) if !vector.is_empty() => Ok(vector.len()),
                _ => Err(self.bad_answer("a vector without components")),
            },
            Err(Failure::OfInput { status, reason }) => Err(self.refused(status, reason)),
            Err(Failure::OfService(error)) => Err(error),
        }
    }

    /// What tells versions of the model under one name apart; only Ollama
    /// says.
    pub(super) async fn digest(
        &self,
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<String, EmbedError> {
        if self.dialect != Dialect::Ollama {
            return Ok(String::new());
        }
        let url = format!("{}/api/tags", self.root);
        let body = match self.exchange(&url, None, patient, cancel).await {
            Ok(body) => body,
            // A server in front of Ollama need not pass this route on.
            Err(Failure::OfInput { status: 404, .. }) => return Ok(String::new()),
            Err(Failure::OfInput { status, reason }) => return Err(self.refused(status, reason)),
            Err(Failure::OfService(error)) => return Err(error),
        };
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|error| self.bad_answer(&format!("the list of models: {error}")))?;
        let model = self.model();
        let tagged = format!("{model}:latest");
        let models = answer["models"].as_array().map_or(&[][..], Vec::as_slice);
        let entry = models
            .iter()
            .find(|entry| entry["name"] == model || entry["name"] == tagged.as_str());
        let digest = entry.and_then(|entry| entry["digest"].as_str());
        Ok(digest.unwrap_or_default().chars().take(16).collect())
    }

    /// The vectors of `texts`. Without `patient`, nothing is tried twice.
    pub(super) async fn ask(
        &self,
        texts: &[&str],
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<Vec<Components>, Failure> {
        let url = self.dialect.route(&self.root);
        let request = self.dialect.request(self.model(), texts);
        let body = self
            .exchange(&url, Some(request.to_string()), patient, cancel)
            .await?;
        self.dialect
            .vectors(&body, texts.len())
            .map_err(|reason| Failure::OfService(self.bad_answer(&reason)))
    }

    /// The body of a successful answer. With `body` it is a POST.
    async fn exchange(
        &self,
        url: &str,
        body: Option<String>,
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, Failure> {
        let retries = if patient {
            self.settings.max_retries
        } else {
            0
        };
        let cancelled = || Failure::OfService(EmbedError::Cancelled);
        let mut made = 0;
        loop {
            let attempt = cancel
                .run_until_cancelled(self.attempt(url, body.clone()))
                .await
                .ok_or_else(cancelled)?;
            let Attempt { failure, again } = match attempt {
                Ok(body) => return Ok(body),
                Err(attempt) => attempt,
            };
            let wait = match again {
                Again::After(asked_for) if made < retries => self.wait(made, asked_for),
                _ => return Err(failure),
            };
            tracing::debug!(service = self.address, ?failure, ?wait, "embedding again");
            cancel
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .ok_or_else(cancelled)?;
            made += 1;
        }
    }

    async fn attempt(&self, url: &str, body: Option<String>) -> Result<Vec<u8>, Attempt> {
        let mut request = match body {
            Some(body) => self
                .http
                .post(url)
                .header("content-type", "application/json")
                .body(body),
            None => self.http.get(url),
        };
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let limit = self.settings.request_timeout;
        let answer = async {
            let response = request
                .send()
                .await
                .map_err(|error| self.unreachable(&error))?;
            let status = response.status().as_u16();
            if response.status().is_success() {
                return self.read(response).await;
            }
            let wait = http::retry_after(&response);
            let body = http::beginning(response).await;
            Err(self.refusal(url, status, wait, &body))
        };
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Attempt {
                failure: Failure::OfService(EmbedError::TimedOut {
                    service: self.address.clone(),
                    after: limit,
                }),
                again: Again::After(None),
            }),
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Attempt> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(&error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let reason = format!("it has more than {MAX_ANSWER_BYTES} bytes");
                return Err(self.bad_answer(&reason).into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What an answer without success stands for.
    fn refusal(&self, url: &str, status: u16, wait: Option<Duration>, body: &[u8]) -> Attempt {
        let reason = self.redact(&message(body));
        let service = self.address.clone();
        if self.dialect.says_model_missing(status, body) {
            return Attempt::from(EmbedError::ModelMissing {
                service,
                model: self.settings.model.clone(),
                ollama: self.dialect == Dialect::Ollama,
            });
        }
        match status {
            401 | 403 => EmbedError::Unauthorized { service, status }.into(),
            404 if url.ends_with("/api/tags") => Attempt {
                failure: Failure::OfInput { status, reason },
                again: Again::No,
            },
            404 | 405 => {
                let reason = format!("there is no embeddings API at {url}; {reason}");
                self.refused(status, reason).into()
            }
            400 | 413 | 422 => Attempt {
                failure: Failure::OfInput { status, reason },
                again: Again::No,
            },
            // Ollama answers so to a text whose vector is not a number.
            500 => Attempt {
                failure: Failure::OfInput { status, reason },
                again: Again::After(wait),
            },
            408 | 429 | 501.. => Attempt {
                failure: Failure::OfService(self.refused(status, reason)),
                again: Again::After(wait),
            },
            _ => self.refused(status, reason).into(),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Attempt {
        let mut reason = String::new();
        let mut cause = error.source();
        while let Some(current) = cause {
            let words = current.to_string();
            if !reason.ends_with(&words) {
                if !reason.is_empty() {
                    reason.push_str(": ");
                }
                reason.push_str(&words);
            }
            cause = current.source();
        }
        if reason.is_empty() {
            reason.push_str("the connection failed");
        }
        Attempt {
            failure: Failure::OfService(EmbedError::Unreachable {
                service: self.address.clone(),
                reason: self.redact(&reason),
                ollama: self.dialect == Dialect::Ollama,
            }),
            again: Again::After(None),
        }
    }

    pub(super) fn refused(&self, status: u16, reason: String) -> EmbedError {
        EmbedError::Refused {
            service: self.address.clone(),
            status,
            reason,
        }
    }

    fn bad_answer(&self, reason: &str) -> EmbedError {
        EmbedError::BadAnswer {
            service: self.address.clone(),
            reason: self.redact(reason),
        }
    }

    fn redact(&self, words: &str) -> String {
        match &self.settings.api_key {
            Some(key) => key.redact(words),
            None => words.to_owned(),
        }
    }

    /// From half of the backoff to all of it, but no less than the service
    /// asked for.
    fn wait(&self, made: u32, asked_for: Option<Duration>) -> Duration {
        let backoff = self
            .settings
            .first_backoff
            .saturating_mul(1 << made.min(16))
            .min(LONGEST_WAIT);
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        let spread = backoff.mul_f64(jitter.random_range(0.5..=1.0));
        spread.max(asked_for.unwrap_or_default()).min(LONGEST_WAIT)
    }
}

fn authorization(key: &ApiKey) -> Result<HeaderValue, EmbedError> {
    let mut value = HeaderValue::try_from(key.bearer())
        .map_err(|_| setup("api_key_env", "the key cannot stand in a header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
