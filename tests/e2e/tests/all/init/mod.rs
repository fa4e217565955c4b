//! `lore init` by the real programs: on a terminal, and what it asks of the
//! daemon.

mod terminal;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use gitlab_sim::upstream::Upstream;
use gitlab_sim::{Access, GeneratorConfig, Moment, RateLimit, Simulator, SimulatorBuilder};
use lore_e2e::{DaemonProcess, Home};
use lore_proto::methods::{ProjectsSearch, SetupCheck, SetupPropose};
use lore_proto::setup::{
    AskProposals, FindProjects, FoundProjects, ItemCount, ProposalOrigin, Secret, Setup,
    TokenSource,
};

use self::terminal::Terminal;
use crate::support::generated;

/// A home without a config, in whose checkout the remote `origin` leads to the
/// simulator's first project.
struct Stage {
    home: Home,
    daemon: DaemonProcess,
    sim: Simulator,
}

impl Stage {
    async fn set(projects: usize, change: impl FnOnce(&mut Upstream)) -> Self {
        let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
        let config = GeneratorConfig {
            projects,
            ..generated(71, 6)
        };
        let sim = SimulatorBuilder::new()
            .now(now)
            .generate(&config)
            .upstream(change)
            .with(|options| options.rate_limit = Some(RateLimit::per_minute(600)))
            .start_blocking()
            .unwrap();
        sim.clock().follow_real_time();
        let home = Home::of("", "");
        std::fs::remove_file(home.path().join("config.toml")).unwrap();
        let git = home.path().join(".git");
        for folder in ["objects", "refs"] {
            std::fs::create_dir_all(git.join(folder)).unwrap();
        }
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let remote = format!(
            "[remote \"origin\"]\n\turl = {}/{}.git\n",
            sim.url(),
            paths(&sim)[0]
        );
        std::fs::write(git.join("config"), remote).unwrap();
        let glab = home.path().join(".config/glab-cli");
        std::fs::create_dir_all(&glab).unwrap();
        let hosts = "host: gl.corp\nhosts:\n  gl.corp:\n    token: glpat-corp\n    user: ada\n";
        std::fs::write(glab.join("config.yml"), hosts).unwrap();
        let daemon = home.start().await;
        Self { home, daemon, sim }
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    fn lore(&self, words: &[&str]) -> Command {
        let mut lore = self.home.lore(words);
        lore.env("NO_COLOR", "1");
        lore
    }

    fn host(&self) -> String {
        self.sim.url().replace("http://", "")
    }
}

/// The projects of the simulator, by number.
fn paths(sim: &Simulator) -> Vec<String> {
    sim.read(|upstream| {
        let projects = upstream.projects.values();
        projects.map(|it| it.path_with_namespace.clone()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_leads_from_nothing_to_a_mirror_and_later_adds_to_it() {
    let stage = Stage::set(3, |_| {}).await;
    let (token, host, all) = (
        stage.sim.token().to_owned(),
        stage.host(),
        paths(&stage.sim),
    );
    let browser = stage.home.path().join("browser");
    let opened = stage.home.path().join("opened");
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > {}\n", opened.display());
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();

    let mut lore = stage.lore(&["init"]);
    lore.env("BROWSER", &browser);
    let mut talk = Terminal::run(lore);
    talk.at("gl.corp", "");
    talk.at(&format!("by number or name [{host}]: "), "127.0.0.1:1\r");
    talk.at("or o to open that page: ", "glpat-1\r");
    talk.at("error: 127.0.0.1:1: ", "");
    talk.at("by number or name", "1\r");
    talk.at("or o to open that page: ", "o\r");
    talk.at("Opened ", "");
    talk.at("or o to open that page: ", "glpat-wrong\r");
    talk.at("does not accept the token", "");
    talk.at("or o to open that page: ", &format!("{token}\r"));
    talk.at("GitLab 18", "");
    talk.at(&format!("Projects [{}]: ", all[0]), "app\r");
    talk.at("   3  ", "");
    talk.at("Projects [", "nothing like it\r");
    talk.at("No project that you can see", "");
    talk.at("Projects [", "9\r");
    talk.at("The list has the numbers 1 to 3", "");
    talk.at("Projects [", &format!("{}\r", all[0]));
    talk.at("or Enter to go on: ", "\r");
    talk.at("readable, 6 issues, 6 merge requests", "");
    assert!(
        !stage.config().exists(),
        "nothing is written before it is said"
    );
    talk.at("[Y/n] ", "\r");
    talk.at("The first sync takes about ", "");
    talk.at("allows 600 a minute", "");
    talk.at("[Y/n] ", "\r");
    let (screen, exit) = talk.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("succeeded"), "{screen}");
    for secret in [token.as_str(), "glpat-wrong", "glpat-corp"] {
        assert!(!screen.contains(secret), "{screen}");
    }
    let page = format!(
        "{}/-/user_settings/personal_access_tokens?name=lore&scopes=read_api",
        stage.sim.url()
    );
    assert!(screen.contains(&page), "{screen}");
    assert_eq!(std::fs::read_to_string(opened).unwrap(), page);

    let written = std::fs::read_to_string(stage.config()).unwrap();
    assert!(!written.contains(&token), "{written}");
    let written = format!("# mine\n{written}\n[sync] # slow\ninterval_seconds = 0\n");
    std::fs::write(stage.config(), &written).unwrap();
    let mut talk = Terminal::run(stage.lore(&["init"]));
    talk.at("set up already, a remote of this folder", "");
    talk.at("by number or name", "\r");
    talk.at("is there: file ", "");
    talk.at("Enter uses it", "\r");
    talk.at("1 project of it set up already", "");
    talk.at("Projects: ", &format!("{}/{}\r", stage.sim.url(), all[1]));
    talk.at("or Enter to go on: ", "\r");
    talk.at("[Y/n] ", "y\r");
    talk.at("Run the first sync now? [Y/n] ", "n\r");
    let (screen, exit) = talk.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(
        screen.contains("`lore sync` starts the first sync."),
        "{screen}"
    );
    let after = std::fs::read_to_string(stage.config()).unwrap();
    for kept in ["# mine\n", "[sync] # slow\n", &all[0], &all[1]] {
        assert!(after.contains(kept), "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_any_question_writes_nothing_and_leaves_the_terminal_as_it_was() {
    let stage = Stage::set(1, |_| {}).await;
    let token = format!("{}\r", stage.sim.token());
    let path = format!("{}\r", paths(&stage.sim)[0]);
    let questions = [
        ("by number or name", "\r"),
        ("or o to open that page: ", token.as_str()),
        ("Projects [", path.as_str()),
        ("or Enter to go on: ", "\r"),
        ("[Y/n] ", ""),
    ];
    for (last, (words, _)) in questions.iter().enumerate() {
        let mut talk = Terminal::run(stage.lore(&["init"]));
        for (words, answer) in &questions[..last] {
            talk.at(words, answer);
        }
        let key = if last % 2 == 0 { "\u{3}" } else { "\u{4}" };
        talk.at(words, key);
        talk.at("nothing was written", "");
        let (usable, exit) = talk.end_and_look();
        assert_eq!(exit, Some(130), "{words}");
        assert!(usable, "the terminal is left without echo or signals");
        assert!(!stage.config().exists(), "{words}");
        assert!(!stage.home.path().join("tokens").exists(), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_flags_nothing_is_asked_on_a_terminal_either() {
    let stage = Stage::set(1, |_| {}).await;
    let file = stage.home.path().join("token");
    std::fs::write(&file, stage.sim.token()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let url = stage.sim.url();
    let words = [
        "init",
        "--url",
        &url,
        "-p",
        &paths(&stage.sim)[0],
        "--token-file",
        "token",
    ];
    let (screen, exit) = Terminal::run(stage.lore(&words)).end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(!screen.contains("[Y/n]"), "{screen}");
    assert!(screen.contains("The first sync takes about "), "{screen}");
    assert!(stage.config().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_found_among_thousands_and_a_cut_list_says_so() {
    let stage = Stage::set(1, |upstream| {
        for number in 0..2_500 {
            upstream.create_project(&format!("many/service-{number}"));
        }
        let open = upstream.create_project("elsewhere/public-one");
        upstream.project_mut(open).unwrap().visibility = gitlab_sim::upstream::Visibility::Public;
        let ada = upstream.add_user("ada", "Ada");
        upstream.add_token("glpat-ada", ada, Access::None);
    })
    .await;
    let mut connection = stage.daemon.connect().await.unwrap();
    let mut find = async |token: &str, query: &str| {
        let ask = FindProjects {
            host: stage.host(),
            url: Some(stage.sim.url()),
            token: Some(TokenSource::Value(Secret::new(token))),
            ca_file: None,
            query: query.to_owned(),
            limit: 10,
        };
        connection.call::<ProjectsSearch>(&ask).await
    };
    let names = |found: &FoundProjects| -> Vec<String> {
        found.projects.iter().map(|it| it.path.clone()).collect()
    };
    let token = stage.sim.token();
    let many = find(token, "service").await.unwrap();
    assert_eq!((many.projects.len(), many.total), (10, Some(2_500)));
    assert!(many.more && many.membership && !many.exact);
    let one = find(token, "service-1234").await.unwrap();
    assert_eq!(names(&one), ["many/service-1234"]);
    assert!(!one.more);
    for exact in [
        "many/service-7".to_owned(),
        format!("{}/many/service-7/-/issues/3", stage.sim.url()),
    ] {
        let found = find(token, &exact).await.unwrap();
        assert!(found.exact, "{exact}");
        assert_eq!(names(&found), ["many/service-7"]);
    }
    let none = find(token, "se").await.unwrap();
    assert!(none.projects.is_empty(), "two letters are a whole name");
    let recent = find(token, "").await.unwrap();
    assert!(recent.more && recent.projects.len() == 10);
    let elsewhere = find(token, "https://evil.example/a/b").await.unwrap_err();
    assert_eq!(elsewhere["data"]["code"], "USAGE");
    // Who is a member of nothing still finds what is public.
    let public = find("glpat-ada", "public").await.unwrap();
    assert_eq!(names(&public), ["elsewhere/public-one"]);
    assert!(!public.membership);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_the_token_may_until_when_and_how_much_there_is() {
    let stage = Stage::set(1, |upstream| {
        let user = *upstream.users.keys().next().unwrap();
        for (secret, scope) in [("glpat-soon", "read_api"), ("glpat-blind", "read_user")] {
            upstream.add_token(secret, user, Access::Member);
            let token = upstream.tokens.get_mut(secret).unwrap();
            token.scopes = vec![scope.to_owned()];
            let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(3 * 24);
            token.expires_at = Some(ends.strftime("%Y-%m-%d").to_string());
        }
    })
    .await;
    let mut connection = stage.daemon.connect().await.unwrap();
    let mut setup = Setup {
        host: stage.host(),
        url: Some(stage.sim.url()),
        token: Some(TokenSource::Value(Secret::new("glpat-soon"))),
        projects: vec![paths(&stage.sim)[0].clone()],
        ca_file: None,
    };
    let report = connection.call::<SetupCheck>(&setup).await.unwrap();
    assert!(report.warnings[0].contains("ends"), "{report:?}");
    assert!(matches!(report.expires_in_days, Some(2..=3)), "{report:?}");
    let project = &report.projects[0];
    let six = Some(ItemCount {
        count: 6,
        at_most: false,
    });
    assert_eq!((project.issues, project.merge_requests), (six, six));
    let sync = report.first_sync.unwrap();
    assert_eq!(sync.requests_per_minute, Some(600));
    assert!(sync.seconds.is_some() && sync.requests > 6 * 11, "{sync:?}");
    setup.token = Some(TokenSource::Value(Secret::new("glpat-blind")));
    let refused = connection.call::<SetupCheck>(&setup).await.unwrap_err();
    assert_eq!(refused["data"]["code"], "GITLAB_FORBIDDEN");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("read_user"), "{message}");
    assert!(message.contains("scopes=read_api"), "where to make one");
    assert!(!stage.config().exists());
    let asked = AskProposals {
        remotes: vec!["git@gl.corp:g/p.git".to_owned()],
        ..AskProposals::default()
    };
    let proposals = connection.call::<SetupPropose>(&asked).await.unwrap();
    assert_eq!(proposals.hosts[0].host, "gl.corp");
    assert_eq!(proposals.hosts[0].projects, ["g/p"]);
    assert_eq!(
        proposals.hosts[0].origins,
        [ProposalOrigin::GlabDefault, ProposalOrigin::Remote]
    );
    let source = proposals.hosts[0].token_source.as_deref().unwrap();
    assert!(source.contains("glab"), "{source}");
}
