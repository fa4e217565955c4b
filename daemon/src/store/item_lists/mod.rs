//! Issues and merge requests by filters, in an order without ties.

mod rows;

use lore_proto::items::ItemSort;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::StoreError;
use super::source::SourceType;

pub use rows::{issue, merge_request};

/// What somebody wants of a field that may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It is empty.
    None,
    /// It is not.
    Any,
    /// It has this value, in any case.
    Is(String),
}

/// Which items of a project are listed: those that fit all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of the wire's parameters.
pub struct Filters {
    pub source: SourceType,
    /// The project's row.
    pub project: i64,
    /// GitLab's state; `None`: any.
    pub state: Option<&'static str>,
    pub author: Option<String>,
    pub assignee: Option<Wanted>,
    pub reviewer: Option<Wanted>,
    pub labels: Vec<Wanted>,
    pub milestone: Option<Wanted>,
    /// Epoch milliseconds.
    pub since: Option<i64>,
    /// In the language of FTS5, over titles and descriptions.
    pub words: Option<String>,
    pub draft: Option<bool>,
    pub unresolved: bool,
    pub source_branch: Option<String>,
    pub target_branch: Option<String>,
}

/// An item's place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is sorted by, in epoch milliseconds.
    pub at: i64,
    /// Its iid.
    pub iid: u64,
    /// This database's id.
    pub id: i64,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// By which time.
    pub sort: ItemSort,
    /// The oldest first.
    pub reverse: bool,
}

impl Order {
    fn column(self) -> &'static str {
        match self.sort {
            ItemSort::Updated => "x.updated_at",
            // GitLab leaves it out for none; a row without it stays in the list.
            ItemSort::Created => "coalesce(x.created_at, x.updated_at)",
        }
    }
}

impl Filters {
    /// Everything of a project.
    pub fn of(source: SourceType, project: i64) -> Self {
        Self {
            source,
            project,
            state: None,
            author: None,
            assignee: None,
            reviewer: None,
            labels: Vec::new(),
            milestone: None,
            since: None,
            words: None,
            draft: None,
            unresolved: false,
            source_branch: None,
            target_branch: None,
        }
    }

    fn condition(&self) -> Condition {
        let tables = Tables::of(self.source);
        let mut condition = Condition {
            sql: "x.project_id = ?".to_owned(),
            values: vec![self.project.into()],
        };
        if let Some(state) = self.state {
            condition.and("x.state = ?", [state.to_owned().into()]);
        }
        if let Some(name) = &self.author {
            condition.and(&format!("x.author_id IN ({USERS})"), [name.clone().into()]);
        }
        if let Some(wanted) = &self.assignee {
            condition.linked(&tables.assignees(), "user_id", USERS, wanted, None);
        }
        if let Some(wanted) = &self.reviewer {
            condition.linked(&tables.reviewers(), "user_id", USERS, wanted, None);
        }
        for wanted in &self.labels {
            let project = Some(self.project);
            condition.linked(&tables.labels(), "label_id", LABELS, wanted, project);
        }
        match &self.milestone {
            None => {}
            Some(Wanted::None) => condition.and("x.milestone_id IS NULL", []),
            Some(Wanted::Any) => condition.and("x.milestone_id IS NOT NULL", []),
            Some(Wanted::Is(title)) => condition.and(
                &format!("x.milestone_id IN ({MILESTONES})"),
                [self.project.into(), title.clone().into()],
            ),
        }
        if let Some(since) = self.since {
            condition.and("x.updated_at >= ?", [since.into()]);
        }
        if let Some(words) = &self.words {
            condition.and(
                "x.id IN (SELECT d.source_id FROM documents_fts
                     CROSS JOIN documents d ON d.id = documents_fts.rowid
                     WHERE documents_fts MATCH ? AND d.project_id = ? AND d.source_type = ?)",
                [
                    words.clone().into(),
                    self.project.into(),
                    self.source.as_str().to_owned().into(),
                ],
            );
        }
        if let Some(draft) = self.draft {
            condition.and("x.draft = ?", [draft.into()]);
        }
        if self.unresolved {
            condition.and(
                "x.id IN (SELECT merge_request_id FROM discussions
                     WHERE resolvable = 1 AND resolved = 0 AND merge_request_id IS NOT NULL)",
                [],
            );
        }
        for (column, branch) in [
            ("x.source_branch", &self.source_branch),
            ("x.target_branch", &self.target_branch),
        ] {
            if let Some(branch) = branch {
                condition.and(&format!("{column} = ?"), [branch.clone().into()]);
            }
        }
        condition
    }
}

const USERS: &str = "SELECT id FROM users WHERE username = ? COLLATE NOCASE";
const LABELS: &str = "SELECT id FROM labels WHERE project_id = ? AND name = ? COLLATE NOCASE";
const MILESTONES: &str =
    "SELECT id FROM milestones WHERE project_id = ? AND title = ? COLLATE NOCASE";

/// A condition over `x`, with the values of its parameters.
struct Condition {
    sql: String,
    values: Vec<Value>,
}

impl Condition {
    fn and<const N: usize>(&mut self, sql: &str, values: [Value; N]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    /// What comes behind a place.
    fn after(&mut self, order: Order, place: Place) {
        let at = order.column();
        let beyond = if order.reverse { ">" } else { "<" };
        let iid = i64::try_from(place.iid).unwrap_or(i64::MAX);
        self.and(
            &format!("({at}, x.iid) {beyond} (?, ?)"),
            [place.at.into(), iid.into()],
        );
    }

    /// What `link` ties to the item: `named` finds the other end by its name.
    fn linked(
        &mut self,
        link: &Link,
        column: &str,
        named: &str,
        wanted: &Wanted,
        project: Option<i64>,
    ) {
        let Link { table, item } = link;
        match wanted {
            Wanted::None => self.and(
                &format!("NOT EXISTS (SELECT 1 FROM {table} l WHERE l.{item} = x.id)"),
                [],
            ),
            Wanted::Any => self.and(
                &format!("EXISTS (SELECT 1 FROM {table} l WHERE l.{item} = x.id)"),
                [],
            ),
            Wanted::Is(name) => {
                self.and(
                    &format!(
                        "x.id IN (SELECT l.{item} FROM {table} l WHERE l.{column} IN ({named}))"
                    ),
                    [],
                );
                self.values.extend(project.map(Value::from));
                self.values.push(name.clone().into());
            }
        }
    }
}

/// The tables of one kind of item.
struct Tables {
    name: &'static str,
    prefix: &'static str,
}

struct Link {
    table: String,
    item: String,
}

impl Tables {
    fn of(source: SourceType) -> Self {
        match source {
            SourceType::Issue => Self {
                name: "issues",
                prefix: "issue",
            },
            SourceType::MergeRequest => Self {
                name: "merge_requests",
                prefix: "merge_request",
            },
        }
    }

    fn link(&self, what: &str) -> Link {
        Link {
            table: format!("{}_{what}", self.prefix),
            item: format!("{}_id", self.prefix),
        }
    }

    fn assignees(&self) -> Link {
        self.link("assignees")
    }

    fn reviewers(&self) -> Link {
        self.link("reviewers")
    }

    fn labels(&self) -> Link {
        self.link("labels")
    }
}

/// At most `limit` places behind `after`.
pub fn page(
    connection: &Connection,
    filters: &Filters,
    order: Order,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Place>, StoreError> {
    let mut condition = filters.condition();
    let sql = page_sql(&mut condition, filters.source, order, after);
    condition.values.push(limit.into());
    let places = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(condition.values), |row| {
            Ok(Place {
                at: row.get(0)?,
                iid: row.get(1)?,
                id: row.get(2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(places)
}

fn page_sql(
    condition: &mut Condition,
    source: SourceType,
    order: Order,
    after: Option<Place>,
) -> String {
    let at = order.column();
    let direction = if order.reverse { "ASC" } else { "DESC" };
    if let Some(after) = after {
        condition.after(order, after);
    }
    format!(
        "SELECT {at}, x.iid, x.id FROM {} x WHERE {}
         ORDER BY {at} {direction}, x.iid {direction} LIMIT ?",
        Tables::of(source).name,
        condition.sql
    )
}

/// How many items fit.
pub fn count(connection: &Connection, filters: &Filters) -> Result<u64, StoreError> {
    counted(connection, filters.condition(), filters.source)
}

/// How many items fit that come behind a place.
pub fn count_after(
    connection: &Connection,
    filters: &Filters,
    order: Order,
    place: Place,
) -> Result<u64, StoreError> {
    let mut condition = filters.condition();
    condition.after(order, place);
    counted(connection, condition, filters.source)
}

fn counted(
    connection: &Connection,
    condition: Condition,
    source: SourceType,
) -> Result<u64, StoreError> {
    let sql = count_sql(&condition, source);
    Ok(connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(condition.values), |row| row.get(0))?)
}

fn count_sql(condition: &Condition, source: SourceType) -> String {
    format!(
        "SELECT count(*) FROM {} x WHERE {}",
        Tables::of(source).name,
        condition.sql
    )
}

/// Whether the mirror knows a user of that name, in any case.
pub fn knows_user(connection: &Connection, host: &str, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM users WHERE host = ?1 AND username = ?2 COLLATE NOCASE LIMIT 1";
    exists(connection, sql, params![host, name])
}

/// Whether the project has a label of that name, in any case.
pub fn knows_label(connection: &Connection, project: i64, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM labels WHERE project_id = ?1 AND name = ?2 COLLATE NOCASE LIMIT 1";
    exists(connection, sql, params![project, name])
}

/// Whether the project has a milestone of that title, in any case.
pub fn knows_milestone(
    connection: &Connection,
    project: i64,
    title: &str,
) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 FROM milestones WHERE project_id = ?1 AND title = ?2 COLLATE NOCASE LIMIT 1";
    exists(connection, sql, params![project, title])
}

fn exists(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<bool, StoreError> {
    let found = connection
        .prepare_cached(sql)?
        .query_row(params, |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests;
