//! Reads what `git log` says.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::SourceError;
use crate::Moment;
use crate::upstream::DiffFile;

/// Longer patches are left out, as GitLab leaves out what is too large.
const LONGEST_PATCH: usize = 200 * 1024;

/// The text of all patches together; what comes after it is left out too.
const ALL_PATCHES: usize = 128 * 1024 * 1024;

/// A record starts with RS, its fields are separated by US.
const FORMAT: &str = "--format=%x1e%H%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ce%x1f%ct%x1f%B";

/// One line of a commit's header.
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) at: Moment,
}

impl Signature {
    /// The local part of the address, as good as a login name.
    pub(super) fn username(&self) -> &str {
        let local = self.email.split('@').next().unwrap_or_default();
        if local.is_empty() { &self.name } else { local }
    }
}

/// A commit of the first-parent line.
pub(super) struct GitCommit {
    pub(super) sha: String,
    pub(super) parents: Vec<String>,
    pub(super) author: Signature,
    pub(super) committer: Signature,
    pub(super) message: String,
}

impl GitCommit {
    fn parse(record: &str) -> Option<Self> {
        let mut fields = record.splitn(9, '\u{1f}');
        let sha = fields.next()?.to_owned();
        let parents = fields
            .next()?
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let mut signature = || {
            Some(Signature {
                name: fields.next()?.to_owned(),
                email: fields.next()?.to_owned(),
                at: Moment::from_secs(fields.next()?.parse().ok()?),
            })
        };
        let (author, committer) = (signature()?, signature()?);
        Some(Self {
            sha,
            parents,
            author,
            committer,
            message: fields.next()?.to_owned(),
        })
    }

    pub(super) fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The title of the merge request: the subject, or for a merge the first
    /// line below it; and what is left of the message.
    pub(super) fn title_and_description(&self) -> (String, Option<String>) {
        let lines = self.message.lines().skip(1);
        let body: Vec<&str> = lines.skip_while(|line| line.trim().is_empty()).collect();
        let (title, rest) = match body.split_first() {
            Some((title, rest)) if self.subject().starts_with("Merge ") => (title.trim(), rest),
            _ => (self.subject(), body.as_slice()),
        };
        let description = rest.join("\n").trim().to_owned();
        let description = Some(description).filter(|text| !text.is_empty());
        (title.to_owned(), description)
    }

    /// The branch that the subject of a merge names.
    pub(super) fn source_branch(&self) -> String {
        self.subject()
            .strip_prefix("Merge branch '")
            .and_then(|rest| rest.split('\'').next())
            .map_or_else(
                || format!("commit-{}", self.sha.get(..8).unwrap_or_default()),
                str::to_owned,
            )
    }
}

/// A file of a commit as the raw format tells it.
struct RawChange {
    file: DiffFile,
    /// A change of type is two patches: a deletion and an addition.
    patches: usize,
}

pub(super) struct Repository {
    path: PathBuf,
}

impl Repository {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The branch that is checked out.
    pub(super) fn branch(&self) -> Result<String, SourceError> {
        let name = self.text(&["rev-parse", "--abbrev-ref", "HEAD"])?;
        Ok(match name.trim() {
            "HEAD" | "" => "main".to_owned(),
            name => name.to_owned(),
        })
    }

    /// Merges of the first-parent line, or all of it where there are none;
    /// oldest first.
    pub(super) fn history(&self) -> Result<Vec<(GitCommit, Vec<DiffFile>)>, SourceError> {
        let merges = self.text(&["rev-list", "--first-parent", "--merges", "-n1", "HEAD"])?;
        let which = if merges.trim().is_empty() {
            "--no-merges"
        } else {
            "--merges"
        };
        let mut patches = self.patches(which)?;
        let history = self.raw(which)?.into_iter().map(|(commit, changes)| {
            let texts = patches.remove(&commit.sha).unwrap_or_default();
            (commit, with_patches(changes, texts))
        });
        Ok(history.collect())
    }

    fn raw(&self, which: &str) -> Result<Vec<(GitCommit, Vec<RawChange>)>, SourceError> {
        let mut arguments = diff_arguments(which, FORMAT);
        arguments.extend(["-z", "--raw", "--no-abbrev"]);
        let output = self.text(&arguments)?;
        let mut history: Vec<(GitCommit, Vec<RawChange>)> = Vec::new();
        let mut tokens = output
            .split('\0')
            .map(|token| token.trim_start_matches('\n'));
        while let Some(token) = tokens.next() {
            if let Some(record) = token.strip_prefix('\u{1e}') {
                let commit = GitCommit::parse(record)
                    .ok_or_else(|| self.failed("log", "a commit is not as expected"))?;
                history.push((commit, Vec::new()));
            } else if let Some(entry) = token.strip_prefix(':') {
                let change = raw_change(entry, &mut tokens)
                    .ok_or_else(|| self.failed("log", "a raw entry is not as expected"))?;
                if let Some((_, changes)) = history.last_mut() {
                    changes.push(change);
                }
            }
        }
        Ok(history)
    }

    /// The hunks of every file of every commit, in the order of the raw format.
    fn patches(&self, which: &str) -> Result<HashMap<String, Vec<Patch>>, SourceError> {
        let mut arguments = diff_arguments(which, "--format=%x1e%H");
        arguments.extend(["--patch", "--unified=3", "--no-ext-diff", "--no-textconv"]);
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| self.failed("log", error.to_string()))?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| self.failed("log", "it has no output"))?;
        let mut found: HashMap<String, Vec<Patch>> = HashMap::new();
        let mut sha = String::new();
        let mut left = ALL_PATCHES;
        let mut in_hunk = false;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| self.failed("log", error.to_string()))?;
            let line = String::from_utf8_lossy(&line);
            if let Some(next) = line.strip_prefix('\u{1e}') {
                next.clone_into(&mut sha);
                in_hunk = false;
                continue;
            }
            let patches = found.entry(sha.clone()).or_default();
            if line.starts_with("diff --git ") {
                patches.push(Patch::default());
                in_hunk = false;
                continue;
            }
            in_hunk |= line.starts_with("@@ ");
            if let (true, Some(patch)) = (in_hunk, patches.last_mut()) {
                patch.push(&line, &mut left);
            }
        }
        let status = child
            .wait()
            .map_err(|error| self.failed("log", error.to_string()))?;
        if !status.success() {
            return Err(self.failed("log", format!("it ended with {status}")));
        }
        Ok(found)
    }

    fn text(&self, arguments: &[&str]) -> Result<String, SourceError> {
        let name = arguments.first().copied().unwrap_or_default();
        let output = self
            .command(arguments)
            .output()
            .map_err(|error| self.failed(name, error.to_string()))?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(name, problem.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.path)
            .args(arguments)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null());
        command
    }

    fn failed(&self, command: &str, problem: impl Into<String>) -> SourceError {
        SourceError::Git {
            command: command.to_owned(),
            path: self.path.clone(),
            problem: problem.into(),
        }
    }
}

/// What both walks have in common. Whatever a person configured for their own
/// diffs is overruled.
fn diff_arguments<'a>(which: &'a str, format: &'a str) -> Vec<&'a str> {
    vec![
        "log",
        "--first-parent",
        "--reverse",
        which,
        "-m",
        "--root",
        "-M50%",
        "-l1000",
        "--no-color",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        format,
    ]
}

/// `100644 100644 <sha> <sha> R100`, and one or two paths.
fn raw_change<'a>(entry: &str, paths: &mut impl Iterator<Item = &'a str>) -> Option<RawChange> {
    let mut fields = entry.split(' ');
    let mode = |text: &str| match text {
        "000000" => "0".to_owned(),
        text => text.to_owned(),
    };
    let (a_mode, b_mode) = (mode(fields.next()?), mode(fields.next()?));
    let status = fields.nth(2)?;
    let path = paths.next()?;
    let file = match status.as_bytes().first()? {
        b'A' => DiffFile::added(path, ""),
        b'D' => DiffFile::deleted(path, ""),
        b'R' => DiffFile::renamed(path, paths.next()?, ""),
        _ => DiffFile::modified(path, ""),
    };
    Some(RawChange {
        file: DiffFile {
            a_mode,
            b_mode,
            ..file
        },
        patches: if status == "T" { 2 } else { 1 },
    })
}

fn with_patches(changes: Vec<RawChange>, patches: Vec<Patch>) -> Vec<DiffFile> {
    let mut patches = patches.into_iter();
    changes
        .into_iter()
        .map(|change| {
            let mut file = change.file;
            for patch in patches.by_ref().take(change.patches) {
                file.too_large |= patch.cut;
                file.diff.push_str(&patch.text);
            }
            if file.too_large {
                file.diff.clear();
            }
            file
        })
        .collect()
}

/// The hunks of one file.
#[derive(Default)]
struct Patch {
    text: String,
    cut: bool,
}

impl Patch {
    fn push(&mut self, line: &str, left: &mut usize) {
        let length = line.len() + 1;
        if self.cut || self.text.len() + length > LONGEST_PATCH || length > *left {
            self.cut = true;
            self.text.clear();
            return;
        }
        *left -= length;
        self.text.push_str(line);
        self.text.push('\n');
    }
}
