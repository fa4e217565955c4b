//! What `lore issues` and `lore mrs` have in common.

pub(super) mod facts;
pub(super) mod story;
pub(super) mod threads;

use lore_proto::methods::{Method, SyncStart};
use lore_proto::project::{Freshness, Read};
use lore_proto::sync::SyncRequest;
use lore_proto::{ErrorCode, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sync::start_and_follow;
use super::{Reply, reads};
use crate::browser;
use crate::context::{Context, RawRead};
use crate::failure::Failure;
use crate::output::is_plain_web_address;
use crate::output::robot::Document;

/// Characters of a text that a person is shown, where they do not ask for all.
pub(super) const BODY_LIMIT: u32 = 100_000;
/// The most that the daemon gives.
pub(super) const WHOLE_BODY: u32 = 1_000_000;
/// Likewise of a thread's notes.
pub(super) const WHOLE_THREAD: u32 = 1_000;

/// How much of the texts is asked for: `(body_limit, note_limit)`.
pub(super) fn limits(robot: bool, full: bool) -> (Option<u32>, Option<u32>) {
    match (robot, full) {
        (_, true) => (Some(WHOLE_BODY), Some(WHOLE_THREAD)),
        (true, false) => (None, None),
        (false, false) => (Some(BODY_LIMIT), None),
    }
}

/// Reads one item; where it is older than `oldest`, or not in the mirror, only
/// after a sync of exactly this item. That sync's failure is the answer where
/// the mirror has none.
pub(super) fn read_item<M, T>(
    context: &mut Context,
    params: &M::Params,
    oldest: Option<Timestamp>,
    request: &SyncRequest,
) -> Result<RawRead, Failure>
where
    M: Method<Result = Read<T>>,
{
    let read = context.read::<M>(params);
    let Some(oldest) = oldest else {
        return read;
    };
    match &read {
        Ok(found) if is_newer(found, oldest) => return read,
        Ok(_) => reads::sync(context, request)?,
        Err(Failure::Error(error)) if error.code == ErrorCode::NotFound => {
            start_and_follow::<SyncStart>(context, request, false)?.0?;
        }
        Err(_) => return read,
    }
    context.read::<M>(params)
}

/// Whether the item was fetched, or the whole project synced, since `oldest`.
fn is_newer(read: &RawRead, oldest: Timestamp) -> bool {
    #[derive(Deserialize)]
    struct Item {
        fetched_at: Option<Timestamp>,
    }
    let item = serde_json::from_str::<Item>(read.data.get()).ok();
    let fetched = item.and_then(|item| item.fetched_at);
    let synced = read.freshness.as_ref().and_then(|f| f.last_synced_at);
    fetched.max(synced).is_some_and(|at| at >= oldest)
}

/// `data` of `--web`.
#[derive(Serialize, JsonSchema)]
pub(super) struct WebPage {
    /// The page's address.
    web_url: String,
}

/// Opens a page of GitLab's in the browser, and writes its address where that
/// does not work. In robot mode the address is the answer.
pub(super) fn open(
    context: &Context,
    url: Option<&str>,
    freshness: Option<Freshness>,
) -> Result<Reply, Failure> {
    let url = url.filter(|url| is_plain_web_address(url)).ok_or_else(|| {
        Failure::Error(lore_proto::WireError::new(
            ErrorCode::NotFound,
            "the mirror does not know the page's address",
        ))
    })?;
    if context.printer.robot {
        let data = serde_json::value::to_raw_value(&WebPage {
            web_url: url.to_owned(),
        });
        let data = data
            .map_err(|error| lore_proto::WireError::new(ErrorCode::Internal, error.to_string()))?;
        return Ok(Reply::Document(Document {
            freshness,
            ..Document::new(data)
        }));
    }
    context.printer.note(&format!("opening {url}"));
    if !browser::open(url) {
        context.printer.note("no browser could be started");
        context.printer.out(&format!("{url}\n"))?;
    }
    Ok(Reply::Shown)
}
