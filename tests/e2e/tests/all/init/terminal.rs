//! A terminal with `lore` on it, and a person who reads before typing.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Longer than anything here should ever take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program on a terminal of 80 columns.
pub(super) struct Terminal {
    child: Child,
    keyboard: File,
    /// Held so that the terminal's modes can be looked at to the end.
    theirs: File,
    parts: Receiver<Vec<u8>>,
    screen: Vec<u8>,
    /// Up to here it has been read.
    read: usize,
}

impl Terminal {
    /// Starts `command` on it.
    pub(super) fn run(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let theirs = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize {
            ws_col: 80,
            ws_row: 24,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        command
            .env("TERM", "xterm-256color")
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs.try_clone().unwrap());
        let child = command.spawn().unwrap();
        drop(command);
        let keyboard = File::from(ours);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, parts) = channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut part) {
                if sender.send(part[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            theirs,
            parts,
            screen: Vec::new(),
            read: 0,
        }
    }

    /// Reads on until `words` stand there, and types `answer`.
    pub(super) fn at(&mut self, words: &str, answer: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let unread = &self.screen[self.read..];
            let found = unread
                .windows(words.len())
                .position(|part| part == words.as_bytes());
            if let Some(at) = found {
                self.read += at + words.len();
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(part) = self.parts.recv_timeout(left) else {
                panic!("`{words}` did not come:\n{}", self.text());
            };
            self.screen.extend(part);
        }
        self.keyboard.write_all(answer.as_bytes()).unwrap();
    }

    /// Waits for the end: all that was on the screen, and the exit status.
    pub(super) fn end(mut self) -> (String, Option<i32>) {
        drop(self.theirs);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.parts.recv_timeout(left) {
                Ok(part) => self.screen.extend(part),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    self.child.kill().unwrap();
                    let screen = String::from_utf8_lossy(&self.screen).into_owned();
                    panic!("lore did not end:\n{screen}");
                }
            }
        }
        let exit = self.child.wait().unwrap().code();
        let screen = String::from_utf8_lossy(&self.screen).replace("\r\n", "\n");
        (screen, exit)
    }

    /// Waits for the end with the terminal held open: whether it still shows
    /// what is typed and makes signals of its keys.
    pub(super) fn end_and_look(self) -> (bool, Option<i32>) {
        let deadline = Instant::now() + PATIENCE;
        let (sender, ended) = channel();
        let mut child = self.child;
        let pid = child.id();
        std::thread::spawn(move || sender.send(child.wait()));
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(status) = ended.recv_timeout(left) else {
            panic!("lore ({pid}) did not end");
        };
        let modes = tcgetattr(&self.theirs).unwrap().local_modes;
        let usable = modes.contains(LocalModes::ECHO | LocalModes::ISIG);
        (usable, status.unwrap().code())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }
}
