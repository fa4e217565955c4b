use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::Request;

use super::{background, client, in_turn, ok, requests_to, server, status};
use crate::gitlab::{Failure, Iid, MissingKind, ProjectId, StatusOutcome};

fn work_item(iid: &str, widgets: &Value) -> Value {
    json!({"id": "gid://gitlab/Issue/1", "iid": iid, "widgets": widgets})
}

async fn statuses_of(answer: Value) -> Result<StatusOutcome, Failure> {
    let server = in_turn(vec![ok(&answer)]).await;
    let cancel = CancellationToken::new();
    let outcome = client(&server.uri())
        .work_item_statuses(
            &background(&cancel),
            ProjectId(42),
            "g/p",
            &[Iid(5), Iid(6)],
        )
        .await;
    let asked = requests_to(&server).await;
    assert_eq!(asked[0].url.path(), "/api/graphql");
    let body: Value = asked[0].body_json().unwrap();
    assert_eq!(body["variables"]["iids"], json!(["5", "6"]));
    match outcome {
        Ok(outcome) => Ok(outcome.value),
        Err(error) => Err(error.failure),
    }
}

#[tokio::test]
async fn a_status_that_is_none_is_told_from_no_status_at_all() {
    let status = json!({"id": "gid://x/1", "name": "In progress", "category": "IN_PROGRESS",
        "color": "#00f", "iconName": "i", "position": 2});
    let nodes = [
        work_item(
            "5",
            &json!([{"type": "LABELS"}, {"type": "STATUS", "status": status}]),
        ),
        work_item("6", &json!([{"type": "STATUS", "status": null}])),
        work_item("7", &json!([{"type": "LABELS"}, null])),
        Value::Null,
    ];
    let answer = json!({"data": {"project": {"workItems": {
        "pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": nodes}}}});
    match statuses_of(answer).await {
        Ok(StatusOutcome::Supported(found)) => {
            let seen: Vec<_> = found
                .iter()
                .map(|it| {
                    (
                        it.iid.0,
                        it.has_widget,
                        it.status.as_ref().map(|it| it.name.as_str()),
                    )
                })
                .collect();
            let expected = [
                (5, true, Some("In progress")),
                (6, true, None),
                (7, false, None),
            ];
            assert_eq!(seen, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_instance_without_statuses_is_unsupported_and_no_error() {
    for code in [
        "undefinedField",
        "undefinedType",
        "selectionMismatch",
        "argumentNotAccepted",
    ] {
        let answer = json!({"errors": [{"message": "Whatever it says (Did you mean …?)",
            "extensions": {"code": code}}]});
        let outcome = statuses_of(answer).await;
        assert!(
            matches!(outcome, Ok(StatusOutcome::Unsupported(_))),
            "{code}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_instance_without_graphql_is_unsupported_and_no_error() {
    let server = in_turn(vec![status(404)]).await;
    let cancel = CancellationToken::new();
    let outcome = client(&server.uri())
        .work_item_statuses(&background(&cancel), ProjectId(42), "g/p", &[Iid(5)])
        .await
        .unwrap();
    assert!(matches!(outcome.value, StatusOutcome::Unsupported(_)));
}

#[tokio::test]
async fn other_graphql_errors_are_failures() {
    let missing = statuses_of(json!({"data": {"project": null}})).await;
    assert!(
        matches!(
            missing,
            Err(Failure::NotFound {
                kind: MissingKind::Project,
                ..
            })
        ),
        "{missing:?}"
    );
    let broken = statuses_of(json!({"data": {"project": {"workItems": null}},
        "errors": [{"message": "Internal server error: 1", "path": ["project"]}]}))
    .await;
    assert!(
        matches!(broken, Err(Failure::Unavailable { .. })),
        "{broken:?}"
    );
    let odd = statuses_of(json!({"errors": [{"message": "Nobody knows"}]})).await;
    assert!(matches!(odd, Err(Failure::BadPayload { .. })), "{odd:?}");
    let nothing = statuses_of(json!({})).await;
    assert!(
        matches!(nothing, Err(Failure::BadPayload { .. })),
        "{nothing:?}"
    );
}

#[tokio::test]
async fn a_query_that_is_too_complex_is_asked_in_smaller_parts() {
    let server = server(|request: &Request| {
        let body: Value = request.body_json().unwrap();
        let first = body["variables"]["first"].as_u64().unwrap();
        let iids = body["variables"]["iids"].as_array().unwrap().clone();
        assert!(iids.len() as u64 <= first);
        if first > 25 {
            return ok(&json!({"errors": [{"message":
                "Query has complexity of 312, which exceeds max complexity of 250"}]}));
        }
        let nodes: Vec<_> = iids
            .iter()
            .map(|iid| work_item(iid.as_str().unwrap(), &json!([{"type": "STATUS"}])))
            .collect();
        ok(&json!({"data": {"project": {"workItems": {"nodes": nodes}}}}))
    })
    .await;
    let iids: Vec<_> = (1..=60).map(Iid).collect();
    let cancel = CancellationToken::new();
    let outcome = client(&server.uri())
        .work_item_statuses(&background(&cancel), ProjectId(42), "g/p", &iids)
        .await
        .unwrap();
    match outcome.value {
        StatusOutcome::Supported(found) => {
            let found: Vec<_> = found.iter().map(|it| it.iid).collect();
            assert_eq!(found, iids);
        }
        other @ StatusOutcome::Unsupported(_) => panic!("{other:?}"),
    }
    assert_eq!(outcome.requests, 2 + 3);
}

#[tokio::test]
async fn statuses_are_walked_by_cursor() {
    let server = server(|request: &Request| {
        let body: Value = request.body_json().unwrap();
        assert_eq!(body["variables"]["since"], "2026-11-20T22:00:00Z");
        let (iid, more, cursor) = match body["variables"]["after"].as_str() {
            None => ("5", true, "c1"),
            Some("c1") => ("6", false, "c2"),
            Some(other) => panic!("{other}"),
        };
        ok(&json!({"data": {"project": {"workItems": {
            "pageInfo": {"hasNextPage": more, "endCursor": cursor},
            "nodes": [work_item(iid, &json!([]))]}}}}))
    })
    .await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let since = Some(super::now());
    let call = background(&cancel);
    let first = client
        .work_item_statuses_page(&call, ProjectId(42), "g/p", since, None)
        .await
        .unwrap();
    assert_eq!(first.value.next_cursor.as_deref(), Some("c1"));
    let last = client
        .work_item_statuses_page(&call, ProjectId(42), "g/p", since, Some("c1"))
        .await
        .unwrap();
    assert_eq!(last.value.next_cursor, None);
}
