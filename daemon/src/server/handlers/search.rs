//! `search.query`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::project::Read;
use lore_proto::search::{SearchParams, SearchResults};

use super::projects::resolved;
use crate::daemon::{Daemon, ItemAsked};
use crate::query::search::Searcher;

pub(super) async fn query(
    daemon: Arc<Daemon>,
    mut ask: SearchParams,
) -> Result<Read<SearchResults>, WireError> {
    let ready = daemon.ready()?;
    let remotes = std::mem::take(&mut ask.remotes);
    let (project, host) = (ask.project.take(), ask.host.take());
    let (project, like) = match ask.like.take() {
        None => (resolved(&ready.config, project, host, remotes)?, None),
        Some(reference) => {
            let asked = ItemAsked {
                source: None,
                iid: None,
                reference: Some(reference),
                project,
                host,
                remotes,
            };
            let (project, source, iid) = daemon.item(&ready, asked).await?;
            (project, Some((source, iid)))
        }
    };
    let searcher = Searcher {
        db: ready.database,
        vectors: ready.vectors,
        embedder: ready.engine.embedder(),
    };
    searcher
        .query(&project, like, ask, daemon.clock().now())
        .await
}
