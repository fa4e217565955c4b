//! Starting `lored`: under a lock, so that ten clients at once start one.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lore_proto::daemon::HelloReply;
use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};

use super::connection::Connection;
use super::probe::{Probe, probe};
use crate::failure::Failure;
use crate::service::{self, MANAGER};

/// How long a daemon that runs may take from its start to its first handshake,
/// and how long another client's start is waited for. Long, for machines that
/// have a lot to do; one that ends is noticed at once.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the end of an old daemon that does not answer any more is waited
/// for. Its own calls get less.
const END_LIMIT: Duration = Duration::from_secs(10);

/// How much of what a failed start wrote is shown.
const TAIL_BYTES: u64 = 4 * 1024;

/// Starts a daemon for `places`, or finds the one that somebody else started
/// meanwhile, and waits until it has shaken hands.
pub(crate) fn launch(places: &Places) -> Result<(Connection, HelloReply), Failure> {
    make_private_folder(&places.data_dir)?;
    let mut waits = Waits::of(START_LIMIT);
    let lock = open_private(&places.start_lock(), false)?;
    // From here on each round asks the socket first: whoever holds a lock may
    // have finished the work for us.
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(Failure::io(
                    format_args!("locking `{}`", places.start_lock().display()),
                    &error,
                ));
            }
        }
        if let Some(ready) = ready(places)? {
            return Ok(ready);
        }
        if !waits.another() {
            return Err(unavailable(
                "another client has been starting the daemon for too long".to_owned(),
            ));
        }
    }
    // An old daemon that is on its way out still owns the data folder.
    let mut waits = Waits::of(END_LIMIT);
    loop {
        if let Some(ready) = ready(places)? {
            return Ok(ready);
        }
        if owner_is_gone(&places.owner_lock()) {
            break;
        }
        if !waits.another() {
            return Err(unavailable(unheard(places)));
        }
    }
    start(places)
}

/// Waits until nobody answers at the socket any more and the data folder has
/// no owner, at most `limit`; false where that did not happen.
pub(crate) fn wait_until_gone(socket: &Path, owner_lock: &Path, limit: Duration) -> bool {
    let mut waits = Waits::of(limit);
    loop {
        if Connection::open(socket).is_err() && owner_is_gone(owner_lock) {
            return true;
        }
        if !waits.another() {
            return false;
        }
    }
}

fn start(places: &Places) -> Result<(Connection, HelloReply), Failure> {
    if service::owns(places) && service::start() {
        return started_by_service(places);
    }
    let program = find_lored().ok_or_else(|| {
        Failure::Error(
            WireError::new(
                ErrorCode::DaemonUnavailable,
                "no daemon answers and its program `lored` is neither beside `lore` nor in a folder of PATH; install it beside `lore`, or add its folder to PATH",
            ),
        )
    })?;
    make_private_folder(&places.log_dir)?;
    let errors = places.log_dir.join("lored.stderr");
    let mut child = spawn(&program, places, &errors)?;
    let mut waits = Waits::of(START_LIMIT);
    loop {
        if let Some(ready) = ready(places)? {
            return Ok(ready);
        }
        if let Ok(Some(status)) = child.try_wait() {
            // Another way of starting (a service manager) may have been first.
            return match ready(places)? {
                Some(ready) => Ok(ready),
                None => Err(start_failed(
                    places,
                    &errors,
                    &format!("`{}` ended with {status}", program.display()),
                )),
            };
        }
        if !waits.another() {
            return Err(start_failed(
                places,
                &errors,
                &format!(
                    "`{}` (pid {}) runs and does not answer at `{}` after {} seconds",
                    program.display(),
                    child.id(),
                    places.socket.display(),
                    START_LIMIT.as_secs()
                ),
            ));
        }
    }
}

/// Waits for the daemon that the service manager was asked to start.
fn started_by_service(places: &Places) -> Result<(Connection, HelloReply), Failure> {
    let mut waits = Waits::of(START_LIMIT);
    loop {
        if let Some(ready) = ready(places)? {
            return Ok(ready);
        }
        if !waits.another() {
            return Err(unavailable(format!(
                "{MANAGER} was asked to start lored, and nobody answers at `{}` after {} seconds",
                places.socket.display(),
                START_LIMIT.as_secs()
            )));
        }
    }
}

/// Starts the daemon so that it outlives this client and its terminal.
fn spawn(program: &Path, places: &Places, errors: &Path) -> Result<Child, Failure> {
    let stderr = open_private(errors, true)?;
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        // A group of its own: Ctrl+C at this terminal is not for the daemon.
        .process_group(0)
        // It must not keep the folder of whoever happened to start it busy.
        .current_dir("/")
        // Started from within a service, it must not speak in that one's name
        // (sd_notify(3)).
        .env_remove("NOTIFY_SOCKET")
        // Flags of ours that the daemon has to obey too. Paths are absolute.
        .env("LORE_SOCKET", &places.socket);
    if places.config_was_told {
        command.env("LORE_CONFIG", &places.config);
    }
    if places.data_dir_was_told {
        command.env("LORE_DATA_DIR", &places.data_dir);
    }
    // A lock or a pipe that the shell opened for this command is not for what
    // outlives it. Our own files are closed for children as it is.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    command.spawn().map_err(|error| {
        Failure::Error(WireError::new(
            ErrorCode::DaemonUnavailable,
            format!("could not start `{}`: {error}", program.display()),
        ))
    })
}

/// `lored`: beside this program, else in a folder of `PATH`.
pub(crate) fn find_lored() -> Option<PathBuf> {
    lored_for(
        std::env::current_exe().ok().as_deref(),
        std::env::var_os("PATH").as_deref(),
    )
}

fn lored_for(this_program: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let beside = this_program.and_then(Path::parent).map(Path::to_path_buf);
    let listed = path.into_iter().flat_map(std::env::split_paths);
    beside
        .into_iter()
        .chain(listed)
        .map(|folder| folder.join("lored"))
        .find(|candidate| candidate.is_file())
}

fn ready(places: &Places) -> Result<Option<(Connection, HelloReply)>, Failure> {
    match probe(places) {
        Probe::Ready(connection, reply) => Ok(Some((*connection, *reply))),
        Probe::Unfit(error) => Err(Failure::Error(error)),
        Probe::Absent(_) => Ok(None),
    }
}

/// What is known of a daemon that owns the data folder and cannot be heard.
pub(crate) fn unheard(places: &Places) -> String {
    let who = owner(&places.owner_lock()).map_or_else(String::new, |pid| format!(" (pid {pid})"));
    format!(
        "a daemon{who} owns the data folder `{}` and does not answer at `{}`; it starts or ends just now, listens on another socket (LORE_SOCKET, XDG_RUNTIME_DIR), or hangs",
        places.data_dir.display(),
        places.socket.display()
    )
}

/// The daemon that owns the data folder, by its pid, where one does.
pub(crate) fn owner(owner_lock: &Path) -> Option<u32> {
    if owner_is_gone(owner_lock) {
        return None;
    }
    std::fs::read_to_string(owner_lock)
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Whether no daemon owns the data folder. The lock is looked at, shared and
/// for no longer than that takes. A file that is not there or cannot be read
/// counts as free: then the daemon itself finds out, and says more.
fn owner_is_gone(owner_lock: &Path) -> bool {
    match File::open(owner_lock) {
        Ok(file) => !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => true,
    }
}

fn start_failed(places: &Places, errors: &Path, what: &str) -> Failure {
    let said = tail(errors)
        .or_else(|| tail(&places.log_file()))
        .map(|tail| format!("; its last words:\n{tail}"))
        .unwrap_or_default();
    Failure::Error(
        WireError::new(
            ErrorCode::DaemonUnavailable,
            format!("the daemon did not start: {what}{said}"),
        )
        .action("lore daemon logs")
        .action("lore daemon start"),
    )
}

fn unavailable(message: String) -> Failure {
    Failure::Error(
        WireError::new(ErrorCode::DaemonUnavailable, message)
            .action("lore daemon status")
            .action("lore daemon logs"),
    )
}

/// The last lines of a file; `None` where there are none.
fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(12)..].join("\n");
    (!last.trim().is_empty()).then_some(last)
}

/// A folder that only its owner may enter, from the moment it exists.
fn make_private_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Failure::io(
                format_args!("creating the folder `{}`", folder.display()),
                &error,
            )
        })
}

/// A file that only its owner may read, opened for writing.
fn open_private(path: &Path, truncate: bool) -> Result<File, Failure> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(truncate)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::io(format_args!("opening `{}`", path.display()), &error))
}

/// Waits that grow from a millisecond to a tenth of a second and end.
struct Waits {
    until: Instant,
    next: Duration,
}

impl Waits {
    fn of(limit: Duration) -> Self {
        Self {
            until: Instant::now() + limit,
            next: Duration::from_millis(1),
        }
    }

    /// Waits a little; false where the time is up.
    fn another(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        std::thread::sleep(self.next);
        self.next = (self.next * 2).min(Duration::from_millis(100));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lored_is_taken_from_beside_lore_before_path() {
        let home = tempfile::tempdir().unwrap();
        let beside = home.path().join("a");
        let listed = home.path().join("b");
        for folder in [&beside, &listed] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(listed.join("lored"), "").unwrap();
        let lore = beside.join("lore");
        let find = || lored_for(Some(&lore), Some(listed.as_os_str()));
        assert_eq!(find(), Some(listed.join("lored")));
        std::fs::write(beside.join("lored"), "").unwrap();
        assert_eq!(find(), Some(beside.join("lored")));
        assert_eq!(lored_for(None, None), None);
    }

    #[test]
    fn an_owner_counts_as_gone_only_when_its_lock_is_free() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lored.lock");
        assert!(owner_is_gone(&path));
        let owner = File::create(&path).unwrap();
        owner.lock().unwrap();
        assert!(!owner_is_gone(&path));
        drop(owner);
        assert!(owner_is_gone(&path));
    }

    #[test]
    fn the_tail_of_a_file_is_its_last_lines_even_when_the_file_is_long() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let tail = tail(&path).unwrap();
        assert!(tail.ends_with("line 4999"));
        assert_eq!(tail.lines().count(), 12);
    }
}
