//! File history against the answers of git itself for a real project.
//!
//! Runs where `LORE_CORPUS` names the folder that holds `gitlab-runner/`: merge
//! requests derived from a public git history, and for 200 of its paths the
//! rename chain and the merge requests that git gives.

// Outside `#[test]` functions clippy does not know a test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use jiff::Timestamp;
use lore_daemon::query::file_history;
use lore_daemon::store::{Database, StoreError};
use lore_proto::file_history::{FileHistory, FileHistoryParams};
use lore_proto::project::ProjectInfo;
use rusqlite::params;
use serde::Deserialize;

#[derive(Deserialize)]
struct MergeRequest {
    id: i64,
    iid: i64,
    title: String,
    description: Option<String>,
    state: String,
    updated_at: Timestamp,
    merged_at: Option<Timestamp>,
    diffs: Vec<Diff>,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
    new_file: bool,
    renamed_file: bool,
    deleted_file: bool,
}

#[derive(Deserialize)]
struct Truth {
    path: String,
    mr_iids_no_follow: BTreeSet<u64>,
    directed_chain: BTreeSet<String>,
    mr_iids_directed: BTreeSet<u64>,
}

#[tokio::test]
async fn every_path_of_the_corpus_gets_the_chain_and_the_merge_requests_that_git_gives() {
    let Some(corpus) = std::env::var_os("LORE_CORPUS") else {
        println!("file_history_corpus: skipped, LORE_CORPUS is not set");
        return;
    };
    let corpus = PathBuf::from(corpus).join("gitlab-runner");
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(&folder.path().join("lore.db")).unwrap();
    load(&db, &corpus).await;
    let mut asked = 0;
    let mut wrong = Vec::new();
    for truth in lines::<Truth>(&corpus.join("file_history_truth.jsonl.gz")) {
        asked += 1;
        let followed = history(&db, &truth.path, false).await;
        let alone = history(&db, &truth.path, true).await;
        let chain: BTreeSet<String> = followed
            .chain
            .iter()
            .map(|name| name.path.clone())
            .collect();
        let agrees = chain == truth.directed_chain
            && followed.chain.len() == chain.len()
            && iids(&followed) == truth.mr_iids_directed
            && iids(&alone) == truth.mr_iids_no_follow
            && in_order(&followed)
            && !followed.chain_truncated;
        if !agrees {
            wrong.push(truth.path);
        }
    }
    println!("file_history_corpus: ran, {asked} paths");
    assert_eq!(asked, 200);
    assert!(
        wrong.is_empty(),
        "{} of {asked} differ: {wrong:?}",
        wrong.len()
    );
}

async fn history(db: &Database, path: &str, alone: bool) -> FileHistory {
    let project = ProjectInfo {
        host: "gitlab.com".into(),
        path: "gitlab-org/gitlab-runner".into(),
        id: None,
        web_url: None,
    };
    let params = FileHistoryParams {
        path: path.into(),
        project: None,
        host: None,
        remotes: Vec::new(),
        discussions: false,
        merged: false,
        no_follow_renames: alone,
        limit: Some(1_000),
        cursor: None,
    };
    let answer = file_history::get(db, &project, params, Timestamp::UNIX_EPOCH).await;
    answer.unwrap().data
}

fn iids(history: &FileHistory) -> BTreeSet<u64> {
    assert_eq!(history.total, history.merge_requests.len() as u64);
    history.merge_requests.iter().map(|mr| mr.iid).collect()
}

/// Newest merge first, and renames in the chain likewise.
fn in_order(history: &FileHistory) -> bool {
    let merges: Vec<_> = history
        .merge_requests
        .iter()
        .map(|mr| (mr.merged_at, mr.iid))
        .collect();
    let renames: Vec<_> = history
        .chain
        .iter()
        .filter_map(|name| name.renamed.as_ref().map(|rename| rename.at))
        .collect();
    merges.iter().rev().is_sorted() && renames.iter().rev().is_sorted()
}

async fn load(db: &Database, corpus: &Path) {
    let all: Vec<MergeRequest> = lines(&corpus.join("mrs.jsonl.gz")).collect();
    db.write(move |tx| -> Result<(), StoreError> {
        tx.execute_batch(
            "INSERT INTO projects (id, host, gitlab_id, path_with_namespace, name, last_seen_at)
             VALUES (1, 'gitlab.com', 9003, 'gitlab-org/gitlab-runner', 'runner', 0);
             INSERT INTO project_paths (host, path, project_id)
             VALUES ('gitlab.com', 'gitlab-org/gitlab-runner', 1)",
        )?;
        let mut mr_row = tx.prepare(
            "INSERT INTO merge_requests (id, project_id, gitlab_id, iid, title, description, state,
                 updated_at, merged_at) VALUES (?1, 1, ?2, ?1, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut change_row = tx.prepare(
            "INSERT INTO mr_file_changes (merge_request_id, project_id, old_path, new_path,
                 change_type) VALUES (?1, 1, ?2, ?3, ?4)",
        )?;
        for mr in &all {
            mr_row.execute(params![
                mr.iid,
                mr.id,
                mr.title,
                mr.description,
                mr.state,
                mr.updated_at.as_millisecond(),
                mr.merged_at.map(Timestamp::as_millisecond),
            ])?;
            for diff in &mr.diffs {
                let change = match (diff.renamed_file, diff.new_file, diff.deleted_file) {
                    (true, ..) => "renamed",
                    (_, true, _) => "added",
                    (_, _, true) => "deleted",
                    _ => "modified",
                };
                change_row.execute(params![mr.iid, diff.old_path, diff.new_path, change])?;
            }
        }
        Ok(())
    })
    .await
    .unwrap();
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> impl Iterator<Item = T> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(GzDecoder::new(file))
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}
