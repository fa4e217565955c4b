//! Refused tokens, rate limits, and what a request leaves out.

use std::time::Duration;

use gitlab_sim::upstream::ItemKind;
use gitlab_sim::{
    FaultKind, FaultRule, RetryAfter, Route, RouteFilter, SimulatorBuilder, Throttle, When,
};
use lore_daemon::sync::Trigger;
use lore_e2e::MirrorBuilder;
use lore_proto::ErrorCode;
use lore_proto::events::EventBody;
use lore_proto::jobs::JobState;
use lore_proto::sync::SyncRequest;

use crate::support::{LATER, generated, mirror_of, synced};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_ends_the_run_at_once_and_costs_nothing() {
    let mirror = mirror_of(&generated(101, 60));
    let secret = mirror.sim.token().to_owned();
    let route = RouteFilter::Route(Route::Discussions(ItemKind::MergeRequest));
    let revoked = secret.clone();
    mirror.sim.change_after(route, 10, move |upstream| {
        upstream.tokens.get_mut(&revoked).unwrap().revoked = true;
    });
    let outcome = mirror.sync().await;
    assert_eq!(outcome.state, JobState::Failed);
    assert_eq!(
        outcome.run().error_code,
        Some(ErrorCode::GitlabUnauthorized)
    );
    let refused = mirror.requests().count_where(|entry| entry.status == 401);
    // Those that were on their way: at most eight at once, and each of them may
    // be followed by one more before the run has heard of the refusal. The
    // hundreds to come are not asked for.
    assert!(
        (1..=32).contains(&refused),
        "{refused} requests were refused"
    );
    assert!(!format!("{outcome:?}").contains(&secret), "the token leaks");

    mirror.change(|upstream| upstream.tokens.get_mut(&secret).unwrap().revoked = false);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_waited_out_and_told() {
    for (throttle, retry_after) in [
        (Throttle::RackAttack, RetryAfter::Seconds),
        (Throttle::RackAttack, RetryAfter::Date),
        (Throttle::Endpoint, RetryAfter::Absent),
    ] {
        let mirror = mirror_of(&generated(102, 20));
        mirror.sim.faults().add(FaultRule::new(
            RouteFilter::Any,
            FaultKind::RateLimited(throttle, retry_after, 2),
            When::Nth(30),
        ));
        let outcome = mirror.sync().await;
        outcome.assert_clean();
        mirror.assert_equal();
        let told = outcome
            .events
            .iter()
            .any(|event| matches!(event.body, EventBody::Waiting { .. }));
        // One that names no time is answered with a pause of our own choice,
        // which these retries make too short to be worth telling.
        assert_eq!(told, retry_after != RetryAfter::Absent, "{throttle:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sync_left_out_is_owed_to_the_next() {
    let mirror = mirror_of(&generated(103, 40));
    let request = SyncRequest {
        no_events: true,
        no_file_changes: true,
        no_status: true,
        ..SyncRequest::default()
    };
    mirror
        .sync_as(request, Trigger::Request)
        .await
        .assert_clean();
    for table in ["resource_events", "mr_file_changes"] {
        let rows = mirror.number(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows, 0, "{table}");
    }
    for kind in [ItemKind::Issue, ItemKind::MergeRequest] {
        assert_eq!(mirror.requests().count(Route::LabelEvents(kind)), 0);
    }
    assert_eq!(mirror.requests().count(Route::Diffs), 0);
    assert_eq!(mirror.requests().count(Route::GraphQl), 0);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sync_says_so_and_the_next_goes_on() {
    let mirror = mirror_of(&generated(104, 80));
    let (reached, told) = tokio::sync::oneshot::channel();
    let route = RouteFilter::Route(Route::Discussions(ItemKind::Issue));
    mirror.sim.change_after(route, 15, move |_| {
        let _ = reached.send(());
    });
    let job = mirror
        .start_sync(SyncRequest::default(), Trigger::Request)
        .await;
    tokio::time::timeout(Duration::from_mins(1), told)
        .await
        .unwrap()
        .unwrap();
    mirror.scheduler().cancel(job, None).await;
    let outcome = mirror.outcome(job).await;
    assert_eq!(outcome.state, JobState::Cancelled);
    assert!(outcome.run().cancelled_at.is_some());
    assert_eq!(mirror.texts("SELECT status FROM sync_runs"), ["cancelled"]);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_for_nothing_and_writes_nothing() {
    let mirror = synced(&generated(105, 20)).await;
    let engine = mirror.engine();
    let targets = engine.targets([(lore_e2e::HOST.to_owned(), mirror.paths[0].clone())]);
    mirror.requests().clear();
    let before = mirror.number("SELECT count(*) FROM sync_runs");
    let plan = engine
        .plan(&SyncRequest::default(), &targets)
        .await
        .unwrap();
    assert!(plan.projects[0].issues_updated_after.is_some());
    assert!(!plan.projects[0].reconcile);
    mirror.advance(Duration::from_hours(25));
    let plan = engine
        .plan(&SyncRequest::default(), &targets)
        .await
        .unwrap();
    assert!(plan.projects[0].reconcile);
    assert!(mirror.requests().is_empty());
    assert_eq!(mirror.number("SELECT count(*) FROM sync_runs"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_not_there_fails_with_its_name() {
    let sim = SimulatorBuilder::new().generate(&generated(106, 2));
    let mut mirror = MirrorBuilder::new(sim).start();
    mirror.paths = vec!["acme/no-such".to_owned()];
    let outcome = mirror.sync().await;
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.code, ErrorCode::GitlabNotFound);
    assert!(error.message.contains("acme/no-such"), "{}", error.message);
    mirror.advance(LATER);
}
