use std::time::Duration;

use lore_proto::ErrorCode;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wiremock::ResponseTemplate;

use super::{
    PROJECT, RawServer, background, client, client_of, config, in_turn, issue, now, ok, raw_cut,
    raw_ok, requests_to, status,
};
use crate::gitlab::{Call, Failure, Iid, Lane};

#[tokio::test]
async fn overload_is_retried_until_it_is_over() {
    for code in [408, 500, 502, 503, 504, 520] {
        let server = in_turn(vec![status(code), status(code), ok(&issue(17))]).await;
        let cancel = CancellationToken::new();
        let found = client(&server.uri())
            .issue(&background(&cancel), PROJECT, Iid(17))
            .await
            .unwrap();
        assert_eq!((found.value.iid, found.requests), (Iid(17), 3), "{code}");
        assert_eq!(found.started_at, now());
        assert!(found.server_date.is_some());
    }
}

#[tokio::test]
async fn retries_end_and_the_last_answer_is_the_error() {
    let server = in_turn(vec![status(500), status(503)]).await;
    let cancel = CancellationToken::new();
    let error = client(&server.uri())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert_eq!(error.failure, Failure::Unavailable { status: 503 });
    assert_eq!(error.code(), ErrorCode::GitlabUnavailable);
    assert_eq!(requests_to(&server).await.len(), 5);
}

#[tokio::test]
async fn a_429_is_waited_out_and_costs_no_retry() {
    let busy = || {
        status(429)
            .insert_header("retry-after", "0")
            .set_body_string("Retry later")
    };
    let server = in_turn(vec![busy(), busy(), ok(&issue(17))]).await;
    let cancel = CancellationToken::new();
    let mut impatient = config(&server.uri());
    impatient.max_retries = 0;
    let client = client_of(impatient);
    let found = client
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap();
    assert_eq!(found.requests, 3);
    let answers = client.budget().answers;
    assert_eq!((answers.success, answers.rate_limited), (1, 2));
}

#[tokio::test]
async fn a_429_that_outlasts_the_deadline_fails_at_once_and_says_for_how_long() {
    for (name, value, seconds) in [
        ("retry-after", "40", 40),
        ("retry-after", "Fri, 20 Nov 2026 22:01:10 GMT", 70),
        ("ratelimit-reset", "1795212050", 50),
    ] {
        let server = in_turn(vec![
            status(429)
                .insert_header("date", "Fri, 20 Nov 2026 22:00:00 GMT")
                .insert_header(name, value),
        ])
        .await;
        let client = client(&server.uri());
        let cancel = CancellationToken::new();
        let soon = Call::interactive(&cancel, Instant::now() + Duration::from_secs(5));
        let error = client.issue(&soon, PROJECT, Iid(17)).await.unwrap_err();
        match error.failure {
            Failure::RateLimited {
                retry_after: Some(wait),
            } => assert!(
                wait > Duration::from_secs(seconds - 3) && wait < Duration::from_secs(seconds + 1),
                "{name}: {wait:?}"
            ),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(requests_to(&server).await.len(), 1, "{name}");
        // The pause is the host's: another request does not even ask.
        let next = client.user(&soon).await.unwrap_err();
        assert_eq!(next.code(), ErrorCode::GitlabRateLimited);
        assert_eq!(requests_to(&server).await.len(), 1, "{name}");
        assert!(client.budget().paused_until.is_some());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again() {
    let whole = issue(17).to_string();
    let server = RawServer::start(move |turn| match turn {
        0 | 1 => raw_cut(&whole, 40),
        _ => raw_ok(&whole),
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(server.url.as_str())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap();
    assert_eq!((found.value.iid, found.requests), (Iid(17), 3));
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_an_error_that_says_so() {
    let server = RawServer::start(|_| raw_cut("{\"id\": 1}", 5)).await;
    let cancel = CancellationToken::new();
    let error = client(server.url.as_str())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert!(
        matches!(error.failure, Failure::Truncated { received: 5, .. }),
        "{error}"
    );
    assert_eq!(server.seen(), 3);
}

#[tokio::test]
async fn json_that_ends_early_counts_as_broken_off_even_where_http_does_not_say_so() {
    let server = in_turn(vec![
        ResponseTemplate::new(200).set_body_raw("{\"id\": 1, ", "application/json"),
        ok(&issue(17)),
    ])
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await;
    assert_eq!(found.unwrap().requests, 2);
}

#[tokio::test]
async fn invalid_json_is_asked_for_once_more_and_another_form_is_not() {
    for (body, asked) in [("{\"id\": 1,,}", 2), ("{\"id\": \"x\"}", 1), ("[]", 1)] {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let server = in_turn(vec![answer]).await;
        let cancel = CancellationToken::new();
        let error = client(&server.uri())
            .issue(&background(&cancel), PROJECT, Iid(17))
            .await
            .unwrap_err();
        assert!(
            matches!(error.failure, Failure::BadPayload { .. }),
            "{body}: {error}"
        );
        assert_eq!(requests_to(&server).await.len(), asked, "{body}");
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_retried_and_named() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let cancel = CancellationToken::new();
    let client = client(&format!("http://{address}"));
    let error = client
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert!(matches!(error.failure, Failure::Network { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(client.budget().requests_total, 5);
}

#[tokio::test]
async fn a_connection_that_is_closed_without_an_answer_is_retried() {
    let server = RawServer::start(|turn| match turn {
        0 => Vec::new(),
        _ => raw_ok(&issue(17).to_string()),
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(server.url.as_str())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await;
    assert_eq!(found.unwrap().value.iid, Iid(17));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let server = in_turn(vec![ok(&json!({"title": "x".repeat(5_000)}))]).await;
    let cancel = CancellationToken::new();
    let mut small = config(&server.uri());
    small.max_body_bytes = 4_000;
    let error = client_of(small)
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert_eq!(error.failure, Failure::BodyTooLarge { limit: 4_000 });
    assert_eq!(requests_to(&server).await.len(), 1);
}

#[tokio::test]
async fn one_stall_leaves_time_for_another_attempt_before_the_deadline() {
    let server = in_turn(vec![
        ok(&issue(17)).set_delay(Duration::from_mins(1)),
        ok(&issue(17)),
    ])
    .await;
    let cancel = CancellationToken::new();
    let call = Call::interactive(&cancel, Instant::now() + Duration::from_secs(12));
    let found = client(&server.uri()).issue(&call, PROJECT, Iid(17)).await;
    assert_eq!(found.unwrap().requests, 2);
}

#[tokio::test]
async fn a_server_that_always_stalls_is_a_timeout_by_the_deadline() {
    let server = in_turn(vec![ok(&issue(17)).set_delay(Duration::from_mins(1))]).await;
    let cancel = CancellationToken::new();
    let call = Call::interactive(&cancel, Instant::now() + Duration::from_millis(400));
    let error = client(&server.uri())
        .issue(&call, PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
}

#[tokio::test]
async fn cancelling_ends_a_request_under_way() {
    let server = in_turn(vec![ok(&issue(17)).set_delay(Duration::from_mins(1))]).await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let call = background(&cancel);
    let (outcome, ()) = tokio::join!(client.issue(&call, PROJECT, Iid(17)), async {
        while requests_to(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert!(outcome.unwrap_err().is_cancelled());
    assert_eq!(client.budget().in_flight_background, 0);
    let refused = client.user(&call).await.unwrap_err();
    assert!(refused.is_cancelled());
    assert_eq!(requests_to(&server).await.len(), 1);
}

#[tokio::test]
async fn the_announced_budget_is_shown() {
    let server = in_turn(vec![
        ok(&issue(17))
            .insert_header("date", "Fri, 20 Nov 2026 22:00:00 GMT")
            .insert_header("ratelimit-limit", "2000")
            .insert_header("ratelimit-remaining", "1850")
            .insert_header("ratelimit-reset", "1795212060"),
    ])
    .await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let call = Call {
        lane: Lane::Interactive,
        ..background(&cancel)
    };
    client.issue(&call, PROJECT, Iid(17)).await.unwrap();
    let budget = client.budget();
    assert_eq!((budget.limit, budget.remaining), (Some(2000), Some(1850)));
    assert_eq!(budget.reset_at.unwrap().to_string(), "2026-11-20T22:01:00Z");
    assert_eq!((budget.requests_total, budget.answers.success), (1, 1));
}
