//! One item with all that hangs on it.

use super::*;

fn whole() -> GetMergeRequest {
    GetMergeRequest::default()
}

fn threads(detail: &MergeRequestDetail) -> Vec<&str> {
    let threads = detail.threads.iter();
    threads
        .map(|thread| thread.discussion_id.as_str())
        .collect()
}

#[tokio::test]
async fn threads_come_unresolved_first_with_their_place_and_without_gitlabs_own_notes() {
    let mirror = mirror().await;
    let detail = mr_detail(&mirror, 2, whole()).await.unwrap().data;
    assert_eq!(threads(&detail), ["d3", "d5", "d1", "d2"]);
    assert_eq!(detail.threads_total, 4);
    let open = &detail.threads[0];
    assert_eq!(open.resolved, Some(false));
    assert_eq!(
        (open.path.as_deref(), open.line),
        (Some("src/new.rs"), Some(12))
    );
    assert_eq!(open.side.as_deref(), Some("new"));
    assert_eq!(open.notes[0].author.as_deref(), Some("cyd"));
    assert_eq!(
        open.web_url.as_deref(),
        Some("https://h/g/p/-/merge_requests/2#note_103")
    );
    let remark = &detail.threads[2];
    assert_eq!((remark.resolved, remark.path.as_deref()), (None, None));
    let resolved = &detail.threads[3];
    assert_eq!(resolved.resolved, Some(true));
    assert_eq!(resolved.resolved_by.as_deref(), Some("ada"));
    // On a line that is gone, by the name of then.
    assert_eq!(
        (resolved.path.as_deref(), resolved.line),
        (Some("src/old.rs"), Some(7))
    );
    assert_eq!(resolved.side.as_deref(), Some("old"));
}

#[tokio::test]
async fn threads_can_be_narrowed_and_paged() {
    let mirror = mirror().await;
    let unresolved = GetMergeRequest {
        unresolved: true,
        ..whole()
    };
    let detail = mr_detail(&mirror, 2, unresolved).await.unwrap().data;
    assert_eq!(
        (threads(&detail), detail.threads_total),
        (vec!["d3", "d5"], 2)
    );
    for path in ["src/new.rs", "src/old.rs"] {
        let on_file = GetMergeRequest {
            path: Some(path.into()),
            ..whole()
        };
        let detail = mr_detail(&mirror, 2, on_file).await.unwrap().data;
        assert_eq!(threads(&detail), ["d3", "d2"], "{path}");
    }
    let mut got = Vec::new();
    let mut cursor = None;
    for _ in 0..4 {
        let page = GetMergeRequest {
            limit: Some(1),
            cursor: cursor.clone(),
            ..whole()
        };
        let page = mr_detail(&mirror, 2, page).await.unwrap().data;
        got.extend(threads(&page).into_iter().map(str::to_owned));
        assert_eq!(page.threads_remaining, 4 - got.len() as u64);
        cursor = page.next_cursor;
    }
    assert_eq!(
        (got.join(" ").as_str(), cursor.clone()),
        ("d3 d5 d1 d2", None)
    );
    let first = GetMergeRequest {
        limit: Some(1),
        ..whole()
    };
    let cursor = mr_detail(&mirror, 2, first).await.unwrap().data.next_cursor;
    let other = GetMergeRequest {
        unresolved: true,
        cursor,
        ..whole()
    };
    let error = mr_detail(&mirror, 2, other).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Usage);
}

#[tokio::test]
async fn texts_and_threads_are_cut_with_a_mark_and_can_be_had_whole() {
    let mirror = mirror().await;
    let short = GetMergeRequest {
        body_limit: Some(4),
        note_limit: Some(1),
        ..whole()
    };
    let detail = mr_detail(&mirror, 2, short).await.unwrap().data;
    assert_eq!(
        (detail.description.as_str(), detail.description_truncated),
        ("Noth", true)
    );
    let open = &detail.threads[0];
    assert_eq!((open.notes.len(), open.notes_total), (1, 2));
    assert_eq!(
        (open.notes[0].body.as_str(), open.notes[0].body_truncated),
        ("Why?", false)
    );
    let long = GetMergeRequest {
        body_limit: Some(1_000_000),
        ..whole()
    };
    let detail = mr_detail(&mirror, 2, long).await.unwrap().data;
    assert!(!detail.description_truncated);
    assert_eq!(detail.threads[0].notes.len(), 2);
    let huge = GetMergeRequest {
        body_limit: Some(1_000_001),
        ..whole()
    };
    assert_eq!(
        mr_detail(&mirror, 2, huge).await.unwrap_err().code,
        ErrorCode::Usage
    );
}

#[tokio::test]
async fn files_come_by_name_and_a_cut_list_says_so() {
    let mirror = mirror().await;
    let read = mr_detail(&mirror, 2, whole()).await.unwrap();
    let files: Vec<&str> = read
        .data
        .files
        .iter()
        .map(|f| f.new_path.as_str())
        .collect();
    assert_eq!(
        (files, read.data.files_total),
        (vec!["a.txt", "src/new.rs"], 2)
    );
    assert_eq!(read.data.files[1].additions, Some(3));
    assert!(!read.data.files_complete);
    assert_eq!(
        read.warnings,
        ["GitLab cut the list of changed files of !2"]
    );
}

#[tokio::test]
async fn closing_links_are_seen_from_both_ends() {
    let mirror = mirror().await;
    let detail = mr_detail(&mirror, 1, whole()).await.unwrap().data;
    let references: Vec<&str> = detail.closes.iter().map(|l| l.reference.as_str()).collect();
    assert_eq!(references, ["#1", "#5 of project 99", "PROJ-9"]);
    assert_eq!(detail.closes[0].state.as_deref(), Some("opened"));
    // No number that would mean another issue here.
    assert_eq!(detail.closes[1].iid, None);
    assert_eq!(detail.closes[1].title.as_deref(), Some("Elsewhere"));
    assert_eq!(detail.commit_sha.as_deref(), Some("abc"));
    assert_eq!(detail.merged_by.as_deref(), Some("ada"));
    let issue = issue_detail(&mirror, 1).await.unwrap().data;
    let links = &issue.closed_by_merge_requests;
    assert_eq!(links.len(), 1);
    assert_eq!(
        (links[0].reference.as_str(), links[0].state.as_deref()),
        ("!1", Some("merged"))
    );
}

#[tokio::test]
async fn an_issue_has_its_thread_and_its_events_newest_first() {
    let mirror = mirror().await;
    let read = issue_detail(&mirror, 1).await.unwrap();
    let issue = read.data;
    assert_eq!(issue.issue.title, "Cache is cold");
    assert_eq!(issue.description, "After a restart of the runner.");
    assert_eq!(issue.threads[0].notes[0].body, "Seen here as well.");
    let events: Vec<_> = issue.events.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(events, ["milestone", "state", "label"]);
    assert_eq!(issue.events_total, 3);
    assert_eq!(issue.fetched_at.unwrap().as_millisecond(), 700_000);
    assert_eq!(issue.owed, Vec::<String>::new());
    assert_eq!(read.freshness.unwrap().age_seconds, Some(6_000));
}

#[tokio::test]
async fn what_is_owed_is_said_with_the_command_that_gets_it() {
    let mirror = mirror().await;
    let read = mr_detail(&mirror, 3, whole()).await.unwrap();
    assert_eq!(read.data.owed, ["discussions", "diffs"]);
    assert!(read.data.merge_request.incomplete);
    assert!(!read.freshness.unwrap().complete);
    assert_eq!(
        read.warnings,
        [
            "!3 is not whole yet, this is still owed: discussions, diffs; \
          `lore sync --mr 3 -p group/project` gets it now"
        ]
    );
}

#[tokio::test]
async fn an_unknown_number_says_what_to_do_and_what_else_has_it() {
    let mirror = mirror().await;
    let error = issue_detail(&mirror, 99).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(error.message, "#99 of `group/project` is not in the mirror");
    assert_eq!(error.actions, ["lore sync --issue 99 -p group/project"]);
    let error = mr_detail(&mirror, 4, whole()).await.unwrap_err();
    assert_eq!(
        error.message,
        "!4 of `group/project` is not in the mirror; there is a #4"
    );
    assert_eq!(
        error.actions,
        [
            "lore issues 4 -p group/project",
            "lore sync --mr 4 -p group/project"
        ]
    );
    // Where the path alone does not name it, the host is told too.
    mirror
        .sql(
            "INSERT INTO projects (id, host, gitlab_id, path_with_namespace, name, last_seen_at)
             VALUES (9, 'other', 9, 'group/project', 'p', 0);
             INSERT INTO project_paths (host, path, project_id) VALUES ('other', 'group/project', 9)",
        )
        .await;
    let error = issue_detail(&mirror, 99).await.unwrap_err();
    let action = "lore sync --issue 99 -p group/project --host gitlab.example.com";
    assert_eq!(error.actions, [action]);
}
