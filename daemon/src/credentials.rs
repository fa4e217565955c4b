//! From a host of the config to its token, at the time it is needed.
//!
//! A token is read, handed on and never kept here, printed or put into an
//! error: errors name where it should come from.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::config::{Host, TokenSource};
use crate::gitlab::Token;

/// How long a `token_command` may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of what may hold a token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;
/// What stays as it is in the name of a stored token's file.
const IN_FILE_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The token of the host `name`, read now. `config` is the config file, beside
/// which tokens are stored.
///
/// # Errors
/// `TOKEN_MISSING`, with where it was looked for and what to do.
pub async fn resolve(name: &str, host: &Host, config: &Path) -> Result<Token, WireError> {
    let stored = stored_file(config, name);
    let found = match &host.token {
        Some(TokenSource::Env(variable)) => from_env(variable),
        Some(TokenSource::File(path)) => from_file(path.clone()).await,
        Some(TokenSource::Command(words)) => from_command(words).await,
        None if stored.is_file() => from_file(stored).await,
        None => Err("the config names no source of one".to_owned()),
    };
    let token = found.and_then(|text| {
        let token = Token::new(&text);
        if token.is_empty() {
            Err("what stands there is empty".to_owned())
        } else {
            Ok(token)
        }
    });
    token.map_err(|reason| {
        let source = describe(name, host, config).unwrap_or_else(|| "none".to_owned());
        WireError::new(
            ErrorCode::TokenMissing,
            format!("there is no token for the host `{name}` ({source}): {reason}"),
        )
        .details(json!({ "host": name, "source": source }))
        .action(format!("lore init --host {name}"))
    })
}

/// Where the token of the host `name` comes from, for a person: never what it
/// is. None where no source is known.
pub fn describe(name: &str, host: &Host, config: &Path) -> Option<String> {
    match &host.token {
        Some(TokenSource::Env(variable)) => Some(format!("environment variable {variable}")),
        Some(TokenSource::File(path)) => Some(format!("file {}", path.display())),
        // Its arguments may be secrets of their own.
        Some(TokenSource::Command(words)) => words.first().map(|word| format!("command {word}")),
        None => {
            let stored = stored_file(config, name);
            stored
                .is_file()
                .then(|| format!("file {}", stored.display()))
        }
    }
}

/// The file in which the token of the host `name` is kept, where lore keeps
/// it.
pub fn stored_file(config: &Path, name: &str) -> PathBuf {
    let folder = config.parent().unwrap_or(Path::new("")).join("tokens");
    let file = utf8_percent_encode(name, IN_FILE_NAMES).to_string();
    // `.` and `..` are no file names.
    let file = if file.trim_matches('.').is_empty() {
        file.replace('.', "%2E")
    } else {
        file
    };
    folder.join(file)
}

/// Keeps `token` for the host `name`, in a file that its owner alone may read
/// from the moment it exists. The file is replaced as a whole.
pub fn store(config: &Path, name: &str, token: &str) -> io::Result<PathBuf> {
    let path = stored_file(config, name);
    if let Some(folder) = path.parent() {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    replace_file(&path, format!("{}\n", token.trim()).as_bytes())?;
    Ok(path)
}

/// Writes `content` to `path`, 0600, so that a reader sees the old content or
/// the new, and so does whoever comes after a crash.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        if let Some(folder) = path.parent() {
            // The name is safe only once its folder is.
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    // One that a crashed process of the same number left.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write().inspect_err(|_| {
        // What is left of it has no use; the first error is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    })
}

fn from_env(variable: &str) -> Result<String, String> {
    match std::env::var(variable) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(format!(
            "`{variable}` is not set in the daemon's environment; set it and run `lore daemon restart`"
        )),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("`{variable}` is not UTF-8")),
    }
}

async fn from_file(path: PathBuf) -> Result<String, String> {
    let read = move || -> Result<String, String> {
        let cannot = |error: io::Error| format!("the file cannot be read: {error}");
        let file = std::fs::File::open(&path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if !metadata.is_file() {
            return Err("it is not a regular file".to_owned());
        }
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
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|_| Err("reading it was interrupted".to_owned()))
}

/// Runs the command as it is, without a shell. What it says on stderr is
/// dropped, since that may repeat a secret.
async fn from_command(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
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

#[cfg(test)]
mod tests;
