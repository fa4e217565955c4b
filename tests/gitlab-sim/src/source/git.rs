//! A local git repository's history as merge requests.

mod log;

use std::path::Path;

use self::log::{GitCommit, Repository};
use super::{People, SourceError};
use crate::upstream::{Commit, DiffFile, ItemState, NewMergeRequest, Upstream};

/// Adds a project with one merge request for each merge on the first-parent
/// line of `HEAD`, or for each commit of it where there are no merges. Returns
/// the project's id.
///
/// Renames are found from 50 % similarity on, as `git` does by default.
pub fn load_git(
    upstream: &mut Upstream,
    repository: &Path,
    path_with_namespace: &str,
) -> Result<u64, SourceError> {
    let repository = Repository::new(repository);
    let branch = repository.branch()?;
    let project = upstream.create_project(path_with_namespace);
    upstream.project_mut(project)?.default_branch = Some(branch.clone());
    let mut people = People::default();
    for (commit, files) in repository.history()? {
        add(upstream, &mut people, (project, &branch), &commit, files)?;
    }
    Ok(project)
}

fn add(
    upstream: &mut Upstream,
    people: &mut People,
    (project, branch): (u64, &str),
    commit: &GitCommit,
    files: Vec<DiffFile>,
) -> Result<(), SourceError> {
    let author = people.id(upstream, commit.author.username(), &commit.author.name);
    let merger = people.id(
        upstream,
        commit.committer.username(),
        &commit.committer.name,
    );
    let (title, description) = commit.title_and_description();
    let source_branch = commit.source_branch();
    let iid = upstream.project(project)?.next_merge_request_iid;
    let new = NewMergeRequest {
        author_id: author,
        title,
        description,
        source_branch,
        target_branch: branch.to_owned(),
        files,
    };
    let created_at = commit.author.at.min(commit.committer.at);
    let merged_at = commit.committer.at;
    let at = upstream.insert_merge_request(project, iid, new, created_at)?;
    upstream.record_state(at, Some(merger), "merged", None, merged_at)?;
    let merge_request = upstream.merge_request_mut(project, iid)?;
    merge_request.common.state = ItemState::Merged;
    merge_request.common.updated_at = merged_at;
    merge_request.merged_at = Some(merged_at);
    merge_request.merged_by = Some(merger);
    // A commit that is no merge was fast-forwarded.
    merge_request.merge_commit_sha = (commit.parents.len() > 1).then(|| commit.sha.clone());
    let head = commit.parents.get(1).unwrap_or(&commit.sha).clone();
    if let Some(version) = merge_request.versions.last_mut() {
        if let Some(base) = commit.parents.first() {
            version.base_sha.clone_from(base);
            version.start_sha.clone_from(base);
        }
        version.head_sha.clone_from(&head);
    }
    merge_request.commits = vec![Commit {
        id: head,
        title: commit.subject().to_owned(),
        message: commit.message.clone(),
        author_name: commit.author.name.clone(),
        author_email: commit.author.email.clone(),
        authored_at: commit.author.at,
        utc_offset: 0,
        parent_ids: commit.parents.clone(),
    }];
    Ok(())
}
