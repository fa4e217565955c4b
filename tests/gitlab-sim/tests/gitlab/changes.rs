//! What changes do, and above all what they do not do, to `updated_at`.

use std::time::Duration;

use gitlab_sim::upstream::{
    ClosingLink, DiffFile, ItemRef, NewIssue, NewMergeRequest, NewNote, Upstream,
};
use gitlab_sim::{Moment, Simulator};
use serde_json::{Value, json};

use crate::support::{Client, PROJECT, empty};

const ISSUE: ItemRef = ItemRef::issue(PROJECT, 1);
const MERGE_REQUEST: ItemRef = ItemRef::merge_request(PROJECT, 1);

async fn one_of_each() -> Simulator {
    let sim = empty(|_| {}).await;
    sim.change(|upstream| {
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Issue"))
            .unwrap();
        let files = vec![DiffFile::modified("a", "@@ -1 +1 @@\n-a\n+b\n")];
        let new = NewMergeRequest::new(1, "Merge request", files);
        upstream.create_merge_request(PROJECT, new).unwrap();
        upstream.create_label(PROJECT, "bug", None).unwrap();
    });
    sim
}

fn updated(sim: &Simulator, at: ItemRef) -> Moment {
    sim.read(|upstream| upstream.item(at).unwrap().updated_at)
}

/// Whether a change made so long after the last bump bumps again.
fn bumps(
    sim: &Simulator,
    at: ItemRef,
    after: Duration,
    change: impl FnOnce(&mut Upstream),
) -> bool {
    let before = updated(sim, at);
    sim.clock().set(before + after);
    sim.change(change);
    updated(sim, at) != before
}

const SOON: Duration = Duration::from_secs(59);
const LATER: Duration = Duration::from_mins(1);

#[tokio::test]
async fn point_07_notes_labels_and_assignees_bump_only_after_sixty_seconds() {
    let sim = one_of_each().await;
    let label = sim.read(|upstream| *upstream.projects[&PROJECT].labels.keys().next().unwrap());
    for at in [ISSUE, MERGE_REQUEST] {
        let note = |upstream: &mut Upstream| {
            upstream.add_note(at, NewNote::comment(1, "x")).unwrap();
        };
        assert!(!bumps(&sim, at, SOON, note));
        assert!(bumps(&sim, at, LATER, note));
        let id = sim.read(|upstream| upstream.item(at).unwrap().notes().next().unwrap().id);
        let edit = |upstream: &mut Upstream| upstream.edit_note(at, id, "y").unwrap();
        assert!(!bumps(&sim, at, SOON, edit));
        assert!(bumps(&sim, at, LATER, edit));
        assert!(!bumps(&sim, at, SOON, |up| up
            .add_labels(at, 1, &[label])
            .unwrap()));
        assert!(bumps(&sim, at, LATER, |up| up
            .remove_labels(at, 1, &[label])
            .unwrap()));
        assert!(!bumps(&sim, at, SOON, |up| up
            .assign(at, 1, vec![2])
            .unwrap()));
        assert!(bumps(&sim, at, LATER, |up| up
            .assign(at, 1, vec![])
            .unwrap()));
    }
}

#[tokio::test]
async fn point_07_saves_always_bump() {
    let sim = one_of_each().await;
    let second = Duration::from_secs(1);
    for at in [ISSUE, MERGE_REQUEST] {
        assert!(bumps(&sim, at, second, |up| up
            .set_title(at, 1, "t")
            .unwrap()));
        assert!(bumps(&sim, at, second, |up| up
            .set_description(at, 1, "d")
            .unwrap()));
        assert!(bumps(&sim, at, second, |up| up
            .set_milestone(at, 1, None)
            .unwrap()));
        assert!(bumps(&sim, at, second, |up| up
            .lock_discussion(at, 1, true)
            .unwrap()));
        assert!(bumps(&sim, at, second, |up| up
            .spend_time(at, 1, 60)
            .unwrap()));
        assert!(bumps(&sim, at, second, |up| up.close(at, 1).unwrap()));
        assert!(bumps(&sim, at, second, |up| up.reopen(at, 1).unwrap()));
    }
    let due = Some("2027-01-01".to_owned());
    assert!(bumps(&sim, ISSUE, second, |up| up
        .set_due_date(PROJECT, 1, 1, due)
        .unwrap()));
    assert!(bumps(&sim, ISSUE, second, |up| up
        .set_confidential(PROJECT, 1, 1, true)
        .unwrap()));
    assert!(bumps(&sim, MERGE_REQUEST, second, |up| up
        .merge(PROJECT, 1, 1)
        .unwrap()));
}

#[tokio::test]
async fn point_07_deletions_resolutions_thumbs_and_renamed_labels_never_bump() {
    let sim = one_of_each().await;
    let hour = Duration::from_hours(1);
    let at = MERGE_REQUEST;
    sim.change(|upstream| {
        for body in ["one", "two"] {
            upstream.add_note(at, NewNote::thread(1, body)).unwrap();
        }
        upstream.add_note(at, NewNote::comment(1, "plain")).unwrap();
    });
    let item = sim.read(|upstream| upstream.item(at).unwrap().clone());
    let [one, two, plain] = &item.discussions[..] else {
        panic!("three were made");
    };
    let label = sim.read(|upstream| *upstream.projects[&PROJECT].labels.keys().next().unwrap());
    assert!(!bumps(&sim, at, hour, |up| up
        .delete_note(at, plain.notes[0].id)
        .unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up
        .resolve_thread(at, &one.id, 1)
        .unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up
        .unresolve_thread(at, &one.id)
        .unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up.upvote(at).unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up
        .award_note(at, one.notes[0].id)
        .unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up
        .rename_label(PROJECT, label, "new")
        .unwrap()));
    assert!(!bumps(&sim, at, hour, |up| up
        .delete_label(PROJECT, label)
        .unwrap()));
    let status = |up: &mut Upstream| up.set_merge_status(PROJECT, 1, "checking").unwrap();
    assert!(!bumps(&sim, at, hour, status));
    // The last open thread: a system note says so, and that touches.
    sim.change(|upstream| upstream.resolve_thread(at, &one.id, 1))
        .unwrap();
    assert!(bumps(&sim, at, hour, |up| up
        .resolve_thread(at, &two.id, 1)
        .unwrap()));
    // A merge request that will close an issue leaves a note there, no more.
    let link = ClosingLink::Issue {
        project_id: PROJECT,
        iid: 1,
    };
    let closing = |up: &mut Upstream| up.add_closing_link(PROJECT, 1, 1, link).unwrap();
    assert!(!bumps(&sim, ISSUE, hour, closing));
    assert_eq!(
        sim.read(|up| up.issue(PROJECT, 1).unwrap().merge_requests_count),
        1
    );
}

#[tokio::test]
async fn a_reply_turns_a_comment_into_a_thread() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    let path = "/projects/42/merge_requests/1/discussions";
    sim.change(|upstream| upstream.add_note(MERGE_REQUEST, NewNote::comment(1, "a")))
        .unwrap();
    let before = client.json(path).await;
    assert_eq!(before[0]["individual_note"], true);
    assert_eq!(before[0]["notes"][0]["type"], Value::Null);
    let id = before[0]["id"].as_str().unwrap().to_owned();
    sim.change(|upstream| upstream.reply(MERGE_REQUEST, &id, 2, "b"))
        .unwrap();
    let after = client.json(path).await;
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_eq!(after[0]["individual_note"], false);
    for note in after[0]["notes"].as_array().unwrap() {
        assert_eq!(note["type"], "DiscussionNote");
        assert_eq!(note["resolvable"], true);
    }
}

#[tokio::test]
async fn point_08_the_merge_request_list_is_stale_for_eight_hours() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    let upvotes = async |query: &str| {
        let path = format!("/projects/42/merge_requests?scope=all{query}");
        client.json(&path).await[0]["upvotes"].clone()
    };
    assert_eq!(upvotes("").await, 0);
    sim.change(|upstream| upstream.upvote(MERGE_REQUEST))
        .unwrap();
    assert_eq!(upvotes("").await, 0, "from the cache");
    assert_eq!(
        upvotes("&with_labels_details=true").await,
        1,
        "past the cache"
    );
    assert_eq!(
        client.json("/projects/42/merge_requests/1").await["upvotes"],
        1
    );
    sim.clock()
        .advance(Duration::from_hours(8) - Duration::from_secs(1));
    assert_eq!(upvotes("").await, 0);
    sim.clock().advance(Duration::from_secs(1));
    assert_eq!(upvotes("").await, 1, "it ran out");
    // Whatever is in the key gets through at once.
    sim.change(|upstream| {
        upstream.upvote(MERGE_REQUEST).unwrap();
        upstream.set_merge_status(PROJECT, 1, "cannot_be_merged")
    })
    .unwrap();
    assert_eq!(upvotes("").await, 2);
}

#[tokio::test]
async fn point_09_a_merge_request_is_prepared_after_a_while() {
    let sim = empty(|options| options.preparing_delay = Duration::from_secs(5)).await;
    let files = || vec![DiffFile::modified("a", "@@ -1 +1 @@\n-a\n+b\n")];
    sim.change(|upstream| {
        let new = NewMergeRequest::new(1, "New", files());
        upstream.create_merge_request(PROJECT, new)
    })
    .unwrap();
    let client = Client::new(&sim);
    let base = "/projects/42/merge_requests/1";
    let fresh = client.json(base).await;
    for field in ["diff_refs", "changes_count", "prepared_at", "sha"] {
        assert_eq!(fresh[field], Value::Null, "{field}");
    }
    assert_eq!(fresh["merge_status"], "preparing");
    assert_eq!(client.json(&format!("{base}/diffs")).await, json!([]));

    sim.clock().advance(Duration::from_secs(5));
    let ready = client.json(base).await;
    assert_eq!(ready["changes_count"], "1");
    assert!(ready["diff_refs"]["head_sha"].is_string());
    assert_eq!(ready["updated_at"], fresh["updated_at"], "nothing says so");

    sim.change(|upstream| upstream.push(PROJECT, 1, 1, files()))
        .unwrap();
    assert_eq!(
        client.json(base).await["diff_refs"],
        ready["diff_refs"],
        "not yet"
    );
    sim.clock().advance(Duration::from_secs(5));
    let pushed = client.json(base).await;
    assert_ne!(pushed["diff_refs"], ready["diff_refs"]);
    assert_eq!(pushed["sha"], pushed["diff_refs"]["head_sha"]);
    let versions = client.json(&format!("{base}/versions")).await;
    assert_eq!(versions.as_array().unwrap().len(), 2);
    assert_eq!(versions[0]["head_commit_sha"], pushed["sha"]);
}

#[tokio::test]
async fn point_14_a_deleted_item_is_gone_and_its_iid_is_not_used_again() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    sim.change(|upstream| {
        upstream.delete_item(ISSUE).unwrap();
        upstream.delete_item(MERGE_REQUEST).unwrap();
        upstream
            .create_issue(PROJECT, NewIssue::new(1, "Next"))
            .unwrap();
    });
    let gone = (404, r#"{"message":"404 Not found"}"#.to_owned());
    assert_eq!(client.status("/projects/42/issues/1").await, gone);
    assert_eq!(
        client.status("/projects/42/merge_requests/1/diffs").await,
        gone
    );
    assert_eq!(client.status("/projects/42/issues/2").await.0, 200);
}

#[tokio::test]
async fn point_14_a_moved_issue_points_to_its_copy() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    let (other, label) = sim.change(|upstream| {
        let other = upstream.create_project("acme/other");
        let label = *upstream.projects[&PROJECT].labels.keys().next().unwrap();
        upstream.create_label(other, "bug", None).unwrap();
        (other, label)
    });
    let new = sim.change(|upstream| {
        upstream.add_labels(ISSUE, 1, &[label]).unwrap();
        upstream
            .add_note(ISSUE, NewNote::comment(1, "a note"))
            .unwrap();
        upstream.clock().advance(Duration::from_secs(3));
        upstream.move_issue(PROJECT, 1, other, 1).unwrap()
    });
    let old_issue = client.json("/projects/42/issues/1").await;
    let base = format!("/projects/{other}/issues/{}", new.iid);
    let new_issue = client.json(&base).await;
    assert_eq!(old_issue["state"], "closed");
    assert_eq!(old_issue["moved_to_id"], new_issue["id"]);
    assert_eq!(new_issue["labels"], json!(["bug"]));
    let events = |base: &str| format!("{base}/resource_label_events");
    let old_events = client.json(&events("/projects/42/issues/1")).await;
    let new_events = client.json(&events(&base)).await;
    assert_eq!(
        old_events.as_array().unwrap().len(),
        new_events.as_array().unwrap().len()
    );
    assert_ne!(old_events[0]["id"], new_events[0]["id"]);
    let discussions = client.json(&format!("{base}/discussions")).await;
    assert_eq!(discussions[0]["notes"][0]["body"], "a note");
    let again = sim.change(|upstream| upstream.move_issue(PROJECT, 1, other, 1));
    assert!(again.is_err());
}

#[tokio::test]
async fn point_14_a_renamed_project_changes_urls_and_no_timestamps() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    let before = client.json("/projects/42/issues/1").await;
    sim.clock().advance(Duration::from_hours(1));
    sim.change(|upstream| upstream.rename_project(PROJECT, "other/place"))
        .unwrap();
    let after = client.json("/projects/42/issues/1").await;
    assert_eq!(after["updated_at"], before["updated_at"]);
    assert_eq!(after["references"]["full"], "other/place#1");
    assert_ne!(after["web_url"], before["web_url"]);
}

#[tokio::test]
async fn point_16_a_replica_shows_writes_later() {
    let sim = empty(|options| options.replica_lag = Duration::from_secs(3)).await;
    sim.change(|upstream| upstream.create_issue(PROJECT, NewIssue::new(1, "New")))
        .unwrap();
    let client = Client::new(&sim);
    let path = "/projects/42/issues/1";
    let answers = async || {
        let mut statuses = [client.status(path).await.0, client.status(path).await.0];
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(answers().await, [200, 404]);
    sim.clock().advance(Duration::from_secs(3));
    assert_eq!(answers().await, [200, 200]);
}

#[tokio::test]
async fn merging_closes_what_it_closes() {
    let sim = one_of_each().await;
    let client = Client::new(&sim);
    sim.change(|upstream| {
        let link = ClosingLink::Issue {
            project_id: PROJECT,
            iid: 1,
        };
        upstream.add_closing_link(PROJECT, 1, 1, link).unwrap();
        upstream.merge(PROJECT, 1, 1).unwrap();
        let late = ClosingLink::External {
            id: "P-1".to_owned(),
            title: "late".to_owned(),
        };
        assert!(upstream.add_closing_link(PROJECT, 1, 1, late).is_err());
    });
    let merge_request = client.json("/projects/42/merge_requests/1").await;
    assert_eq!(
        client.json("/projects/42/issues/1").await["state"],
        "closed"
    );
    let events = client
        .json("/projects/42/issues/1/resource_state_events")
        .await;
    assert_eq!(events[0]["source_merge_request_id"], merge_request["id"]);
    let closed_by = client.json("/projects/42/issues/1/closed_by").await;
    assert_eq!(closed_by[0]["iid"], 1);
}
