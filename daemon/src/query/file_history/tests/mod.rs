mod answers;
mod chain;
mod pages;

use super::*;
use crate::query::fixture::{Mirror, Mr, project};

fn about(path: &str) -> FileHistoryParams {
    FileHistoryParams {
        path: path.into(),
        project: None,
        host: None,
        remotes: Vec::new(),
        discussions: false,
        merged: false,
        no_follow_renames: false,
        limit: None,
        cursor: None,
    }
}

async fn ask(mirror: &Mirror, params: FileHistoryParams) -> Result<Read<FileHistory>, WireError> {
    get(&mirror.db, &project(), params, mirror.now()).await
}

async fn history(mirror: &Mirror, path: &str) -> FileHistory {
    ask(mirror, about(path)).await.unwrap().data
}

fn names(history: &FileHistory) -> Vec<&str> {
    history
        .chain
        .iter()
        .map(|name| name.path.as_str())
        .collect()
}

fn iids(history: &FileHistory) -> Vec<u64> {
    history.merge_requests.iter().map(|mr| mr.iid).collect()
}
