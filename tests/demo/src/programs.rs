//! Where `lore` and `lored` are, and building them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::DemoError;

/// The two programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The client.
    pub lore: PathBuf,
    /// The daemon, beside it.
    pub lored: PathBuf,
}

impl Programs {
    /// Has cargo build both in the profile that this program was built in, and
    /// asks it where they are. Cargo's progress goes to stderr.
    pub fn build() -> Result<Self, DemoError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let profile = if cfg!(debug_assertions) {
            "dev"
        } else {
            "release"
        };
        // Without `-p`: the features are then those that the demo was built with.
        let shown = format!("cargo build --profile {profile} --bin lore --bin lored");
        let mut build = Command::new(cargo);
        // What cargo told a test that calls this is not true of that build, and
        // build scripts that look at it would run again.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(name.as_ref());
            }
        }
        let output = build
            .args(shown.split(' ').skip(1))
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(workspace())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(DemoError::io(format!("running `{shown}`")))?;
        let failed = || DemoError::Build {
            command: shown.clone(),
        };
        if !output.status.success() {
            return Err(failed());
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let program = |name: &str| {
            messages
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|message| message["target"]["name"] == name)
                .find_map(|message| message["executable"].as_str().map(PathBuf::from))
                .ok_or_else(failed)
        };
        Ok(Self {
            lore: program("lore")?,
            lored: program("lored")?,
        })
    }

    /// The ones that somebody built into `folder`.
    pub fn in_folder(folder: &Path) -> Result<Self, DemoError> {
        let program = |name: &str| {
            let path = std::path::absolute(folder.join(name))
                .map_err(DemoError::io("finding the programs"))?;
            if path.is_file() {
                Ok(path)
            } else {
                Err(DemoError::NoProgram { path })
            }
        };
        Ok(Self {
            lore: program("lore")?,
            lored: program("lored")?,
        })
    }
}

/// The root of the repository that this program was built from.
fn workspace() -> &'static Path {
    const HERE: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(HERE)
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new(HERE))
}
