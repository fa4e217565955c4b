//! A folder of gzipped JSON lines: a project's real merge requests, made from
//! its git history.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{People, SourceError};
use crate::Moment;
use crate::upstream::{
    ClosingLink, Commit, DiffFile, ItemRef, ItemState, NewIssue, NewMergeRequest, NewNote, Upstream,
};

#[derive(Deserialize)]
struct Meta {
    project: String,
    project_id: u64,
    #[serde(default)]
    aliases: Vec<String>,
    default_branch: String,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    username: String,
}

#[derive(Deserialize)]
struct RecordedMergeRequest {
    id: u64,
    iid: u64,
    title: String,
    description: Option<String>,
    state: String,
    #[serde(default)]
    draft: bool,
    source_branch: Option<String>,
    target_branch: String,
    author: Person,
    merged_by: Option<Person>,
    #[serde(default)]
    approved_by: Vec<Person>,
    created_at: String,
    merged_at: Option<String>,
    updated_at: String,
    merge_commit_sha: Option<String>,
    sha: Option<String>,
    target_sha_before: Option<String>,
    #[serde(default)]
    commits: Vec<RecordedCommit>,
    #[serde(default)]
    diffs: Vec<RecordedDiff>,
    #[serde(default)]
    closes: Vec<u64>,
    #[serde(default)]
    mentions: Vec<u64>,
}

#[derive(Deserialize)]
struct RecordedCommit {
    sha: String,
    title: String,
    author: String,
    date: String,
}

#[derive(Deserialize)]
struct RecordedDiff {
    old_path: String,
    new_path: String,
    new_file: bool,
    renamed_file: bool,
    deleted_file: bool,
    a_mode: String,
    b_mode: String,
    #[serde(default)]
    diff: String,
}

#[derive(Deserialize)]
struct RecordedIssue {
    iid: u64,
    title: String,
    state: String,
    known_before: String,
    closed_at: Option<String>,
}

/// Adds the project that a folder with `meta.json`, `mrs.jsonl.gz` and
/// `issues.jsonl.gz` records. Returns its id, which is the recorded one.
pub fn load_corpus(upstream: &mut Upstream, folder: &Path) -> Result<u64, SourceError> {
    let meta_path = folder.join("meta.json");
    let meta = std::fs::read(&meta_path).map_err(|source| SourceError::Read {
        path: meta_path.clone(),
        source,
    })?;
    let meta: Meta = serde_json::from_slice(&meta).map_err(|error| SourceError::Format {
        path: meta_path,
        line: 0,
        problem: error.to_string(),
    })?;
    let project = meta.project_id;
    upstream.insert_project(project, &meta.project);
    let record = upstream.project_mut(project)?;
    record.default_branch = Some(meta.default_branch);
    record.former_paths = meta.aliases;

    let mut people = People::default();
    each_line(&folder.join("issues.jsonl.gz"), |issue: RecordedIssue| {
        add_issue(upstream, &mut people, project, &issue)
    })?;
    each_line(&folder.join("mrs.jsonl.gz"), |recorded| {
        add_merge_request(upstream, &mut people, project, recorded)
    })?;
    Ok(project)
}

fn each_line<T: DeserializeOwned>(
    path: &Path,
    mut take: impl FnMut(T) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let unreadable = |source| SourceError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let reader = BufReader::new(MultiGzDecoder::new(file));
    for (index, line) in reader.lines().enumerate() {
        let line = line.map_err(unreadable)?;
        let value = serde_json::from_str(&line).map_err(|error| SourceError::Format {
            path: path.to_owned(),
            line: index + 1,
            problem: error.to_string(),
        })?;
        take(value)?;
    }
    Ok(())
}

fn add_issue(
    upstream: &mut Upstream,
    people: &mut People,
    project: u64,
    recorded: &RecordedIssue,
) -> Result<(), SourceError> {
    // Who opened it is not recorded.
    let author = people.id(upstream, "unknown", "Unknown");
    let created_at = moment(&recorded.known_before);
    let new = NewIssue::new(author, recorded.title.clone());
    let at = upstream.insert_issue(project, recorded.iid, new, created_at)?;
    if let Some(closed_at) = recorded.closed_at.as_deref().map(moment) {
        let item = upstream.item_mut(at)?;
        item.state = ItemState::Closed;
        item.closed_at = Some(closed_at);
        item.updated_at = closed_at.max(created_at);
        upstream.record_state(at, None, "closed", None, closed_at)?;
    } else if recorded.state == "closed" {
        upstream.item_mut(at)?.state = ItemState::Closed;
    }
    Ok(())
}

fn add_merge_request(
    upstream: &mut Upstream,
    people: &mut People,
    project: u64,
    recorded: RecordedMergeRequest,
) -> Result<(), SourceError> {
    let author = people.id(upstream, &recorded.author.username, &recorded.author.name);
    let merged_by = recorded
        .merged_by
        .map(|person| people.id(upstream, &person.username, &person.name));
    let approved_by = recorded
        .approved_by
        .iter()
        .map(|person| people.id(upstream, &person.username, &person.name))
        .collect();
    let created_at = moment(&recorded.created_at);
    let new = NewMergeRequest {
        author_id: author,
        title: recorded.title,
        description: recorded.description,
        source_branch: recorded.source_branch.unwrap_or_default(),
        target_branch: recorded.target_branch,
        files: recorded.diffs.into_iter().map(file).collect(),
    };
    let at = upstream.insert_merge_request(project, recorded.iid, new, created_at)?;
    let merged_at = recorded.merged_at.as_deref().map(moment);
    if recorded.state == "merged" {
        let when = merged_at.unwrap_or(created_at);
        upstream.record_state(at, merged_by, "merged", None, when)?;
    }
    for iid in &recorded.closes {
        if let Ok(issue) = upstream.issue_mut(project, *iid) {
            issue.merge_requests_count += 1;
        }
    }
    // A mention leaves a cross-reference on the issue, which does not touch it.
    let path = upstream.project(project)?.path_with_namespace.clone();
    for iid in &recorded.mentions {
        let issue = ItemRef::issue(project, *iid);
        if upstream.item(issue).is_ok() {
            let body = format!("mentioned in merge request {path}!{}", recorded.iid);
            upstream.insert_note(issue, NewNote::system(author, body), created_at)?;
        }
    }

    let merge_request = upstream.merge_request_mut(project, recorded.iid)?;
    merge_request.common.id = recorded.id;
    merge_request.common.updated_at = moment(&recorded.updated_at);
    merge_request.common.state = match recorded.state.as_str() {
        "merged" => ItemState::Merged,
        "closed" => ItemState::Closed,
        _ => ItemState::Opened,
    };
    merge_request.draft = recorded.draft;
    merge_request.merged_at = merged_at;
    merge_request.merged_by = merged_by;
    merge_request.approved_by = approved_by;
    merge_request.merge_commit_sha = recorded.merge_commit_sha;
    merge_request.closes = recorded
        .closes
        .into_iter()
        .map(|iid| ClosingLink::Issue {
            project_id: project,
            iid,
        })
        .collect();
    merge_request.commits = recorded.commits.into_iter().map(commit).collect();
    if let Some(version) = merge_request.versions.last_mut() {
        if let Some(head) = recorded.sha {
            version.head_sha = head;
        }
        if let Some(base) = recorded.target_sha_before {
            version.start_sha.clone_from(&base);
            version.base_sha = base;
        }
    }
    Ok(())
}

fn file(recorded: RecordedDiff) -> DiffFile {
    DiffFile {
        old_path: recorded.old_path,
        new_path: recorded.new_path,
        a_mode: recorded.a_mode,
        b_mode: recorded.b_mode,
        new_file: recorded.new_file,
        renamed_file: recorded.renamed_file,
        deleted_file: recorded.deleted_file,
        generated_file: Some(false),
        collapsed: false,
        too_large: false,
        diff: recorded.diff,
    }
}

fn commit(recorded: RecordedCommit) -> Commit {
    Commit {
        id: recorded.sha,
        message: format!("{}\n", recorded.title),
        title: recorded.title,
        author_name: recorded.author,
        author_email: String::new(),
        authored_at: moment(&recorded.date),
        utc_offset: 0,
        parent_ids: Vec::new(),
    }
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap_or_default()
}
