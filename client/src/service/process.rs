//! Running the manager's own program.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lore_proto::{ErrorCode, WireError};

use crate::failure::Failure;

/// How long the manager may take: it waits until the daemon serves, or has
/// gone.
const LIMIT: Duration = Duration::from_mins(1);

/// Runs a command line to its end and gives what it printed.
pub(super) fn run(words: &[&str]) -> Result<String, Failure> {
    let shown = words.join(" ");
    let failed = |why: &str| {
        Failure::Error(
            WireError::new(
                ErrorCode::DaemonUnavailable,
                format!(
                    "`{shown}` failed: {why}; without a service manager lore starts the daemon \
                     by itself when it is needed"
                ),
            )
            .action("lore daemon start"),
        )
    };
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("it is empty"));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    let deadline = Instant::now() + LIMIT;
    // What it prints is a few lines, so that it never waits for a reader.
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(None) => {
                // It may end at this very moment.
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(&format!(
                    "it has not ended after {} seconds",
                    LIMIT.as_secs()
                )));
            }
            Err(error) => return Err(failed(&error.to_string())),
        }
    };
    let text = |stream: Option<&mut dyn std::io::Read>| {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What cannot be read is not shown.
            let _ = stream.take(64 * 1024).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let said = text(child.stdout.as_mut().map(|it| it as _));
    if status.success() {
        return Ok(said);
    }
    let complaint = text(child.stderr.as_mut().map(|it| it as _));
    Err(failed(&match complaint.lines().next() {
        Some(line) => line.to_owned(),
        None => status.to_string(),
    }))
}
