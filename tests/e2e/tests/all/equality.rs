//! The mirror equals upstream, table by table.

use std::time::Duration;

use gitlab_sim::upstream::RandomChangeOptions;
use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use lore_e2e::MirrorBuilder;

use crate::support::{LATER, mirror_of};

/// Whether the sizes are those that the mirror is made for, not those that
/// every test run bears.
fn full_size() -> bool {
    std::env::var_os("LORE_E2E_FULL").is_some()
}

fn sized(seed: u64, projects: usize) -> GeneratorConfig {
    let items = if full_size() { 5_000 } else { 300 / projects };
    GeneratorConfig {
        seed,
        projects,
        issues: items,
        merge_requests: items,
        ..GeneratorConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_mirrors_everything() {
    let mirror = mirror_of(&sized(1, 1));
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
    let unknown = mirror.requests().with_unknown_params();
    assert!(
        unknown.is_empty(),
        "GitLab ignores a parameter: {unknown:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_changes_arrive_by_an_incremental_sync_a_reconcile_and_its_confirmation() {
    let seeds: &[u64] = if full_size() { &[1, 2, 3] } else { &[1, 2] };
    for seed in seeds.iter().copied() {
        // Two projects, so that issues can move.
        let mirror = mirror_of(&sized(seed, 2));
        mirror.sync().await.assert_ended_well();
        mirror.advance(LATER);
        let changes = mirror.change(|upstream| {
            upstream.random_changes(seed, 1_000, &RandomChangeOptions::default())
        });
        assert_eq!(changes.len(), 1_000);
        mirror.sync().await.assert_ended_well();
        mirror.full_sync().await.assert_ended_well();
        mirror.advance(Duration::from_mins(4));
        mirror.timed_sync().await.assert_ended_well();
        mirror.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_move_their_item_arrive_by_incremental_syncs_alone() {
    let mirror = mirror_of(&sized(7, 1));
    mirror.sync().await.assert_ended_well();
    let options = RandomChangeOptions {
        deletions: false,
        moves: false,
        project_renames: false,
        silent: false,
        ..RandomChangeOptions::default()
    };
    for round in 0..8 {
        mirror.change(|upstream| upstream.random_changes(70 + round, 25, &options));
        mirror.timed_sync().await.assert_ended_well();
    }
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_ended_well();
    // A new title of an issue reaches the links to it with the sweep.
    mirror
        .checker()
        .without_closed_links()
        .compare_at_rest(&mirror.connection())
        .assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_while_a_sync_runs_are_there_after_the_next_ones() {
    for seed in [11, 12, 13] {
        let config = sized(seed, 2);
        let mirror = mirror_of(&config);
        let options = RandomChangeOptions {
            longest_pause: Duration::from_secs(2),
            ..RandomChangeOptions::default()
        };
        for nth in 1..=60 {
            let options = options.clone();
            mirror
                .sim
                .change_after(gitlab_sim::RouteFilter::Any, nth * 20, move |upstream| {
                    upstream.random_changes(seed * 1_000 + nth, 5, &options);
                });
        }
        mirror.sync().await.assert_ended_well();
        mirror.advance(LATER);
        mirror.sync().await.assert_ended_well();
        mirror.full_sync().await.assert_ended_well();
        mirror.advance(Duration::from_mins(4));
        mirror.sync().await.assert_ended_well();
        mirror.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_nothing_changed_for_writes_the_same_again() {
    let mirror = mirror_of(&sized(4, 1));
    mirror.sync().await.assert_ended_well();
    mirror.full_sync().await.assert_ended_well();
    mirror.full_sync().await.assert_ended_well();
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_of_one_host_stand_side_by_side() {
    let config = GeneratorConfig {
        projects: 3,
        ..crate::support::generated(9, 40)
    };
    let sim = SimulatorBuilder::new().generate(&config);
    let mirror = MirrorBuilder::new(sim).projects(&[42, 44]).start();
    mirror.sync().await.assert_clean();
    // What moved between the projects just now is settled later.
    mirror.advance(LATER);
    mirror.timed_sync().await.assert_clean();
    mirror.assert_equal();
}
