//! Many clients at once on one socket.

use gitlab_sim::{Moment, SimulatorBuilder};
use lore_e2e::Home;
use lore_proto::file_history::FileHistoryParams;
use lore_proto::methods::{
    FileHistoryGet, GetDaemonStatus, JobsGet, ProjectsList, SyncRunsList, SyncStart,
};
use lore_proto::sync::SyncRequest;
use lore_proto::{daemon::Nothing, jobs::JobRef, sync_runs::ListRuns};
use serde_json::json;

use crate::support::generated;

const CLIENTS: usize = 100;
/// What serving them may add to the daemon's memory.
const MOST_ADDED: u64 = 128 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_and_one_that_never_reads_are_served() {
    let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
    let sim = SimulatorBuilder::new()
        .now(now)
        .generate(&generated(131, 60))
        .start_blocking()
        .unwrap();
    sim.clock().follow_real_time();
    let (path, file) = sim.read(|upstream| {
        let project = upstream.projects.values().next().unwrap();
        let merge_request = project.merge_requests.values().last().unwrap();
        let file = merge_request.versions[0].files[0].new_path.clone();
        (project.path_with_namespace.clone(), file)
    });
    let home = Home::new(&sim, &[path], "interval_seconds = 0");
    let daemon = home.start().await;
    let mut first = daemon.connect().await.unwrap();
    let begin = SyncRequest {
        full: true,
        ..SyncRequest::default()
    };
    let before = daemon.resident_bytes();

    // It asks for every event there is and takes none.
    let mut deaf = daemon.connect().await.unwrap();
    deaf.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "jobs.subscribe", "params": {}}))
        .await;
    for id in 2..30 {
        deaf.send(&json!({"jsonrpc": "2.0", "id": id, "method": "daemon.status", "params": {}}))
            .await;
    }
    let job = first.call::<SyncStart>(&begin).await.unwrap();

    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = daemon.connect().await.unwrap();
        let file = file.clone();
        crowd.spawn(async move {
            for _ in 0..4 {
                let history = FileHistoryParams {
                    path: file.clone(),
                    project: None,
                    host: None,
                    remotes: Vec::new(),
                    discussions: true,
                    merged: false,
                    no_follow_renames: number % 2 == 0,
                    limit: None,
                    cursor: None,
                };
                // The path may not be known yet: an answer all the same.
                let _ = client.call::<FileHistoryGet>(&history).await;
                client.call::<GetDaemonStatus>(&Nothing {}).await.unwrap();
                client
                    .call::<SyncRunsList>(&ListRuns::default())
                    .await
                    .unwrap();
                client.call::<ProjectsList>(&Nothing {}).await.unwrap();
            }
            // The same sync: whoever asks while it runs joins it.
            client
                .call::<SyncStart>(&SyncRequest::default())
                .await
                .unwrap();
            number
        });
    }
    let mut served = Vec::new();
    while let Some(client) = crowd.join_next().await {
        served.push(client.unwrap());
    }
    assert_eq!(served.len(), CLIENTS);
    let job_id = job.job_id.unwrap();
    first
        .request("jobs.subscribe", json!({ "job_id": job_id }))
        .await
        .unwrap();
    while first.notice().await["params"]["result"]["kind"] != "finished" {}
    let ended = first.call::<JobsGet>(&JobRef { job_id }).await.unwrap();
    assert!(ended.state.is_terminal());
    if let (Some(before), Some(after)) = (before, daemon.resident_bytes()) {
        let added = after.saturating_sub(before);
        assert!(added < MOST_ADDED, "{} MiB more", added >> 20);
    }
}
