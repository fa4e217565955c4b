use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use lore_proto::setup::{AskProposals, Secret};
use serde_json::json;
use tempfile::TempDir;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::credentials::Surroundings;
use crate::sync;

const TOKEN: &str = "glpat-secret";

/// A GitLab that knows one token and one project.
async fn gitlab() -> MockServer {
    let server = MockServer::start().await;
    let routes = [
        (
            "/api/v4/user",
            json!({ "id": 1, "username": "ada", "name": "Ada", "state": "active", "web_url": "" }),
        ),
        (
            "/api/v4/version",
            json!({ "version": "18.1.0", "revision": "abc" }),
        ),
        (
            "/api/v4/personal_access_tokens/self",
            json!({ "id": 1, "name": "t", "scopes": ["read_api"], "expires_at": "2027-01-01" }),
        ),
        (
            "/api/v4/projects/group%2Fproject",
            json!({ "id": 7, "path_with_namespace": "Group/Project", "name": "Project", "web_url": "" }),
        ),
    ];
    for (route, body) in routes {
        Mock::given(method("GET"))
            .and(path(route))
            .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    Mock::given(path("/api/v4/user"))
        .respond_with(
            ResponseTemplate::new(401).set_body_json(json!({ "message": "401 Unauthorized" })),
        )
        .with_priority(9)
        .mount(&server)
        .await;
    Mock::given(wiremock::matchers::any())
        .respond_with(
            ResponseTemplate::new(404).set_body_json(json!({ "message": "404 Project Not Found" })),
        )
        .with_priority(10)
        .mount(&server)
        .await;
    server
}

struct Fixture {
    folder: TempDir,
    server: MockServer,
}

impl Fixture {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: gitlab().await,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("lore/config.toml")
    }

    fn setup(&self, token: &str, projects: &[&str]) -> Setup {
        Setup {
            host: "gitlab.example.com".to_owned(),
            url: Some(self.server.uri()),
            token: Some(AskedSource::Value(Secret::new(token))),
            projects: projects
                .iter()
                .map(|project| (*project).to_owned())
                .collect(),
            ca_file: None,
        }
    }

    /// As `setup.write` does it.
    async fn write(&self, ask: &Setup) -> Result<SetupReport, WireError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let current =
            Config::load(&self.config()).unwrap_or_else(|_| Config::empty(&self.config()));
        let current = Arc::new(current);
        let hosts = HostClients::new(
            Arc::clone(&current),
            sync::Hosts::default(),
            Arc::clone(&clock),
            1,
        )
        .with_surroundings(Surroundings::of(&[("GITLAB_TOKEN", TOKEN)]));
        let mut trial = Trial::new(ask, &self.config(), &current)?;
        let report = trial.check(&hosts, &BTreeSet::new(), clock.now()).await?;
        trial.write(report, &hosts.finder()).await
    }
}

#[tokio::test]
async fn what_was_checked_is_written_and_the_token_apart() {
    let f = Fixture::new().await;
    let report = f.write(&f.setup(TOKEN, &["group/project"])).await.unwrap();
    assert!(report.written);
    assert_eq!(report.username.as_deref(), Some("ada"));
    assert_eq!(report.gitlab_version.as_deref(), Some("18.1.0"));
    assert_eq!(
        (report.scopes, report.expires_at.as_deref()),
        (vec!["read_api".to_owned()], Some("2027-01-01"))
    );
    assert_eq!(report.projects[0].id, Some(7));
    let text = std::fs::read_to_string(f.config()).unwrap();
    assert!(
        text.starts_with("[hosts.\"gitlab.example.com\"]\n"),
        "{text}"
    );
    assert!(!text.contains(TOKEN), "{text}");
    let config = Config::load(&f.config()).unwrap();
    let host = &config.hosts["gitlab.example.com"];
    assert_eq!(host.projects, ["Group/Project"], "as GitLab spells it");
    let finder = Finder::new(&f.config(), Surroundings::of(&[]));
    let found = finder.find("gitlab.example.com", host, true).await.unwrap();
    assert_eq!(found.token, Token::new(TOKEN));
    for (path, mode) in [(f.config(), 0o600), (f.folder.path().join("lore"), 0o700)] {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
}

#[tokio::test]
async fn comments_and_the_rest_of_a_config_stay_as_they_are() {
    let f = Fixture::new().await;
    let folder = f.folder.path().join("lore");
    std::fs::create_dir(&folder).unwrap();
    let before = "# mine\n[sync]\ninterval_seconds = 60 # often\n\n[hosts.\"gitlab.example.com\"]\n\
                  token_env = \"OLD\"\n# all of them\nprojects = [\n  \"a/b\", # first\n]\n";
    let real = f.folder.path().join("dotfiles.toml");
    std::fs::write(&real, before).unwrap();
    std::os::unix::fs::symlink(&real, f.config()).unwrap();
    f.write(&f.setup(TOKEN, &["group/project"])).await.unwrap();
    let after = std::fs::read_to_string(&real).unwrap();
    for kept in [
        "# mine\n",
        "interval_seconds = 60 # often\n",
        "# all of them\n",
        "\"a/b\"",
    ] {
        assert!(after.contains(kept), "{after}");
    }
    assert!(!after.contains("token_env"), "{after}");
    assert!(f.config().is_symlink());
    let config = Config::load(&f.config()).unwrap();
    assert_eq!(
        config.hosts["gitlab.example.com"].projects,
        ["a/b", "Group/Project"]
    );
    // The same once more changes nothing.
    f.write(&f.setup(TOKEN, &["group/project"])).await.unwrap();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), after);
}

#[tokio::test]
async fn nothing_is_written_where_a_project_or_the_token_is_refused() {
    let f = Fixture::new().await;
    let report = f
        .write(&f.setup(TOKEN, &["group/project", "group/other", "x"]))
        .await
        .unwrap();
    assert!(!report.written);
    let codes: Vec<_> = report
        .projects
        .iter()
        .map(|project| project.error.as_ref().map(|e| e.code))
        .collect();
    assert_eq!(
        codes,
        [
            None,
            Some(ErrorCode::GitlabNotFound),
            Some(ErrorCode::Usage)
        ]
    );
    let error = f
        .write(&f.setup("glpat-wrong", &["group/project"]))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::GitlabUnauthorized);
    assert!(!format!("{error:?}").contains("glpat-wrong"), "{error:?}");
    assert!(!f.config().exists());
    assert!(!f.folder.path().join("lore/tokens").exists());
}

#[tokio::test]
async fn a_config_with_a_mistake_is_left_for_a_person_to_mend() {
    let f = Fixture::new().await;
    std::fs::create_dir(f.folder.path().join("lore")).unwrap();
    std::fs::write(f.config(), "[snyc]\n").unwrap();
    let error = f
        .write(&f.setup(TOKEN, &["group/project"]))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ConfigInvalid);
    assert_eq!(std::fs::read_to_string(f.config()).unwrap(), "[snyc]\n");
    assert!(!f.folder.path().join("lore/tokens").exists());
}

#[test]
fn a_host_that_can_be_none_is_refused() {
    let current = Config::empty(Path::new("/c/config.toml"));
    for (host, url) in [
        ("", None),
        ("a/b", None),
        ("a b", None),
        ("h", Some("ftp://h")),
        ("h", Some("https://u:p@h")),
    ] {
        let ask = Setup {
            host: host.to_owned(),
            url: url.map(str::to_owned),
            token: None,
            projects: Vec::new(),
            ca_file: None,
        };
        let error = Trial::new(&ask, Path::new("/c/config.toml"), &current).unwrap_err();
        assert_eq!(error.code, ErrorCode::Usage, "{host} {url:?}");
    }
}

#[tokio::test]
async fn a_variable_that_was_found_is_pinned_and_a_kept_token_gives_way_to_a_named_source() {
    let f = Fixture::new().await;
    let mut ask = f.setup(TOKEN, &["group/project"]);
    ask.token = None;
    f.write(&ask).await.unwrap();
    let token = || {
        Config::load(&f.config()).unwrap().hosts["gitlab.example.com"]
            .token
            .clone()
    };
    assert_eq!(token(), Some(TokenSource::Env("GITLAB_TOKEN".to_owned())));
    f.write(&f.setup(TOKEN, &["group/project"])).await.unwrap();
    assert_eq!(token(), None);
    let kept = f.folder.path().join("lore/tokens/gitlab.example.com");
    assert!(kept.is_file());
    ask.token = Some(AskedSource::Env("GITLAB_TOKEN".to_owned()));
    f.write(&ask).await.unwrap();
    assert_eq!(token(), Some(TokenSource::Env("GITLAB_TOKEN".to_owned())));
    assert!(!kept.exists());
}

#[tokio::test]
async fn what_to_type_for_a_host_that_is_not_configured_has_its_address() {
    let fixture = Fixture::new().await;
    let ask = Setup {
        token: Some(AskedSource::File("missing".into())),
        ..fixture.setup("", &["group/project"])
    };
    let error = fixture.write(&ask).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TokenMissing);
    assert_eq!(
        error.actions,
        [format!(
            "lore auth login --host gitlab.example.com --url {}/",
            fixture.server.uri()
        )]
    );
}

#[tokio::test]
async fn hosts_are_proposed_from_remotes_glab_the_environment_and_the_config() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("config.yml"),
        "host: gl.corp\nhosts:\n  gl.corp:\n    ssh_host: git.corp\n    ca_cert: /ca.pem\n    \
         api_host: api.corp\n    subfolder: gitlab\n    token: t\n",
    )
    .unwrap();
    let env = Surroundings::of(&[
        ("GLAB_CONFIG_DIR", home.path().to_str().unwrap()),
        ("GITLAB_HOST", "https://named.example:8443/"),
    ]);
    let file = home.path().join("config.toml");
    let text = "[hosts.\"Kept.example\"]\nprojects = [\"g/old\"]\n";
    let config = Config::parse(&file, text).unwrap();
    let finder = Finder::new(&file, env);
    let hosts = async |remotes: &[&str], host: Option<&str>| {
        let ask = AskProposals {
            remotes: remotes.iter().map(|&it| it.to_owned()).collect(),
            host: host.map(str::to_owned),
            url: None,
        };
        propose(&ask, &config, &finder).await.unwrap().hosts
    };
    let all = hosts(
        &[
            "git@github.com:a/b.git",
            "https://unknown.example:444/Group/New.git",
            "http://plain.example/g/p",
            "git@git.corp:g/by-ssh.git",
            "ssh://git@kept.example:2222/g/OLD.git",
            "../elsewhere",
        ],
        None,
    )
    .await;
    let names: Vec<&str> = all.iter().map(|it| it.host.as_str()).collect();
    assert_eq!(
        names,
        [
            "gl.corp",
            "Kept.example",
            "unknown.example:444",
            "plain.example",
            "named.example:8443"
        ]
    );
    let of = |name: &str| all.iter().find(|it| it.host == name).unwrap();
    assert_eq!(of("gl.corp").url, "https://api.corp/gitlab");
    assert_eq!(of("gl.corp").projects, ["g/by-ssh"]);
    assert_eq!(of("gl.corp").ca_file.as_deref(), Some("/ca.pem"));
    assert!(
        of("gl.corp")
            .token_source
            .as_ref()
            .unwrap()
            .contains("glab")
    );
    assert!(
        of("Kept.example").projects.is_empty(),
        "it is there already"
    );
    assert_eq!(of("Kept.example").configured_projects, ["g/old"]);
    assert_eq!(of("unknown.example:444").projects, ["Group/New"]);
    assert_eq!(of("plain.example").url, "http://plain.example");
    assert_eq!(of("plain.example").token_source, None);
    // One host by its name, in whatever case.
    let one = hosts(&[], Some("KEPT.example")).await;
    assert_eq!((one.len(), one[0].host.as_str()), (1, "Kept.example"));
    assert_eq!(
        one[0].token_page,
        "https://kept.example/-/user_settings/personal_access_tokens?name=lore&scopes=read_api"
    );
}

#[tokio::test]
async fn what_was_not_asked_for_stays_as_somebody_made_it_meanwhile() {
    let f = Fixture::new().await;
    let folder = f.folder.path().join("lore");
    std::fs::create_dir(&folder).unwrap();
    let host = "[hosts.\"gitlab.example.com\"]\n";
    let text = |rest: &str| format!("{host}url = \"{}\"\n{rest}", f.server.uri());
    let before = text("token_env = \"GITLAB_TOKEN\"\nca_file = \"/old.pem\"\n");
    let mut ask = f.setup(TOKEN, &["group/project"]);
    (ask.token, ask.url) = (None, None);
    let trial = Trial::new(
        &ask,
        &f.config(),
        &Config::parse(&f.config(), &before).unwrap(),
    );
    let after = text("token_command = [\"pass\"]\nca_file = \"/new.pem\"\n");
    std::fs::write(f.config(), &after).unwrap();
    let edited = trial.unwrap().edited(vec!["group/project".to_owned()]);
    edited.unwrap().write().unwrap();
    let written = std::fs::read_to_string(f.config()).unwrap();
    assert_eq!(written, format!("{after}projects = [\"group/project\"]\n"));
}

#[tokio::test]
async fn a_host_in_another_case_is_not_set_up_twice() {
    let f = Fixture::new().await;
    f.write(&f.setup(TOKEN, &["group/project"])).await.unwrap();
    let mut again = f.setup(TOKEN, &["group/project"]);
    again.host = "GitLab.Example.COM".to_owned();
    f.write(&again).await.unwrap();
    let config = Config::load(&f.config()).unwrap();
    assert_eq!(
        config.hosts.keys().collect::<Vec<_>>(),
        ["gitlab.example.com"]
    );
}
