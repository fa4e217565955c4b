//! Rows of a connection: which ones, in which order, from where.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::resolve::Node;
use crate::Moment;
use crate::upstream::{Issuable, ItemState};

/// What a connection shows of its rows.
pub(super) struct Connection<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) count: usize,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}

/// The arguments of a connection.
pub(super) struct Wanted {
    first: usize,
    after: Option<(i64, u64)>,
    iids: Option<Vec<String>>,
    state: Option<String>,
    by_update: bool,
    ascending: bool,
    updated: (Option<Moment>, Option<Moment>),
    created: (Option<Moment>, Option<Moment>),
    types: Option<Vec<String>>,
}

impl Wanted {
    /// Reads the arguments with `get`, which answers null for a missing one.
    pub(super) fn read(get: impl Fn(&str) -> Value) -> Self {
        let text = |name| get(name).as_str().map(str::to_owned);
        let time = |name| get(name).as_str().and_then(Moment::parse);
        let list = |name| match get(name) {
            Value::Array(values) => Some(
                values
                    .iter()
                    .filter_map(|value| value.as_str().map(str::to_owned))
                    .collect::<Vec<_>>(),
            ),
            Value::String(one) => Some(vec![one]),
            _ => None,
        };
        let sort = text("sort").unwrap_or_default().to_uppercase();
        let first = get("first")
            .as_u64()
            .and_then(|first| usize::try_from(first).ok());
        Self {
            first: first.unwrap_or(100).min(100),
            after: text("after").and_then(|cursor| read_cursor(&cursor)),
            iids: list("iids").or_else(|| list("iid")),
            state: text("state").map(|state| state.to_lowercase()),
            by_update: sort.starts_with("UPDATED"),
            ascending: sort.ends_with("ASC"),
            updated: (time("updatedAfter"), time("updatedBefore")),
            created: (time("createdAfter"), time("createdBefore")),
            types: list("types"),
        }
    }

    /// Whether an item passes the filters.
    pub(super) fn admits(&self, item: &Issuable, issue_type: Option<&str>) -> bool {
        let within = |moment: Moment, (after, before): (Option<Moment>, Option<Moment>)| {
            after.is_none_or(|after| moment >= after)
                && before.is_none_or(|before| moment <= before)
        };
        let state = match self.state.as_deref() {
            None | Some("all") => true,
            Some("open" | "opened") => item.state == ItemState::Opened,
            Some(state) => state == item.state.as_str(),
        };
        let iid = item.iid.to_string();
        state
            && within(item.updated_at, self.updated)
            && within(item.created_at, self.created)
            && self.iids.as_ref().is_none_or(|iids| iids.contains(&iid))
            && self.types.as_ref().is_none_or(|types| {
                issue_type
                    .is_none_or(|own| types.iter().any(|wanted| wanted.eq_ignore_ascii_case(own)))
            })
    }

    /// One page of the rows that passed.
    pub(super) fn page<'a>(&self, mut rows: Vec<(&'a Issuable, Node<'a>)>) -> Connection<'a> {
        let key = |item: &Issuable| {
            let moment = if self.by_update {
                item.updated_at
            } else {
                item.created_at
            };
            (moment.as_micros(), item.id)
        };
        let before = |one: (i64, u64), other: (i64, u64)| {
            let moments = if self.ascending {
                one.0.cmp(&other.0)
            } else {
                other.0.cmp(&one.0)
            };
            moments.then(other.1.cmp(&one.1))
        };
        let count = rows.len();
        rows.sort_by(|(one, _), (other, _)| before(key(one), key(other)));
        if let Some(after) = self.after {
            rows.retain(|(item, _)| before(key(item), after).is_gt());
        }
        let has_next = rows.len() > self.first;
        rows.truncate(self.first);
        let cursor = |row: Option<&(&Issuable, Node<'_>)>| {
            row.map(|(item, _)| {
                let (moment, id) = key(item);
                BASE64_STANDARD.encode(json!([moment, id]).to_string())
            })
        };
        Connection {
            count,
            has_next,
            has_previous: self.after.is_some(),
            start: cursor(rows.first()),
            end: cursor(rows.last()),
            nodes: rows.into_iter().map(|(_, node)| node).collect(),
        }
    }
}

fn read_cursor(cursor: &str) -> Option<(i64, u64)> {
    let bytes = BASE64_STANDARD.decode(cursor).ok()?;
    serde_json::from_slice(&bytes).ok()
}
