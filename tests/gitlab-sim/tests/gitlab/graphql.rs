//! GraphQL: status of work items, cheap sweeps, and all the ways to fail.

use gitlab_sim::upstream::{ItemRef, WorkItemStatus};
use gitlab_sim::{FaultKind, FaultRule, RateLimit, Route, RouteFilter, Tier, When};
use serde_json::{Value, json};

use crate::support::{Client, PROJECT, empty, small};

const STATUS: &str = "query Status($path: ID!, $iids: [String!]) {
  project(fullPath: $path) {
    workItems(iids: $iids, first: 100) {
      pageInfo { hasNextPage endCursor }
      nodes { id iid state updatedAt
        widgets { type ... on WorkItemWidgetStatus {
          status { id name category color iconName position } } } }
    }
  }
}";

const BULK: &str = "query($path: ID!, $since: Time, $after: String, $first: Int = 7) {
  project(fullPath: $path) {
    workItems(types: [ISSUE, TASK, INCIDENT], updatedAfter: $since, sort: UPDATED_ASC,
              first: $first, after: $after) {
      pageInfo { hasNextPage endCursor } nodes { iid updatedAt } } } }";

const SWEEP: &str = "query($path: ID!, $after: String) {
  project(fullPath: $path) {
    mergeRequests(first: 100, after: $after, sort: UPDATED_ASC, state: all) {
      pageInfo { hasNextPage endCursor } count nodes { iid updatedAt state } } } }";

#[tokio::test]
async fn point_18_status_is_a_widget_with_a_licence() {
    let sim = small(|_| {}).await;
    sim.change(|upstream| {
        let issue = upstream.issue_mut(PROJECT, 1).unwrap();
        "issue".clone_into(&mut issue.issue_type);
        upstream
            .set_status(PROJECT, 1, 1, WorkItemStatus::in_progress())
            .unwrap();
    });
    let client = Client::new(&sim);
    let (status, body) = client
        .graphql(STATUS, json!({ "path": "acme/app0", "iids": ["1"] }))
        .await;
    assert_eq!(status, 200);
    let nodes = &body["data"]["project"]["workItems"]["nodes"];
    assert_eq!(nodes.as_array().unwrap().len(), 1, "{body}");
    assert_eq!(nodes[0]["iid"], "1");
    assert!(
        nodes[0]["id"]
            .as_str()
            .unwrap()
            .starts_with("gid://gitlab/WorkItem/")
    );
    let widgets = nodes[0]["widgets"].as_array().unwrap();
    let widget = widgets
        .iter()
        .find(|widget| widget["type"] == "STATUS")
        .unwrap();
    assert_eq!(widget["status"]["name"], "In progress");
    assert_eq!(widget["status"]["category"], "IN_PROGRESS");
    let keys: Vec<&String> = widgets[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type"], "exactly what was selected");
}

#[tokio::test]
async fn point_18_other_tiers_lack_the_widget_or_its_type() {
    let variables = || json!({ "path": "acme/app0", "iids": ["1"] });
    let ask = async |tier| {
        let sim = small(|options| options.tier = tier).await;
        Client::new(&sim).graphql(STATUS, variables()).await
    };
    let (status, body) = ask(Tier::Ce).await;
    assert_eq!(status, 200);
    assert!(body.get("data").is_none());
    let error = &body["errors"][0];
    assert_eq!(error["extensions"]["code"], "undefinedType");
    assert_eq!(error["extensions"]["typeName"], "WorkItemWidgetStatus");
    assert!(error["locations"][0]["line"].is_u64());
    let (_, body) = ask(Tier::OldEnterprise).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "selectionMismatch");
    let (_, body) = ask(Tier::Free).await;
    let widgets = &body["data"]["project"]["workItems"]["nodes"][0]["widgets"];
    assert!(
        widgets
            .as_array()
            .unwrap()
            .iter()
            .all(|widget| widget["type"] != "STATUS")
    );
}

#[tokio::test]
async fn point_18_work_items_are_walked_by_update() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "path": "ACME/app0", "after": after });
        let (_, body) = client.graphql(BULK, variables).await;
        let page = &body["data"]["project"]["workItems"];
        for node in page["nodes"].as_array().unwrap() {
            let at = node["updatedAt"].as_str().unwrap();
            assert!(
                at.ends_with('Z') && !at.contains('.'),
                "whole seconds: {at}"
            );
            seen.push(node["iid"].as_str().unwrap().parse::<u64>().unwrap());
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let expected = sim.read(|upstream| {
        let issues = &upstream.project(PROJECT).unwrap().issues;
        let mut items: Vec<_> = issues.values().map(|issue| &issue.common).collect();
        items.sort_by_key(|item| (item.updated_at, std::cmp::Reverse(item.id)));
        items.iter().map(|item| item.iid).collect::<Vec<_>>()
    });
    assert_eq!(seen, expected);
    let since = sim.read(|up| {
        up.item(ItemRef::issue(PROJECT, expected[30]))
            .unwrap()
            .updated_at
    });
    let variables = json!({ "path": "acme/app0", "since": since.rfc3339_seconds() });
    let (_, body) = client.graphql(BULK, variables).await;
    let nodes = body["data"]["project"]["workItems"]["nodes"]
        .as_array()
        .unwrap()
        .len();
    assert!((1..=7).contains(&nodes), "{nodes}");
}

#[tokio::test]
async fn point_18_pages_have_a_hundred_nodes_at_most() {
    let sim = empty(|_| {}).await;
    sim.change(|upstream| {
        for _ in 0..130 {
            let new = gitlab_sim::upstream::NewMergeRequest::new(1, "x", Vec::new());
            upstream.create_merge_request(PROJECT, new).unwrap();
        }
    });
    let client = Client::new(&sim);
    let query = SWEEP.replace("first: 100", "first: 1000");
    let (_, body) = client.graphql(&query, json!({ "path": "acme/app" })).await;
    let page = &body["data"]["project"]["mergeRequests"];
    assert_eq!(page["nodes"].as_array().unwrap().len(), 100);
    assert_eq!(page["count"], 130);
    assert_eq!(page["nodes"][0]["state"], "opened");
    let after = page["pageInfo"]["endCursor"].clone();
    let variables = json!({ "path": "acme/app", "after": after });
    let (_, body) = client.graphql(SWEEP, variables).await;
    let page = &body["data"]["project"]["mergeRequests"];
    assert_eq!(page["nodes"].as_array().unwrap().len(), 30);
    assert_eq!(page["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn point_18_mistakes_are_told_as_gitlab_tells_them() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let code = async |query: &str| {
        let (status, body) = client.graphql(query, json!({})).await;
        assert_eq!(status, 200);
        assert!(body.get("data").is_none(), "{body}");
        body["errors"][0].clone()
    };
    let error =
        code("{ project(fullPath: \"acme/app0\") { issues { nodes { epic { id } } } } }").await;
    assert_eq!(error["extensions"]["code"], "undefinedField");
    assert_eq!(
        error["path"],
        json!(["query", "project", "issues", "nodes", "epic"])
    );
    assert_eq!(
        error["message"],
        "Field 'epic' doesn't exist on type 'Issue'"
    );
    let error = code("{ project(fullPath: \"acme/app0\") { workItem { id } } }").await;
    assert_eq!(error["extensions"]["code"], "undefinedField");
    let error = code("{ project(fullPath: \"a\") { issues(first: 1, nope: 2) { count } } }").await;
    assert_eq!(error["extensions"]["code"], "argumentNotAccepted");
    let error = code("{ project(fullPath: \"a\") { workItems(iids: [1]) { count } } }").await;
    assert_eq!(error["extensions"]["code"], "argumentLiteralsIncompatible");
    let error = code("{ project(fullPath: ").await;
    assert!(error["message"].is_string());
    assert!(
        code(STATUS).await["message"]
            .as_str()
            .unwrap()
            .contains("$path")
    );
}

#[tokio::test]
async fn point_18_complexity_is_limited_and_can_be_asked_for() {
    let sim = small(|options| options.max_complexity = 10).await;
    let client = Client::new(&sim);
    let (_, body) = client.graphql(SWEEP, json!({ "path": "acme/app0" })).await;
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("which exceeds max complexity of 10"),
        "{message}"
    );
    let query = "{ queryComplexity { score limit } }";
    let (_, body) = client.graphql(query, json!({})).await;
    assert_eq!(body["data"]["queryComplexity"]["limit"], 10);
}

#[tokio::test]
async fn point_18_what_may_not_be_seen_is_null() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let (status, body) = client.graphql(SWEEP, json!({ "path": "no/such" })).await;
    assert_eq!(
        (status, body),
        (200, json!({ "data": { "project": null } }))
    );
    sim.change(|upstream| upstream.rename_project(PROJECT, "acme/new"))
        .unwrap();
    let (_, body) = client.graphql(SWEEP, json!({ "path": "acme/app0" })).await;
    assert_eq!(
        body["data"]["project"],
        Value::Null,
        "old paths are not followed"
    );
    let client = Client::new(&sim).token(Some("nonsense"));
    let (status, body) = client.graphql(SWEEP, json!({ "path": "acme/new" })).await;
    assert_eq!(status, 401);
    assert_eq!(body, json!({ "errors": [{ "message": "Invalid token" }] }));
}

#[tokio::test]
async fn point_18_data_can_be_partial_and_requests_too_many() {
    let sim = small(|_| {}).await;
    sim.faults().add(FaultRule::new(
        RouteFilter::Route(Route::GraphQl),
        FaultKind::PartialData("workItems"),
        When::Nth(1),
    ));
    let client = Client::new(&sim);
    let variables = || json!({ "path": "acme/app0", "iids": ["1"] });
    let (status, body) = client.graphql(STATUS, variables()).await;
    assert_eq!(status, 200);
    assert_eq!(body["data"], json!({ "project": { "workItems": null } }));
    assert_eq!(body["errors"][0]["path"], json!(["project", "workItems"]));
    let logged = sim.requests().entries();
    assert!(
        logged[0]
            .body
            .as_deref()
            .unwrap()
            .contains("WorkItemWidgetStatus")
    );

    let sim = small(|options| options.rate_limit = Some(RateLimit::per_minute(1))).await;
    let client = Client::new(&sim);
    client.graphql(STATUS, variables()).await;
    assert_eq!(
        client.graphql(STATUS, variables()).await,
        (429, Value::Null)
    );
}

#[tokio::test]
async fn fragments_aliases_and_several_queries_at_once_work() {
    let sim = small(|_| {}).await;
    let client = Client::new(&sim);
    let query =
        "query A { p: project(fullPath: \"acme/app0\") { ...Facts } currentUser { username } }
                 fragment Facts on Project { path: fullPath issue(iid: \"1\") { iid __typename } }";
    let (_, body) = client.graphql(query, json!({})).await;
    assert_eq!(body["data"]["p"]["path"], "acme/app0");
    assert_eq!(
        body["data"]["p"]["issue"],
        json!({ "iid": "1", "__typename": "Issue" })
    );
    assert_eq!(body["data"]["currentUser"]["username"], "sim-mirror");
}
