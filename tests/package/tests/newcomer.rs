//! Somebody new: the package, an empty home, and a GitLab to ask about.
#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use gitlab_sim::upstream::{DiffFile, NewMergeRequest};
use gitlab_sim::{Moment, Simulator, SimulatorBuilder};
use lore_demo::Programs;
use tempfile::TempDir;

const PROJECT: &str = "acme/app";
const FILE: &str = "src/main.rs";

/// A project with one merged merge request.
fn gitlab() -> Simulator {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let sim = SimulatorBuilder::new()
        .now(Moment::from_micros(now.try_into().unwrap()))
        .upstream(|upstream| {
            let ada = upstream.add_user("ada", "Ada");
            let project = upstream.create_project(PROJECT);
            let file = DiffFile::added(FILE, "@@ -0,0 +1 @@\n+fn main() {}\n");
            let new = NewMergeRequest::new(ada, "Say hello", vec![file]);
            let at = upstream.create_merge_request(project, new).unwrap();
            upstream.merge(project, at.iid, ada).unwrap();
        })
        .start_blocking()
        .unwrap();
    sim.clock().follow_real_time();
    sim
}

/// Runs to its end and gives what it printed.
fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The package of the programs that the tests have, unpacked.
fn unpacked(work: &Path) -> PathBuf {
    let built = Programs::build().unwrap();
    let bin = work.join("programs");
    std::fs::create_dir(&bin).unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_lore-package"));
    for program in [&*built.lore, &*built.lored, own] {
        std::os::unix::fs::symlink(program, bin.join(program.file_name().unwrap())).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/deb");
    // Nobody downloads this one.
    let mut deb = Command::new(script);
    deb.arg(&bin).arg(work).env("LORE_DEB_COMPRESSION", "none");
    let package = output(&mut deb);
    let root = work.join("root");
    output(
        Command::new("dpkg-deb")
            .args(["-x", package.trim()])
            .arg(&root),
    );
    root
}

/// A home in which a person types.
struct Person {
    home: TempDir,
    root: PathBuf,
}

impl Person {
    fn shell(&self, line: &str) -> Command {
        // Bounded, whatever it waits for.
        let mut command = Command::new("timeout");
        command
            .args(["300", "sh", "-c", line])
            .env_clear()
            .env("HOME", self.home.path())
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.root.join("usr/bin").display()),
            )
            .current_dir(self.home.path());
        command
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // It may never have been started.
        let _ = self.shell("lore --no-autostart -q daemon stop").output();
    }
}

#[test]
fn from_the_package_and_nothing_else_to_a_files_history_in_three_commands() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        println!("skipped: dpkg-deb is not installed");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let person = Person {
        home: tempfile::tempdir().unwrap(),
        root: unpacked(work.path()),
    };
    for file in [
        "usr/lib/systemd/user/lored.socket",
        "usr/share/man/man1/lore-file-history.1.gz",
        "usr/share/bash-completion/completions/lore",
        "usr/share/doc/lore/copyright",
    ] {
        assert!(person.root.join(file).is_file(), "{file}");
    }
    let sim = gitlab();
    let lines = [
        format!(
            "echo {} | lore init --url {} --projects {PROJECT} --token-stdin --sync",
            sim.token(),
            sim.url()
        ),
        format!("lore file-history {FILE}"),
    ];
    assert!(lines.len() <= 3);
    let mut last = String::new();
    for line in &lines {
        println!("$ {line}");
        last = output(&mut person.shell(line));
        println!("{last}");
    }
    assert!(last.contains("Say hello") && last.contains("!1"), "{last}");
}
