//! A scripted git repository with a linear history, so that each commit is a
//! merge request of the simulator and `git log` sees the same changes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lore_demo::DemoError;

/// How many files it has besides the one that is asked about.
const FILES: usize = 400;
/// Every so many commits change that file.
const TOUCHED_EVERY: usize = 9;
/// Every so many commits rename it.
const RENAMED_EVERY: usize = 250;
/// Lines of each file.
const LINES: usize = 80;
/// When the first commit was made, in seconds since the epoch, and how far
/// apart they are.
const FIRST_AT: usize = 1_700_000_000;
const APART: usize = 20_000;

/// Makes it in `folder`. Returns the last name of the file to ask about.
pub(crate) fn script(folder: &Path, commits: usize) -> Result<String, DemoError> {
    git(folder, &["init", "-q", "-b", "main"], "")?;
    let (history, name) = history(commits);
    git(folder, &["fast-import", "--quiet"], &history)?;
    Ok(name)
}

fn history(commits: usize) -> (String, String) {
    let mut stream = String::new();
    let mut name = "src/engine_0.rs".to_owned();
    for commit in 0..commits {
        let at = FIRST_AT + commit * APART;
        let (subject, change) = if commit == 0 {
            let all: String = (0..FILES).map(|file| content(&path(file), 0)).collect();
            ("Begin".to_owned(), content(&name, 0) + &all)
        } else if commit % RENAMED_EVERY == 0 {
            let new = format!("src/engine_{commit}.rs");
            let change = format!("R {name} {new}\n");
            name = new;
            (format!("Rename the engine for the {commit}th time"), change)
        } else if commit % TOUCHED_EVERY == 0 {
            (
                format!("Tune the engine, step {commit}"),
                content(&name, commit),
            )
        } else {
            // Steps that visit all files in turn, two at a time.
            let one = content(&path(commit * 7 % FILES), commit);
            let other = content(&path((commit * 13 + 5) % FILES), commit);
            (format!("Change two files, step {commit}"), one + &other)
        };
        // Writing to a String cannot fail.
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter Ada Byron <ada@example.com> {at} +0000\n\
             data {}\n{subject}\n{change}\n",
            subject.len()
        );
    }
    (stream, name)
}

fn path(file: usize) -> String {
    format!("src/part_{}/file_{file}.rs", file % 20)
}

/// The command that gives a file its content: one line differs from step to
/// step.
fn content(path: &str, step: usize) -> String {
    let mut text = String::new();
    for line in 0..LINES {
        let value = if line == step % LINES { step } else { 0 };
        let _ = writeln!(text, "pub const LINE_{line}: usize = {value}; // {path}");
    }
    format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len())
}

fn git(folder: &Path, words: &[&str], input: &str) -> Result<(), DemoError> {
    let shown = format!("git {}", words.join(" "));
    let mut child = Command::new("git")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(DemoError::io(format!("starting `{shown}`")))?;
    // Dropped at the end of the statement: git reads until it is closed.
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(input.as_bytes())
            .map_err(DemoError::io(format!("writing to `{shown}`")))?;
    }
    let status = child
        .wait()
        .map_err(DemoError::io(format!("waiting for `{shown}`")))?;
    if status.success() {
        Ok(())
    } else {
        Err(DemoError::Failed {
            command: shown,
            status: status.to_string(),
        })
    }
}
