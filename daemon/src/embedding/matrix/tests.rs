use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Hit, Matrix, MatrixError, ROWS_AT_ONCE};
use crate::embedding::Vector;

fn random(rng: &mut StdRng, dimension: usize) -> Vector {
    let components: Vec<f32> = (0..dimension)
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    Vector::quantise(&components).unwrap()
}

fn matrix_of(vectors: &[(i64, Vector)]) -> Matrix {
    let mut matrix = Matrix::new(vectors[0].1.dimension()).unwrap();
    for (id, vector) in vectors {
        matrix.set(*id, vector).unwrap();
    }
    matrix
}

/// What a search has to answer, by sorting everything.
fn sorted(vectors: &[(i64, Vector)], query: &Vector, keep: impl Fn(i64) -> bool) -> Vec<i64> {
    let mut all: Vec<(f32, i64)> = vectors
        .iter()
        .filter(|(id, _)| keep(*id))
        .map(|(id, vector)| (vector.similarity(query).unwrap(), *id))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().map(|(_, id)| id).collect()
}

fn ids(hits: &[Hit]) -> Vec<i64> {
    hits.iter().map(|hit| hit.id).collect()
}

#[test]
fn the_nearest_rows_are_those_that_sorting_everything_finds() {
    let mut rng = StdRng::seed_from_u64(1);
    // Odd dimensions leave a rest behind every vector register.
    for (dimension, rows) in [(256, 5_000), (3, 500), (67, 300), (1024, 1_100)] {
        let vectors: Vec<(i64, Vector)> = (0..rows)
            .map(|id| (id * 7 - 50, random(&mut rng, dimension)))
            .collect();
        let matrix = matrix_of(&vectors);
        for k in [1, 10, ROWS_AT_ONCE + 1] {
            let query = random(&mut rng, dimension);
            let found = matrix.top_k(&query, k, None).unwrap();
            let expected = sorted(&vectors, &query, |_| true);
            assert_eq!(found.len(), k);
            // Rounding may swap neighbours; their scores then are all but equal.
            for (hit, id) in found.iter().zip(expected) {
                let expected = matrix.similarity(&query, id).unwrap().unwrap();
                assert!((hit.similarity - expected).abs() < 1e-6, "{dimension} {k}");
            }
        }
    }
}

#[test]
fn a_filter_never_starves_the_answer() {
    let mut rng = StdRng::seed_from_u64(2);
    let vectors: Vec<(i64, Vector)> = (0..2_000).map(|id| (id, random(&mut rng, 16))).collect();
    let matrix = matrix_of(&vectors);
    let query = random(&mut rng, 16);
    // The ten farthest of all, which no cut before filtering would keep.
    let order = sorted(&vectors, &query, |_| true);
    let far = &order[order.len() - 10..];
    let hits = matrix
        .top_k(&query, 10, Some(&|id| far.contains(&id)))
        .unwrap();
    assert_eq!(ids(&hits), far);
    let none = matrix.top_k(&query, 10, Some(&|_| false)).unwrap();
    assert_eq!(none, []);
}

#[test]
fn equally_near_rows_come_by_their_ids_whatever_the_order_of_adding() {
    let vector = Vector::quantise(&[1.0, 2.0]).unwrap();
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2]] {
        let rows: Vec<(i64, Vector)> = order.iter().map(|id| (*id, vector.clone())).collect();
        let hits = matrix_of(&rows).top_k(&vector, 2, None).unwrap();
        assert_eq!(ids(&hits), [1, 2]);
        assert!((hits[0].similarity - 1.0).abs() < 1e-6);
    }
}

#[test]
fn changing_rows_one_by_one_leaves_what_building_anew_would() {
    let mut rng = StdRng::seed_from_u64(3);
    let pool: Vec<Vector> = (0..8).map(|_| random(&mut rng, 16)).collect();
    let mut matrix = Matrix::new(16).unwrap();
    // So few that every border between blocks is crossed.
    matrix.rows_per_block = 4;
    let mut truth: std::collections::BTreeMap<i64, Vector> = std::collections::BTreeMap::new();
    for step in 0..400 {
        let id = rng.random_range(0..24);
        if rng.random_bool(0.4) {
            assert_eq!(matrix.remove(id), truth.remove(&id).is_some(), "{step}");
        } else {
            let vector = pool[rng.random_range(0..pool.len())].clone();
            matrix.set(id, &vector).unwrap();
            truth.insert(id, vector);
        }
        assert_eq!(matrix.len(), truth.len());
    }
    let vectors: Vec<(i64, Vector)> = truth.into_iter().collect();
    for query in &pool {
        let hits = matrix.top_k(query, 24, None).unwrap();
        let rebuilt = matrix_of(&vectors).top_k(query, 24, None).unwrap();
        assert_eq!(hits, rebuilt);
    }
    for (id, _) in vectors {
        assert!(matrix.remove(id));
    }
    assert!(matrix.is_empty());
    assert_eq!(matrix.top_k(&pool[0], 3, None).unwrap(), []);
}

#[test]
fn a_row_that_is_set_again_is_found_by_its_new_vector_alone() {
    let right = Vector::quantise(&[1.0, 0.0]).unwrap();
    let up = Vector::quantise(&[0.0, 1.0]).unwrap();
    let mut matrix = matrix_of(&[(7, right.clone())]);
    matrix.set(7, &up).unwrap();
    assert_eq!(matrix.len(), 1);
    assert_eq!(matrix.similarity(&up, 7), Ok(Some(1.0)));
    assert_eq!(matrix.similarity(&right, 7), Ok(Some(0.0)));
    assert_eq!(matrix.similarity(&right, 8), Ok(None));
}

#[test]
fn vectors_of_another_dimension_are_refused() {
    let mut matrix = Matrix::new(3).unwrap();
    let wrong = Vector::quantise(&[1.0]).unwrap();
    let mismatch = MatrixError::DimensionMismatch {
        expected: 3,
        found: 1,
    };
    assert_eq!(matrix.set(1, &wrong), Err(mismatch));
    assert_eq!(matrix.top_k(&wrong, 1, None), Err(mismatch));
    for dimension in [0, super::MAX_DIMENSION + 1] {
        assert_eq!(
            Matrix::new(dimension).unwrap_err(),
            MatrixError::Dimension(dimension)
        );
    }
}

#[test]
fn the_largest_sum_that_can_occur_does_not_overflow() {
    let full = Vector::quantise(&vec![1.0; super::MAX_DIMENSION]).unwrap();
    let matrix = matrix_of(&[(1, full.clone())]);
    let hits = matrix.top_k(&full, 1, None).unwrap();
    assert!((hits[0].similarity - 1.0).abs() < 1e-3, "{hits:?}");
}

#[test]
fn asking_for_none_or_for_more_than_there_are_is_no_error() {
    let vector = Vector::quantise(&[1.0, 2.0]).unwrap();
    let matrix = matrix_of(&[(1, vector.clone())]);
    assert_eq!(matrix.top_k(&vector, 0, None).unwrap(), []);
    assert_eq!(matrix.top_k(&vector, usize::MAX, None).unwrap().len(), 1);
}

#[test]
fn memory_is_stated_and_near_to_what_the_rows_need() {
    let mut rng = StdRng::seed_from_u64(4);
    let vectors: Vec<(i64, Vector)> = (0..20_000).map(|id| (id, random(&mut rng, 256))).collect();
    let matrix = matrix_of(&vectors);
    let bytes = matrix.memory_bytes();
    assert!((20_000 * 256..20_000 * 340).contains(&bytes), "{bytes}");
}
