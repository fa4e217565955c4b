//! One JSON text a line.

use tokio_util::bytes::{Buf as _, Bytes, BytesMut};
use tokio_util::codec::Decoder;

use super::{FrameError, Framing};

/// One JSON text a line. Empty lines are passed over, and the end of the
/// stream ends the last line.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    max: usize,
    /// How much of the buffer holds no line break for sure.
    scanned: usize,
}

impl Lines {
    /// Lines of at most `max` bytes, their ends not counted.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, scanned: 0 }
    }

    fn too_long(&self) -> FrameError {
        FrameError::TooLong { max: self.max }
    }
}

impl Decoder for Lines {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        loop {
            let Some(end) = buffer[self.scanned..]
                .iter()
                .position(|byte| *byte == b'\n')
            else {
                self.scanned = buffer.len();
                return if self.scanned > self.max {
                    Err(self.too_long())
                } else {
                    Ok(None)
                };
            };
            let length = self.scanned + end;
            self.scanned = 0;
            if length > self.max {
                return Err(self.too_long());
            }
            let line = buffer.split_to(length).freeze();
            buffer.advance(1);
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        if let Some(line) = self.decode(buffer)? {
            return Ok(Some(line));
        }
        self.scanned = 0;
        let rest = buffer.split().freeze();
        Ok((!rest.trim_ascii().is_empty()).then_some(rest))
    }
}

impl Framing for Lines {
    fn has_begun(&self, buffer: &[u8]) -> bool {
        !buffer.trim_ascii_start().is_empty()
    }

    fn encode(&mut self, text: &str, out: &mut BytesMut) {
        debug_assert!(!text.contains('\n'), "a message would be read as two");
        out.reserve(text.len() + 1);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(max: usize, chunks: &[&str]) -> (Vec<String>, bool) {
        let mut lines = Lines::new(max);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk.as_bytes());
            loop {
                match lines.decode(&mut buffer) {
                    Ok(Some(line)) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                    Ok(None) => break,
                    Err(_) => return (found, false),
                }
            }
        }
        while let Ok(Some(line)) = lines.decode_eof(&mut buffer) {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        (found, true)
    }

    #[test]
    fn a_line_is_one_message_however_it_arrives() {
        let whole = (
            vec!["[1]".to_owned(), "{}\r".to_owned(), "2".to_owned()],
            true,
        );
        assert_eq!(all(10, &["[1]\n\n{}\r\n2"]), whole);
        assert_eq!(all(10, &["[", "1", "]", "\n\n{", "}\r\n", "2"]), whole);
    }

    #[test]
    fn a_line_over_the_bound_ends_it_before_its_end_is_seen() {
        assert_eq!(
            all(4, &["1234\n", "12345"]),
            (vec!["1234".to_owned()], false)
        );
        assert_eq!(all(4, &["12345\n"]), (vec![], false));
    }
}
