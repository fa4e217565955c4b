//! What a run has come to, between two writes of it.

use std::collections::HashSet;

use lore_proto::sync::{Counters, EntityStatus, EntityType, Phase, RunMode, StageTimings};
use tokio::time::Instant;

use crate::store::runs::{EntityRow, Progress};

/// Sentences that a run's row keeps; further warnings are counted.
pub(super) const MAX_WARNINGS: usize = 200;
/// Items that wait in memory for the next write.
const MAX_BUFFERED: usize = 256;

/// See the module.
pub(super) struct State {
    pub(super) project_id: Option<i64>,
    pub(super) phase: Phase,
    pub(super) counters: Counters,
    pub(super) unwritten: Vec<EntityRow>,
    /// Somebody is on the way to write `unwritten`.
    pub(super) flush_asked: bool,
    /// Nothing is recorded any more, or not yet.
    pub(super) ended: bool,
    phase_began: Instant,
    timings: StageTimings,
    warnings: Vec<String>,
    warned: u64,
    /// Stages that failed and were not done since.
    failed: HashSet<(EntityType, u64, &'static str)>,
}

impl State {
    /// A run in `preflight` whose row is not written yet.
    pub(super) fn new(project_id: Option<i64>) -> Self {
        Self {
            project_id,
            phase: Phase::Preflight,
            counters: Counters::default(),
            unwritten: Vec::new(),
            flush_asked: false,
            ended: true,
            phase_began: Instant::now(),
            timings: StageTimings::default(),
            warnings: Vec::new(),
            warned: 0,
            failed: HashSet::new(),
        }
    }

    /// Keeps a sentence for a person, while there is room, and counts it.
    pub(super) fn warn(&mut self, message: &str) {
        self.warned += 1;
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(message.to_owned());
        }
    }

    /// Takes in how a stage of an item ended; false where a run of this mode
    /// keeps no such row.
    pub(super) fn entity(&mut self, mode: RunMode, row: &EntityRow) -> bool {
        let key = (row.entity_type, row.iid, row.stage);
        let cured = match row.status {
            EntityStatus::Failed | EntityStatus::Timeout => {
                self.failed.insert(key);
                false
            }
            _ => self.failed.remove(&key),
        };
        let routine = row.status == EntityStatus::Ok && !cured && mode == RunMode::Standard;
        if self.ended || routine {
            return false;
        }
        self.unwritten.push(row.clone());
        true
    }

    /// True once for each time that enough waits to be written at once.
    pub(super) fn asks_for_a_flush(&mut self) -> bool {
        let asks = self.unwritten.len() >= MAX_BUFFERED && !self.flush_asked;
        self.flush_asked |= asks;
        asks
    }

    /// Adds the time of the phase that goes on, up to now.
    pub(super) fn close_phase(&mut self) {
        let now = Instant::now();
        let spent = now.duration_since(self.phase_began).as_millis();
        let spent = u64::try_from(spent).unwrap_or(u64::MAX);
        self.phase_began = now;
        let slot = match self.phase {
            Phase::Preflight => &mut self.timings.preflight,
            Phase::Fetch => &mut self.timings.fetch,
            Phase::Ingest => &mut self.timings.ingest,
            Phase::Dependents => &mut self.timings.dependents,
            Phase::Docs => &mut self.timings.docs,
            Phase::Embed => &mut self.timings.embed,
            Phase::Done | Phase::Failed | Phase::Cancelled => return,
        };
        *slot = slot.saturating_add(spent);
    }

    /// What a heartbeat writes.
    pub(super) fn progress(&mut self) -> Progress {
        self.close_phase();
        let failed = u64::try_from(self.failed.len()).unwrap_or(u64::MAX);
        let mut warnings = self.warnings.clone();
        let kept = u64::try_from(warnings.len()).unwrap_or(u64::MAX);
        if let more @ 1.. = self.warned.saturating_sub(kept) {
            warnings.push(format!("… and {more} more"));
        }
        Progress {
            project_id: self.project_id,
            phase: self.phase,
            timings: self.timings,
            counters: Counters {
                warnings: self.warned.saturating_add(failed),
                ..self.counters
            },
            warnings,
        }
    }
}
