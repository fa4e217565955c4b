//! JSON texts over the socket, one a line, with a bound on every wait and on
//! every line.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{ConnectOptions, GenericFilePath, Stream};

/// The longest line that is read. The daemon pages its answers far below this;
/// more means that it is not `lored` that answers.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long the daemon may leave our bytes unread.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// A connected socket, read line by line.
#[derive(Debug)]
pub(crate) struct Lines {
    stream: Stream,
    /// Bytes that have arrived and were not handed out.
    pending: Vec<u8>,
    /// How many of them are known to hold no line end.
    searched: usize,
}

impl Lines {
    /// Connects to the socket at `path`.
    pub(crate) fn connect(path: &Path) -> io::Result<Self> {
        let started = Instant::now();
        loop {
            match connect_once(path.as_os_str()) {
                // A full backlog: the daemon lives and is busy accepting.
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        && started.elapsed() < CONNECT_LIMIT =>
                {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => return Err(error),
                Ok(stream) => {
                    stream.set_send_timeout(Some(SEND_LIMIT))?;
                    return Ok(Self {
                        stream,
                        pending: Vec::new(),
                        searched: 0,
                    });
                }
            }
        }
    }

    /// Sends whole lines, each with its line end.
    pub(crate) fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        self.stream.write_all(lines)
    }

    /// The next line without its end, or `None` where none is complete by
    /// `until`. A closed connection is [`io::ErrorKind::UnexpectedEof`], a line
    /// beyond the bound [`io::ErrorKind::InvalidData`].
    pub(crate) fn next(&mut self, until: Instant) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = [0_u8; 16 * 1024];
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.pending.len() > MAX_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a line of more than {MAX_LINE} bytes arrived"),
                ));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_recv_timeout(Some(left))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.pending.extend_from_slice(&chunk[..count]),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::TimedOut => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let Some(offset) = self.pending[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            self.searched = self.pending.len();
            return None;
        };
        let rest = self.pending.split_off(self.searched + offset + 1);
        let mut line = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        line.pop();
        Some(line)
    }
}

fn connect_once(path: &OsStr) -> io::Result<Stream> {
    ConnectOptions::new()
        .name(path.to_fs_name::<GenericFilePath>()?)
        .wait_mode(ConnectWaitMode::Timeout(CONNECT_LIMIT))
        .connect_sync()
}
