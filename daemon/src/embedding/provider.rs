//! What every source of vectors has in common.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::error::{EmbedError, InputError};
use super::vector::Vector;

/// Something that turns texts into vectors. Shared by all jobs; it bounds its
/// own concurrency.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Which model the vectors are of. Vectors of different identities cannot
    /// be compared. A service is asked once; later calls answer from memory.
    fn identity<'a>(
        &'a self,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>>;

    /// How many texts to hand over at once, so that a failure or a
    /// cancellation costs little. More are accepted.
    fn batch_size(&self) -> usize;

    /// How many characters of a text the model takes in; the rest is cut off.
    fn max_input_chars(&self) -> usize;

    /// Where texts are sent, as scheme, host and port; `None` where they stay
    /// in this process.
    fn destination(&self) -> Option<&str>;

    /// Embeds `inputs`: as many results as inputs, in their order. An error of
    /// one input does not stop the others; the outer error is of all of them.
    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>>;

    /// [`Provider::identity`] for somebody who waits: nothing is tried twice.
    fn identity_now<'a>(
        &'a self,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        self.identity(cancel)
    }

    /// [`Provider::embed`] for somebody who waits: it goes before work that
    /// nobody waits for, and nothing is tried twice.
    fn embed_now<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        self.embed(inputs, cancel)
    }
}

/// The vector of one input, or why it has none.
pub type Embedded = Result<Vector, InputError>;

/// Which model a vector is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelIdentity {
    /// `builtin`, `ollama` or `openai`.
    pub provider: &'static str,
    /// The model's name at the provider.
    pub model: String,
    /// How many components a vector has.
    pub dimension: usize,
    /// What tells versions of the model under one name apart; empty where the
    /// provider does not say.
    pub digest: String,
}

impl fmt::Display for ModelIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.provider, self.model, self.dimension)?;
        match self.digest.as_str() {
            "" => Ok(()),
            digest => write!(f, "@{digest}"),
        }
    }
}

/// A text to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedInput {
    /// What the vector is for.
    pub purpose: Purpose,
    /// The document's title, which the vector leans on; empty for none.
    pub title: String,
    /// The text. It need not repeat the title.
    pub text: String,
}

impl EmbedInput {
    /// A document, or a part of one.
    pub fn document(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            purpose: Purpose::Document,
            title: title.into(),
            text: text.into(),
        }
    }

    /// What somebody searches for.
    pub fn query(text: impl Into<String>) -> Self {
        Self {
            purpose: Purpose::Query,
            title: String::new(),
            text: text.into(),
        }
    }

    /// Title and text as one, the title once, with at most `chars` characters.
    pub(super) fn whole(&self, chars: usize) -> String {
        let title = self.title.trim();
        let text = self.text.trim();
        if title.is_empty() || text.starts_with(title) {
            return cut(text, chars).to_owned();
        }
        cut(&format!("{title}\n\n{text}"), chars).to_owned()
    }
}

/// What a vector is for. Some models want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To be found.
    Document,
    /// To find with.
    Query,
}

pub(super) fn setup(key: &'static str, reason: String) -> EmbedError {
    EmbedError::Setup { key, reason }
}

/// The first `chars` characters of `text`.
pub(super) fn cut(text: &str, chars: usize) -> &str {
    match text.char_indices().nth(chars) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_the_text_begins_with_is_not_said_twice() {
        assert_eq!(EmbedInput::document("T", "T: more").whole(99), "T: more");
        assert_eq!(EmbedInput::document("T", "more").whole(99), "T\n\nmore");
        assert_eq!(EmbedInput::document("", "ääää").whole(2), "ää");
    }
}
