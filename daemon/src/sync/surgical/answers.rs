//! What GitLab answered, before it is judged and written.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::Item;
use crate::gitlab::Collected;
use crate::gitlab::models::Diff;
use crate::ingest::Dependent;
use crate::store::Stage;
use crate::sync::fetch::{Answer, Primary, StageFailure};

/// The most requests of one item, its primary among them.
pub(super) const MOST_REQUESTS_AN_ITEM: usize = 7;

/// What came of an item's dependents.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) sets: Vec<Answer<Dependent>>,
    pub(super) failures: Vec<(Stage, StageFailure)>,
    /// GitLab has not computed the diff yet.
    pub(super) unprepared: bool,
    /// A list of file changes that still has to be judged by the primary.
    pub(super) diffs: Option<ListedDiff>,
}

pub(super) type Primaries = Vec<(Item, Answer<Primary>)>;
pub(super) type Dependents = BTreeMap<Item, Answers>;

/// A merge request's file changes as listed.
#[derive(Debug)]
pub(super) struct ListedDiff {
    pub(super) list: Collected<Diff>,
    /// When the item's time is over.
    pub(super) deadline: Instant,
}
