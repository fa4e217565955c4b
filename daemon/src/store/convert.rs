//! Between SQLite's integers and the types of the program.

use jiff::Timestamp;
use rusqlite::types::Type;

/// Epoch milliseconds, as every time column holds them.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Epoch milliseconds of a time that may be absent.
pub(crate) fn optional_millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(millis)
}

/// The instant of a time column. A value outside the representable range can
/// only come from a damaged database.
pub(crate) fn timestamp(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error))
    })
}

/// The instant of a time column that may be NULL.
pub(crate) fn optional_timestamp(millis: Option<i64>) -> rusqlite::Result<Option<Timestamp>> {
    millis.map(timestamp).transpose()
}
