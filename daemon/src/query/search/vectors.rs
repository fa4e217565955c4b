//! The vectors in memory: loaded on first use, brought up to date with each
//! search, dropped when nobody has searched for a while.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::Connection;
use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::meaning::Absence;
use crate::embedding::{Hit, Matrix, Vector};
use crate::store::search_filter::Filters;
use crate::store::search_index::Found;
use crate::store::vectors::{self, Lookup};
use crate::store::{DocumentId, StoreError};

/// After so long without a search of a project, its vectors leave memory.
const IDLE: Duration = Duration::from_mins(10);
/// Nearest pieces that are looked at.
const PIECES: usize = 120;
/// Rows of the matrix that may be gone from the database when it is searched.
const SLACK: usize = 20;
/// Rows that are looked up one by one to see whether they pass.
const ASKED: usize = 4_000;
/// Rows that are compared one by one; where more pass, the whole matrix is gone
/// through.
const COMPARED: usize = 50_000;
/// Rows from which on going through them takes longer than to start a thread.
const BESIDE: usize = 20_000;

/// What is kept in memory between searches of one database: the vectors of all
/// projects, and whether the service that embeds queries is there. Clones share
/// it.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    loaded: Arc<Mutex<HashMap<Key, Slot>>>,
    /// A task waits to drop what is idle.
    watched: Arc<AtomicBool>,
    absence: Absence,
}

/// A project and a model.
type Key = (i64, i64);

#[derive(Debug)]
struct Slot {
    copy: Arc<RwLock<Copy>>,
    used: Instant,
}

/// A copy of the vectors of one project and model, as of some time.
#[derive(Debug, Default)]
struct Copy {
    matrix: Option<Matrix>,
    /// The last vector and the last removal that it knows.
    last: i64,
    last_removal: i64,
}

/// The nearest documents, and the piece of each that is nearest.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    pub(super) found: Vec<Found>,
    pub(super) places: HashMap<DocumentId, Range<usize>>,
}

impl Vectors {
    /// The documents nearest to `query` that pass the filters, and what
    /// `meanwhile` gives, which is done beside it where that is faster.
    pub(super) fn nearest<T>(
        &self,
        connection: &Connection,
        filters: &Filters,
        model: i64,
        query: &Vector,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Nearest, T), StoreError> {
        let copy = self.slot((filters.project, model));
        let rows = {
            let mut copy = copy.write().unwrap_or_else(PoisonError::into_inner);
            copy.catch_up(connection, filters.project, model)?;
            copy.matrix.as_ref().map_or(0, Matrix::len)
        };
        // Nobody else's search waits for what is done meanwhile.
        let read = || copy.read().unwrap_or_else(PoisonError::into_inner);
        let (hits, other) = if filters.is_empty() {
            // Nothing to ask before ranking; rows that went are left out after
            // it.
            let scan = || {
                let copy = read();
                let matrix = copy.matrix.as_ref();
                matrix.map(|matrix| top(matrix, query, PIECES + SLACK, None))
            };
            beside(rows >= BESIDE, scan, meanwhile)
        } else {
            let other = meanwhile();
            let copy = read();
            let matrix = copy.matrix.as_ref();
            let hits = matrix.map(|matrix| passing(connection, matrix, filters, model, query));
            (hits.transpose()?, other)
        };
        let nearest = documents(connection, &hits.unwrap_or_default())?;
        Ok((nearest, other))
    }

    /// Whether the embedding service was there when it was last asked.
    pub(super) fn absence(&self) -> &Absence {
        &self.absence
    }

    /// The memory that is held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let loaded = self.loaded();
        let copies = loaded.values().map(|slot| Arc::clone(&slot.copy));
        let copies: Vec<_> = copies.collect();
        drop(loaded);
        copies
            .iter()
            .filter_map(|copy| {
                let copy = copy.read().unwrap_or_else(PoisonError::into_inner);
                copy.matrix.as_ref().map(Matrix::memory_bytes)
            })
            .sum()
    }

    /// Drops what has not been searched for a while, and looks again later
    /// while there is anything left.
    pub(super) fn drop_when_idle(&self) {
        if self.watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let (loaded, watched) = (Arc::downgrade(&self.loaded), Arc::clone(&self.watched));
        tokio::spawn(async move {
            while let Some(loaded) = loaded.upgrade() {
                {
                    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
                    loaded.retain(|_, slot| slot.used.elapsed() < IDLE);
                    if loaded.is_empty() {
                        watched.store(false, Ordering::Release);
                        return;
                    }
                }
                drop(loaded);
                tokio::time::sleep(IDLE).await;
            }
        });
    }

    fn slot(&self, key: Key) -> Arc<RwLock<Copy>> {
        let mut loaded = self.loaded();
        let slot = loaded.entry(key).or_insert_with(|| Slot {
            copy: Arc::default(),
            used: Instant::now(),
        });
        slot.used = Instant::now();
        Arc::clone(&slot.copy)
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    /// Adds what came and takes away what went since the last time.
    fn catch_up(
        &mut self,
        connection: &Connection,
        project: i64,
        model: i64,
    ) -> Result<(), StoreError> {
        if self.matrix.is_none() {
            self.last_removal = vectors::last_removal(connection)?;
        } else {
            match vectors::removed_after(connection, self.last_removal)? {
                Some(removed) => {
                    for (entry, vector) in removed {
                        if let Some(matrix) = &mut self.matrix {
                            matrix.remove(vector);
                        }
                        self.last_removal = entry;
                    }
                }
                // Some are not known any more: everything anew.
                None => {
                    *self = Self {
                        last_removal: vectors::last_removal(connection)?,
                        ..Self::default()
                    };
                }
            }
        }
        let (matrix, last) = (&mut self.matrix, &mut self.last);
        vectors::after(connection, project, model, *last, |id, bytes| {
            *last = id;
            let Some(vector) = Vector::from_bytes(bytes) else {
                return;
            };
            if matrix.is_none() {
                *matrix = Matrix::new(vector.dimension()).ok();
            }
            if let Some(matrix) = matrix
                && let Err(error) = matrix.set(id, &vector)
            {
                tracing::warn!(id, %error, "a vector cannot be searched");
            }
        })
    }
}

/// Does both, the first on a thread of its own where it is `worth` one.
fn beside<A: Send, B>(
    worth: bool,
    first: impl Fn() -> A + Sync,
    second: impl FnOnce() -> B,
) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("lore-scan".into());
        let other = worth.then(|| thread.spawn_scoped(scope, &first));
        let second = second();
        let first = match other {
            Some(Ok(other)) => other.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Not worth a thread, or there is none to be had.
            Some(Err(_)) | None => first(),
        };
        (first, second)
    })
}

/// The documents of rows that passed the filters, which are not asked again.
fn documents(connection: &Connection, hits: &[Hit]) -> Result<Nearest, StoreError> {
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let mut known = vectors::documents(connection, &ids)?;
    let mut nearest = Nearest::default();
    for hit in hits {
        if let Some((found, at)) = known.remove(&hit.id)
            && !nearest.places.contains_key(&found.document)
        {
            nearest.places.insert(found.document, at);
            nearest.found.push(Found {
                score: f64::from(hit.similarity),
                ..found
            });
        }
    }
    Ok(nearest)
}

/// The nearest rows that pass the filters, the nearest first.
fn passing(
    connection: &Connection,
    matrix: &Matrix,
    filters: &Filters,
    model: i64,
    query: &Vector,
) -> Result<Vec<Hit>, StoreError> {
    if !filters.is_narrow()
        && let Some(hits) = one_by_one(connection, matrix, filters, model, query)?
    {
        return Ok(hits);
    }
    let ids = vectors::passing(connection, filters, model)?;
    if ids.len() > COMPARED {
        let ids: FxHashSet<i64> = ids.into_iter().collect();
        return Ok(top(
            matrix,
            query,
            PIECES,
            Some(&|id: i64| ids.contains(&id)),
        ));
    }
    let mut hits: Vec<Hit> = ids
        .into_iter()
        .filter_map(|id| {
            let similarity = matrix.similarity(query, id).ok()??;
            Some(Hit { id, similarity })
        })
        .collect();
    hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.id.cmp(&b.id)));
    hits.truncate(PIECES);
    Ok(hits)
}

/// The nearest rows, each asked whether it passes where it would come into the
/// answer. `None` where so few pass that asking all at once is cheaper.
fn one_by_one(
    connection: &Connection,
    matrix: &Matrix,
    filters: &Filters,
    model: i64,
    query: &Vector,
) -> Result<Option<Vec<Hit>>, StoreError> {
    let mut left_out = FxHashSet::default();
    for of_one in filters.left_out() {
        left_out.extend(vectors::passing(connection, &of_one, model)?);
    }
    let lookup = Lookup::new(connection, &filters.of_rows())?;
    let asked = Cell::new(0);
    let failed = RefCell::new(None);
    let passes = |id: i64| {
        if asked.get() == ASKED || failed.borrow().is_some() || left_out.contains(&id) {
            return false;
        }
        asked.set(asked.get() + 1);
        lookup.passes(id).unwrap_or_else(|error| {
            failed.replace(Some(error));
            false
        })
    };
    let hits = top(matrix, query, PIECES, Some(&passes));
    match failed.take() {
        Some(error) => Err(error),
        None => Ok((asked.get() < ASKED).then_some(hits)),
    }
}

/// Empty where the query is of another model, which its caller has excluded.
fn top(
    matrix: &Matrix,
    query: &Vector,
    count: usize,
    filter: Option<&dyn Fn(i64) -> bool>,
) -> Vec<Hit> {
    matrix.top_k(query, count, filter).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    #[test]
    fn both_are_done_beside_each_other_only_where_it_is_worth_it() {
        let here = thread::current().id();
        for worth in [false, true] {
            let (first, second) = beside(worth, || thread::current().id(), || 7);
            assert_eq!((first == here, second), (!worth, 7));
        }
    }

    #[test]
    fn a_panic_on_the_other_thread_is_one_of_the_search() {
        let panics = || beside(true, || panic!("here"), || ());
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }
}
