use std::fs;
use std::path::Path;
use std::process::Command;

use super::GitDiff;
use crate::gitlab::error::Failure;
use crate::gitlab::models::{ChangeKind, Diff};
use crate::gitlab::transport::Sink;

fn read(text: &str) -> Result<Vec<Diff>, Failure> {
    let whole = read_in_parts(text.as_bytes(), text.len().max(1));
    // However the text is cut on its way, it means the same.
    for size in [1, 2, 7] {
        assert_eq!(
            read_in_parts(text.as_bytes(), size),
            whole,
            "parts of {size}"
        );
    }
    whole
}

fn read_in_parts(text: &[u8], size: usize) -> Result<Vec<Diff>, Failure> {
    let mut diff = GitDiff::default();
    for part in text.chunks(size) {
        diff.push(part);
    }
    diff.finish()
}

#[track_caller]
fn assert_one(text: &str, old: &str, new: &str, kind: ChangeKind) -> Diff {
    let mut files = read(text).unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    let file = files.remove(0);
    assert_eq!(
        (
            file.old_path.as_str(),
            file.new_path.as_str(),
            file.change_kind()
        ),
        (old, new, kind)
    );
    file
}

#[test]
fn a_modified_file_keeps_its_hunks() {
    let file = assert_one(
        "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100755\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,2 +1,2 @@ fn x\n-a\n+b\n c\n",
        "src/a.rs",
        "src/a.rs",
        ChangeKind::Modified,
    );
    assert_eq!(file.diff, "@@ -1,2 +1,2 @@ fn x\n-a\n+b\n c\n");
    assert_eq!(file.a_mode.as_deref(), Some("100755"));
    assert_eq!((file.too_large, file.collapsed), (Some(false), Some(false)));
}

#[test]
fn added_and_deleted_files_have_one_path() {
    let file = assert_one(
        "diff --git a/n b/n\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
        "n",
        "n",
        ChangeKind::Added,
    );
    assert_eq!(
        (file.a_mode.as_deref(), file.b_mode.as_deref()),
        (Some("0"), Some("100644"))
    );
    assert_one(
        "diff --git a/o b/o\ndeleted file mode 100644\nindex 1..0\n--- a/o\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        "o",
        "o",
        ChangeKind::Deleted,
    );
    assert_one(
        "diff --git a/empty file b/empty file\nnew file mode 100644\nindex 0..e69de29\n",
        "empty file",
        "empty file",
        ChangeKind::Added,
    );
}

#[test]
fn renames_are_read_from_their_own_lines() {
    let file = assert_one(
        "diff --git a/old b/b/new b/x\nsimilarity index 100%\nrename from old b/b\nrename to new b/x\n",
        "old b/b",
        "new b/x",
        ChangeKind::Renamed,
    );
    assert_eq!(file.diff, "");
    assert_one(
        "diff --git a/a.txt b/A.txt\nsimilarity index 50%\nrename from a.txt\nrename to A.txt\nindex 1..2 100644\n--- a/a.txt\n+++ b/A.txt\n@@ -1 +1 @@\n-a\n+b\n",
        "a.txt",
        "A.txt",
        ChangeKind::Renamed,
    );
}

#[test]
fn a_copy_is_a_new_file() {
    assert_one(
        "diff --git a/a b/c\nsimilarity index 100%\ncopy from a\ncopy to c\n",
        "c",
        "c",
        ChangeKind::Added,
    );
}

#[test]
fn a_mode_change_alone_is_told_from_a_change_of_content() {
    let file = assert_one(
        "diff --git a/run me.sh b/run me.sh\nold mode 100644\nnew mode 100755\n",
        "run me.sh",
        "run me.sh",
        ChangeKind::ModeChanged,
    );
    assert_eq!(
        (file.a_mode.as_deref(), file.b_mode.as_deref()),
        (Some("100644"), Some("100755"))
    );
}

#[test]
fn quoted_paths_lose_their_quotes_and_escapes() {
    for (quoted, plain) in [
        (r#""a/caf\303\251 \"x\"\\y""#, "café \"x\"\\y"),
        (r#""a/tab\tnew\nline""#, "tab\tnew\nline"),
        (r#""a/\a\b\v\f\r""#, "\u{7}\u{8}\u{b}\u{c}\r"),
        (r#""a/\346\227\245\346\234\254""#, "日本"),
    ] {
        let other = quoted.replacen("a/", "b/", 1);
        let header = format!("diff --git {quoted} {other}\n");
        let mode = format!("{header}old mode 100644\nnew mode 100755\n");
        assert_one(&mode, plain, plain, ChangeKind::ModeChanged);
        let sides =
            format!("{header}index 1..2 100644\n--- {quoted}\n+++ {other}\n@@ -1 +1 @@\n-a\n+b\n");
        assert_one(&sides, plain, plain, ChangeKind::Modified);
    }
    assert_one(
        "diff --git a/x \"b/\\303\\251\"\nsimilarity index 100%\nrename from x\nrename to \"\\303\\251\"\n",
        "x",
        "é",
        ChangeKind::Renamed,
    );
}

#[test]
fn names_with_spaces_end_at_their_tab() {
    assert_one(
        "diff --git a/a b b/a b\nindex 1..2 100644\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-a\n+b\n",
        "a b",
        "a b",
        ChangeKind::Modified,
    );
}

#[test]
fn content_that_looks_like_headers_stays_content() {
    let text = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1,4 +1,4 @@\n--- a/other\n-rename from x\n+++ b/other\n+deleted file mode 1\n diff --git a/q b/q\n \ndiff --git a/g b/g\nold mode 100644\nnew mode 100755\n";
    let files = read(text).unwrap();
    let names: Vec<_> = files.iter().map(|file| file.new_path.as_str()).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(files[0].change_kind(), ChangeKind::Modified);
}

#[test]
fn binary_files_have_paths_and_no_lines() {
    let file = assert_one(
        "diff --git a/l.png b/l.png\nindex 1..2 100644\nBinary files a/l.png and b/l.png differ\n",
        "l.png",
        "l.png",
        ChangeKind::Modified,
    );
    assert!(file.diff.starts_with("Binary files"));
    assert_one(
        "diff --git a/l.png b/l.png\nnew file mode 100644\nindex 0..2\nGIT binary patch\nliteral 5\nMcmZQz\n\nliteral 0\nHcmV?d00001\n\n",
        "l.png",
        "l.png",
        ChangeKind::Added,
    );
}

#[test]
fn a_patch_beyond_the_limit_leaves_its_paths() {
    let lines = 30_000;
    let mut text =
        format!("diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -0,0 +1,{lines} @@\n");
    for line in 0..lines {
        text.extend(["+line number ", &line.to_string(), "\n"]);
    }
    text.push_str("diff --git a/g b/g\nold mode 100644\nnew mode 100755\n");
    let files = read_in_parts(text.as_bytes(), 4096).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(
        (files[0].too_large, files[0].diff.as_str()),
        (Some(true), "")
    );
    assert_eq!(files[0].change_kind(), ChangeKind::Modified);
}

#[test]
fn a_text_that_is_cut_or_no_diff_is_an_error() {
    assert_eq!(read(""), Ok(Vec::new()));
    let cut = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n";
    assert!(matches!(read(cut), Err(Failure::Truncated { .. })));
    assert!(matches!(
        read("Retry later\n"),
        Err(Failure::BadPayload { .. })
    ));
}

/// Runs git in `folder`, cut off from this machine's settings.
fn git(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .args(["-c", "user.name=n", "-c", "user.email=e@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn what_git_itself_writes_is_read_as_git_means_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    git(folder, &["init", "-q"]);
    let long = |word: &str| format!("{word} of a long text\n").repeat(40);
    let write = |name: &str, text: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (name, text) in [
        ("plain", long("plain")),
        ("with space b/x", long("space")),
        ("tab\tquote\"backslash\\", long("odd")),
        ("new\nline", long("line")),
        ("d\u{e9}j\u{e0} vu", long("unicode")),
        ("to go", long("gone")),
        ("script.sh", long("script")),
        ("Case", long("case")),
        ("no newline", "one\ntwo".into()),
        ("-- a", long("dashes")),
    ] {
        write(name, text.as_bytes());
    }
    write("bin", &[0, 159, 146, 150]);
    write("latin", b"caf\xe9\n");
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "before"]);

    write(
        "plain",
        (long("plain") + "-- a/more\n++ b/more\n@@ -1 +1 @@\n").as_bytes(),
    );
    write("with space b/x", (long("space") + "x\n").as_bytes());
    write("no newline", b"one\nthree");
    write("-- a", (long("dashes") + "x\n").as_bytes());
    write("bin", &[0, 1, 2]);
    write("latin", b"caf\xe9s\n");
    write("empty new", b"");
    write("new \u{1f600}", b"hello\n");
    fs::create_dir(folder.join("moved b")).unwrap();
    git(folder, &["mv", "tab\tquote\"backslash\\", "moved b/\"q\""]);
    git(folder, &["mv", "new\nline", "new\nplace"]);
    git(folder, &["mv", "d\u{e9}j\u{e0} vu", "d\u{e9}j\u{e0} lu"]);
    git(folder, &["mv", "Case", "case"]);
    write("case", (long("case") + "x\n").as_bytes());
    git(folder, &["rm", "-q", "to go"]);
    git(folder, &["add", "-A"]);
    git(folder, &["update-index", "--chmod=+x", "script.sh"]);
    git(folder, &["commit", "-qm", "after"]);

    let mut expected = Vec::new();
    let raw = git(folder, &["diff", "--raw", "-z", "-M", "HEAD~1", "HEAD"]);
    let raw = String::from_utf8(raw).unwrap();
    let mut fields = raw.split('\0');
    while let Some(status) = fields.next().filter(|status| !status.is_empty()) {
        let status = status.rsplit(' ').next().unwrap();
        let old = fields.next().unwrap().to_owned();
        let new = match status.as_bytes()[0] {
            b'R' => fields.next().unwrap().to_owned(),
            _ => old.clone(),
        };
        expected.push((status.chars().next().unwrap(), old, new));
    }
    let text = git(folder, &["diff", "-M", "HEAD~1", "HEAD"]);
    let found: Vec<_> = read_in_parts(&text, 4096)
        .unwrap()
        .into_iter()
        .map(|diff| {
            let status = match diff.change_kind() {
                ChangeKind::Added => 'A',
                ChangeKind::Deleted => 'D',
                ChangeKind::Renamed => 'R',
                ChangeKind::ModeChanged | ChangeKind::Modified => 'M',
            };
            (status, diff.old_path, diff.new_path)
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 14);
}
