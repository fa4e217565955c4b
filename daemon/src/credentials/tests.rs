use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

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

struct Fixture {
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Fixture {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let variables = vec![("HOME", home.path().display().to_string())];
        Self { home, variables }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn finder(&self) -> Finder {
        let pairs = self.variables.iter();
        let pairs: Vec<_> = pairs.map(|(name, value)| (*name, value.as_str())).collect();
        Finder::new(
            &self.home.path().join("lore/config.toml"),
            Surroundings::of(&pairs),
        )
    }

    async fn find(&self, host: &Host, only: bool) -> Result<Found, WireError> {
        self.finder().find("h", host, only).await
    }

    async fn token(&self, only: bool) -> Option<(Token, String)> {
        let found = self.find(&host(None), only).await.ok()?;
        let described = self.finder().describe("h", &host(None), only).await;
        assert_eq!(described.as_ref(), Some(&found.source));
        Some((found.token, found.source.to_string()))
    }
}

#[tokio::test]
async fn a_token_comes_from_a_file_that_only_its_owner_reads() {
    let f = Fixture::new();
    let path = f.write("token", "glpat-1\nmore\n");
    let of_file = host(Some(TokenSource::File(path.clone())));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = f.find(&of_file, true).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TokenMissing);
    assert!(error.message.contains("chmod 600"), "{error}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let found = f.find(&of_file, true).await.unwrap();
    assert_eq!(found.token, Token::new("glpat-1"));
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    let f = Fixture::new();
    let pipe = |below: &str| {
        let path = f.home.path().join(below);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
        path
    };
    let of_file = host(Some(TokenSource::File(pipe("token"))));
    pipe(".netrc");
    let finder = f.finder();
    let (told, found) = std::sync::mpsc::channel();
    // A thread of its own, since what waits for the pipe cannot be ended.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for host in [of_file, host(None)] {
            let found = runtime.block_on(finder.find("h", &host, true));
            told.send(found.unwrap_err()).unwrap();
        }
        assert_eq!(
            runtime.block_on(finder.describe("h", &host(None), true)),
            None
        );
        drop(told);
    });
    let next = || found.recv_timeout(std::time::Duration::from_mins(1));
    let error = next().unwrap();
    assert!(error.message.contains("not a regular file"), "{error}");
    assert_eq!(next().unwrap().code, ErrorCode::TokenMissing);
    assert!(next().is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[tokio::test]
async fn a_token_comes_from_a_command_and_its_failures_leak_nothing() {
    let f = Fixture::new();
    let ok = host(Some(command("echo glpat-1; echo more; echo noise >&2")));
    assert_eq!(
        f.find(&ok, true).await.unwrap().token,
        Token::new("glpat-1")
    );
    for script in ["echo glpat-1; exit 3", "echo glpat-1 >&2; exit 1", "true"] {
        let error = f
            .find(&host(Some(command(script))), true)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::TokenMissing);
        assert!(!format!("{error:?}").contains("glpat-1"), "{error:?}");
    }
    let none = vec!["/no/such/program".to_owned()];
    let missing = host(Some(TokenSource::Command(none)));
    let error = f.find(&missing, true).await.unwrap_err();
    assert!(error.message.contains("cannot be run"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_for_something_is_given_up() {
    let waits = host(Some(command("exec sleep 1000")));
    let error = Fixture::new().find(&waits, true).await.unwrap_err();
    assert!(error.message.contains("within 10 s"), "{error}");
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_named_and_nothing_else_takes_its_place() {
    let mut f = Fixture::new();
    f.set("GITLAB_TOKEN", "glpat-1");
    let unset = host(Some(TokenSource::Env("CORP_TOKEN".to_owned())));
    let error = f.find(&unset, true).await.unwrap_err();
    assert!(error.message.contains("`CORP_TOKEN`"), "{error}");
    assert_eq!(error.actions, ["lore auth login --host h"]);
}

#[tokio::test]
async fn sources_are_asked_in_their_order() {
    let mut f = Fixture::new();
    assert_eq!(f.token(true).await, None);
    let expected = |f: &Fixture, token: &str, word: &str| {
        let (token, word) = (Token::new(token), word.to_owned());
        let finder = f.finder();
        async move {
            let found = finder.find("h", &host(None), true).await.unwrap();
            assert_eq!(found.token, token, "{word}");
            assert!(found.source.to_string().contains(&word), "{}", found.source);
        }
    };
    f.write(".netrc", "machine h login a password glpat-netrc\n");
    expected(&f, "glpat-netrc", ".netrc").await;
    f.write(
        ".config/glab-cli/config.yml",
        "hosts:\n  h:\n    token: glpat-glab\n",
    );
    expected(&f, "glpat-glab", "glab").await;
    f.set("OAUTH_TOKEN", "glpat-oauth");
    f.set("GITLAB_TOKEN", "glpat-env");
    expected(&f, "glpat-env", "GITLAB_TOKEN").await;
    let named = host(Some(command("echo glpat-command")));
    let found = f.find(&named, true).await.unwrap();
    assert_eq!(found.token, Token::new("glpat-command"));
    f.finder()
        .keep("h", "glpat-kept\n", TokenStore::File)
        .await
        .unwrap();
    expected(&f, "glpat-kept", "tokens/h").await;
    assert_eq!(
        f.find(&named, true).await.unwrap().token,
        Token::new("glpat-kept")
    );
    assert!(f.finder().forget("h").await.unwrap());
    assert!(!f.finder().forget("h").await.unwrap());
    expected(&f, "glpat-env", "GITLAB_TOKEN").await;
}

#[tokio::test]
async fn a_variable_goes_to_the_host_that_it_was_meant_for_alone() {
    let mut f = Fixture::new();
    f.set("GITLAB_TOKEN", "glpat-1");
    assert!(f.token(true).await.is_some());
    // Nobody says for which of several hosts it is.
    let error = f.find(&host(None), false).await.unwrap_err();
    assert!(
        error.message.contains("token_env = \"GITLAB_TOKEN\""),
        "{error}"
    );
    for (meant, fits) in [
        ("h", true),
        ("https://h/gitlab", true),
        ("elsewhere", false),
    ] {
        f.set("GITLAB_HOST", meant);
        for only in [true, false] {
            assert_eq!(f.token(only).await.is_some(), fits, "{meant} {only}");
        }
    }
}

#[tokio::test]
async fn a_kept_token_is_its_owners_alone() {
    let f = Fixture::new();
    let finder = f.finder();
    finder
        .keep("h:1/x", "glpat-1", TokenStore::File)
        .await
        .unwrap();
    let path = finder.stored_file("h:1/x");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    finder
        .keep("h:1/x", "glpat-2", TokenStore::File)
        .await
        .unwrap();
    let found = finder.find("h:1/x", &host(None), true).await.unwrap();
    assert_eq!(found.token, Token::new("glpat-2"));
    assert!(!format!("{found:?}").contains("glpat"));
}

#[test]
fn a_hosts_name_stays_inside_the_folder_of_tokens() {
    let finder = Finder::new(Path::new("/c/config.toml"), Surroundings::of(&[]));
    for name in ["..", ".", "../../etc/x", "a/b"] {
        let file = finder.stored_file(name);
        assert_eq!(file.parent().unwrap(), Path::new("/c/tokens"), "{name}");
        assert!(file.file_name().is_some(), "{name}");
    }
}

/// A `secret-tool` that keeps its secrets in files.
const SECRET_TOOL: &str = r#"
action=$1; shift
case $1 in --label=*) shift;; esac
file=$HOME/secret-$(echo "$*" | tr ' :/' '---')
case $action in
  store) cat > "$file";;
  lookup) cat "$file" 2>/dev/null;;
  clear) rm -f "$file";;
esac
"#;

#[tokio::test]
async fn the_keyring_keeps_a_token_for_whoever_asks_for_it() {
    let mut f = Fixture::new();
    let refused = f
        .finder()
        .keep("h", "glpat-1", TokenStore::Keyring)
        .await
        .unwrap_err();
    assert!(refused.message.contains("desktop session"), "{refused}");
    let script = f.write("bin/secret-tool.sh", SECRET_TOOL);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/beside");
    std::os::unix::fs::symlink(beside, script.with_extension("")).unwrap();
    f.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let path = format!("{}:/usr/bin:/bin", script.parent().unwrap().display());
    f.set("PATH", &path);
    let finder = f.finder();
    finder
        .keep("h", "glpat-file", TokenStore::File)
        .await
        .unwrap();
    finder
        .keep("h", "glpat-1", TokenStore::Keyring)
        .await
        .unwrap();
    assert!(!finder.stored_file("h").exists());
    assert_eq!(
        f.token(true).await,
        Some((Token::new("glpat-1"), "keyring".to_owned()))
    );
    assert!(finder.forget("h").await.unwrap());
    assert_eq!(f.token(true).await, None);
    // glab's own, under the name that glab gives it.
    f.write(".config/glab-cli/config.yml", "hosts:\n  h:\n    user: a\n");
    f.write(
        "secret-service-glab-h-username-",
        "go-keyring-base64:Z2xwYXQtMg==",
    );
    assert_eq!(f.token(true).await.unwrap().0, Token::new("glpat-2"));
}
