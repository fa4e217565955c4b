//! The least that a search of vectors can do: every product of the same bytes,
//! with nothing kept but the largest.

use multiversion::multiversion;

/// The largest product of `query` with a row of `rows`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx2+fma",
    "x86_64+avx2+fma",
    "x86_64+sse4.1",
    "aarch64+neon",
))]
pub(crate) fn largest_product(query: &[i16], rows: &[i8]) -> i32 {
    let mut largest = i32::MIN;
    for row in rows.chunks_exact(query.len()) {
        let mut product = 0;
        for (a, b) in row.iter().zip(query) {
            product += i32::from(i16::from(*a)) * i32::from(*b);
        }
        largest = largest.max(product);
    }
    largest
}
