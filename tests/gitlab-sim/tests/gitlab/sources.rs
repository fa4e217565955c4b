//! Recorded histories, and the program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use gitlab_sim::upstream::{ItemState, Upstream};
use gitlab_sim::{Moment, SourceError, VirtualClock, load_corpus, load_git};
use serde_json::{Value, json};

fn upstream() -> Upstream {
    Upstream::new(VirtualClock::new(Moment::from_secs(1_795_176_000)))
}

fn git(repository: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args([
            "-c",
            "user.name=Mira K",
            "-c",
            "user.email=mira@example.com",
        ])
        .args([
            "-c",
            "commit.gpgSign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn commit(repository: &Path, message: &str) {
    git(repository, &["add", "-A"]);
    git(repository, &["commit", "-qm", message]);
}

/// Five commits, none of them a merge.
fn line_of_commits() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let write = |name: &str, text: &[u8]| std::fs::write(path.join(name), text).unwrap();
    git(path, &["init", "-q"]);
    write("a file", b"one\ntwo\nthree\n");
    write("bild.png", &[0, 1, 2, 0]);
    commit(path, "Add\n\nA body.");
    std::fs::rename(path.join("a file"), path.join("größe \"x\"")).unwrap();
    commit(path, "Rename");
    write("größe \"x\"", b"one\n2\nthree\n");
    write("zwei", b"diff --git a/x b/x\n@@ -1 +1 @@\n");
    commit(path, "Change and add");
    std::fs::remove_file(path.join("zwei")).unwrap();
    std::os::unix::fs::symlink("target", path.join("zwei")).unwrap();
    std::fs::remove_file(path.join("bild.png")).unwrap();
    commit(path, "Change a type, delete");
    folder
}

#[test]
fn commits_of_a_repository_without_merges_are_merge_requests() {
    let repository = line_of_commits();
    let mut upstream = upstream();
    let id = load_git(&mut upstream, repository.path(), "local/thing").unwrap();
    let project = upstream.project(id).unwrap();
    assert_eq!(project.path_with_namespace, "local/thing");
    let merge_requests: Vec<_> = project.merge_requests.values().collect();
    assert_eq!(merge_requests.len(), 4);
    let first = merge_requests[0];
    assert_eq!(first.common.title, "Add");
    assert_eq!(first.common.description.as_deref(), Some("A body."));
    assert_eq!(first.common.state, ItemState::Merged);
    assert_eq!(first.merge_commit_sha, None, "fast-forwarded");
    assert_eq!(upstream.users[&first.common.author_id].username, "mira");
    let files = |index: usize| &merge_requests[index].versions[0].files;
    assert!(files(0)[0].new_file && files(0)[0].a_mode == "0");
    assert_eq!(files(0)[0].diff, "@@ -0,0 +1,3 @@\n+one\n+two\n+three\n");
    assert_eq!(files(0)[1].diff, "", "a binary");
    let rename = &files(1)[0];
    assert!(rename.renamed_file && rename.diff.is_empty());
    assert_eq!(
        (rename.old_path.as_str(), rename.new_path.as_str()),
        ("a file", "größe \"x\"")
    );
    assert!(files(2)[0].diff.contains("-two\n+2\n"), "{:?}", files(2));
    assert!(
        files(2)[1].diff.contains("+diff --git a/x b/x\n"),
        "a line is not a header"
    );
    let typed = files(3)
        .iter()
        .find(|file| file.new_path == "zwei")
        .unwrap();
    assert_eq!(
        (typed.a_mode.as_str(), typed.b_mode.as_str()),
        ("100644", "120000")
    );
    let gone = files(3)
        .iter()
        .find(|file| file.new_path == "bild.png")
        .unwrap();
    assert!(gone.deleted_file && gone.b_mode == "0");
}

#[test]
fn merges_of_a_repository_with_merges_are_merge_requests() {
    let repository = line_of_commits();
    let path = repository.path();
    git(path, &["checkout", "-qb", "topic"]);
    std::fs::write(path.join("new"), "x\n").unwrap();
    commit(path, "Work");
    git(path, &["checkout", "-q", "main"]);
    let message = "Merge branch 'topic' into 'main'\n\nTeach it\n\nCloses #3";
    git(path, &["merge", "-q", "--no-ff", "-m", message, "topic"]);
    let mut upstream = upstream();
    let id = load_git(&mut upstream, path, "local/thing").unwrap();
    let project = upstream.project(id).unwrap();
    let merge_requests: Vec<_> = project.merge_requests.values().collect();
    assert_eq!(merge_requests.len(), 1);
    assert_eq!(merge_requests[0].common.title, "Teach it");
    assert_eq!(
        merge_requests[0].common.description.as_deref(),
        Some("Closes #3")
    );
    assert_eq!(merge_requests[0].source_branch, "topic");
    assert_eq!(merge_requests[0].target_branch, "main");
    assert!(merge_requests[0].merge_commit_sha.is_some());
    let files = &merge_requests[0].versions[0].files;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].diff, "@@ -0,0 +1 @@\n+x\n");
}

#[test]
fn a_folder_that_is_no_repository_is_refused_with_gits_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = load_git(&mut upstream(), folder.path(), "a/b").unwrap_err();
    assert!(matches!(error, SourceError::Git { .. }));
    assert!(
        error.to_string().contains("not a git repository"),
        "{error}"
    );
}

fn gz(path: &Path, lines: &[Value]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = GzEncoder::new(file, Compression::fast());
    for line in lines {
        writeln!(encoder, "{line}").unwrap();
    }
    encoder.finish().unwrap();
}

fn corpus(folder: &Path) {
    let meta = json!({
        "project": "group/project", "project_id": 9003, "aliases": ["group/old"],
        "default_branch": "main",
    });
    std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    gz(
        &folder.join("issues.jsonl.gz"),
        &[json!({
            "iid": 5, "project_id": 9003, "synthetic": true, "title": "an issue",
            "state": "unknown", "known_before": "2020-05-08T07:45:33.000Z", "closed_at": null,
            "closed_by_mr_iids": [7], "mentioned_by_mr_iids": [],
        })],
    );
    gz(
        &folder.join("mrs.jsonl.gz"),
        &[json!({
            "id": 9_003_000_007_u64, "iid": 7, "project_id": 9003, "title": "A change",
            "description": null, "state": "merged", "draft": false, "source_branch": null,
            "target_branch": "main", "author": { "id": 1, "name": "A", "username": "a" },
            "merged_by": null, "approved_by": [], "created_at": "2015-05-02T06:37:46.000Z",
            "merged_at": "2015-05-02T10:03:30.000Z", "updated_at": "2015-05-02T10:03:30.000Z",
            "merge_commit_sha": "m", "sha": "h", "target_sha_before": "b", "closes": [5],
            "commits": [{ "sha": "h", "title": "c", "author": "A",
                          "date": "2015-05-02T06:37:46.000Z" }],
            "diffs": [{ "old_path": "a", "new_path": "b", "new_file": false,
                        "renamed_file": true, "deleted_file": false, "a_mode": "100644",
                        "b_mode": "100644", "similarity": 90, "diff": "" }],
        })],
    );
}

#[test]
fn a_corpus_keeps_its_ids_shas_and_links() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let mut upstream = upstream();
    assert_eq!(load_corpus(&mut upstream, folder.path()).unwrap(), 9003);
    let merge_request = upstream.merge_request(9003, 7).unwrap();
    assert_eq!(merge_request.common.id, 9_003_000_007);
    assert_eq!(merge_request.versions[0].head_sha, "h");
    assert!(merge_request.versions[0].files[0].renamed_file);
    assert_eq!(merge_request.closes.len(), 1);
    assert_eq!(upstream.issue(9003, 5).unwrap().merge_requests_count, 1);
    assert_eq!(
        upstream.project_by_former_path("group/old").unwrap().id,
        9003
    );
}

#[test]
fn a_broken_corpus_is_refused_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = load_corpus(&mut upstream(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("meta.json"), "{error}");
    corpus(folder.path());
    gz(&folder.path().join("mrs.jsonl.gz"), &[json!({ "iid": 1 })]);
    let error = load_corpus(&mut upstream(), folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("mrs.jsonl.gz, line 1"),
        "{error}"
    );
}

#[test]
fn the_program_says_where_it_is_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    corpus(folder.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_gitlab-sim"))
        .arg("--corpus")
        .arg(folder.path())
        .args([
            "--relative-root",
            "gitlab",
            "--token",
            "secret",
            "--utc-offset",
            "-90",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let announced: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(announced["token"], "secret");
    assert_eq!(announced["projects"][0]["id"], 9003);
    assert_eq!(announced["projects"][0]["merge_requests"], 1);
    assert!(announced["url"].as_str().unwrap().ends_with("/gitlab"));
    child.kill().unwrap();
    child.wait().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_gitlab-sim"))
        .args(["--from-git", "/nonexistent"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("gitlab-sim: git "));
}
