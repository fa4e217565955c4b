//! A client of the socket in each framing: no more than a round trip needs, so
//! that the daemon's share of the time is what differs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use lore_demo::DemoError;

/// A way to put JSON texts on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Lines,
    ContentLength,
    Post,
    WebSocket,
}

impl Framing {
    pub(crate) const ALL: [Self; 4] = [
        Self::Lines,
        Self::ContentLength,
        Self::Post,
        Self::WebSocket,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::ContentLength => "Content-Length",
            Self::Post => "POST",
            Self::WebSocket => "WebSocket",
        }
    }
}

/// An open connection.
pub(crate) struct Wire {
    framing: Framing,
    stream: BufReader<UnixStream>,
    reply: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(socket: &Path, framing: Framing) -> Result<Self, DemoError> {
        let stream = UnixStream::connect(socket).map_err(DemoError::io("connecting to lored"))?;
        let mut wire = Self {
            framing,
            stream: BufReader::with_capacity(64 << 10, stream),
            reply: Vec::new(),
        };
        if framing == Framing::WebSocket {
            wire.send(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )?;
            wire.head()?;
        }
        Ok(wire)
    }

    /// A round trip.
    pub(crate) fn ask(&mut self, text: &str) -> Result<&[u8], DemoError> {
        let length = text.len();
        let message = match self.framing {
            Framing::Lines => format!("{text}\n").into_bytes(),
            Framing::ContentLength => format!("Content-Length: {length}\r\n\r\n{text}").into(),
            Framing::Post => format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{text}"
            )
            .into(),
            Framing::WebSocket => frame(text),
        };
        self.send(&message)?;
        self.reply.clear();
        let length = match self.framing {
            Framing::Lines => {
                let read = self.stream.read_until(b'\n', &mut self.reply);
                read.map_err(DemoError::io("reading from lored"))?;
                return Ok(&self.reply);
            }
            Framing::ContentLength | Framing::Post => self.head()?,
            Framing::WebSocket => self.frame_length()?,
        };
        self.reply.resize(length, 0);
        let read = self.stream.read_exact(&mut self.reply);
        read.map_err(DemoError::io("reading from lored"))?;
        Ok(&self.reply)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), DemoError> {
        let sent = self.stream.get_mut().write_all(bytes);
        sent.map_err(DemoError::io("writing to lored"))
    }

    /// Reads headers; the length that they say.
    fn head(&mut self) -> Result<usize, DemoError> {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.stream.read_line(&mut line);
            if read.map_err(DemoError::io("reading from lored"))? == 0 {
                return Err(DemoError::Wrong("lored hung up".to_owned()));
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                if line == "\r\n" {
                    return Ok(length);
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap_or(0);
            }
        }
    }

    fn frame_length(&mut self) -> Result<usize, DemoError> {
        let length = self.bytes::<2>()?[1];
        Ok(match length {
            126 => u16::from_be_bytes(self.bytes()?).into(),
            127 => usize::try_from(u64::from_be_bytes(self.bytes()?)).unwrap_or(usize::MAX),
            length => length.into(),
        })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], DemoError> {
        let mut bytes = [0; N];
        let read = self.stream.read_exact(&mut bytes);
        read.map_err(DemoError::io("reading from lored"))?;
        Ok(bytes)
    }
}

/// A text frame of a client, whose mask is zero: allowed, and no work here.
/// No call of the benchmark has more than 64 KiB, whose length is two bytes.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            frame.push(0xfe);
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
