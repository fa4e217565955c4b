//! Folders and files: whose they are, and who else may look into them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lore_proto::doctor::Finding;
use lore_proto::places::Places;

use super::database::is_network;
use crate::config::shell_word;

/// Looks at every place. Blocks.
pub(super) fn look(places: &Places) -> Vec<Finding> {
    let own = rustix::process::geteuid().as_raw();
    let config_folder = places.config.parent().unwrap_or(Path::new("/"));
    let tokens = config_folder.join("tokens");
    let mut findings = Vec::new();
    for (path, may_read, what) in [
        (places.data_dir.as_path(), false, "the mirror"),
        (places.log_dir.as_path(), false, "the log"),
        (tokens.as_path(), false, "tokens"),
        (config_folder, true, "the config"),
        (places.config.as_path(), true, "the config"),
        (places.database().as_path(), false, "the mirror"),
        (places.socket.as_path(), false, "the daemon"),
    ] {
        let Ok(metadata) = std::fs::metadata(path) else {
            continue;
        };
        let shown = path.display().to_string();
        let word = shell_word(&shown);
        let mode = metadata.mode() & 0o7777;
        let forbidden = if may_read { 0o022 } else { 0o077 };
        let name = if metadata.is_dir() { "folder" } else { "file" };
        let finding = if metadata.uid() != own {
            let message = format!(
                "`{shown}` belongs to user {} and the daemon runs as user {own}",
                metadata.uid()
            );
            Finding::warning(name, message).action(format!("ls -ld {word}"))
        } else if mode & forbidden != 0 {
            let (verb, cure) = if may_read {
                ("write to", "go-w")
            } else {
                ("get at", "go=")
            };
            let message = format!("others may {verb} {what}: `{shown}` has the mode {mode:04o}");
            Finding::warning(name, message).action(format!("chmod {cure} {word}"))
        } else {
            let others = 0o077;
            let whose = if mode & others == 0 {
                "is yours alone"
            } else {
                "can be written by you alone"
            };
            Finding::ok(name, format!("`{shown}` {whose} ({mode:04o})"))
        };
        findings.push(finding.of(shown));
    }
    if is_network(&places.data_dir) {
        let message = format!(
            "`{}` is on a network file system, on which SQLite's write-ahead log is not safe when \
             two machines use it",
            places.data_dir.display()
        );
        let finding = Finding::warning("folder", message)
            .of(places.data_dir.display().to_string())
            .action("LORE_DATA_DIR=/a/local/folder lore daemon restart");
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::doctor::CheckState;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_others_can_get_at_is_told_with_the_command_that_ends_it() {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("it's data");
        std::fs::create_dir(&data_dir).unwrap();
        let places = Places {
            config: home.path().join("config.toml"),
            socket: data_dir.join("lored.sock"),
            log_dir: data_dir.join("logs"),
            data_dir: data_dir.clone(),
            data_dir_was_told: true,
            config_was_told: true,
        };
        let finding = |mode| {
            std::fs::set_permissions(&data_dir, std::fs::Permissions::from_mode(mode)).unwrap();
            look(&places).remove(0)
        };
        let own = finding(0o700);
        assert_eq!(own.state, CheckState::Ok);
        assert!(own.message.contains("yours alone"), "{own:?}");
        let open = finding(0o755);
        assert_eq!(open.state, CheckState::Warning);
        let done = std::process::Command::new("sh")
            .args(["-c", &open.actions[0]])
            .status();
        assert!(done.unwrap().success(), "{open:?}");
        assert_eq!(look(&places)[0].state, CheckState::Ok);
        // Others may look at the config.
        std::fs::write(&places.config, "").unwrap();
        std::fs::set_permissions(&places.config, std::fs::Permissions::from_mode(0o644)).unwrap();
        let config = look(&places);
        let config = config.iter().find(|f| f.message.contains("config.toml"));
        assert!(
            config.unwrap().message.contains("by you alone"),
            "{config:?}"
        );
    }
}
