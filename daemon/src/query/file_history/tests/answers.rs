//! What an answer holds besides.

use std::fmt::Write as _;

use super::*;
use crate::query::fixture::PATH;

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
async fn an_unknown_path_names_the_nearest_known_ones_or_else_the_command_to_sync() {
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
            let nearest = error.details["nearest"].clone();
            let none = nearest == json!([]);
            assert_eq!(error.actions == ["lore sync -p group/project"], none);
            nearest
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
        write!(
            sql,
            "INSERT INTO notes (id, discussion_id, project_id, gitlab_id, position, note_type, body, author_id)
             VALUES ({note}, {thread}, 1, {note}, {position}, 'DiffNote', '{body}', 5);
             INSERT INTO note_positions (note_id, project_id, old_path, new_path, old_line, new_line)
             VALUES ({note}, 1, '{old}', '{new}', {old_line}, {new_line});"
        )
        .unwrap();
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
async fn a_thread_names_the_file_by_the_side_it_was_written_on() {
    let mirror = Mirror::new().await;
    mirror.add([Mr::merged(1, 10).renames("old", "new")]).await;
    mirror
        .sql("INSERT INTO users (id, host, gitlab_id, username) VALUES (5, 'h', 5, 'ada')")
        .await;
    add_thread(&mirror, 1, &[(11, "old", "new", "4", "NULL", "gone")]).await;
    add_thread(&mirror, 2, &[(21, "old", "new", "5", "6", "kept")]).await;
    add_thread(&mirror, 3, &[(31, "old", "new", "NULL", "NULL", "whole")]).await;
    let params = FileHistoryParams {
        discussions: true,
        ..about("old")
    };
    let found = ask(&mirror, params).await.unwrap().data;
    let threads = found.merge_requests[0].discussions.as_ref().unwrap();
    let places: Vec<_> = threads
        .iter()
        .map(|thread| (thread.path.as_str(), thread.line, thread.side.as_deref()))
        .collect();
    assert_eq!(
        places,
        [
            ("old", Some(4), Some("old")),
            ("new", Some(6), Some("new")),
            ("new", None, None)
        ]
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
