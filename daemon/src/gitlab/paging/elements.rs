//! Reading the elements of a page one by one.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::gitlab::answer::printable;
use crate::gitlab::call::BrokenItem;
use crate::gitlab::error::Failure;
use crate::gitlab::models::Iid;
use crate::gitlab::transport::{Head, read_json};

/// The elements of a page.
pub(super) struct Elements<T> {
    pub(super) items: Vec<T>,
    pub(super) broken: Vec<BrokenItem>,
    pub(super) rows: u64,
}

/// Reads each element by itself, so that one that cannot be read leaves the
/// others alone.
pub(super) fn elements<T: DeserializeOwned>(
    body: &[u8],
    head: &Head,
) -> Result<Elements<T>, Failure> {
    let raw: Vec<Box<RawValue>> = read_json(body, &head.headers)?;
    let mut items = Vec::with_capacity(raw.len());
    let mut broken = Vec::new();
    for (index, element) in raw.iter().enumerate() {
        match serde_json::from_str(element.get()) {
            Ok(item) => items.push(item),
            Err(error) => broken.push(broken_item(index, element, &error)),
        }
    }
    Ok(Elements {
        items,
        broken,
        rows: raw.len() as u64,
    })
}

fn broken_item(index: usize, element: &RawValue, error: &serde_json::Error) -> BrokenItem {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Identity {
        id: serde_json::Value,
        iid: serde_json::Value,
    }
    let identity: Identity = serde_json::from_str(element.get()).unwrap_or_default();
    BrokenItem {
        index,
        id: identity.id.as_i64(),
        iid: identity.iid.as_i64().map(Iid),
        reason: printable(&error.to_string()),
    }
}
