//! Documents to vectors, batch by batch; each is written under the embed lock.
//!
//! What cannot be embedded now is embedded later: an embedder that is away
//! costs a run a warning and nothing else.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use lore_proto::ErrorCode;
use tokio_util::sync::CancellationToken;

use super::super::{Guard, SyncError};
use super::Stage;
use crate::documents::{embeddable, pieces};
use crate::embedding::{EmbedError, EmbedInput, Embedded, InputError, Provider};
use crate::store::embeddings::{self, Embeddable, Piece};
use crate::store::{DocumentId, LONGEST_WAIT, StoreError, vectors};

/// Documents of one batch: what a cancellation costs, and how long an
/// interactive run waits for the lock.
const BATCH: u32 = 64;
/// After the first failure of a document; doubled with every other one.
const FIRST_BACKOFF: Duration = Duration::from_mins(5);
/// Doublings of it.
const MAX_DOUBLINGS: u32 = 8;
const _: () = assert!(FIRST_BACKOFF.as_secs() << MAX_DOUBLINGS < LONGEST_WAIT.as_secs());
/// Vectors of an old model that one transaction drops.
const DROPPED: u32 = 2_000;

/// Embeds every document of the project that has no vectors of the model in
/// use. Once all have, vectors of other models go.
pub(in crate::sync) async fn due(stage: Stage<'_>) -> Result<(), SyncError> {
    let Some((provider, model)) = stage.model().await? else {
        return Ok(());
    };
    let project = stage.project;
    let db = stage.engine.db();
    let (_, total) = db
        .read(move |connection| embeddings::coverage(connection, project, Some(model)))
        .await?;
    {
        let _guard = stage.lock_vectors().await?;
        db.write(move |tx| embeddings::adopt(tx, project, model))
            .await?;
    }
    let mut done = 0;
    loop {
        let now = stage.engine.clock().now();
        let batch = db
            .read(move |connection| embeddings::due(connection, project, model, now, BATCH))
            .await?;
        if batch.is_empty() {
            break;
        }
        let count = batch.len() as u64;
        if !stage.batch(provider.as_ref(), model, batch).await? {
            return Ok(());
        }
        done += count;
        stage
            .ledger
            .progress("vectors", done, Some(total.max(done)));
    }
    stage.clean_up(model).await
}

/// Embeds exactly these documents; those that have their vectors are left
/// alone.
pub(in crate::sync) async fn exactly(
    stage: Stage<'_>,
    documents: Vec<DocumentId>,
) -> Result<(), SyncError> {
    if documents.is_empty() {
        return Ok(());
    }
    let Some((provider, model)) = stage.model().await? else {
        return Ok(());
    };
    for batch in documents.chunks(BATCH as usize) {
        if !stage
            .batch(provider.as_ref(), model, batch.to_vec())
            .await?
        {
            break;
        }
    }
    Ok(())
}

impl Stage<'_> {
    /// The provider in use and the row of its model; `None` without one, and
    /// where it cannot say which model it has.
    async fn model(&self) -> Result<Option<(Arc<dyn Provider>, i64)>, SyncError> {
        let provider = match self.engine.embedder() {
            Ok(Some(provider)) => provider,
            Ok(None) => return Ok(None),
            Err(error) => return self.away(&error).map(|()| None),
        };
        let identity = match provider.identity(&self.cx.cancel).await {
            Ok(identity) => identity,
            Err(error) => return self.away(&error).map(|()| None),
        };
        let model = self
            .engine
            .db()
            .write(move |tx| -> Result<_, StoreError> {
                embeddings::model(
                    tx,
                    &identity.to_string(),
                    identity.provider,
                    &identity.model,
                    identity.dimension,
                )
            })
            .await?;
        Ok(Some((provider, model)))
    }

    async fn lock_vectors(&self) -> Result<Guard, SyncError> {
        self.turn(&self.engine.sync_locks().embed).await
    }

    /// Embeds a batch. False where the embedder is away. What another run
    /// embeds at the same time is stored once.
    async fn batch(
        &self,
        provider: &dyn Provider,
        model: i64,
        documents: Vec<DocumentId>,
    ) -> Result<bool, SyncError> {
        let db = self.engine.db();
        let documents = db
            .read(move |connection| embeddings::embeddable(connection, &documents, model))
            .await?;
        if self.cx.cancel.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let (places, inputs) = cut(&documents);
        let vectors = match provider.embed(&inputs, &self.cx.cancel).await {
            Ok(vectors) => vectors,
            Err(error) => return self.away(&error).map(|()| false),
        };
        // What is embedded is stored even where the run was cancelled meanwhile;
        // nobody has the lock for long.
        let lock = &self.engine.sync_locks().embed;
        let (priority, run) = (self.cx.priority(), self.ledger.run_id());
        let _guard = lock
            .acquire(priority, run, &CancellationToken::new())
            .await?;
        let now = self.engine.clock().now();
        let (embedded, failed) = db
            .write(move |tx| -> Result<_, StoreError> {
                let mut vectors = vectors.into_iter();
                let (mut embedded, mut failed) = (0, 0);
                for (document, places) in documents.iter().zip(places) {
                    let of_it: Vec<Embedded> = vectors.by_ref().take(places.len()).collect();
                    match in_order(&places, of_it) {
                        Ok(pieces) => {
                            embedded += u64::from(embeddings::put(tx, model, document, &pieces)?);
                        }
                        Err(error) => {
                            failed += 1;
                            let attempts = embeddings::attempts(tx, model, document.document)?;
                            let wait = FIRST_BACKOFF * (1 << attempts.min(MAX_DOUBLINGS));
                            let next = now.checked_add(wait).unwrap_or(jiff::Timestamp::MAX);
                            let message = error.to_string();
                            embeddings::fail(tx, model, document.document, &message, next)?;
                        }
                    }
                }
                Ok((embedded, failed))
            })
            .await?;
        self.ledger
            .count(|counters| counters.docs_embedded += embedded);
        if failed > 0 {
            self.ledger.warn(
                ErrorCode::EmbedderUnavailable,
                format!("{failed} documents could not be embedded and will be tried again"),
            );
        }
        Ok(true)
    }

    /// Ends a run that was cancelled, and warns of anything else.
    fn away(&self, error: &EmbedError) -> Result<(), SyncError> {
        if matches!(error, EmbedError::Cancelled) {
            return Err(SyncError::Cancelled);
        }
        self.ledger.warn(
            error.code(),
            format!(
                "{error}; {}. Search goes on with words and the vectors that there are",
                error.cure()
            ),
        );
        Ok(())
    }

    /// Drops what a complete set of vectors makes useless.
    async fn clean_up(&self, model: i64) -> Result<(), SyncError> {
        let project = self.project;
        let db = self.engine.db();
        let complete = db
            .read(move |connection| embeddings::is_complete(connection, project, model))
            .await?;
        if !complete {
            return Ok(());
        }
        loop {
            let _guard = self.lock_vectors().await?;
            let more = db
                .write(move |tx| -> Result<_, StoreError> {
                    vectors::forget_removals(tx)?;
                    embeddings::drop_others(tx, project, model, DROPPED)
                })
                .await?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// The pieces of each document, and of all of them what is embedded, in order.
fn cut(documents: &[Embeddable]) -> (Vec<Vec<Range<usize>>>, Vec<EmbedInput>) {
    let mut inputs = Vec::new();
    let places = documents
        .iter()
        .map(|document| {
            let places = pieces(&document.body);
            for place in &places {
                let text = embeddable(&document.body[place.clone()]);
                inputs.push(EmbedInput::document(&document.title, text));
            }
            places
        })
        .collect();
    (places, inputs)
}

/// A document's vectors beside their places; a piece without a word that the
/// model knows has none. The first other error is the document's.
fn in_order(places: &[Range<usize>], vectors: Vec<Embedded>) -> Result<Vec<Piece>, InputError> {
    let mut pieces = Vec::with_capacity(places.len());
    for (at, vector) in places.iter().zip(vectors) {
        match vector {
            Ok(vector) => pieces.push(Piece {
                at: at.clone(),
                vector: vector.to_bytes(),
            }),
            Err(InputError::Empty) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pieces)
}
