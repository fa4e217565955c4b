//! A config that is changed by several at once.

use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// A GitLab that takes every token and knows every project.
async fn gitlab() -> MockServer {
    let server = MockServer::start().await;
    for (route, body) in [
        (
            "/api/v4/user",
            json!({ "id": 1, "username": "ada", "name": "Ada", "state": "active", "web_url": "" }),
        ),
        (
            "/api/v4/version",
            json!({ "version": "18.1.0", "revision": "a" }),
        ),
        (
            "/api/v4/projects/group%2Fproject",
            json!({ "id": 7, "path_with_namespace": "group/project", "name": "p", "web_url": "" }),
        ),
    ] {
        Mock::given(path(route))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    Mock::given(any())
        .respond_with(ResponseTemplate::new(404))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_set_ups_at_once_none_is_lost() {
    let gitlab = gitlab().await;
    let f = Fixture::new(Some("[sync]\ninterval_seconds = 0\n"));
    let started = f.start().await;
    let asked = (0..8).map(|number| {
        let ask = json!({
            "host": format!("h{number}.test"), "url": gitlab.uri(),
            "token": { "value": "glpat-secret" }, "projects": ["group/project"],
        });
        started.call("setup.write", ask)
    });
    for reply in futures_util::future::join_all(asked).await {
        assert_eq!(reply["result"]["written"], true, "{reply}");
    }
    let projects = started.call("projects.list", json!({})).await;
    let known = projects["result"]["projects"].as_array().unwrap();
    assert_eq!(known.len(), 8, "{projects}");
    started.stop().await;
}
