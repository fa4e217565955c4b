//! A database that cannot be opened, and a new beginning.

use super::*;

/// Asks until a method is served, however long the daemon takes to notice.
async fn served(started: &Started, method: &str) {
    until(async || !started.call(method, json!({})).await["error"].is_object()).await;
}

/// How the job that a call started ended: its last event.
async fn ended(started: &Started, method: &str, params: Value) -> Value {
    let reply = started.call(method, params).await;
    let job_id = &reply["result"]["job_id"];
    assert!(job_id.is_u64(), "{reply}");
    let mut client = started.connect().await;
    client
        .call(1, "jobs.subscribe", &json!({ "job_id": job_id }))
        .await;
    loop {
        let event = client.next().await.unwrap()["params"]["result"].clone();
        if event["kind"] == "finished" {
            return event;
        }
    }
}

#[tokio::test]
async fn a_damaged_database_is_named_everywhere_and_rebuilt_by_one_call() {
    let f = Fixture::new(Some(CONFIG));
    let data = f.folder.path().join("data");
    own_folder(&data).unwrap();
    std::fs::write(data.join("lore.db"), "not a database ".repeat(500)).unwrap();
    let started = f.start().await;
    for (method, params) in [
        ("fileHistory.get", json!({ "path": "a" })),
        ("search.query", json!({ "query": "a" })),
        ("projects.list", json!({})),
        ("syncRuns.list", json!({})),
        ("sync.start", json!({})),
    ] {
        let reply = started.call(method, params).await;
        let data = &reply["error"]["data"];
        assert_eq!(data["code"], "DATABASE_CORRUPT", "{method}: {reply}");
        let actions = data["actions"].as_array().unwrap();
        assert!(actions.contains(&json!("lore db rebuild")), "{reply}");
    }
    let checked = ended(&started, "db.check", json!({})).await;
    assert_eq!(checked["error"]["code"], "DATABASE_CORRUPT", "{checked}");
    assert_eq!(checked["error"]["details"]["checks"][0], "quick_check");
    let reply = started.call("db.rebuild", json!({})).await;
    let moved = reply["result"]["moved_to"].as_str().unwrap().to_owned();
    assert!(reply["result"]["run_ids"][0].is_string(), "{reply}");
    let kept = std::fs::read_to_string(&moved).unwrap();
    assert!(kept.starts_with("not a database"), "{moved}");
    served(&started, "projects.list").await;
    let checked = ended(&started, "db.check", json!({})).await;
    assert_eq!(checked["result"]["problems"], json!([]), "{checked}");
    started.stop().await;
}

#[tokio::test]
async fn a_rebuild_takes_a_serving_mirror_from_under_its_jobs() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    started.call("sync.start", json!({})).await;
    // The run failed, since there is no token; the ledger knows of it.
    let newest = async || {
        let runs = started.call("syncRuns.list", json!({})).await;
        runs["result"]["data"]["runs"][0].clone()
    };
    until(async || newest().await["status"] == "failed").await;
    let old = newest().await["run_id"].clone();
    let reply = started.call("db.rebuild", json!({})).await;
    assert!(
        reply["result"]["moved_bytes"].as_u64().unwrap() > 4096,
        "{reply}"
    );
    let lookup = started.call("syncRuns.get", json!({ "run_id": old })).await;
    assert_eq!(lookup["error"]["data"]["code"], "NOT_FOUND", "{lookup}");
    started.stop().await;
    // Nothing is left to be finished.
    let names = std::fs::read_dir(f.folder.path().join("data")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.ends_with(".moving")));
}

#[tokio::test]
async fn a_rebuild_that_a_crash_broke_off_is_finished_at_the_next_start() {
    let f = Fixture::new(Some(CONFIG));
    f.start().await.stop().await;
    let database = f.folder.path().join("data/lore.db");
    std::fs::write(database.with_extension("db.moving"), "20261121T120000Z").unwrap();
    let started = f.start().await;
    assert!(
        database
            .with_extension("db.20261121T120000Z.aside")
            .exists()
    );
    // The full sync that the rebuild owed.
    let jobs = started.call("jobs.list", json!({})).await;
    assert_eq!(jobs["result"]["jobs"][0]["kind"], "sync", "{jobs}");
    started.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilds_at_the_same_time_keep_every_mirror_that_was_set_aside() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let rebuild = || started.call("db.rebuild", json!({}));
    let replies = futures_util::join!(rebuild(), rebuild(), rebuild());
    let moved: BTreeSet<String> = [replies.0, replies.1, replies.2]
        .iter()
        .map(|reply| {
            let moved = reply["result"]["moved_to"].as_str();
            moved.unwrap_or_else(|| panic!("{reply}")).to_owned()
        })
        .collect();
    assert_eq!(moved.len(), 3, "{moved:?}");
    assert!(moved.iter().all(|path| Path::new(path).exists()));
    started.stop().await;
}

#[tokio::test]
async fn a_rebuild_that_is_finished_while_it_serves_fills_the_new_database() {
    let f = Fixture::new(Some(CONFIG));
    f.start().await.stop().await;
    let database = f.folder.path().join("data/lore.db");
    let marker = database.with_extension("db.moving");
    // What is under way cannot be read for a while.
    std::os::unix::fs::symlink(f.folder.path(), &marker).unwrap();
    let started = f.start().await;
    let refused = started.call("projects.list", json!({})).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("cannot be moved aside"), "{message}");
    let stamp = f.folder.path().join("stamp");
    std::fs::write(&stamp, "20261121T120000Z").unwrap();
    std::fs::rename(&stamp, &marker).unwrap();
    served(&started, "projects.list").await;
    assert!(
        database
            .with_extension("db.20261121T120000Z.aside")
            .exists()
    );
    until(async || {
        let jobs = started.call("jobs.list", json!({})).await;
        jobs["result"]["jobs"][0]["kind"] == "sync"
    })
    .await;
    started.stop().await;
}

#[tokio::test]
async fn a_database_that_can_be_opened_again_is_served_again() {
    let f = Fixture::new(Some(CONFIG));
    let data = f.folder.path().join("data");
    own_folder(&data).unwrap();
    std::fs::create_dir(data.join("lore.db")).unwrap();
    let started = f.start().await;
    assert_eq!(started.code("projects.list", json!({})).await, "IO");
    assert!(started.call("jobs.list", json!({})).await["result"].is_object());
    std::fs::remove_dir(data.join("lore.db")).unwrap();
    served(&started, "projects.list").await;
    started.stop().await;
}

#[tokio::test]
async fn a_backup_is_made_while_it_serves_and_says_how_long_it_is() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let file = f.folder.path().join("copy.db");
    let ask = json!({ "file": file });
    let done = ended(&started, "db.backup", ask.clone()).await;
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert_eq!(done["result"]["bytes"], bytes, "{done}");
    let again = ended(&started, "db.backup", ask).await;
    assert_eq!(again["error"]["code"], "USAGE", "{again}");
    assert_eq!(
        started
            .code("db.backup", json!({ "file": "relative.db" }))
            .await,
        "USAGE"
    );
    started.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_to_one_file_by_two_names_are_made_one_after_the_other() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let link = f.folder.path().join("link");
    std::os::unix::fs::symlink(f.folder.path(), &link).unwrap();
    let backup = |folder: &Path| {
        let ask = json!({ "file": folder.join("copy.db"), "force": true });
        let started = &started;
        async move { ended(started, "db.backup", ask).await }
    };
    let done = futures_util::join!(backup(f.folder.path()), backup(&link));
    for done in [done.0, done.1] {
        assert_eq!(done["state"], "succeeded", "{done}");
    }
    started.stop().await;
}
