//! What a first sync costs, computed from what a run does.

use lore_proto::sync::SyncRequest;

use super::wanted;
use crate::gitlab::MAX_PER_PAGE;
use crate::store::{SourceType, Stage, Stages};

/// Requests of the first sync of a project with so many items, where no thread
/// and no diff takes a second page. Requests for whole lists count too: the
/// project itself, its labels and milestones, its items, their statuses.
pub fn first_sync_requests(issues: u64, merge_requests: u64) -> u64 {
    const PROJECT_LABELS_MILESTONES: u64 = 3;
    let wanted = wanted(&SyncRequest::default());
    let items = issues
        .saturating_mul(for_each(Stages::dependents_of(SourceType::Issue), wanted))
        .saturating_add(merge_requests.saturating_mul(for_each(
            Stages::dependents_of(SourceType::MergeRequest).with(Stage::Item),
            wanted,
        )));
    PROJECT_LABELS_MILESTONES
        .saturating_add(items)
        .saturating_add(list(issues))
        .saturating_add(list(merge_requests))
        .saturating_add(issues.div_ceil(u64::from(super::statuses::BATCH)))
}

/// Requests for one item that owes `owed`: one a stage, but for statuses, which
/// many items share.
fn for_each(owed: Stages, wanted: Stages) -> u64 {
    let asked = |stage: &Stage| wanted.has(*stage) && *stage != Stage::Status;
    owed.iter().filter(asked).count() as u64
}

/// Pages of the walk back, each of which begins with the last item of the one
/// before, and the beginning of the walk forward.
fn list(items: u64) -> u64 {
    let page = u64::from(MAX_PER_PAGE);
    let more = items.saturating_sub(page).div_ceil(page - 1);
    2_u64.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_a_page_back_for_each_hundred_and_one_forward() {
        for (items, requests) in [(0, 2), (1, 2), (100, 2), (101, 3), (199, 3), (200, 4)] {
            assert_eq!(list(items), requests, "{items}");
        }
    }

    #[test]
    fn no_number_of_items_is_too_large() {
        assert_eq!(first_sync_requests(u64::MAX, u64::MAX), u64::MAX);
        // Nothing but the project, its collections and two empty lists.
        assert_eq!(first_sync_requests(0, 0), 7);
    }
}
