//! GitLab's minute of silence, and diffs that are not worked out yet.

use std::time::Duration;

use gitlab_sim::upstream::{DiffFile, ItemRef, NewMergeRequest, NewNote};
use gitlab_sim::{ErrorBody, FaultKind, FaultRule, Route, RouteFilter, When};
use jiff::SignedDuration;
use lore_daemon::clock::Clock as _;
use lore_e2e::{HOST, Mirror, MirrorBuilder};

use crate::support::{LATER, PROJECT, plain};

async fn next_look(mirror: &Mirror) -> Option<SignedDuration> {
    let configured = vec![(HOST.to_owned(), mirror.paths[0].clone())];
    let next = mirror.engine().next_recheck(configured).await.unwrap();
    next.map(|(at, _)| at.duration_since(mirror.clock.now()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_in_the_minute_of_silence_is_found_when_the_minute_is_over() {
    for item in [
        ItemRef::issue(PROJECT, 3),
        ItemRef::merge_request(PROJECT, 3),
    ] {
        // Neither a fast nor a slow machine's clock loses it.
        for off_by in [0, 3_000, -3_000] {
            let mirror = MirrorBuilder::new(plain(5)).start();
            mirror.clock.set_off_by(SignedDuration::from_secs(off_by));
            mirror.sync().await.assert_clean();
            mirror.advance(LATER);
            mirror.change(|upstream| upstream.set_title(item, 1, "Fresh").unwrap());
            mirror.advance(Duration::from_secs(5));
            mirror.timed_sync().await.assert_clean();
            mirror.advance(Duration::from_secs(25));
            mirror.change(|upstream| {
                let before = upstream.item(item).unwrap().updated_at;
                upstream
                    .add_note(item, NewNote::comment(1, "Lost?"))
                    .unwrap();
                let after = upstream.item(item).unwrap().updated_at;
                assert_eq!(before, after, "the touch was not throttled");
            });
            let wait = next_look(&mirror).await.unwrap();
            assert!(
                wait > SignedDuration::from_secs(30) && wait <= SignedDuration::from_secs(50),
                "{wait:?}"
            );
            mirror.advance(wait.unsigned_abs());
            mirror.timed_sync().await.assert_clean();
            mirror.assert_equal();
            assert_eq!(next_look(&mirror).await, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_forget_what_is_to_be_looked_at_again() {
    let mut mirror = MirrorBuilder::new(plain(5)).start();
    mirror.sync().await.assert_clean();
    let item = ItemRef::issue(PROJECT, 2);
    mirror.change(|upstream| upstream.set_title(item, 1, "Fresh").unwrap());
    mirror.sync().await.assert_clean();
    mirror.advance(Duration::from_secs(20));
    mirror.change(|upstream| {
        upstream
            .add_note(item, NewNote::comment(1, "Lost?"))
            .unwrap()
    });
    mirror.restart().await;
    mirror.advance(Duration::from_secs(80));
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_that_gitlab_works_out_later_is_fetched_then() {
    let sim = plain(3).with(|options| options.preparing_delay = Duration::from_secs(40));
    let mirror = MirrorBuilder::new(sim).start();
    mirror.sync().await.assert_clean();
    mirror.change(|upstream| {
        let files = vec![DiffFile::renamed("old.rs", "new.rs", "")];
        let new = NewMergeRequest::new(1, "Rename", files);
        upstream.create_merge_request(PROJECT, new).unwrap();
    });
    mirror.timed_sync().await.assert_clean();
    let files = "SELECT count(*) FROM mr_file_changes WHERE new_path = 'new.rs'";
    assert_eq!(mirror.number(files), 0);
    // Nothing of it moves `updated_at`: the mirror looks by itself.
    let mut looks = 0;
    while mirror.number(files) == 0 {
        let wait = next_look(&mirror).await.expect("it is on the list");
        mirror.advance(wait.unsigned_abs());
        mirror.timed_sync().await.assert_clean();
        looks += 1;
        assert!(looks < 6, "never fetched");
    }
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_files_that_was_cut_is_asked_for_again() {
    let sim = plain(3).with(|options| options.diff_file_limit = Some(2));
    let mirror = MirrorBuilder::new(sim).start();
    mirror.change(|upstream| {
        let file = |name: &str| DiffFile::added(name, "@@ -0,0 +1 @@\n+x\n");
        let files = ["a", "b", "c", "d"].map(file).to_vec();
        upstream.push(PROJECT, 2, 1, files).unwrap();
    });
    mirror.advance(LATER);
    let elsewhere = vec![Route::RawDiffs, Route::Changes];
    mirror.sim.faults().add(FaultRule::new(
        RouteFilter::Routes(elsewhere),
        FaultKind::Status(503, ErrorBody::Html),
        When::Always,
    ));
    mirror.sync().await.assert_ended_well();
    let cut = "SELECT count(*) FROM merge_requests WHERE changes_complete = 0";
    assert_eq!(mirror.number(cut), 1);
    mirror.sim.faults().clear();
    mirror.advance(LATER);
    mirror.full_sync().await.assert_clean();
    assert_eq!(mirror.number(cut), 0);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_brings_the_new_diff_and_an_unmoved_one_is_not_asked_for() {
    let mirror = MirrorBuilder::new(plain(4)).start();
    mirror.sync().await.assert_clean();
    mirror.advance(LATER);
    let item = ItemRef::merge_request(PROJECT, 2);
    mirror.change(|upstream| upstream.set_title(item, 1, "No push").unwrap());
    mirror.advance(LATER);
    mirror.requests().clear();
    mirror.sync().await.assert_clean();
    assert_eq!(mirror.requests().count(Route::Diffs), 0);
    mirror.change(|upstream| {
        let files = vec![DiffFile::added("pushed.rs", "@@ -0,0 +1 @@\n+x\n")];
        upstream.push(PROJECT, 2, 1, files).unwrap();
    });
    mirror.advance(LATER);
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
}
