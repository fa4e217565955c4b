//! Frames as the Language Server Protocol has them: headers, an empty line,
//! and as many bytes of JSON as `Content-Length` says.

use std::fmt::Write as _;

use tokio_util::bytes::{Buf as _, Bytes, BytesMut};
use tokio_util::codec::Decoder;

use super::{FrameError, Framing};

/// The headers of one frame, in bytes. Real ones have about 80.
const MAX_HEADERS: usize = 4096;

/// Frames with a `Content-Length`. Names of headers have no case, and headers
/// that are not known are passed over, as are empty lines between frames.
#[derive(Debug, Clone)]
pub(crate) struct ContentLength {
    max: usize,
    /// What the headers of the frame that is being read have said so far.
    length: Option<usize>,
    /// Whether all of its headers are read.
    in_body: bool,
    /// How many bytes its headers have had so far.
    headers: usize,
    /// How much of the buffer holds no line break for sure.
    scanned: usize,
}

impl ContentLength {
    /// Frames of at most `max` bytes, their headers not counted.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            length: None,
            in_body: false,
            headers: 0,
            scanned: 0,
        }
    }

    /// Reads headers up to the empty line after them; false where more bytes
    /// are needed.
    fn read_headers(&mut self, buffer: &mut BytesMut) -> Result<bool, FrameError> {
        loop {
            let end = buffer[self.scanned..].iter().position(|it| *it == b'\n');
            let Some(end) = end.map(|end| self.scanned + end) else {
                self.scanned = buffer.len();
                self.check_size(self.scanned)?;
                return Ok(false);
            };
            self.scanned = 0;
            self.check_size(end)?;
            let line = buffer.split_to(end).freeze();
            buffer.advance(1);
            if !line.trim_ascii().is_empty() {
                self.headers += end + 1;
                self.read_header(&line)?;
            } else if self.headers > 0 {
                return Ok(true);
            }
        }
    }

    fn check_size(&self, line: usize) -> Result<(), FrameError> {
        if self.headers + line > MAX_HEADERS {
            return malformed(&format!(
                "the headers of a frame have at most {MAX_HEADERS} bytes"
            ));
        }
        Ok(())
    }

    fn read_header(&mut self, line: &[u8]) -> Result<(), FrameError> {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return malformed("a header is a name, a colon and a value");
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
            return Ok(());
        }
        let digits = value.trim_ascii();
        let number = std::str::from_utf8(digits).ok();
        let number = number.filter(|_| digits.iter().all(u8::is_ascii_digit));
        let Some(number) = number.filter(|digits| !digits.is_empty()) else {
            return malformed("`Content-Length` has to be a number of bytes");
        };
        // A number that no usize holds is too large as well.
        let length = number.parse().unwrap_or(usize::MAX);
        if length > self.max {
            return Err(FrameError::TooLong { max: self.max });
        }
        if self.length.is_some_and(|other| other != length) {
            return malformed("`Content-Length` is there twice");
        }
        self.length = Some(length);
        Ok(())
    }
}

fn malformed<T>(message: &str) -> Result<T, FrameError> {
    Err(FrameError::Malformed(message.to_owned()))
}

impl Decoder for ContentLength {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        if !self.in_body {
            if !self.read_headers(buffer)? {
                return Ok(None);
            }
            self.in_body = true;
            self.headers = 0;
        }
        let Some(length) = self.length else {
            return malformed("the header `Content-Length` is missing");
        };
        if buffer.len() < length {
            return Ok(None);
        }
        self.in_body = false;
        self.length = None;
        Ok(Some(buffer.split_to(length).freeze()))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(buffer)? {
            None if self.has_begun(buffer) => malformed("the last frame has no end"),
            found => Ok(found),
        }
    }
}

impl Framing for ContentLength {
    fn has_begun(&self, buffer: &[u8]) -> bool {
        self.in_body || self.headers > 0 || !buffer.trim_ascii_start().is_empty()
    }

    fn encode(&mut self, text: &str, out: &mut BytesMut) {
        out.reserve(text.len() + 32);
        // Writing to a buffer that grows cannot fail.
        let _ = write!(out, "Content-Length: {}\r\n\r\n{text}", text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages of `chunks`, and what ended them.
    fn all(max: usize, chunks: &[&str]) -> (Vec<String>, Option<String>) {
        let mut framing = ContentLength::new(max);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk.as_bytes());
            loop {
                match framing.decode(&mut buffer) {
                    Ok(Some(text)) => found.push(String::from_utf8(text.to_vec()).unwrap()),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error.to_string())),
                }
            }
        }
        (found, None)
    }

    #[test]
    fn a_frame_is_one_message_however_it_arrives() {
        let stream = "Content-Length: 5\r\n\r\n[\"ä\"]content-LENGTH:2\r\n\
                      Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nX-Other: 1\r\n\r\n{}\
                      \r\n\nContent-Length: 0\n\nContent-Length: 1\r\n\r\n3";
        let whole = ["[\"ä\"]", "{}", "", "3"].map(str::to_owned).to_vec();
        // The length is one of bytes, and ä has two.
        let stream = stream.replacen(": 5", ": 6", 1);
        assert_eq!(all(10, &[&stream]), (whole.clone(), None));
        let mut ends: Vec<usize> = stream.char_indices().map(|(at, _)| at).skip(1).collect();
        ends.push(stream.len());
        let mut begin = 0;
        let pieces = ends.iter().map(|&end| {
            let piece = &stream[begin..end];
            begin = end;
            piece
        });
        let pieces: Vec<&str> = pieces.collect();
        assert_eq!(all(10, &pieces), (whole, None));
    }

    #[test]
    fn headers_that_say_no_length_end_it_with_the_reason() {
        for (stream, reason) in [
            ("Content-Type: x\r\n\r\n{}", "is missing"),
            ("Content-Length\r\n\r\n{}", "a name, a colon and a value"),
            ("Content-Length: -2\r\n\r\n{}", "a number of bytes"),
            ("Content-Length: +2\r\n\r\n{}", "a number of bytes"),
            ("Content-Length: \r\n\r\n{}", "a number of bytes"),
            ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "twice"),
            ("Content-Length: 11\r\n", "more than 10 bytes"),
            (
                "Content-Length: 99999999999999999999999\r\n",
                "more than 10 bytes",
            ),
        ] {
            let (found, why) = all(10, &[stream]);
            assert!(found.is_empty(), "{stream}");
            assert!(why.unwrap().contains(reason), "{stream}");
        }
    }

    #[test]
    fn headers_are_bounded_before_their_end_is_seen() {
        let long = format!("X: {}", "x".repeat(MAX_HEADERS));
        let (_, why) = all(10, &[&long]);
        assert!(why.unwrap().contains("at most 4096 bytes"));
        let many = "X: 1\r\n".repeat(MAX_HEADERS / 6 + 1);
        let (_, why) = all(10, &[&many]);
        assert!(why.unwrap().contains("at most 4096 bytes"));
        let fitting = format!("{}Content-Length: 1\r\n\r\n3", "X: 1\r\n".repeat(600));
        assert_eq!(all(10, &[&fitting]), (vec!["3".to_owned()], None));
    }
}
