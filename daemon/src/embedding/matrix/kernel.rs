//! The inner loop: one query against a block of rows.
//!
//! It is plain Rust, compiled once for each of several instruction sets; which
//! one runs is chosen at run time by what the processor has.

use multiversion::multiversion;

/// Writes to `scores` the dot product of `query` with each row of `rows`,
/// which stand one behind the other. Components are from -127 to 127, so that
/// an i32 holds the sum of [`super::MAX_DIMENSION`] products.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx2+fma",
    "x86_64+avx2+fma",
    "x86_64+sse4.1",
    "aarch64+neon",
))]
pub(super) fn dot_products(query: &[i16], rows: &[i8], scores: &mut [i32]) {
    for (score, row) in scores.iter_mut().zip(rows.chunks_exact(query.len())) {
        // Widened to 16 bits on one side, this is the multiply-and-add-pairs
        // instruction that every one of the sets has. A loop: the body of a
        // closure may be compiled on its own, for the least of them.
        let mut sum = 0;
        for (a, b) in row.iter().zip(query) {
            sum += i32::from(i16::from(*a)) * i32::from(*b);
        }
        *score = sum;
    }
}
