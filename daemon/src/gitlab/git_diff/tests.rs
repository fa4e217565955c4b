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
