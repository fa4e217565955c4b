//! Recall and reciprocal ranks of rankings, and how sure a difference is.

use std::collections::HashSet;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::report::number;

/// Resamplings of an interval.
const RESAMPLINGS: usize = 2_000;

/// Of one question: recall at 1, recall at 10, reciprocal rank within 10.
pub(crate) type Figure = [f64; 3];

/// The figure of a ranking, the best first.
pub(crate) fn figure(ranking: &[usize], relevant: &HashSet<usize>) -> Figure {
    let all = number(relevant.len() as u64).max(1.0);
    let within = |k: usize| {
        let found = ranking.iter().take(k).filter(|id| relevant.contains(*id));
        number(found.count() as u64) / all
    };
    let mut first_ten = ranking.iter().take(10);
    let first = first_ten.position(|id| relevant.contains(id));
    [
        within(1),
        within(10),
        first.map_or(0.0, |place| 1.0 / number(place as u64 + 1)),
    ]
}

/// The mean of one of the three.
pub(crate) fn mean(figures: &[Figure], of: usize) -> f64 {
    let sum: f64 = figures.iter().map(|figure| figure[of]).sum();
    sum / number(figures.len() as u64).max(1.0)
}

/// The 95 % interval of `own - base` in the mean of one of the three, by paired
/// bootstrap over the questions.
pub(crate) fn interval(own: &[Figure], base: &[Figure], of: usize) -> (f64, f64) {
    let differences: Vec<f64> = own.iter().zip(base).map(|(a, b)| a[of] - b[of]).collect();
    if differences.is_empty() {
        return (0.0, 0.0);
    }
    let mut random = StdRng::seed_from_u64(1);
    let mut means: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let draws = (0..differences.len())
                .map(|_| differences[random.random_range(0..differences.len())]);
            draws.sum::<f64>() / number(differences.len() as u64)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let edge = RESAMPLINGS / 40;
    (means[edge], means[RESAMPLINGS - 1 - edge])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_counts_what_is_among_the_first() {
        let relevant = HashSet::from([3, 4]);
        let late: Vec<usize> = (10..20).chain([3]).collect();
        for (ranking, expected) in [
            (vec![3, 9, 4], [0.5, 1.0, 1.0]),
            (vec![9, 9, 4], [0.0, 0.5, 1.0 / 3.0]),
            (late, [0.0, 0.0, 0.0]),
        ] {
            let found = figure(&ranking, &relevant);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
            assert!(
                found.iter().zip(&expected).all(near),
                "{ranking:?}: {found:?}"
            );
        }
    }

    #[test]
    fn an_interval_holds_the_difference_and_one_of_equals_is_empty() {
        let own: Vec<Figure> = (0..100).map(|n| [0.0, 0.0, f64::from(n % 3)]).collect();
        let base = vec![[0.0; 3]; 100];
        let (low, high) = interval(&own, &base, 2);
        assert!(
            low < 0.99 && 0.99 < high && high - low < 0.5,
            "{low} {high}"
        );
        assert_eq!(interval(&own, &own, 2), (0.0, 0.0));
    }
}
