use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::SignedDuration;
use lore_proto::auth::TokenStore;
use lore_proto::setup::Secret;
use serde_json::json;
use tempfile::TempDir;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clock::ManualClock;
use crate::credentials::Surroundings;
use crate::sync;

/// A GitLab that knows these tokens, each with its scope.
async fn gitlab(tokens: &[(&str, &str)]) -> MockServer {
    let server = MockServer::start().await;
    for (token, scope) in tokens {
        let user =
            json!({ "id": 1, "username": "ada", "name": "Ada", "state": "active", "web_url": "" });
        let facts = json!({ "id": 1, "name": "t", "scopes": [scope], "expires_at": "2026-12-01" });
        for (route, body) in [
            ("/api/v4/user", user),
            ("/api/v4/personal_access_tokens/self", facts),
        ] {
            Mock::given(path(route))
                .and(header("authorization", format!("Bearer {token}").as_str()))
                .respond_with(ResponseTemplate::new(200).set_body_json(body))
                .mount(&server)
                .await;
        }
    }
    let refusal = json!({ "message": "401 Unauthorized" });
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401).set_body_json(refusal))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

struct Fixture {
    folder: TempDir,
    server: MockServer,
    clock: Arc<ManualClock>,
    hosts: Arc<HostClients>,
    shared: sync::Hosts,
}

impl Fixture {
    async fn new(config: &str) -> Self {
        let server = gitlab(&[
            ("glpat-good", "read_api"),
            ("glpat-better", "read_api"),
            ("glpat-blind", "read_user"),
        ])
        .await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let config = config.replace("URL", &server.uri());
        let config = Arc::new(Config::parse(&file, &config).unwrap());
        let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
        let shared = sync::Hosts::default();
        let hosts = HostClients::new(config, shared.clone(), Arc::clone(&clock) as _, 1)
            .with_surroundings(Surroundings::of(&[]));
        Self {
            folder,
            server,
            clock,
            hosts: Arc::new(hosts),
            shared,
        }
    }

    /// What a sync does before it asks the host `h`.
    async fn refresh(&self) {
        self.hosts.refresh(["h"]);
        self.shared.client("h").await.unwrap();
    }

    fn now(&self) -> Timestamp {
        crate::clock::Clock::now(self.clock.as_ref())
    }

    async fn login(&self, host: Option<&str>, token: &str) -> Result<HostToken, WireError> {
        let ask = Login {
            host: host.map(str::to_owned),
            url: None,
            token: Secret::new(token),
            store: TokenStore::File,
        };
        login(&self.hosts, ask, self.now()).await
    }

    async fn status(&self) -> HostToken {
        let ask = AskStatus::default();
        status(&self.hosts, ask, self.now())
            .await
            .unwrap()
            .hosts
            .remove(0)
    }

    fn kept(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("tokens/h")).ok()
    }
}

const ONE: &str = "[hosts.h]\nurl = \"URL\"\n";

#[tokio::test]
async fn a_token_for_a_url_is_kept_for_its_host_and_no_other() {
    let f = Fixture::new(ONE).await;
    f.login(None, "glpat-good").await.unwrap();
    let other = gitlab(&[("glpat-other", "read_api")]).await;
    let ask = |host: Option<&str>, url: String, token: &str| Login {
        host: host.map(str::to_owned),
        url: Some(url),
        token: Secret::new(token),
        store: TokenStore::File,
    };
    let kept = login(&f.hosts, ask(None, other.uri(), "glpat-other"), f.now());
    let kept = kept.await.unwrap();
    let name = other.uri().replace("http://", "");
    assert_eq!(
        (kept.host.as_str(), kept.configured),
        (name.as_str(), false)
    );
    assert_eq!(f.kept().unwrap().trim(), "glpat-good");
    // Its own URL is the host that is configured.
    let kept = login(&f.hosts, ask(None, f.server.uri(), "glpat-better"), f.now());
    assert_eq!(kept.await.unwrap().host, "h");
    let error = login(
        &f.hosts,
        ask(Some("h"), other.uri(), "glpat-other"),
        f.now(),
    );
    assert_eq!(error.await.unwrap_err().code, ErrorCode::Usage);
    assert_eq!(f.kept().unwrap().trim(), "glpat-better");
}

#[tokio::test]
async fn a_token_is_kept_once_the_host_took_it_and_it_may_read() {
    let f = Fixture::new(ONE).await;
    let error = f.login(None, "glpat-wrong").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::GitlabUnauthorized);
    assert!(!format!("{error:?}").contains("glpat-wrong"));
    let error = f.login(None, "glpat-blind").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::GitlabForbidden);
    assert!(error.message.contains("read_user"), "{error}");
    assert_eq!(f.kept(), None);
    assert_eq!(
        f.status().await.error.unwrap().code,
        ErrorCode::TokenMissing
    );

    let kept = f.login(None, "glpat-good").await.unwrap();
    assert_eq!(kept.username.as_deref(), Some("ada"));
    assert!(kept.configured);
    assert_eq!(kept.expires_in_days, Some(10));
    assert!(kept.warnings[0].contains("ends in 10 days"), "{kept:?}");
    assert_eq!(f.kept().as_deref(), Some("glpat-good\n"));
    let status = f.status().await;
    assert_eq!(status.error, None);
    assert!(status.source.unwrap().ends_with("tokens/h"));

    let out = logout(&f.hosts, Logout::default()).await.unwrap();
    assert!(out.removed && out.remaining_source.is_none(), "{out:?}");
    assert_eq!(f.kept(), None);
}

#[tokio::test]
async fn the_host_is_named_where_there_are_several_and_may_be_a_new_one() {
    let f = Fixture::new(&format!("{ONE}[hosts.other]\n")).await;
    let error = f.login(None, "glpat-good").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
    assert!(
        error
            .actions
            .contains(&"lore auth login --host other".to_owned())
    );
    let out = logout(&f.hosts, Logout::default()).await.unwrap_err();
    assert_eq!(
        out.actions,
        ["lore auth logout --host h", "lore auth logout --host other"]
    );
    let ask = Login {
        host: Some("new.example".into()),
        url: Some(f.server.uri()),
        token: Secret::new("glpat-good"),
        store: TokenStore::File,
    };
    let kept = login(&f.hosts, ask, f.now()).await.unwrap();
    assert!(!kept.configured);
    assert_eq!(
        f.login(Some("a b"), "x").await.unwrap_err().code,
        ErrorCode::Usage
    );
}

#[tokio::test]
async fn another_project_leaves_a_host_its_budget_and_its_bounds() {
    let f = Fixture::new(ONE).await;
    f.login(None, "glpat-good").await.unwrap();
    f.refresh().await;
    f.status().await;
    let sent = || f.hosts.made("h").unwrap().budget().requests_total;
    let before = sent();
    assert!(before > 0);
    let file = f.folder.path().join("config.toml");
    let more = ONE.replace("URL", &f.server.uri()) + "projects = [\"g/p\"]\n";
    let config = Config::parse(&file, &more).unwrap();
    f.hosts.replace_config(Arc::new(config));
    f.refresh().await;
    assert_eq!(sent(), before);
}

#[tokio::test]
async fn a_refused_token_is_left_alone_until_it_changes_or_an_hour_has_gone() {
    let f = Fixture::new(ONE).await;
    f.login(None, "glpat-good").await.unwrap();
    f.refresh().await;
    assert!(f.hosts.refused().await.is_empty());
    let asked = async || f.server.received_requests().await.unwrap().len();

    // Revoked: the next request of a sync finds out.
    std::fs::write(f.folder.path().join("tokens/h"), "glpat-wrong\n").unwrap();
    f.refresh().await;
    let client = f.hosts.made("h").unwrap();
    let cancel = CancellationToken::new();
    client.user(&Call::background(&cancel)).await.unwrap_err();
    let warnings = f.hosts.warnings(f.now());
    assert_eq!(warnings[0].code, ErrorCode::GitlabUnauthorized);
    assert_eq!(warnings[0].actions, ["lore auth login --host h"]);
    let before = asked().await;
    assert!(f.hosts.refused().await.contains("h"));
    assert_eq!(asked().await, before, "it is not asked again");
    f.clock.advance(SignedDuration::from_mins(61));
    assert!(f.hosts.refused().await.contains("h"));
    assert_eq!(asked().await, before + 1, "one question an hour");

    f.login(None, "glpat-better").await.unwrap();
    assert!(f.hosts.refused().await.is_empty());
    assert_eq!(f.hosts.warnings(f.now()), []);
}

#[tokio::test]
async fn a_token_that_is_slow_to_come_holds_up_its_own_host_alone() {
    let slow = "[hosts.slow]\nurl = \"URL\"\ntoken_command = [\"sleep\", \"1000\"]\n";
    let f = Fixture::new(&format!("{ONE}\n{slow}")).await;
    f.login(Some("h"), "glpat-good").await.unwrap();
    f.hosts.refresh(["slow", "h"]);
    let fast = crate::server::testing::soon(f.shared.client("h"));
    fast.await.unwrap();
    assert!(f.shared.client("slow").now_or_never().is_none());
    // What another sync needs of the same host is asked for by itself.
    f.hosts.refresh(["h"]);
    assert!(f.shared.client("slow").now_or_never().is_none());
}
