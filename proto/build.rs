//! Tells the build which commit it is of, for `--version` and reports of bugs.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LORE_COMMIT");
    // For builds from an archive, which know their commit and have no git.
    if let Ok(told) = std::env::var("LORE_COMMIT") {
        tell(&told);
        return;
    }
    // Git is asked for what is to be installed alone: otherwise each commit
    // would have everything built again that anybody tests.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        ask_git();
    }
}

/// Tells the commit of the checkout that this very source lies in, if it is
/// one: an archive may have been unpacked inside another.
fn ask_git() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let Some(here) = here.and_then(|path| path.canonicalize().ok()) else {
        return;
    };
    let git = |words: &[&str]| {
        let output = Command::new("git")
            .args(words)
            .current_dir(&here)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    if git(&["rev-parse", "--show-toplevel"]).is_none_or(|root| Path::new(&root) != here) {
        return;
    }
    // Where a commit shows: in `HEAD`, or in the branch that it names.
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--path-format=absolute", "--git-path", name]) {
            // A file that is not there would have this run each time.
            if Path::new(&path).exists() {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
    // What is edited after this build shows when git is asked again.
    let described = [
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ];
    if let Some(commit) = git(&described) {
        tell(&commit);
    }
}

fn tell(commit: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !commit.is_empty() && commit.chars().all(plain) {
        println!("cargo::rustc-env=LORE_BUILD_COMMIT={commit}");
    }
}
