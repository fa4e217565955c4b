//! What the client sees without a daemon: places, modes, the end of the log.

use std::fs::Metadata;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lore_proto::doctor::Finding;
use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};

/// How much of the log is read to find its last complaint.
const TAIL: u64 = 64 * 1024;

/// Looks at every place of `places`.
pub(super) fn look(places: &Places) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folders = [
        ("data", places.data_dir.as_path()),
        ("log", places.log_dir.as_path()),
        ("socket", places.socket.parent().unwrap_or(Path::new("/"))),
    ];
    for (what, path) in folders {
        findings.push(folder(what, path));
    }
    findings.push(match std::fs::metadata(&places.config) {
        Ok(_) => Finding::ok("config", format!("`{}` is there", places.config.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("there is no config `{}`", places.config.display());
            Finding::warning("config", message).action("lore init")
        }
        Err(error) => cannot("config", &places.config, &error),
    });
    findings.push(match last_complaint(&places.log_file()) {
        Some(line) => Finding::warning("log", format!("the last complaint in the log: {line}"))
            .action("lore daemon logs"),
        None => Finding::ok("log", "the log has no complaint"),
    });
    findings
}

fn folder(what: &str, path: &Path) -> Finding {
    let shown = path.display().to_string();
    let finding = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("the {what} folder `{shown}` is not there yet");
            Finding::skipped("folder", message)
        }
        Err(error) => cannot("folder", path, &error),
        Ok(metadata) if !metadata.is_dir() => {
            let message = format!("`{shown}` is no folder, and has to be the {what} folder");
            Finding::failed("folder", WireError::new(ErrorCode::Io, message))
        }
        Ok(metadata) => judged(what, &shown, &metadata),
    };
    finding.of(shown)
}

fn judged(what: &str, shown: &str, metadata: &Metadata) -> Finding {
    let mode = metadata.mode() & 0o7777;
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        let owner = metadata.uid();
        let message =
            format!("the {what} folder `{shown}` belongs to user {owner}, and you are {own}");
        return Finding::failed("folder", WireError::new(ErrorCode::Io, message));
    }
    if mode & 0o022 != 0 {
        let message = format!("others may write to the {what} folder `{shown}` (mode {mode:04o})");
        let error = WireError::new(ErrorCode::Io, message);
        return match shlex::try_quote(shown) {
            Ok(word) => Finding::failed("folder", error.action(format!("chmod go-w {word}"))),
            Err(_) => Finding::failed("folder", error),
        };
    }
    Finding::ok(
        "folder",
        format!("the {what} folder `{shown}` is yours ({mode:04o})"),
    )
}

fn cannot(check: &str, path: &Path, error: &io::Error) -> Finding {
    let message = format!("`{}` cannot be looked at: {error}", path.display());
    Finding::failed(check, WireError::new(ErrorCode::Io, message))
}

/// The last line of the log that tells of something wrong.
fn last_complaint(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let complaint = |line: &&str| line.contains(" ERROR ") || line.contains(" WARN ");
    text.lines().rev().find(complaint).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::doctor::CheckState;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn places_are_judged_without_a_daemon() {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("data");
        let places = Places {
            config: home.path().join("config.toml"),
            socket: data_dir.join("lored.sock"),
            log_dir: home.path().join("logs"),
            data_dir: data_dir.clone(),
            data_dir_was_told: true,
            config_was_told: true,
        };
        std::fs::create_dir(&data_dir).unwrap();
        std::fs::set_permissions(&data_dir, std::fs::Permissions::from_mode(0o777)).unwrap();
        std::fs::create_dir(&places.log_dir).unwrap();
        std::fs::write(
            places.log_file(),
            "t ERROR lored: boom\nt  INFO lored: fine\n",
        )
        .unwrap();
        let findings = look(&places);
        assert_eq!(findings[0].state, CheckState::Failed);
        assert!(
            findings[0].actions[0].starts_with("chmod go-w "),
            "{findings:?}"
        );
        let said = findings
            .iter()
            .map(|it| it.message.as_str())
            .collect::<String>();
        assert!(
            said.contains("boom") && said.contains("no config"),
            "{said}"
        );
    }
}
