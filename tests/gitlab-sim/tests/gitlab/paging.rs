//! Lists: headers, order, filters, pages that are short.

use std::time::Duration;

use gitlab_sim::upstream::{Audience, ItemKind, ItemRef, NewIssue, NewNote, Upstream};
use gitlab_sim::{Moment, Route, RouteFilter, Simulator};
use serde_json::json;

use crate::support::{Client, PROJECT, empty, header, iids, small};

/// Issues with iids from 1, one microsecond apart each time `apart` says so.
fn issues(upstream: &mut Upstream, count: u64, apart: impl Fn(u64) -> bool) {
    let mut when = upstream.now();
    for iid in 1..=count {
        if apart(iid) {
            when = when + Duration::from_micros(1);
        }
        let new = NewIssue::new(1, format!("Issue {iid}"));
        upstream.insert_issue(PROJECT, iid, new, when).unwrap();
    }
}

async fn with_issues(count: u64, apart: impl Fn(u64) -> bool) -> Simulator {
    let sim = empty(|_| {}).await;
    sim.change(|upstream| issues(upstream, count, apart));
    sim
}

#[tokio::test]
async fn point_03_offset_headers_are_gitlabs() {
    let sim = with_issues(25, |_| true).await;
    let client = Client::new(&sim);
    let first = client
        .get("/projects/42/issues?per_page=10&state=all")
        .await;
    for (name, value) in [
        ("x-page", "1"),
        ("x-per-page", "10"),
        ("x-prev-page", ""),
        ("x-next-page", "2"),
        ("x-total", "25"),
        ("x-total-pages", "3"),
    ] {
        assert_eq!(header(&first, name).as_deref(), Some(value), "{name}");
    }
    let link = header(&first, "link").unwrap();
    for rel in ["next", "first", "last"] {
        assert!(link.contains(&format!("rel=\"{rel}\"")), "{link}");
    }
    let last = client.get("/projects/42/issues?per_page=10&page=3").await;
    assert_eq!(header(&last, "x-next-page").as_deref(), Some(""));
    let beyond = client.get("/projects/42/issues?per_page=10&page=9").await;
    assert_eq!(beyond.status(), 200);
    assert_eq!(beyond.json::<serde_json::Value>().await.unwrap(), json!([]));
}

#[tokio::test]
async fn point_03_totals_are_left_out_above_the_limit() {
    let sim = empty(|options| options.totals_limit = 10).await;
    sim.change(|upstream| issues(upstream, 11, |_| true));
    let response = Client::new(&sim)
        .get("/projects/42/issues?per_page=5")
        .await;
    assert_eq!(header(&response, "x-total"), None);
    assert_eq!(header(&response, "x-total-pages"), None);
    assert!(!header(&response, "link").unwrap().contains("last"));
    assert_eq!(header(&response, "x-next-page").as_deref(), Some("2"));
}

#[tokio::test]
async fn point_04_ties_are_broken_by_id_descending_in_both_directions() {
    let sim = with_issues(6, |iid| iid % 3 == 1).await;
    let client = Client::new(&sim);
    let base = "/projects/42/issues?order_by=updated_at&sort=";
    let up = client.json(&format!("{base}asc")).await;
    assert_eq!(iids(&up), [3, 2, 1, 6, 5, 4]);
    let down = client.json(&format!("{base}desc")).await;
    assert_eq!(iids(&down), [6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn point_04_updated_after_is_inclusive_on_the_stored_microseconds() {
    let sim = with_issues(3, |_| true).await;
    let client = Client::new(&sim);
    let when = sim.read(|upstream| upstream.issue(PROJECT, 2).unwrap().common.updated_at);
    let exact = |moment: Moment| {
        let micros = moment.as_micros().rem_euclid(1_000_000);
        format!(
            "{}.{micros:06}Z",
            moment.rfc3339_seconds().trim_end_matches('Z')
        )
    };
    let path = |moment| {
        format!(
            "/projects/42/issues?updated_after={}&sort=asc",
            exact(moment)
        )
    };
    assert_eq!(iids(&client.json(&path(when)).await), [2, 3]);
    let later = path(when + Duration::from_micros(1));
    assert_eq!(iids(&client.json(&later).await), [3]);
    // What the JSON says is truncated, so sending it back finds its row again.
    let shown = client.json("/projects/42/issues/2").await["updated_at"].clone();
    let path = format!(
        "/projects/42/issues?updated_after={}",
        shown.as_str().unwrap()
    );
    assert!(iids(&client.json(&path).await).contains(&2));
    let path = format!(
        "/projects/42/issues?updated_before={}",
        shown.as_str().unwrap()
    );
    assert!(!iids(&client.json(&path).await).contains(&2));
}

#[tokio::test]
async fn point_04_timestamps_carry_the_configured_offset() {
    let sim = empty(|options| options.utc_offset = 7200).await;
    sim.change(|upstream| issues(upstream, 1, |_| false));
    let issue = Client::new(&sim).json("/projects/42/issues/1").await;
    assert_eq!(issue["created_at"], "2026-11-20T14:00:00.000+02:00");
}

#[tokio::test]
async fn point_05_keyset_seeks_and_neither_skips_nor_repeats() {
    let sim = with_issues(25, |iid| iid % 4 == 0).await;
    let client = Client::new(&sim);
    let mut path =
        "/projects/42/issues?pagination=keyset&order_by=updated_at&sort=asc&per_page=10".to_owned();
    let mut seen = Vec::new();
    loop {
        let response = client.get(&path).await;
        assert_eq!(header(&response, "x-page"), None);
        let link = header(&response, "link");
        let cursor = header(&response, "x-next-cursor");
        assert_eq!(link.is_some(), cursor.is_some());
        seen.extend(iids(&response.json().await.unwrap()));
        let Some(link) = link else { break };
        let query = link.split(['?', '>']).nth(1).unwrap();
        path = format!("/projects/42/issues?{query}");
        // A row that was seen moves to the end: it comes again, and nothing
        // slips from page to page.
        if seen.len() == 10 {
            sim.clock().advance(Duration::from_secs(5));
            let at = ItemRef::issue(PROJECT, seen[0]);
            sim.change(|upstream| upstream.set_title(at, 1, "moved"))
                .unwrap();
        }
    }
    assert_eq!(seen.len(), 26);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

#[tokio::test]
async fn point_05_keyset_is_405_where_it_is_not_to_be_had() {
    let sim = empty(|options| options.keyset = false).await;
    let client = Client::new(&sim);
    let expected = (
        405,
        r#"{"error":"Keyset pagination is not yet available for this type of request"}"#.to_owned(),
    );
    for collection in ["issues", "merge_requests"] {
        let path = format!("/projects/42/{collection}?pagination=keyset");
        assert_eq!(client.status(&path).await, expected);
    }
    let sim = empty(|_| {}).await;
    let client = Client::new(&sim);
    for path in [
        "/projects/42/merge_requests?pagination=keyset",
        "/projects/42/issues?pagination=keyset&order_by=priority",
    ] {
        assert_eq!(client.status(path).await, expected);
    }
    assert_eq!(
        client
            .status("/projects/42/issues?pagination=keyset")
            .await
            .0,
        200
    );
    assert_eq!(
        client
            .status("/projects/42/issues?pagination=keyset&cursor=x")
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn the_offset_ceiling_points_to_keyset() {
    let sim = empty(|options| options.offset_ceiling = Some(50)).await;
    let client = Client::new(&sim);
    assert_eq!(
        client
            .status("/projects/42/issues?per_page=10&page=5")
            .await
            .0,
        200
    );
    let (status, body) = client
        .status("/projects/42/issues?per_page=10&page=6")
        .await;
    assert_eq!(status, 405);
    assert!(body.contains("maximum allowed offset of 50"), "{body}");
}

#[tokio::test]
async fn point_06_pages_of_discussions_are_filtered_after_paging() {
    let sim = with_issues(1, |_| true).await;
    let at = ItemRef::issue(PROJECT, 1);
    sim.change(|upstream| {
        for number in 0..30 {
            let note = NewNote::comment(1, format!("{number}"));
            let hidden = (10..20).contains(&number) || number == 5;
            let audience = if hidden {
                Audience::Project(0)
            } else {
                Audience::Everyone
            };
            upstream.add_note(at, note.audience(audience)).unwrap();
        }
    });
    let client = Client::new(&sim);
    for (page, rows, next) in [(1, 9, "2"), (2, 0, "3"), (3, 10, "")] {
        for part in ["discussions", "notes?sort=asc"] {
            let mark = if part.contains('?') { '&' } else { '?' };
            let path = format!("/projects/42/issues/1/{part}{mark}per_page=10&page={page}");
            let response = client.get(&path).await;
            assert_eq!(header(&response, "x-next-page").as_deref(), Some(next));
            assert_eq!(header(&response, "x-total").as_deref(), Some("30"));
            let body: Vec<serde_json::Value> = response.json().await.unwrap();
            assert_eq!(body.len(), rows, "{path}");
        }
    }
}

#[tokio::test]
async fn point_06_pages_of_label_events_are_filtered_after_paging() {
    let sim = with_issues(1, |_| true).await;
    let at = ItemRef::issue(PROJECT, 1);
    sim.change(|upstream| {
        let label = upstream.create_label(PROJECT, "bug", None).unwrap();
        for _ in 0..3 {
            upstream.add_labels(at, 1, &[label]).unwrap();
            upstream.remove_labels(at, 1, &[label]).unwrap();
        }
        for event in &mut upstream.item_mut(at).unwrap().label_events[2..4] {
            event.audience = Audience::Project(0);
        }
    });
    let client = Client::new(&sim);
    for (page, rows) in [(1, 2), (2, 0), (3, 2)] {
        let path = format!("/projects/42/issues/1/resource_label_events?per_page=2&page={page}");
        let events = client.json(&path).await;
        assert_eq!(events.as_array().unwrap().len(), rows);
    }
}

#[tokio::test]
async fn point_17_an_item_updated_between_two_pages_shifts_the_rest() {
    let sim = with_issues(30, |_| true).await;
    let list = Route::Items(ItemKind::Issue);
    sim.change_after(RouteFilter::Route(list), 1, |upstream| {
        upstream.clock().advance(Duration::from_secs(1));
        upstream
            .set_title(ItemRef::issue(PROJECT, 15), 1, "new")
            .unwrap();
    });
    let client = Client::new(&sim);
    let path = "/projects/42/issues?order_by=updated_at&sort=asc&per_page=10&page=";
    let mut seen = Vec::new();
    for page in 1..=3 {
        seen.extend(iids(&client.json(&format!("{path}{page}")).await));
    }
    assert_eq!(seen.last(), Some(&15));
    assert!(
        seen.contains(&16),
        "it was not read yet, so nothing is lost"
    );

    // One that was read moves: the first of the next page slips through.
    sim.change_after(RouteFilter::Route(list), 1, |upstream| {
        upstream.clock().advance(Duration::from_secs(1));
        upstream
            .set_title(ItemRef::issue(PROJECT, 3), 1, "new")
            .unwrap();
    });
    let mut seen = Vec::new();
    for page in 1..=3 {
        seen.extend(iids(&client.json(&format!("{path}{page}")).await));
    }
    assert!(!seen.contains(&11), "{seen:?}");
}

#[tokio::test]
async fn point_19_unknown_names_are_ignored_and_reported_bad_values_are_400() {
    let sim = with_issues(3, |_| true).await;
    let client = Client::new(&sim);
    let rows = client
        .json("/projects/42/issues?since=2030-01-01&state=all")
        .await;
    assert_eq!(iids(&rows).len(), 3);
    assert_eq!(
        sim.requests().with_unknown_params()[0].unknown_params,
        ["since"]
    );
    for (query, body) in [
        (
            "state=open",
            r#"{"error":"state does not have a valid value"}"#,
        ),
        (
            "order_by=merged_at",
            r#"{"error":"order_by does not have a valid value"}"#,
        ),
        (
            "updated_after=yesterday",
            r#"{"error":"updated_after is invalid"}"#,
        ),
    ] {
        let path = format!("/projects/42/issues?{query}");
        assert_eq!(client.status(&path).await, (400, body.to_owned()));
    }
    let iid = client.status("/projects/42/issues/x").await;
    assert_eq!(iid, (400, r#"{"error":"issue_iid is invalid"}"#.to_owned()));
}

#[tokio::test]
async fn point_19_a_page_has_a_hundred_rows_at_most() {
    let sim = with_issues(120, |_| true).await;
    let response = Client::new(&sim)
        .get("/projects/42/issues?per_page=1000")
        .await;
    assert_eq!(header(&response, "x-per-page").as_deref(), Some("100"));
    assert_eq!(iids(&response.json().await.unwrap()).len(), 100);
}

#[tokio::test]
async fn filters_agree_with_the_upstream() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let upstream = sim.snapshot();
    let project = upstream.project(PROJECT).unwrap();
    let issues = || project.issues.values();
    let label = project
        .labels
        .values()
        .max_by_key(|label| {
            issues()
                .filter(|i| i.common.label_ids.contains(&label.id))
                .count()
        })
        .unwrap();
    let encoded = label.name.replace(' ', "%20").replace(':', "%3A");
    for (query, expected) in [
        (
            "state=closed".to_owned(),
            issues()
                .filter(|issue| issue.common.closed_at.is_some())
                .count(),
        ),
        (
            format!("labels={encoded}"),
            issues()
                .filter(|issue| issue.common.label_ids.contains(&label.id))
                .count(),
        ),
        (
            "confidential=true".to_owned(),
            issues().filter(|issue| issue.confidential).count(),
        ),
        (
            "author_username=user3".to_owned(),
            issues().filter(|issue| issue.common.author_id == 4).count(),
        ),
        (
            "iids[]=1&iids[]=2".to_owned(),
            issues().take_while(|i| i.common.iid <= 2).count(),
        ),
        ("author_username=nobody".to_owned(), 0),
        ("labels=no-such-label".to_owned(), 0),
    ] {
        let rows = client.all(&format!("/projects/42/issues?{query}")).await;
        assert_eq!(rows.len(), expected, "{query}");
    }
    let merged = client.all("/projects/42/merge_requests?state=merged").await;
    let expected = project
        .merge_requests
        .values()
        .filter(|merge_request| merge_request.merged_at.is_some());
    assert_eq!(merged.len(), expected.count());
}
