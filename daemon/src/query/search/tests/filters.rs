//! Filters, in the text and as flags.

use super::*;

#[tokio::test]
async fn filters_in_the_text_and_flags_are_the_same() {
    let mirror = mirror().await;
    for (query, params, expected) in [
        (
            "author:ada",
            SearchParams {
                author: Some("ADA".into()),
                ..text("")
            },
            vec!["!1", "!2", "#1"],
        ),
        (
            "label:\"needs work\"",
            SearchParams {
                labels: vec!["needs work".into()],
                ..text("")
            },
            vec!["#2"],
        ),
        (
            "state:merged",
            SearchParams {
                state: Some("merged".into()),
                ..text("")
            },
            vec!["!1"],
        ),
        (
            "type:issue",
            SearchParams {
                types: vec![SearchType::Issue],
                ..text("")
            },
            vec!["#1", "#2", "#3"],
        ),
        (
            "path:src/cache",
            SearchParams {
                path: Some("/src/cache/".into()),
                ..text("")
            },
            vec!["!1"],
        ),
        (
            "path:old/exec.rs",
            SearchParams {
                path: Some("old/exec.rs".into()),
                ..text("")
            },
            vec!["!2"],
        ),
    ] {
        assert_eq!(
            sorted(found(&mirror, text(query)).await),
            expected,
            "{query}"
        );
        assert_eq!(sorted(found(&mirror, params).await), expected, "{query}");
    }
    assert_eq!(
        found(&mirror, text("cache -label:bug -state:merged")).await,
        ["#2"]
    );
    let since = SearchParams {
        since: Some(Timestamp::from_millisecond(4_500).unwrap()),
        ..text("")
    };
    assert_eq!(found(&mirror, since).await, ["!2"]);
}

#[tokio::test]
async fn a_filter_does_not_starve_the_answer() {
    let mirror = mirror().await;
    // 500 better matches that the filter leaves out.
    mirror
        .sql(
            "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 599)
             INSERT INTO issues (project_id, gitlab_id, iid, title, state, updated_at)
                 SELECT 1, i, i, 'eviction eviction', 'closed', 0 FROM n",
        )
        .await;
    render(&mirror).await;
    assert_eq!(found(&mirror, text("eviction state:merged")).await, ["!1"]);
}

#[tokio::test]
async fn confidential_text_can_be_left_out() {
    let mirror = mirror().await;
    assert_eq!(
        sorted(found(&mirror, text("eviction leak")).await),
        ["!1", "#1", "#2"]
    );
    let open = SearchParams {
        no_confidential: true,
        ..text("eviction leak")
    };
    assert_eq!(found(&mirror, open).await, ["!1"]);
}

#[tokio::test]
async fn a_filter_that_is_repeated_is_one_and_an_unknown_name_is_told() {
    let mirror = mirror().await;
    let params = SearchParams {
        types: vec![SearchType::Issue; 2_000],
        ..text("cache")
    };
    assert_eq!(found(&mirror, params).await, ["#1", "#2"]);
    let searcher = by(&mirror, Ok(None));
    let params = SearchParams {
        mode: Some(SearchMode::Lexical),
        ..text("cache author:nobody label:bug -label:bgu")
    };
    let read = whole(&searcher, &mirror, params).await.unwrap();
    assert_eq!(
        read.warnings,
        [
            "the mirror knows no user `nobody`",
            "the mirror knows no label `bgu`"
        ]
    );
}
