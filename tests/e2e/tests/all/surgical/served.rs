//! Surgical syncs as a client asks for them: from the daemon as a whole.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef};
use gitlab_sim::{FaultKind, FaultRule, Latency, Route, RouteFilter, When};
use lore_proto::ErrorCode;
use lore_proto::sync::{RunResult, SyncRequest, SyncStarted};
use lore_proto::sync_runs::RunRef;

use super::harness::{issues, merge_requests, retitle};
use super::serving::{PATIENCE, Served};
use crate::support::PROJECT;

fn urls(urls: &[&str]) -> SyncRequest {
    SyncRequest {
        urls: urls.iter().map(|&url| url.to_owned()).collect(),
        ..SyncRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_told_by_addresses_of_every_form() {
    let served = Served::synced().await;
    let base = served.sim.url();
    for (form, issues, merge_requests) in [
        ("/acme/app/-/issues/2", vec![2], vec![]),
        ("/acme/app/issues/2?scope=all#note_7", vec![2], vec![]),
        ("/acme/app/-/work_items/3", vec![3], vec![]),
        (
            "/acme/app/-/merge_requests/4/diffs?tab=x#abc",
            vec![],
            vec![4],
        ),
    ] {
        let url = format!("{base}{form}");
        let run = served.run(urls(&[&url])).await;
        assert_eq!(run.project, "acme/app");
        assert_eq!(run.requested.issues, issues, "{form}");
        assert_eq!(run.requested.merge_requests, merge_requests, "{form}");
    }
    let run = served
        .run(urls(&["acme/app!4", "acme/app#1", "acme/app!4"]))
        .await;
    assert_eq!(run.requested.issues, [1]);
    assert_eq!(run.requested.merge_requests, [4]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_before_any_request() {
    let served = Served::synced().await;
    let base = served.sim.url();
    let of = |path: &str| format!("{base}/{path}");
    let code = served
        .refused(urls(&[
            &of("acme/app/-/issues/1"),
            &of("acme/other/-/issues/1"),
        ]))
        .await;
    assert_eq!(code, ErrorCode::MixedProjects);
    let against = SyncRequest {
        project: Some("acme/other".to_owned()),
        ..urls(&[&of("acme/app/-/issues/1")])
    };
    assert_eq!(served.refused(against).await, ErrorCode::TargetConflict);
    let elsewhere = urls(&["https://elsewhere.example/acme/app/-/issues/1"]);
    assert_eq!(served.refused(elsewhere).await, ErrorCode::HostUnknown);
    let nothing = urls(&[&of("acme/app/-/pipelines/1")]);
    assert_eq!(served.refused(nothing).await, ErrorCode::BadUrl);
    let app = |request| SyncRequest {
        project: Some("acme/app".to_owned()),
        ..request
    };
    let many: Vec<u64> = (1..=101).collect();
    let code = served.refused(app(issues(&many))).await;
    assert_eq!(code, ErrorCode::TooManyTargets);
    // Said twice, it is one target.
    let twice: Vec<u64> = (1..=5).chain(1..=5).collect();
    let run = served.run(app(issues(&twice))).await;
    assert_eq!(run.requested.issues, [1, 2, 3, 4, 5]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn surgical_no_docs_requires_no_embed() {
    let served = Served::synced().await;
    let request = SyncRequest {
        project: Some("acme/app".to_owned()),
        no_docs: true,
        ..issues(&[1])
    };
    let code = served.refused(request.clone()).await;
    assert_eq!(code, ErrorCode::ScopeConflict);
    let both = SyncRequest {
        no_embed: true,
        ..request
    };
    assert_eq!(served.run(both).await.counters.docs_regenerated, 0);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_performs_zero_network_calls() {
    let served = Served::synced().await;
    let request = SyncRequest {
        dry_run: true,
        ..urls(&["acme/app!4", "acme/app#2"])
    };
    let started = served.daemon.start_sync(request).await.unwrap();
    assert_eq!(started.job_id, None);
    let plan = started.plan.unwrap();
    assert_eq!(plan.projects[0].project, "acme/app");
    assert_eq!(plan.requested.issues, [2]);
    assert_eq!(plan.requested.merge_requests, [4]);
    assert!(served.sim.requests().is_empty());
    let said = served.output(&["sync", "--dry-run", "acme/app!4"]).await;
    assert!(said.status.success());
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("!4"),
        "{said:?}"
    );
    assert!(served.sim.requests().is_empty());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_item_can_have_is_refused_and_not_replaced() {
    let served = Served::synced().await;
    for iid in [0, u64::MAX] {
        let request = SyncRequest {
            issues: vec![iid],
            project: Some("acme/app".into()),
            ..SyncRequest::default()
        };
        let refused = served.daemon.start_sync(request).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Usage, "{refused}");
    }
    assert!(served.sim.requests().is_empty());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_that_ask_for_the_same_join_one_run() {
    let served = Served::synced().await;
    served.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::MergeRequest), 2),
        FaultKind::Latency(Duration::from_secs(5)),
        When::Nth(1),
    ));
    let request = SyncRequest {
        project: Some("acme/app".to_owned()),
        ..merge_requests(&[2])
    };
    let asked = (0..10).map(|_| served.daemon.start_sync(request.clone()));
    let all = futures_util::future::join_all(asked).await;
    let all: Vec<SyncStarted> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|it| !it.joined).count(), 1);
    assert!(all.iter().all(|it| it.run_id == all[0].run_id));
    for started in &all {
        assert!(served.finished(started).await.0.is_some());
    }
    let item = Route::Item(ItemKind::MergeRequest);
    assert_eq!(served.sim.requests().count(item), 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_takes_exactly_what_did_not_end_well() {
    let served = Served::synced().await;
    served.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Discussions(ItemKind::Issue), 3),
        FaultKind::Status(403, gitlab_sim::ErrorBody::Json),
        When::Always,
    ));
    let run = served
        .run(urls(&["acme/app#2", "acme/app#3", "acme/app!4"]))
        .await;
    let again = |run_id: &str| RunRef {
        run_id: run_id.to_owned(),
    };
    served.sim.faults().clear();
    let started = served
        .daemon
        .retry_failed(again(&run.run_id))
        .await
        .unwrap();
    let (retried, error) = served.finished(&started).await;
    assert!(error.is_none(), "{error:?}");
    let retried: RunResult = serde_json::from_value(retried.unwrap()).unwrap();
    assert_eq!(retried.retry_of.as_ref(), Some(&run.run_id));
    assert_eq!(retried.requested.issues, [3]);
    assert!(retried.requested.merge_requests.is_empty());
    // A run of which nothing failed has nothing to repeat.
    let error = served
        .daemon
        .retry_failed(again(&retried.run_id))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
    // Of a failed preflight, all that was not written.
    let request = SyncRequest {
        project: Some("acme/app".to_owned()),
        ..issues(&[1, 77])
    };
    let started = served.daemon.start_sync(request).await.unwrap();
    let (run, error) = served.finished(&started).await;
    assert!(error.is_some());
    let run: RunResult = serde_json::from_value(run.unwrap()).unwrap();
    let started = served
        .daemon
        .retry_failed(again(&run.run_id))
        .await
        .unwrap();
    let (run, _) = served.finished(&started).await;
    let run: RunResult = serde_json::from_value(run.unwrap()).unwrap();
    assert_eq!(run.requested.issues, [1, 77]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_actions_work_when_they_are_pasted() {
    let served = Served::synced().await;
    served.sim.change(|upstream| {
        retitle(upstream, ItemRef::issue(PROJECT, 2));
    });
    let words = [
        "--robot", "sync", "-p", "app", "--issue", "2", "--issue", "99",
    ];
    let said = served.output(&words).await;
    assert_eq!(said.status.code(), Some(6), "{said:?}");
    let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(document["error"]["code"], "SURGICAL_PREFLIGHT_FAILED");
    let actions = document["error"]["actions"].as_array().unwrap();
    assert_eq!(actions[0], "lore sync --issue 2 -p acme/app");
    for action in actions {
        let action = action.as_str().unwrap();
        let words: Vec<&str> = action.split(' ').skip(1).collect();
        let said = served.output(&words).await;
        // The missing one stays missing; everything else goes well.
        let expected = if action.contains("--retry-failed") {
            6
        } else {
            0
        };
        assert_eq!(said.status.code(), Some(expected), "{action}: {said:?}");
    }
    served.stop().await;
}

/// [`Served::output`] holds each against its schema.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_mirror_answers_keeps_the_schemas() {
    let served = Served::synced().await;
    for (exit, line) in [
        (0, "--robot sync -p app --events"),
        (0, "--robot sync -p app --mr 1 --issue 1"),
        (0, "--robot sync -p app --dry-run"),
        (0, "--robot status"),
        (0, "--robot jobs"),
        (0, "--robot sync-runs"),
        (0, "--robot sync-runs --fields run_id,status -n 1"),
        (0, "--robot search -p app --explain the a"),
        (0, "--robot search -p app --like !1 --fields iid"),
        (0, "--robot search --like acme/app#1 --fields iid"),
        (2, "--robot search -p app --like 1"),
        (
            18,
            "--robot search --like https://elsewhere.example/a/b/-/issues/1",
        ),
        (17, "--robot search -p app --like !99999"),
        (17, "--robot file-history -p app no/such/file"),
        (17, "--robot sync-runs --run-id nonesuch"),
        (18, "--robot search -p nonesuch a"),
        (0, "--robot daemon status"),
        (0, "--robot daemon reload"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let said = served.output(&words).await;
        assert_eq!(said.status.code(), Some(exit), "{line}: {said:?}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_what_changed() {
    let served = Served::synced().await;
    served.sim.change(|upstream| {
        let at = ItemRef::merge_request(PROJECT, 3);
        upstream.clock().advance(Duration::from_mins(10));
        upstream.set_title(at, 1, "Faster start").unwrap();
        upstream.close(at, 1).unwrap();
        let note = gitlab_sim::upstream::NewNote::comment(1, "Done");
        upstream.add_note(at, note).unwrap();
    });
    let said = served
        .output(&["sync", "acme/app!3", "--color", "never"])
        .await;
    assert!(said.status.success(), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("succeeded  acme/app"), "{text}");
    assert_eq!(
        lines[1..],
        [
            "!3  Faster start",
            "title: Item 3 → Faster start",
            "state: opened → closed",
            "notes: 0 → 1 (+1)",
            "events: 0 → 1 (+1)",
        ],
        "{text}"
    );
    let phases = String::from_utf8(said.stderr).unwrap();
    assert!(
        phases.contains("acme/app: preflight\nacme/app: fetch\n"),
        "{phases}"
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_warm_for_a_while_after_somebody_asked() {
    let served = Served::synced().await;
    served.run(urls(&["acme/app!3"])).await;
    // No request of the run that follows has to wait for a new connection.
    served.sim.set_latency(Latency {
        connect: Duration::from_secs(20),
        answer: Duration::ZERO,
    });
    let run = tokio::time::timeout(Duration::from_secs(10), served.run(urls(&["acme/app!3"])));
    assert!(run.await.is_ok(), "a new connection was made");
    served.sim.set_latency(Latency::default());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_client_cancels_the_run_and_the_ledger_has_it() {
    let served = Served::synced().await;
    served.sim.faults().add(FaultRule::new(
        RouteFilter::Item(Route::Item(ItemKind::MergeRequest), 2),
        FaultKind::Stall(None),
        When::Always,
    ));
    let mut command = served.lore(&["--robot", "sync", "--events", "-p", "app", "--mr", "2"]);
    let run = tokio::task::spawn_blocking(move || {
        let mut client = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(client.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"preflight\"") {
            let before = std::mem::take(&mut line);
            let read = said.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended early: {before}");
        }
        let pid = client.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.unwrap().success());
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        (client.wait().unwrap(), rest)
    });
    let (status, said) = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    let last = said.lines().last().unwrap_or_default();
    let document: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(document["error"]["code"], "CANCELLED", "{document}");
    let said = served.output(&["--robot", "sync-runs", "--mode", "surgical"]);
    let document: serde_json::Value = serde_json::from_slice(&said.await.stdout).unwrap();
    let run = &document["data"]["runs"][0];
    assert_eq!(
        (&run["status"], &run["phase"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    assert!(
        run["cancelled_at"].is_string() && run["finished_at"].is_string(),
        "{run}"
    );
    served.stop().await;
}
