//! What the first sync will take: counted upstream, computed from what a sync
//! does, and never guessed.

use std::sync::Mutex;
use std::time::Duration;

use lore_proto::setup::{FirstSync, ItemCount, ProjectCheck};
use tokio::time::Instant;

use crate::gitlab::models::Project;
use crate::gitlab::{Call, Client, Counted, GitLabError, Noteable};
use crate::sync::first_sync_requests;

/// With more projects than this none is counted: it takes two requests each.
pub(super) const MAX_COUNTED: usize = 50;

/// How long answers took.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Vec<Duration>>);

impl Pace {
    fn note(&self, took: Duration) {
        if let Ok(mut times) = self.0.lock() {
            times.push(took);
        }
    }

    fn median(&self) -> Option<Duration> {
        let mut times = self.0.lock().ok()?.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}

/// How many issues and merge requests a project has; nothing where GitLab does
/// not let them be seen.
pub(super) async fn count(
    client: &Client,
    call: &Call<'_>,
    project: &Project,
    pace: &Pace,
) -> (Option<ItemCount>, Option<ItemCount>) {
    let one = async |noteable: Noteable, enabled: Option<bool>| {
        if enabled == Some(false) {
            return Some(ItemCount {
                count: 0,
                at_most: false,
            });
        }
        let begun = Instant::now();
        let counted: Result<Counted, GitLabError> =
            client.count_items(call, project.id, noteable).await;
        pace.note(begun.elapsed());
        Some(match counted.ok()? {
            Counted::Exactly(count) => ItemCount {
                count,
                at_most: false,
            },
            Counted::AtMost(count) => ItemCount {
                count,
                at_most: true,
            },
        })
    };
    futures_util::join!(
        one(Noteable::Issue, project.issues_enabled),
        one(Noteable::MergeRequest, project.merge_requests_enabled),
    )
}

/// The first sync of those of `projects` that can be read and are not mirrored
/// yet; `limit`: the host's requests a minute.
pub(super) fn first_sync(
    projects: &[ProjectCheck],
    pace: &Pace,
    limit: Option<u64>,
    concurrency: usize,
) -> Option<FirstSync> {
    let mut sync = FirstSync {
        projects: 0,
        uncounted: 0,
        issues: 0,
        merge_requests: 0,
        at_most: false,
        requests: 0,
        requests_per_minute: limit,
        answer_milliseconds: pace
            .median()
            .and_then(|took| u64::try_from(took.as_millis()).ok()),
        concurrency: concurrency as u64,
        seconds: None,
        limited_by_host: false,
    };
    for project in projects
        .iter()
        .filter(|project| project.error.is_none() && !project.mirrored)
    {
        sync.projects += 1;
        let (Some(issues), Some(merge_requests)) = (project.issues, project.merge_requests) else {
            sync.uncounted += 1;
            continue;
        };
        sync.issues = sync.issues.saturating_add(issues.count);
        sync.merge_requests = sync.merge_requests.saturating_add(merge_requests.count);
        sync.at_most |= issues.at_most || merge_requests.at_most;
        sync.requests = sync
            .requests
            .saturating_add(first_sync_requests(issues.count, merge_requests.count));
    }
    if sync.projects == 0 {
        return None;
    }
    if sync.requests > 0 {
        let by_limit = limit
            .filter(|limit| *limit > 0)
            .map(|limit| sync.requests.saturating_mul(60).div_ceil(limit));
        let by_speed = sync.answer_milliseconds.map(|took| {
            let lanes = sync.concurrency.max(1).saturating_mul(1000);
            sync.requests.saturating_mul(took).div_ceil(lanes)
        });
        sync.seconds = by_limit.max(by_speed);
        sync.limited_by_host = by_limit.is_some() && by_limit >= by_speed;
    }
    Some(sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(issues: Option<u64>, merge_requests: Option<u64>, mirrored: bool) -> ProjectCheck {
        let count = |count: u64| ItemCount {
            count,
            at_most: count > 10_000,
        };
        ProjectCheck {
            asked: "g/p".to_owned(),
            path: Some("g/p".to_owned()),
            id: Some(1),
            error: None,
            issues: issues.map(count),
            merge_requests: merge_requests.map(count),
            mirrored,
        }
    }

    fn pace(milliseconds: u64) -> Pace {
        let pace = Pace::default();
        pace.note(Duration::from_millis(milliseconds));
        pace
    }

    #[test]
    fn the_slower_of_the_hosts_limit_and_its_answers_decides() {
        let projects = [project(Some(1_000), Some(1_000), false)];
        let slow = first_sync(&projects, &pace(800), Some(6_000), 8).unwrap();
        assert_eq!(slow.requests, first_sync_requests(1_000, 1_000));
        assert_eq!(slow.seconds, Some(slow.requests.div_ceil(10)));
        assert!(!slow.limited_by_host);
        let limited = first_sync(&projects, &pace(8), Some(60), 8).unwrap();
        assert_eq!(limited.seconds, Some(limited.requests));
        assert!(limited.limited_by_host);
        let unknown = first_sync(&projects, &Pace::default(), None, 8).unwrap();
        assert_eq!(unknown.seconds, None);
    }

    #[test]
    fn what_is_not_known_is_said_and_what_is_mirrored_left_out() {
        let mirrored = project(Some(5), Some(5), true);
        assert_eq!(
            first_sync(std::slice::from_ref(&mirrored), &pace(8), None, 8),
            None
        );
        let projects = [
            mirrored,
            project(Some(20_000), Some(0), false),
            project(None, Some(3), false),
        ];
        let sync = first_sync(&projects, &pace(8), None, 8).unwrap();
        assert_eq!((sync.projects, sync.uncounted), (2, 1));
        assert_eq!((sync.issues, sync.merge_requests), (20_000, 0));
        assert!(sync.at_most);
    }
}
