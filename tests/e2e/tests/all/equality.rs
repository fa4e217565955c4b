//! The mirror equals upstream, table by table.

use std::time::Duration;

use gitlab_sim::upstream::RandomChangeOptions;
use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use lore_e2e::{Mirror, MirrorBuilder};

/// A project of a size that a test run bears; `LORE_E2E_FULL` asks for the
/// size that the mirror is made for.
fn sized(seed: u64) -> GeneratorConfig {
    let items = if std::env::var_os("LORE_E2E_FULL").is_some() {
        5_000
    } else {
        150
    };
    GeneratorConfig {
        seed,
        issues: items,
        merge_requests: items,
        ..GeneratorConfig::default()
    }
}

fn mirror_of(config: &GeneratorConfig) -> Mirror {
    MirrorBuilder::new(SimulatorBuilder::new().generate(config)).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_mirrors_everything() {
    let mirror = mirror_of(&sized(1));
    mirror.sync().await.assert_clean();
    mirror.assert_equal();
    let unknown = mirror.requests().with_unknown_params();
    assert!(
        unknown.is_empty(),
        "GitLab ignores a parameter: {unknown:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_arrive_by_an_incremental_sync_and_a_reconcile() {
    for seed in [1, 2, 3] {
        let config = GeneratorConfig {
            projects: 2,
            ..sized(seed)
        };
        let mirror = mirror_of(&config);
        mirror.sync().await.assert_ended_well();
        mirror.advance(Duration::from_secs(300));
        mirror.change(|upstream| {
            upstream.random_changes(seed, 400, &RandomChangeOptions::default());
        });
        mirror.sync().await.assert_ended_well();
        mirror.full_sync().await.assert_ended_well();
        mirror.advance(Duration::from_secs(200));
        mirror.sync().await.assert_ended_well();
        mirror.assert_equal();
    }
}
