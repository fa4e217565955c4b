//! Faults of every kind at a tenth of the requests.

use std::collections::BTreeSet;
use std::time::Duration;

use gitlab_sim::upstream::ItemKind;
use gitlab_sim::{
    ErrorBody, FaultKind, FaultRule, RetryAfter, Route, RouteFilter, SimulatorBuilder, Throttle,
    When,
};
use lore_e2e::{Mirror, MirrorBuilder};
use lore_proto::sync::{EntityType, RunResult};

use crate::support::{LATER, generated};

/// What a tenth of the requests meets; with it the routes where it cannot be
/// told from the truth.
fn kinds() -> Vec<(FaultKind, RouteFilter)> {
    use ItemKind::{Issue, MergeRequest};
    let any = RouteFilter::Any;
    let lists = RouteFilter::Routes(vec![Route::Items(Issue), Route::Items(MergeRequest)]);
    let identified = RouteFilter::Routes(vec![
        Route::Items(Issue),
        Route::Items(MergeRequest),
        Route::Item(Issue),
        Route::Item(MergeRequest),
    ]);
    vec![
        (FaultKind::Latency(Duration::from_secs(30)), any.clone()),
        (FaultKind::Status(500, ErrorBody::Json), any.clone()),
        (FaultKind::Status(502, ErrorBody::Html), any.clone()),
        (FaultKind::Status(503, ErrorBody::Empty), any.clone()),
        (
            FaultKind::RateLimited(Throttle::RackAttack, RetryAfter::Seconds, 0),
            any.clone(),
        ),
        (FaultKind::Reset, any.clone()),
        (FaultKind::HalfBody, any.clone()),
        (FaultKind::Stall(None), any.clone()),
        (FaultKind::InvalidJson, any),
        // A login page before everything would rightly end the run.
        (FaultKind::HtmlOk, parts()),
        (FaultKind::WrongProjectId(4_711), identified),
        (FaultKind::StaleList, lists),
    ]
}

/// What is asked for item by item.
fn parts() -> RouteFilter {
    use ItemKind::{Issue, MergeRequest};
    let lists = [Issue, MergeRequest].into_iter().flat_map(|kind| {
        [
            Route::Discussions(kind),
            Route::StateEvents(kind),
            Route::LabelEvents(kind),
            Route::MilestoneEvents(kind),
        ]
    });
    let own = [Route::Item(MergeRequest), Route::ClosesIssues, Route::Diffs];
    RouteFilter::Routes(lists.chain(own).collect())
}

/// Long enough for any answer that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);

fn faulty(seed: u64, request_timeout: Duration, max_retries: u32) -> Mirror {
    let sim = SimulatorBuilder::new().generate(&generated(seed, 100));
    MirrorBuilder::new(sim)
        .settings(|settings| {
            settings.request_timeout = request_timeout;
            settings.max_retries = max_retries;
        })
        .start()
}

fn tenth(kind: FaultKind, route: RouteFilter, seed: u64) -> FaultRule {
    FaultRule::new(route, kind, When::Probability { p: 0.1, seed })
}

/// What the run says that it could not get, of what it asked for item by item.
fn told(run: &RunResult) -> BTreeSet<(String, u64, String)> {
    let name = |kind| match kind {
        EntityType::Issue => "issue".to_owned(),
        EntityType::MergeRequest => "merge_request".to_owned(),
    };
    run.entity_failures
        .iter()
        .filter(|failure| failure.stage != "list")
        .map(|failure| {
            (
                name(failure.entity_type),
                failure.iid,
                failure.stage.clone(),
            )
        })
        .collect()
}

/// What the mirror knows that it lacks: the queue and the recheck list.
fn owed(mirror: &Mirror) -> BTreeSet<(String, u64, String)> {
    let stages = [
        "item",
        "discussions",
        "state_events",
        "label_events",
        "milestone_events",
        "diffs",
        "closes_issues",
        "status",
    ];
    let mut owed = BTreeSet::new();
    for stage in stages {
        let sql = format!(
            "SELECT source_type || ' ' || coalesce(
                 (SELECT iid FROM issues WHERE id = source_id AND source_type = 'issue'),
                 (SELECT iid FROM merge_requests WHERE id = source_id
                     AND source_type = 'merge_request'))
             FROM pending_dependent_fetches WHERE {stage}"
        );
        for row in mirror.texts(&sql) {
            let (kind, iid) = row.split_once(' ').unwrap();
            owed.insert((kind.to_owned(), iid.parse().unwrap(), stage.to_owned()));
        }
    }
    owed
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_a_tenth_of_the_requests_end_no_sync_and_the_next_gets_the_rest() {
    let faults = (60..).zip(kinds());
    for (seed, (kind, route)) in faults.filter(|(_, (kind, _))| !keeps_waiting(kind)) {
        survives(seed, kind, route).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_at_a_tenth_of_the_requests_ends_no_sync_and_the_next_gets_the_rest() {
    let faults = (60..).zip(kinds());
    let silent = faults.filter(|(_, (kind, _))| keeps_waiting(kind));
    // Side by side: there is nothing to do but to wait.
    let all = silent.map(|(seed, (kind, route))| survives(seed, kind, route));
    futures_util::future::join_all(all).await;
}

fn keeps_waiting(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Latency(_) | FaultKind::Stall(_))
}

async fn survives(seed: u64, kind: FaultKind, route: RouteFilter) {
    let name = kind.name();
    let mirror = faulty(seed, Duration::from_millis(1_500), 4);
    mirror.sim.faults().add(tenth(kind, route, seed));
    let outcome = mirror.sync().await;
    outcome.assert_ended_well();
    assert!(!mirror.sim.faults().injected().is_empty(), "{name}");
    let run = outcome.run();
    assert_eq!(told(run), owed(&mirror), "{name}: {:#?}", run.warnings);
    // What went wrong for good is fetched once the faults are over.
    mirror.sim.faults().clear();
    mirror.advance(Duration::from_hours(7));
    mirror.sync().await.assert_ended_well();
    let differences = mirror.differences();
    assert!(differences.is_empty(), "{name}: {differences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_retries_the_ledger_says_exactly_what_could_not_be_had() {
    for (seed, kind) in (80..).zip([
        FaultKind::Status(500, ErrorBody::Json),
        FaultKind::Reset,
        FaultKind::InvalidJson,
    ]) {
        let name = kind.name();
        let mirror = faulty(seed, PATIENCE, 0);
        let rule = tenth(kind, parts(), seed);
        mirror.sim.faults().add(rule);
        let outcome = mirror.sync().await;
        outcome.assert_ended_well();
        let failures = told(outcome.run());
        // Lists are asked for again in smaller pages, whatever the retries.
        assert!(failures.len() >= 5, "{name}: {failures:?}");
        assert_eq!(failures, owed(&mirror), "{name}");
        let struck: BTreeSet<String> = mirror
            .sim
            .faults()
            .injected()
            .into_iter()
            .map(|fault| fault.path)
            .collect();
        for (kind, iid, stage) in &failures {
            let item = format!("/{kind}s/{iid}");
            assert!(
                struck.iter().any(|path| path.contains(&item)),
                "{name}: nothing was wrong with {stage} of {kind} {iid}"
            );
        }
        mirror.sim.faults().clear();
        mirror.advance(LATER);
        mirror.sync().await.assert_clean();
        mirror.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_that_is_down_ends_the_run_soon_and_the_queue_stays() {
    let mirror = faulty(90, PATIENCE, 0);
    let rule = FaultRule::new(
        RouteFilter::Path("/discussions".to_owned()),
        FaultKind::Status(503, ErrorBody::Html),
        When::Always,
    );
    mirror.sim.faults().add(rule);
    let outcome = mirror.sync().await;
    let run = outcome.run();
    assert!(run.error_code.is_some(), "{run:#?}");
    assert!(mirror.number("SELECT count(*) FROM pending_dependent_fetches") > 0);
    let asked = mirror.requests().count(Route::Discussions(ItemKind::Issue))
        + mirror
            .requests()
            .count(Route::Discussions(ItemKind::MergeRequest));
    assert!(asked < 100, "{asked} requests to an instance that is down");
    mirror.sim.faults().clear();
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}
