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
/// way at once, whoever asks, and one place among them is never taken by what
/// nobody waits for.
#[derive(Debug)]
pub(super) struct Remote {
    service: Service,
    places: Semaphore,
    /// For work that can wait, before it asks for a place.
    patient_places: Semaphore,
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
            places: Semaphore::new(dialect.concurrency()),
            patient_places: Semaphore::new(dialect.concurrency().saturating_sub(1).max(1)),
            identity: OnceCell::new(),
        })
    }

    async fn known_identity(
        &self,
        cancel: &CancellationToken,
    ) -> Result<&ModelIdentity, EmbedError> {
        self.identity
            .get_or_try_init(|| self.ask_identity(true, cancel))
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
            .map(|inputs| self.embed_batch(inputs, dimension, true, cancel))
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
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<Vec<Embedded>, EmbedError> {
        // The semaphores are never closed.
        let _patient = if patient {
            self.patient_places.acquire().await.ok()
        } else {
            None
        };
        let _place = self.places.acquire().await;
        let texts = inputs.iter().map(|input| self.text(input)).collect();
        batch::embed(&self.service, texts, dimension, patient, cancel).await
    }

    async fn ask_identity(
        &self,
        patient: bool,
        cancel: &CancellationToken,
    ) -> Result<ModelIdentity, EmbedError> {
        Ok(ModelIdentity {
            provider: self.service.dialect().name(),
            model: self.service.model().to_owned(),
            dimension: self.service.probe(patient, cancel).await?,
            digest: self.service.digest(patient, cancel).await?,
        })
    }

    /// Whoever asks patiently may be waiting between two attempts, so this one
    /// asks for itself.
    async fn known_identity_now(
        &self,
        cancel: &CancellationToken,
    ) -> Result<ModelIdentity, EmbedError> {
        if let Some(known) = self.identity.get() {
            return Ok(known.clone());
        }
        let found = self.ask_identity(false, cancel).await?;
        // Another may have been told meanwhile, or is being told.
        self.identity.set(found.clone()).ok();
        Ok(self.identity.get().cloned().unwrap_or(found))
    }

    async fn embed_all_now(
        &self,
        inputs: &[EmbedInput],
        cancel: &CancellationToken,
    ) -> Result<Vec<Embedded>, EmbedError> {
        let dimension = self.known_identity_now(cancel).await?.dimension;
        let mut all = Vec::with_capacity(inputs.len());
        for inputs in inputs.chunks(self.batch_size()) {
            all.extend(self.embed_batch(inputs, dimension, false, cancel).await?);
        }
        Ok(all)
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

    fn identity_now<'a>(
        &'a self,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        Box::pin(self.known_identity_now(cancel))
    }

    fn embed_now<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(self.embed_all_now(inputs, cancel))
    }
}
