//! A temporary home, and commands in it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use wait_timeout::ChildExt as _;

use crate::{DemoError, Interrupt, Programs};

/// How often a wait looks whether it should be given up.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the daemon may take to stop when asked, and again when killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// What of the caller's environment the programs see: nothing that could lead
/// them to another mirror, config or proxy.
const KEPT_VARIABLES: &[&str] = &[
    "PATH",
    "TERM",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
];

/// A home folder of its own for the two programs. Dropping it stops the daemon
/// that lives in it, by force if it must, and removes the folder.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    programs: Programs,
    interrupt: Interrupt,
}

impl Home {
    /// A new, empty one.
    pub fn new(programs: Programs, interrupt: Interrupt) -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new()
            .prefix("lore-demo-")
            .tempdir()
            .map_err(DemoError::io("making a temporary home"))?;
        Ok(Self {
            folder,
            programs,
            interrupt,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder: database, owner lock and socket.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file that its owner alone may read: a token.
    pub fn write_private(&self, name: &str, text: &str) -> Result<PathBuf, DemoError> {
        let path = self.path().join(name);
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(DemoError::io(format!("writing `{}`", path.display())))?;
        Ok(path)
    }

    /// `lore` in this home, not yet started.
    pub fn lore(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.lore);
        command.args(words).env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.path())
            .env("LORE_DATA_DIR", self.data())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `lore` as a person would, its output going where this program's
    /// goes. Another exit status than 0 is an error.
    pub fn show(&self, words: &[&str], limit: Duration) -> Result<(), DemoError> {
        let shown = shown(words);
        let status = self.finish(&mut self.lore(words), &shown, limit)?;
        if status.success() {
            Ok(())
        } else {
            Err(DemoError::Failed {
                command: shown,
                status: status.to_string(),
            })
        }
    }

    /// Runs `lore --robot` and returns its document, whether it says yes or no.
    pub fn robot(&self, words: &[&str], limit: Duration) -> Result<Value, DemoError> {
        let mut all = vec!["--robot"];
        all.extend_from_slice(words);
        let shown = shown(&all);
        // A file takes any amount while nobody reads.
        let mut stdout = tempfile::tempfile_in(self.path())
            .map_err(DemoError::io("making a file for an answer"))?;
        let ours = stdout
            .try_clone()
            .map_err(DemoError::io("making a file for an answer"))?;
        self.finish(self.lore(&all).stdout(ours), &shown, limit)?;
        let mut text = String::new();
        std::io::Seek::rewind(&mut stdout)
            .and_then(|()| stdout.read_to_string(&mut text))
            .map_err(DemoError::io(format!("reading what `{shown}` wrote")))?;
        serde_json::from_str(&text)
            .map_err(|error| DemoError::Wrong(format!("`{shown}` wrote no document: {error}")))
    }

    /// The daemon's process, if one lives here.
    pub fn daemon_pid(&self) -> Option<u32> {
        let path = self.data().join("lored.lock");
        let mut file = File::open(path).ok()?;
        // Whoever writes its pid there holds the lock as long as it lives.
        if file.try_lock_shared().is_ok() {
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// Waits for a command, and ends it at the limit or on Ctrl+C.
    fn finish(
        &self,
        command: &mut Command,
        shown: &str,
        limit: Duration,
    ) -> Result<ExitStatus, DemoError> {
        self.interrupt.check()?;
        let mut child = command
            .spawn()
            .map_err(DemoError::io(format!("starting `{shown}`")))?;
        let deadline = Instant::now() + limit;
        loop {
            let waited = child
                .wait_timeout(LOOK_EVERY)
                .map_err(DemoError::io(format!("waiting for `{shown}`")))?;
            let gave_up = match (waited, self.interrupt.check()) {
                (_, Err(interrupted)) => interrupted,
                (Some(status), Ok(())) => return Ok(status),
                (None, Ok(())) if Instant::now() < deadline => continue,
                (None, Ok(())) => DemoError::TooLong {
                    command: shown.to_owned(),
                    limit,
                },
            };
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Err(gave_up);
        }
    }

    /// Stops the daemon. Used on every way out, so Ctrl+C does not cut it short.
    fn stop(&self) {
        let Some(pid) = self.daemon_pid() else {
            return;
        };
        let mut stop = self.lore(&["--no-autostart", "-q", "daemon", "stop"]);
        let asked = stop.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Ok(mut child) = asked
            && !matches!(child.wait_timeout(STOP_LIMIT), Ok(Some(_)))
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        // Only the process that still holds the lock: a pid alone may have
        // gone to somebody else.
        let alive = || self.daemon_pid() == Some(pid);
        if alive()
            && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::KILL);
            let deadline = Instant::now() + STOP_LIMIT;
            while alive() && Instant::now() < deadline {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command line as a person would type it.
fn shown(words: &[&str]) -> String {
    let mut line = String::from("lore");
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}
