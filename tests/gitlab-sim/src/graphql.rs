//! GraphQL.
use crate::http::{Render, Reply, Request};
pub(crate) fn answer(_render: &Render<'_>, _request: &Request) -> Reply {
    Reply::no_route()
}
