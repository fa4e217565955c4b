//! Where lore keeps its things (contract §2), by the XDG base directory
//! specification. Both sides compute the same answers from the same
//! environment; the handshake catches the cases where they do not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The longest socket path that both Linux (108 with the final NUL) and macOS
/// (104) take, in bytes.
pub const MAX_SOCKET_PATH: usize = 103;

/// The folders and files of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The config file.
    pub config: PathBuf,
    /// The data folder: database and owner lock.
    pub data_dir: PathBuf,
    /// The socket.
    pub socket: PathBuf,
    /// The folder of the logs.
    pub log_dir: PathBuf,
    /// The data folder was named by `LORE_DATA_DIR`.
    pub data_dir_was_told: bool,
    /// The config file was named by a flag or `LORE_CONFIG`.
    pub config_was_told: bool,
}

/// What a command line may override.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
}

/// Why no places could be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlacesError {
    /// Neither `HOME` nor the variable named is set.
    NoHome(&'static str),
    /// The socket's path is longer than the system allows.
    SocketTooLong(PathBuf),
}

impl std::fmt::Display for PlacesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoHome(variable) => write!(
                f,
                "neither HOME nor {variable} is set, so there is no place for lore's files; set HOME, or LORE_DATA_DIR and LORE_CONFIG"
            ),
            Self::SocketTooLong(path) => write!(
                f,
                "the socket's path `{}` has {} bytes and the system allows {MAX_SOCKET_PATH}; set LORE_SOCKET to a shorter one",
                path.display(),
                path.as_os_str().len()
            ),
        }
    }
}

impl std::error::Error for PlacesError {}

impl Places {
    /// The places by the process's environment.
    pub fn from_env(overrides: &Overrides) -> Result<Self, PlacesError> {
        Self::resolve(|name| std::env::var_os(name), overrides)
    }

    /// The places by an environment that `var` reads.
    pub fn resolve(
        var: impl Fn(&str) -> Option<OsString>,
        overrides: &Overrides,
    ) -> Result<Self, PlacesError> {
        let set = |name: &str| var(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // The specification: a relative path in an XDG variable is ignored.
        let xdg = |name: &'static str, below_home: &str| -> Result<PathBuf, PlacesError> {
            set(name)
                .filter(|p| p.is_absolute())
                .or_else(|| set("HOME").map(|home| home.join(below_home)))
                .map(|p| p.join("lore"))
                .ok_or(PlacesError::NoHome(name))
        };
        let told_config = overrides.config.clone().or_else(|| set("LORE_CONFIG"));
        let config_was_told = told_config.is_some();
        let config = match told_config {
            Some(path) => absolute(&path),
            None => xdg("XDG_CONFIG_HOME", ".config")?.join("config.toml"),
        };
        let told_data = set("LORE_DATA_DIR");
        let data_dir_was_told = told_data.is_some();
        let data_dir = match &told_data {
            Some(path) => absolute(path),
            None => xdg("XDG_DATA_HOME", ".local/share")?,
        };
        let told_socket = overrides.socket.clone().or_else(|| set("LORE_SOCKET"));
        let socket = match told_socket {
            Some(path) => absolute(&path),
            None if data_dir_was_told => data_dir.join("lored.sock"),
            None => match set("XDG_RUNTIME_DIR").filter(|p| p.is_absolute()) {
                Some(runtime) => runtime.join("lore").join("lored.sock"),
                None => data_dir.join("lored.sock"),
            },
        };
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(PlacesError::SocketTooLong(socket));
        }
        let log_dir = if data_dir_was_told && set("XDG_STATE_HOME").is_none() {
            data_dir.join("logs")
        } else {
            xdg("XDG_STATE_HOME", ".local/state")?
        };
        Ok(Self {
            config,
            data_dir,
            socket,
            log_dir,
            data_dir_was_told,
            config_was_told,
        })
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("lore.db")
    }

    /// The file whose OS lock says that a daemon owns the data folder.
    pub fn owner_lock(&self) -> PathBuf {
        self.data_dir.join("lored.lock")
    }

    /// The file whose OS lock lets one client at a time start a daemon.
    pub fn start_lock(&self) -> PathBuf {
        self.data_dir.join("start.lock")
    }

    /// The daemon's log.
    pub fn log_file(&self) -> PathBuf {
        self.log_dir.join("lored.log")
    }
}

/// `path` from the current folder, without asking the file system more.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(vars: &[(&str, &str)]) -> Result<Places, PlacesError> {
        Places::resolve(
            |name| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| OsString::from(v))
            },
            &Overrides::default(),
        )
    }

    #[test]
    fn empty_and_relative_xdg_variables_count_as_unset() {
        let p = places(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", ""),
            ("XDG_DATA_HOME", "relative"),
        ])
        .unwrap();
        assert_eq!(p.config, Path::new("/h/.config/lore/config.toml"));
        assert_eq!(p.data_dir, Path::new("/h/.local/share/lore"));
        assert_eq!(p.socket, Path::new("/h/.local/share/lore/lored.sock"));
    }

    #[test]
    fn the_runtime_folder_holds_the_socket_unless_a_data_folder_was_told() {
        let p = places(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/1")]).unwrap();
        assert_eq!(p.socket, Path::new("/run/user/1/lore/lored.sock"));
        let p = places(&[
            ("HOME", "/h"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
            ("LORE_DATA_DIR", "/d"),
        ])
        .unwrap();
        assert_eq!(p.socket, Path::new("/d/lored.sock"));
        assert_eq!(p.log_dir, Path::new("/d/logs"));
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_an_error_that_names_the_cure() {
        let long = format!("/{}", "x".repeat(120));
        let error = places(&[("HOME", "/h"), ("LORE_DATA_DIR", &long)]).unwrap_err();
        assert!(error.to_string().contains("LORE_SOCKET"));
    }

    #[test]
    fn without_home_the_error_names_the_variables() {
        assert_eq!(
            places(&[]).unwrap_err(),
            PlacesError::NoHome("XDG_CONFIG_HOME")
        );
    }
}
