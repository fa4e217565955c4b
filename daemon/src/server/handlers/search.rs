//! `search.query`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::project::Read;
use lore_proto::search::{SearchParams, SearchResults};

use super::projects::resolved;
use crate::daemon::Daemon;
use crate::query::search::Searcher;

pub(super) async fn query(
    daemon: Arc<Daemon>,
    mut ask: SearchParams,
) -> Result<Read<SearchResults>, WireError> {
    let ready = daemon.ready()?;
    let remotes = std::mem::take(&mut ask.remotes);
    let project = resolved(&ready.config, ask.project.take(), ask.host.take(), remotes)?;
    let searcher = Searcher {
        db: ready.database,
        vectors: ready.vectors,
        embedder: ready.engine.embedder(),
    };
    searcher.query(&project, ask, daemon.clock().now()).await
}
