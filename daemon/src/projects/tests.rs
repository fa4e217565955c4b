use std::path::Path;

use super::*;

fn config() -> Config {
    let text = r#"
        [hosts."gitlab.example.com"]
        projects = ["group/api", "group/sub/api", "group/web", "Ünicode/Projekt"]
        [hosts.work]
        url = "https://code.work.example:8443/gitlab"
        projects = ["team/app", "group/web"]
        [hosts."plain.example"]
        url = "http://plain.example"
        projects = ["deep/er/and/deeper"]
    "#;
    Config::parse(Path::new("/c"), text).unwrap()
}

/// The answer in a word: `host path`, or the error's code.
fn ask(project: Option<&str>, host: Option<&str>, remotes: &[&str]) -> String {
    let ask = ResolveProject {
        project: project.map(str::to_owned),
        host: host.map(str::to_owned),
        remotes: remotes.iter().map(|remote| (*remote).to_owned()).collect(),
    };
    match resolve(&config(), &ask) {
        Ok(project) => format!("{} {}", project.host, project.path),
        Err(error) => error.code.to_string(),
    }
}

#[test]
fn a_path_or_the_end_of_one_names_a_project() {
    let gitlab = "gitlab.example.com";
    let table = [
        ("group/sub/api", None, "gitlab.example.com group/sub/api"),
        ("sub/api", None, "gitlab.example.com group/sub/api"),
        // The whole path wins over the end of a longer one.
        ("group/api", None, "gitlab.example.com group/api"),
        ("GROUP/Sub/API", None, "gitlab.example.com group/sub/api"),
        ("/team/app/", None, "work team/app"),
        ("app", None, "work team/app"),
        (
            "ünicode/projekt",
            None,
            "gitlab.example.com Ünicode/Projekt",
        ),
        ("api", None, "AMBIGUOUS_PROJECT"),
        ("group/web", None, "AMBIGUOUS_PROJECT"),
        ("group/web", Some(gitlab), "gitlab.example.com group/web"),
        ("group/web", Some("WORK"), "work group/web"),
        ("web", Some("code.work.example"), "work group/web"),
        ("pp", None, "PROJECT_UNKNOWN"),
        ("", None, "PROJECT_UNKNOWN"),
        ("other/app", None, "PROJECT_UNKNOWN"),
        ("app", Some("wrok"), "HOST_UNKNOWN"),
        (
            "https://code.work.example:8443/gitlab/team/app",
            None,
            "work team/app",
        ),
        (
            "https://elsewhere.example/team/app",
            None,
            "PROJECT_UNKNOWN",
        ),
    ];
    for (project, host, expected) in table {
        assert_eq!(
            ask(Some(project), host, &[]),
            expected,
            "{project} {host:?}"
        );
    }
}

#[test]
fn a_checkouts_remotes_name_a_project() {
    let table = [
        (
            "git@gitlab.example.com:group/api.git",
            "gitlab.example.com group/api",
        ),
        (
            "gitlab.example.com:group/sub/api",
            "gitlab.example.com group/sub/api",
        ),
        (
            "git@GitLab.example.com:/Group/API.git/",
            "gitlab.example.com group/api",
        ),
        (
            "ssh://git@gitlab.example.com:2222/group/api.git",
            "gitlab.example.com group/api",
        ),
        (
            "ssh://git@code.work.example:22/team/app.git",
            "work team/app",
        ),
        (
            "https://user:glpat-secret@gitlab.example.com/group/web.git",
            "gitlab.example.com group/web",
        ),
        (
            "https://code.work.example:8443/gitlab/team/app.git",
            "work team/app",
        ),
        (
            "http://plain.example/deep/er/and/deeper",
            "plain.example deep/er/and/deeper",
        ),
        (
            "https://gitlab.example.com/%C3%9Cnicode/Projekt",
            "gitlab.example.com Ünicode/Projekt",
        ),
        // Another port is another server; a folder is none.
        (
            "https://code.work.example/gitlab/team/app.git",
            "AMBIGUOUS_PROJECT",
        ),
        ("https://github.com/group/api.git", "AMBIGUOUS_PROJECT"),
        ("/srv/git/group/api.git", "AMBIGUOUS_PROJECT"),
        ("./a:b", "AMBIGUOUS_PROJECT"),
        ("", "AMBIGUOUS_PROJECT"),
    ];
    for (remote, expected) in table {
        assert_eq!(ask(None, None, &[remote]), expected, "{remote}");
    }
    let fork_and_upstream = [
        "git@elsewhere:x/y",
        "git@gitlab.example.com:group/web",
        "git@work:team/app",
    ];
    assert_eq!(
        ask(None, None, &fork_and_upstream),
        "gitlab.example.com group/web"
    );
}

#[test]
fn without_a_word_the_only_project_is_meant() {
    assert_eq!(ask(None, None, &[]), "AMBIGUOUS_PROJECT");
    assert_eq!(
        ask(None, Some("plain.example"), &[]),
        "plain.example deep/er/and/deeper"
    );
    // A checkout of something else does not hide the only project.
    let elsewhere = ["https://github.com/a/b"];
    assert_eq!(
        ask(None, Some("plain.example"), &elsewhere),
        "plain.example deep/er/and/deeper"
    );
}

#[test]
fn errors_name_the_candidates_and_the_nearest_and_no_credentials() {
    let config = config();
    let ask = |project: Option<&str>, remotes: &[&str]| {
        let ask = ResolveProject {
            project: project.map(str::to_owned),
            host: None,
            remotes: remotes.iter().map(|remote| (*remote).to_owned()).collect(),
        };
        resolve(&config, &ask).unwrap_err()
    };
    let ambiguous = ask(Some("web"), &[]);
    let candidates = serde_json::json!([
        { "host": "gitlab.example.com", "path": "group/web" },
        { "host": "work", "path": "group/web" },
    ]);
    assert_eq!(ambiguous.details["candidates"], candidates);
    let told = "`group/web` on gitlab.example.com, `group/web` on work";
    assert!(ambiguous.message.ends_with(told), "{ambiguous}");
    let unknown = ask(Some("team/ap"), &[]);
    assert_eq!(unknown.details["nearest"][0], "team/app");
    assert!(
        unknown
            .message
            .contains("is called `team/ap`; the nearest are `team/app`,"),
        "{unknown}"
    );
    let unknown = ask(Some("group/wed"), &[]);
    assert!(
        unknown.message.contains(&told.replace(" work", " work,")),
        "{unknown}"
    );
    assert_eq!(unknown.details["nearest"][1], "group/api", "{unknown:?}");
    for error in [
        ask(None, &["https://u:glpat-secret@h/a/b"]),
        ask(Some("https://u:glpat-secret@h/a/b"), &[]),
    ] {
        assert!(!format!("{error:?}").contains("glpat-secret"), "{error:?}");
    }
    let nothing = resolve(&Config::empty(Path::new("/c")), &ResolveProject::default()).unwrap_err();
    assert_eq!(
        (nothing.code, nothing.actions[0].as_str()),
        (ErrorCode::ProjectUnknown, "lore init")
    );
}
