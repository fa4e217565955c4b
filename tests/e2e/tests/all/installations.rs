//! Installations of GitLab that differ.

use std::time::Duration;

use gitlab_sim::upstream::RandomChangeOptions;
use gitlab_sim::{GeneratorConfig, Options, SimulatorBuilder, Tier};
use lore_e2e::{Mirror, MirrorBuilder};

use crate::support::{LATER, generated};

async fn lives_on(name: &str, config: &GeneratorConfig, change: impl FnOnce(&mut Options)) {
    let sim = SimulatorBuilder::new().generate(config).with(change);
    let mirror = MirrorBuilder::new(sim).start();
    mirror.sync().await.assert_clean();
    assert_equal(name, &mirror);
    mirror.advance(LATER);
    mirror.change(|upstream| {
        upstream.random_changes(7, 40, &RandomChangeOptions::default());
    });
    // Replicas catch up, diffs are worked out.
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    mirror.advance(LATER);
    mirror.full_sync().await.assert_ended_well();
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    assert_equal(name, &mirror);
}

fn assert_equal(name: &str, mirror: &Mirror) {
    let differences = mirror.differences();
    assert!(differences.is_empty(), "{name}: {differences}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tier_has_the_status_that_it_has() {
    for tier in [Tier::Ce, Tier::Free, Tier::Premium, Tier::OldEnterprise] {
        let name = format!("{tier:?}");
        lives_on(&name, &generated(111, 30), |options| options.tier = tier).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_any_zone_and_links_of_any_host_are_read() {
    lives_on("zone and root", &generated(112, 130), |options| {
        options.utc_offset = -12_600;
        options.relative_root = "/gitlab".to_owned();
        options.link_host = Some("internal.example:8080".to_owned());
        options.redirect_base = Some("http://internal.example".to_owned());
        options.gzip = true;
        options.work_item_urls = true;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_without_keyset_and_raw_diffs_are_mirrored() {
    lives_on("old", &generated(113, 130), |options| {
        options.keyset = false;
        options.totals_limit = 50;
        options.raw_diffs = false;
        options.version = "15.11.13".to_owned();
        options.tier = Tier::Ce;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_diff_is_completed_or_marked() {
    let config = GeneratorConfig {
        huge_merge_requests: 2,
        ..generated(114, 12)
    };
    for (raw_diffs, access_raw_diffs) in [(true, true), (false, true)] {
        lives_on("completed", &config, |options| {
            options.raw_diffs = raw_diffs;
            options.access_raw_diffs = access_raw_diffs;
        })
        .await;
    }
    let sim = SimulatorBuilder::new().generate(&config).with(|options| {
        options.raw_diffs = false;
        options.access_raw_diffs = false;
    });
    let mirror = MirrorBuilder::new(sim).start();
    let outcome = mirror.sync().await;
    outcome.assert_ended_well();
    assert!(!outcome.run().warnings.is_empty());
    assert_equal("marked", &mirror);
    let cut = mirror.number("SELECT count(*) FROM merge_requests WHERE NOT changes_complete");
    assert!(cut >= 2, "{cut}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_lag_lose_nothing() {
    let sim = SimulatorBuilder::new()
        .generate(&generated(115, 80))
        .with(|options| options.replica_lag = Duration::from_secs(8));
    let mirror = MirrorBuilder::new(sim).start();
    mirror.sync().await.assert_clean();
    for round in 0..6 {
        mirror.change(|upstream| {
            let options = RandomChangeOptions {
                longest_pause: Duration::from_secs(30),
                ..RandomChangeOptions::default()
            };
            upstream.random_changes(round, 20, &options);
        });
        mirror.sync().await;
        mirror.advance(Duration::from_secs(3));
        mirror.timed_sync().await;
    }
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    mirror.full_sync().await.assert_ended_well();
    mirror.advance(LATER);
    mirror.sync().await.assert_ended_well();
    assert_equal("lagging", &mirror);
}
