//! Faults on purpose, limits on requests, slowness.

use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef};
use gitlab_sim::{
    ErrorBody, FaultKind, FaultRule, Latency, RateLimit, RetryAfter, Route, RouteFilter, Simulator,
    Throttle, When,
};
use serde_json::Value;

use crate::support::{Client, PROJECT, header, small};

const ISSUES: &str = "/projects/42/issues";

async fn faulty(kind: FaultKind, when: When) -> (Simulator, Client) {
    let sim = small(|_| {}).await;
    let list = RouteFilter::Route(Route::Items(ItemKind::Issue));
    sim.faults().add(FaultRule::new(list, kind, when));
    let client = Client::new(&sim);
    (sim, client)
}

#[tokio::test]
async fn point_15_a_budget_is_kept_and_told() {
    let sim = small(|options| options.rate_limit = Some(RateLimit::per_minute(2))).await;
    let client = Client::new(&sim);
    let first = client.get(ISSUES).await;
    assert_eq!(header(&first, "ratelimit-limit").as_deref(), Some("2"));
    assert_eq!(header(&first, "ratelimit-remaining").as_deref(), Some("1"));
    assert_eq!(header(&first, "ratelimit-observed").as_deref(), Some("1"));
    let reset: i64 = header(&first, "ratelimit-reset").unwrap().parse().unwrap();
    let now = sim.clock().now().as_secs();
    assert!(reset > now && reset <= now + 60, "absolute seconds");
    client.get(ISSUES).await;
    let refused = client.get(ISSUES).await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert_eq!(
        header(&refused, "content-type").as_deref(),
        Some("text/plain")
    );
    assert_eq!(refused.text().await.unwrap(), "Retry later\n");
    sim.clock().advance(Duration::from_secs(wait));
    assert_eq!(client.get(ISSUES).await.status(), 200);
}

#[tokio::test]
async fn point_15_the_other_429_has_json_and_no_headers() {
    let limit = RateLimit {
        throttle: Throttle::Endpoint,
        headers: false,
        ..RateLimit::per_minute(1)
    };
    let sim = small(|options| options.rate_limit = Some(limit)).await;
    let client = Client::new(&sim);
    assert_eq!(header(&client.get(ISSUES).await, "ratelimit-limit"), None);
    let refused = client.get(ISSUES).await;
    assert_eq!(refused.status(), 429);
    for name in ["retry-after", "ratelimit-reset", "ratelimit-remaining"] {
        assert_eq!(header(&refused, name), None);
    }
    let body: Value = refused.json().await.unwrap();
    assert!(
        body["message"]["error"]
            .as_str()
            .unwrap()
            .contains("too many times")
    );
}

#[tokio::test]
async fn point_15_retry_after_can_be_a_date_or_missing() {
    let kind = |retry_after| FaultKind::RateLimited(Throttle::RackAttack, retry_after, 90);
    let (sim, client) = faulty(kind(RetryAfter::Date), When::Nth(1)).await;
    let refused = client.get(ISSUES).await;
    let until = sim.clock().now() + Duration::from_secs(90);
    assert_eq!(header(&refused, "retry-after"), Some(until.http_date()));
    assert_eq!(
        header(&refused, "date"),
        Some(sim.clock().now().http_date())
    );
    let (_sim, client) = faulty(kind(RetryAfter::Absent), When::Always).await;
    assert_eq!(header(&client.get(ISSUES).await, "retry-after"), None);
}

#[tokio::test]
async fn point_15_errors_come_as_json_html_and_text() {
    for (body, kind) in [
        (ErrorBody::Json, "application/json"),
        (ErrorBody::Html, "text/html; charset=utf-8"),
        (ErrorBody::Text, "text/plain"),
    ] {
        let (_sim, client) = faulty(FaultKind::Status(502, body), When::Always).await;
        let response = client.get(ISSUES).await;
        assert_eq!(response.status(), 502);
        assert_eq!(header(&response, "content-type").as_deref(), Some(kind));
        assert_eq!(
            client.get("/version").await.status(),
            200,
            "other routes are well"
        );
    }
    let (_sim, client) = faulty(FaultKind::HtmlOk, When::Always).await;
    let response = client.get(ISSUES).await;
    assert_eq!(response.status(), 200);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
}

#[tokio::test]
async fn point_15_connections_are_reset() {
    let (sim, client) = faulty(FaultKind::Reset, When::Nth(1)).await;
    let error = client.try_get(ISSUES).await.unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
    let text = format!("{error:?}");
    assert!(
        text.contains("reset") || text.contains("IncompleteMessage"),
        "{text}"
    );
    assert_eq!(client.get(ISSUES).await.status(), 200);
    assert_eq!(sim.faults().injected().len(), 1);
}

#[tokio::test]
async fn point_15_bodies_break_off_half_way() {
    let (_sim, client) = faulty(FaultKind::HalfBody, When::Nth(1)).await;
    let mut response = client.get(ISSUES).await;
    assert_eq!(response.status(), 200);
    let length: usize = header(&response, "content-length")
        .unwrap()
        .parse()
        .unwrap();
    let mut got = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => got += chunk.len(),
            Ok(None) => panic!("it ended as if all was well"),
            Err(error) => break error,
        }
    };
    assert!(got > 0 && got < length, "{got} of {length}: {error}");
}

#[tokio::test]
async fn point_15_bodies_stall_and_the_simulator_still_stops() {
    let (sim, client) = faulty(FaultKind::Stall(None), When::Nth(1)).await;
    let mut response = client.get(ISSUES).await;
    let length: usize = header(&response, "content-length")
        .unwrap()
        .parse()
        .unwrap();
    let mut got = 0;
    while got < length / 2 {
        got += response.chunk().await.unwrap().unwrap().len();
    }
    let waiting = tokio::time::timeout(Duration::from_millis(100), response.chunk()).await;
    assert!(waiting.is_err(), "nothing more comes");
    drop(sim);
    let end = tokio::time::timeout(Duration::from_secs(10), response.chunk()).await;
    assert!(end.unwrap().is_err(), "the end of the simulator ends it");

    let held = FaultKind::Stall(Some(Duration::from_millis(20)));
    let (_sim, client) = faulty(held, When::Nth(1)).await;
    let response = client.get(ISSUES).await;
    let body = tokio::time::timeout(Duration::from_secs(10), response.bytes()).await;
    assert!(body.unwrap().is_err());
}

#[tokio::test]
async fn broken_json_wrong_projects_and_huge_bodies() {
    let (_sim, client) = faulty(FaultKind::InvalidJson, When::Always).await;
    let text = client.get(ISSUES).await.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err());

    let (_sim, client) = faulty(FaultKind::WrongProjectId(7), When::Always).await;
    let rows = client.json(ISSUES).await;
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .all(|row| row["project_id"] == 7)
    );

    let (_sim, client) = faulty(FaultKind::HugeBody(3_000_000), When::Always).await;
    let response = client.get(ISSUES).await;
    assert_eq!(header(&response, "content-length"), None);
    assert!(response.bytes().await.unwrap().len() > 3_000_000);
}

#[tokio::test]
async fn stale_lists_show_what_was_and_single_items_what_is() {
    let (sim, client) = faulty(FaultKind::StaleList, When::Always).await;
    let at = ItemRef::issue(PROJECT, 1);
    sim.clock().advance(Duration::from_secs(90));
    sim.change(|upstream| upstream.set_title(at, 1, "new title"))
        .unwrap();
    let listed = client.json("/projects/42/issues?iids[]=1").await;
    assert_ne!(listed[0]["title"], "new title");
    assert_eq!(
        client.json("/projects/42/issues/1").await["title"],
        "new title"
    );
    sim.faults().clear();
    let listed = client.json("/projects/42/issues?iids[]=1").await;
    assert_eq!(listed[0]["title"], "new title");
}

#[tokio::test]
async fn faults_strike_when_they_are_told_to() {
    let status = FaultKind::Status(500, ErrorBody::Empty);
    let hits = async |when: When| {
        let (sim, client) = faulty(status.clone(), when).await;
        let mut hits = Vec::new();
        for number in 1..=40 {
            if client.get(ISSUES).await.status() == 500 {
                hits.push(number);
            }
        }
        assert_eq!(sim.faults().injected().len(), hits.len());
        assert_eq!(
            sim.requests().count_where(|entry| entry.fault.is_some()),
            hits.len()
        );
        hits
    };
    assert_eq!(hits(When::Nth(3)).await, [3]);
    assert_eq!(hits(When::Times(2)).await, [1, 2]);
    let some = hits(When::Probability { p: 0.25, seed: 7 }).await;
    assert!(some.len() > 2 && some.len() < 25, "{some:?}");
    assert_eq!(some, hits(When::Probability { p: 0.25, seed: 7 }).await);
}

#[tokio::test]
async fn latency_holds_back_connecting_and_answering() {
    let sim = small(|_| {}).await;
    sim.set_latency(Latency {
        connect: Duration::from_mins(1),
        answer: Duration::ZERO,
    });
    let soon = Duration::from_millis(100);
    let client = Client::new(&sim);
    assert!(
        tokio::time::timeout(soon, client.get("/version"))
            .await
            .is_err()
    );
    assert!(sim.requests().is_empty(), "not even read");
    sim.set_latency(Latency {
        connect: Duration::ZERO,
        answer: Duration::from_mins(1),
    });
    let client = Client::new(&sim);
    assert!(
        tokio::time::timeout(soon, client.get("/version"))
            .await
            .is_err()
    );
    sim.set_latency(Latency::default());
    sim.faults().add(FaultRule::new(
        RouteFilter::Path("/user".to_owned()),
        FaultKind::Latency(Duration::from_mins(1)),
        When::Always,
    ));
    assert_eq!(client.get("/version").await.status(), 200);
    assert!(
        tokio::time::timeout(soon, client.get("/user"))
            .await
            .is_err()
    );
}
