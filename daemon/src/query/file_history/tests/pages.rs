//! Which merge requests, in what order.

use super::*;

#[tokio::test]
async fn merge_requests_come_by_merge_then_update_then_iid() {
    let mirror = Mirror::new().await;
    let mut late = Mr::merged(1, 10).modifies("f");
    late.updated = 99;
    mirror
        .add([
            late,
            Mr::merged(2, 10).modifies("f"),
            Mr::merged(3, 10).modifies("f"),
            Mr::in_state("opened", 4, 20).modifies("f"),
            Mr::merged(5, 30).modifies("f"),
        ])
        .await;
    assert_eq!(iids(&history(&mirror, "f").await), [5, 4, 1, 3, 2]);
    let merged = ask(
        &mirror,
        FileHistoryParams {
            merged: true,
            ..about("f")
        },
    )
    .await
    .unwrap()
    .data;
    assert_eq!(iids(&merged), [5, 1, 3, 2]);
    assert_eq!(merged.total, 4);
}

#[tokio::test]
async fn pages_joined_are_the_whole_whatever_comes_in_between() {
    let mirror = Mirror::new().await;
    // Many at the same time, so that pages end among them.
    mirror
        .add((1..=25).map(|n| Mr::merged(n, 10 + i64::try_from(n).unwrap() / 10).modifies("f")))
        .await;
    let whole = history(&mirror, "f").await;
    assert_eq!((whole.merge_requests.len(), whole.total), (20, 25));
    let mut got = Vec::new();
    let mut cursor = None;
    for round in 0..10 {
        let params = FileHistoryParams {
            limit: Some(7),
            cursor: cursor.clone(),
            ..about("f")
        };
        let page = ask(&mirror, params).await.unwrap().data;
        got.extend(iids(&page));
        assert_eq!(page.remaining, 25 - got.len() as u64);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if round == 0 {
            mirror.add([Mr::merged(99, 500).modifies("f")]).await;
        }
    }
    let expected: Vec<u64> = (1..=25).rev().collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let mirror = Mirror::new().await;
    mirror
        .add((1..=3).map(|n| Mr::merged(n, 10).modifies("f").modifies("g")))
        .await;
    let params = FileHistoryParams {
        limit: Some(1),
        ..about("f")
    };
    let cursor = ask(&mirror, params.clone()).await.unwrap().data.next_cursor;
    assert!(cursor.is_some());
    for other in [
        FileHistoryParams {
            cursor: cursor.clone(),
            ..about("g")
        },
        FileHistoryParams {
            cursor: cursor.clone(),
            merged: true,
            ..about("f")
        },
        FileHistoryParams {
            cursor: Some("00".into()),
            ..about("f")
        },
        FileHistoryParams {
            limit: Some(0),
            ..about("f")
        },
        FileHistoryParams {
            limit: Some(1_001),
            ..about("f")
        },
    ] {
        assert_eq!(
            ask(&mirror, other).await.unwrap_err().code,
            ErrorCode::Usage
        );
    }
    let next = FileHistoryParams {
        cursor,
        limit: Some(5),
        ..about("f")
    };
    assert_eq!(iids(&ask(&mirror, next).await.unwrap().data), [2, 1]);
}
