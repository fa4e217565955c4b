//! What changed lately before what did not, where both fit about as well.
//!
//! Only where it is asked for. A discussion that is looked for by what it was
//! about is as good a hit when it is old, and of the labelled sets none tells
//! otherwise; but whoever asks how something stands now wants the newest. Even
//! then it is a mild factor: the oldest hit keeps [`KEPT`] of its score, so that
//! age only ever decides among hits that fit nearly alike.

use rusqlite::Connection;

use super::fuse::{self, Fused};
use crate::store::{StoreError, search_hits};

/// What no age takes of a score.
const KEPT: f64 = 0.8;
/// After so long, half of the rest is gone: half a year, in milliseconds.
const HALF_LIFE: f64 = 182.0 * 86_400_000.0;

/// Takes from each score what its age does, and sorts anew. Age counts back
/// from the newest hit and not from now, so that the same mirror gives the same
/// answer tomorrow.
pub(super) fn prefer(connection: &Connection, fused: &mut [Fused]) -> Result<(), StoreError> {
    let times = fused
        .iter()
        .map(|hit| search_hits::updated_at(connection, hit.item.0, hit.item.1))
        .collect::<Result<Vec<Option<i64>>, _>>()?;
    let Some(newest) = times.iter().flatten().max().copied() else {
        return Ok(());
    };
    for (hit, time) in fused.iter_mut().zip(times) {
        let factor = factor(newest.saturating_sub(time.unwrap_or(0)));
        hit.recency = Some(factor);
        hit.score *= factor;
    }
    fuse::sort(fused);
    Ok(())
}

/// What is left of a score after `age` milliseconds.
fn factor(age: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no age comes near 2^52 ms")]
    let half_lives = age as f64 / HALF_LIFE;
    KEPT + (1.0 - KEPT) * (-half_lives).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_takes_little_and_ever_less() {
        let year = 365 * 86_400_000;
        assert!((factor(0) - 1.0).abs() < 1e-9);
        assert!((factor(year / 2) - 0.9).abs() < 0.001);
        assert!(factor(year) > factor(2 * year));
        assert!(factor(100 * year) >= KEPT);
    }
}
