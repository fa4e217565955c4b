//! The rename chain (contract §4): all names of a file.

use std::collections::{BTreeMap, HashSet};

use lore_proto::file_history::{ChainName, Rename};
use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::file_history::{self as store, Rename as Edge};

/// The most names that a chain has.
pub(super) const MAX_NAMES: usize = 50;

/// All names of a file: the newest rename first, equal times by name. The
/// asked path, which no rename brought in, stands behind the last of its later
/// names and so before its earlier ones.
pub(super) struct Chain {
    pub(super) names: Vec<ChainName>,
    /// There are more than [`MAX_NAMES`]; the nearest ones are here.
    pub(super) truncated: bool,
}

impl Chain {
    /// The asked path alone.
    pub(super) fn of_one(path: &str) -> Self {
        Self {
            names: vec![ChainName {
                path: path.to_owned(),
                renamed: None,
            }],
            truncated: false,
        }
    }
}

/// Which way renames are followed. A name that was found one way is followed
/// on in that way alone: a sibling that once shared a name is another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Earlier,
    Later,
}

/// A name with the rename that brought it in.
struct Found {
    rename: Rename,
    /// The time of the rename in epoch milliseconds.
    at: i64,
    way: Way,
}

/// One direction of the search.
struct Side {
    way: Way,
    seen: HashSet<String>,
    frontier: Vec<String>,
}

/// Searches breadth-first over the renames of merged merge requests, both ways
/// in step, so that a chain that is cut keeps the nearest names.
pub(super) fn find(
    connection: &Connection,
    project: i64,
    asked: &str,
) -> Result<Chain, StoreError> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut sides = [Way::Later, Way::Earlier].map(|way| Side {
        way,
        seen: HashSet::from([asked.to_owned()]),
        frontier: vec![asked.to_owned()],
    });
    let mut truncated = false;
    while !truncated && sides.iter().any(|side| !side.frontier.is_empty()) {
        for side in &mut sides {
            truncated |= side.step(connection, project, &mut found)?;
        }
    }
    Ok(Chain {
        names: ordered(asked, found),
        truncated,
    })
}

impl Side {
    /// Goes one rename further from every name of the frontier; true where
    /// there was no room for all that it found.
    fn step(
        &mut self,
        connection: &Connection,
        project: i64,
        found: &mut BTreeMap<String, Found>,
    ) -> Result<bool, StoreError> {
        let mut level: Vec<(String, Edge)> = Vec::new();
        for name in std::mem::take(&mut self.frontier) {
            // Enough to fill the chain even where all of it was seen before.
            let edges = match self.way {
                Way::Earlier => store::earlier_names(connection, project, &name, 2 * MAX_NAMES)?,
                Way::Later => store::later_names(connection, project, &name, 2 * MAX_NAMES)?,
            };
            level.extend(edges.into_iter().map(|edge| (name.clone(), edge)));
        }
        level.sort_by(|(_, a), (_, b)| {
            (b.at, b.iid)
                .cmp(&(a.at, a.iid))
                .then_with(|| a.other.cmp(&b.other))
        });
        for (name, edge) in level {
            if self.seen.contains(&edge.other) {
                continue;
            }
            // The other side may have it already.
            if !found.contains_key(&edge.other) {
                if found.len() + 1 >= MAX_NAMES {
                    return Ok(true);
                }
                let (from, to) = match self.way {
                    Way::Earlier => (edge.other.clone(), name),
                    Way::Later => (name, edge.other.clone()),
                };
                found.insert(
                    edge.other.clone(),
                    Found {
                        rename: Rename {
                            from,
                            to,
                            merge_request_iid: edge.iid,
                            at: edge.merged_at,
                        },
                        at: edge.at,
                        way: self.way,
                    },
                );
            }
            self.seen.insert(edge.other.clone());
            self.frontier.push(edge.other);
        }
        Ok(false)
    }
}

fn ordered(asked: &str, found: BTreeMap<String, Found>) -> Vec<ChainName> {
    // Stable, and by name to begin with.
    let mut found: Vec<(String, Found)> = found.into_iter().collect();
    found.sort_by_key(|(_, found)| std::cmp::Reverse(found.at));
    let place = found
        .iter()
        .rposition(|(_, found)| found.way == Way::Later)
        .map_or(0, |last| last + 1);
    let mut names: Vec<ChainName> = found
        .into_iter()
        .map(|(path, found)| ChainName {
            path,
            renamed: Some(found.rename),
        })
        .collect();
    names.insert(
        place,
        ChainName {
            path: asked.to_owned(),
            renamed: None,
        },
    );
    names
}
