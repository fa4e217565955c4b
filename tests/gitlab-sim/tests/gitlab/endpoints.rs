//! The endpoints, over real HTTP.

use crate::support::{Client, PROJECT, small};
use gitlab_sim::upstream::ItemKind;
use gitlab_sim::{FaultKind, FaultRule, Route, RouteFilter, When};
use serde_json::json;

#[tokio::test]
async fn every_row_of_every_list_is_there_exactly_once() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let upstream = sim.snapshot();
    let project = upstream.project(PROJECT).unwrap();
    for (collection, expected) in [
        ("issues", project.issues.keys().copied().collect::<Vec<_>>()),
        (
            "merge_requests",
            project.merge_requests.keys().copied().collect(),
        ),
    ] {
        let path =
            format!("/projects/42/{collection}?state=all&scope=all&order_by=updated_at&sort=asc");
        let rows = json!(client.all(&path).await);
        let mut iids = crate::support::iids(&rows);
        iids.sort_unstable();
        assert_eq!(iids, expected);
    }
}

#[tokio::test]
async fn every_part_of_every_item_answers_what_the_upstream_holds() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let upstream = sim.snapshot();
    let viewer = upstream.viewer(Some(sim.token())).unwrap();
    let project = upstream.project(PROJECT).unwrap();
    let issues = project
        .issues
        .values()
        .map(|issue| ("issues", &issue.common));
    let merge_requests = project
        .merge_requests
        .values()
        .map(|merge_request| ("merge_requests", &merge_request.common));
    for (collection, item) in issues.chain(merge_requests) {
        let base = format!("/projects/42/{collection}/{}", item.iid);
        let single = client.json(&base).await;
        assert_eq!(single["id"], item.id);
        assert_eq!(single["updated_at"], item.updated_at.rfc3339(0));
        let discussions = client.all(&format!("{base}/discussions")).await;
        let seen = item
            .discussions
            .iter()
            .filter(|discussion| viewer.sees_discussion(project, discussion));
        assert_eq!(discussions.len(), seen.count(), "{base}");
        let labels = client.all(&format!("{base}/resource_label_events")).await;
        let seen = item
            .label_events
            .iter()
            .filter(|event| viewer.sees_label_event(project, event));
        assert_eq!(labels.len(), seen.count(), "{base}");
        let states = client.all(&format!("{base}/resource_state_events")).await;
        assert_eq!(states.len(), item.state_events.len());
        let milestones = client
            .all(&format!("{base}/resource_milestone_events"))
            .await;
        assert_eq!(milestones.len(), item.milestone_events.len());
    }
    assert!(sim.requests().with_unknown_params().is_empty());
}

#[tokio::test]
async fn notes_can_be_had_one_by_one_and_as_a_flat_list() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let upstream = sim.snapshot();
    let project = upstream.project(PROJECT).unwrap();
    let issue = project
        .issues
        .values()
        .max_by_key(|issue| issue.common.notes().count())
        .unwrap();
    let base = format!("/projects/42/issues/{}", issue.common.iid);
    let notes = client
        .all(&format!("{base}/notes?sort=asc&order_by=updated_at"))
        .await;
    assert!(!notes.is_empty());
    for note in &notes {
        let one = client.json(&format!("{base}/notes/{}", note["id"])).await;
        assert_eq!(one, *note);
    }
    let discussion = client.all(&format!("{base}/discussions")).await.remove(0);
    let id = discussion["id"].as_str().unwrap();
    assert_eq!(
        client.json(&format!("{base}/discussions/{id}")).await,
        discussion
    );
    let notes = client.json(&format!("{base}/discussions/{id}/notes")).await;
    assert_eq!(notes, discussion["notes"]);
}

#[tokio::test]
async fn merge_requests_have_versions_commits_approvals_and_reviewers() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let base = "/projects/42/merge_requests/3";
    let versions = client.json(&format!("{base}/versions")).await;
    let id = &versions[0]["id"];
    let version = client.json(&format!("{base}/versions/{id}")).await;
    let diffs = client.all(&format!("{base}/diffs")).await;
    assert_eq!(version["diffs"], json!(diffs));
    let single = client.json(base).await;
    assert_eq!(single["diff_refs"]["head_sha"], version["head_commit_sha"]);
    let commits = client.json(&format!("{base}/commits")).await;
    assert!(
        commits[0]["authored_date"]
            .as_str()
            .unwrap()
            .ends_with("+02:00")
    );
    assert!(client.json(&format!("{base}/approvals")).await["approved"].is_boolean());
    assert!(client.json(&format!("{base}/reviewers")).await[0]["state"].is_string());
}

#[tokio::test]
async fn the_token_tells_of_itself_and_the_instance_of_its_version() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let token = client.json("/personal_access_tokens/self").await;
    assert_eq!(token["scopes"], json!(["read_api"]));
    let user = client.json("/user").await;
    assert_eq!(user["id"], token["user_id"]);
    assert_eq!(client.json("/version").await["version"], "18.5.1-ee");
    assert_eq!(client.json("/metadata").await["enterprise"], true);
    let found = client.json("/projects?search=app0&membership=true").await;
    assert_eq!(found[0]["path_with_namespace"], "acme/app0");
    assert_eq!(client.json("/projects?search=nothing").await, json!([]));
    assert_eq!(client.json("/projects/ACME%2fApp0").await["id"], PROJECT);
}

#[tokio::test]
async fn the_request_log_says_what_was_asked() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    sim.faults().add(FaultRule::new(
        RouteFilter::Route(Route::Labels),
        FaultKind::Status(500, gitlab_sim::ErrorBody::Json),
        When::Nth(1),
    ));
    client
        .get("/projects/acme%2Fapp0/labels?with_count=1&page=1")
        .await;
    client.get("/projects/42/issues/7").await;
    let log = sim.requests();
    let entries = log.entries();
    assert_eq!(entries[0].route, Route::Labels);
    assert_eq!(entries[0].project_id, Some(PROJECT));
    assert_eq!((entries[0].status, entries[0].fault), (500, Some("status")));
    assert_eq!(entries[0].unknown_params, ["with_count"]);
    assert_eq!(entries[0].param("page"), Some("1"));
    assert_eq!(log.count(Route::Item(ItemKind::Issue)), 1);
    assert_eq!(entries[1].iid, Some(7));
    assert_eq!(log.most_in_flight(), 1);
    log.clear();
    assert!(log.is_empty());
}

#[tokio::test]
async fn an_unchanged_answer_is_304_and_compression_is_honoured() {
    let sim = small(|options| options.gzip = true).await;
    let client = Client::new(&sim);
    let first = client.get("/projects/42/issues?per_page=100").await;
    let tag = crate::support::header(&first, "etag").unwrap();
    let plain = first.json::<serde_json::Value>().await.unwrap();
    let again = client
        .request("/projects/42/issues?per_page=100")
        .header("If-None-Match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status().as_u16(), 304);
    assert_eq!(again.bytes().await.unwrap().len(), 0);
    assert_eq!(
        crate::support::iids(&plain).len(),
        40.min(plain.as_array().unwrap().len())
    );
}

#[tokio::test]
async fn projects_are_searched_by_three_letters_or_a_whole_name_and_listed_briefly() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let project = sim.read(|upstream| upstream.project(PROJECT).unwrap().clone());
    let found = async |query: &str| {
        let path = format!("/projects?membership=true&search_namespaces=true&{query}");
        client.json(&path).await
    };
    let path = &project.path_with_namespace;
    let by_part = found(&format!("simple=true&search={}", &path[..3])).await;
    assert_eq!(by_part[0]["path_with_namespace"], path.as_str());
    assert_eq!(
        by_part[0]["archived"],
        json!(null),
        "a simple project is brief"
    );
    let whole = found(&format!("search={}", &path[..3])).await;
    assert_eq!(whole[0]["archived"], json!(false));
    assert_eq!(found(&format!("search={}", &path[..2])).await, json!([]));
}
