//! Which documents a search may find, as a condition in SQL with all values
//! bound.

use rusqlite::types::Value;

use super::documents::SourceKind;

/// One value of a filter, or its opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter<T> {
    /// The value.
    pub value: T,
    /// What has it is left out.
    pub negated: bool,
}

impl<T> Filter<T> {
    /// A filter.
    pub fn new(value: T, negated: bool) -> Self {
        Self { value, negated }
    }

    /// What has the value passes.
    pub fn is(value: T) -> Self {
        Self::new(value, false)
    }
}

/// All filters of a search. Of states, types, authors and paths one has to
/// hold; of labels all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// The project's row.
    pub project: i64,
    /// Kinds of document.
    pub kinds: Vec<Filter<SourceKind>>,
    /// User names.
    pub authors: Vec<Filter<String>>,
    /// Names of labels.
    pub labels: Vec<Filter<String>>,
    /// GitLab's states.
    pub states: Vec<Filter<String>>,
    /// Files or folders, without slashes at the ends.
    pub paths: Vec<Filter<String>>,
    /// Epoch milliseconds.
    pub since: Option<i64>,
    /// Without confidential issues and internal threads.
    pub no_confidential: bool,
    /// An item that is not to be found: issue or merge request by row.
    pub except: Option<(super::SourceType, i64)>,
}

/// A condition over `d` (`documents`), `i` (`issues`) and `m`
/// (`merge_requests`), with the values of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Joined by `AND`; parameters are `?`.
    pub sql: String,
    /// In order.
    pub values: Vec<Value>,
}

impl Filters {
    /// Everything of a project.
    pub fn of(project: i64) -> Self {
        Self {
            project,
            kinds: Vec::new(),
            authors: Vec::new(),
            labels: Vec::new(),
            states: Vec::new(),
            paths: Vec::new(),
            since: None,
            no_confidential: false,
            except: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
            + self.authors.len()
            + self.labels.len()
            + self.states.len()
            + self.paths.len()
    }

    /// Whether the whole project passes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.since.is_none() && !self.no_confidential && self.except.is_none()
    }

    /// Whether an author, a label or a path is asked for: an index leads to
    /// what passes, and few pass, as a rule.
    pub fn is_narrow(&self) -> bool {
        let mut asked = self
            .authors
            .iter()
            .chain(&self.labels)
            .chain(&self.paths)
            .map(|filter| !filter.negated);
        asked.any(|asked| asked)
    }

    /// The filters that a document's own rows answer. Authors, labels and paths
    /// are lists of documents: to ask one document about a list costs as much
    /// as to read it.
    #[must_use]
    pub fn of_rows(&self) -> Self {
        Self {
            authors: Vec::new(),
            labels: Vec::new(),
            paths: Vec::new(),
            ..self.clone()
        }
    }

    /// What authors, labels and paths leave out, each as a filter of its own
    /// that asks for it.
    pub fn left_out(&self) -> Vec<Self> {
        let negated = |filters: &[Filter<String>]| -> Vec<Filter<String>> {
            let negated = filters.iter().filter(|filter| filter.negated);
            negated.map(|f| Filter::is(f.value.clone())).collect()
        };
        let of = || Self::of(self.project);
        let mut all = Vec::new();
        all.extend(negated(&self.authors).into_iter().map(|author| Self {
            authors: vec![author],
            ..of()
        }));
        all.extend(negated(&self.labels).into_iter().map(|label| Self {
            labels: vec![label],
            ..of()
        }));
        all.extend(negated(&self.paths).into_iter().map(|path| Self {
            paths: vec![path],
            ..of()
        }));
        all
    }

    /// The same in SQL.
    pub fn condition(&self) -> Condition {
        let mut condition = Condition {
            sql: "d.project_id = ?".to_owned(),
            values: vec![self.project.into()],
        };
        condition.any(&self.kinds, |kind| {
            ("d.source_type = ?", vec![kind.as_str().to_owned().into()])
        });
        condition.any(&self.states, |state| {
            ("coalesce(i.state, m.state) = ?", vec![state.clone().into()])
        });
        condition.any(&self.authors, |name| {
            let project = self.project.into();
            let name = Value::from(name.clone());
            (
                "d.id IN (
                     SELECT x.id FROM documents x JOIN users u ON u.id = x.author_id
                         WHERE u.username = ? COLLATE NOCASE
                     UNION SELECT x.id FROM users u JOIN notes n ON n.author_id = u.id
                         JOIN documents x ON x.discussion_id = n.discussion_id
                         WHERE u.username = ? COLLATE NOCASE AND n.project_id = ? AND n.system = 0)",
                vec![name.clone(), name, project],
            )
        });
        condition.all(&self.labels, |name| {
            let project = Value::from(self.project);
            let name = Value::from(name.clone());
            (
                "(d.issue_id IN (SELECT x.issue_id FROM labels l JOIN issue_labels x ON x.label_id = l.id
                     WHERE l.project_id = ? AND l.name = ? COLLATE NOCASE)
                 OR d.merge_request_id IN (SELECT x.merge_request_id FROM labels l
                     JOIN merge_request_labels x ON x.label_id = l.id
                     WHERE l.project_id = ? AND l.name = ? COLLATE NOCASE))",
                vec![project.clone(), name.clone(), project, name],
            )
        });
        condition.any(&self.paths, |path| {
            let project = Value::from(self.project);
            let (path, from, to) = (
                Value::from(path.clone()),
                Value::from(format!("{path}/")),
                // Behind every path in the folder: `0` follows `/`.
                Value::from(format!("{path}0")),
            );
            let mut values = Vec::with_capacity(16);
            for _ in 0..4 {
                values.extend([project.clone(), path.clone(), from.clone(), to.clone()]);
            }
            (
                "(d.source_type = 'merge_request' AND d.merge_request_id IN (
                     SELECT merge_request_id FROM mr_file_changes
                         WHERE project_id = ? AND (new_path = ? OR new_path >= ? AND new_path < ?)
                     UNION SELECT merge_request_id FROM mr_file_changes
                         WHERE project_id = ? AND old_path <> new_path
                             AND (old_path = ? OR old_path >= ? AND old_path < ?))
                 OR d.discussion_id IN (
                     SELECT n.discussion_id FROM note_positions p JOIN notes n ON n.id = p.note_id
                         WHERE p.project_id = ? AND (p.new_path = ? OR p.new_path >= ? AND p.new_path < ?)
                     UNION SELECT n.discussion_id FROM note_positions p JOIN notes n ON n.id = p.note_id
                         WHERE p.project_id = ? AND (p.old_path = ? OR p.old_path >= ? AND p.old_path < ?)))",
                values,
            )
        });
        if let Some(since) = self.since {
            condition.and(
                "CASE WHEN d.discussion_id IS NULL THEN coalesce(i.updated_at, m.updated_at)
                     ELSE d.updated_at END >= ?",
                vec![since.into()],
            );
        }
        if self.no_confidential {
            condition.and(
                "d.confidential = 0 AND coalesce(i.confidential, 0) = 0",
                Vec::new(),
            );
        }
        match self.except {
            Some((super::SourceType::Issue, id)) => {
                condition.and("d.issue_id IS NOT ?", vec![id.into()]);
            }
            Some((super::SourceType::MergeRequest, id)) => {
                condition.and("d.merge_request_id IS NOT ?", vec![id.into()]);
            }
            None => {}
        }
        condition
    }
}

impl Condition {
    fn and(&mut self, sql: &str, values: Vec<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    /// One of those that ask for something, and none of the negated.
    fn any<T>(&mut self, filters: &[Filter<T>], sql: impl Fn(&T) -> (&'static str, Vec<Value>)) {
        let mut either = Vec::new();
        let mut values = Vec::new();
        for filter in filters.iter().filter(|filter| !filter.negated) {
            let (part, of_part) = sql(&filter.value);
            either.push(part);
            values.extend(of_part);
        }
        if !either.is_empty() {
            self.and(&format!("({})", either.join(" OR ")), values);
        }
        self.none(filters, sql);
    }

    /// All of those that ask for something, and none of the negated.
    fn all<T>(&mut self, filters: &[Filter<T>], sql: impl Fn(&T) -> (&'static str, Vec<Value>)) {
        for filter in filters.iter().filter(|filter| !filter.negated) {
            let (part, values) = sql(&filter.value);
            self.and(part, values);
        }
        self.none(filters, sql);
    }

    fn none<T>(&mut self, filters: &[Filter<T>], sql: impl Fn(&T) -> (&'static str, Vec<Value>)) {
        for filter in filters.iter().filter(|filter| filter.negated) {
            let (part, values) = sql(&filter.value);
            self.and(&format!("NOT coalesce({part}, 0)"), values);
        }
    }
}
