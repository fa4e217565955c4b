//! What `lore` tells the daemon about the folder that it runs in.

use std::path::Path;

use serde_json::{Value, json};

use crate::answers;
use crate::fake::Fake;
use crate::process::{Home, git_repository, run};

const CONFIG: &str = "[remote \"origin\"]\n\turl = https://bot:glpat-secret@h/g/p.git\n\
                      [remote \"upstream\"]\n\turl = git@h:up/p.git\n";

/// What `file-history` with these words, run in `folder`, asks for.
fn asked(home: &Home, folder: &Path, words: &[&str]) -> Value {
    let daemon = Fake::new()
        .answers("fileHistory.get", answers::read(&answers::file_history()))
        .listen(&home.socket());
    let mut command = home.lore(["file-history"]);
    let ran = run(command.args(words).current_dir(folder));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    daemon.next("fileHistory.get")
}

#[test]
fn in_a_checkout_the_path_counts_from_its_root_and_the_remotes_are_told() {
    let home = Home::new();
    let root = home.path("work/repo");
    git_repository(&root, CONFIG);
    std::fs::create_dir_all(root.join("src/deep")).unwrap();
    let params = asked(&home, &root.join("src/deep"), &["../a b.rs"]);
    assert_eq!(params["path"], "src/a b.rs");
    assert_eq!(
        params["remotes"],
        json!(["git@h:up/p.git", "https://h/g/p.git"])
    );
}

#[test]
fn a_token_in_a_remote_is_never_sent() {
    let home = Home::new();
    let root = home.path("work/repo");
    git_repository(&root, CONFIG);
    let params = asked(&home, &root, &["x"]);
    assert!(!params.to_string().contains("glpat-secret"));
}

#[test]
fn a_named_project_needs_no_remotes() {
    let home = Home::new();
    let root = home.path("work/repo");
    git_repository(&root, CONFIG);
    let params = asked(&home, &root, &["x", "-p", "other/project"]);
    assert_eq!(params["project"], "other/project");
    assert_eq!(params.get("remotes"), None);
}

#[test]
fn outside_a_checkout_the_path_is_taken_as_it_is() {
    let home = Home::new();
    let params = asked(&home, &home.path("work"), &["src/main.rs"]);
    assert_eq!(params["path"], "src/main.rs");
    assert_eq!(params.get("remotes"), None);
}

#[test]
fn a_path_that_begins_with_a_dash_follows_two_of_them() {
    let home = Home::new();
    let params = asked(&home, &home.path("work"), &["--", "-odd"]);
    assert_eq!(params["path"], "-odd");
}
