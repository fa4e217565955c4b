//! Reads the text that `git diff` writes, as it streams in, into the same
//! form as GitLab's own list of file changes.

use super::error::Failure;
use super::models::Diff;
use super::transport::Sink;

/// The longest hunk text kept of one file, in bytes: GitLab's own default
/// limit. More marks the file as too large, as GitLab does.
const PATCH_LIMIT: usize = 200 * 1024;

/// A `git diff` being read.
#[derive(Debug, Default)]
pub(super) struct GitDiff {
    /// The start of a line whose end has not arrived.
    partial: Vec<u8>,
    files: Vec<Diff>,
    file: Option<File>,
    /// Lines of the current hunk that are still to come, before and after.
    hunk: (u64, u64),
    /// Whether anything came before the first file.
    preamble: bool,
}

/// A file's headers so far.
#[derive(Debug, Default)]
struct File {
    diff: Diff,
    /// Paths as the `diff --git` line has them, for files without any line
    /// that names one path alone.
    header: Option<(String, String)>,
    old_path: Option<String>,
    new_path: Option<String>,
    in_hunks: bool,
}

impl Sink for GitDiff {
    fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.partial.is_empty() {
                self.line(line);
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole);
            }
        }
        self.partial.extend_from_slice(rest);
    }
}

impl GitDiff {
    /// The files of the whole text. Fails where the text is no `git diff` or
    /// ends within a hunk.
    pub(super) fn finish(mut self) -> Result<Vec<Diff>, Failure> {
        if !self.partial.is_empty() {
            let last = std::mem::take(&mut self.partial);
            self.line(&last);
        }
        if self.hunk != (0, 0) {
            return Err(Failure::Truncated {
                received: 0,
                reason: "the diff ends within a hunk".into(),
            });
        }
        self.end_file();
        if self.preamble {
            return Err(Failure::BadPayload {
                reason: "the answer is no `git diff`".into(),
                malformed: false,
            });
        }
        Ok(self.files)
    }

    fn line(&mut self, line: &[u8]) {
        if self.hunk != (0, 0) {
            self.hunk_line(line);
        } else if let Some(paths) = line.strip_prefix(b"diff --git ") {
            self.end_file();
            self.file = Some(File {
                header: header_paths(paths),
                // Of a file that was only renamed, git says no mode.
                ..File::default()
            });
        } else if let Some(file) = &mut self.file {
            if let Some(hunk) = hunk_lines(line) {
                self.hunk = hunk;
                file.in_hunks = true;
                file.keep(line);
            } else if file.in_hunks && line.starts_with(b"\\") {
                file.keep(line);
            } else {
                file.header_line(line);
            }
        } else if !line.trim_ascii().is_empty() {
            self.preamble = true;
        }
    }

    fn hunk_line(&mut self, line: &[u8]) {
        let (before, after) = &mut self.hunk;
        match line.first() {
            Some(b'+') => *after = after.saturating_sub(1),
            Some(b'-') => *before = before.saturating_sub(1),
            Some(b'\\') => {}
            _ => {
                *before = before.saturating_sub(1);
                *after = after.saturating_sub(1);
            }
        }
        if let Some(file) = &mut self.file {
            file.keep(line);
        }
    }

    fn end_file(&mut self) {
        if let Some(diff) = self.file.take().and_then(File::finish) {
            self.files.push(diff);
        }
    }
}

impl File {
    /// Keeps a line of the patch, up to the limit.
    fn keep(&mut self, line: &[u8]) {
        if self.diff.too_large == Some(true) {
            return;
        }
        if self.diff.diff.len() + line.len() >= PATCH_LIMIT {
            self.diff.diff = String::new();
            self.diff.too_large = Some(true);
            return;
        }
        self.diff.diff.push_str(&String::from_utf8_lossy(line));
        self.diff.diff.push('\n');
    }

    fn header_line(&mut self, line: &[u8]) {
        let mode = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes.trim_ascii()).into_owned());
        if let Some(rest) = line.strip_prefix(b"old mode ") {
            self.diff.a_mode = mode(rest);
        } else if let Some(rest) = line.strip_prefix(b"new mode ") {
            self.diff.b_mode = mode(rest);
        } else if let Some(rest) = line.strip_prefix(b"new file mode ") {
            self.diff.new_file = true;
            self.diff.a_mode = Some("0".into());
            self.diff.b_mode = mode(rest);
        } else if let Some(rest) = line.strip_prefix(b"deleted file mode ") {
            self.diff.deleted_file = true;
            self.diff.a_mode = mode(rest);
            self.diff.b_mode = Some("0".into());
        } else if let Some(rest) = line.strip_prefix(b"rename from ") {
            self.diff.renamed_file = true;
            self.old_path = Some(path(rest));
        } else if let Some(rest) = line.strip_prefix(b"rename to ") {
            self.diff.renamed_file = true;
            self.new_path = Some(path(rest));
        } else if let Some(rest) = line.strip_prefix(b"copy to ") {
            // A copy is a new file under a new name; its source is untouched.
            self.diff.new_file = true;
            self.new_path = Some(path(rest));
            self.old_path.clone_from(&self.new_path);
        } else if let Some(rest) = line.strip_prefix(b"index ") {
            // `index a..b mode` where the mode did not change.
            if let Some(at) = rest.iter().position(|byte| *byte == b' ') {
                let both = mode(&rest[at..]);
                self.diff.a_mode.clone_from(&both);
                self.diff.b_mode = both;
            }
        } else if let Some(rest) = line.strip_prefix(b"--- ") {
            self.old_path = self.old_path.take().or_else(|| side_path(rest, b"a/"));
        } else if let Some(rest) = line.strip_prefix(b"+++ ") {
            self.new_path = self.new_path.take().or_else(|| side_path(rest, b"b/"));
        } else if line.starts_with(b"Binary files ") {
            self.diff.diff = format!("{}\n", String::from_utf8_lossy(line));
        }
    }

    fn finish(mut self) -> Option<Diff> {
        let (header_old, header_new) = self.header.unzip();
        let old = self.old_path.or_else(|| {
            if self.diff.new_file {
                self.new_path.clone()
            } else {
                None
            }
        });
        let new = self.new_path.or_else(|| {
            if self.diff.deleted_file {
                old.clone()
            } else {
                None
            }
        });
        self.diff.old_path = old.or(header_old)?;
        self.diff.new_path = new.or(header_new)?;
        self.diff.collapsed = Some(false);
        self.diff.too_large.get_or_insert(false);
        Some(self.diff)
    }
}

/// How many lines a hunk has before and after, from `@@ -1,2 +1,3 @@`.
fn hunk_lines(line: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(line.strip_prefix(b"@@ -")?.split(|b| *b == b'@').next()?);
    let (before, after) = text.ok()?.trim_end().split_once(" +")?;
    Some((count(before)?, count(after)?))
}

fn count(range: &str) -> Option<u64> {
    match range.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => range.parse::<u64>().ok().map(|_| 1),
    }
}

/// The two paths of a `diff --git` line. Unquoted names with spaces make it
/// ambiguous, but then both names are the same wherever the line is needed.
fn header_paths(line: &[u8]) -> Option<(String, String)> {
    if line.starts_with(b"\"") {
        let end = quoted_end(line)?;
        let (old, new) = line.split_at(end);
        let new = new.strip_prefix(b" ")?;
        return Some((strip_side(old, b"a/"), strip_side(new, b"b/")));
    }
    if line.ends_with(b"\"") {
        let at = line.windows(2).position(|pair| pair == b" \"")?;
        let (old, new) = line.split_at(at);
        return Some((strip_side(old, b"a/"), strip_side(&new[1..], b"b/")));
    }
    if line.len() % 2 == 1 {
        let (old, new) = line.split_at(line.len() / 2);
        let same = new.strip_prefix(b" b/").zip(old.strip_prefix(b"a/"));
        if let Some((new, old)) = same.filter(|(new, old)| new == old) {
            return Some((path(old), path(new)));
        }
    }
    let at = line.windows(3).position(|part| part == b" b/")?;
    let (old, new) = line.split_at(at);
    Some((strip_side(old, b"a/"), strip_side(&new[1..], b"b/")))
}

/// The path of a `---` or `+++` line; `None` for `/dev/null`. Git ends names
/// with spaces by a tab.
fn side_path(rest: &[u8], side: &[u8]) -> Option<String> {
    let rest = rest.strip_suffix(b"\t").unwrap_or(rest);
    (rest != b"/dev/null").then(|| strip_side(rest, side))
}

fn strip_side(name: &[u8], side: &[u8]) -> String {
    let name = unquote(name);
    let bare = name.strip_prefix(side).unwrap_or(&name);
    String::from_utf8_lossy(bare).into_owned()
}

fn path(name: &[u8]) -> String {
    String::from_utf8_lossy(&unquote(name)).into_owned()
}

/// Where a quoted name that starts here ends, its closing quote included.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// A name as git writes it: plain, or in quotes with C escapes where it has
/// control characters, quotes, backslashes, or bytes beyond ASCII.
fn unquote(name: &[u8]) -> Vec<u8> {
    let Some(inner) = name
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
    else {
        return name.to_vec();
    };
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let Some((&escape, after)) = rest.split_first() else {
            plain.push(byte);
            break;
        };
        rest = after;
        plain.push(match escape {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'0'..=b'7' => {
                let mut value = u32::from(escape - b'0');
                for _ in 0..2 {
                    if let Some((&digit @ b'0'..=b'7', after)) = rest.split_first() {
                        value = value * 8 + u32::from(digit - b'0');
                        rest = after;
                    }
                }
                u8::try_from(value & 0xff).unwrap_or_default()
            }
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests;
