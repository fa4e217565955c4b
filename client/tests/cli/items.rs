//! `lore issues`, `lore mrs` and the flags of every read.

use serde_json::{Value, json};

use crate::answers;
use crate::fake::Fake;
use crate::process::{Home, run};

fn item(text: &str) -> Value {
    answers::read(&serde_json::from_str(text).unwrap())
}

fn mirror() -> Fake {
    Fake::new()
        .answers("mergeRequests.list", item(include_str!("screens/mrs.json")))
        .answers("mergeRequests.get", item(include_str!("screens/mr.json")))
        .answers("issues.list", item(include_str!("screens/issues.json")))
        .answers("issues.get", item(include_str!("screens/issue.json")))
        .answers(
            "projects.resolve",
            json!({"host": "h", "path": "g/p", "id": 1, "web_url": "https://h/g/p"}),
        )
        .answers("daemon.status", status("2026-06-15T12:00:00Z"))
        .answers("fileHistory.get", answers::read(&answers::file_history()))
}

fn status(last_synced_at: &str) -> Value {
    let mut status = answers::status();
    status["projects"] = json!([{
        "host": "h", "path": "g/p", "id": 1, "web_url": null, "last_synced_at": last_synced_at,
        "age_seconds": 1, "complete": true, "issues": 0, "merge_requests": 0, "notes": 0,
        "pending_dependents": 0, "pending_rechecks": 0, "last_run": null,
    }]);
    status
}

/// Ends every sync at once, as it is told.
fn syncing(fake: Fake, completion: &'static str) -> Fake {
    let error = (completion == "failed").then_some("NETWORK");
    let outcome = answers::outcome(completion, error);
    fake.answers("sync.start", answers::started())
        .does("jobs.subscribe", move |_, peer| {
            peer.result(&json!(7));
            peer.event(&answers::finished(1, completion, &outcome));
        })
}

#[test]
fn the_filters_of_the_lists_reach_the_daemon() {
    let home = Home::new();
    let daemon = mirror().listen(&home.socket());
    let ran = home.run(
        "mrs --state merged --author a --assignee none --reviewer c --label d --label e --milestone f \
         --search words --not-draft --unresolved --source-branch s --target-branch t --sort created \
         --reverse --since 2026-01-31 -n 7 --cursor k -p g/p --host h",
    );
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("mergeRequests.list"),
        json!({"project": "g/p", "host": "h", "state": "merged", "author": "a", "assignee": "none",
               "reviewer": "c", "labels": ["d", "e"], "milestone": "f", "since": "2026-01-31T00:00:00Z",
               "search": "words", "draft": false, "unresolved": true, "source_branch": "s",
               "target_branch": "t", "sort": "created", "reverse": true, "limit": 7, "cursor": "k"})
    );
    let ran = home.run("issues --state open --label bug");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("issues.list"),
        json!({"state": "opened", "labels": ["bug"], "sort": "updated", "limit": 20})
    );
}

#[test]
fn a_reference_goes_to_the_daemon_as_it_was_written() {
    let home = Home::new();
    let daemon = mirror().listen(&home.socket());
    let url = "https://h/g/p/-/merge_requests/12/diffs?x=1#note_7";
    for reference in ["12", "!12", "g/p!12", url] {
        let ran = run(&mut home.lore([
            "--robot",
            "mrs",
            reference,
            "--unresolved",
            "--file",
            "src/./a.rs",
        ]));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        assert_eq!(
            daemon.next("mergeRequests.get"),
            json!({"reference": reference, "unresolved": true, "path": "src/a.rs", "limit": 20})
        );
    }
    let ran = home.run("issues 3 --full -n 5");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("issues.get"),
        json!({"reference": "3", "body_limit": 1_000_000, "note_limit": 1_000, "limit": 5})
    );
}

#[test]
fn filters_and_a_reference_do_not_go_together() {
    let home = Home::new();
    for line in [
        "mrs 12 --author a",
        "issues 3 --state closed",
        "mrs --full",
        "mrs --file a",
        "mrs --draft --not-draft",
        "issues --state merged",
        "mrs --since yesterday",
        "issues --max-age soon",
    ] {
        let ran = home.run(&format!("--robot {line}"));
        assert_eq!(ran.code(), "USAGE", "{line}");
    }
}

#[test]
fn fields_are_chosen_of_rows_and_of_one_item() {
    let home = Home::new();
    let _daemon = mirror().listen(&home.socket());
    let document = home.run("--robot mrs --fields title,iid").document();
    assert_eq!(document["data"]["total"], 5);
    assert_eq!(
        document["data"]["merge_requests"][2],
        json!({"iid": 9, "title": "Retry once"})
    );
    let document = home
        .run("--robot issues 3 --fields iid,threads_total")
        .document();
    assert_eq!(document["data"], json!({"iid": 3, "threads_total": 1}));
    let ran = home.run("--robot issues --fields iid,threads");
    assert_eq!(ran.code(), "USAGE");
    assert!(ran.stdout.contains("due_date"), "{ran:?}");
}

#[test]
fn a_mirror_that_is_too_old_is_synced_before_it_is_read() {
    let home = Home::new();
    let daemon = syncing(mirror(), "succeeded").listen(&home.socket());
    for line in ["mrs", "issues", "file-history a"] {
        let ran = home.run(&format!("--robot {line} --max-age 5m"));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        let asked = daemon.next("sync.start");
        assert_eq!(
            (&asked["project"], &asked["host"]),
            (&json!("g/p"), &json!("h"))
        );
        let reads = ["mergeRequests.list", "issues.list", "fileHistory.get"];
        let after = daemon.methods();
        let read = after.iter().filter(|name| reads.contains(&name.as_str()));
        assert_eq!(read.count(), 1, "{line}: {after:?}");
    }
    // As old as that is not too old.
    let ran = home.run("--robot mrs --max-age 2026-06-15");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert!(!daemon.methods().contains(&"sync.start".to_owned()));
}

#[test]
fn one_item_that_is_too_old_is_synced_alone() {
    let home = Home::new();
    let daemon = syncing(mirror(), "succeeded").listen(&home.socket());
    let ran = home.run("--robot mrs g/p!12 --max-age 5m");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("sync.start")["merge_request_urls"],
        json!(["g/p!12"])
    );
    let ran = home.run("--robot issues 3 --max-age 2026-06-15T11:00:00Z");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert!(!daemon.methods().contains(&"sync.start".to_owned()));
}

#[test]
fn a_sync_that_fails_leaves_the_old_answer_with_a_warning() {
    let home = Home::new();
    let _daemon = syncing(mirror(), "failed").listen(&home.socket());
    for line in ["mrs", "issues 3"] {
        let document = home.run(&format!("--robot {line} --max-age 5m")).document();
        assert_eq!(document["ok"], true, "{line}");
        let warning = document["meta"]["warnings"][0].as_str().unwrap();
        assert!(
            warning.contains("`--max-age`") && warning.contains("it went wrong"),
            "{warning}"
        );
    }
}

#[test]
fn an_item_that_only_a_sync_could_bring_ends_as_that_sync_did() {
    let home = Home::new();
    let fake = mirror().refuses("mergeRequests.get", "NOT_FOUND", 17);
    let _daemon = syncing(fake, "failed").listen(&home.socket());
    let ran = home.run("--robot mrs 99 --max-age 5m");
    assert_eq!((ran.exit, ran.code().as_str()), (Some(8), "NETWORK"));
    assert_eq!(home.run("--robot mrs 99").exit, Some(17));
}

#[test]
fn web_opens_the_page_and_says_where_it_is_when_it_cannot() {
    let home = Home::new();
    let _daemon = mirror().listen(&home.socket());
    let opened = home.path("opened");
    let script = format!("printf %s \"$1\" > {}\n", opened.display());
    let browser = home.program("browser", &script);
    for (words, page) in [
        (
            &["mrs", "12", "--web"][..],
            "https://gitlab.example.com/group/project/-/merge_requests/12",
        ),
        (&["issues", "--web"], "https://h/g/p/-/issues"),
    ] {
        let ran = run(home.lore(words).env("BROWSER", &browser));
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
        assert_eq!(std::fs::read_to_string(&opened).unwrap(), page);
        std::fs::remove_file(&opened).unwrap();
        let ran = run(home.lore(words).env("BROWSER", "/nonexistent"));
        assert_eq!((ran.exit, ran.stdout), (Some(0), format!("{page}\n")));
        let ran = run(home.lore(words).arg("--robot").env("BROWSER", &browser));
        assert_eq!(ran.document()["data"], json!({ "web_url": page }));
        assert!(!opened.exists());
    }
}
