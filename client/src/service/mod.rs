//! The service manager that may keep `lored`: systemd's user manager, launchd
//! on macOS. What a person has not installed with `lore daemon install` is
//! asked nothing.

mod launchd;
mod process;
mod systemd;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};

use crate::failure::Failure;

pub use systemd::packaged_units;

/// A file that tells the service manager of `lored`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitFile {
    /// Where it belongs, for this user alone.
    pub(crate) path: PathBuf,
    /// What has to stand in it.
    pub(crate) text: String,
    /// Where a package may have put the same for everybody.
    pub(crate) packaged: Option<PathBuf>,
}

/// How the daemon is to be started.
#[derive(Debug)]
pub(crate) struct Start {
    /// The program.
    lored: PathBuf,
    /// Where it serves.
    socket: PathBuf,
    /// Whether that is the usual place, in the runtime folder.
    at_usual_place: bool,
    /// The variables that lead it to its places.
    variables: Vec<(&'static str, PathBuf)>,
}

impl Start {
    /// The start of `lored` for these places, which depend on `variable`s of
    /// the environment that a service does not see.
    pub(crate) fn new(
        lored: &Path,
        places: &Places,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let folder = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|it| it.is_absolute())
        };
        let told = [
            ("LORE_CONFIG", places.config_was_told, &places.config),
            ("LORE_DATA_DIR", places.data_dir_was_told, &places.data_dir),
        ];
        let told = told.into_iter().filter(|(_, was_told, _)| *was_told);
        let mut variables: Vec<_> = told.map(|(name, _, path)| (name, path.clone())).collect();
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            variables.extend(folder(name).map(|path| (name, path)));
        }
        let usual = folder("XDG_RUNTIME_DIR").map(|runtime| runtime.join("lore/lored.sock"));
        Self {
            lored: lored.to_path_buf(),
            socket: places.socket.clone(),
            at_usual_place: usual.as_ref() == Some(&places.socket),
            variables,
        }
    }
}

/// The manager of this system, by its name.
pub(crate) const MANAGER: &str = if cfg!(target_os = "macos") {
    "launchd"
} else {
    "systemd"
};

const LAUNCHD: bool = cfg!(target_os = "macos");

/// The files that tell the manager of a daemon that starts like this.
pub(crate) fn units(start: &Start) -> Result<Vec<UnitFile>, Failure> {
    if LAUNCHD {
        launchd::units(start)
    } else {
        systemd::units(start)
    }
}

/// Says why the manager of this user cannot be asked, where it cannot.
pub(crate) fn check() -> Result<(), Failure> {
    if LAUNCHD {
        launchd::check()
    } else {
        systemd::check()
    }
}

/// Has the manager read its files again and start the daemon, now and at every
/// login. None may run by hand.
pub(crate) fn enable() -> Result<(), Failure> {
    if LAUNCHD {
        launchd::enable()
    } else {
        systemd::enable()
    }
}

/// Has the manager stop the daemon and forget it. The files go after this.
pub(crate) fn disable() -> Result<(), Failure> {
    if LAUNCHD {
        launchd::disable()
    } else {
        systemd::disable()
    }
}

/// Has the manager read its files again.
pub(crate) fn reload() -> Result<(), Failure> {
    if LAUNCHD { Ok(()) } else { systemd::reload() }
}

/// Whether the daemon of these places is the manager's to start. Reads two
/// files at most.
pub(crate) fn owns(places: &Places) -> bool {
    if LAUNCHD {
        launchd::owns(places)
    } else {
        systemd::owns(places)
    }
}

/// Has the manager start the daemon, or make its socket listen; false where it
/// cannot.
pub(crate) fn start() -> bool {
    if LAUNCHD {
        launchd::start().is_ok()
    } else {
        systemd::start().is_ok()
    }
}

/// Has the manager stop the daemon and its socket; the process that ended. A
/// daemon that launchd keeps is asked like any other.
pub(crate) fn stop() -> Option<u32> {
    if LAUNCHD { None } else { systemd::stop() }
}

/// Whether there is no process and the next client will have one started.
pub(crate) fn is_asleep() -> bool {
    !LAUNCHD && systemd::is_asleep()
}

/// The command that shows the daemon's log, where the manager has it.
pub(crate) fn journal() -> Option<&'static [&'static str]> {
    (!LAUNCHD).then_some(systemd::JOURNAL)
}

/// The folder of this user's configuration or the like: by its variable, else
/// below the home.
fn home_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|it| it.is_absolute())
    };
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

/// A path as text; a unit can hold no other.
fn text_of(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or_else(|| {
            Failure::Error(WireError::new(
                ErrorCode::Usage,
                format!(
                    "`{}` cannot stand in a unit: it is no UTF-8 text, or has control characters",
                    path.display()
                ),
            ))
        })
}

/// There is no place for units.
fn homeless() -> Failure {
    Failure::usage("HOME is not set, so there is no place for units; set HOME")
}
