//! `lore issues` and `lore mrs`: the real programs against the simulator's
//! state.

use std::cmp::Reverse;

use gitlab_sim::upstream::{Discussion, Issuable, ItemRef, ItemState, MergeRequest, Upstream};
use gitlab_sim::{Moment, Simulator, SimulatorBuilder};
use lore_e2e::{DaemonProcess, Home};
use serde_json::Value;

use crate::support::{PROJECT, generated};

/// A mirror that both programs serve.
struct Served {
    sim: Simulator,
    home: Home,
    _daemon: DaemonProcess,
}

impl Served {
    async fn synced() -> Self {
        let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
        let sim = SimulatorBuilder::new()
            .now(now)
            .generate(&generated(17, 40))
            .start_blocking()
            .unwrap();
        sim.clock().follow_real_time();
        let path = sim.read(|upstream| upstream.projects[&PROJECT].path_with_namespace.clone());
        let home = Home::new(&sim, &[path], "interval_seconds = 0");
        let daemon = home.start().await;
        let served = Self {
            sim,
            home,
            _daemon: daemon,
        };
        served.ask(&["sync"]);
        served
    }

    /// The data of `lore --robot`.
    fn ask(&self, words: &[&str]) -> Value {
        let output = self.home.lore(words).arg("--robot").output().unwrap();
        let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["ok"], true, "{words:?}: {document}");
        document["data"].take()
    }

    /// The iids of a whole list, page by page.
    fn iids(&self, words: &[&str], rows: &str) -> Vec<u64> {
        let mut iids = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut page = words.to_vec();
            page.extend(["-n", "7", "--fields", "iid"]);
            if let Some(cursor) = &cursor {
                page.extend(["--cursor", cursor]);
            }
            let data = self.ask(&page);
            let of_page = data[rows].as_array().unwrap();
            iids.extend(of_page.iter().map(|row| row["iid"].as_u64().unwrap()));
            let left = data["total"].as_u64().unwrap() - iids.len() as u64;
            assert_eq!(data["remaining"], left, "{words:?}");
            match data["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return iids,
            }
        }
    }

    /// The iids of what passes, changed last first.
    fn merge_requests(&self, passes: impl Fn(&Upstream, &MergeRequest) -> bool) -> Vec<u64> {
        self.sim.read(|upstream| {
            let all = upstream.projects[&PROJECT].merge_requests.values();
            newest_first(all.filter(|mr| passes(upstream, mr)).map(|mr| &mr.common))
        })
    }
}

fn newest_first<'a>(items: impl Iterator<Item = &'a Issuable>) -> Vec<u64> {
    // GitLab tells milliseconds.
    let at = |item: &Issuable| {
        item.updated_at
            .rfc3339(0)
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let mut items: Vec<&Issuable> = items.collect();
    items.sort_by_key(|item| Reverse((at(item), item.iid)));
    items.iter().map(|item| item.iid).collect()
}

fn is_unresolved(discussion: &Discussion) -> bool {
    discussion.resolvable() && !discussion.resolved()
}

fn is_open(item: &Issuable) -> bool {
    item.state == ItemState::Opened
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_gitlab_has_in_the_same_order() {
    let served = Served::synced().await;
    let (name, id) = served.sim.read(|upstream| {
        let mr = &upstream.projects[&PROJECT].merge_requests[&9];
        let reviewer = mr.reviewer_ids.first().copied();
        let id = reviewer.unwrap_or(mr.common.author_id);
        (upstream.users[&id].username.clone(), id)
    });
    let mrs = |words: &[&str]| {
        let all: Vec<&str> = std::iter::once("mrs")
            .chain(words.iter().copied())
            .collect();
        served.iids(&all, "merge_requests")
    };
    assert_eq!(mrs(&[]), served.merge_requests(|_, mr| is_open(&mr.common)));
    assert_eq!(mrs(&["--state", "all"]), served.merge_requests(|_, _| true));
    assert_eq!(
        mrs(&["--state", "merged"]),
        served.merge_requests(|_, mr| mr.common.state == ItemState::Merged)
    );
    assert_eq!(
        mrs(&["--state", "all", "--unresolved"]),
        served.merge_requests(|_, mr| mr.common.discussions.iter().any(is_unresolved))
    );
    assert_eq!(
        mrs(&["--state", "all", "--draft"]),
        served.merge_requests(|_, mr| mr.draft)
    );
    assert_eq!(
        mrs(&["--state", "all", "--reviewer", &name]),
        served.merge_requests(|_, mr| mr.reviewer_ids.contains(&id))
    );
    assert_eq!(
        mrs(&["--state", "all", "--author", &name]),
        served.merge_requests(|_, mr| mr.common.author_id == id)
    );
    let issues = served.sim.read(|upstream| {
        let all = upstream.projects[&PROJECT].issues.values();
        let open = all.map(|issue| &issue.common).filter(|item| is_open(item));
        newest_first(open)
    });
    assert_eq!(served.iids(&["issues"], "issues"), issues);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_item_has_all_that_gitlab_has_and_can_be_brought_up_to_date_alone() {
    let served = Served::synced().await;
    let busiest = served.sim.read(|upstream| {
        let all = upstream.projects[&PROJECT].merge_requests.values();
        let busiest = all.max_by_key(|mr| mr.common.discussions.len());
        busiest.unwrap().clone()
    });
    let iid = busiest.common.iid.to_string();
    let url = format!(
        "{}/{}/-/merge_requests/{iid}/diffs?tab=1#note_1",
        served.sim.url(),
        served.ask(&["mrs"])["project"]["path"].as_str().unwrap()
    );
    let detail = served.ask(&["mrs", &url, "--full", "-n", "1000"]);
    assert_eq!(detail["iid"], busiest.common.iid);
    assert_eq!(detail["title"], busiest.common.title);
    let description = busiest.common.description.as_deref();
    assert_eq!(detail["description"], description.unwrap_or_default());
    let threads = detail["threads"].as_array().unwrap();
    let told: Vec<&Discussion> = busiest
        .common
        .discussions
        .iter()
        .filter(|discussion| discussion.notes.iter().any(|note| !note.system))
        .collect();
    assert_eq!(threads.len(), told.len());
    assert!(!told.is_empty());
    let unresolved = told.iter().filter(|thread| is_unresolved(thread)).count();
    assert_eq!(detail["unresolved_threads"], unresolved);
    let first: Vec<bool> = threads.iter().map(|t| t["resolved"] == false).collect();
    assert!(first.is_sorted_by(|a, b| a >= b), "{first:?}");
    assert_eq!(first.iter().filter(|open| **open).count(), unresolved);
    let notes = |thread: &Value| thread["notes"].as_array().unwrap().len();
    let of_people = told.iter().flat_map(|thread| &thread.notes);
    assert_eq!(
        threads.iter().map(notes).sum::<usize>(),
        of_people.filter(|note| !note.system).count()
    );
    let files = &busiest.versions.last().unwrap().files;
    assert_eq!(detail["files_total"], files.len());
    let common = &busiest.common;
    let labelled = served.sim.read(|upstream| {
        let viewer = upstream.viewer(Some(served.sim.token())).unwrap();
        let project = &upstream.projects[&PROJECT];
        let seen = |event: &&_| viewer.sees_label_event(project, event);
        common.label_events.iter().filter(seen).count()
    });
    let events = labelled + common.state_events.len() + common.milestone_events.len();
    assert_eq!(detail["events_total"], events);

    served.sim.change(|upstream| {
        let item = ItemRef::merge_request(PROJECT, busiest.common.iid);
        upstream
            .set_title(item, 1, "Brought up to date".to_owned())
            .unwrap();
    });
    let stale = served.ask(&["mrs", &iid, "--max-age", "1h"]);
    assert_eq!(stale["title"], busiest.common.title);
    let fresh = served.ask(&["mrs", &iid, "--max-age", "0s"]);
    assert_eq!(fresh["title"], "Brought up to date");
    let runs = served.ask(&["sync-runs", "--mode", "surgical"]);
    assert_eq!(runs["total"], 1);
}
