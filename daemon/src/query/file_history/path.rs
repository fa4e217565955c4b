//! The path that was asked for, as the mirror would have it.

use lore_proto::{ErrorCode, WireError};

/// What Linux allows a path, in bytes.
const MAX_BYTES: usize = 4_096;

/// `asked` relative to the repository root, without empty, `.` and `..` parts;
/// git has no such paths. Everything else can be part of a name: spaces,
/// quotes, backslashes, newlines.
///
/// # Errors
/// `USAGE` for a path that is empty, too long, holds a NUL or leads out of the
/// repository.
pub(super) fn normalise(asked: &str) -> Result<String, WireError> {
    if asked.len() > MAX_BYTES {
        return Err(usage(&format!(
            "the path has {} bytes; no path has more than {MAX_BYTES}",
            asked.len()
        )));
    }
    if asked.contains('\0') {
        return Err(usage("the path holds a NUL, which no path can"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in asked.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(usage(&format!("`{asked}` leads out of the repository")));
                }
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(usage(
            "the path names no file; give one relative to the repository root, such as `src/main.rs`",
        ));
    }
    Ok(parts.join("/"))
}

fn usage(message: &str) -> WireError {
    WireError::new(ErrorCode::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_path_become_the_one_that_git_has() {
        for (asked, path) in [
            ("src/a.rs", "src/a.rs"),
            ("./src//a.rs", "src/a.rs"),
            ("/src/a.rs", "src/a.rs"),
            ("src/a.rs/", "src/a.rs"),
            ("src/x/../a.rs", "src/a.rs"),
            ("src/./a.rs", "src/a.rs"),
            (" a b\n\"c\\", " a b\n\"c\\"),
            ("..a/...", "..a/..."),
        ] {
            assert_eq!(normalise(asked).unwrap(), path, "{asked:?}");
        }
    }

    #[test]
    fn what_can_be_no_path_is_a_usage_error() {
        let long = "a".repeat(MAX_BYTES + 1);
        for asked in ["", "/", "./.", "..", "a/../..", "../a", "a\0b", &long] {
            assert_eq!(
                normalise(asked).unwrap_err().code,
                ErrorCode::Usage,
                "{asked:?}"
            );
        }
        assert!(normalise(&"a".repeat(MAX_BYTES)).is_ok());
    }
}
