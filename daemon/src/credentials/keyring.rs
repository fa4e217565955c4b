//! The desktop's keyring (the freedesktop Secret Service), by its own program
//! `secret-tool`.
//!
//! A daemon that a service manager starts at boot has no desktop session and
//! nobody who could unlock a keyring, so the file is the default and this is
//! for those who ask for it. Speaking D-Bus ourselves would bring a hundred
//! packages for three calls.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::files::MAX_TOKEN_BYTES;
use super::surroundings::Surroundings;

/// How long the keyring may take; a locked one asks somebody for its password.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The keyring of a desktop session.
#[derive(Debug)]
pub(super) struct Keyring {
    program: PathBuf,
    variables: Vec<(&'static str, std::ffi::OsString)>,
}

impl Keyring {
    /// The keyring, or why there is none.
    pub(super) fn open(env: &Surroundings) -> Result<Self, String> {
        let bus = env.raw("DBUS_SESSION_BUS_ADDRESS").is_some()
            || env
                .path("XDG_RUNTIME_DIR")
                .is_some_and(|folder| folder.join("bus").exists());
        if !bus {
            return Err(
                "the daemon runs without a desktop session, and so without a keyring".into(),
            );
        }
        let path = env.raw("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .map(|folder| folder.join("secret-tool"))
            .find(|program| program.is_file())
            .ok_or("`secret-tool` is not installed (on Debian it is in libsecret-tools)")?;
        let names = [
            "DBUS_SESSION_BUS_ADDRESS",
            "XDG_RUNTIME_DIR",
            "HOME",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "PATH",
        ];
        let variables = names.into_iter();
        let variables = variables
            .filter_map(|name| Some((name, env.raw(name)?)))
            .collect();
        Ok(Self { program, variables })
    }

    /// The secret with these attributes; none where there is no such secret.
    pub(super) async fn look_up(
        &self,
        attributes: &[(&str, &str)],
    ) -> Result<Option<String>, String> {
        match self.run("lookup", &[], attributes, None).await? {
            (true, secret) if !secret.is_empty() => Ok(Some(secret)),
            _ => Ok(None),
        }
    }

    /// Keeps a secret. It goes through a pipe, never through the arguments,
    /// which others can see.
    pub(super) async fn store(
        &self,
        label: &str,
        attributes: &[(&str, &str)],
        secret: &str,
    ) -> Result<(), String> {
        let label = format!("--label={label}");
        let (stored, _) = self
            .run("store", &[&label], attributes, Some(secret))
            .await?;
        // Some services say yes and keep nothing.
        if stored && self.look_up(attributes).await?.as_deref() == Some(secret) {
            Ok(())
        } else {
            Err("the keyring did not take the token; it may be locked".to_owned())
        }
    }

    /// Forgets a secret.
    pub(super) async fn clear(&self, attributes: &[(&str, &str)]) -> Result<(), String> {
        self.run("clear", &[], attributes, None).await.map(drop)
    }

    /// Whether it went well, and what it printed. Its complaints are dropped:
    /// nobody promises that they repeat no secret.
    async fn run(
        &self,
        action: &str,
        options: &[&str],
        attributes: &[(&str, &str)],
        input: Option<&str>,
    ) -> Result<(bool, String), String> {
        let broke = |error: std::io::Error| format!("`secret-tool` broke off: {error}");
        let mut child = Command::new(&self.program)
            .arg(action)
            .args(options)
            .args(
                attributes
                    .iter()
                    .flat_map(|(name, value)| [*name, *value])
                    .map(OsStr::new),
            )
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(broke)?;
        let exchange = async {
            if let Some(mut stdin) = child.stdin.take()
                && let Some(input) = input
            {
                stdin.write_all(input.as_bytes()).await?;
                stdin.shutdown().await?;
            }
            let mut output = String::new();
            if let Some(stdout) = child.stdout.take() {
                stdout
                    .take(MAX_TOKEN_BYTES)
                    .read_to_string(&mut output)
                    .await?;
            }
            Ok((child.wait().await?.success(), output.trim().to_owned()))
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(done) => done.map_err(broke),
            Err(_) => {
                Err("the keyring did not answer in time; it may wait for its password".into())
            }
        }
    }
}
