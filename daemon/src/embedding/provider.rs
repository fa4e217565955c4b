//! What every source of vectors has in common.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::builtin::Builtin;
use super::error::{EmbedError, InputError};
use super::remote::{self, ApiKey, RemoteSettings};
use super::vector::Vector;
use crate::config::{EmbeddingConfig, EmbeddingProvider};

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

/// The provider that the config names; `None` where it names none. `env` reads
/// a variable of the daemon's environment, `seed` decides the jitter of
/// retries. No request is made.
pub fn open(
    config: &EmbeddingConfig,
    env: impl Fn(&str) -> Option<String>,
    seed: u64,
) -> Result<Option<Arc<dyn Provider>>, EmbedError> {
    let settings = || -> Result<RemoteSettings, EmbedError> {
        let ollama = config.provider == EmbeddingProvider::Ollama;
        let mut settings = RemoteSettings::new(
            remote_url(config, ollama)?,
            remote_model(config, ollama)?,
            seed,
        );
        if let Some(name) = &config.api_key_env {
            settings.api_key = Some(api_key(name, env(name))?);
        }
        Ok(settings)
    };
    Ok(match config.provider {
        EmbeddingProvider::Builtin => Some(Arc::new(Builtin)),
        EmbeddingProvider::Ollama => Some(Arc::new(remote::ollama(settings()?)?)),
        EmbeddingProvider::Openai => Some(Arc::new(remote::openai(settings()?)?)),
        EmbeddingProvider::None => None,
    })
}

fn remote_url(config: &EmbeddingConfig, ollama: bool) -> Result<url::Url, EmbedError> {
    match &config.url {
        Some(url) => Ok(url.clone()),
        None if ollama => url::Url::parse("http://localhost:11434")
            .map_err(|error| setup("url", error.to_string())),
        // Text goes to a service only where the config names it.
        None => Err(setup("url", "it is not set".into())),
    }
}

fn remote_model(config: &EmbeddingConfig, ollama: bool) -> Result<String, EmbedError> {
    match config.model.as_deref().map(str::trim) {
        Some(model) if !model.is_empty() => Ok(model.to_owned()),
        _ if ollama => Ok("nomic-embed-text".into()),
        _ => Err(setup("model", "it is not set".into())),
    }
}

fn api_key(name: &str, value: Option<String>) -> Result<ApiKey, EmbedError> {
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
        let reason = format!("the daemon's environment has no variable {name:?}");
        return Err(setup("api_key_env", reason));
    };
    ApiKey::new(&value).ok_or_else(|| {
        setup(
            "api_key_env",
            format!("the value of {name:?} has characters that no key has"),
        )
    })
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

    fn config(provider: EmbeddingProvider) -> EmbeddingConfig {
        EmbeddingConfig {
            provider,
            ..EmbeddingConfig::default()
        }
    }

    #[test]
    fn the_default_needs_no_setting_and_sends_nothing_anywhere() {
        let provider = open(&EmbeddingConfig::default(), |_| None, 0)
            .unwrap()
            .unwrap();
        assert_eq!(provider.destination(), None);
    }

    #[test]
    fn none_is_no_provider() {
        let provider = open(&config(EmbeddingProvider::None), |_| None, 0).unwrap();
        assert!(provider.is_none());
    }

    #[test]
    fn text_goes_to_an_openai_service_only_where_the_config_names_it() {
        let error = open(&config(EmbeddingProvider::Openai), |_| None, 0).unwrap_err();
        assert!(
            matches!(error, EmbedError::Setup { key: "url", .. }),
            "{error}"
        );
    }

    #[test]
    fn a_key_that_the_daemon_does_not_see_is_an_error_that_names_the_variable() {
        let config = EmbeddingConfig {
            provider: EmbeddingProvider::Openai,
            model: Some("m".into()),
            url: Some("https://h/v1".parse().unwrap()),
            api_key_env: Some("MY_KEY".into()),
        };
        for value in [None, Some(String::new())] {
            let error = open(&config, |_| value.clone(), 0).unwrap_err();
            assert!(error.to_string().contains("MY_KEY"), "{error}");
        }
        let error = open(&config, |_| Some("se\ncret".into()), 0).unwrap_err();
        assert!(!error.to_string().contains("cret"), "{error}");
    }

    #[test]
    fn a_title_that_the_text_begins_with_is_not_said_twice() {
        assert_eq!(EmbedInput::document("T", "T: more").whole(99), "T: more");
        assert_eq!(EmbedInput::document("T", "more").whole(99), "T\n\nmore");
        assert_eq!(EmbedInput::document("", "ääää").whole(2), "ää");
    }
}
