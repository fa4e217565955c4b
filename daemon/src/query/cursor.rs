//! Where the next page begins, as a text that means something to the daemon
//! alone. It names the last row of a page by its place in the order, so that a
//! page does not shift when rows come in between.

use std::fmt::Write as _;

use lore_proto::{ErrorCode, WireError};
use sha2::{Digest, Sha256};

/// Bytes of a query's mark.
const MARK: usize = 4;

/// The cursor behind `place` in the answer to `query`: everything that decides
/// which rows there are and in what order, the page size apart.
pub(super) fn encode(query: &str, place: &str) -> String {
    let mut text = String::with_capacity(2 * (MARK + place.len()));
    for byte in mark(query).iter().chain(place.as_bytes()) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The place behind which the page of `cursor` begins.
pub(super) fn decode(query: &str, cursor: &str) -> Result<String, WireError> {
    let bytes = unhex(cursor).ok_or_else(broken)?;
    let (found, place) = bytes.split_at_checked(MARK).ok_or_else(broken)?;
    if found != mark(query) {
        return Err(WireError::new(
            ErrorCode::Usage,
            "the cursor belongs to another query; give the same words and flags as for the page \
             before it, or leave the cursor out to begin anew",
        ));
    }
    String::from_utf8(place.to_vec()).map_err(|_| broken())
}

/// The error of a cursor that no answer gave.
pub(super) fn broken() -> WireError {
    WireError::new(
        ErrorCode::Usage,
        "the cursor is not one that an answer gave; copy `next_cursor` whole, or leave the cursor \
         out to begin anew",
    )
}

fn mark(query: &str) -> [u8; MARK] {
    let digest = Sha256::digest(query.as_bytes());
    std::array::from_fn(|index| digest[index])
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_query_alone() {
        let cursor = encode("a query", "12 34");
        assert_eq!(decode("a query", &cursor).unwrap(), "12 34");
        let other = decode("another", &cursor).unwrap_err();
        assert_eq!(other.code, ErrorCode::Usage);
        assert!(other.message.contains("another query"));
    }

    #[test]
    fn a_text_that_no_answer_gave_is_a_usage_error() {
        for text in ["", "0", "zz", "00", "é", "deadbee"] {
            assert_eq!(
                decode("q", text).unwrap_err().code,
                ErrorCode::Usage,
                "{text}"
            );
        }
    }
}
