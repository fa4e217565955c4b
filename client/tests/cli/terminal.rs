//! Runs `lore` on a terminal of a given size.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::process::{PATIENCE, signal};

/// What `command` writes to a terminal with so many columns and rows, and its
/// exit status. Line ends are `\n`.
pub(crate) fn on_terminal(mut command: Command, size: (u16, u16)) -> (String, Option<i32>) {
    command.stdin(Stdio::null());
    let (screen, exit) = Playing::start(command, size, false).end();
    (screen.replace("\r\n", "\n"), exit.code())
}

/// A program on a terminal, while it runs.
pub(crate) struct Playing {
    child: Child,
    /// The terminal's other end, for keys.
    ours: File,
    parts: Receiver<Vec<u8>>,
    screen: Vec<u8>,
    /// What of it has been waited for.
    looked: usize,
    before: Termios,
}

impl Playing {
    /// Starts `command`, with the terminal as its stdin where `keys`.
    pub(crate) fn start(mut command: Command, (columns, rows): (u16, u16), keys: bool) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let theirs = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let before = tcgetattr(&theirs).unwrap();
        if keys {
            command.stdin(theirs.try_clone().unwrap());
        }
        command
            .env("TERM", "xterm-256color")
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs);
        let child = command.spawn().unwrap();
        // It holds the terminal's other end: only without it the reading ends.
        drop(command);
        let ours = File::from(ours);
        let mut reader = ours.try_clone().unwrap();
        let (sender, parts) = channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // Linux says EIO where nobody holds the other end any more.
            while let Ok(read @ 1..) = reader.read(&mut part) {
                if sender.send(part[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            ours,
            parts,
            screen: Vec::new(),
            looked: 0,
            before,
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is written, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let rest = &self.screen[self.looked..];
            let mut places = rest.windows(text.len());
            if let Some(at) = places.position(|place| place == text.as_bytes()) {
                self.looked += at + text.len();
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.parts.recv_timeout(left) {
                Ok(part) => self.screen.extend(part),
                Err(error) => {
                    let _ = self.child.kill();
                    let screen = String::from_utf8_lossy(&self.screen);
                    panic!("`{text}` did not come ({error}): {screen:?}");
                }
            }
        }
    }

    /// Waits for the end; gives all that was written, and how it ended.
    pub(crate) fn end(mut self) -> (String, ExitStatus) {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.parts.recv_timeout(left) {
                Ok(part) => self.screen.extend(part),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    signal(self.pid(), "KILL");
                    panic!("lore did not end");
                }
            }
        }
        let exit = self.child.wait().unwrap();
        (String::from_utf8(self.screen).unwrap(), exit)
    }

    /// As [`Playing::end`]; the terminal is as it was found.
    pub(crate) fn end_clean(self) -> (String, ExitStatus) {
        let terminal = self.ours.try_clone().unwrap();
        let before = self.before.clone();
        let (screen, exit) = self.end();
        for (taken, given_back) in [
            ("\u{1b}[?1049h", "\u{1b}[?1049l"),
            ("\u{1b}[?25l", "\u{1b}[?25h"),
        ] {
            let taken_last = screen.rfind(taken).unwrap();
            let given_back_last = screen.rfind(given_back);
            assert!(given_back_last > Some(taken_last), "{screen:?}");
        }
        let now = tcgetattr(&terminal).unwrap();
        assert_eq!(
            (
                now.input_modes,
                now.output_modes,
                now.control_modes,
                now.local_modes
            ),
            (
                before.input_modes,
                before.output_modes,
                before.control_modes,
                before.local_modes
            )
        );
        (screen, exit)
    }
}
