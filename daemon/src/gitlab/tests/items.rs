use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::Request;

use super::{
    PROJECT, background, client, client_of, config, in_turn, issue, ok, requests_to, server, status,
};
use crate::gitlab::models::ClosesIssue;
use crate::gitlab::{Failure, Iid, Noteable, ProjectId, ProjectRef, Token};

fn project() -> Value {
    json!({"id": 42, "path_with_namespace": "g/sub/p", "web_url": "https://gl/g/sub/p"})
}

#[tokio::test]
async fn a_project_path_is_one_encoded_segment_below_a_relative_root() {
    let server = in_turn(vec![ok(&project())]).await;
    let cancel = CancellationToken::new();
    client(&format!("{}/gitlab/api/v4/", server.uri()))
        .project(&background(&cancel), ProjectRef::Path("/g/sub dir/p+x/"))
        .await
        .unwrap();
    let asked = requests_to(&server).await;
    assert_eq!(
        asked[0].url.path(),
        "/gitlab/api/v4/projects/g%2Fsub%20dir%2Fp%2Bx"
    );
    assert_eq!(asked[0].headers["authorization"], "Bearer glpat-the-secret");
    assert!(!asked[0].headers.contains_key("private-token"));
    assert_eq!(asked[0].headers["accept-encoding"], "gzip");
    assert!(
        asked[0].headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("lore/")
    );
}

#[tokio::test]
async fn a_renamed_project_is_asked_for_by_number_on_the_configured_host() {
    let server = server(|request: &Request| match request.url.path() {
        "/api/v4/projects/old%2Fp" => status(301)
            .insert_header(
                "location",
                "http://elsewhere.example/api/v4/projects/42?x=1",
            )
            .set_body_string("This resource has been moved permanently"),
        "/api/v4/projects/42" => ok(&project()),
        other => panic!("{other}"),
    })
    .await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .project(&background(&cancel), ProjectRef::Path("old/p"))
        .await
        .unwrap();
    assert_eq!(found.value.id, ProjectId(42));
    assert_eq!(found.value.path_with_namespace, "g/sub/p");
}

#[tokio::test]
async fn a_redirect_that_never_ends_is_an_error() {
    let server =
        server(|_: &Request| status(301).insert_header("location", "https://h/api/v4/projects/42"))
            .await;
    let cancel = CancellationToken::new();
    let error = client(&server.uri())
        .project(&background(&cancel), ProjectRef::Path("old/p"))
        .await
        .unwrap_err();
    assert!(matches!(error.failure, Failure::Moved { .. }), "{error}");
    assert_eq!(requests_to(&server).await.len(), 2);
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_without_a_request() {
    let server = in_turn(vec![ok(&project())]).await;
    let cancel = CancellationToken::new();
    for path in ["", "..", "p", "/p/", "g/\0"] {
        let refused = client(&server.uri())
            .project(&background(&cancel), ProjectRef::Path(path))
            .await;
        assert!(refused.is_err(), "{path:?}");
    }
    assert!(requests_to(&server).await.is_empty());
}

#[tokio::test]
async fn a_job_token_has_its_own_header() {
    let server = in_turn(vec![ok(&issue(1))]).await;
    let cancel = CancellationToken::new();
    let mut job = config(&server.uri());
    job.token = Some(Token::job("job-secret"));
    client_of(job)
        .issue(&background(&cancel), PROJECT, Iid(1))
        .await
        .unwrap();
    let asked = requests_to(&server).await;
    assert_eq!(asked[0].headers["job-token"], "job-secret");
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_token_that_cannot_be_introspected_is_unknown_and_no_error() {
    let cancel = CancellationToken::new();
    let old = in_turn(vec![
        status(404).set_body_json(json!({"error": "404 Not Found"})),
    ])
    .await;
    let none = client(&old.uri())
        .token_self(&background(&cancel))
        .await
        .unwrap();
    assert!(none.is_none());
    let new = in_turn(vec![ok(
        &json!({"id": 4711, "name": "n", "active": true, "revoked": false,
        "granular": false, "scopes": ["read_api"], "user_id": 31, "expires_at": "2027-01-04"}),
    )])
    .await;
    let info = client(&new.uri())
        .token_self(&background(&cancel))
        .await
        .unwrap();
    assert_eq!(info.unwrap().value.scopes, ["read_api"]);
}

#[tokio::test]
async fn unknown_null_and_absent_fields_do_not_matter() {
    let mut full = issue(17);
    for (key, value) in [
        (
            "labels",
            json!([{"id": 1, "name": "bug", "color": "#f00", "text_color": null, "x": 1}, "ui"]),
        ),
        ("assignees", Value::Null),
        ("discussion_locked", Value::Null),
        ("time_stats", Value::Null),
        ("task_completion_status", json!({"count": null})),
        (
            "author",
            json!({"id": 9, "username": "tom", "name": null, "locked": null}),
        ),
        (
            "milestone",
            json!({"id": 501, "group_id": 3, "title": "1.4", "due_date": null}),
        ),
        (
            "_links",
            json!({"self": "https://gl", "closed_as_duplicate_of": "https://gl/x"}),
        ),
        ("closed_at", json!("2026-11-03T17:40:12.801+01:00")),
        ("issue_type", json!("something_new")),
        ("brand_new_field", json!({"deep": [1, 2]})),
    ] {
        full[key] = value;
    }
    let server = in_turn(vec![ok(&full)]).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap()
        .value;
    let labels: Vec<_> = found
        .labels
        .iter()
        .map(|label| label.name.as_str())
        .collect();
    assert_eq!(labels, ["bug", "ui"]);
    assert_eq!(
        found.labels[0].details.as_ref().map(|label| label.id),
        Some(1)
    );
    assert_eq!(found.closed_at, "2026-11-03T16:40:12.801Z".parse().ok());
    assert_eq!(found.author.unwrap().username, "tom");
    assert_eq!(found.milestone.unwrap().group_id, Some(3));
    assert_eq!(
        found.links.closed_as_duplicate_of.as_deref(),
        Some("https://gl/x")
    );
    assert!(!found.discussion_locked && found.assignees.is_empty());
}

#[tokio::test]
async fn an_unprepared_merge_request_has_neither_diff_refs_nor_a_count() {
    let mut answer = issue(8);
    for (key, value) in [
        ("changes_count", Value::Null),
        ("diff_refs", Value::Null),
        ("prepared_at", Value::Null),
        ("source_project_id", Value::Null),
        ("draft", json!(true)),
        ("work_in_progress", json!(true)),
        ("merged_by", Value::Null),
        ("merge_user", Value::Null),
        ("state", json!("opened")),
    ] {
        answer[key] = value;
    }
    let server = in_turn(vec![ok(&answer)]).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .merge_request(&background(&cancel), PROJECT, Iid(8))
        .await
        .unwrap()
        .value;
    assert_eq!(
        (found.changes_count.as_str(), &found.diff_refs),
        ("", &None)
    );
    assert!(found.is_draft() && !found.changes_are_cut());
    assert_eq!(found.landed_commit(), None);
}

#[tokio::test]
async fn notes_keep_what_gitlab_leaves_out_apart_from_false() {
    let answer = json!([{"id": "6f1ed002ab5595859014ebf0951522d9f0f3c1aa", "individual_note": false, "notes": [
        {"id": 7001, "type": "DiffNote", "body": "Off by one?", "author": null, "resolvable": true,
         "resolved": false, "resolved_by": null, "noteable_iid": 8,
         "created_at": "2026-11-02T09:00:00.001Z", "updated_at": "2026-11-02T09:05:10.750Z",
         "position": {"base_sha": "aa", "start_sha": "aa", "head_sha": "1f", "old_path": "a", "new_path": "b",
            "position_type": "text", "old_line": null, "new_line": 12,
            "line_range": {"start": {"line_code": "x_1_1", "type": "new", "old_line": null, "new_line": 10},
                           "end": {"line_code": "x_1_3", "type": null, "old_line": 1, "new_line": 12}}}},
        {"id": 7002, "type": null, "body": "done", "system": true, "confidential": true},
        {"id": 7003, "type": "DiffNote", "position": {"position_type": "image", "x": 1.5, "y": 2, "width": 10, "height": 10}},
    ]}]);
    let server = in_turn(vec![ok(&answer)]).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .merge_request_discussions(&background(&cancel), PROJECT, Iid(8))
        .await
        .unwrap();
    assert!(found.is_complete());
    let notes = &found.items[0].notes;
    assert_eq!((notes[0].resolved, notes[1].resolved), (Some(false), None));
    let position = notes[0].position.as_ref().unwrap();
    let end = position
        .line_range
        .as_ref()
        .and_then(|range| range.end.as_ref());
    assert_eq!(end.and_then(|end| end.new_line), Some(12));
    assert!(notes[1].is_internal());
    assert_eq!(notes[2].position.as_ref().and_then(|it| it.x), Some(1.5));
}

#[tokio::test]
async fn events_survive_deleted_users_labels_and_milestones() {
    let server = server(|request: &Request| {
        let kind = request.url.path().rsplit('/').next().unwrap_or_default();
        ok(&match kind {
            "resource_state_events" => json!([{"id": 1, "user": null, "created_at": "2026-10-05T11:00:00.000Z",
                "resource_type": "Issue", "resource_id": 90, "state": "closed", "source_merge_request_id": 31337}]),
            "resource_label_events" => json!([{"id": 2, "user": null, "label": null, "action": "add"}]),
            "resource_milestone_events" => json!([{"id": 3, "milestone": null, "action": "remove"}]),
            other => panic!("{other}"),
        })
    })
    .await;
    let client = client(&server.uri());
    let cancel = CancellationToken::new();
    let call = background(&cancel);
    let of = Noteable::Issue;
    let states = client
        .state_events(&call, PROJECT, of, Iid(5))
        .await
        .unwrap();
    let labels = client
        .label_events(&call, PROJECT, of, Iid(5))
        .await
        .unwrap();
    let milestones = client
        .milestone_events(&call, PROJECT, of, Iid(5))
        .await
        .unwrap();
    assert_eq!(states.items[0].source_merge_request_id, Some(31337));
    assert_eq!(
        (labels.items[0].action.as_str(), &labels.items[0].label),
        ("add", &None)
    );
    assert_eq!(milestones.items[0].milestone, None);
}

#[tokio::test]
async fn closed_issues_may_be_of_other_projects_and_of_other_trackers() {
    let answer = json!([
        {"id": 90210, "iid": 17, "project_id": 7, "title": "here", "state": "opened"},
        {"id": "PROJ-123", "title": "there"},
    ]);
    let server = in_turn(vec![ok(&answer)]).await;
    let cancel = CancellationToken::new();
    let found = client(&server.uri())
        .closes_issues(&background(&cancel), PROJECT, Iid(8))
        .await
        .unwrap();
    let expected = [
        ClosesIssue::Internal {
            project_id: ProjectId(7),
            iid: Iid(17),
            id: 90210,
            title: "here".into(),
        },
        ClosesIssue::External {
            id: "PROJ-123".into(),
            title: "there".into(),
        },
    ];
    assert_eq!(found.items, expected);
}
