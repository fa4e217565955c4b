//! Each fault of the simulator in each phase that asks for something.

use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef, NewNote};
use gitlab_sim::{ErrorBody, FaultKind, FaultRule, RetryAfter, Route, RouteFilter, Throttle, When};
use lore_e2e::{Mirror, MirrorBuilder, broken_invariants};
use lore_proto::sync::{CompletionStatus, RunStatus, SyncRequest};

use super::harness::{Ended, dump, issues, retitle, surgical};
use crate::support::{LATER, PROJECT, plain};

fn kinds() -> Vec<FaultKind> {
    vec![
        FaultKind::Latency(Duration::from_secs(3)),
        FaultKind::Status(500, ErrorBody::Json),
        FaultKind::Status(502, ErrorBody::Html),
        FaultKind::Status(401, ErrorBody::Json),
        FaultKind::Status(403, ErrorBody::Json),
        FaultKind::Status(404, ErrorBody::Json),
        FaultKind::RateLimited(Throttle::RackAttack, RetryAfter::Seconds, 0),
        FaultKind::Reset,
        FaultKind::HalfBody,
        FaultKind::Stall(None),
        FaultKind::InvalidJson,
        FaultKind::HtmlOk,
        FaultKind::WrongProjectId(4_711),
        FaultKind::StaleList,
        FaultKind::PartialData("workItems"),
        FaultKind::HugeBody(80 << 20),
    ]
}

fn routes() -> Vec<(&'static str, Vec<Route>)> {
    use ItemKind::{Issue, MergeRequest};
    vec![
        (
            "preflight",
            vec![Route::Item(Issue), Route::Item(MergeRequest)],
        ),
        (
            "fetch",
            vec![
                Route::Discussions(Issue),
                Route::Discussions(MergeRequest),
                Route::StateEvents(MergeRequest),
                Route::Diffs,
                Route::ClosesIssues,
                Route::GraphQl,
            ],
        ),
    ]
}

fn changed(mirror: &Mirror) {
    mirror.change(|upstream| {
        for at in [
            ItemRef::issue(PROJECT, 1),
            ItemRef::merge_request(PROJECT, 1),
        ] {
            retitle(upstream, at);
            upstream.add_note(at, NewNote::comment(1, "New")).unwrap();
        }
    });
}

async fn cell(mirror: &Mirror, kind: &FaultKind, routes: &[Route], when: When) -> Ended {
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Routes(routes.to_vec()),
        kind.clone(),
        when,
    ));
    // After the rule, which is what a stale list shows.
    changed(mirror);
    mirror.advance(Duration::from_secs(1));
    let before = dump(mirror);
    let request = SyncRequest {
        merge_requests: vec![1],
        ..issues(&[1])
    };
    let ended = surgical(mirror, request).await;
    let run = ended.run();
    assert_ne!(run.status, RunStatus::Running);
    assert!(run.finished_at.is_some());
    broken_invariants(&mirror.connection()).assert_none();
    let queued = mirror.number("SELECT count(*) FROM pending_dependent_fetches");
    assert_eq!(queued, 0);
    for lock in mirror.engine().locks() {
        assert_eq!(lock.held_by, None);
    }
    if run.status == RunStatus::Failed {
        assert_eq!(ended.code(), "SURGICAL_PREFLIGHT_FAILED");
        assert!(!ended.preflight_failures().is_empty());
        assert_eq!(dump(mirror), before, "a failed preflight wrote something");
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_phase_ends_in_the_ledger_and_the_next_sync_mends_it() {
    for kind in kinds() {
        let mirror = MirrorBuilder::new(plain(3))
            .settings(|settings| {
                settings.request_timeout = Duration::from_secs(2);
                settings.max_retries = 2;
                settings.surgical_preflight_budget = Duration::from_secs(8);
                settings.surgical_entity_timeout = Duration::from_secs(8);
            })
            .start();
        mirror.sync().await.assert_clean();
        mirror.advance(LATER);
        for (phase, routes) in routes() {
            for when in [When::Nth(1), When::Always] {
                let name = format!("{} in {phase}, {when:?}", kind.name());
                let ended = cell(&mirror, &kind, &routes, when).await;
                let run = ended.run();
                let harmless = matches!(kind, FaultKind::RateLimited(..)) && when == When::Nth(1);
                if harmless {
                    assert_eq!(run.status, RunStatus::Succeeded, "{name}");
                }
                if phase == "fetch" {
                    // The items themselves could be had.
                    assert_eq!(run.status, RunStatus::Succeeded, "{name}: {ended:#?}");
                    let warned =
                        run.completion_status == Some(CompletionStatus::SucceededWithWarnings);
                    assert_eq!(warned, !run.entity_failures.is_empty(), "{name}");
                }
                mirror.sim.faults().clear();
                mirror.advance(LATER);
                mirror.sync().await.assert_clean();
                // A second look where the first only raised a doubt.
                mirror.advance(LATER);
                mirror.sync().await.assert_clean();
                let differences = mirror.differences();
                assert!(differences.is_empty(), "{name}: {differences}");
            }
        }
    }
}
