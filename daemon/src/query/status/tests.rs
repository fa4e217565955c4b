use super::*;
use crate::query::fixture::{Mirror, Mr, PATH, project};

#[tokio::test]
async fn a_project_that_is_not_mirrored_yet_is_listed_with_nothing() {
    let mirror = Mirror::empty();
    mirror
        .sql(format!(
            "INSERT INTO sync_runs (run_id, mode, host, project, phase, status, completion_status, trigger,
                 started_at, heartbeat_at)
             VALUES ('r', 'standard', 'gitlab.example.com', '{PATH}', 'failed', 'failed', 'failed', 'timer', 0, 0)"
        ))
        .await;
    let found = projects(&mirror.db, &[project()], mirror.now())
        .await
        .unwrap();
    assert_eq!(found[0].project, project());
    assert_eq!(
        (found[0].complete, found[0].issues, found[0].last_synced_at),
        (false, 0, None)
    );
    assert_eq!(found[0].last_run.as_deref(), Some("failed"));
}

#[tokio::test]
async fn what_is_mirrored_and_owed_is_counted_for_each_project_alone() {
    let mirror = Mirror::new().await;
    mirror.add_project(2, "group/other").await;
    mirror
        .add([
            Mr::merged(1, 1),
            Mr::merged(2, 2),
            Mr {
                project: 2,
                ..Mr::merged(3, 3)
            },
        ])
        .await;
    mirror
        .sql(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, state, updated_at) VALUES (1, 1, 1, 't', 'opened', 0);
             INSERT INTO discussions (id, project_id, issue_id, gitlab_id, position, individual_note, content_hash)
             VALUES (1, 1, 1, 'd', 0, 0, 0);
             INSERT INTO notes (discussion_id, project_id, gitlab_id, position, body) VALUES (1, 1, 1, 0, ''), (1, 1, 2, 1, '');
             INSERT INTO pending_dependent_fetches (source_type, source_id, project_id, queued_at)
             VALUES ('issue', 1, 1, 0);
             INSERT INTO rechecks (project_id, source_type, iid, reason, due_at, queued_at)
             VALUES (1, 'issue', 1, 'unsettled', 0, 0)",
        )
        .await;
    let mut other = project();
    other.path = "Group/Other".into();
    let found = projects(&mirror.db, &[project(), other], mirror.now())
        .await
        .unwrap();
    let [other, this] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((this.issues, this.merge_requests, this.notes), (1, 2, 2));
    assert_eq!((this.pending_dependents, this.pending_rechecks), (1, 1));
    assert_eq!((this.age_seconds, this.complete), (Some(6_000), false));
    assert_eq!(this.project.id, Some(71));
    // Found in spite of its case, and named as the config names it.
    assert_eq!((other.merge_requests, other.complete), (1, false));
    assert_eq!((other.last_synced_at, other.age_seconds), (None, None));
    assert_eq!(
        (other.project.path.as_str(), other.project.id),
        ("Group/Other", Some(72))
    );
}

#[tokio::test]
async fn a_hidden_and_a_renamed_project_are_warned_of() {
    let mirror = Mirror::new().await;
    let found = async || warnings(&mirror.db, &[project()]).await.unwrap();
    assert_eq!(found().await, []);
    mirror
        .sql("UPDATE projects SET path_with_namespace = 'group/moved', access_lost_at = 60000")
        .await;
    let found = found().await;
    let codes: Vec<_> = found.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [ErrorCode::GitlabNotFound, ErrorCode::ConfigInvalid]);
    assert!(found[1].message.contains("`group/moved`"), "{found:?}");
}
