//! Runs `lore` in a world of its own: an empty environment, a temporary home.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// Longer than anything here should ever take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A temporary home.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self {
            folder,
            program: env!("CARGO_BIN_EXE_lore").into(),
        }
    }

    /// A home with a `lore` of its own, so that nothing but what a test puts
    /// there stands beside it.
    pub(crate) fn with_own_program() -> Self {
        let mut home = Self::new();
        let bin = home.path("bin");
        std::fs::create_dir(&bin).unwrap();
        let copy = bin.join("lore");
        if std::fs::hard_link(&home.program, &copy).is_err() {
            std::fs::copy(&home.program, &copy).unwrap();
        }
        home.program = copy;
        home
    }

    /// A program below this home, which is this script.
    pub(crate) fn program(&self, below: &str, script: &str) -> PathBuf {
        let program = self.path(below);
        std::fs::write(self.path(&format!("{below}.sh")), script).unwrap();
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/beside");
        std::os::unix::fs::symlink(beside, &program).unwrap();
        program
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("data/lored.sock")
    }

    /// `lore` with these words, not yet started.
    pub(crate) fn lore<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("LORE_DATA_DIR", self.path("data"))
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `lore` with the words of a line.
    pub(crate) fn run(&self, line: &str) -> Ran {
        run(&mut self.lore(line.split_whitespace()))
    }
}

/// What a process left behind.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Whatever the test is about: a document of robot mode keeps the schemas,
    /// and what it suggests can be run.
    fn keeps_its_promises(&self) {
        if !["{\"ok\":", "{\"event\":"]
            .iter()
            .any(|start| self.stdout.starts_with(start))
        {
            return;
        }
        // What only a newer daemon says is in no schema of this version.
        let known = self
            .stdout
            .lines()
            .filter(|line| !line.contains("of_a_newer_daemon"));
        let faults = lore_schemas::faults_of_robot_output(&known.collect::<Vec<_>>().join("\n"));
        assert!(faults.is_empty(), "{}\n{self:?}", faults.join("\n"));
        let last = self.stdout.lines().next_back().unwrap();
        let document: Value = serde_json::from_str(last).unwrap();
        for action in document["error"]["actions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let action = action.as_str().unwrap();
            assert!(
                action.starts_with("lore "),
                "no command: {action}\n{self:?}"
            );
        }
    }

    /// stdout as the one document that robot mode promises.
    pub(crate) fn document(&self) -> Value {
        assert!(self.stdout.ends_with('\n'), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn went_well(&self) {
        assert_eq!(self.exit, Some(0), "{self:?}");
    }

    /// The error code of a document that says no.
    pub(crate) fn code(&self) -> String {
        let document = self.document();
        assert_eq!(document["ok"], false, "{self:?}");
        document["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Ran {
    wait(command.spawn().unwrap())
}

/// Runs to the end with `input` on stdin.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    wait(child)
}

/// Waits for the end of a process, and ends it where that takes too long.
pub(crate) fn wait(child: Child) -> Ran {
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(PATIENCE) else {
        signal(pid, "KILL");
        panic!("lore (pid {pid}) did not end");
    };
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    let ran = Ran {
        exit: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    };
    ran.keeps_its_promises();
    ran
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A git repository's files at `root`.
pub(crate) fn git_repository(root: &Path, config: &str) {
    for folder in ["objects", "refs"] {
        std::fs::create_dir_all(root.join(".git").join(folder)).unwrap();
    }
    std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(root.join(".git/config"), config).unwrap();
}
