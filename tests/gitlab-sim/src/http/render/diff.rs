//! Diffs, as JSON and as the text of `git diff`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Render, set};
use crate::upstream::{DiffFile, DiffVersion};

impl Render<'_> {
    pub(crate) fn diff(&self, file: &DiffFile, unidiff: bool) -> Value {
        let text = if unidiff && !file.diff.is_empty() {
            format!("{}{}", headers(file), file.diff)
        } else {
            file.diff.clone()
        };
        let mut value = json!({
            "old_path": file.old_path,
            "new_path": file.new_path,
            "a_mode": file.a_mode,
            "b_mode": file.b_mode,
            "new_file": file.new_file,
            "renamed_file": file.renamed_file,
            "deleted_file": file.deleted_file,
            "collapsed": file.collapsed,
            "too_large": file.too_large,
            "diff": text,
        });
        if let Some(generated) = file.generated_file {
            set(&mut value, "generated_file", generated);
        }
        self.finish(value)
    }

    pub(crate) fn diff_version(&self, merge_request_id: u64, version: &DiffVersion) -> Value {
        let over = self
            .options
            .diff_file_limit
            .filter(|limit| version.files.len() > *limit);
        let (state, size) = match over {
            Some(limit) => ("overflow_diff_files_limit", format!("{limit}+")),
            None if version.files.is_empty() => ("empty", "0".to_owned()),
            None => ("collected", version.files.len().to_string()),
        };
        self.finish(json!({
            "id": version.id,
            "head_commit_sha": version.head_sha,
            "base_commit_sha": version.base_sha,
            "start_commit_sha": version.start_sha,
            "created_at": self.time(version.created_at),
            "merge_request_id": merge_request_id,
            "state": state,
            "real_size": size,
            "patch_id_sha": null,
        }))
    }

    /// The files that the API shows of a version.
    pub(crate) fn shown_files<'v>(&self, version: &'v DiffVersion) -> &'v [DiffFile] {
        let limit = self.options.diff_file_limit.unwrap_or(usize::MAX);
        &version.files[..version.files.len().min(limit)]
    }
}

/// The text of `git diff` for all files, without any limit.
pub(crate) fn raw_diff(files: &[DiffFile]) -> String {
    let mut text = String::new();
    for file in files {
        let (a, b) = (quoted("a/", &file.old_path), quoted("b/", &file.new_path));
        // Writing to a String cannot fail; so below.
        let _ = writeln!(text, "diff --git {a} {b}");
        if file.new_file {
            let _ = writeln!(text, "new file mode {}", file.b_mode);
        } else if file.deleted_file {
            let _ = writeln!(text, "deleted file mode {}", file.a_mode);
        } else if file.a_mode != file.b_mode {
            let _ = writeln!(text, "old mode {}\nnew mode {}", file.a_mode, file.b_mode);
        }
        if file.renamed_file {
            let similarity = if file.diff.is_empty() { 100 } else { 90 };
            let _ = writeln!(
                text,
                "similarity index {similarity}%\nrename from {}\nrename to {}",
                quoted("", &file.old_path),
                quoted("", &file.new_path)
            );
        }
        let mode_only = file.a_mode != file.b_mode && !file.new_file && !file.deleted_file;
        // git names the mode beside the index where both sides have the same.
        let index = if file.a_mode == file.b_mode {
            format!("index 1111111..2222222 {}", file.b_mode)
        } else {
            "index 1111111..2222222".to_owned()
        };
        if file.diff.is_empty() {
            if !file.renamed_file && !mode_only {
                let _ = writeln!(text, "{index}");
                if !file.new_file && !file.deleted_file {
                    let _ = writeln!(text, "Binary files {a} and {b} differ");
                }
            }
            continue;
        }
        let _ = writeln!(text, "{index}");
        text.push_str(&headers(file));
        text.push_str(&file.diff);
        if !file.diff.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// The two lines before the first hunk.
fn headers(file: &DiffFile) -> String {
    // git ends a name with blanks in it by a tab.
    let side = |prefix: &str, path: &str, absent: bool| {
        if absent {
            return "/dev/null".to_owned();
        }
        let tab = if path.contains(' ') { "\t" } else { "" };
        format!("{}{tab}", quoted(prefix, path))
    };
    format!(
        "--- {}\n+++ {}\n",
        side("a/", &file.old_path, file.new_file),
        side("b/", &file.new_path, file.deleted_file)
    )
}

/// A path as git writes it: in C quotes where it has to.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if path.bytes().all(plain) {
        return format!("{prefix}{path}");
    }
    let mut text = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            byte if plain(byte) => text.push(char::from(byte)),
            byte => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_diffs_say_what_happened_to_each_file() {
        let text = raw_diff(&[
            DiffFile::renamed("old name", "größe", ""),
            DiffFile::added("new", "@@ -0,0 +1 @@\n+x\n"),
            DiffFile::deleted("gone", "@@ -1 +0,0 @@\n-x\n"),
            DiffFile::modified("with space", "@@ -1 +1 @@\n-x\n+y\n"),
            DiffFile {
                b_mode: "100755".into(),
                ..DiffFile::modified("run.sh", "")
            },
        ]);
        for expected in [
            "diff --git a/old name \"b/gr\\303\\266\\303\\237e\"\nsimilarity index 100%\n\
             rename from old name\nrename to \"gr\\303\\266\\303\\237e\"\n",
            "new file mode 100644\nindex 1111111..2222222\n--- /dev/null\n+++ b/new\n",
            "deleted file mode 100644\n",
            "--- a/with space\t\n+++ b/with space\t\n@@ -1 +1 @@",
            "old mode 100644\nnew mode 100755\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in {text}");
        }
    }
}
