//! The real `lored` as a process, and a plain client of its socket.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use gitlab_sim::Simulator;
use lore_proto::methods::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout};

/// No start and no single answer takes longer, however slow the machine.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Between two looks at something that nothing announces.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A home for daemons that mirror one simulator: config, data, socket.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    token: String,
}

impl Home {
    /// A config with this simulator and these of its projects. `sync` is the
    /// text of the config's `[sync]`.
    ///
    /// # Panics
    ///
    /// If the folder cannot be made.
    pub fn new(sim: &Simulator, projects: &[String], sync: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let projects = json!(projects);
        let config = format!(
            "[hosts.\"{host}\"]\nurl = \"{url}\"\ntoken_env = \"LORE_E2E_TOKEN\"\n\
             projects = {projects}\n\n[sync]\n{sync}\n\n[embedding]\nprovider = \"none\"\n",
            host = crate::HOST,
            url = sim.url(),
        );
        std::fs::write(folder.path().join("config.toml"), config).expect("a config");
        Self {
            folder,
            token: sim.token().to_owned(),
        }
    }

    /// Another `[embedding]` than the one that embeds nothing; before a start.
    ///
    /// # Panics
    ///
    /// If the config cannot be written.
    pub fn set_embedding(&self, settings: &str) {
        let path = self.folder.path().join("config.toml");
        let config = std::fs::read_to_string(&path).expect("a config");
        let config = config.replace("provider = \"none\"", settings);
        std::fs::write(path, config).expect("a config");
    }

    /// A home with this text as its config, for daemons that find `token` in
    /// `LORE_E2E_TOKEN`.
    ///
    /// # Panics
    ///
    /// If the folder cannot be made.
    pub fn of(config: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("config.toml"), config).expect("a config");
        Self {
            folder,
            token: token.to_owned(),
        }
    }

    /// The folder of everything.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("data/lore.db")
    }

    /// `lore` in this home with these words, not yet started.
    pub fn lore(&self, words: &[&str]) -> Command {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let folder = self.folder.path();
        let mut command = Command::new(BUILT.get_or_init(|| built("lore")));
        command
            .args(words)
            .env_clear()
            .env("HOME", folder)
            .env("PATH", "/usr/bin:/bin")
            .env("LORE_CONFIG", folder.join("config.toml"))
            .env("LORE_DATA_DIR", folder.join("data"))
            .env("LORE_NO_AUTOSTART", "1")
            .current_dir(folder)
            .stdin(Stdio::null());
        command
    }

    /// Where its daemon listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("data/lored.sock")
    }

    /// Starts a daemon and waits until it serves.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub async fn start(&self) -> DaemonProcess {
        self.start_with(&[]).await
    }

    /// The same with these variables beside the few that every daemon has.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub async fn start_with(&self, variables: &[(&str, &str)]) -> DaemonProcess {
        let folder = self.folder.path();
        let log = std::fs::File::create(folder.join("stderr")).expect("a log");
        let child = Command::new(lored())
            .env_clear()
            .env("HOME", folder)
            .env("LORE_CONFIG", folder.join("config.toml"))
            .env("LORE_DATA_DIR", folder.join("data"))
            .env("LORE_E2E_TOKEN", &self.token)
            .envs(variables.iter().copied())
            .arg("--log-stderr")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("lored starts");
        let mut daemon = DaemonProcess {
            child,
            socket: self.socket(),
        };
        let deadline = Instant::now() + LONGEST_WAIT;
        while daemon.connect().await.is_err() {
            let ended = daemon.child.try_wait().expect("the process can be asked");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "lored does not serve ({ended:?}): {}",
                std::fs::read_to_string(folder.join("stderr")).unwrap_or_default()
            );
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        daemon
    }
}

/// A `lored` that runs. It is killed when it is dropped.
#[derive(Debug)]
pub struct DaemonProcess {
    child: Child,
    socket: PathBuf,
}

impl DaemonProcess {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new connection.
    pub async fn connect(&self) -> io::Result<Connected> {
        let (reader, writer) = UnixStream::connect(&self.socket).await?.into_split();
        Ok(Connected {
            reader: BufReader::new(reader),
            writer,
            notices: VecDeque::new(),
            last_id: 0,
        })
    }

    /// Kills it where it stands, as `kill -9` does.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Its memory in use, in bytes, where the system tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that speaks one JSON text a line.
#[derive(Debug)]
pub struct Connected {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    notices: VecDeque<Value>,
    last_id: u64,
}

impl Connected {
    /// Calls a method; an error answer as it came.
    ///
    /// # Panics
    ///
    /// If no answer comes, or one that is none.
    pub async fn call<M: Method>(&mut self, params: &M::Params) -> Result<M::Result, Value> {
        let params = serde_json::to_value(params).expect("parameters are JSON");
        let answer = self.request(M::NAME, params).await?;
        Ok(serde_json::from_value(answer).expect("an answer of the method's type"))
    }

    /// The same for any method.
    ///
    /// # Panics
    ///
    /// As [`Self::call`].
    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        loop {
            let mut message = self.receive().await;
            if message["id"] != json!(id) {
                self.notices.push_back(message);
                continue;
            }
            return match message.get_mut("error") {
                Some(error) => Err(error.take()),
                None => Ok(message["result"].take()),
            };
        }
    }

    /// Sends one message.
    ///
    /// # Panics
    ///
    /// If the daemon does not take it.
    pub async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        timeout(LONGEST_WAIT, self.writer.write_all(line.as_bytes()))
            .await
            .expect("the daemon reads in time")
            .expect("the daemon reads");
    }

    /// The next notification.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub async fn notice(&mut self) -> Value {
        match self.notices.pop_front() {
            Some(notice) => notice,
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Value {
        let mut line = String::new();
        let read = timeout(LONGEST_WAIT, self.reader.read_line(&mut line))
            .await
            .expect("the daemon answers in time")
            .expect("the daemon answers");
        assert!(read > 0, "the daemon hung up");
        serde_json::from_str(&line).expect("the daemon speaks JSON")
    }
}

/// Waits until something holds that nothing announces.
///
/// # Panics
///
/// If it does not within a minute.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONGEST_WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn lored() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("lored"))
}

/// A program of this build, built first where it is missing or stale.
fn built(program: &str) -> PathBuf {
    // target/<profile>/deps/<test>
    let test = std::env::current_exe().expect("a test has a file");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("cargo's folders");
    let target = profile.parent().expect("cargo's folders");
    let mut build = Command::new(env!("CARGO"));
    // All programs, as `cargo build` makes them: of one package alone, many a
    // dependency would have other features and be built anew.
    build
        .args(["build", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // What this test's own cargo told it is not true of that build, and build
    // scripts that look at it would run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name.as_ref());
        }
    }
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(name) => {
            build.args(["--profile", name]);
        }
    }
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "{program} does not build");
    profile.join(program)
}
