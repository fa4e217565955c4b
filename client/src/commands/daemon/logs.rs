//! `lore daemon logs`: the end of the daemon's log, and what is added to it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use lore_proto::{ErrorCode, WireError};

use super::answers::LogTail;
use super::say;
use crate::commands::Reply;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Page, Printer, sanitise};
use crate::service;

/// The most that is read of a log to find its last lines.
const MAX_TAIL: u64 = 8 * 1024 * 1024;

/// How often a followed log is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore daemon logs -n 100
  lore daemon logs -f")]
pub(super) struct Logs {
    /// At most so many lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
    /// Go on with what is added, until Ctrl+C
    #[arg(short, long)]
    follow: bool,
}

impl Logs {
    pub(super) fn run(&self, context: &mut Context) -> Result<Reply, Failure> {
        let places = context.places()?;
        if let Some(words) = service::journal().filter(|_| service::owns(&places)) {
            return self.of_journal(context, words);
        }
        let path = places.log_file();
        let printer = context.printer;
        let mut log = match Log::open(&path) {
            Ok(log) => log,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.follow => {
                printer.note("there is no log yet; waiting for the daemon to write one");
                Log::wait_for(&path)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::Error(
                    WireError::new(
                        ErrorCode::NotFound,
                        format!("there is no log at `{}`", path.display()),
                    )
                    .action("lore daemon start"),
                ));
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let lines = log
            .last_lines(self.lines)
            .map_err(|error| unreadable(&path, &error))?;
        if self.follow {
            show(printer, &lines)?;
            return log.follow(&path, printer);
        }
        let mut page = Page::default();
        for line in &lines {
            page.line(line);
        }
        let data = LogTail {
            path: path.display().to_string(),
            lines: &lines,
        };
        say(context, &data, &page.into_text())
    }
}

impl Logs {
    /// The log of a daemon whose service manager keeps it.
    fn of_journal(&self, context: &mut Context, words: &[&str]) -> Result<Reply, Failure> {
        let shown = words.join(" ");
        let failed = |error: &io::Error| Failure::io(format_args!("running `{shown}`"), error);
        let count = format!("--lines={}", self.lines);
        let [program, arguments @ ..] = words else {
            return Err(failed(&io::ErrorKind::NotFound.into()));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(count).stdin(Stdio::null());
        if self.follow {
            let mut child = command
                .arg("--follow")
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| failed(&error))?;
            let stdout = child.stdout.take();
            for line in stdout
                .map(BufReader::new)
                .into_iter()
                .flat_map(BufRead::lines)
            {
                let line = line.map_err(|error| failed(&error))?;
                show(context.printer, &[sanitise::line(&line).into_owned()])?;
            }
            return Ok(Reply::Shown);
        }
        let output = command.output().map_err(|error| failed(&error))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(failed(&io::Error::other(complaint)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<String> = text
            .lines()
            .map(|line| sanitise::line(line).into_owned())
            .collect();
        let mut page = Page::default();
        for line in &lines {
            page.line(line);
        }
        let data = LogTail {
            path: shown,
            lines: &lines,
        };
        say(context, &data, &page.into_text())
    }
}

/// A log file, read up to some point.
struct Log {
    file: File,
    read_to: u64,
    /// The beginning of a line whose end is not written yet.
    unfinished: String,
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            read_to: 0,
            unfinished: String::new(),
        })
    }

    fn wait_for(path: &Path) -> Result<Self, Failure> {
        loop {
            match Self::open(path) {
                Ok(log) => return Ok(log),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    std::thread::sleep(INTERVAL);
                }
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
    }

    /// The last lines, at most `wanted` of them.
    fn last_lines(&mut self, wanted: usize) -> io::Result<Vec<String>> {
        let length = self.file.metadata()?.len();
        let from = length.saturating_sub(MAX_TAIL);
        self.read_to = from;
        let mut lines = self.added()?;
        if from > 0 && !lines.is_empty() {
            // Reading began in the middle of a line.
            lines.remove(0);
        }
        Ok(lines.split_off(lines.len().saturating_sub(wanted)))
    }

    /// The whole lines that were added since the last look.
    fn added(&mut self) -> io::Result<Vec<String>> {
        self.file.seek(SeekFrom::Start(self.read_to))?;
        let mut bytes = Vec::new();
        let count = (&self.file).take(MAX_TAIL).read_to_end(&mut bytes)?;
        self.read_to += u64::try_from(count).unwrap_or(0);
        self.unfinished.push_str(&String::from_utf8_lossy(&bytes));
        let Some(end) = self.unfinished.rfind('\n') else {
            return Ok(Vec::new());
        };
        let rest = self.unfinished.split_off(end + 1);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        let line = |line: &str| sanitise::line(line).into_owned();
        Ok(whole.lines().map(line).collect())
    }

    fn follow(&mut self, path: &Path, printer: Printer) -> Result<Reply, Failure> {
        loop {
            let lines = self.added().map_err(|error| unreadable(path, &error))?;
            let none = lines.is_empty();
            show(printer, &lines)?;
            if !none {
                continue;
            }
            if let Some(next) = self.successor(path) {
                *self = next;
            } else {
                std::thread::sleep(INTERVAL);
            }
        }
    }

    /// The log from its beginning, where it was rotated or cut meanwhile.
    fn successor(&self, path: &Path) -> Option<Self> {
        let old = self.file.metadata().ok()?;
        let new = std::fs::metadata(path).ok()?;
        let same = old.ino() == new.ino() && old.dev() == new.dev();
        if same && new.len() >= self.read_to {
            return None;
        }
        Self::open(path).ok()
    }
}

fn show(printer: Printer, lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    printer.out(&(lines.join("\n") + "\n"))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::io(format_args!("reading the log `{}`", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_last_lines_come_without_one_that_is_not_finished() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        std::fs::write(&path, "one\ntwo\n\u{1b}[31mthree\u{1b}[0m\nfo").unwrap();
        let mut log = Log::open(&path).unwrap();
        assert_eq!(log.last_lines(2).unwrap(), ["two", "three"]);
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"ur\nfive\n").unwrap();
        assert_eq!(log.added().unwrap(), ["four", "five"]);
    }

    #[test]
    fn a_rotated_or_cut_log_is_read_from_its_beginning() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        std::fs::write(&path, "one\n").unwrap();
        let mut log = Log::open(&path).unwrap();
        log.last_lines(10).unwrap();
        assert!(log.successor(&path).is_none());
        std::fs::rename(&path, home.path().join("log.1")).unwrap();
        std::fs::write(&path, "new one\n").unwrap();
        let mut next = log.successor(&path).unwrap();
        assert_eq!(next.added().unwrap(), ["new one"]);
        std::fs::write(&path, "x\n").unwrap();
        assert_eq!(next.successor(&path).unwrap().added().unwrap(), ["x"]);
    }

    #[test]
    fn a_log_longer_than_the_bound_begins_with_a_whole_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        let line = format!("{}\n", "x".repeat(1_023));
        std::fs::write(&path, line.repeat(9 * 1_024)).unwrap();
        let lines = Log::open(&path).unwrap().last_lines(usize::MAX).unwrap();
        assert!(lines.iter().all(|l| l.len() == 1_023));
        assert!(lines.len() < 9 * 1_024);
    }
}
