//! The vector of a query, of the model whose vectors can be searched now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Searcher;
use crate::embedding::{Builtin, EmbedError, EmbedInput, ModelIdentity, Provider, Vector};
use crate::store::{StoreError, embeddings};

/// How long a service may take to embed a query before words go alone.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a service that failed is not asked again by a search.
const ABSENT: Duration = Duration::from_secs(15);

/// What a query means, or why that is not known.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// The model's row, and the query in it.
    pub(super) vector: Option<(i64, Vector)>,
    /// The model's identity.
    pub(super) model: Option<String>,
    /// Why there is no vector, where there should be one.
    error: Option<WireError>,
    /// Why the vector is not of the model in use.
    instead: Option<WireError>,
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
        if let Some(error) = &self.instead {
            return Some(format!(
                "searched with the vectors of the built-in model, which stand from before: {}",
                error.message
            ));
        }
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
    /// The vector of `text`: of the model in use or, where that cannot be asked
    /// now, of the built-in one where it has vectors from before.
    pub(super) async fn meaning(&self, project: i64, text: &EmbedInput) -> Meaning {
        let provider = match &self.embedder {
            Ok(Some(provider)) => Arc::clone(provider),
            Ok(None) => {
                let message = "the config has `embedding.provider = \"none\"`, so words alone can be searched; `builtin` needs no service";
                return Meaning::failed(WireError::new(ErrorCode::EmbedderUnavailable, message));
            }
            Err(error) => return self.without(project, text, error.into()).await,
        };
        let absence = self.vectors.absence();
        if let Some(error) = absence.of(&provider) {
            return self.without(project, text, error).await;
        }
        let cancel = CancellationToken::new();
        let _give_up = cancel.clone().drop_guard();
        let work = self.embedded(project, &provider, text, &cancel);
        let error = match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(meaning)) => return meaning,
            Ok(Err(error)) => error,
            Err(_) => WireError::new(
                ErrorCode::EmbedderUnavailable,
                format!(
                    "the embedding service did not answer within {} s",
                    PATIENCE.as_secs()
                ),
            ),
        };
        if matches!(
            error.code,
            ErrorCode::EmbedderUnavailable | ErrorCode::EmbedderModelMissing
        ) {
            absence.note(provider, error.clone());
        }
        self.without(project, text, error).await
    }

    async fn embedded(
        &self,
        project: i64,
        provider: &Arc<dyn Provider>,
        text: &EmbedInput,
        cancel: &CancellationToken,
    ) -> Result<Meaning, WireError> {
        let wire = |error: EmbedError| WireError::from(&error);
        let identity = provider.identity_now(cancel).await.map_err(wire)?;
        let old = Builtin.identity(cancel).await.map_err(wire)?;
        match self.model(project, &identity, &old).await? {
            Some((model, true)) => vector(&Builtin, model, &old, text, cancel).await,
            Some((model, false)) => vector(provider.as_ref(), model, &identity, text, cancel).await,
            // Nothing is embedded yet; the coverage says so.
            None => Ok(Meaning::default()),
        }
    }

    /// The vector of `text` where the model in use is out of reach because of
    /// `error`.
    async fn without(&self, project: i64, text: &EmbedInput, error: WireError) -> Meaning {
        match self.by_builtin(project, text).await {
            Ok(Some(meaning)) => Meaning {
                instead: Some(error),
                ..meaning
            },
            Ok(None) => Meaning::failed(error),
            Err(of_builtin) => {
                tracing::warn!(error = %of_builtin.message, "the built-in model does not stand in");
                Meaning::failed(error)
            }
        }
    }

    /// The vector of `text` of the built-in model, which can always be asked;
    /// `None` where a project has no vectors of it.
    async fn by_builtin(
        &self,
        project: i64,
        text: &EmbedInput,
    ) -> Result<Option<Meaning>, WireError> {
        let cancel = CancellationToken::new();
        let identity = Builtin.identity(&cancel).await;
        let identity = identity.map_err(|error| WireError::from(&error))?;
        let name = identity.to_string();
        let model = self
            .db
            .read(move |connection| -> Result<_, StoreError> {
                let Some(model) = embeddings::find_model(connection, &name)? else {
                    return Ok(None);
                };
                Ok(embeddings::has_any(connection, project, model)?.then_some(model))
            })
            .await?;
        match model {
            Some(model) => vector(&Builtin, model, &identity, text, &cancel)
                .await
                .map(Some),
            None => Ok(None),
        }
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

async fn vector(
    provider: &dyn Provider,
    model: i64,
    identity: &ModelIdentity,
    text: &EmbedInput,
    cancel: &CancellationToken,
) -> Result<Meaning, WireError> {
    let vectors = provider.embed_now(std::slice::from_ref(text), cancel).await;
    let vector = vectors.map_err(|error| WireError::from(&error))?.pop();
    Ok(Meaning {
        // Without one the model knows none of the words: nothing is near them.
        vector: vector.and_then(Result::ok).map(|vector| (model, vector)),
        model: Some(identity.to_string()),
        ..Meaning::default()
    })
}

/// That a service did not answer, remembered for a while, so that not every
/// search waits for it. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Absence(Arc<Mutex<Option<Absent>>>);

#[derive(Debug)]
struct Absent {
    provider: Arc<dyn Provider>,
    until: Instant,
    error: WireError,
}

impl Absence {
    /// Why `provider` is not asked now.
    fn of(&self, provider: &Arc<dyn Provider>) -> Option<WireError> {
        let absent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = absent.as_ref()?;
        let same = std::ptr::addr_eq(Arc::as_ptr(&absent.provider), Arc::as_ptr(provider));
        (same && Instant::now() < absent.until).then(|| absent.error.clone())
    }

    fn note(&self, provider: Arc<dyn Provider>, error: WireError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Absent {
            provider,
            until: Instant::now() + ABSENT,
            error,
        });
    }
}
