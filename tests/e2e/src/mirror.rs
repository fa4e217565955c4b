//! A simulator and a mirror of it in one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitlab_sim::upstream::Upstream;
use gitlab_sim::{RequestLog, Simulator, SimulatorBuilder};
use lore_daemon::config::SyncConfig;
use lore_daemon::gitlab::{Client, HostConfig, Token};
use lore_daemon::jobs::{Scheduler, SchedulerLimits, Submission};
use lore_daemon::store::Database;
use lore_daemon::sync::{Engine, Hosts, Trigger};
use lore_proto::WireError;
use lore_proto::events::{Event, EventBody};
use lore_proto::jobs::{JobState, Priority};
use lore_proto::sync::{CompletionStatus, RunResult, SyncOutcome, SyncRequest};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::{Checker, Differences, SharedClock};

/// What the mirror's config calls the simulator.
pub const HOST: &str = "gitlab.test";

/// No sync of a test takes longer, however slow the machine.
const LONGEST_SYNC: Duration = Duration::from_mins(20);

/// How a [`Mirror`] is set up.
#[derive(Debug)]
pub struct MirrorBuilder {
    sim: SimulatorBuilder,
    settings: SyncConfig,
    first_backoff: Duration,
    token: Option<String>,
    projects: Option<Vec<u64>>,
}

impl MirrorBuilder {
    /// A mirror of this simulator with the default settings, but retries that
    /// follow at once.
    pub fn new(sim: SimulatorBuilder) -> Self {
        Self {
            sim,
            settings: SyncConfig::default(),
            first_backoff: Duration::from_millis(1),
            token: None,
            projects: None,
        }
    }

    /// Changes the settings of the config's `[sync]`.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut SyncConfig)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Mirrors with this token instead of the one that sees everything.
    #[must_use]
    pub fn token(mut self, secret: &str) -> Self {
        self.token = Some(secret.to_owned());
        self
    }

    /// Mirrors these projects instead of all there are at the start.
    #[must_use]
    pub fn projects(mut self, ids: &[u64]) -> Self {
        self.projects = Some(ids.to_vec());
        self
    }

    /// Starts both.
    ///
    /// # Panics
    ///
    /// If either cannot be started.
    pub fn start(self) -> Mirror {
        let sim = self.sim.start_blocking().expect("the simulator starts");
        let home = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(SharedClock::new(sim.clock()));
        let token = self.token.unwrap_or_else(|| sim.token().to_owned());
        let (ids, paths) = sim.read(|upstream| {
            let ids = self
                .projects
                .unwrap_or_else(|| upstream.projects.keys().copied().collect());
            let paths = ids
                .iter()
                .map(|id| upstream.projects[id].path_with_namespace.clone())
                .collect();
            (ids, paths)
        });
        let hosts = Hosts::default();
        let mut mirror = Mirror {
            db: Database::open(&home.path().join("lore.db")).expect("a new database opens"),
            scheduler: Scheduler::start(clock.clone(), SchedulerLimits::default()),
            engine: None,
            sim,
            home,
            clock,
            hosts,
            settings: self.settings,
            first_backoff: self.first_backoff,
            token,
            projects: ids,
            paths,
            engines: 0,
        };
        mirror.connect();
        mirror
    }
}

/// A simulator, a database, and the sync engine between them.
///
/// Both sides read one virtual clock that stands still until
/// [`Mirror::advance`] moves it.
pub struct Mirror {
    /// The upstream.
    pub sim: Simulator,
    /// The mirror.
    pub db: Database,
    /// This machine's clock.
    pub clock: Arc<SharedClock>,
    /// GitLab's ids of the mirrored projects.
    pub projects: Vec<u64>,
    /// Their paths in the config.
    pub paths: Vec<String>,
    scheduler: Scheduler,
    engine: Option<Engine>,
    hosts: Hosts,
    home: TempDir,
    settings: SyncConfig,
    first_backoff: Duration,
    token: String,
    engines: u64,
}

/// How a sync ended.
#[derive(Debug)]
pub struct Outcome {
    /// The job's state.
    pub state: JobState,
    /// The job's result.
    pub result: Option<SyncOutcome>,
    /// Why the job did not end well.
    pub error: Option<WireError>,
    /// What the job told while it went on.
    pub events: Vec<Event>,
}

impl Outcome {
    /// The result of the only run.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn run(&self) -> &RunResult {
        match self.result.as_ref().map(|result| result.runs.as_slice()) {
            Some([run]) => run,
            _ => panic!("not one run: {self:#?}"),
        }
    }

    /// # Panics
    ///
    /// If any run did not succeed, or had warnings.
    #[track_caller]
    pub fn assert_clean(&self) -> &Self {
        let status = self.result.as_ref().map(|result| result.completion_status);
        if status != Some(CompletionStatus::Succeeded) {
            let runs = self.result.iter().flat_map(|result| &result.runs);
            let told: Vec<_> = runs
                .map(|run| (&run.warnings, &run.entity_failures, &run.error_message))
                .collect();
            panic!("{:?} {:?}: {:#?} {told:#?}", self.state, status, self.error);
        }
        self
    }

    /// # Panics
    ///
    /// If any run neither succeeded nor succeeded with warnings.
    #[track_caller]
    pub fn assert_ended_well(&self) -> &Self {
        assert_eq!(self.state, JobState::Succeeded, "{:#?}", self.error);
        self
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror")
            .field("sim", &self.sim)
            .field("projects", &self.projects)
            .finish_non_exhaustive()
    }
}

impl Mirror {
    /// Makes the clients and the engine anew, as a daemon does that starts.
    fn connect(&mut self) {
        let url = self.sim.url().parse().expect("the simulator has a URL");
        let mut host = HostConfig::new(HOST, url);
        host.token = Some(Token::new(&self.token));
        host.max_concurrent_requests = self.settings.max_concurrent_requests;
        host.max_interactive_requests = self.settings.max_interactive_requests;
        host.request_timeout = self.settings.request_timeout;
        host.max_retries = self.settings.max_retries;
        host.first_backoff = self.first_backoff;
        self.engines += 1;
        let client = Client::new(host, self.clock.clone(), self.engines).expect("a client");
        self.hosts.set(HOST, std::future::ready(Ok(client)));
        self.engine = Some(Engine::new(
            self.db.clone(),
            self.hosts.clone(),
            self.clock.clone(),
            self.settings.clone(),
            self.engines,
        ));
    }

    /// Asks with another token from here on, as after `lore auth login`.
    pub fn use_token(&mut self, secret: &str) {
        secret.clone_into(&mut self.token);
        self.connect();
    }

    /// Drops the engine and what it holds in memory, and opens the database
    /// anew: what a daemon that starts again does.
    ///
    /// # Panics
    ///
    /// If the database does not open.
    pub async fn restart(&mut self) {
        self.restart_after(|_| {}).await;
    }

    /// [`Self::restart`], with something done to the closed database's file in
    /// between.
    ///
    /// # Panics
    ///
    /// If the database does not open.
    pub async fn restart_after(&mut self, between: impl FnOnce(&Path)) {
        self.engine = None;
        self.scheduler
            .shutdown(Duration::ZERO, Duration::from_secs(10))
            .await;
        self.scheduler = Scheduler::start(self.clock.clone(), SchedulerLimits::default());
        // The file is closed with the last handle to it.
        let aside = self.home.path().join("aside.db");
        self.db = Database::open(&aside).expect("another database opens");
        between(&self.path());
        self.db = Database::open(&self.path()).expect("the database opens again");
        self.connect();
        let closed = self.engine().ledger().close_interrupted().await;
        closed.expect("interrupted runs are closed");
    }

    /// The engine.
    ///
    /// # Panics
    ///
    /// Never: it is there outside of [`Self::restart`].
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("only `restart` takes it out")
    }

    /// The scheduler.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The database's file.
    pub fn path(&self) -> PathBuf {
        self.home.path().join("lore.db")
    }

    /// Moves the time of both sides.
    pub fn advance(&self, by: Duration) {
        self.sim.clock().advance(by);
    }

    /// Changes the upstream.
    pub fn change<R>(&self, change: impl FnOnce(&mut Upstream) -> R) -> R {
        self.sim.change(change)
    }

    /// The simulator's requests so far.
    pub fn requests(&self) -> RequestLog {
        self.sim.requests()
    }

    /// An incremental sync of all projects, as a person asks for it.
    pub async fn sync(&self) -> Outcome {
        self.sync_as(SyncRequest::default(), Trigger::Request).await
    }

    /// A sync that looks at everything again.
    pub async fn full_sync(&self) -> Outcome {
        let request = SyncRequest {
            full: true,
            ..SyncRequest::default()
        };
        self.sync_as(request, Trigger::Request).await
    }

    /// A sync as the timer starts it.
    pub async fn timed_sync(&self) -> Outcome {
        self.sync_as(SyncRequest::default(), Trigger::Timer).await
    }

    /// A sync of all projects.
    pub async fn sync_as(&self, request: SyncRequest, trigger: Trigger) -> Outcome {
        let job = self.start_sync(request, trigger).await;
        self.outcome(job).await
    }

    /// Starts a sync of all projects and gives its job.
    ///
    /// # Panics
    ///
    /// If the scheduler refuses it.
    pub async fn start_sync(&self, request: SyncRequest, trigger: Trigger) -> u64 {
        let engine = self.engine();
        let projects = self
            .paths
            .iter()
            .map(|path| (HOST.to_owned(), path.clone()));
        let targets = engine.targets(projects);
        let submission = Submission {
            kind: "sync",
            title: "sync".to_owned(),
            priority: match trigger {
                Trigger::Request => Priority::Interactive,
                Trigger::Timer => Priority::Background,
            },
            key: None,
            exclusive: self.paths.clone(),
            run_ids: targets.iter().map(|target| target.run_id.clone()).collect(),
            work: Box::new(engine.work(request, targets, trigger)),
        };
        let submitted = self.scheduler.submit(submission).await;
        submitted.expect("the scheduler takes the job").job_id
    }

    /// Waits for the end of a job.
    ///
    /// # Panics
    ///
    /// If it takes too long, or its end is lost.
    pub async fn outcome(&self, job: u64) -> Outcome {
        let mut follow = self.scheduler.follow(job, 0).expect("the job is known");
        let mut events = Vec::new();
        let all = async {
            while let Some(event) = follow.next().await {
                events.push(event);
            }
        };
        if tokio::time::timeout(LONGEST_SYNC, all).await.is_err() {
            let last: Vec<_> = events.iter().rev().take(12).collect();
            let entries = self.requests().entries();
            let asked: Vec<_> = entries
                .iter()
                .rev()
                .take(12)
                .map(|entry| (entry.status, &entry.path, &entry.query))
                .collect();
            panic!("the sync does not end; its latest events: {last:#?}\nand requests: {asked:?}");
        }
        match events.last().map(|event| event.body.clone()) {
            Some(EventBody::Finished {
                state,
                result,
                error,
            }) => Outcome {
                state,
                result: result.map(|result| {
                    serde_json::from_value(result).expect("a job of syncs has their results")
                }),
                error,
                events,
            },
            last => panic!("the job's events end with {last:?}"),
        }
    }

    /// The database, to be looked at.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    pub fn connection(&self) -> Connection {
        Connection::open_with_flags(self.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)
            .expect("the database opens for reading")
    }

    /// One number out of the database.
    ///
    /// # Panics
    ///
    /// If the query does not give one.
    #[track_caller]
    pub fn number(&self, sql: &str) -> i64 {
        self.connection()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One text column of the database.
    ///
    /// # Panics
    ///
    /// If the query fails.
    #[track_caller]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).expect("the query is right");
        statement
            .query_map([], |row| row.get(0))
            .and_then(Iterator::collect)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// What a comparison expects of this mirror.
    pub fn checker(&self) -> Checker {
        Checker::new(&self.sim, HOST)
            .projects(&self.projects)
            .token(&self.token)
    }

    /// Every difference from upstream, of a mirror that owes nothing.
    pub fn differences(&self) -> Differences {
        self.checker().compare_at_rest(&self.connection())
    }

    /// # Panics
    ///
    /// If the mirror differs from upstream, or owes something.
    #[track_caller]
    pub fn assert_equal(&self) {
        self.differences().assert_none();
    }
}
