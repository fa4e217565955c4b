use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::{Request, ResponseTemplate};

use super::{
    PROJECT, RawServer, background, client, issue, ok, query, raw_cut, raw_ok, requests_to, server,
    status,
};
use crate::gitlab::models::Issue;
use crate::gitlab::{
    Call, Client, Failure, GitLabError, Iid, ListOrder, ListParams, ListView, Noteable, Page,
    PageRequest,
};

/// A page of `total` rows with offset headers, as GitLab sends it.
fn offset_page(request: &Request, total: u64, row: impl Fn(u64) -> Value) -> ResponseTemplate {
    let number = |name: &str| query(request, name).and_then(|text| text.parse::<u64>().ok());
    let (page, size) = (number("page").unwrap_or(1), number("per_page").unwrap());
    let rows: Vec<_> = ((page - 1) * size..(page * size).min(total))
        .map(row)
        .collect();
    let pages = total.div_ceil(size).max(1);
    let next = if page < pages {
        (page + 1).to_string()
    } else {
        String::new()
    };
    ok(&json!(rows))
        .insert_header("x-page", page.to_string())
        .insert_header("x-per-page", size.to_string())
        .insert_header("x-next-page", next)
        .insert_header("x-total", total.to_string())
        .insert_header("x-total-pages", pages.to_string())
}

fn nth_issue(row: u64) -> Value {
    issue(i64::try_from(row).unwrap() + 1)
}

fn discussion(row: u64) -> Value {
    json!({"id": format!("{row:040}"), "individual_note": true, "notes": []})
}

/// Walks a list of issues to its end.
async fn walk(client: &Client, call: &Call<'_>) -> Result<Vec<Page<Issue>>, GitLabError> {
    let mut pages = Vec::new();
    let mut page = PageRequest::First;
    loop {
        let params = ListParams {
            page,
            ..ListParams::default()
        };
        let answer = client.issues_page(call, PROJECT, &params).await?;
        let next = answer.next.clone();
        pages.push(answer);
        assert!(pages.len() < 200, "the walk does not end");
        match next {
            Some(next) => page = PageRequest::Next(next),
            None => return Ok(pages),
        }
    }
}

fn iids(pages: &[Page<Issue>]) -> Vec<i64> {
    pages
        .iter()
        .flat_map(|page| page.items.iter().map(|issue| issue.iid.0))
        .collect()
}

#[tokio::test]
async fn a_list_says_explicitly_what_it_wants() {
    let server = server(|_: &Request| ok(&json!([]))).await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let params = ListParams {
        updated_after: Some("2026-11-20T23:00:00.25+01:00".parse().unwrap()),
        order: ListOrder::UpdatedAsc,
        iids: &[Iid(3), Iid(4)],
        per_page: 100,
        ..ListParams::default()
    };
    let call = background(&cancel);
    client.issues_page(&call, PROJECT, &params).await.unwrap();
    client
        .merge_requests_page(&call, PROJECT, &params, ListView::Simple)
        .await
        .unwrap();
    client
        .merge_request_iids_page(&call, PROJECT, &ListParams::default(), ListView::Fresh)
        .await
        .unwrap();
    let asked: Vec<_> = requests_to(&server)
        .await
        .iter()
        .map(|it| it.url.clone())
        .collect();
    let common = "scope=all&state=all&order_by=updated_at&sort=asc";
    let filter = "updated_after=2026-11-20T22%3A00%3A00.25Z&iids%5B%5D=3&iids%5B%5D=4";
    assert_eq!(asked[0].path(), "/api/v4/projects/42/issues");
    assert_eq!(
        asked[0].query().unwrap(),
        format!("{common}&{filter}&with_labels_details=true&per_page=100&page=1")
    );
    assert_eq!(asked[1].path(), "/api/v4/projects/42/merge_requests");
    assert_eq!(
        asked[1].query().unwrap(),
        format!("{common}&{filter}&view=simple&per_page=100&page=1")
    );
    assert_eq!(
        asked[2].query().unwrap(),
        format!("{common}&with_labels_details=true&per_page=100&page=1")
    );
}

#[tokio::test]
async fn issues_are_walked_by_cursor_where_the_instance_has_it() {
    let server = server(|request: &Request| {
        assert_eq!(query(request, "pagination").as_deref(), Some("keyset"));
        let base = "https://elsewhere.example/api/v4/projects/42/issues?per_page=100";
        match query(request, "cursor").as_deref() {
            None => ok(&json!([issue(1), issue(2)]))
                .insert_header("link", format!("<{base}&cursor=eyJ%3D>; rel=\"next\"")),
            Some("eyJ=") => ok(&json!([issue(3)])),
            Some(other) => panic!("{other}"),
        }
    })
    .await;
    let cancel = CancellationToken::new();
    let pages = walk(&client(&server.uri()), &background(&cancel))
        .await
        .unwrap();
    assert_eq!(iids(&pages), [1, 2, 3]);
}

#[tokio::test]
async fn an_instance_without_cursors_is_walked_by_page_and_asked_once_only() {
    let server = server(|request: &Request| {
        if query(request, "pagination").is_some() {
            return status(405).set_body_json(
                json!({"error": "Keyset pagination is not yet available for this type of request"}),
            );
        }
        offset_page(request, 250, nth_issue)
    })
    .await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    for _ in 0..2 {
        let pages = walk(&client, &background(&cancel)).await.unwrap();
        assert_eq!(iids(&pages), (1..=250).collect::<Vec<_>>());
        assert_eq!(pages[0].total, Some(250));
    }
    assert_eq!(requests_to(&server).await.len(), 1 + 3 + 3);
}

#[tokio::test]
async fn an_instance_that_ignores_keyset_is_walked_by_page() {
    let server = server(|request: &Request| offset_page(request, 250, nth_issue)).await;
    let cancel = CancellationToken::new();
    let pages = walk(&client(&server.uri()), &background(&cancel))
        .await
        .unwrap();
    assert_eq!(iids(&pages), (1..=250).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_broken_element_leaves_its_page() {
    let server = server(|_: &Request| {
        ok(&json!([issue(1), {"id": 7, "iid": 2, "title": []}, "what", issue(3)]))
    })
    .await;
    let cancel = CancellationToken::new();
    let pages = walk(&client(&server.uri()), &background(&cancel))
        .await
        .unwrap();
    assert_eq!(iids(&pages), [1, 3]);
    let broken = &pages[0].broken;
    assert_eq!(
        (broken[0].index, broken[0].id, broken[0].iid),
        (1, Some(7), Some(Iid(2)))
    );
    assert_eq!((broken[1].index, broken[1].iid), (2, None));
}

#[tokio::test]
async fn pages_shrink_around_an_element_that_breaks_answers_and_grow_behind_it() {
    let poison = 137;
    let server = server(move |request: &Request| {
        if query(request, "pagination").is_some() {
            return status(405);
        }
        let number = |name: &str| query(request, name).unwrap().parse::<u64>().unwrap();
        let (page, size) = (number("page"), number("per_page"));
        if ((page - 1) * size..page * size).contains(&poison) {
            return status(500);
        }
        offset_page(request, 450, nth_issue)
    })
    .await;
    let cancel = CancellationToken::new();
    let pages = walk(&client(&server.uri()), &background(&cancel))
        .await
        .unwrap();
    let expected: Vec<i64> = (1..=450).filter(|iid| *iid != 138).collect();
    assert_eq!(iids(&pages), expected);
    let broken: Vec<_> = pages.iter().flat_map(|page| &page.broken).collect();
    assert_eq!(broken.len(), 1);
    assert!(broken[0].reason.contains("500"), "{broken:?}");
    let asked = requests_to(&server).await.len();
    assert!(asked < 50, "{asked} requests");
}

#[tokio::test]
async fn bodies_that_break_off_make_smaller_pages() {
    let whole = |rows: std::ops::Range<i64>| json!(rows.map(issue).collect::<Vec<_>>()).to_string();
    let server = RawServer::start(move |turn| match turn {
        0 => b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
            .to_vec(),
        1 | 2 => raw_cut(&whole(1..101), 1_000),
        3 => raw_ok(&whole(1..51)),
        _ => raw_ok("[]"),
    })
    .await;
    let cancel = CancellationToken::new();
    let pages = walk(&client(server.url.as_str()), &background(&cancel))
        .await
        .unwrap();
    assert_eq!(iids(&pages), (1..=50).collect::<Vec<_>>());
    assert_eq!(server.seen(), 5);
}

#[tokio::test]
async fn a_server_that_fails_for_every_element_is_an_error_and_not_an_empty_list() {
    let server = server(|_: &Request| status(500)).await;
    let cancel = CancellationToken::new();
    let error = walk(&client(&server.uri()), &background(&cancel))
        .await
        .unwrap_err();
    assert_eq!(error.failure, Failure::Unavailable { status: 500 });
}

#[tokio::test]
async fn a_whole_list_is_fetched_page_by_page_at_once() {
    // Slow enough for all pages to be under way together.
    let server = server(|request: &Request| {
        let answer = offset_page(request, 730, discussion);
        match query(request, "page").as_deref() {
            Some("1") => answer,
            _ => answer.set_delay(Duration::from_millis(200)),
        }
    })
    .await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let call = background(&cancel);
    let all_at_once = async {
        while client.budget().in_flight_background < 7 {
            tokio::task::yield_now().await;
        }
    };
    let (found, all_at_once) = tokio::join!(
        client.issue_discussions(&call, PROJECT, Iid(5)),
        tokio::time::timeout(Duration::from_secs(5), all_at_once),
    );
    assert!(
        all_at_once.is_ok(),
        "the pages were asked for one after the other"
    );
    let found = found.unwrap();
    assert_eq!((found.items.len(), found.requests), (730, 8));
    assert!(found.is_complete());
    let ordered = found.items.windows(2).all(|pair| pair[0].id < pair[1].id);
    assert!(ordered, "pages are joined in their order");
    let asked = requests_to(&server).await;
    assert!(
        asked
            .iter()
            .all(|it| it.url.path() == "/api/v4/projects/42/issues/5/discussions")
    );
}

#[tokio::test]
async fn a_number_of_pages_that_no_list_has_is_not_believed() {
    let server = server(|request: &Request| {
        offset_page(request, 130, discussion).insert_header("x-total-pages", "20000000")
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue_discussions(&background(&cancel), PROJECT, Iid(5))
        .await
        .unwrap();
    assert_eq!((found.items.len(), found.requests), (130, 2));
}

#[tokio::test]
async fn short_and_empty_pages_in_the_middle_do_not_end_a_list() {
    let server = server(|request: &Request| {
        let page = query(request, "page").unwrap();
        let (rows, next) = match page.as_str() {
            "1" => (vec![discussion(1)], "2"),
            "2" => (vec![], "3"),
            "3" => (vec![discussion(3)], ""),
            _ => panic!("page {page}"),
        };
        ok(&json!(rows)).insert_header("x-next-page", next)
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .discussions(
            &background(&cancel),
            PROJECT,
            Noteable::MergeRequest,
            Iid(5),
        )
        .await
        .unwrap();
    assert_eq!(found.items.len(), 2);
    assert!(found.is_complete());
}

#[tokio::test]
async fn an_error_on_any_page_is_an_error_of_the_whole_list() {
    let server = server(
        |request: &Request| match query(request, "page").as_deref() {
            Some("3") => status(403),
            _ => offset_page(request, 400, discussion),
        },
    )
    .await;
    let cancel = CancellationToken::new();
    let error = client(&server.uri())
        .issue_discussions(&background(&cancel), PROJECT, Iid(5))
        .await
        .unwrap_err();
    assert!(
        matches!(error.failure, Failure::Forbidden { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_again() {
    let total = AtomicU64::new(250);
    let server = server(move |request: &Request| {
        let total = if query(request, "page").as_deref() == Some("3") {
            // Somebody deletes a discussion between the first pages and this
            // one, once.
            total.fetch_min(249, Ordering::SeqCst);
            249
        } else {
            total.load(Ordering::SeqCst)
        };
        offset_page(request, total, discussion)
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue_discussions(&background(&cancel), PROJECT, Iid(5))
        .await
        .unwrap();
    assert_eq!(found.items.len(), 249);
    assert!(found.is_complete());
    assert_eq!(found.requests, 6);
}

#[tokio::test]
async fn a_list_that_never_stands_still_is_not_complete() {
    let total = AtomicU64::new(150);
    let server = server(move |request: &Request| {
        offset_page(request, total.fetch_add(1, Ordering::SeqCst), discussion)
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue_discussions(&background(&cancel), PROJECT, Iid(5))
        .await
        .unwrap();
    assert!(!found.steady);
    assert!(!found.is_complete());
}

#[tokio::test]
async fn a_list_with_a_broken_element_is_not_complete() {
    let server = server(|_: &Request| ok(&json!([discussion(1), {"notes": 5}]))).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue_discussions(&background(&cancel), PROJECT, Iid(5))
        .await
        .unwrap();
    assert_eq!((found.items.len(), found.broken.len()), (1, 1));
    assert!(!found.is_complete());
}
