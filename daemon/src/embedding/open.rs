//! Which provider the config means.

use std::sync::Arc;

use super::builtin::Builtin;
use super::error::EmbedError;
use super::provider::{Provider, setup};
use super::remote::{self, ApiKey, RemoteSettings};
use crate::config::{EmbeddingConfig, EmbeddingProvider};

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
}
