//! Runs `lore` on a terminal of a given size.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::process::PATIENCE;

/// What `command` writes to a terminal with so many columns and rows, and its
/// exit status. Line ends are `\n`.
pub(crate) fn on_terminal(
    mut command: Command,
    (columns, rows): (u16, u16),
) -> (String, Option<i32>) {
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
    command
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs);
    let mut child = command.spawn().unwrap();
    // It holds the terminal's other end: only without it the reading ends.
    drop(command);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut screen = Vec::new();
        let mut ours = File::from(ours);
        let mut part = [0; 4096];
        // Linux says EIO where nobody holds the other end any more.
        while let Ok(read @ 1..) = ours.read(&mut part) {
            screen.extend_from_slice(&part[..read]);
        }
        sender.send(screen)
    });
    let screen = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        child.kill().unwrap();
        panic!("lore did not end");
    });
    let exit = child.wait().unwrap().code();
    let screen = String::from_utf8(screen).unwrap();
    (screen.replace("\r\n", "\n"), exit)
}
