//! The known paths that are most like one that is not known.

use std::ops::ControlFlow;

use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::file_history as store;

/// So many are named.
const NAMED: usize = 5;
/// So many known paths are looked at, of files and of names that were left.
const LOOKED_AT: u32 = 200_000;
/// Letters by which a misspelt path may differ.
const TYPOS: usize = 3;
/// Beyond it, in bytes, a path is not looked at for misspelling: the work grows
/// with the square of the length.
const LONGEST_COMPARED: usize = 512;

/// How unlike the asked path a known one is; less is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unlike {
    /// Upper and lower case apart, the same.
    Case,
    /// One ends with the other; by how many parts they differ.
    Ending(usize),
    /// The same file name in another folder; by how many parts they differ.
    Folder(usize),
    /// Some letters of the whole differ.
    Letters(usize),
    /// Some letters of the file name differ, in another folder.
    NameLetters(usize),
}

/// At most [`NAMED`] known paths, the nearest first; empty where none is near.
pub(super) fn find(
    connection: &Connection,
    project: i64,
    asked: &str,
) -> Result<Vec<String>, StoreError> {
    let asked = Asked::new(asked);
    let mut best: Vec<(Unlike, String)> = Vec::with_capacity(NAMED + 1);
    store::each_known_path(connection, project, LOOKED_AT, |path| {
        let Some(unlike) = asked.unlike(path) else {
            return ControlFlow::Continue(());
        };
        let place = best.partition_point(|(other, name)| (*other, name.as_str()) < (unlike, path));
        let known = best.iter().any(|(_, name)| name == path);
        if place < NAMED && !known {
            best.insert(place, (unlike, path.to_owned()));
            best.truncate(NAMED);
        }
        ControlFlow::Continue(())
    })?;
    Ok(best.into_iter().map(|(_, path)| path).collect())
}

struct Asked {
    path: String,
}

impl Asked {
    fn new(path: &str) -> Self {
        Self {
            path: path.to_lowercase(),
        }
    }

    fn unlike(&self, known: &str) -> Option<Unlike> {
        // Most paths are unlike in every way: tell that without allocating.
        let near_in_length = known.len().abs_diff(self.path.len()) <= TYPOS;
        let (asked_name, known_name) = (name(&self.path), name(known));
        let near_name = known_name.len().abs_diff(asked_name.len()) <= TYPOS;
        if !near_in_length && !near_name {
            return None;
        }
        let known = known.to_lowercase();
        let known_name = name(&known);
        if known == self.path {
            return Some(Unlike::Case);
        }
        if known_name == asked_name {
            let parts = self.other_parts(&known);
            return Some(
                if ends_with(&known, &self.path) || ends_with(&self.path, &known) {
                    Unlike::Ending(parts)
                } else {
                    Unlike::Folder(parts)
                },
            );
        }
        if known.len().max(self.path.len()) > LONGEST_COMPARED {
            return None;
        }
        if near_in_length {
            let letters = strsim::osa_distance(&self.path, &known);
            if letters <= allowed(&self.path) {
                return Some(Unlike::Letters(letters));
            }
        }
        if near_name {
            let letters = strsim::osa_distance(asked_name, known_name);
            if letters <= allowed(asked_name) {
                return Some(Unlike::NameLetters(letters));
            }
        }
        None
    }

    /// By how many folders the two paths differ, those before a common
    /// beginning's end and after a common ending's left out.
    fn other_parts(&self, known: &str) -> usize {
        let (a, b): (Vec<&str>, Vec<&str>) =
            (self.path.split('/').collect(), known.split('/').collect());
        let shorter = a.len().min(b.len());
        let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let tail = a
            .iter()
            .rev()
            .zip(b.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let same = (head + tail).min(shorter);
        a.len() + b.len() - 2 * same
    }
}

/// A few letters in a long word, fewer in a short one.
fn allowed(word: &str) -> usize {
    (word.len() / 4).clamp(1, TYPOS)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn ends_with(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending)
        .is_some_and(|folder| folder.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unlike(asked: &str, known: &str) -> Option<Unlike> {
        Asked::new(asked).unlike(known)
    }

    #[test]
    fn likeness_is_told_by_case_then_ending_then_folder_then_letters() {
        let asked = "common/config.go";
        let near = [
            "Common/Config.go",
            "src/common/config.go",
            "lib/config.go",
            "comon/confg.go",
            "x/y/z/confgi.go",
        ];
        let found: Vec<_> = near
            .iter()
            .map(|known| unlike(asked, known).unwrap())
            .collect();
        assert!(found.is_sorted(), "{found:?}");
        assert_eq!(found[0], Unlike::Case);
        assert_eq!(found[3], Unlike::Letters(2));
        assert_eq!(found[4], Unlike::NameLetters(1));
        assert_eq!(unlike(asked, "docs/readme.md"), None);
    }

    #[test]
    fn folders_that_differ_are_counted_between_the_common_ends() {
        let asked = Asked::new("a/b/c/f");
        assert_eq!(asked.other_parts("a/x/c/f"), 2);
        assert_eq!(asked.other_parts("a/b/c/d/f"), 1);
        assert_eq!(asked.other_parts("f"), 3);
    }
}
