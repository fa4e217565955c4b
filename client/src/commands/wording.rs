//! Wording that several commands share.

use lore_proto::Timestamp;
use lore_proto::project::Freshness;
use lore_proto::sync::{CompletionStatus, Counters, RunResult, RunStatus};

use crate::output::paint::Paint;
use crate::output::{text, time};

/// How current the mirror is: `synced 4 minutes ago`.
pub(super) fn mirror_state(freshness: Option<&Freshness>, now: Timestamp) -> String {
    let Some(freshness) = freshness else {
        return "freshness unknown".to_owned();
    };
    synced(freshness.last_synced_at, freshness.complete, now)
}

/// The same from its parts.
pub(super) fn synced(last: Option<Timestamp>, complete: bool, now: Timestamp) -> String {
    match (last, complete) {
        (None, _) => "first sync not finished".to_owned(),
        (Some(at), true) => format!("synced {}", time::ago(at, now)),
        (Some(at), false) => format!("synced {}, not complete yet", time::ago(at, now)),
    }
}

/// When the timer syncs next: `in 4 minutes`.
pub(super) fn next_timer(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        None => "off".to_owned(),
        Some(at) if at <= now => "due now".to_owned(),
        Some(at) if at.as_second() - now.as_second() < 5 => "in a few seconds".to_owned(),
        Some(at) => time::ago(at, now),
    }
}

/// How many more there are and how to see them; `None` where there are none.
pub(super) fn more_line(remaining: u64, total: u64, next_cursor: Option<&str>) -> Option<String> {
    let cursor = crate::output::sanitise::line(next_cursor?);
    Some(format!(
        "{remaining} more of {total}: --limit {}, or --cursor {cursor}",
        total.min(1_000)
    ))
}

/// An item's state in its colour.
pub(super) fn state_word(state: &str, paint: Paint) -> String {
    match state {
        "opened" => paint.good(state),
        "merged" => paint.past(state),
        "closed" => paint.bad(state),
        other => paint.warn(crate::output::sanitise::line(other)),
    }
}

/// The same for a table's cell, whose text may say more than the state.
pub(super) fn paint_state(paint: Paint, cell: &str) -> String {
    match cell.split(' ').next() {
        Some("opened") => paint.good(cell),
        Some("merged") => paint.past(cell),
        Some("closed") => paint.bad(cell),
        _ => paint.warn(cell),
    }
}

/// How a run stands, in a word or two.
pub(super) fn run_word(run: &RunResult) -> &'static str {
    match (run.status, run.completion_status) {
        (RunStatus::Running, _) => "running",
        (_, Some(CompletionStatus::SucceededWithWarnings)) => "warnings",
        (RunStatus::Succeeded, _) => "succeeded",
        (RunStatus::Failed, _) => "failed",
        (RunStatus::Cancelled, _) => "cancelled",
    }
}

/// How long a run took, or takes by now: a run that goes on is written down
/// with each of its phases alone.
pub(super) fn elapsed_ms(run: &RunResult, now: Timestamp) -> u64 {
    if run.status != RunStatus::Running {
        return run.elapsed_ms;
    }
    let by_now = now.as_millisecond() - run.started_at.as_millisecond();
    u64::try_from(by_now).unwrap_or(0).max(run.elapsed_ms)
}

/// That word's colour.
pub(super) fn paint_run_word(paint: Paint, word: &str) -> String {
    match word.trim_end() {
        "succeeded" => paint.good(word),
        "warnings" | "running" | "queued" => paint.warn(word),
        "failed" => paint.bad(word),
        _ => paint.past(word),
    }
}

/// What was written: `12 issues, 3 merge requests`.
pub(super) fn changed(counters: &Counters) -> String {
    let parts: Vec<String> = [
        (counters.issues_ingested, "issue"),
        (counters.mrs_ingested, "merge request"),
        (counters.notes_ingested, "note"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, noun)| text::count(number, noun))
    .chain((counters.deleted > 0).then(|| format!("{} gone", text::thousands(counters.deleted))))
    .collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_due_is_not_in_the_past() {
        let now = "2026-06-15T12:00:00Z".parse().unwrap();
        for (at, shown) in [
            (None, "off"),
            (Some("2026-06-15T11:59:00Z"), "due now"),
            (Some("2026-06-15T12:00:00Z"), "due now"),
            (Some("2026-06-15T12:00:03Z"), "in a few seconds"),
            (Some("2026-06-15T12:00:40Z"), "in 40 seconds"),
            (Some("2026-06-15T12:05:00Z"), "in 5 minutes"),
        ] {
            let at = at.map(|at| at.parse().unwrap());
            assert_eq!(next_timer(at, now), shown, "{at:?}");
        }
    }
}
