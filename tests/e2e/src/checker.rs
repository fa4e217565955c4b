//! Compares a mirror's tables with the upstream that it mirrors.
//!
//! The upstream's own state is read, never its HTTP, so that an answer that
//! was misread and an answer that was wrong both show. What the token may not
//! see is expected to be absent.

mod changes;
mod invariants;
mod items;
mod stored;
mod table;
mod threads;

use std::fmt;

use gitlab_sim::upstream::{Label, Milestone, Project, Upstream, UserId, Viewer};
use gitlab_sim::{Moment, Options, Simulator, Tier};
use rusqlite::Connection;

pub use stored::{COMPARED_TABLES, not_compared};
use table::{Cell, Table};

/// How many differences a report spells out.
const MOST_SHOWN: usize = 40;

/// What a mirror has to look like.
#[derive(Debug)]
pub struct Checker {
    upstream: Upstream,
    options: Options,
    base: String,
    token: String,
    projects: Vec<u64>,
    host: String,
    closed_links: bool,
}

impl Checker {
    /// Expects all projects of the simulator as they are now and as its own
    /// token sees them, mirrored from the host that the config calls `host`.
    pub fn new(sim: &Simulator, host: &str) -> Self {
        let upstream = sim.snapshot();
        let options = sim.options().clone();
        Self {
            base: options.external_url.clone().unwrap_or_else(|| sim.url()),
            projects: upstream.projects.keys().copied().collect(),
            upstream,
            options,
            token: sim.token().to_owned(),
            host: host.to_owned(),
            closed_links: true,
        }
    }

    /// Expects these projects alone, by GitLab's ids.
    #[must_use]
    pub fn projects(mut self, ids: &[u64]) -> Self {
        self.projects = ids.to_vec();
        self
    }

    /// Expects what this token sees.
    #[must_use]
    pub fn token(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.token);
        self
    }

    /// Leaves `mr_closes_issues` out: what a merge request closes changes with
    /// the issues of other projects, and only the sweep finds that.
    #[must_use]
    pub fn without_closed_links(mut self) -> Self {
        self.closed_links = false;
        self
    }

    /// Every difference between the mirror's tables and the upstream.
    ///
    /// # Panics
    ///
    /// If the database cannot be read or the token is refused: both are
    /// mistakes of the test.
    pub fn compare(&self, mirror: &Connection) -> Differences {
        let viewer = match self.upstream.viewer(Some(&self.token)) {
            Ok(viewer) => viewer,
            Err(refused) => panic!("the checker's token is refused: {refused}"),
        };
        let view = View {
            upstream: &self.upstream,
            viewer,
            options: &self.options,
            base: &self.base,
            host: &self.host,
            now: self.upstream.now(),
        };
        let mut expected: Vec<Table> = Vec::new();
        let projects: Vec<&Project> = self
            .projects
            .iter()
            .filter_map(|id| self.upstream.projects.get(id))
            .collect();
        expected.extend(items::tables(&view, &projects));
        expected.extend(threads::tables(&view, &projects));
        expected.extend(changes::tables(&view, &projects));

        let mut found = Differences::default();
        for table in expected {
            if table.name() == "mr_closes_issues" && !self.closed_links {
                continue;
            }
            let stored = stored::table(mirror, table.name());
            table.compare(&stored, &mut found);
        }
        stored::users(mirror, &view, &mut found);
        found
    }

    /// [`Self::compare`], and everything that holds of a mirror at rest:
    /// nothing queued, nothing running, nothing broken.
    ///
    /// # Panics
    ///
    /// As [`Self::compare`].
    pub fn compare_at_rest(&self, mirror: &Connection) -> Differences {
        let mut found = self.compare(mirror);
        invariants::at_rest(mirror, &mut found);
        found
    }
}

/// What breaks SQLite's own rules or leaves a run open; holds at any time
/// while no daemon runs.
pub fn broken_invariants(mirror: &Connection) -> Differences {
    let mut found = Differences::default();
    invariants::always(mirror, &mut found);
    found
}

/// The upstream as one caller sees it now.
struct View<'a> {
    upstream: &'a Upstream,
    viewer: Viewer<'a>,
    options: &'a Options,
    /// Scheme, host and root of `web_url`.
    base: &'a str,
    /// The host's key in the config.
    host: &'a str,
    now: Moment,
}

impl View<'_> {
    fn project_url(&self, project: &Project) -> String {
        format!("{}/{}", self.base, project.path_with_namespace)
    }

    /// GitLab's id of a user who is always shown: the ghost's where deleted.
    fn author(&self, id: UserId) -> Cell {
        if self.upstream.users.contains_key(&id) {
            id.into()
        } else {
            Cell::Int(stored::GHOST)
        }
    }

    /// GitLab's id of a user; nothing where deleted.
    fn user(&self, id: Option<UserId>) -> Cell {
        id.filter(|id| self.upstream.users.contains_key(id)).into()
    }

    fn shows_status(&self) -> bool {
        self.options.tier == Tier::Premium
    }
}

fn label_of(project: &Project, id: u64) -> Option<&Label> {
    project.labels.get(&id)
}

fn milestone_of(project: &Project, id: u64) -> Option<&Milestone> {
    project.milestones.get(&id)
}

/// What a comparison found, in sentences.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    found: Vec<String>,
}

impl Differences {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.found.iter().map(String::as_str)
    }

    /// # Panics
    ///
    /// If there are any, with a bounded list of them.
    #[track_caller]
    pub fn assert_none(&self) {
        assert!(self.is_empty(), "{self}");
    }

    fn add(&mut self, difference: String) {
        self.found.push(difference);
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} difference(s) from upstream:", self.found.len())?;
        for difference in self.found.iter().take(MOST_SHOWN) {
            writeln!(f, "  {difference}")?;
        }
        if self.found.len() > MOST_SHOWN {
            writeln!(f, "  and {} more", self.found.len() - MOST_SHOWN)?;
        }
        Ok(())
    }
}
