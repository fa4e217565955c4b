use std::sync::Arc;

use lore_proto::sync::{CompletionStatus, EntityStatus, EntityType, RunMode, RunStatus};
use serde_json::json;

use super::*;
use crate::query::fixture::{HOST, Mirror, PATH, at, project};
use crate::store::runs::{End, Ending, EntityRow, NewRun, Progress, Trigger, record};

/// A run to be written: it starts at a minute and ends a minute later.
struct Run {
    id: String,
    minute: i64,
    mode: RunMode,
    project: (&'static str, Option<i64>),
    end: Option<End>,
    options: serde_json::Value,
}

impl Run {
    fn new(id: &str, minute: i64, end: Option<End>) -> Self {
        Self {
            id: id.into(),
            minute,
            mode: RunMode::Standard,
            project: (PATH, Some(1)),
            end,
            options: json!({}),
        }
    }
}

fn failed(code: ErrorCode) -> End {
    End::Failed(code, "a sentence".into())
}

async fn write(mirror: &Mirror, runs: Vec<Run>) {
    mirror
        .db
        .write(move |tx| -> Result<(), StoreError> {
            for run in runs {
                let new = NewRun {
                    run_id: run.id.clone(),
                    mode: run.mode,
                    project_id: run.project.1,
                    host: HOST.into(),
                    project: run.project.0.into(),
                    trigger: Trigger::Timer,
                    options: run.options,
                    requested: lore_proto::sync::Requested::default(),
                    retry_of: None,
                };
                record::insert(tx, &new, at(run.minute))?;
                let Some(end) = run.end else { continue };
                let entities = vec![EntityRow {
                    entity_type: EntityType::Issue,
                    iid: 5,
                    stage: "discussions",
                    status: EntityStatus::Cancelled,
                    error: None,
                    at: at(run.minute),
                }];
                record::finish(
                    tx,
                    &Ending {
                        run_id: run.id,
                        progress: Progress {
                            project_id: run.project.1,
                            phase: lore_proto::sync::Phase::Fetch,
                            timings: lore_proto::sync::StageTimings::default(),
                            counters: lore_proto::sync::Counters::default(),
                            warnings: Vec::new(),
                        },
                        entities,
                        end,
                        at: at(run.minute + 1),
                    },
                )?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn ask(mirror: &Mirror, of: RunsOf, params: ListRuns) -> Result<RunList, WireError> {
    Ok(list(&mirror.db, of, params, mirror.now()).await?.data)
}

fn ids(list: &RunList) -> Vec<&str> {
    list.runs.iter().map(|run| run.run_id.as_str()).collect()
}

/// Two projects, every state, both modes, and a run from before its project was
/// known.
async fn ledger() -> Mirror {
    let mirror = Mirror::new().await;
    mirror.add_project(2, "group/other").await;
    let other = |run: Run| Run {
        project: ("group/other", Some(2)),
        ..run
    };
    let surgical = |run: Run| Run {
        mode: RunMode::Surgical,
        ..run
    };
    let early = |run: Run| Run {
        project: ("Group/Project", None),
        ..run
    };
    write(
        &mirror,
        vec![
            early(Run::new("aaaa1", 10, Some(failed(ErrorCode::TokenMissing)))),
            Run::new("aaaa2", 20, Some(End::Succeeded)),
            other(Run::new("aaab3", 30, Some(End::Succeeded))),
            surgical(Run::new("aaab4", 40, Some(failed(ErrorCode::Network)))),
            Run::new("aaab6", 50, Some(End::Cancelled)),
            Run::new("aaab5", 50, Some(End::Succeeded)),
            other(Run::new("bbbb7", 60, None)),
        ],
    )
    .await;
    mirror
}

#[tokio::test]
async fn runs_come_newest_first_then_by_id() {
    let mirror = ledger().await;
    let all = ask(&mirror, RunsOf::All, ListRuns::default())
        .await
        .unwrap();
    assert_eq!(
        ids(&all),
        [
            "bbbb7", "aaab6", "aaab5", "aaab4", "aaab3", "aaaa2", "aaaa1"
        ]
    );
    assert_eq!((all.total, all.next_cursor), (7, None));
    assert!(all.runs.iter().all(|run| run.entity_failures.is_empty()));
}

#[tokio::test]
async fn filters_leave_what_fits_all_of_them() {
    let mirror = ledger().await;
    let states = |states: &[RunStatus]| ListRuns {
        states: states.to_vec(),
        ..ListRuns::default()
    };
    let surgical = ListRuns {
        mode: Some(RunMode::Surgical),
        ..ListRuns::default()
    };
    let this = || RunsOf::Project(project());
    let cases: [(RunsOf, ListRuns, &[&str]); 9] = [
        (
            RunsOf::All,
            states(&[RunStatus::Failed]),
            &["aaab4", "aaaa1"],
        ),
        (
            RunsOf::All,
            states(&[RunStatus::Running, RunStatus::Cancelled]),
            &["bbbb7", "aaab6"],
        ),
        (
            RunsOf::All,
            states(RunStatus::ALL),
            &[
                "bbbb7", "aaab6", "aaab5", "aaab4", "aaab3", "aaaa2", "aaaa1",
            ],
        ),
        (RunsOf::All, surgical.clone(), &["aaab4"]),
        (
            this(),
            ListRuns::default(),
            &["aaab6", "aaab5", "aaab4", "aaaa2", "aaaa1"],
        ),
        (this(), states(&[RunStatus::Failed]), &["aaab4", "aaaa1"]),
        (
            this(),
            ListRuns {
                states: vec![RunStatus::Succeeded],
                ..surgical.clone()
            },
            &[],
        ),
        (RunsOf::Host("elsewhere".into()), ListRuns::default(), &[]),
        (
            RunsOf::Host(HOST.into()),
            ListRuns {
                states: vec![RunStatus::Failed],
                ..surgical
            },
            &["aaab4"],
        ),
    ];
    for (of, params, expected) in cases {
        let found = ask(&mirror, of.clone(), params.clone()).await.unwrap();
        assert_eq!(ids(&found), expected, "{of:?} {params:?}");
        assert_eq!(found.total, expected.len() as u64, "{of:?} {params:?}");
    }
}

#[tokio::test]
async fn pages_joined_are_the_whole() {
    let mirror = ledger().await;
    for states in [vec![], RunStatus::ALL.to_vec()] {
        for of in [RunsOf::All, RunsOf::Project(project())] {
            let params = ListRuns {
                states: states.clone(),
                ..ListRuns::default()
            };
            let whole = ask(&mirror, of.clone(), params.clone()).await.unwrap();
            let mut got = Vec::new();
            let mut cursor = None;
            for _ in 0..10 {
                let page = ListRuns {
                    limit: Some(2),
                    cursor,
                    ..params.clone()
                };
                let page = ask(&mirror, of.clone(), page).await.unwrap();
                got.extend(page.runs.into_iter().map(|run| run.run_id));
                assert_eq!(page.remaining, page.total - got.len() as u64);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(got, ids(&whole));
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_listing_is_refused() {
    let mirror = ledger().await;
    let first = ListRuns {
        limit: Some(1),
        ..ListRuns::default()
    };
    let cursor = ask(&mirror, RunsOf::All, first).await.unwrap().next_cursor;
    let other = ListRuns {
        cursor,
        mode: Some(RunMode::Standard),
        ..ListRuns::default()
    };
    let error = ask(&mirror, RunsOf::All, other).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
}

#[tokio::test]
async fn a_run_is_found_by_any_beginning_that_fits_it_alone() {
    let mirror = ledger().await;
    let get = |id: &str| {
        let params = RunRef { run_id: id.into() };
        let mirror = &mirror;
        async move { get(&mirror.db, params, mirror.now()).await }
    };
    let found = get(" AAAB5 ").await.unwrap();
    assert_eq!(found.data.run_id, "aaab5");
    assert_eq!(found.data.elapsed_ms, 60_000);
    assert_eq!(found.data.entity_failures[0].code, ErrorCode::Cancelled);
    assert_eq!(found.freshness.unwrap().project, PATH);
    assert_eq!(get("bbbb").await.unwrap().data.run_id, "bbbb7");
    let several = get("aaab").await.unwrap_err();
    assert_eq!(several.code, ErrorCode::Usage);
    assert_eq!(
        several.details["candidates"],
        json!(["aaab6", "aaab5", "aaab4", "aaab3"])
    );
    assert_eq!(get("cccc").await.unwrap_err().code, ErrorCode::NotFound);
    for text in ["", "aaa", "aaa%", "é", &"a".repeat(27)] {
        assert_eq!(
            get(text).await.unwrap_err().code,
            ErrorCode::Usage,
            "{text}"
        );
    }
}

#[tokio::test]
async fn commands_for_recovery_are_ready_to_paste() {
    let mirror = Mirror::new().await;
    let odd = "group/it's $(odd)";
    let run = |id: &str, end| Run::new(id, 10, end);
    write(
        &mirror,
        vec![
            Run {
                project: (odd, None),
                ..run("aaaa1", Some(failed(ErrorCode::Interrupted)))
            },
            Run {
                options: json!({ "full": true, "no_events": true, "later": 1 }),
                ..run("aaaa2", Some(End::Cancelled))
            },
            Run {
                options: json!({ "full": true }),
                ..run("aaaa3", Some(End::Cancelled))
            },
            run("aaaa4", Some(End::Succeeded)),
            run("aaaa5", None),
            run("aaaa6", Some(failed(ErrorCode::GitlabUnauthorized))),
            run("aaaa7", Some(failed(ErrorCode::DiskFull))),
            run("aaaa8", Some(failed(ErrorCode::DatabaseCorrupt))),
        ],
    )
    .await;
    let all = ask(&mirror, RunsOf::All, ListRuns::default())
        .await
        .unwrap();
    let of = |id: &str| all.runs.iter().find(|run| run.run_id == id).unwrap();
    let retry = |id: &str| of(id).suggested_retry_command.as_deref();
    assert_eq!(
        shlex::split(retry("aaaa1").unwrap()).unwrap(),
        ["lore", "sync", "-p", odd]
    );
    // Flags of another build are left out rather than guessed at.
    assert_eq!(retry("aaaa2"), Some("lore sync -p group/project"));
    assert_eq!(retry("aaaa3"), Some("lore sync -p group/project --full"));
    assert_eq!((retry("aaaa4"), retry("aaaa5")), (None, None));
    assert!(of("aaaa4").recovery_actions.is_empty());
    assert_eq!(
        of("aaaa6").recovery_actions,
        [
            "lore auth login --host gitlab.example.com",
            "lore status",
            "lore sync -p group/project"
        ]
    );
    assert_eq!(
        of("aaaa7").recovery_actions,
        ["lore doctor", "lore sync -p group/project"]
    );
    assert_eq!(
        of("aaaa8").recovery_actions,
        [
            "lore db check",
            "lore db rebuild",
            "lore sync -p group/project"
        ]
    );
    assert_eq!(
        of("aaaa4").completion_status,
        Some(CompletionStatus::Succeeded)
    );
    mirror
        .sql(format!(
            "INSERT INTO project_paths (host, path, project_id) VALUES ('gitlab.com', '{PATH}', 1)"
        ))
        .await;
    let all = ask(&mirror, RunsOf::All, ListRuns::default())
        .await
        .unwrap();
    let again = all.runs.iter().find(|run| run.run_id == "aaaa6").unwrap();
    assert_eq!(
        again.suggested_retry_command.as_deref(),
        Some("lore sync -p group/project --host gitlab.example.com")
    );
}

#[tokio::test]
async fn no_page_of_the_ledger_is_sorted_or_scanned_as_a_whole() {
    let mirror = Mirror::empty();
    let one = || {
        Some(ProjectScope {
            id: Some(1),
            host: HOST.into(),
            path: PATH.into(),
        })
    };
    let scopes = [
        RunScope::default(),
        RunScope {
            mode: Some(RunMode::Surgical),
            ..RunScope::default()
        },
        RunScope {
            states: vec![RunStatus::Running, RunStatus::Failed],
            ..RunScope::default()
        },
        RunScope {
            states: vec![RunStatus::Failed],
            mode: Some(RunMode::Standard),
            ..RunScope::default()
        },
        RunScope {
            project: one(),
            ..RunScope::default()
        },
        RunScope {
            project: one(),
            states: vec![RunStatus::Failed],
            ..RunScope::default()
        },
        RunScope {
            host: Some(HOST.into()),
            ..RunScope::default()
        },
    ];
    let after = RunPosition {
        started_at: at(1),
        run_id: "r".into(),
    };
    for scope in scopes {
        for after in [None, Some(&after)] {
            let sql = listing::list_sql(&scope, after);
            let plan = mirror.plan(&sql).await;
            for step in plan.iter().filter(|step| step.contains(" r ")) {
                let walks = step.contains("USING INDEX idx_sync_runs")
                    || step.contains("USING COVERING INDEX idx_sync_runs");
                assert!(walks, "{step} of {plan:?} for {scope:?}");
            }
            assert!(
                plan.iter()
                    .all(|step| step != "USE TEMP B-TREE FOR ORDER BY"),
                "{plan:?} for {scope:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_listing_of_one_project_says_how_fresh_it_is() {
    let mirror = Arc::new(ledger().await);
    let of = RunsOf::Project(project());
    let read = list(&mirror.db, of, ListRuns::default(), mirror.now())
        .await
        .unwrap();
    assert_eq!(read.freshness.unwrap().age_seconds, Some(6_000));
}

#[tokio::test]
async fn runs_of_several_projects_are_as_fresh_as_the_one_synced_longest_ago() {
    let mirror = Mirror::new().await;
    mirror.add_project(2, "group/other").await;
    let done = Some(End::Succeeded);
    let of_first = Run::new("01aaaaaaaaaaaaaaaaaaaaaaaa", 900, done);
    write(&mirror, vec![of_first]).await;
    let list = async || {
        let read = list(&mirror.db, RunsOf::All, ListRuns::default(), mirror.now());
        read.await.unwrap().freshness.unwrap()
    };
    assert_eq!(list().await.project, PATH);
    let of_other = Run {
        project: ("group/other", Some(2)),
        ..Run::new("01bbbbbbbbbbbbbbbbbbbbbbbb", 901, None)
    };
    write(&mirror, vec![of_other]).await;
    let found = list().await;
    assert_eq!(
        (found.project.as_str(), found.last_synced_at),
        ("group/other", None)
    );
}
