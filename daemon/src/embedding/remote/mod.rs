//! Vectors from a service: Ollama, or anything with `OpenAI`'s embeddings API.

mod batch;
mod dialect;
mod exchange;
mod http;
mod prompts;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::dialect::Dialect;
use self::exchange::Service;
use super::error::EmbedError;
use super::provider::{EmbedInput, Embedded, ModelIdentity, Provider, Purpose};

/// How to reach a service and how hard to try.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// Where the service is. What its API adds to it may be there or not.
    pub url: Url,
    /// The model's name at the service.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<ApiKey>,
    /// The longest that one attempt may take.
    pub request_timeout: Duration,
    /// Attempts after the first, for what may pass.
    pub max_retries: u32,
    /// The wait before the first retry; each later one is twice as long, up to
    /// a minute.
    pub first_backoff: Duration,
    /// Decides the jitter of the waits.
    pub seed: u64,
}

impl RemoteSettings {
    /// Settings with the defaults.
    pub fn new(url: Url, model: String, seed: u64) -> Self {
        Self {
            url,
            model,
            api_key: None,
            // Ollama may have to load the model first.
            request_timeout: Duration::from_mins(1),
            max_retries: 3,
            first_backoff: Duration::from_millis(250),
            seed,
        }
    }
}

/// A key for a service. It cannot be printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key without the white space around it. `None` where it is empty or
    /// has characters that cannot stand in a header.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        let fits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(key.to_owned()))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` with every occurrence of the key replaced, for words that come
    /// back from a service.
    fn redact(&self, text: &str) -> String {
        if self.0.len() < 4 {
            return text.to_owned();
        }
        text.replace(&self.0, "[redacted]")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Embeds with a service. At most [`Dialect::concurrency`] requests are under
/// way at once, whoever asks.
#[derive(Debug)]
pub(super) struct Remote {
    service: Service,
    permits: Semaphore,
    identity: OnceCell<ModelIdentity>,
}

/// A provider for Ollama's `/api/embed`.
pub(super) fn ollama(settings: RemoteSettings) -> Result<Remote, EmbedError> {
    Remote::new(Dialect::Ollama, settings)
}

/// A provider for any `/v1/embeddings`.
pub(super) fn openai(settings: RemoteSettings) -> Result<Remote, EmbedError> {
    Remote::new(Dialect::OpenAi, settings)
}

impl Remote {
    fn new(dialect: Dialect, settings: RemoteSettings) -> Result<Self, EmbedError> {
        Ok(Self {
            service: Service::new(dialect, settings)?,
            permits: Semaphore::new(dialect.concurrency()),
            identity: OnceCell::new(),
        })
    }

    async fn known_identity(
        &self,
        cancel: &CancellationToken,
    ) -> Result<&ModelIdentity, EmbedError> {
        self.identity
            .get_or_try_init(|| async {
                Ok(ModelIdentity {
                    provider: self.service.dialect().name(),
                    model: self.service.model().to_owned(),
                    dimension: self.service.probe(cancel).await?,
                    digest: self.service.digest(cancel).await?,
                })
            })
            .await
    }

    async fn embed_all(
        &self,
        inputs: &[EmbedInput],
        cancel: &CancellationToken,
    ) -> Result<Vec<Embedded>, EmbedError> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let dimension = self.known_identity(cancel).await?.dimension;
        let batches: Vec<_> = inputs
            .chunks(self.batch_size())
            .map(|inputs| self.embed_batch(inputs, dimension, cancel))
            .collect();
        // Dropping the stream at the first error drops what is under way.
        let batches: Vec<_> = stream::iter(batches)
            .buffered(self.service.dialect().concurrency())
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn embed_batch(
        &self,
        inputs: &[EmbedInput],
        dimension: usize,
        cancel: &CancellationToken,
    ) -> Result<Vec<Embedded>, EmbedError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let texts = inputs.iter().map(|input| self.text(input)).collect();
        batch::embed(&self.service, texts, dimension, cancel).await
    }

    /// What is sent for an input; empty for an input without text.
    fn text(&self, input: &EmbedInput) -> String {
        let text = input.whole(self.max_input_chars());
        match prompts::prefix(self.service.model(), input.purpose) {
            prefix if !text.is_empty() => format!("{prefix}{text}"),
            _ => text,
        }
    }
}

impl Provider for Remote {
    fn identity<'a>(
        &'a self,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        Box::pin(async { self.known_identity(cancel).await.cloned() })
    }

    fn batch_size(&self) -> usize {
        self.service.dialect().batch_size()
    }

    fn max_input_chars(&self) -> usize {
        self.service.dialect().max_input_chars()
    }

    fn destination(&self) -> Option<&str> {
        Some(self.service.address())
    }

    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(self.embed_all(inputs, cancel))
    }
}
