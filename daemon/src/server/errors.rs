//! Errors as JSON-RPC has them: the reserved numbers for what is wrong with a
//! message, lore's own for what went wrong in a call, and the same `data` in
//! both.

use jsonrpsee::types::ErrorObjectOwned;
use lore_proto::error::ErrorData;
use lore_proto::{ErrorCode, WireError};

/// JSON-RPC 2.0, section 5.1.
pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
pub(super) const INVALID_PARAMS: i32 = -32602;
pub(super) const INTERNAL_ERROR: i32 = -32603;
/// The numbers that jsonrpsee's own servers give for the same.
pub(super) const TOO_MANY_SUBSCRIPTIONS: i32 = -32006;
pub(super) const REQUEST_TOO_BIG: i32 = -32007;
pub(super) const REPLY_TOO_BIG: i32 = -32008;
pub(super) const BUSY: i32 = -32009;
pub(super) const BATCH_TOO_LONG: i32 = -32010;

/// An error of a call: lore's own number and all that the error has.
pub(super) fn call_failed(error: &WireError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(
        error.code.rpc_code(),
        error.message.clone(),
        Some(ErrorData::from(error)),
    )
}

/// An error of a message: a reserved number, with lore's code in the data.
pub(super) fn reserved(
    number: i32,
    code: ErrorCode,
    message: impl Into<String>,
) -> ErrorObjectOwned {
    let error = WireError::new(code, message);
    ErrorObjectOwned::owned(number, error.message.clone(), Some(ErrorData::from(&error)))
}
