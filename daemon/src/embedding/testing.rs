//! A provider whose answers a test writes.

use std::fmt;

use futures_util::future::{BoxFuture, ready};
use tokio_util::sync::CancellationToken;

use super::{EmbedError, EmbedInput, Embedded, ModelIdentity, Provider};

/// Says which model it is, and embeds, as two functions do.
pub(crate) struct Scripted<I, E> {
    pub(crate) identity: I,
    pub(crate) embed: E,
}

/// The identity of a model of that name, with vectors of two components.
pub(crate) fn named(model: &str) -> ModelIdentity {
    ModelIdentity {
        provider: "openai",
        model: model.to_owned(),
        dimension: 2,
        digest: String::new(),
    }
}

impl<I, E> fmt::Debug for Scripted<I, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

impl<I, E> Provider for Scripted<I, E>
where
    I: Fn() -> Result<ModelIdentity, EmbedError> + Send + Sync,
    E: Fn(&[EmbedInput]) -> Result<Vec<Embedded>, EmbedError> + Send + Sync,
{
    fn identity<'a>(
        &'a self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        Box::pin(ready((self.identity)()))
    }

    fn batch_size(&self) -> usize {
        8
    }

    fn max_input_chars(&self) -> usize {
        1_000
    }

    fn destination(&self) -> Option<&str> {
        None
    }

    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(ready((self.embed)(inputs)))
    }
}
