//! The model that is compiled in: nothing to set up, nothing sent anywhere.
//!
//! A static table distilled from all-MiniLM-L6-v2; `distill/README.md` beside
//! this file says how it was made and how to make it again. It is English and
//! lower-cased: of other languages it knows little, and words alone find more.

mod model;
#[cfg(test)]
mod tests;
mod wordpiece;

use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use self::model::Model;
use super::error::{EmbedError, InputError};
use super::provider::{EmbedInput, Embedded, ModelIdentity, Provider, Purpose};

static FILE: &[u8] = include_bytes!("model.bin");
/// The beginning of the file's SHA-256, held by a test: what makes vectors of
/// one version of the file incomparable with those of another.
const DIGEST: &str = "383e4603bb91ef78";
const NAME: &str = "lore-minilm-256";
/// About 100 pages. The table has no limit of its own; this one bounds how
/// long one document can take.
const MAX_INPUT_CHARS: usize = 200_000;
/// A few milliseconds of work, after which a cancellation is seen.
const BATCH_SIZE: usize = 64;

/// The built-in provider. It is free to make; the table is read once in a
/// process, when the first text is embedded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Builtin;

impl Builtin {
    /// Embeds one input on the calling thread: tens of microseconds for a
    /// document of ordinary length, and some milliseconds more for the first
    /// one in a process.
    pub fn vector(&self, input: &EmbedInput) -> Result<Embedded, EmbedError> {
        let model = model()?;
        let text = input.whole(MAX_INPUT_CHARS);
        let vector = match input.purpose {
            Purpose::Document => model.document(&input.title, &text),
            Purpose::Query => model.text(&text),
        };
        Ok(vector.ok_or(InputError::Empty))
    }
}

impl Provider for Builtin {
    fn identity<'a>(
        &'a self,
        _cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        let identity = model().map(|model| ModelIdentity {
            provider: "builtin",
            model: NAME.into(),
            dimension: model.dimension(),
            digest: DIGEST.into(),
        });
        Box::pin(std::future::ready(identity))
    }

    fn batch_size(&self) -> usize {
        BATCH_SIZE
    }

    fn max_input_chars(&self) -> usize {
        MAX_INPUT_CHARS
    }

    fn destination(&self) -> Option<&str> {
        None
    }

    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(async move {
            let mut vectors = Vec::with_capacity(inputs.len());
            for batch in inputs.chunks(BATCH_SIZE) {
                if cancel.is_cancelled() {
                    return Err(EmbedError::Cancelled);
                }
                let batch = batch.to_vec();
                let work = move || batch.iter().map(|input| Self.vector(input)).collect();
                let done: Result<Vec<Embedded>, EmbedError> = tokio::task::spawn_blocking(work)
                    .await
                    .map_err(|_| EmbedError::Defect)?;
                vectors.extend(done?);
            }
            Ok(vectors)
        })
    }
}

fn model() -> Result<&'static Model, EmbedError> {
    static MODEL: OnceLock<Result<Model, EmbedError>> = OnceLock::new();
    MODEL
        .get_or_init(|| Model::parse(FILE))
        .as_ref()
        .map_err(Clone::clone)
}
