use super::{review, touches};
use crate::query::fixture::Mirror;

/// Steps that read a table or an index.
fn reads(plan: &[String]) -> impl Iterator<Item = &String> {
    plan.iter()
        .filter(|step| step.starts_with("SEARCH") || step.starts_with("SCAN"))
        .filter(|step| !step.contains("VIRTUAL TABLE") && !step.contains("CONSTANT ROW"))
}

#[tokio::test]
async fn no_statement_of_a_file_history_scans_a_table() {
    let mirror = Mirror::empty();
    for sql in [
        touches::EARLIER_NAMES,
        touches::LATER_NAMES,
        touches::TOUCHING,
        touches::CHANGES,
        touches::POSSIBLY_MISSING,
        touches::IS_KNOWN,
        touches::KNOWN_NEW_PATHS,
        touches::KNOWN_OLD_PATHS,
        review::THREADS,
        review::NOTES,
    ] {
        let plan = mirror.plan(sql).await;
        assert!(reads(&plan).count() > 0, "{plan:?}");
        for step in reads(&plan) {
            // The list of merge requests that the statement itself has found.
            assert!(
                step.starts_with("SEARCH") || step == "SCAN touched",
                "{step} in {sql}"
            );
        }
    }
}

#[tokio::test]
async fn renames_are_found_without_reading_what_kept_its_name() {
    let mirror = Mirror::empty();
    for (sql, index) in [
        (touches::EARLIER_NAMES, "idx_mr_file_changes_renamed"),
        (touches::LATER_NAMES, "idx_mr_file_changes_old"),
    ] {
        let plan = mirror.plan(sql).await;
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
    }
}

#[tokio::test]
async fn touching_merge_requests_are_found_in_the_index_alone() {
    let plan = Mirror::empty().plan(touches::TOUCHING).await;
    assert!(
        plan.iter()
            .any(|step| step.contains("COVERING INDEX idx_mr_file_changes_new")),
        "{plan:?}"
    );
}

#[tokio::test]
async fn known_paths_come_sorted_from_the_index() {
    let mirror = Mirror::empty();
    for sql in [touches::KNOWN_NEW_PATHS, touches::KNOWN_OLD_PATHS] {
        let plan = mirror.plan(sql).await;
        assert!(
            plan.iter().all(|step| !step.contains("TEMP B-TREE")),
            "{plan:?}"
        );
    }
}
