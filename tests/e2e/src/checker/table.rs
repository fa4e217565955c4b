//! Tables as both sides give them, and how two of them differ.

use std::collections::BTreeMap;
use std::fmt;

use super::Differences;
use gitlab_sim::Moment;

/// Longer texts are cut in reports, in characters.
const LONGEST_TEXT: usize = 60;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(LONGEST_TEXT).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "{shown:?}{more}")
            }
        }
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Moment> for Cell {
    /// Milliseconds, as GitLab's JSON cuts them.
    fn from(moment: Moment) -> Self {
        Self::Int(moment.as_millis())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Rows by a key that both sides can work out.
#[derive(Debug)]
pub(super) struct Table {
    name: &'static str,
    columns: Vec<String>,
    rows: BTreeMap<String, Vec<Cell>>,
}

impl Table {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            columns: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn with_columns(name: &'static str, columns: Vec<String>) -> Self {
        Self {
            name,
            columns,
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Adds an expected row. All rows of a table name the same columns.
    pub(super) fn expect<const N: usize>(&mut self, key: String, row: [(&str, Cell); N]) {
        if self.columns.is_empty() {
            self.columns = row.iter().map(|(name, _)| (*name).to_owned()).collect();
        }
        let cells = row.into_iter().map(|(_, cell)| cell).collect();
        self.rows.insert(key, cells);
    }

    pub(super) fn insert(&mut self, key: String, cells: Vec<Cell>) -> bool {
        self.rows.insert(key, cells).is_none()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&String, &[Cell])> {
        self.rows.iter().map(|(key, cells)| (key, cells.as_slice()))
    }

    /// Every row and cell in which `stored` is not as this one expects.
    pub(super) fn compare(&self, stored: &Self, found: &mut Differences) {
        if !self.rows.is_empty() && self.columns != stored.columns {
            found.add(format!(
                "{}: the checker expects the columns {:?} and reads {:?}",
                self.name, self.columns, stored.columns
            ));
            return;
        }
        for (key, expected) in &self.rows {
            let Some(cells) = stored.rows.get(key) else {
                found.add(format!("{} {key}: is not in the mirror", self.name));
                continue;
            };
            for (column, (expected, cell)) in self.columns.iter().zip(expected.iter().zip(cells)) {
                if expected != cell {
                    found.add(format!(
                        "{} {key}: {column} is {cell}, upstream has {expected}",
                        self.name
                    ));
                }
            }
        }
        for key in stored.rows.keys() {
            if !self.rows.contains_key(key) {
                found.add(format!("{} {key}: is in the mirror only", self.name));
            }
        }
    }
}
