//! Where the daemon's log goes: a file that is rotated by its size, or stderr.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lore_proto::{ErrorCode, WireError};
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// A file of so many bytes is set aside.
const MAX_BYTES: u64 = 10 << 20;
/// So many files that were set aside are kept.
const KEEP: usize = 3;
/// What is logged where `LORE_LOG` is not set.
const DEFAULT_FILTER: &str = "info";

/// Where the log goes.
#[derive(Debug, Clone)]
pub enum LogTarget {
    /// Into this file.
    File(PathBuf),
    /// To stderr, for a daemon that somebody watches or a service manager
    /// keeps.
    Stderr,
}

/// Why nothing can be logged.
#[derive(Debug, Error)]
pub enum LogError {
    /// `LORE_LOG` is no filter.
    #[error("LORE_LOG cannot be read: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The file cannot be opened.
    #[error("the log `{}` cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something else in this process logs already.
    #[error("the log cannot be started: {0}")]
    Started(Box<dyn std::error::Error + Send + Sync>),
}

impl LogError {
    /// The error as a person meets it.
    pub fn to_wire(&self) -> WireError {
        let code = match self {
            Self::Filter(_) => ErrorCode::Usage,
            Self::Open { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
                _ => ErrorCode::Io,
            },
            Self::Started(_) => ErrorCode::Internal,
        };
        let action = match self {
            Self::Filter(_) => "unset LORE_LOG",
            Self::Open { .. } | Self::Started(_) => "lore doctor",
        };
        WireError::new(code, self.to_string()).action(action)
    }
}

/// Logs from here on, what `filter` says in the syntax of `RUST_LOG`, panics
/// included.
pub fn start(target: &LogTarget, filter: Option<&str>) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false);
    let started = match target {
        LogTarget::Stderr => log.with_writer(io::stderr).try_init(),
        LogTarget::File(path) => {
            let file =
                RotatedFile::open(path, MAX_BYTES, KEEP).map_err(|source| LogError::Open {
                    path: path.clone(),
                    source,
                })?;
            log.with_writer(file).try_init()
        }
    };
    started.map_err(LogError::Started)?;
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::force_capture();
        tracing::error!(%panic, %backtrace, "a defect");
    }));
    Ok(())
}

/// A log file, 0600, that gives way to a new one when it is full: `x.log`
/// becomes `x.log.1`, and so on.
#[derive(Debug)]
pub struct RotatedFile {
    path: PathBuf,
    max_bytes: u64,
    keep: usize,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl RotatedFile {
    /// Appends to `path`.
    pub fn open(path: &Path, max_bytes: u64, keep: usize) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            max_bytes,
            keep,
            open: Mutex::new(Open::append(path)?),
        })
    }

    /// Sets the full file aside. Where that fails the log goes on in it: too
    /// much of a log is better than none.
    fn rotate(&self, open: &mut Open) {
        let aside = |number: usize| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.keep).rev() {
            // What is not there cannot be moved, and need not be.
            let _ = std::fs::rename(aside(number), aside(number + 1));
        }
        let moved = std::fs::rename(&self.path, aside(1)).and_then(|()| Open::append(&self.path));
        match moved {
            Ok(next) => *open = next,
            Err(_) => open.bytes = 0,
        }
    }
}

impl Open {
    fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

impl<'a> MakeWriter<'a> for RotatedFile {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter {
            log: self,
            open: self.open.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Writes one entry.
#[derive(Debug)]
pub struct LogWriter<'a> {
    log: &'a RotatedFile,
    open: MutexGuard<'a, Open>,
}

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.bytes > 0 && self.open.bytes + bytes.len() as u64 > self.log.max_bytes {
            self.log.rotate(&mut self.open);
        }
        let written = self.open.file.write(bytes)?;
        self.open.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_full_log_is_set_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lored.log");
        let log = RotatedFile::open(&path, 10, 2).unwrap();
        for entry in ["first 90\n", "second 0\n", "third 90\n", "fourth 0\n"] {
            log.make_writer().write_all(entry.as_bytes()).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("lored.log"), "fourth 0\n");
        assert_eq!(read("lored.log.1"), "third 90\n");
        assert_eq!(read("lored.log.2"), "second 0\n");
        assert!(!folder.path().join("lored.log.3").exists());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lored.log");
        for _ in 0..2 {
            let log = RotatedFile::open(&path, 100, 2).unwrap();
            log.make_writer().write_all(b"entry\n").unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "entry\nentry\n");
    }
}
