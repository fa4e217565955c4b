//! How SQLite finds what a list shows.

use super::*;
use crate::query::fixture::Mirror;

fn newest() -> Order {
    Order {
        sort: ItemSort::Updated,
        reverse: false,
    }
}

#[tokio::test]
async fn open_items_by_their_last_change_need_neither_a_sort_nor_the_closed_ones() {
    let mirror = Mirror::empty();
    for (source, index) in [
        (SourceType::Issue, "idx_issues_state"),
        (SourceType::MergeRequest, "idx_merge_requests_state"),
    ] {
        let filters = Filters {
            state: Some("opened"),
            ..Filters::of(source, 1)
        };
        let place = Place {
            at: 1,
            iid: 1,
            id: 1,
        };
        for order in [
            newest(),
            Order {
                reverse: true,
                ..newest()
            },
        ] {
            let mut condition = filters.condition();
            let sql = page_sql(&mut condition, source, order, Some(place));
            let plan = mirror.plan(&sql).await;
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
            assert!(
                plan.iter().all(|step| !step.contains("TEMP B-TREE")),
                "{plan:?}"
            );
        }
        let plan = mirror.plan(&count_sql(&filters.condition(), source)).await;
        let covering = format!("COVERING INDEX {index}");
        assert!(plan.iter().any(|step| step.contains(&covering)), "{plan:?}");
    }
}

#[tokio::test]
async fn unresolved_threads_are_found_in_an_index_of_their_own() {
    let filters = Filters {
        unresolved: true,
        ..Filters::of(SourceType::MergeRequest, 1)
    };
    let mut condition = filters.condition();
    let sql = page_sql(&mut condition, filters.source, newest(), None);
    let plan = Mirror::empty().plan(&sql).await;
    assert!(
        plan.iter()
            .any(|step| step.contains("idx_discussions_unresolved")),
        "{plan:?}"
    );
}
