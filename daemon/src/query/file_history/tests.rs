use std::collections::BTreeSet;

use lore_proto::file_history::ChangeType::{Added, Deleted, Modified};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::query::fixture::{Mirror, Mr, PATH, at, project};

fn about(path: &str) -> FileHistoryParams {
    FileHistoryParams {
        path: path.into(),
        project: None,
        host: None,
        remotes: Vec::new(),
        discussions: false,
        merged: false,
        no_follow_renames: false,
        limit: None,
        cursor: None,
    }
}

async fn ask(mirror: &Mirror, params: FileHistoryParams) -> Result<Read<FileHistory>, WireError> {
    get(&mirror.db, &project(), params, mirror.now()).await
}

async fn history(mirror: &Mirror, path: &str) -> FileHistory {
    ask(mirror, about(path)).await.unwrap().data
}

fn names(history: &FileHistory) -> Vec<&str> {
    history
        .chain
        .iter()
        .map(|name| name.path.as_str())
        .collect()
}

fn iids(history: &FileHistory) -> Vec<u64> {
    history.merge_requests.iter().map(|mr| mr.iid).collect()
}

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
            assert_eq!(found.total as usize, expected.len());
        }
    }
}

#[tokio::test]
async fn merge_requests_come_by_merge_then_update_then_iid() {
    let mirror = Mirror::new().await;
    let mut late = Mr::merged(1, 10).modifies("f");
    late.updated = 99;
    mirror
        .add([
            late,
            Mr::merged(2, 10).modifies("f"),
            Mr::merged(3, 10).modifies("f"),
            Mr::in_state("opened", 4, 20).modifies("f"),
            Mr::merged(5, 30).modifies("f"),
        ])
        .await;
    assert_eq!(iids(&history(&mirror, "f").await), [5, 4, 1, 3, 2]);
    let merged = ask(
        &mirror,
        FileHistoryParams {
            merged: true,
            ..about("f")
        },
    )
    .await
    .unwrap()
    .data;
    assert_eq!(iids(&merged), [5, 1, 3, 2]);
    assert_eq!(merged.total, 4);
}

#[tokio::test]
async fn pages_joined_are_the_whole_whatever_comes_in_between() {
    let mirror = Mirror::new().await;
    // Many at the same time, so that pages end among them.
    mirror
        .add((1..=25).map(|n| Mr::merged(n, 10 + i64::try_from(n).unwrap() / 10).modifies("f")))
        .await;
    let whole = history(&mirror, "f").await;
    assert_eq!((whole.merge_requests.len(), whole.total), (20, 25));
    let mut got = Vec::new();
    let mut cursor = None;
    for round in 0..10 {
        let params = FileHistoryParams {
            limit: Some(7),
            cursor: cursor.clone(),
            ..about("f")
        };
        let page = ask(&mirror, params).await.unwrap().data;
        got.extend(iids(&page));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if round == 0 {
            mirror.add([Mr::merged(99, 500).modifies("f")]).await;
        }
    }
    let expected: Vec<u64> = (1..=25).rev().collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let mirror = Mirror::new().await;
    mirror
        .add((1..=3).map(|n| Mr::merged(n, 10).modifies("f").modifies("g")))
        .await;
    let params = FileHistoryParams {
        limit: Some(1),
        ..about("f")
    };
    let cursor = ask(&mirror, params.clone()).await.unwrap().data.next_cursor;
    assert!(cursor.is_some());
    for other in [
        FileHistoryParams {
            cursor: cursor.clone(),
            ..about("g")
        },
        FileHistoryParams {
            cursor: cursor.clone(),
            merged: true,
            ..about("f")
        },
        FileHistoryParams {
            cursor: Some("00".into()),
            ..about("f")
        },
        FileHistoryParams {
            limit: Some(0),
            ..about("f")
        },
        FileHistoryParams {
            limit: Some(1_001),
            ..about("f")
        },
    ] {
        assert_eq!(
            ask(&mirror, other).await.unwrap_err().code,
            ErrorCode::Usage
        );
    }
    let next = FileHistoryParams {
        cursor,
        limit: Some(5),
        ..about("f")
    };
    assert_eq!(iids(&ask(&mirror, next).await.unwrap().data), [2, 1]);
}

#[tokio::test]
async fn without_following_only_the_path_itself_counts() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).modifies("a"),
            Mr::merged(2, 20).renames("a", "b"),
            Mr::merged(3, 30).modifies("b"),
        ])
        .await;
    let params = FileHistoryParams {
        no_follow_renames: true,
        ..about("a")
    };
    let found = ask(&mirror, params).await.unwrap().data;
    assert_eq!((names(&found), iids(&found)), (vec!["a"], vec![2, 1]));
    assert_eq!(found.merge_requests[0].changes[0].path, "a");
}

#[tokio::test]
async fn merge_requests_with_a_cut_list_are_named_unless_they_are_known_to_touch_the_file() {
    let mirror = Mirror::new().await;
    let cut = |mr: Mr| Mr {
        complete: false,
        ..mr
    };
    mirror
        .add([
            cut(Mr::merged(1, 10).modifies("f")),
            cut(Mr::merged(2, 20).modifies("other")),
            cut(Mr::in_state("opened", 3, 30).modifies("other")),
            Mr::merged(4, 40).modifies("f"),
        ])
        .await;
    assert_eq!(history(&mirror, "f").await.possibly_missing, [3, 2]);
    let merged = ask(
        &mirror,
        FileHistoryParams {
            merged: true,
            ..about("f")
        },
    )
    .await
    .unwrap();
    assert_eq!(merged.data.possibly_missing, [2]);
    let unknown = ask(&mirror, about("nowhere")).await.unwrap_err();
    assert_eq!(unknown.details["possibly_missing"], json!([3, 2, 1]));
}

#[tokio::test]
async fn an_unknown_path_names_the_nearest_known_ones_and_a_command_without_them() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10)
                .modifies("common/config.go")
                .modifies("docs/readme.md")
                .modifies("Makefile"),
            Mr::merged(2, 20).renames("gone/config.go", "commands/config.go"),
            Mr::merged(3, 30).modifies("lib/$(reboot)/config.go"),
        ])
        .await;
    let nearest = |path: &'static str| {
        let mirror = &mirror;
        async move {
            let error = ask(mirror, about(path)).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::NotFound);
            assert_eq!(error.actions, ["lore sync -p group/project"]);
            error.details["nearest"].clone()
        }
    };
    assert_eq!(
        nearest("config.go").await,
        json!([
            "commands/config.go",
            "common/config.go",
            "gone/config.go",
            "lib/$(reboot)/config.go"
        ])
    );
    assert_eq!(nearest("makefile").await, json!(["Makefile"]));
    assert_eq!(nearest("docs/redme.md").await, json!(["docs/readme.md"]));
    assert_eq!(nearest("src/nothing/like/it.rs").await, json!([]));
}

#[tokio::test]
async fn a_project_that_is_not_mirrored_yet_is_not_found_with_the_command_to_sync_it() {
    let mirror = Mirror::empty();
    let error = ask(&mirror, about("f")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(error.actions[0], "lore sync -p group/project");
    assert!(error.message.contains(PATH));
}

#[tokio::test]
async fn another_projects_files_are_not_looked_at() {
    let mirror = Mirror::new().await;
    mirror.add_project(2, "group/other").await;
    let elsewhere = |mr: Mr| Mr { project: 2, ..mr };
    mirror
        .add([
            Mr::merged(1, 10).modifies("f"),
            elsewhere(Mr::merged(2, 20).modifies("f").renames("f", "g")),
            elsewhere(Mr {
                complete: false,
                ..Mr::merged(3, 30)
            }),
        ])
        .await;
    let found = history(&mirror, "f").await;
    assert_eq!((iids(&found), names(&found)), (vec![1], vec!["f"]));
    assert!(found.possibly_missing.is_empty());
    assert_eq!(
        ask(&mirror, about("g")).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn an_answer_says_how_fresh_it_is_and_what_became_of_the_project() {
    let mirror = Mirror::new().await;
    mirror.add([Mr::merged(1, 10).modifies("f")]).await;
    let read = ask(&mirror, about("f")).await.unwrap();
    let freshness = read.freshness.unwrap();
    assert_eq!(
        (freshness.age_seconds, freshness.complete),
        (Some(6_000), true)
    );
    assert_eq!(read.data.project.id, Some(71));
    assert!(read.warnings.is_empty());
    mirror
        .sql(
            "INSERT INTO pending_dependent_fetches (source_type, source_id, project_id, diffs, queued_at)
             VALUES ('merge_request', 1, 1, 1, 0);
             UPDATE projects SET path_with_namespace = 'group/moved', access_lost_at = 60000",
        )
        .await;
    let read = ask(&mirror, about("f")).await.unwrap();
    assert!(!read.freshness.unwrap().complete);
    assert_eq!(read.data.project.path, PATH);
    assert!(read.warnings[0].contains("group/moved"));
    assert!(
        read.warnings[1].contains("1970-01-01 00:01 UTC"),
        "{:?}",
        read.warnings
    );
}

/// One thread of notes on merge request 1; (note, path before, path after, line
/// before, line after, body).
async fn add_thread(mirror: &Mirror, thread: i64, notes: &[(i64, &str, &str, &str, &str, &str)]) {
    let mut sql = format!(
        "INSERT INTO discussions (id, project_id, merge_request_id, gitlab_id, position,
             individual_note, resolvable, resolved, content_hash)
         VALUES ({thread}, 1, 1, 'd{thread}', {thread}, 0, 1, {thread} % 2, 0);"
    );
    for (position, (note, old, new, old_line, new_line, body)) in notes.iter().enumerate() {
        sql.push_str(&format!(
            "INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, note_type, body, author_id)
             VALUES ({note}, {thread}, 1, {note}, {position}, 'DiffNote', '{body}', 5);
             INSERT INTO note_positions (note_id, project_id, old_path, new_path, old_line, new_line)
             VALUES ({note}, 1, '{old}', '{new}', {old_line}, {new_line});"
        ));
    }
    mirror.sql(sql).await;
}

#[tokio::test]
async fn threads_on_any_name_of_the_file_come_with_place_state_and_link() {
    let mirror = Mirror::new().await;
    mirror
        .add([
            Mr::merged(1, 10).modifies("old").modifies("elsewhere"),
            Mr::merged(2, 20).renames("old", "new"),
        ])
        .await;
    mirror
        .sql("INSERT INTO users (id, host, gitlab_id, username) VALUES (5, 'h', 5, 'ada')")
        .await;
    add_thread(
        &mirror,
        2,
        &[
            (21, "old", "old", "NULL", "7", "first"),
            (22, "old", "old", "NULL", "7", "second"),
        ],
    )
    .await;
    add_thread(
        &mirror,
        1,
        &[(11, "old", "old", "3", "NULL", &"é".repeat(500))],
    )
    .await;
    add_thread(
        &mirror,
        3,
        &[(31, "elsewhere", "elsewhere", "1", "1", "not here")],
    )
    .await;
    mirror
        .sql(
            "INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, body, system)
             VALUES (29, 2, 1, 29, 2, 'changed this line', 1)",
        )
        .await;
    let params = FileHistoryParams {
        discussions: true,
        ..about("new")
    };
    let found = ask(&mirror, params).await.unwrap().data;
    assert_eq!(found.merge_requests[0].discussions, Some(Vec::new()));
    let threads = found.merge_requests[1].discussions.clone().unwrap();
    let ids: Vec<_> = threads
        .iter()
        .map(|thread| thread.discussion_id.as_str())
        .collect();
    assert_eq!(ids, ["d1", "d2"]);
    assert_eq!(
        (
            threads[0].resolved,
            threads[0].line,
            threads[0].side.as_deref()
        ),
        (Some(true), Some(3), Some("old"))
    );
    assert_eq!(
        (
            threads[1].resolved,
            threads[1].line,
            threads[1].side.as_deref()
        ),
        (Some(false), Some(7), Some("new"))
    );
    assert_eq!(threads[0].path, "old");
    assert_eq!(
        threads[1].web_url.as_deref(),
        Some("https://gitlab.example.com/group/project/-/merge_requests/1#note_21")
    );
    let cut = &threads[0].notes[0];
    assert_eq!((cut.body.chars().count(), cut.body_truncated), (400, true));
    let bodies: Vec<_> = threads[1]
        .notes
        .iter()
        .map(|note| note.body.as_str())
        .collect();
    assert_eq!(bodies, ["first", "second"]);
    assert_eq!(threads[1].notes[0].author.as_deref(), Some("ada"));
    assert!(
        history(&mirror, "new").await.merge_requests[1]
            .discussions
            .is_none()
    );
}

#[tokio::test]
async fn the_same_question_gives_the_same_bytes() {
    let mirror = Mirror::new().await;
    mirror
        .add((1..30).map(|n| {
            Mr::merged(n, 10)
                .renames(&format!("a{}", n % 5), &format!("b{}", n % 7))
                .modifies("b1")
        }))
        .await;
    let bytes = |found: FileHistory| serde_json::to_string(&found).unwrap();
    let first = bytes(history(&mirror, "b1").await);
    for _ in 0..5 {
        assert_eq!(bytes(history(&mirror, "b1").await), first);
    }
}
