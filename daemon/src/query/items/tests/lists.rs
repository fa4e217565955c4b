//! Which items, in what order.

use super::*;

fn all() -> ListIssues {
    ListIssues {
        state: Some(IssueState::All),
        ..ListIssues::default()
    }
}

async fn issues(mirror: &Mirror, params: ListIssues) -> Vec<u64> {
    let list = issue_list(mirror, params).await.unwrap().data;
    assert_eq!(list.total, list.issues.len() as u64);
    list.issues.iter().map(|issue| issue.iid).collect()
}

fn any_state() -> ListMergeRequests {
    ListMergeRequests {
        state: Some(MergeRequestState::All),
        ..ListMergeRequests::default()
    }
}

async fn merge_requests(mirror: &Mirror, params: ListMergeRequests) -> Vec<u64> {
    let list = mr_list(mirror, params).await.unwrap().data;
    assert_eq!(list.total, list.merge_requests.len() as u64);
    list.merge_requests.iter().map(|mr| mr.iid).collect()
}

#[tokio::test]
async fn open_ones_come_first_changed_last_and_ties_are_broken_by_iid() {
    let mirror = mirror().await;
    assert_eq!(issues(&mirror, ListIssues::default()).await, [4, 1, 3]);
    assert_eq!(issues(&mirror, all()).await, [2, 4, 1, 3]);
    let reverse = ListIssues {
        reverse: true,
        ..all()
    };
    assert_eq!(issues(&mirror, reverse).await, [3, 1, 4, 2]);
    let created = ListIssues {
        sort: Some(ItemSort::Created),
        ..all()
    };
    assert_eq!(issues(&mirror, created).await, [4, 3, 2, 1]);
    let closed = ListIssues {
        state: Some(IssueState::Closed),
        ..all()
    };
    assert_eq!(issues(&mirror, closed).await, [2]);
}

/// Of any state, narrowed.
fn with(narrow: impl FnOnce(&mut ListIssues)) -> ListIssues {
    let mut params = all();
    narrow(&mut params);
    params
}

#[tokio::test]
async fn issues_are_narrowed_by_people() {
    let mirror = mirror().await;
    let author = |name: &str| with(|params| params.author = Some(name.into()));
    let assignee = |name: &str| with(|params| params.assignee = Some(name.into()));
    for (params, expected) in [
        (author("ADA"), vec![1]),
        (author("@bob"), vec![2, 3]),
        (assignee("bob"), vec![4, 1]),
        (assignee("none"), vec![2, 3]),
        (assignee("Any"), vec![4, 1]),
    ] {
        assert_eq!(
            issues(&mirror, params.clone()).await,
            expected,
            "{params:?}"
        );
    }
}

#[tokio::test]
async fn issues_are_narrowed_by_labels_milestone_and_time_and_have_to_fit_all_of_it() {
    let mirror = mirror().await;
    let labels = |names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        with(|params| params.labels = names)
    };
    let milestone = |title: &str| with(|params| params.milestone = Some(title.into()));
    let since = |minute| with(|params| params.since = Some(at(minute)));
    for (params, expected) in [
        (labels(&["bug"]), vec![1]),
        (labels(&["BUG", "~needs work"]), vec![1]),
        (labels(&["bug", "docs"]), vec![]),
        (labels(&["none"]), vec![2, 4]),
        (labels(&["any"]), vec![1, 3]),
        (milestone("V1.0"), vec![1]),
        (milestone("none"), vec![2, 4, 3]),
        (since(10), vec![2, 4, 1]),
        (since(11), vec![2]),
    ] {
        assert_eq!(
            issues(&mirror, params.clone()).await,
            expected,
            "{params:?}"
        );
    }
    let both = ListIssues {
        author: Some("bob".into()),
        ..since(11)
    };
    assert_eq!(issues(&mirror, both.clone()).await, [2]);
    let open = ListIssues {
        state: None,
        ..both
    };
    assert_eq!(issues(&mirror, open).await, [0_u64; 0]);
}

#[tokio::test]
async fn words_are_looked_for_in_title_and_description_and_all_have_to_be_there() {
    let mirror = mirror().await;
    for (search, expected) in [
        ("cache", vec![2, 1]),
        ("caches restarted", vec![1]),
        ("\"leak into\"", vec![2]),
        ("cache -restart", vec![2]),
        ("restart*", vec![1, 3]),
        // The thread and the labels are no part of it.
        ("seen", vec![]),
        ("bug", vec![]),
        ("", vec![2, 4, 1, 3]),
    ] {
        let params = ListIssues {
            search: Some(search.into()),
            ..all()
        };
        assert_eq!(issues(&mirror, params).await, expected, "{search}");
    }
    for search in ["label:bug cache", "-cache"] {
        let params = ListIssues {
            search: Some(search.into()),
            ..all()
        };
        let error = issue_list(&mirror, params).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Usage, "{search}");
    }
}

#[tokio::test]
async fn a_merge_request_has_to_fit_every_filter() {
    let mirror = mirror().await;
    let text = |text: &str| Some(text.to_owned());
    for (params, expected) in [
        (ListMergeRequests::default(), vec![2, 3]),
        (any_state(), vec![2, 3, 1]),
        (
            ListMergeRequests {
                state: Some(MergeRequestState::Merged),
                ..any_state()
            },
            vec![1],
        ),
        (
            ListMergeRequests {
                draft: Some(true),
                ..any_state()
            },
            vec![3],
        ),
        (
            ListMergeRequests {
                draft: Some(false),
                ..any_state()
            },
            vec![2, 1],
        ),
        (
            ListMergeRequests {
                unresolved: true,
                ..any_state()
            },
            vec![2],
        ),
        (
            ListMergeRequests {
                reviewer: text("cyd"),
                ..any_state()
            },
            vec![2],
        ),
        (
            ListMergeRequests {
                reviewer: text("none"),
                ..any_state()
            },
            vec![3, 1],
        ),
        (
            ListMergeRequests {
                target_branch: text("stable"),
                ..any_state()
            },
            vec![3],
        ),
        (
            ListMergeRequests {
                source_branch: text("warm"),
                ..any_state()
            },
            vec![1],
        ),
        (
            ListMergeRequests {
                search: text("executor"),
                ..any_state()
            },
            vec![2],
        ),
    ] {
        assert_eq!(
            merge_requests(&mirror, params.clone()).await,
            expected,
            "{params:?}"
        );
    }
}

#[tokio::test]
async fn a_row_says_who_and_what_and_whether_it_is_whole() {
    let mirror = mirror().await;
    let list = mr_list(&mirror, any_state()).await.unwrap().data;
    let [second, third, _] = list.merge_requests.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!(second.reviewers, ["bob", "cyd"]);
    assert_eq!(second.unresolved_threads, 2);
    assert!(!second.incomplete);
    assert!(third.incomplete && third.draft);
    let list = issue_list(&mirror, all()).await.unwrap().data;
    let first = list.issues.iter().find(|issue| issue.iid == 1).unwrap();
    assert_eq!(first.assignees, ["ada", "bob"]);
    assert_eq!(first.labels, ["bug", "needs work"]);
    assert_eq!(first.milestone.as_deref(), Some("v1.0"));
    assert!(list.issues[0].confidential);
}

#[tokio::test]
async fn a_name_that_nothing_has_is_said() {
    let mirror = mirror().await;
    let read = issue_list(
        &mirror,
        ListIssues {
            author: Some("nobody".into()),
            labels: vec!["bgu".into(), "bug".into(), "any".into()],
            milestone: Some("v9".into()),
            ..all()
        },
    )
    .await
    .unwrap();
    assert_eq!(
        read.warnings,
        [
            "the mirror knows no user `nobody`",
            "the mirror knows no label `bgu`",
            "the mirror knows no milestone `v9`"
        ]
    );
}

#[tokio::test]
async fn pages_joined_are_the_whole_in_either_direction() {
    let mirror = mirror().await;
    for (reverse, expected) in [(false, [2, 4, 1, 3]), (true, [3, 1, 4, 2])] {
        let mut got = Vec::new();
        let mut cursor = None;
        for round in 0..4 {
            let params = ListIssues {
                limit: Some(1),
                reverse,
                cursor: cursor.clone(),
                ..all()
            };
            let page = issue_list(&mirror, params).await.unwrap().data;
            assert_eq!((page.total, page.remaining), (4, 3 - round));
            got.extend(page.issues.iter().map(|issue: &Issue| issue.iid));
            assert_eq!(page.next_cursor.is_none(), round == 3);
            cursor = page.next_cursor;
        }
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filters() {
    let mirror = mirror().await;
    let params = ListIssues {
        limit: Some(1),
        ..all()
    };
    let cursor = issue_list(&mirror, params).await.unwrap().data.next_cursor;
    assert!(cursor.is_some());
    for params in [
        ListIssues {
            cursor: cursor.clone(),
            ..ListIssues::default()
        },
        ListIssues {
            cursor: cursor.clone(),
            reverse: true,
            ..all()
        },
        ListIssues {
            cursor: cursor.clone(),
            author: Some("ada".into()),
            ..all()
        },
    ] {
        let error = issue_list(&mirror, params).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Usage);
    }
    let error = issue_list(
        &mirror,
        ListIssues {
            limit: Some(0),
            ..all()
        },
    )
    .await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Usage);
}

#[tokio::test]
async fn an_unchanged_mirror_gives_the_same_bytes() {
    let mirror = mirror().await;
    let read = async || {
        let list = mr_list(&mirror, any_state()).await.unwrap().data;
        serde_json::to_string(&list).unwrap()
    };
    assert_eq!(read().await, read().await);
}

#[tokio::test]
async fn a_label_that_is_repeated_is_one_and_too_many_are_refused() {
    let mirror = mirror().await;
    let once = with(|params| params.labels = vec!["bug".into()]);
    let often = with(|params| params.labels = vec!["bug".into(); 2_000]);
    assert_eq!(issues(&mirror, often).await, issues(&mirror, once).await);
    let many = with(|params| params.labels = (0..1_100).map(|n| format!("l{n}")).collect());
    let error = issue_list(&mirror, many).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
}
