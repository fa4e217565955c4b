//! Who may see what, and how a refusal looks.

use gitlab_sim::Simulator;
use gitlab_sim::upstream::{
    Access, Audience, ItemRef, NewIssue, NewMergeRequest, NewNote, Visibility,
};
use serde_json::json;

use crate::support::{Client, PROJECT, empty, header};

const NO_PROJECT: &str = r#"{"message":"404 Project Not Found"}"#;

/// Issue 1 is open to all, issue 2 confidential; there is one merge request.
async fn two_issues(visibility: Visibility) -> Simulator {
    let sim = empty(|_| {}).await;
    sim.change(|upstream| {
        upstream.project_mut(PROJECT).unwrap().visibility = visibility;
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Open"))
            .unwrap();
        let hidden = NewIssue {
            confidential: true,
            ..NewIssue::new(1, "Hidden")
        };
        upstream.create_issue(PROJECT, hidden).unwrap();
        let new = NewMergeRequest::new(1, "Change", Vec::new());
        upstream.create_merge_request(PROJECT, new).unwrap();
        let at = ItemRef::issue(PROJECT, 1);
        upstream
            .add_note(at, NewNote::comment(1, "for all"))
            .unwrap();
        let internal = NewNote::comment(1, "for members").internal();
        upstream.add_note(at, internal).unwrap();
        let user = upstream.add_user("guest", "Guest");
        upstream.add_token("weak", user, Access::Guest);
        let user = upstream.add_user("stranger", "Stranger");
        upstream.add_token("stranger", user, Access::None);
    });
    sim
}

#[tokio::test]
async fn point_01_everything_lives_under_a_relative_root() {
    let sim = empty(|options| options.relative_root = "/gitlab".to_owned()).await;
    assert!(sim.url().ends_with("/gitlab"));
    let project = Client::new(&sim).json("/projects/42").await;
    let web_url = project["web_url"].as_str().unwrap();
    assert_eq!(web_url, format!("{}/acme/app", sim.url()));
    let outside = format!("http://{}/api/v4/projects/42", sim.host());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(outside).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn point_02_a_private_project_does_not_exist_for_strangers() {
    let sim = two_issues(Visibility::Private).await;
    let unknown = Client::new(&sim).status("/projects/4711").await;
    assert_eq!(unknown, (404, NO_PROJECT.to_owned()));
    for token in [Some("stranger"), None] {
        let client = Client::new(&sim).token(token);
        for path in [
            "/projects/42",
            "/projects/42/issues",
            "/projects/acme%2Fapp/issues/1",
        ] {
            assert_eq!(client.status(path).await, unknown, "{path}");
        }
        assert_eq!(client.json("/projects").await, json!([]));
    }
}

#[tokio::test]
async fn point_02_bad_tokens_are_refused_even_for_public_data() {
    let sim = two_issues(Visibility::Public).await;
    let client = Client::new(&sim).token(Some("nonsense"));
    let refused = client.status("/projects/42").await;
    assert_eq!(
        refused,
        (401, r#"{"message":"401 Unauthorized"}"#.to_owned())
    );
    sim.change(|upstream| upstream.tokens.get_mut("weak").unwrap().revoked = true);
    let (status, body) = Client::new(&sim)
        .token(Some("weak"))
        .status("/projects/42")
        .await;
    assert_eq!(status, 401);
    assert!(
        body.contains("invalid_token") && body.contains("revoked"),
        "{body}"
    );
    sim.change(|upstream| {
        let token = upstream.tokens.get_mut("stranger").unwrap();
        token.expires_at = Some("2026-11-20".to_owned());
    });
    let (status, body) = Client::new(&sim)
        .token(Some("stranger"))
        .status("/user")
        .await;
    assert_eq!(status, 401);
    assert!(body.contains("expired"), "{body}");
}

#[tokio::test]
async fn point_02_bearer_and_private_token_are_the_same() {
    let sim = two_issues(Visibility::Private).await;
    let client = Client::new(&sim).token(None);
    let bearer = client
        .request("/user")
        .bearer_auth(sim.token())
        .send()
        .await;
    assert_eq!(bearer.unwrap().status(), 200);
    assert_eq!(client.status("/user").await.0, 401);
}

#[tokio::test]
async fn point_02_a_scope_too_small_is_403_and_says_so() {
    let sim = two_issues(Visibility::Private).await;
    let token = sim.token().to_owned();
    sim.change(|upstream| {
        upstream.tokens.get_mut(&token).unwrap().scopes = vec!["read_user".to_owned()];
    });
    let client = Client::new(&sim);
    assert_eq!(client.status("/user").await.0, 200);
    let (status, body) = client.status("/projects/42/issues").await;
    assert_eq!(status, 403);
    assert!(body.contains(r#""error":"insufficient_scope""#), "{body}");
}

#[tokio::test]
async fn point_02_guests_see_no_merge_requests_of_private_projects() {
    let sim = two_issues(Visibility::Private).await;
    let guest = Client::new(&sim).token(Some("weak"));
    assert_eq!(guest.status("/projects/42/merge_requests").await.0, 403);
    sim.change(|upstream| {
        upstream.project_mut(PROJECT).unwrap().visibility = Visibility::Public;
    });
    assert_eq!(guest.status("/projects/42/merge_requests/1").await.0, 200);
}

#[tokio::test]
async fn point_02_anonymous_callers_read_public_issues_but_no_discussions() {
    let sim = two_issues(Visibility::Public).await;
    let nobody = Client::new(&sim).token(None);
    assert_eq!(nobody.status("/projects/42/issues/1").await.0, 200);
    assert_eq!(nobody.all("/projects/42/issues/1/notes").await.len(), 1);
    for part in [
        "discussions",
        "resource_label_events",
        "resource_state_events",
    ] {
        let path = format!("/projects/42/issues/1/{part}");
        assert_eq!(nobody.status(&path).await.0, 401, "{part}");
    }
}

#[tokio::test]
async fn point_02_an_old_path_redirects_to_the_numeric_id() {
    let sim =
        empty(|options| options.redirect_base = Some("http://wrong.example".to_owned())).await;
    sim.change(|upstream| {
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "One"))
            .unwrap();
        upstream.rename_project(PROJECT, "acme/new").unwrap();
    });
    let client = Client::new(&sim);
    let moved = client.get("/projects/acme%2Fapp/issues/1?a=b").await;
    assert_eq!(moved.status(), 301);
    let location = header(&moved, "location").unwrap();
    assert_eq!(
        location,
        "http://wrong.example/api/v4/projects/42/issues/1?a=b"
    );
    assert_eq!(header(&moved, "content-type").unwrap(), "text/plain");
    let body = moved.text().await.unwrap();
    assert_eq!(
        body,
        format!("This resource has been moved permanently to {location}.")
    );
    // A case apart is no move.
    assert_eq!(client.status("/projects/ACME%2FNew").await.0, 200);
    // Who may not see it is not told where it went.
    sim.change(|upstream| {
        let user = upstream.add_user("x", "X");
        upstream.add_token("stranger", user, Access::None);
    });
    let stranger = Client::new(&sim).token(Some("stranger"));
    assert_eq!(stranger.status("/projects/acme%2Fapp").await.0, 404);
    // The redirect ends when somebody takes the old path.
    let taken = sim.change(|upstream| upstream.create_project("acme/app"));
    assert_eq!(client.json("/projects/acme%2Fapp").await["id"], taken);
}

#[tokio::test]
async fn point_03_links_name_the_configured_host_even_if_it_is_wrong() {
    let sim = empty(|options| options.link_host = Some("inner.example:8080".to_owned())).await;
    let response = Client::new(&sim).get("/projects/42/issues").await;
    let link = header(&response, "link").unwrap();
    assert!(link.starts_with("<http://inner.example:8080/api/v4/projects/42/issues?"));
}

#[tokio::test]
async fn point_11_weak_tokens_see_neither_internal_notes_nor_confidential_issues() {
    let sim = two_issues(Visibility::Private).await;
    let member = Client::new(&sim);
    let guest = Client::new(&sim).token(Some("weak"));
    assert_eq!(member.all("/projects/42/issues").await.len(), 2);
    assert_eq!(guest.all("/projects/42/issues").await.len(), 1);
    let hidden = guest.status("/projects/42/issues/2").await;
    assert_eq!(hidden, (404, r#"{"message":"404 Not found"}"#.to_owned()));
    assert_eq!(
        member.all("/projects/42/issues/1/discussions").await.len(),
        2
    );
    let seen = guest.all("/projects/42/issues/1/discussions").await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        guest.json("/projects/42/issues/1").await["user_notes_count"],
        1
    );
    let discussion = sim.read(|upstream| {
        let item = upstream.item(ItemRef::issue(PROJECT, 1)).unwrap();
        item.discussions[1].id.clone()
    });
    let path = format!("/projects/42/issues/1/discussions/{discussion}");
    assert_eq!(guest.status(&path).await.0, 404);
    assert_eq!(member.status(&path).await.0, 200);
}

#[tokio::test]
async fn point_14_lost_membership_looks_like_a_project_that_is_gone() {
    let sim = two_issues(Visibility::Private).await;
    let client = Client::new(&sim);
    let user = sim.read(|upstream| upstream.tokens[sim.token()].user_id);
    sim.change(|upstream| upstream.set_membership(PROJECT, user, Access::None));
    let lost = client.status("/projects/42/issues/1").await;
    assert_eq!(lost, (404, NO_PROJECT.to_owned()));
    sim.change(|upstream| upstream.set_membership(PROJECT, user, Access::Member));
    assert_eq!(client.status("/projects/42/issues/1").await.0, 200);
    sim.change(|upstream| upstream.delete_project(PROJECT))
        .unwrap();
    assert_eq!(client.status("/projects/42/issues/1").await, lost);
}

#[tokio::test]
async fn point_19_there_are_three_kinds_of_404() {
    let sim = two_issues(Visibility::Private).await;
    let client = Client::new(&sim);
    for (path, body) in [
        (
            "/projects/42/resource_iteration_events",
            r#"{"error":"404 Not Found"}"#,
        ),
        ("/projects/acme/app/issues", r#"{"error":"404 Not Found"}"#),
        ("/projects/none%2Fthere", NO_PROJECT),
        ("/projects/42/issues/99", r#"{"message":"404 Not found"}"#),
        (
            "/projects/42/merge_requests/99/diffs",
            r#"{"message":"404 Not found"}"#,
        ),
    ] {
        assert_eq!(client.status(path).await, (404, body.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_note_for_those_who_see_another_project_shows_only_to_them() {
    let sim = two_issues(Visibility::Private).await;
    let at = ItemRef::issue(PROJECT, 1);
    let other = sim.change(|upstream| {
        let other = upstream.create_project("secret/vault");
        let note = NewNote::system(1, "mentioned in secret/vault#1");
        upstream
            .add_note(at, note.audience(Audience::Project(other)))
            .unwrap();
        other
    });
    let client = Client::new(&sim);
    assert_eq!(
        client.all("/projects/42/issues/1/discussions").await.len(),
        3
    );
    let user = sim.read(|upstream| upstream.tokens[sim.token()].user_id);
    sim.change(|upstream| upstream.set_membership(other, user, Access::None));
    assert_eq!(
        client.all("/projects/42/issues/1/discussions").await.len(),
        2
    );
}
