//! Tokens in files and out of commands.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::files;

use crate::service::NOTIFY_VARIABLE;

/// How long a `token_command` may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a file system may take to say what is in a file.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of what may hold a token, in bytes.
pub(super) const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Writes a token's file, 0600 in a folder of 0700 from the moment they exist.
pub(super) fn write_token(path: &Path, token: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    files::replace(path, format!("{}\n", token.trim()).as_bytes())
}

/// False where there was no such file.
pub(super) fn remove_file(path: &Path) -> Result<bool, WireError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => {
            let message = format!("`{}` cannot be removed: {error}", path.display());
            Err(WireError::new(ErrorCode::Io, message))
        }
    }
}

pub(super) fn cannot_keep(path: &Path, error: &io::Error) -> WireError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Io,
    };
    let message = format!("the token cannot be kept in `{}`: {error}", path.display());
    WireError::new(code, message).action("lore doctor")
}

/// The text of a small file of another tool. Blocks.
pub(super) fn read_small(path: &Path) -> io::Result<String> {
    files::read_small(path, MAX_TOKEN_BYTES)
}

/// Does `read`, which blocks, beside the async threads and within a bound: a
/// file system may not answer.
pub(super) async fn in_time<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    match timeout(READ_TIMEOUT, spawn_blocking(read)).await {
        Ok(read) => read.map_err(|_| "reading it was interrupted".to_owned()),
        Err(_) => Err(format!(
            "the file system did not answer within {} s",
            READ_TIMEOUT.as_secs()
        )),
    }
}

pub(super) async fn from_file(path: PathBuf) -> Result<String, String> {
    let read = move || -> Result<String, String> {
        let cannot = |error: io::Error| format!("the file cannot be read: {error}");
        let (file, metadata) = files::open_regular(&path).map_err(cannot)?;
        if metadata.mode() & 0o077 != 0 {
            return Err(format!(
                "others may read the file (mode {:04o}); run `chmod 600 {}`",
                metadata.mode() & 0o7777,
                path.display()
            ));
        }
        let mut text = String::new();
        match file.take(MAX_TOKEN_BYTES).read_to_string(&mut text) {
            Ok(_) => Ok(first_line(&text)),
            Err(error) => Err(cannot(error)),
        }
    };
    in_time(read).await?
}

/// Runs the command as it is, without a shell. What it says on stderr is
/// dropped, since that may repeat a secret.
pub(super) async fn from_command(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove(NOTIFY_VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let finish = async {
        let mut text = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_TOKEN_BYTES).read_to_end(&mut text).await?;
        }
        Ok::<_, io::Error>((text, child.wait().await?))
    };
    match tokio::time::timeout(COMMAND_TIMEOUT, finish).await {
        Ok(Ok((text, status))) if status.success() => String::from_utf8(text)
            .map(|text| first_line(&text))
            .map_err(|_| format!("`{program}` printed something that is not UTF-8")),
        Ok(Ok((_, status))) => Err(format!("`{program}` failed ({status})")),
        Ok(Err(error)) => Err(format!("`{program}` broke off: {error}")),
        Err(_) => Err(format!(
            "`{program}` did not end within {} s; it must not ask for anything",
            COMMAND_TIMEOUT.as_secs()
        )),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
