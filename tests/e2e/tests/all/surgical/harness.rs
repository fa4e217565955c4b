//! Runs surgical syncs against a mirror, and looks at what they left.

use std::time::Duration;

use gitlab_sim::upstream::Upstream;
use lore_daemon::jobs::Submission;
use lore_e2e::{HOST, Mirror};
use lore_proto::WireError;
use lore_proto::events::{Event, EventBody};
use lore_proto::jobs::{JobState, Priority};
use lore_proto::sync::{
    CompletionStatus, EntityOutcome, EntityType, Phase, Requested, RunResult, SyncRequest,
};
use rusqlite::Connection;
use rusqlite::types::Value;

/// Nothing of a surgical sync takes longer.
const PATIENCE: Duration = Duration::from_mins(2);

/// Tables that a run writes besides content.
const CONTROL_PLANE: [&str; 3] = ["rechecks", "sync_runs", "sync_run_entities"];

pub(crate) fn issues(iids: &[u64]) -> SyncRequest {
    SyncRequest {
        issues: iids.to_vec(),
        ..SyncRequest::default()
    }
}

pub(crate) fn merge_requests(iids: &[u64]) -> SyncRequest {
    SyncRequest {
        merge_requests: iids.to_vec(),
        ..SyncRequest::default()
    }
}

/// How a surgical sync ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) state: JobState,
    pub(crate) run: Option<RunResult>,
    pub(crate) error: Option<WireError>,
    pub(crate) events: Vec<Event>,
}

impl Ended {
    #[track_caller]
    pub(crate) fn run(&self) -> &RunResult {
        self.run.as_ref().unwrap_or_else(|| panic!("{self:#?}"))
    }

    #[track_caller]
    pub(crate) fn clean(&self) -> &RunResult {
        let run = self.run();
        let status = run.completion_status;
        assert_eq!(status, Some(CompletionStatus::Succeeded), "{self:#?}");
        run
    }

    /// The code of the error that the client is given.
    #[track_caller]
    pub(crate) fn code(&self) -> &'static str {
        let error = self.error.as_ref();
        error.unwrap_or_else(|| panic!("{self:#?}")).code.as_str()
    }

    /// The failures of a preflight: of each target its iid and the code.
    #[track_caller]
    pub(crate) fn preflight_failures(&self) -> Vec<(u64, String)> {
        let error = self.error.as_ref().unwrap();
        let details = &error.details;
        let list = details["failures"].as_array().unwrap();
        list.iter()
            .map(|failure| {
                assert!(failure["reason"].as_str().is_some_and(|it| !it.is_empty()));
                (
                    failure["iid"].as_u64().unwrap(),
                    failure["code"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    #[track_caller]
    pub(crate) fn outcome(&self, kind: EntityType, iid: u64) -> &EntityOutcome {
        let run = self.run();
        let found = run.entity_outcomes.iter();
        let mut found = found.filter(|it| it.entity_type == kind && it.iid == iid);
        found.next().unwrap_or_else(|| panic!("{run:#?}"))
    }

    pub(crate) fn phases(&self) -> Vec<Phase> {
        let phase = |event: &Event| match event.body {
            EventBody::Phase { phase, .. } => Some(phase),
            _ => None,
        };
        self.events.iter().filter_map(phase).collect()
    }
}

/// Runs a surgical sync of the mirror's first project to its end.
pub(crate) async fn surgical(mirror: &Mirror, request: SyncRequest) -> Ended {
    let job = start(mirror, request).await;
    ended(mirror, job).await
}

/// Starts one and gives its job.
pub(crate) async fn start(mirror: &Mirror, request: SyncRequest) -> u64 {
    let engine = mirror.engine();
    let target = engine.targets([(HOST.to_owned(), mirror.paths[0].clone())]);
    let target = target.into_iter().next().unwrap();
    let requested = Requested {
        issues: request.issues.clone(),
        merge_requests: request.merge_requests.clone(),
    };
    let submission = Submission {
        kind: "sync",
        title: "surgical".to_owned(),
        priority: Priority::Interactive,
        key: None,
        exclusive: Vec::new(),
        run_ids: vec![target.run_id.clone()],
        work: Box::new(engine.surgical_work(request, target, requested, None)),
    };
    mirror.scheduler().submit(submission).await.unwrap().job_id
}

/// Waits for the end of a job.
pub(crate) async fn ended(mirror: &Mirror, job: u64) -> Ended {
    let mut follow = mirror.scheduler().follow(job, 0).unwrap();
    let mut events = Vec::new();
    let all = async {
        while let Some(event) = follow.next().await {
            events.push(event);
        }
    };
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the sync ends");
    match events.last().map(|event| event.body.clone()) {
        Some(EventBody::Finished {
            state,
            result,
            error,
        }) => Ended {
            state,
            run: result.map(|run| serde_json::from_value(run).unwrap()),
            error,
            events,
        },
        last => panic!("{last:?}"),
    }
}

/// Waits until a job enters a phase.
pub(crate) async fn reaches(mirror: &Mirror, job: u64, wanted: Phase) {
    let mut follow = mirror.scheduler().follow(job, 0).unwrap();
    let reached = async {
        while let Some(event) = follow.next().await {
            if matches!(event.body, EventBody::Phase { phase, .. } if phase == wanted) {
                return;
            }
        }
        panic!("the job ended before {wanted}");
    };
    tokio::time::timeout(PATIENCE, reached)
        .await
        .expect("the phase comes");
}

/// Every row of every table that is content or belongs to a standard sync.
pub(crate) fn dump(mirror: &Mirror) -> Vec<String> {
    let connection = mirror.connection();
    let mut rows = Vec::new();
    for table in tables(&connection) {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns = statement.column_count();
        let found = statement
            .query_map([], |row| {
                let values = (0..columns).map(|column| row.get::<_, Value>(column));
                let values: Vec<Value> = values.collect::<Result<_, _>>()?;
                Ok(format!("{table}: {values:?}"))
            })
            .unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows.sort();
    rows
}

fn tables(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'
               AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    names
        .map(Result::unwrap)
        .filter(|name| !CONTROL_PLANE.contains(&name.as_str()))
        .collect()
}

/// Changes the database behind the daemon's back.
pub(crate) fn tamper(mirror: &Mirror, sql: &str) {
    let connection = Connection::open(mirror.path()).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// A new title, which moves `updated_at`.
pub(crate) fn retitle(upstream: &mut Upstream, item: gitlab_sim::upstream::ItemRef) {
    upstream.clock().advance(Duration::from_millis(7));
    let title = format!("Anew at {:?}", upstream.now());
    upstream.set_title(item, 1, title).unwrap();
}
