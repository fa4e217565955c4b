//! `rpc.discover`: the interface itself.

use std::sync::Arc;

use lore_proto::daemon::Nothing;
use lore_proto::openrpc::Document;
use lore_proto::{ErrorCode, WireError};

use crate::daemon::Daemon;

pub(super) async fn document(_: Arc<Daemon>, _: Nothing) -> Result<Document, WireError> {
    Document::of_this_build().map_err(|error| {
        let message = format!("the description of the interface cannot be read: {error}");
        WireError::new(ErrorCode::Internal, message)
    })
}
