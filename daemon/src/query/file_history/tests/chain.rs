//! Which names a file has.

use std::collections::BTreeSet;

use lore_proto::file_history::ChangeType::{Added, Deleted, Modified};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::query::fixture::at;

#[tokio::test]
async fn a_chain_lists_the_newest_rename_first_with_the_asked_path_in_its_place() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).touches("a", Added),
            Mr::merged(2, 20).renames("a", "b"),
            Mr::merged(3, 30).renames("b", "c"),
        ])
        .await;
    for path in ["a", "b", "c"] {
        let found = history(&mirror, path).await;
        assert_eq!(names(&found), ["c", "b", "a"], "{path}");
        assert_eq!(iids(&found), [3, 2, 1], "{path}");
        let own = found.chain.iter().find(|name| name.renamed.is_none());
        assert_eq!(own.unwrap().path, path);
    }
    let middle = history(&mirror, "b").await;
    let later = middle.chain[0].renamed.as_ref().unwrap();
    assert_eq!((later.from.as_str(), later.to.as_str()), ("b", "c"));
    assert_eq!((later.merge_request_iid, later.at), (3, Some(at(30))));
    let earlier = middle.chain[2].renamed.as_ref().unwrap();
    assert_eq!((earlier.from.as_str(), earlier.to.as_str()), ("a", "b"));
}

#[tokio::test]
async fn renames_at_the_same_time_are_listed_by_name() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).renames("z", "m"),
            Mr::merged(2, 10).renames("b", "m"),
            Mr::merged(3, 10).renames("q", "m"),
        ])
        .await;
    assert_eq!(names(&history(&mirror, "m").await), ["m", "b", "q", "z"]);
}

#[tokio::test]
async fn a_name_that_another_file_took_over_leads_to_both_ways_of_that_name() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).renames("x", "y"),
            Mr::merged(2, 20).renames("z", "x"),
        ])
        .await;
    assert_eq!(names(&history(&mirror, "x").await), ["z", "y", "x"]);
    assert_eq!(names(&history(&mirror, "y").await), ["y", "z", "x"]);
    assert_eq!(names(&history(&mirror, "z").await), ["x", "y", "z"]);
}

#[tokio::test]
async fn a_sibling_that_shared_a_name_is_another_file() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).renames("a", "b"),
            Mr::merged(2, 20).touches("a", Added),
            Mr::merged(3, 30).renames("a", "c"),
            Mr::merged(4, 40).modifies("c"),
        ])
        .await;
    let b = history(&mirror, "b").await;
    assert_eq!(names(&b), ["b", "a"]);
    // !3 counts by the name `a`, !4 by none.
    assert_eq!(iids(&b), [3, 2, 1]);
    assert_eq!(b.merge_requests[0].changes[0].path, "a");
    assert_eq!(names(&history(&mirror, "a").await), ["c", "b", "a"]);
}

#[tokio::test]
async fn cycles_and_swaps_end() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).renames("a", "b"),
            Mr::merged(2, 20).renames("b", "c"),
            Mr::merged(3, 30).renames("c", "a"),
            Mr::merged(4, 40)
                .renames("left", "right")
                .renames("right", "left"),
        ])
        .await;
    for path in ["a", "b", "c"] {
        let found = history(&mirror, path).await;
        let all: BTreeSet<&str> = names(&found).into_iter().collect();
        assert_eq!(all, BTreeSet::from(["a", "b", "c"]));
        assert_eq!(names(&found).len(), 3);
        assert!(!found.chain_truncated);
    }
    let swapped = history(&mirror, "left").await;
    assert_eq!(names(&swapped), ["right", "left"]);
    assert_eq!(swapped.merge_requests[0].changes.len(), 2);
}

#[tokio::test]
async fn a_rename_that_was_not_merged_makes_no_edge_and_counts_as_a_touch() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).modifies("a"),
            Mr::in_state("closed", 2, 20).renames("a", "b"),
            Mr::in_state("opened", 3, 30).renames("a", "c"),
            Mr::in_state("opened", 4, 40).modifies("c"),
        ])
        .await;
    let a = history(&mirror, "a").await;
    assert_eq!(names(&a), ["a"]);
    assert_eq!(iids(&a), [3, 2, 1]);
    assert_eq!(a.merge_requests[0].changes[0].new_path, "c");
    assert_eq!(iids(&history(&mirror, "c").await), [4, 3]);
}

#[tokio::test]
async fn a_rename_elsewhere_done_as_delete_and_add_counts_by_both_names() {
    let mirror = Mirror::new().await;
    let mut stable = Mr::merged(2, 20).touches("a", Deleted).touches("b", Added);
    stable.target = "1-0-stable";
    mirror
        .add([Mr::merged(1, 10).renames("a", "b"), stable])
        .await;
    let found = history(&mirror, "b").await;
    assert_eq!(iids(&found), [2, 1]);
    let how: Vec<_> = found.merge_requests[0]
        .changes
        .iter()
        .map(|change| (change.path.as_str(), change.change_type))
        .collect();
    assert_eq!(how, [("a", Deleted), ("b", Added)]);
    assert_eq!(found.merge_requests[1].changes.len(), 1);
    assert_eq!(found.merge_requests[1].changes[0].path, "b");
}

#[tokio::test]
async fn only_an_entry_that_says_renamed_joins_two_names() {
    let mirror = Mirror::new().await;
    let mut odd = Mr::merged(1, 10);
    odd.changes.push(("a".into(), "b".into(), Modified));
    mirror.add([odd]).await;
    assert_eq!(names(&history(&mirror, "b").await), ["b"]);
    assert_eq!(iids(&history(&mirror, "a").await), [1]);
}

#[tokio::test]
async fn names_differ_by_every_byte() {
    let mirror = Mirror::new().await;
    let odd = [
        "Sirupsen/x.go",
        "sirupsen/x.go",
        "a b",
        "it's \"q\"",
        "naïve/日本.txt",
        "nai\u{308}ve",
        "a\nb",
        "c\\d",
        "%_*",
        "{}",
        "[\"a\"]",
    ];
    mirror
        .add([
            Mr::merged(1, 10).renames(odd[0], odd[1]),
            Mr::merged(2, 20)
                .renames(odd[2], odd[3])
                .renames(odd[6], odd[7]),
            Mr::merged(3, 30)
                .modifies(odd[4])
                .modifies(odd[5])
                .modifies(odd[8])
                .modifies(odd[9])
                .modifies(odd[10]),
        ])
        .await;
    assert_eq!(names(&history(&mirror, odd[1]).await), [odd[1], odd[0]]);
    assert_eq!(names(&history(&mirror, odd[3]).await), [odd[3], odd[2]]);
    assert_eq!(names(&history(&mirror, odd[6]).await), [odd[7], odd[6]]);
    for path in [odd[4], odd[5], odd[8], odd[9], odd[10]] {
        let found = history(&mirror, path).await;
        assert_eq!((iids(&found), names(&found)), (vec![3], vec![path]));
        assert_eq!(found.merge_requests[0].changes.len(), 1);
    }
}

#[tokio::test]
async fn a_chain_keeps_its_fifty_nearest_names() {
    let mirror = Mirror::new().await;
    let link =
        |n: i64| Mr::merged(n.unsigned_abs(), n).renames(&format!("n{n}"), &format!("n{}", n + 1));
    // n1 … n50.
    mirror.add((1..50).map(link)).await;
    let whole = history(&mirror, "n25").await;
    assert_eq!(whole.chain.len(), 50);
    assert!(!whole.chain_truncated);
    mirror.add((50..90).map(link)).await;
    let read = ask(&mirror, about("n60")).await.unwrap();
    assert!(read.data.chain_truncated);
    assert!(
        read.warnings
            .iter()
            .any(|warning| warning.contains("50 names"))
    );
    let kept = names(&read.data);
    assert_eq!(kept.len(), 50);
    assert!(kept.contains(&"n84") && kept.contains(&"n36"), "{kept:?}");
    assert!(!kept.contains(&"n86") && !kept.contains(&"n34"), "{kept:?}");
}

/// Closure over the edges in one direction.
fn reach(edges: &[(String, String)], from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    loop {
        let next: BTreeSet<String> = edges
            .iter()
            .filter(|(a, b)| seen.contains(a) && !seen.contains(b))
            .map(|(_, b)| b.clone())
            .collect();
        if next.is_empty() {
            return seen;
        }
        seen.extend(next);
    }
}

#[tokio::test]
async fn generated_histories_agree_with_the_rule_spelt_out() {
    for seed in 0..12 {
        let mut random = StdRng::seed_from_u64(seed);
        let paths: Vec<String> = (0..random.random_range(2..18))
            .map(|n| format!("p{n}"))
            .collect();
        let mut all = Vec::new();
        for iid in 1..random.random_range(5..60u64) {
            let minute = random.random_range(0..20);
            let state = *["merged", "merged", "merged", "opened", "closed"]
                .choose(&mut random)
                .unwrap();
            let mut mr = if state == "merged" {
                Mr::merged(iid, minute)
            } else {
                Mr::in_state(state, iid, minute)
            };
            for _ in 0..random.random_range(0..4) {
                let (a, b) = (
                    paths.choose(&mut random).unwrap(),
                    paths.choose(&mut random).unwrap(),
                );
                mr = match random.random_range(0..4) {
                    0 | 1 if a != b => mr.renames(a, b),
                    2 => mr.touches(a, Deleted),
                    _ => mr.modifies(a),
                };
            }
            all.push(mr);
        }
        let mirror = Mirror::new().await;
        mirror.add(all.clone()).await;
        let forth: Vec<(String, String)> = all
            .iter()
            .filter(|mr| mr.state == "merged")
            .flat_map(|mr| &mr.changes)
            .filter(|(a, b, _)| a != b)
            .map(|(a, b, _)| (a.clone(), b.clone()))
            .collect();
        let back: Vec<(String, String)> = forth.iter().cloned().map(|(a, b)| (b, a)).collect();
        for path in &paths {
            let known = all
                .iter()
                .flat_map(|mr| &mr.changes)
                .any(|(a, b, _)| a == path || b == path);
            let answer = ask(
                &mirror,
                FileHistoryParams {
                    limit: Some(1000),
                    ..about(path)
                },
            )
            .await;
            if !known {
                assert_eq!(answer.unwrap_err().code, ErrorCode::NotFound);
                continue;
            }
            let found = answer.unwrap().data;
            let chain: BTreeSet<String> = reach(&forth, path)
                .union(&reach(&back, path))
                .cloned()
                .collect();
            let got: BTreeSet<String> = names(&found).into_iter().map(str::to_owned).collect();
            assert_eq!(got, chain, "seed {seed}, {path}");
            assert_eq!(found.chain.len(), chain.len());
            let mut touched: Vec<_> = all
                .iter()
                .filter(|mr| {
                    mr.changes
                        .iter()
                        .any(|(a, b, _)| chain.contains(a) || chain.contains(b))
                })
                .map(|mr| (std::cmp::Reverse(mr.updated), std::cmp::Reverse(mr.iid)))
                .collect();
            touched.sort_unstable();
            let expected: Vec<u64> = touched.into_iter().map(|(_, iid)| iid.0).collect();
            assert_eq!(iids(&found), expected, "seed {seed}, {path}");
            assert_eq!(found.total, expected.len() as u64);
        }
    }
}
