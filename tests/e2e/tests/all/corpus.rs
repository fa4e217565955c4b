//! A real project's history, mirrored through HTTP, against git's own answers.
//!
//! Runs where `LORE_CORPUS` names the folder that holds `gitlab-runner/`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use gitlab_sim::{Options, SimulatorBuilder, load_corpus};
use jiff::Timestamp;
use lore_daemon::query::file_history;
use lore_e2e::{HOST, Mirror, MirrorBuilder};
use lore_proto::file_history::{FileHistory, FileHistoryParams};
use lore_proto::project::ProjectInfo;
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    path: String,
    mr_iids_no_follow: BTreeSet<u64>,
    directed_chain: BTreeSet<String>,
    mr_iids_directed: BTreeSet<u64>,
}

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("LORE_CORPUS")?;
    Some(PathBuf::from(folder).join("gitlab-runner"))
}

async fn mirrored(corpus: &Path, options: impl FnOnce(&mut Options)) -> Mirror {
    let sim = SimulatorBuilder::new()
        .upstream(|upstream| {
            load_corpus(upstream, corpus).unwrap();
        })
        .with(options);
    let mirror = MirrorBuilder::new(sim).start();
    mirror.sync().await.assert_ended_well();
    mirror.assert_equal();
    mirror
}

async fn history(mirror: &Mirror, path: &str, alone: bool) -> FileHistory {
    let project = ProjectInfo {
        host: HOST.to_owned(),
        path: mirror.paths[0].clone(),
        id: None,
        web_url: None,
    };
    let params = FileHistoryParams {
        path: path.to_owned(),
        project: None,
        host: None,
        remotes: Vec::new(),
        discussions: false,
        merged: false,
        no_follow_renames: alone,
        limit: Some(1_000),
        cursor: None,
    };
    let answer = file_history::get(&mirror.db, &project, params, Timestamp::UNIX_EPOCH).await;
    answer.unwrap().data
}

fn iids(history: &FileHistory) -> BTreeSet<u64> {
    history.merge_requests.iter().map(|mr| mr.iid).collect()
}

fn truths(corpus: &Path) -> Vec<Truth> {
    let file = File::open(corpus.join("file_history_truth.jsonl.gz")).unwrap();
    BufReader::new(GzDecoder::new(file))
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

/// Paths whose answer is not git's.
async fn wrong(mirror: &Mirror, corpus: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for truth in truths(corpus) {
        let followed = history(mirror, &truth.path, false).await;
        let alone = history(mirror, &truth.path, true).await;
        let chain: BTreeSet<String> = followed.chain.iter().map(|it| it.path.clone()).collect();
        if chain != truth.directed_chain
            || iids(&followed) != truth.mr_iids_directed
            || iids(&alone) != truth.mr_iids_no_follow
            || !followed.possibly_missing.is_empty()
        {
            wrong.push(truth.path);
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_history_answers_as_git_does() {
    let Some(corpus) = corpus() else {
        println!("corpus: skipped, LORE_CORPUS is not set");
        return;
    };
    let mirror = mirrored(&corpus, |options| options.diff_file_limit = None).await;
    let wrong = wrong(&mirror, &corpus).await;
    assert!(wrong.is_empty(), "{} differ: {wrong:?}", wrong.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlabs_limit_on_files_changes_no_answer_where_the_diff_can_be_completed() {
    let Some(corpus) = corpus() else {
        println!("corpus: skipped, LORE_CORPUS is not set");
        return;
    };
    let mirror = mirrored(&corpus, |_| {}).await;
    let wrong = wrong(&mirror, &corpus).await;
    assert!(wrong.is_empty(), "{} differ: {wrong:?}", wrong.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_diff_that_cannot_be_completed_makes_the_answer_say_so() {
    let Some(corpus) = corpus() else {
        println!("corpus: skipped, LORE_CORPUS is not set");
        return;
    };
    let mirror = mirrored(&corpus, |options| {
        options.raw_diffs = false;
        options.access_raw_diffs = false;
    })
    .await;
    let cut = mirror.number("SELECT count(*) FROM merge_requests WHERE NOT changes_complete");
    assert!(cut >= 5, "{cut} are cut");
    let answer = history(&mirror, "main.go", false).await;
    // The rest of them touch it in the part that GitLab shows.
    assert!(answer.possibly_missing.len() >= 5, "{answer:?}");
}
