use lore_proto::ErrorCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wiremock::ResponseTemplate;

use super::{
    PROJECT, TOKEN, background, client, client_of, config, in_turn, requests_to, server, status,
};
use crate::gitlab::{Failure, GitLabError, HostConfig, Iid, MissingKind};

/// The error of a request that is answered by `answer`, which must have been
/// asked once only.
async fn refused_at_once(answer: ResponseTemplate) -> GitLabError {
    let server = in_turn(vec![answer]).await;
    let cancel = CancellationToken::new();
    let error = client(&server.uri())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert_eq!(requests_to(&server).await.len(), 1, "{error}");
    error
}

#[tokio::test]
async fn refusals_are_told_apart_by_status_and_not_retried() {
    for (code, expected) in [
        (400, ErrorCode::GitlabBadPayload),
        (401, ErrorCode::GitlabUnauthorized),
        (403, ErrorCode::GitlabForbidden),
        (404, ErrorCode::GitlabNotFound),
        (410, ErrorCode::GitlabNotFound),
        (422, ErrorCode::GitlabBadPayload),
        (302, ErrorCode::GitlabBadPayload),
    ] {
        let error = refused_at_once(status(code).set_body_json(json!({"message": "no"}))).await;
        assert_eq!(error.code(), expected, "{code}: {error}");
        assert!(!error.is_retryable(), "{code}");
    }
}

#[tokio::test]
async fn what_waits_for_its_turn_while_the_token_is_refused_is_not_sent() {
    let server = server(status(401).set_body_json(json!({"message": "401 Unauthorized"}))).await;
    let client = client_of(HostConfig {
        max_concurrent_requests: 1,
        ..config(&server.uri())
    });
    let cancel = CancellationToken::new();
    let call = background(&cancel);
    let asked = (1..=5).map(|iid| client.issue(&call, PROJECT, Iid(iid)));
    for answer in futures_util::future::join_all(asked).await {
        let error = answer.unwrap_err();
        assert_eq!(error.code(), ErrorCode::GitlabUnauthorized, "{error}");
    }
    assert_eq!(requests_to(&server).await.len(), 1);
    assert_eq!(client.budget().requests_total, 1);

    // One that is made afterwards asks again.
    client.issue(&call, PROJECT, Iid(6)).await.unwrap_err();
    assert_eq!(requests_to(&server).await.len(), 2);
}

#[tokio::test]
async fn the_three_404_bodies_tell_project_record_and_route_apart() {
    for (body, expected) in [
        (
            r#"{"message":"404 Project Not Found"}"#,
            MissingKind::Project,
        ),
        (r#"{"message":"404 Not found"}"#, MissingKind::Record),
        (r#"{"message":"404 Issue Not Found"}"#, MissingKind::Record),
        (r#"{"error":"404 Not Found"}"#, MissingKind::Route),
        ("<html>nginx: not found</html>", MissingKind::Unknown),
        ("not found", MissingKind::Unknown),
        ("", MissingKind::Unknown),
    ] {
        let error = refused_at_once(status(404).set_body_string(body)).await;
        assert_eq!(error.missing(), Some(expected), "{body}");
    }
}

#[tokio::test]
async fn every_shape_of_error_body_gives_its_words() {
    for (body, words) in [
        (r#"{"message":"401 Unauthorized"}"#, "401 Unauthorized"),
        (
            r#"{"error":"invalid_token","error_description":"Token was revoked."}"#,
            "invalid_token: Token was revoked.",
        ),
        (
            r#"{"error":"insufficient_scope","error_description":"Higher privileges.","scope":"api read_api"}"#,
            "insufficient_scope: Higher privileges.: api read_api",
        ),
        (
            r#"{"message":{"error":"Too many times."}}"#,
            "Too many times.",
        ),
        (
            r#"{"message":{"title":["is bad","is long"]}}"#,
            "title: is bad; is long",
        ),
        (r#"{"message":["one","two"]}"#, "one; two"),
        (r#"{"error":{"message":"deep"}}"#, "deep"),
        (
            r#"{"errors":[{"message":"Invalid token"}]}"#,
            "Invalid token",
        ),
        ("Plain words\n", "Plain words"),
        ("<html><body>blocked</body></html>", "Unauthorized"),
        (r"{}", "Unauthorized"),
    ] {
        let error = refused_at_once(status(401).set_body_string(body)).await;
        let expected = Failure::Unauthorized {
            reason: words.into(),
        };
        assert_eq!(error.failure, expected, "{body}");
    }
}

#[tokio::test]
async fn a_licence_gate_is_told_from_a_credential_problem() {
    for (message, gate) in [
        ("Blocked issues not available for current license", true),
        ("403 Forbidden", false),
    ] {
        let error = refused_at_once(status(403).set_body_json(json!({"message": message}))).await;
        match error.failure {
            Failure::Forbidden { licence_gate, .. } => assert_eq!(licence_gate, gate, "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_data_is_named_as_one() {
    for (page, kind, login) in [
        (
            "<!DOCTYPE html><a href=/users/sign_in>Sign in</a>",
            "text/html; charset=utf-8",
            true,
        ),
        (
            "<html>Our proxy is being repaired</html>",
            "text/html",
            false,
        ),
        ("\n  <html>SAML</html>", "application/json", true),
    ] {
        let answer = ResponseTemplate::new(200).set_body_raw(page, kind);
        let error = refused_at_once(answer).await;
        let expected = Failure::NotJson {
            looks_like_login_page: login,
        };
        assert_eq!(error.failure, expected, "{page}");
        assert_eq!(error.code(), ErrorCode::GitlabBadPayload);
        assert_eq!(error.is_retryable(), !login);
    }
}

#[tokio::test]
async fn an_error_names_the_request_and_never_the_token_or_the_query() {
    let echo = format!("bad token Bearer {TOKEN}\u{1b}[31m\r\nred\u{202e}");
    let answer = status(401)
        .set_body_json(json!({ "message": echo }))
        .insert_header(
            "x-gitlab-meta",
            r#"{"correlation_id":"01ABC","version":"1"}"#,
        );
    let server = in_turn(vec![answer]).await;
    let cancel = CancellationToken::new();
    let error = client(&server.uri())
        .search_projects(&background(&cancel), "private words", true, 5)
        .await
        .unwrap_err();
    assert_eq!(error.correlation_id.as_deref(), Some("01ABC"));
    let shown = format!("{error} {error:?} {}", error.advice());
    assert!(shown.contains("GET /api/v4/projects"), "{shown}");
    assert!(shown.contains("lore auth login --host gl"), "{shown}");
    for secret in [TOKEN, "private", "\u{1b}", "\u{202e}"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn without_a_token_a_401_asks_for_one() {
    let server = in_turn(vec![status(401)]).await;
    let cancel = CancellationToken::new();
    let mut anonymous = config(&server.uri());
    anonymous.token = None;
    let error = client_of(anonymous)
        .user(&background(&cancel))
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::TokenMissing);
    let requests = requests_to(&server).await;
    assert!(!requests[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_redirect_is_never_followed_and_shown_without_its_secrets() {
    let other = in_turn(vec![status(200)]).await;
    let target = other.uri().replace("://", "://me:pass@");
    let answer = status(302).insert_header(
        "location",
        format!("{target}/users/sign_in?private_token=abc"),
    );
    let error = refused_at_once(answer).await;
    match &error.failure {
        Failure::Moved {
            location: Some(location),
            project_id: None,
        } => assert_eq!(*location, format!("{}/users/sign_in", other.uri())),
        failure => panic!("{failure:?}"),
    }
    assert!(requests_to(&other).await.is_empty());
}
