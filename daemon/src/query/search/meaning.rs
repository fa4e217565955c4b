//! The vector of a query, of the model whose vectors can be searched now.

use std::sync::Arc;
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use tokio_util::sync::CancellationToken;

use super::Searcher;
use crate::embedding::{Builtin, EmbedError, EmbedInput, ModelIdentity, Provider, Vector};
use crate::store::{StoreError, embeddings};

/// How long a service may take to embed a query before words go alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a query means, or why that is not known.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// The model's row, and the query in it.
    pub(super) vector: Option<(i64, Vector)>,
    /// The model's identity.
    pub(super) model: Option<String>,
    /// Why there is no vector, where there should be one.
    error: Option<WireError>,
}

impl Meaning {
    /// For a search that has nothing else.
    pub(super) fn demanded(self) -> Result<Self, WireError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// What a reader should know.
    pub(super) fn warning(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("searched by words alone: {}", error.message))
    }

    fn failed(error: WireError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

impl Searcher {
    /// The vector of `text`.
    pub(super) async fn meaning(&self, project: i64, text: &EmbedInput) -> Meaning {
        let provider = match &self.embedder {
            Ok(Some(provider)) => Arc::clone(provider),
            Ok(None) => {
                let message = "the config has `embedding.provider = \"none\"`";
                return Meaning {
                    error: Some(
                        WireError::new(ErrorCode::EmbedderUnavailable, message)
                            .action("lore search --mode lexical"),
                    ),
                    ..Meaning::default()
                };
            }
            Err(error) => return Meaning::failed(error.into()),
        };
        let cancel = CancellationToken::new();
        let _give_up = cancel.clone().drop_guard();
        let work = self.embedded(project, provider, text, &cancel);
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(meaning)) => meaning,
            Ok(Err(error)) => Meaning::failed(error),
            Err(_) => Meaning::failed(WireError::new(
                ErrorCode::EmbedderUnavailable,
                format!(
                    "the embedding service did not answer within {} s",
                    PATIENCE.as_secs()
                ),
            )),
        }
    }

    async fn embedded(
        &self,
        project: i64,
        provider: Arc<dyn Provider>,
        text: &EmbedInput,
        cancel: &CancellationToken,
    ) -> Result<Meaning, WireError> {
        let wire = |error: EmbedError| WireError::from(&error);
        let identity = provider.identity(cancel).await.map_err(wire)?;
        let builtin: Arc<dyn Provider> = Arc::new(Builtin);
        let old = builtin.identity(cancel).await.map_err(wire)?;
        let Some((model, is_old)) = self.model(project, &identity, &old).await? else {
            // Nothing is embedded yet; the coverage says so.
            return Ok(Meaning::default());
        };
        let (provider, identity) = if is_old {
            (builtin, old)
        } else {
            (provider, identity)
        };
        let inputs = [text.clone()];
        let mut vectors = provider.embed(&inputs, cancel).await.map_err(wire)?;
        Ok(match vectors.pop() {
            Some(Ok(vector)) => Meaning {
                vector: Some((model, vector)),
                model: Some(identity.to_string()),
                error: None,
            },
            // Words that the model does not know: nothing is near them.
            _ => Meaning {
                model: Some(identity.to_string()),
                ..Meaning::default()
            },
        })
    }

    /// The model to search: the one in use or, while that has not seen every
    /// document, the built-in one where it has vectors from before. The flag
    /// says which.
    async fn model(
        &self,
        project: i64,
        current: &ModelIdentity,
        old: &ModelIdentity,
    ) -> Result<Option<(i64, bool)>, StoreError> {
        let (current, old) = (current.to_string(), old.to_string());
        self.db
            .read(move |connection| {
                let current_model = embeddings::find_model(connection, &current)?;
                let complete = match current_model {
                    Some(model) => embeddings::is_complete(connection, project, model)?,
                    None => false,
                };
                if !complete
                    && old != current
                    && let Some(old) = embeddings::find_model(connection, &old)?
                    && embeddings::has_any(connection, project, old)?
                {
                    return Ok(Some((old, true)));
                }
                match current_model {
                    Some(model) if embeddings::has_any(connection, project, model)? => {
                        Ok(Some((model, false)))
                    }
                    _ => Ok(None),
                }
            })
            .await
    }
}
