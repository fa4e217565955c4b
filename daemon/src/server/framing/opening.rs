//! What the first byte of a connection says of its framing.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::bytes::{Buf as _, Bytes, BytesMut};

/// White space that is passed over before the first byte that counts.
const MAX_BLANKS: usize = 1024;

/// The framings that a first byte tells apart. A WebSocket begins as HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lines,
    ContentLength,
    Http,
}

/// The beginning of a connection.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) kind: Kind,
    /// What was read of it, from the first byte that counts on.
    pub(crate) read: Bytes,
}

/// Why a connection has no framing.
#[derive(Debug, Error)]
pub(crate) enum OpeningError {
    /// It begins with something else; the byte.
    #[error("{BEGINNINGS}, and not with the byte 0x{0:02x}; the connection ends")]
    Unknown(u8),
    /// The preface of HTTP/2 (RFC 9113, section 3.4).
    #[error("this socket speaks HTTP/1.1; curl: leave out --http2-prior-knowledge")]
    Http2,
    #[error("{BEGINNINGS}, after at most {MAX_BLANKS} blanks; the connection ends")]
    Blank,
    /// It ended before it began.
    #[error("the connection ended")]
    Ended,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a person who got it wrong has to know.
pub(crate) const BEGINNINGS: &str = "a connection begins with `{` or `[` for one JSON text a \
     line, with `Content-Length:` for frames, or with an HTTP request for POST and WebSocket";

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'{' | b'[' => Some(Self::Lines),
            b'C' | b'c' => Some(Self::ContentLength),
            // GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE: those that
            // are not served are told so by HTTP's own means.
            b'G' | b'H' | b'P' | b'D' | b'O' | b'T' => Some(Self::Http),
            _ => None,
        }
    }
}

impl Opening {
    /// Reads until the framing is told; no more than what comes along with the
    /// first byte that counts.
    pub(crate) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> Result<Self, OpeningError> {
        let mut read = BytesMut::new();
        let mut blanks = 0;
        loop {
            if reader.read_buf(&mut read).await? == 0 {
                return Err(OpeningError::Ended);
            }
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            let begin = read.iter().position(|byte| !blank(byte));
            blanks += begin.unwrap_or(read.len());
            if blanks > MAX_BLANKS {
                return Err(OpeningError::Blank);
            }
            let Some(begin) = begin else {
                read.clear();
                continue;
            };
            read.advance(begin);
            let kind = Kind::of(read[0]).ok_or(OpeningError::Unknown(read[0]))?;
            if kind == Kind::Http && begins_as_http2(reader, &mut read).await? {
                return Err(OpeningError::Http2);
            }
            let read = read.freeze();
            return Ok(Self { kind, read });
        }
    }
}

/// Whether this is HTTP/2, which begins as no request of HTTP/1 does. Reads on
/// as far as that takes.
async fn begins_as_http2(
    reader: &mut (impl AsyncRead + Unpin),
    read: &mut BytesMut,
) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI ";
    while read.len() < PREFACE.len() && PREFACE.starts_with(read) {
        if reader.read_buf(read).await? == 0 {
            return Ok(false);
        }
    }
    Ok(read.starts_with(PREFACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(text: &str) -> Result<(Kind, String), String> {
        let opening = Opening::read(&mut text.as_bytes()).await;
        let opening = opening.map_err(|error| error.to_string())?;
        let read = String::from_utf8(opening.read.to_vec()).unwrap();
        Ok((opening.kind, read))
    }

    #[tokio::test]
    async fn the_first_byte_that_is_no_blank_tells() {
        for (text, kind) in [
            ("{}", Kind::Lines),
            ("[", Kind::Lines),
            ("Content-Length: 2", Kind::ContentLength),
            ("content-type: x", Kind::ContentLength),
            ("POST / HTTP/1.1", Kind::Http),
            ("GET / HTTP/1.1", Kind::Http),
        ] {
            let own = text.to_owned();
            assert_eq!(told(text).await, Ok((kind, own.clone())));
            assert_eq!(told(&format!(" \t\r\n\n{text}")).await, Ok((kind, own)));
        }
    }

    #[tokio::test]
    async fn what_tells_nothing_is_refused_with_what_would() {
        for text in ["hello", "3", "post / HTTP/1.1", "\u{16}\u{3}\u{1}"] {
            let error = told(text).await.unwrap_err();
            let byte = format!("0x{:02x}", text.as_bytes()[0]);
            assert!(error.contains(&byte), "{error}");
            assert!(error.contains("`Content-Length:`"), "{error}");
        }
        for text in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI "] {
            let error = told(text).await.unwrap_err();
            assert!(error.contains("speaks HTTP/1.1"), "{error}");
        }
        assert!(told("PRI").await.is_ok());
        assert!(told("PROPFIND / HTTP/1.1").await.is_ok());
        assert_eq!(told("").await, Err("the connection ended".to_owned()));
        assert_eq!(told(" \n").await, Err("the connection ended".to_owned()));
        let blanks = " ".repeat(MAX_BLANKS);
        let error = told(&format!("{blanks} {{}}")).await.unwrap_err();
        assert!(error.contains("1024 blanks"), "{error}");
        assert!(told(&format!("{blanks}{{}}")).await.is_ok());
    }
}
