//! Projects beside others in one database.

use super::*;

#[tokio::test]
async fn a_project_among_larger_ones_is_not_starved() {
    let mirror = mirror().await;
    mirror.add_project(2, "group/other").await;
    // More and better matches than are ranked ahead, none of them of ours.
    mirror
        .sql(
            "WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1800)
             INSERT INTO issues (project_id, gitlab_id, iid, title, state, updated_at)
                 SELECT 2, i, i, 'rotation rotation', 'opened', i FROM n",
        )
        .await;
    let now = mirror.now();
    mirror
        .db
        .write(move |tx| documents::regenerate_due(tx, 2, now, 1_000_000))
        .await
        .unwrap();
    assert_eq!(found(&mirror, text("rotation")).await, ["#2"]);
}

/// Documents of issues with the word `common` in a project, by their place in
/// the index.
async fn common_words(mirror: &Mirror, project: i64, from: i64, step: i64, count: i64) {
    mirror
        .sql(format!(
            "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS
                 (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1)
                 SELECT {from} + {step} * i AS i FROM n;
             INSERT INTO issues (id, project_id, gitlab_id, iid, title, state, updated_at)
                 SELECT i, {project}, i, i, 'A common title', 'closed', i FROM n;
             INSERT INTO documents (id, project_id, source_type, source_id, issue_id, confidential,
                     content_hash, title, body, labels, people, refs)
                 SELECT i, {project}, 'issue', i, i, 0, x'00', 'A common title', '', '', '', ''
                     FROM n;
             INSERT INTO documents_fts (rowid, title, body, labels, names, refs)
                 SELECT i, 'common titl', '', '', '', '' FROM n;
             DROP TABLE n;
             DELETE FROM dirty_sources"
        ))
        .await;
}

#[tokio::test]
async fn a_word_that_is_common_everywhere_is_looked_for_within_the_project() {
    // Before, between and after ours, more than are looked at from either end.
    let crowded = async |ours: i64| {
        let mirror = mirror().await;
        mirror.add_project(2, "group/other").await;
        common_words(&mirror, 2, 1_000, 1, 4_000).await;
        common_words(&mirror, 2, 5_001, 2, 3_000).await;
        common_words(&mirror, 1, 5_000, 2, ours).await;
        common_words(&mirror, 2, 20_000, 1, 4_000).await;
        ask(&mirror, text("common")).await.unwrap()
    };
    let few = crowded(150).await;
    assert_eq!((few.total, few.total_is_lower_bound), (150, false));
    assert_eq!(references(&few)[0], "#5298");
    let many = crowded(2_500).await;
    assert_eq!((many.total, many.total_is_lower_bound), (200, true));
    assert_eq!(references(&many)[0], "#9998");
}
