//! Documents: exactly those of the touched sources.

use gitlab_sim::upstream::{ItemRef, NewNote};
use lore_e2e::Mirror;
use lore_proto::sync::SyncRequest;

use super::harness::{issues, retitle, surgical, tamper};
use crate::support::{LATER, PROJECT, generated, synced};

fn dirty(mirror: &Mirror) -> Vec<String> {
    mirror.texts(
        "SELECT source_type || ' ' || iid FROM dirty_sources d JOIN issues i
             ON d.source_type = 'issue' AND d.source_id = i.id ORDER BY iid",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn surgical_docs_scope_ignores_preexisting_dirty_rows() {
    let mirror = synced(&generated(50, 10)).await;
    tamper(
        &mirror,
        "INSERT INTO mark_dirty (source_type, source_id, project_id)
         SELECT 'issue', id, project_id FROM issues WHERE iid IN (5, 6)",
    );
    mirror.change(|upstream| retitle(upstream, ItemRef::issue(PROJECT, 1)));
    mirror.advance(LATER);
    let ended = surgical(&mirror, issues(&[1])).await;
    assert_eq!(ended.clean().counters.docs_regenerated, 1);
    assert_eq!(dirty(&mirror), ["issue 5", "issue 6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn surgical_docs_scope_ignores_preexisting_dirty_rows_for_same_entity() {
    let mirror = synced(&generated(51, 10)).await;
    tamper(
        &mirror,
        "INSERT INTO mark_dirty (source_type, source_id, project_id)
         SELECT 'issue', id, project_id FROM issues WHERE iid = 1",
    );
    mirror.change(|upstream| {
        retitle(upstream, ItemRef::issue(PROJECT, 1));
        let note = NewNote::thread(1, "A question");
        upstream.add_note(ItemRef::issue(PROJECT, 1), note).unwrap();
    });
    mirror.advance(LATER);
    // The older marking is absorbed with the run's own: one document each.
    let ended = surgical(&mirror, issues(&[1])).await;
    assert_eq!(ended.clean().counters.docs_regenerated, 2);
    assert!(dirty(&mirror).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_documents_the_marking_stays_for_a_later_run() {
    let mirror = synced(&generated(52, 10)).await;
    mirror.change(|upstream| retitle(upstream, ItemRef::issue(PROJECT, 1)));
    mirror.advance(LATER);
    let request = SyncRequest {
        no_docs: true,
        no_embed: true,
        ..issues(&[1])
    };
    let ended = surgical(&mirror, request).await;
    assert_eq!(ended.clean().counters.docs_regenerated, 0);
    assert_eq!(dirty(&mirror), ["issue 1"]);
    mirror.sync().await.assert_clean();
    assert!(dirty(&mirror).is_empty());
}
