//! The shapes of diffs, notes, events and links.

use std::collections::BTreeSet;

use gitlab_sim::Simulator;
use gitlab_sim::upstream::{
    ClosingLink, DiffFile, EventAction, ItemRef, LinePoint, NewIssue, NewMergeRequest,
    NewMilestone, NewNote, Place, Position,
};
use serde_json::{Value, json};

use crate::support::{Client, PROJECT, empty, small};

const ISSUE: ItemRef = ItemRef::issue(PROJECT, 1);
const MERGE_REQUEST: ItemRef = ItemRef::merge_request(PROJECT, 1);

async fn with_files(files: Vec<DiffFile>, limit: Option<usize>) -> Simulator {
    let sim = empty(|options| options.diff_file_limit = limit).await;
    sim.change(|upstream| {
        let new = NewMergeRequest::new(1, "Change", files);
        upstream.create_merge_request(PROJECT, new).unwrap();
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Issue"))
            .unwrap();
    });
    sim
}

#[tokio::test]
async fn point_10_diffs_tell_every_kind_of_change_apart() {
    let files = vec![
        DiffFile::renamed("old.rs", "new.rs", "@@ -1 +1 @@\n-a\n+b\n"),
        DiffFile::renamed("pure.rs", "moved.rs", ""),
        DiffFile {
            b_mode: "100755".to_owned(),
            ..DiffFile::modified("run.sh", "")
        },
        DiffFile::added("logo.png", ""),
        DiffFile::deleted("gone", "@@ -1 +0,0 @@\n-a\n"),
        DiffFile {
            collapsed: true,
            ..DiffFile::modified("collapsed", "")
        },
        DiffFile {
            too_large: true,
            generated_file: None,
            ..DiffFile::modified("large", "")
        },
    ];
    let sim = with_files(files, None).await;
    let client = Client::new(&sim);
    let diffs = client.json("/projects/42/merge_requests/1/diffs").await;
    let fields = |index: usize, names: [&str; 3]| names.map(|name| diffs[index][name].clone());
    let flags = ["renamed_file", "new_file", "deleted_file"];
    assert_eq!(fields(0, flags), [json!(true), json!(false), json!(false)]);
    assert_eq!(diffs[0]["old_path"], "old.rs");
    assert_eq!(fields(1, flags), [json!(true), json!(false), json!(false)]);
    assert_eq!(diffs[1]["diff"], "");
    assert_eq!(
        fields(2, ["a_mode", "b_mode", "diff"]),
        ["100644", "100755", ""]
    );
    assert_eq!(fields(3, ["a_mode", "b_mode", "diff"]), ["0", "100644", ""]);
    assert_eq!(fields(3, flags), [json!(false), json!(true), json!(false)]);
    assert_eq!(fields(4, flags), [json!(false), json!(false), json!(true)]);
    assert_eq!(diffs[4]["b_mode"], "0");
    assert_eq!(diffs[5]["collapsed"], true);
    assert_eq!(diffs[6]["too_large"], true);
    assert!(diffs[6].get("generated_file").is_none());
    let unidiff = client
        .json("/projects/42/merge_requests/1/diffs?unidiff=true")
        .await;
    let text = unidiff[0]["diff"].as_str().unwrap();
    assert!(
        text.starts_with("--- a/old.rs\n+++ b/new.rs\n@@ "),
        "{text}"
    );
}

#[tokio::test]
async fn point_10_diffs_end_early_and_only_the_count_says_so() {
    let files = || {
        (0..13)
            .map(|number| DiffFile::added(format!("f{number:02}"), "@@ -0,0 +1 @@\n+x\n"))
            .collect()
    };
    let sim = with_files(files(), Some(10)).await;
    let client = Client::new(&sim);
    let base = "/projects/42/merge_requests/1";
    assert_eq!(client.json(base).await["changes_count"], "10+");
    assert_eq!(client.all(&format!("{base}/diffs")).await.len(), 10);
    let raw = client.status(&format!("{base}/raw_diffs")).await.1;
    assert_eq!(raw.matches("diff --git ").count(), 13);
    let changes = client.json(&format!("{base}/changes")).await;
    assert_eq!(changes["overflow"], true);
    assert_eq!(changes["changes"].as_array().unwrap().len(), 10);
    let all = client
        .json(&format!("{base}/changes?access_raw_diffs=true"))
        .await;
    assert_eq!(all["changes"].as_array().unwrap().len(), 13);
    assert_eq!(all["overflow"], false);

    let sim = empty(|options| {
        options.diff_file_limit = Some(10);
        options.raw_diffs = false;
        options.access_raw_diffs = false;
    })
    .await;
    sim.change(|upstream| {
        let new = NewMergeRequest::new(1, "Change", files());
        upstream.create_merge_request(PROJECT, new).unwrap();
    });
    let client = Client::new(&sim);
    let none = client.status(&format!("{base}/raw_diffs")).await;
    assert_eq!(none, (404, r#"{"error":"404 Not Found"}"#.to_owned()));
    let all = client
        .json(&format!("{base}/changes?access_raw_diffs=true"))
        .await;
    assert_eq!(all["changes"].as_array().unwrap().len(), 10);
}

fn position(place: Place) -> Position {
    Position {
        base_sha: "b".repeat(40),
        start_sha: "a".repeat(40),
        head_sha: "c".repeat(40),
        old_path: "a".to_owned(),
        new_path: "a".to_owned(),
        place,
    }
}

#[tokio::test]
async fn point_11_notes_have_the_fields_of_their_kind() {
    let sim = with_files(vec![DiffFile::modified("a", "")], None).await;
    let point = |line| LinePoint {
        old_line: None,
        new_line: Some(line),
    };
    sim.change(|upstream| {
        let text = Place::Text {
            old_line: None,
            new_line: Some(7),
            line_range: Some((point(5), point(7))),
        };
        let image = Place::Image {
            width: 10,
            height: 20,
            x: 1.5,
            y: 2.0,
        };
        for place in [text, image, Place::File] {
            let note = NewNote::on_diff(1, "on the diff", position(place));
            upstream.add_note(MERGE_REQUEST, note).unwrap();
        }
        upstream
            .add_note(MERGE_REQUEST, NewNote::comment(1, "plain"))
            .unwrap();
        let at = ISSUE;
        upstream
            .add_note(at, NewNote::thread(1, "on an issue"))
            .unwrap();
    });
    let client = Client::new(&sim);
    let discussions = client
        .json("/projects/42/merge_requests/1/discussions")
        .await;
    let note = |index: usize| &discussions[index]["notes"][0];
    assert_eq!(note(0)["type"], "DiffNote");
    assert_eq!(note(0)["resolved"], false);
    assert_eq!(note(0)["resolved_by"], Value::Null);
    assert_eq!(note(0)["noteable_iid"], 1);
    let range = &note(0)["position"]["line_range"];
    // sha1 of "a".
    let code = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8_0_5";
    assert_eq!(range["start"]["line_code"], code);
    assert_eq!(range["start"]["type"], "new");
    assert_eq!(note(1)["position"]["x"], 1.5);
    assert_eq!(note(1)["position"]["position_type"], "image");
    assert_eq!(note(2)["position"]["position_type"], "file");
    assert_eq!(note(2)["position"]["new_line"], Value::Null);
    let plain = note(3).as_object().unwrap();
    assert_eq!(plain["type"], Value::Null);
    for absent in [
        "resolved",
        "resolved_by",
        "resolved_at",
        "position",
        "attachment",
    ] {
        assert!(!plain.contains_key(absent), "{absent}");
    }
    let issue = client.json("/projects/42/issues/1/discussions").await;
    assert_eq!(issue[0]["notes"][0]["type"], "DiscussionNote");
    assert_eq!(issue[0]["notes"][0]["resolvable"], false);
}

#[tokio::test]
async fn point_12_events_outlive_labels_milestones_and_users() {
    let sim = with_files(Vec::new(), None).await;
    let client = Client::new(&sim);
    let user = sim.change(|upstream| {
        let user = upstream.add_user("leaver", "Leaver");
        let label = upstream.create_label(PROJECT, "gone", None).unwrap();
        let milestone = upstream
            .create_milestone(PROJECT, NewMilestone::default())
            .unwrap();
        upstream.add_labels(ISSUE, user, &[label]).unwrap();
        upstream
            .set_milestone(ISSUE, user, Some(milestone))
            .unwrap();
        upstream.close(ISSUE, user).unwrap();
        upstream.delete_label(PROJECT, label).unwrap();
        upstream.delete_milestone(PROJECT, milestone).unwrap();
        user
    });
    let issue = client.json("/projects/42/issues/1").await;
    assert_eq!(issue["labels"], json!([]));
    assert_eq!(issue["milestone"], Value::Null);
    let labels = client
        .json("/projects/42/issues/1/resource_label_events")
        .await;
    assert_eq!(labels[0]["label"], Value::Null);
    assert_eq!(labels[0]["action"], EventAction::Add.as_str());
    assert_eq!(labels[0]["user"]["id"], user);
    assert_eq!(labels[0]["resource_id"], issue["id"]);
    let milestones = client
        .json("/projects/42/issues/1/resource_milestone_events")
        .await;
    assert_eq!(milestones[0]["milestone"], Value::Null);
    sim.change(|upstream| upstream.delete_user(user));
    let states = client
        .json("/projects/42/issues/1/resource_state_events")
        .await;
    assert_eq!(states[0]["user"], Value::Null);
    assert_eq!(states[0]["state"], "closed");
}

#[tokio::test]
async fn point_12_a_deleted_author_is_the_ghost() {
    let sim = with_files(Vec::new(), None).await;
    sim.change(|upstream| upstream.delete_user(1));
    let issue = Client::new(&sim).json("/projects/42/issues/1").await;
    assert_eq!(issue["author"]["username"], "ghost");
}

#[tokio::test]
async fn point_13_closes_issues_reaches_other_projects_and_trackers() {
    let sim = with_files(Vec::new(), None).await;
    let other = sim.change(|upstream| {
        let other = upstream.create_project("acme/other");
        upstream
            .create_issue(other, NewIssue::new(1, "Elsewhere"))
            .unwrap();
        for link in [
            ClosingLink::Issue {
                project_id: other,
                iid: 1,
            },
            ClosingLink::External {
                id: "PROJ-123".to_owned(),
                title: "External".to_owned(),
            },
        ] {
            upstream.add_closing_link(PROJECT, 1, 1, link).unwrap();
        }
        other
    });
    let client = Client::new(&sim);
    let closes = client
        .json("/projects/42/merge_requests/1/closes_issues")
        .await;
    assert_eq!(closes[0]["project_id"], other);
    assert_eq!(closes[0]["iid"], 1);
    for absent in [
        "references",
        "_links",
        "moved_to_id",
        "severity",
        "subscribed",
    ] {
        assert!(closes[0].get(absent).is_none(), "{absent}");
    }
    assert_eq!(closes[1], json!({ "title": "External", "id": "PROJ-123" }));
    let user = sim.read(|upstream| upstream.tokens[sim.token()].user_id);
    sim.change(|upstream| upstream.set_membership(other, user, gitlab_sim::Access::None));
    let closes = client
        .json("/projects/42/merge_requests/1/closes_issues")
        .await;
    assert_eq!(
        closes.as_array().unwrap().len(),
        1,
        "what one may not read is left out"
    );
}

#[tokio::test]
async fn point_20_every_object_has_a_field_that_nobody_knows() {
    fn check(path: &str, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| check(path, value)),
            value => assert!(
                value.get("field_of_the_future").is_some(),
                "{path}: {value}"
            ),
        }
    }
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    for path in [
        "/projects/42",
        "/projects/42/issues",
        "/projects/42/issues/1",
        "/projects/42/labels",
        "/projects/42/milestones",
        "/projects/42/merge_requests",
        "/projects/42/merge_requests/3",
        "/projects/42/merge_requests/3/discussions",
        "/projects/42/merge_requests/3/diffs",
        "/projects/42/merge_requests/3/versions",
        "/projects/42/issues/1/resource_label_events",
        "/user",
        "/personal_access_tokens/self",
    ] {
        check(path, &client.json(path).await);
    }
    let sim = small(|options| options.extra_fields = false).await;
    let issue = Client::new(&sim).json("/projects/42/issues/1").await;
    assert!(!issue.to_string().contains("field_of_the_future"));
}

/// The keys that the reference's example of an issue has.
#[tokio::test]
async fn issues_and_merge_requests_have_gitlabs_keys() {
    let sim = small(|options| options.extra_fields = false).await;
    let client = Client::new(&sim);
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let issue = keys(&client.json("/projects/42/issues/1").await);
    for key in "id iid project_id title description state created_at updated_at closed_at \
                closed_by labels milestone assignees assignee author type issue_type \
                user_notes_count merge_requests_count upvotes downvotes due_date confidential \
                discussion_locked web_url time_stats task_completion_status has_tasks severity \
                references _links moved_to_id imported imported_from service_desk_reply_to \
                subscribed"
        .split_whitespace()
    {
        assert!(issue.contains(key), "{key}");
    }
    let merge_request = keys(&client.json("/projects/42/merge_requests/3").await);
    for key in "merged_by merge_user merged_at closed_by closed_at target_branch source_branch \
                source_project_id target_project_id reviewers merge_status \
                detailed_merge_status merge_after sha merge_commit_sha squash_commit_sha squash \
                squash_on_merge should_remove_source_branch force_remove_source_branch \
                prepared_at merge_when_pipeline_succeeds has_conflicts draft work_in_progress \
                blocking_discussions_resolved reference references subscribed changes_count \
                latest_build_started_at first_deployed_to_production_at pipeline head_pipeline \
                diff_refs merge_error first_contribution user"
        .split_whitespace()
    {
        assert!(merge_request.contains(key), "{key}");
    }
    let simple = client.json("/projects/42/merge_requests?view=simple").await;
    assert_eq!(keys(&simple[0]).len(), 9);
    let details = client
        .json("/projects/42/issues?with_labels_details=true&per_page=100")
        .await;
    let labelled = details
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["labels"] != json!([]));
    assert!(labelled.unwrap()["labels"][0]["color"].is_string());
}
