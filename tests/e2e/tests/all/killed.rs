//! `kill -9` of the daemon, again and again.

use std::collections::HashSet;

use gitlab_sim::upstream::ItemKind;
use gitlab_sim::{Moment, RequestEntry, Route, SimulatorBuilder};
use lore_e2e::{Checker, HOST, Home, broken_invariants, eventually};
use lore_proto::events::EventBody;
use lore_proto::jobs::JobState;
use lore_proto::methods::{JobsGet, SyncStart};
use lore_proto::sync::SyncRequest;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::{Connection, OpenFlags};

use crate::support::generated;

/// Items that a run has under way at once.
const UNDER_WAY: usize = 16;
/// Requests that one item takes at most, long threads apart.
const AN_ITEM: usize = 8;

fn look(home: &Home) -> Connection {
    Connection::open_with_flags(home.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_at_any_moment_loses_nothing_and_repeats_little() {
    let kills = if std::env::var_os("LORE_E2E_FULL").is_some() {
        50
    } else {
        12
    };
    let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
    let sim = SimulatorBuilder::new()
        .now(now)
        .generate(&generated(121, 150))
        .start_blocking()
        .unwrap();
    sim.clock().follow_real_time();
    let paths: Vec<String> = sim.read(|upstream| {
        let projects = upstream.projects.values();
        projects.map(|it| it.path_with_namespace.clone()).collect()
    });
    let home = Home::new(&sim, &paths, "interval_seconds = 0");
    // What a whole sync takes, about; the moments are spread over it.
    let whole = 150 * 4 + 150 * 7;
    let mut rng = StdRng::seed_from_u64(121);
    let mut interrupted = 0;
    for _ in 0..kills {
        let mut daemon = home.start().await;
        let mut client = daemon.connect().await.unwrap();
        let before = sim.requests().len();
        client
            .call::<SyncStart>(&SyncRequest::default())
            .await
            .unwrap();
        let moment = before + rng.random_range(0..whole / kills);
        let done = || {
            look(&home)
                .query_row(
                    "SELECT count(*) FROM sync_runs WHERE status = 'succeeded'",
                    [],
                    |row| row.get(0),
                )
                .unwrap_or(0)
        };
        let had: i64 = done();
        eventually("the moment to be killed", || {
            sim.requests().len() >= moment || done() > had
        })
        .await;
        daemon.kill();
        let mirror = look(&home);
        broken_invariants(&mirror).assert_none();
        interrupted += mirror
            .query_row(
                "SELECT count(*) FROM sync_runs WHERE status = 'running'",
                [],
                |row| row.get::<_, i64>(0),
            )
            .unwrap();
    }
    assert!(
        interrupted > i64::try_from(kills).unwrap() / 2,
        "{interrupted} runs of {kills}"
    );

    let daemon = home.start().await;
    let mut client = daemon.connect().await.unwrap();
    let job = client
        .call::<SyncStart>(&SyncRequest::default())
        .await
        .unwrap()
        .job_id
        .unwrap();
    assert_eq!(finish(&mut client, job).await, JobState::Succeeded);
    let mirror = look(&home);
    Checker::new(&sim, HOST)
        .compare_at_rest(&mirror)
        .assert_none();
    let closed: i64 = mirror
        .query_row(
            "SELECT count(*) FROM sync_runs WHERE error_code = 'INTERRUPTED' AND status = 'failed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(closed, interrupted);

    let log = sim.requests().entries();
    let pages = |entry: &RequestEntry| matches!(entry.route, Route::Items(_));
    for kind in [ItemKind::Issue, ItemKind::MergeRequest] {
        let asked = log
            .iter()
            .filter(|it| it.route == Route::Items(kind))
            .count();
        // Two pages; of each run one again, and the beginning of its walk
        // forward.
        assert!(asked <= 2 + 2 * (kills + 1), "{asked} pages of {kind:?}");
    }
    let items = log.iter().filter(|it| !pages(it) && it.iid.is_some());
    let once: HashSet<_> = items.clone().map(|it| (&it.path, &it.query)).collect();
    let repeated = items.count() - once.len();
    assert!(
        repeated <= kills * UNDER_WAY * AN_ITEM,
        "{repeated} requests were made again after {kills} kills"
    );
}

/// Follows a job to its end.
async fn finish(client: &mut lore_e2e::Connected, job: u64) -> JobState {
    client
        .request("jobs.subscribe", serde_json::json!({ "job_id": job }))
        .await
        .unwrap();
    loop {
        let mut notice = client.notice().await;
        let event = notice["params"]["result"].take();
        let event: lore_proto::events::Event = serde_json::from_value(event).unwrap();
        if let EventBody::Finished { state, .. } = event.body {
            let job = lore_proto::jobs::JobRef { job_id: job };
            assert_eq!(client.call::<JobsGet>(&job).await.unwrap().state, state);
            return state;
        }
    }
}
