use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("/home/u/.config/lore/config.toml"), text)
}

#[test]
fn the_contracts_example_reads_as_it_says() {
    let config = parse(
        r#"
        [hosts."gitlab.example.com"]
        url = "https://gitlab.example.com/gitlab/"
        token_command = ["pass", "show", "gitlab"]
        projects = ["group/sub/project", "a/b"]
        ca_file = "corp.pem"
        [hosts.other]
        token_file = "/run/token"
        projects = ["x/y"]
        [sync]
        interval_seconds = 0
        max_concurrent_requests = 3
        surgical_entity_timeout_seconds = 7
        children_sweep_days = 2
        [embedding]
        provider = "ollama"
        model = "nomic-embed-text"
        url = "http://localhost:11434"
        api_key_env = "OPENAI_API_KEY"
        "#,
    )
    .unwrap();
    let host = &config.hosts["gitlab.example.com"];
    assert_eq!(host.url.as_str(), "https://gitlab.example.com/gitlab");
    assert_eq!(
        host.ca_file.as_deref(),
        Some(Path::new("/home/u/.config/lore/corp.pem"))
    );
    let words = ["pass", "show", "gitlab"].map(str::to_owned).to_vec();
    assert_eq!(host.token, Some(TokenSource::Command(words)));
    assert_eq!(config.hosts["other"].url.as_str(), "https://other/");
    assert_eq!(config.sync.interval, None);
    assert_eq!(config.sync.max_concurrent_requests, 3);
    assert_eq!(config.sync.surgical_entity_timeout.as_secs(), 7);
    assert_eq!(config.sync.children_sweep.as_secs(), 2 * 86_400);
    assert_eq!(config.sync.max_retries, 4);
    assert_eq!(config.embedding.provider, EmbeddingProvider::Ollama);
    let projects: Vec<_> = config.projects().collect();
    let host = "gitlab.example.com";
    assert_eq!(
        projects,
        [(host, "a/b"), (host, "group/sub/project"), ("other", "x/y")]
    );
    assert!(config.warnings.is_empty());
}

#[test]
fn the_socket_has_its_limits_and_each_its_bounds() {
    let config = parse("[server]\nmax_connections = 9\ndrain_seconds = 1").unwrap();
    let expected = Limits {
        max_connections: 9,
        drain: Duration::from_secs(1),
        ..Limits::default()
    };
    assert_eq!(config.server, expected);
    assert_eq!(parse("").unwrap().server, Limits::default());
    // What holds without a word can also be said.
    let said = "[server]\nmax_message_bytes = 10485760\nmax_connections = 256\n\
                max_subscriptions = 64\nmax_batch = 100\nmax_in_flight = 32\nmax_queued = 64\n\
                opening_seconds = 60\nwrite_timeout_seconds = 60\ndrain_seconds = 5\n";
    assert_eq!(parse(said).unwrap().server, Limits::default());
    for line in said.lines().skip(1) {
        let (key, _) = line.split_once(" = ").unwrap();
        for value in ["0", "99999999999"] {
            let error = parse(&format!("[server]\n{key} = {value}")).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
    let error = parse("[server]\nmax_conections = 9")
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean `max_connections`"), "{error}");
}

#[test]
fn an_empty_config_is_allowed_and_warned_of() {
    let config = parse("").unwrap();
    assert_eq!(config.sync, SyncConfig::default());
    assert_eq!(config.warnings.len(), 1);
    let config = parse("[hosts.h]\n").unwrap();
    assert!(config.warnings[0].contains("host `h` has no projects"));
}

/// Each mistake with its line and what its message has to say.
#[test]
#[allow(clippy::too_many_lines)] // A table.
fn a_mistake_is_named_with_its_line_and_the_cure() {
    let table: &[(&str, usize, &[&str])] = &[
        (
            "[sync]\nintervall_seconds = 3",
            2,
            &[
                "unknown key `intervall_seconds`",
                "in [sync]",
                "`interval_seconds`",
            ],
        ),
        (
            "[snyc]\n",
            1,
            &["unknown key `snyc`", "did you mean `sync`"],
        ),
        (
            "[hosts.h]\ntoken-env = \"X\"",
            2,
            &["`token-env`", "did you mean `token_env`"],
        ),
        (
            "[hosts.h]\nfrobnicate = 1",
            2,
            &["unknown key `frobnicate`", "known are url, token_env"],
        ),
        (
            "[sync]\n\ninterval_seconds = \"5m\"",
            3,
            &["`sync.interval_seconds` has to be a whole number", "string"],
        ),
        (
            "[sync]\nmax_retries = -1",
            2,
            &["`sync.max_retries` is -1", "between 0 and 20"],
        ),
        (
            "[sync]\nmax_retries = 99999999999999999999",
            2,
            &["between 0 and 20"],
        ),
        (
            "[sync]\nrequest_timeout_seconds = 0",
            2,
            &["between 1 and 3600"],
        ),
        ("sync = 3", 1, &["`sync` has to be a table"]),
        ("[hosts]\nh = 3", 2, &["`hosts.\"h\"` has to be a table"]),
        (
            "[hosts.h]\nurl = \"ftp://h\"",
            2,
            &["no URL of a GitLab", "`https://`"],
        ),
        ("[hosts.h]\nurl = \"h\"", 2, &["no URL of a GitLab"]),
        ("[hosts.h]\nurl = \"https://h?x=1\"", 2, &["before any `?`"]),
        ("[hosts.\"a b\"]\n", 1, &["no URL of a GitLab"]),
        (
            "[hosts.h]\nprojects = [\"a/b\",\n \"A/B\"]",
            3,
            &["`A/B` stands here already, on line 2"],
        ),
        (
            "[hosts.h]\nprojects = [\"a\"]",
            2,
            &["`a` is no full path", "group/project"],
        ),
        (
            "[hosts.h]\nprojects = [\"https://h/a/b\"]",
            2,
            &["the part of the URL after the host"],
        ),
        (
            "[hosts.h]\nprojects = [\"/a/b\"]",
            2,
            &["no slash at its ends"],
        ),
        ("[hosts.h]\nprojects = [\"a/../b\"]", 2, &["are no names"]),
        (
            "[hosts.h]\nprojects = \"a/b\"",
            2,
            &["has to be a list of strings"],
        ),
        (
            "[hosts.h]\nprojects = [3]",
            2,
            &["has to be a list of strings"],
        ),
        (
            "[hosts.h]\ntoken_env = \"X\"\ntoken_file = \"f\"",
            3,
            &["one of `token_env`"],
        ),
        (
            "[hosts.h]\ntoken_env = \"\"",
            2,
            &["`hosts.\"h\".token_env` is empty"],
        ),
        ("[hosts.h]\ntoken_command = []", 2, &["needs a program"]),
        (
            "[hosts.h]\nclient_cert = \"c\"",
            2,
            &["`client_key` beside it"],
        ),
        (
            "[embedding]\nprovider = \"opnai\"",
            2,
            &["`opnai` is no provider", "openai"],
        ),
        ("[hosts.h\n", 1, &[]),
        ("[hosts.h]\nurl = \"a\"\nurl = \"b\"", 3, &["duplicate"]),
    ];
    for (text, expected, words) in table {
        let error = parse(text).expect_err(text);
        let ConfigError::Invalid { line, message, .. } = &error else {
            panic!("{text}: {error}");
        };
        assert_eq!(line, expected, "{text}: {message}");
        for word in *words {
            assert!(message.contains(word), "{text}: {message:?} lacks {word:?}");
        }
        let wire = error.to_wire();
        assert_eq!(wire.code, lore_proto::ErrorCode::ConfigInvalid);
        assert!(
            wire.message
                .starts_with(&format!("/home/u/.config/lore/config.toml:{line}: "))
        );
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for text in [
        "[hosts.h]\nurl = \"https://u:glpat-secret@h\"",
        "[hosts.h]\nurl = \"glpat-secret://h\"",
        "[hosts.h]\ntoken_env = \"glpat-secret with spaces\"",
    ] {
        let error = parse(text).unwrap_err().to_wire();
        let shown = format!("{error:?}");
        assert!(!shown.contains("glpat-secret"), "{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_a_config_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let missing = Config::load(&path).unwrap_err();
    assert_eq!(
        missing.to_wire().code,
        lore_proto::ErrorCode::ConfigNotFound
    );
    assert_eq!(missing.to_wire().actions, ["lore init"]);
    let folder_as_file = Config::load(folder.path()).unwrap_err();
    assert!(folder_as_file.to_string().contains("not a regular file"));
    std::fs::write(&path, b"\xff").unwrap();
    assert!(
        Config::load(&path)
            .unwrap_err()
            .to_string()
            .contains("not UTF-8")
    );
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(
        Config::load(&path)
            .unwrap_err()
            .to_string()
            .contains("1 MiB")
    );
}
