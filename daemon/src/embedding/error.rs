//! What can go wrong between a text and its vector.

use std::time::Duration;

use lore_proto::error::{ErrorCode, WireError};

/// Why no text could be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The service could not be reached, or the connection broke.
    #[error("the embedding service at {service} cannot be reached: {reason}")]
    Unreachable {
        /// The service's address.
        service: String,
        /// What the network said.
        reason: String,
        /// Whether the service is Ollama, which can be started by hand.
        ollama: bool,
    },
    /// The service did not answer in time.
    #[error("the embedding service at {service} did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// The service's address.
        service: String,
        /// How long it was given.
        after: Duration,
    },
    /// The service answered with an error, after all retries.
    #[error("the embedding service at {service} answered {status}: {reason}")]
    Refused {
        /// The service's address.
        service: String,
        /// The HTTP status.
        status: u16,
        /// What the service said; it may be empty.
        reason: String,
    },
    /// The service wants an API key, or another one.
    #[error("the embedding service at {service} does not accept the API key ({status})")]
    Unauthorized {
        /// The service's address.
        service: String,
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// The service's answer is not what its API promises.
    #[error("the embedding service at {service} gave an answer that cannot be used: {reason}")]
    BadAnswer {
        /// The service's address.
        service: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service has no such model.
    #[error("the embedding service at {service} has no model {model:?}")]
    ModelMissing {
        /// The service's address.
        service: String,
        /// The model of the config.
        model: String,
        /// Whether the service is Ollama, which can fetch the model.
        ollama: bool,
    },
    /// The service now gives vectors of another dimension: the model was
    /// replaced under its name.
    #[error(
        "the model {model:?} at {service} gives {found} dimensions where it gave {expected} before"
    )]
    ModelChanged {
        /// The service's address.
        service: String,
        /// The model of the config.
        model: String,
        /// The dimension at first.
        expected: usize,
        /// The dimension now.
        found: usize,
    },
    /// A setting cannot be used.
    #[error("the setting `embedding.{key}` cannot be used: {reason}")]
    Setup {
        /// The key in the config's `[embedding]`.
        key: &'static str,
        /// Why not.
        reason: String,
    },
    /// The model that is compiled in cannot be read.
    #[error("the built-in embedding model is damaged: {reason}")]
    BrokenModel {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The work ended without an answer, by a defect in lore.
    #[error("the embedding work ended without an answer")]
    Defect,
    /// The caller cancelled.
    #[error("embedding was cancelled")]
    Cancelled,
}

impl EmbedError {
    /// The name of the cause in the contract.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Unauthorized { .. }
            | Self::BadAnswer { .. }
            | Self::ModelChanged { .. } => ErrorCode::EmbedderUnavailable,
            Self::ModelMissing { .. } => ErrorCode::EmbedderModelMissing,
            Self::Setup { .. } => ErrorCode::ConfigInvalid,
            Self::BrokenModel { .. } | Self::Defect => ErrorCode::Internal,
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }

    /// Whether the same request may succeed later without anyone changing
    /// anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Unauthorized { .. } | Self::BadAnswer { .. } | Self::ModelChanged { .. } => false,
            _ => self.code().retryable(),
        }
    }

    /// What to do about it, in a sentence.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Unreachable { ollama: true, .. } => {
                "Start Ollama, or set `embedding.provider` to \"builtin\", which needs no service."
            }
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "Check that the service runs and that `embedding.url` is right; with \
                 `embedding.provider` set to \"builtin\" none is needed."
            }
            Self::Refused { .. } | Self::BadAnswer { .. } => {
                "Check that `embedding.url` and `embedding.provider` fit the service; what it \
                 said is above."
            }
            Self::Unauthorized { .. } => {
                "Put a valid key into the variable that `embedding.api_key_env` names, where the \
                 daemon sees it, and restart the daemon."
            }
            Self::ModelMissing { ollama: true, .. } => {
                "Fetch the model with Ollama, or name one that it has in `embedding.model`."
            }
            Self::ModelMissing { .. } => "Name a model that the service has in `embedding.model`.",
            Self::ModelChanged { .. } => {
                "Reload the daemon, so that everything is embedded anew with the model as it is now."
            }
            Self::Setup { .. } => "Correct the setting in the config file.",
            Self::BrokenModel { .. } | Self::Defect => {
                "This is a defect in lore; please report it with the daemon's log."
            }
            Self::Cancelled => "Start it again when it suits.",
        }
    }

    /// Commands that cure it, ready to paste.
    pub fn actions(&self) -> Vec<String> {
        let commands: &[&str] = match self {
            Self::Unreachable { ollama: true, .. } => &["ollama serve"],
            Self::ModelMissing {
                ollama: true,
                model,
                ..
            } if is_plain_name(model) => return vec![format!("ollama pull {model}")],
            Self::ModelMissing { ollama: true, .. } => &["ollama list"],
            Self::Unauthorized { .. } => &["lore daemon restart"],
            Self::ModelChanged { .. } => &["lore daemon reload"],
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::BadAnswer { .. }
            | Self::ModelMissing { .. }
            | Self::Setup { .. } => &["lore doctor"],
            Self::BrokenModel { .. } | Self::Defect => &["lore daemon logs"],
            Self::Cancelled => &[],
        };
        commands
            .iter()
            .map(|command| (*command).to_owned())
            .collect()
    }
}

impl From<&EmbedError> for WireError {
    fn from(error: &EmbedError) -> Self {
        let mut wire = Self::new(error.code(), format!("{error}. {}", error.cure()));
        wire.retryable = error.retryable();
        wire.actions = error.actions();
        wire
    }
}

/// Whether a model's name can stand in a command line as it is.
fn is_plain_name(model: &str) -> bool {
    !model.starts_with('-')
        && model
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-:/".contains(c))
}

/// Why one text has no vector, while others of its batch may have one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// There is nothing in it that the model knows: it is empty, or blank.
    #[error("the text has no words that the model knows")]
    Empty,
    /// The service does not accept this text, however short it is cut.
    #[error("the embedding service refused this text ({status}): {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the service said.
        reason: String,
    },
    /// The service gave no usable vector for it.
    #[error("the embedding service gave no usable vector for this text")]
    NoVector,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(model: &str) -> EmbedError {
        EmbedError::ModelMissing {
            service: "http://localhost:11434".into(),
            model: model.into(),
            ollama: true,
        }
    }

    #[test]
    fn a_missing_ollama_model_names_the_command_that_fetches_it() {
        let wire = WireError::from(&missing("nomic-embed-text:v1.5"));
        assert_eq!(wire.code, ErrorCode::EmbedderModelMissing);
        assert_eq!(wire.actions, ["ollama pull nomic-embed-text:v1.5"]);
        assert!(!wire.retryable);
    }

    #[test]
    fn a_model_name_that_a_shell_would_read_never_enters_a_command() {
        for name in ["a; rm -rf ~", "$(id)", "--insecure", "a b"] {
            assert_eq!(missing(name).actions(), ["ollama list"], "{name}");
        }
    }

    #[test]
    fn a_refusal_for_good_is_not_retryable_and_an_outage_is() {
        let refused = |status| EmbedError::Refused {
            service: "http://h".into(),
            status,
            reason: String::new(),
        };
        assert!(!refused(400).retryable());
        assert!(refused(429).retryable());
        assert!(refused(503).retryable());
    }
}
