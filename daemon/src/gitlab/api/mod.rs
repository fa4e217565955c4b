//! The routes, one file a family. Every list says explicitly what it wants:
//! GitLab's defaults differ from route to route and hide items.

mod diffs;
mod discussions;
mod events;
mod instance;
mod issues;
mod merge_requests;
mod projects;
mod statuses;

pub use diffs::DiffSet;
pub use projects::{Counted, ProjectRef};
pub use statuses::{StatusOutcome, StatusPage};

use super::call::ListParams;

/// One query parameter.
type Parameter = (&'static str, String);

/// The parameters that lists of issues and of merge requests share.
fn list_query(params: &ListParams<'_>) -> Vec<Parameter> {
    let mut query = vec![
        ("scope", "all".to_owned()),
        ("state", "all".to_owned()),
        ("order_by", params.order.order_by().to_owned()),
        ("sort", params.order.sort().to_owned()),
    ];
    if let Some(after) = params.updated_after {
        query.push(("updated_after", after.to_string()));
    }
    if let Some(before) = params.updated_before {
        query.push(("updated_before", before.to_string()));
    }
    query.extend(params.iids.iter().map(|iid| ("iids[]", iid.to_string())));
    query
}
