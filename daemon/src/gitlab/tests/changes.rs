use serde_json::json;
use tokio_util::sync::CancellationToken;
use wiremock::{Request, ResponseTemplate};

use super::{PROJECT, background, client, ok, query, server, status};
use crate::gitlab::Iid;
use crate::gitlab::models::ChangeKind;

const RAW: &str = "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\ndiff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n";

/// A merge request whose list of changes is cut after one file; the other
/// routes answer as given.
async fn cut_merge_request(
    raw_diffs: ResponseTemplate,
    changes: ResponseTemplate,
) -> wiremock::MockServer {
    server(move |request: &Request| {
        match request.url.path().rsplit('/').next().unwrap_or_default() {
            "diffs" => ok(&json!([{"old_path": "a", "new_path": "a", "diff": "@@"}])),
            "raw_diffs" => raw_diffs.clone(),
            "changes" => {
                assert_eq!(query(request, "access_raw_diffs").as_deref(), Some("true"));
                changes.clone()
            }
            other => panic!("{other}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_cut_list_of_changes_is_completed_from_the_raw_diff() {
    let raw = ResponseTemplate::new(200).set_body_raw(RAW, "text/plain");
    let server = cut_merge_request(raw, status(500)).await;
    let cancel = CancellationToken::new();
    for count in ["1000+", "2"] {
        let found = client(&server.uri())
            .merge_request_diffs(&background(&cancel), PROJECT, Iid(8), Some(count))
            .await
            .unwrap();
        assert!(found.value.complete);
        let kinds: Vec<_> = found
            .value
            .diffs
            .iter()
            .map(|diff| {
                (
                    diff.old_path.as_str(),
                    diff.new_path.as_str(),
                    diff.change_kind(),
                )
            })
            .collect();
        let expected = [
            ("a", "a", ChangeKind::Modified),
            ("x", "y", ChangeKind::Renamed),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(found.requests, 2);
    }
}

#[tokio::test]
async fn without_raw_diffs_the_changes_route_completes_the_list() {
    let changes = ok(&json!({"id": 1, "overflow": false, "changes": [
        {"old_path": "a", "new_path": "a"}, {"old_path": "b", "new_path": "b", "new_file": true}]}));
    let server = cut_merge_request(
        status(404).set_body_json(json!({"error": "404 Not Found"})),
        changes,
    )
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .merge_request_diffs(&background(&cancel), PROJECT, Iid(8), Some("1000+"))
        .await
        .unwrap();
    assert!(found.value.complete);
    assert_eq!(found.value.diffs.len(), 2);
}

#[tokio::test]
async fn a_cut_list_that_cannot_be_completed_is_marked() {
    let overflow = ok(&json!({"overflow": true, "changes": []}));
    let server = cut_merge_request(status(404), overflow).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .merge_request_diffs(&background(&cancel), PROJECT, Iid(8), Some("1000+"))
        .await
        .unwrap();
    assert!(!found.value.complete);
    assert_eq!(found.value.diffs.len(), 1);
}

#[tokio::test]
async fn a_list_that_has_every_file_is_not_fetched_twice() {
    let server = cut_merge_request(status(500), status(500)).await;
    let cancel = CancellationToken::new();
    for count in [Some("1"), Some(""), None] {
        let found = client(&server.uri())
            .merge_request_diffs(&background(&cancel), PROJECT, Iid(8), count)
            .await
            .unwrap();
        assert!(found.value.complete, "{count:?}");
        assert_eq!(found.requests, 1, "{count:?}");
    }
}
