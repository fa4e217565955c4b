use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn host(token: Option<TokenSource>) -> Host {
    Host {
        url: "https://h".parse().unwrap(),
        token,
        projects: Vec::new(),
        ca_file: None,
        client_cert: None,
        client_key: None,
    }
}

fn command(script: &str) -> TokenSource {
    let words = ["sh", "-c", script].map(str::to_owned);
    TokenSource::Command(words.to_vec())
}

#[tokio::test]
async fn a_token_comes_from_a_file_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let path = folder.path().join("token");
    std::fs::write(&path, "glpat-1\nmore\n").unwrap();
    let of_file = host(Some(TokenSource::File(path.clone())));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = resolve("h", &of_file, &config).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TokenMissing);
    assert!(error.message.contains("chmod 600"), "{error}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        resolve("h", &of_file, &config).await.unwrap(),
        Token::new("glpat-1")
    );
}

#[tokio::test]
async fn a_token_comes_from_a_command_and_its_failures_leak_nothing() {
    let config = Path::new("/nowhere/config.toml");
    let ok = host(Some(command("echo glpat-1; echo more; echo noise >&2")));
    assert_eq!(
        resolve("h", &ok, config).await.unwrap(),
        Token::new("glpat-1")
    );
    for script in ["echo glpat-1; exit 3", "echo glpat-1 >&2; exit 1", "true"] {
        let error = resolve("h", &host(Some(command(script))), config)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::TokenMissing);
        assert!(!format!("{error:?}").contains("glpat-1"), "{error:?}");
    }
    let missing = host(Some(TokenSource::Command(vec![
        "/no/such/program".to_owned(),
    ])));
    let error = resolve("h", &missing, config).await.unwrap_err();
    assert!(error.message.contains("cannot be run"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_for_something_is_given_up() {
    let error = resolve(
        "h",
        &host(Some(command("exec sleep 1000"))),
        Path::new("/c"),
    )
    .await
    .unwrap_err();
    assert!(error.message.contains("within 10 s"), "{error}");
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_named() {
    let unset = host(Some(TokenSource::Env(
        "LORE_TEST_NO_SUCH_VARIABLE".to_owned(),
    )));
    let error = resolve("h", &unset, Path::new("/c")).await.unwrap_err();
    assert!(
        error.message.contains("LORE_TEST_NO_SUCH_VARIABLE"),
        "{error}"
    );
}

#[tokio::test]
async fn a_kept_token_is_used_where_the_config_names_no_source() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let none = host(None);
    assert_eq!(describe("h:1/x", &none, &config), None);
    assert_eq!(
        resolve("h:1/x", &none, &config).await.unwrap_err().code,
        ErrorCode::TokenMissing
    );
    let path = store(&config, "h:1/x", "glpat-1\n").unwrap();
    assert_eq!(path.parent().unwrap(), folder.path().join("tokens"));
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        resolve("h:1/x", &none, &config).await.unwrap(),
        Token::new("glpat-1")
    );
    store(&config, "h:1/x", "glpat-2").unwrap();
    assert_eq!(
        resolve("h:1/x", &none, &config).await.unwrap(),
        Token::new("glpat-2")
    );
}

#[test]
fn a_hosts_name_stays_inside_the_folder_of_tokens() {
    for name in ["..", ".", "../../etc/x", "a/b"] {
        let file = stored_file(Path::new("/c/config.toml"), name);
        assert_eq!(file.parent().unwrap(), Path::new("/c/tokens"), "{name}");
        assert!(file.file_name().is_some(), "{name}");
    }
}
