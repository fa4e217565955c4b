//! Many vectors in memory, and the nearest of them to one.
//!
//! The rows stand in blocks of fixed size, so that growing never copies what
//! is there, and a row that goes is replaced by the last one, so that nothing
//! is ever compacted or built anew. Every search looks at every row: at 256
//! dimensions this is bound by how fast memory can be read.

mod best;
mod kernel;
#[cfg(test)]
mod tests;

use std::fmt;

use rustc_hash::FxHashMap;

use self::best::Best;
use super::vector::Vector;

/// The highest dimension: more products could overflow the sum.
pub const MAX_DIMENSION: usize = 65_536;
/// The size of a block of rows: large enough that the hardware reads ahead,
/// small enough that the last, half-empty one is no loss.
const BLOCK_BYTES: usize = 1 << 20;
/// Rows whose scores are computed before any is looked at: small enough that
/// rows and scores stay in the nearest cache.
const ROWS_AT_ONCE: usize = 64;

/// Vectors of one model, each under an id of the caller's.
///
/// Memory: [`Matrix::memory_bytes`]; with 256 dimensions about 300 bytes a row.
pub struct Matrix {
    dimension: usize,
    rows_per_block: usize,
    /// Full but for the last, which holds the rest.
    blocks: Vec<Vec<i8>>,
    /// The id of each row.
    ids: Vec<i64>,
    /// One through the length of each row, which makes a dot product a cosine.
    inverse_lengths: Vec<f32>,
    rows: FxHashMap<i64, u32>,
}

/// A row near to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The id under which the row was added.
    pub id: i64,
    /// The cosine, from -1 to 1.
    pub similarity: f32,
}

/// Why a vector does not go into a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The dimension is zero or above [`MAX_DIMENSION`].
    #[error("vectors of {0} dimensions cannot be searched; 1 to {MAX_DIMENSION} can")]
    Dimension(usize),
    /// The vector is of another model.
    #[error("a vector of {found} dimensions among vectors of {expected}")]
    DimensionMismatch {
        /// The matrix's dimension.
        expected: usize,
        /// The vector's dimension.
        found: usize,
    },
    /// There are as many rows as can be counted.
    #[error("the search matrix is full")]
    Full,
}

impl Matrix {
    /// An empty matrix for vectors of `dimension` components.
    pub fn new(dimension: usize) -> Result<Self, MatrixError> {
        if dimension == 0 || dimension > MAX_DIMENSION {
            return Err(MatrixError::Dimension(dimension));
        }
        Ok(Self {
            dimension,
            rows_per_block: (BLOCK_BYTES / dimension).max(1),
            blocks: Vec::new(),
            ids: Vec::new(),
            inverse_lengths: Vec::new(),
            rows: FxHashMap::default(),
        })
    }

    /// How many components each vector has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether there is a row under `id`.
    pub fn contains(&self, id: i64) -> bool {
        self.rows.contains_key(&id)
    }

    /// The memory that is held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Vec::capacity).sum();
        // A hash table has a byte of its own for each place.
        let place = size_of::<(i64, u32)>() + 1;
        blocks
            + self.ids.capacity() * size_of::<i64>()
            + self.inverse_lengths.capacity() * size_of::<f32>()
            + self.rows.capacity() * 8 / 7 * place
    }

    /// Puts `vector` under `id`, in place of what was there.
    pub fn set(&mut self, id: i64, vector: &Vector) -> Result<(), MatrixError> {
        self.check(vector)?;
        let inverse_length = 1.0 / vector.length();
        if let Some(row) = self.rows.get(&id) {
            let row = *row as usize;
            let (block, within) = self.place(row);
            self.blocks[block][within].copy_from_slice(vector.components());
            self.inverse_lengths[row] = inverse_length;
            return Ok(());
        }
        let row = u32::try_from(self.len()).map_err(|_| MatrixError::Full)?;
        if self.len().is_multiple_of(self.rows_per_block) {
            let bytes = self.rows_per_block * self.dimension;
            self.blocks.push(Vec::with_capacity(bytes));
        }
        if let Some(last) = self.blocks.last_mut() {
            last.extend_from_slice(vector.components());
        }
        self.ids.push(id);
        self.inverse_lengths.push(inverse_length);
        self.rows.insert(id, row);
        Ok(())
    }

    /// Takes the row under `id` away. Returns whether there was one.
    pub fn remove(&mut self, id: i64) -> bool {
        let Some(row) = self.rows.remove(&id) else {
            return false;
        };
        let row = row as usize;
        let last = self.len() - 1;
        if row != last {
            let (from, source) = self.place(last);
            let (to, target) = self.place(row);
            if from == to {
                self.blocks[to].copy_within(source, target.start);
            } else {
                let (front, back) = self.blocks.split_at_mut(from);
                front[to][target].copy_from_slice(&back[0][source]);
            }
            // The row is below the last one, whose number fits an u32.
            #[expect(clippy::cast_possible_truncation, reason = "said above")]
            self.rows.insert(self.ids[last], row as u32);
        }
        self.ids.swap_remove(row);
        self.inverse_lengths.swap_remove(row);
        if let Some(block) = self.blocks.last_mut() {
            block.truncate(block.len() - self.dimension);
            if block.is_empty() {
                self.blocks.pop();
            }
        }
        true
    }

    /// The `k` rows nearest to `query` among those that `filter` lets through,
    /// the nearest first, of equally near ones the lower id first. A filter
    /// does not shorten the answer while enough rows pass it. It is asked only
    /// of rows that would come into the answer.
    pub fn top_k(
        &self,
        query: &Vector,
        k: usize,
        filter: Option<&dyn Fn(i64) -> bool>,
    ) -> Result<Vec<Hit>, MatrixError> {
        self.check(query)?;
        let mut best = Best::new(k.min(self.len()));
        let components: Vec<i16> = query.components().iter().map(|x| i16::from(*x)).collect();
        let inverse = 1.0 / query.length();
        let mut dots = [0_i32; ROWS_AT_ONCE];
        let mut row = 0;
        for block in &self.blocks {
            for part in block.chunks(ROWS_AT_ONCE * self.dimension) {
                let count = part.len() / self.dimension;
                let dots = &mut dots[..count];
                kernel::dot_products(&components, part, dots);
                let lengths = &self.inverse_lengths[row..row + count];
                for (offset, (dot, length)) in dots.iter().zip(lengths).enumerate() {
                    let similarity = cosine(*dot, *length, inverse);
                    if similarity < best.threshold() {
                        continue;
                    }
                    let id = self.ids[row + offset];
                    let hit = Hit { id, similarity };
                    if best.admits(&hit) && filter.is_none_or(|passes| passes(id)) {
                        best.put(hit);
                    }
                }
                row += count;
            }
        }
        Ok(best.into_sorted())
    }

    /// How near the row under `id` is to `query`; `None` where there is none.
    pub fn similarity(&self, query: &Vector, id: i64) -> Result<Option<f32>, MatrixError> {
        self.check(query)?;
        let Some(row) = self.rows.get(&id) else {
            return Ok(None);
        };
        let row = *row as usize;
        let (block, within) = self.place(row);
        let pairs = self.blocks[block][within].iter().zip(query.components());
        let dot: i32 = pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        Ok(Some(cosine(
            dot,
            self.inverse_lengths[row],
            1.0 / query.length(),
        )))
    }

    fn check(&self, vector: &Vector) -> Result<(), MatrixError> {
        if vector.dimension() == self.dimension {
            return Ok(());
        }
        Err(MatrixError::DimensionMismatch {
            expected: self.dimension,
            found: vector.dimension(),
        })
    }

    /// The block of a row and where the row is in it.
    fn place(&self, row: usize) -> (usize, std::ops::Range<usize>) {
        let start = row % self.rows_per_block * self.dimension;
        (row / self.rows_per_block, start..start + self.dimension)
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrix")
            .field("dimension", &self.dimension)
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

/// One formula for every caller, so that a score is the same to the last bit
/// wherever it is shown.
#[expect(
    clippy::cast_precision_loss,
    reason = "below 2^24 for the dimensions in use, and rounded like any cosine above"
)]
fn cosine(dot: i32, inverse_of_row: f32, inverse_of_query: f32) -> f32 {
    dot as f32 * inverse_of_row * inverse_of_query
}
