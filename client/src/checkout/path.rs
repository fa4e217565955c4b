//! From a path as it was typed to the path as the repository knows it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Why a path names no file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathProblem {
    /// Nothing was given.
    Empty,
    /// It leads out of the repository, or out of where it should start.
    Outside {
        /// The repository's root, where one is known.
        root: Option<PathBuf>,
    },
    /// It is the root itself.
    Root,
    /// Outside a checkout nothing says what an absolute path is relative to.
    AbsoluteWithoutCheckout,
    /// GitLab's names, and so the mirror's, are UTF-8.
    NotUtf8,
}

impl std::fmt::Display for PathProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the path is empty"),
            Self::Outside { root: Some(root) } => {
                write!(f, "the path leads out of the repository at `{}`", root.display())
            }
            Self::Outside { root: None } => {
                f.write_str("the path leads out of the repository; outside a git checkout it counts from the repository's root")
            }
            Self::Root => f.write_str("the path is the repository's root, and a file is wanted"),
            Self::AbsoluteWithoutCheckout => f.write_str(
                "the path is absolute and the current folder lies in no git checkout; give it from the repository's root",
            ),
            Self::NotUtf8 => f.write_str("the path is not valid UTF-8, as all names in GitLab are"),
        }
    }
}

/// The path of `given` from the repository's root, with `/` between its
/// parts. It counts from `folder` where that lies in a checkout whose working
/// tree begins at `root`, else from the repository's root. Nothing has to
/// exist: a file's history outlives the file.
pub(crate) fn repository_path(
    given: &OsStr,
    folder: &Path,
    root: Option<&Path>,
) -> Result<String, PathProblem> {
    if given.is_empty() {
        return Err(PathProblem::Empty);
    }
    let given = Path::new(given);
    let inside = match root {
        Some(root) => {
            let full = normal(&folder.join(given)).ok_or_else(|| outside(Some(root)))?;
            below(&full, root).ok_or_else(|| outside(Some(root)))?
        }
        None if given.is_absolute() => return Err(PathProblem::AbsoluteWithoutCheckout),
        None => normal(given).ok_or_else(|| outside(None))?,
    };
    let parts: Option<Vec<&str>> = inside.iter().map(OsStr::to_str).collect();
    let path = parts.ok_or(PathProblem::NotUtf8)?.join("/");
    if path.is_empty() {
        return Err(PathProblem::Root);
    }
    Ok(path)
}

fn outside(root: Option<&Path>) -> PathProblem {
    PathProblem::Outside {
        root: root.map(Path::to_path_buf),
    }
}

/// `path` with `.` and `..` resolved by name alone; `None` where `..` leads
/// above its beginning.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.file_name()?;
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    Some(parts)
}

/// `full` from `root`; where only a symbolic link stands between them, through
/// that link.
fn below(full: &Path, root: &Path) -> Option<PathBuf> {
    if let Ok(inside) = full.strip_prefix(root) {
        return Some(inside.to_path_buf());
    }
    let real_root = root.canonicalize().ok()?;
    full.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        let tail = full.strip_prefix(ancestor).ok()?;
        let inside = real.strip_prefix(&real_root).ok()?;
        Some(inside.join(tail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    fn check(given: &str, folder: &str, root: Option<&str>) -> Result<String, PathProblem> {
        repository_path(OsStr::new(given), Path::new(folder), root.map(Path::new))
    }

    #[test]
    fn inside_a_checkout_a_path_counts_from_the_current_folder() {
        for (given, folder, expected) in [
            ("main.rs", "/r/src", "src/main.rs"),
            ("./main.rs", "/r/src", "src/main.rs"),
            ("../README.md", "/r/src", "README.md"),
            ("a/../b//c", "/r", "b/c"),
            ("/r/src/main.rs", "/r/docs", "src/main.rs"),
            ("dir/", "/r", "dir"),
            ("a b\tc\nd\"é世.rs", "/r", "a b\tc\nd\"é世.rs"),
        ] {
            assert_eq!(
                check(given, folder, Some("/r")).as_deref(),
                Ok(expected),
                "{given:?}"
            );
        }
    }

    #[test]
    fn outside_a_checkout_it_counts_from_the_repositorys_root() {
        assert_eq!(
            check("src/./main.rs", "/home", None).as_deref(),
            Ok("src/main.rs")
        );
        assert_eq!(
            check("/src/main.rs", "/home", None),
            Err(PathProblem::AbsoluteWithoutCheckout)
        );
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for given in ["../../x", "/etc/passwd", "/../etc/passwd"] {
            assert!(
                matches!(
                    check(given, "/r/src", Some("/r")),
                    Err(PathProblem::Outside { .. })
                ),
                "{given}"
            );
        }
        assert_eq!(
            check("../x", "/home", None),
            Err(PathProblem::Outside { root: None })
        );
    }

    #[test]
    fn a_path_that_names_no_file_is_refused() {
        assert_eq!(check("", "/r", Some("/r")), Err(PathProblem::Empty));
        assert_eq!(check(".", "/r", Some("/r")), Err(PathProblem::Root));
        assert_eq!(check("..", "/r/src", Some("/r")), Err(PathProblem::Root));
    }

    #[test]
    fn a_path_that_is_not_utf8_is_refused_by_name() {
        let given = OsStr::from_bytes(b"a\xffb");
        assert_eq!(
            repository_path(given, Path::new("/r"), Some(Path::new("/r"))),
            Err(PathProblem::NotUtf8)
        );
    }

    #[test]
    fn an_absolute_path_through_a_symbolic_link_to_the_checkout_is_inside() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().join("real");
        std::fs::create_dir_all(real.join("src")).unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let given = link.join("src/gone.rs");
        assert_eq!(
            repository_path(given.as_os_str(), &real, Some(&real)).as_deref(),
            Ok("src/gone.rs")
        );
    }
}
