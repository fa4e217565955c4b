//! Cancelled late, and beside other syncs: what comes after the content.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use gitlab_sim::upstream::ItemRef;
use lore_daemon::embedding::{EmbedError, EmbedInput, Embedded, ModelIdentity, Provider, Vector};
use lore_daemon::sync::Trigger;
use lore_e2e::{Mirror, broken_invariants};
use lore_proto::jobs::JobState;
use lore_proto::sync::{Phase, RunStatus, SyncRequest};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::harness::{ended, merge_requests, reaches, retitle, start, surgical};
use crate::support::{LATER, PROJECT, generated, synced};

/// Embeds only as often as it is let, and remembers what.
#[derive(Debug)]
struct Gated {
    turns: Semaphore,
    titles: Mutex<Vec<String>>,
    /// One permit for each call that has begun.
    begun: Semaphore,
}

impl Gated {
    fn of(mirror: &Mirror, turns: usize) -> Arc<Self> {
        let gated = Arc::new(Self {
            turns: Semaphore::new(turns),
            titles: Mutex::default(),
            begun: Semaphore::new(0),
        });
        let provider = Arc::clone(&gated) as Arc<dyn Provider>;
        mirror.engine().set_embedder(Ok(Some(provider)));
        gated
    }

    fn titles(&self) -> Vec<String> {
        self.titles.lock().unwrap().clone()
    }

    async fn begun(&self) {
        let begun = tokio::time::timeout(Duration::from_mins(1), self.begun.acquire());
        begun.await.expect("somebody embeds").unwrap().forget();
    }
}

impl Provider for Gated {
    fn identity<'a>(
        &'a self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ModelIdentity, EmbedError>> {
        Box::pin(async {
            Ok(ModelIdentity {
                provider: "openai",
                model: "gated".to_owned(),
                dimension: 2,
                digest: String::new(),
            })
        })
    }

    fn batch_size(&self) -> usize {
        8
    }

    fn max_input_chars(&self) -> usize {
        1_000
    }

    fn destination(&self) -> Option<&str> {
        None
    }

    fn embed<'a>(
        &'a self,
        inputs: &'a [EmbedInput],
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Embedded>, EmbedError>> {
        Box::pin(async move {
            self.begun.add_permits(1);
            tokio::select! {
                turn = self.turns.acquire() => turn.unwrap().forget(),
                () = cancel.cancelled() => return Err(EmbedError::Cancelled),
            }
            let mut titles = self.titles.lock().unwrap();
            titles.extend(inputs.iter().map(|input| input.title.clone()));
            let vector = || Ok(Vector::quantise(&[1.0, 0.5]).unwrap());
            Ok(inputs.iter().map(|_| vector()).collect())
        })
    }
}

/// A mirror whose documents all have vectors, and merge request 2 changed.
async fn embedded(seed: u64) -> (Mirror, Arc<Gated>) {
    let mirror = synced(&generated(seed, 10)).await;
    let gated = Gated::of(&mirror, Semaphore::MAX_PERMITS);
    mirror.sync().await.assert_clean();
    assert_eq!(unembedded(&mirror), 0);
    mirror.change(|upstream| retitle(upstream, ItemRef::merge_request(PROJECT, 2)));
    mirror.advance(LATER);
    drop(gated);
    let gated = Gated::of(&mirror, 0);
    (mirror, gated)
}

fn unembedded(mirror: &Mirror) -> i64 {
    mirror.number("SELECT count(*) FROM documents WHERE embedded_with IS NULL")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_while_it_embeds_keeps_its_content_and_the_next_sync_embeds() {
    let (mirror, gated) = embedded(60).await;
    let job = start(&mirror, merge_requests(&[2])).await;
    reaches(&mirror, job, Phase::Embed).await;
    gated.begun().await;
    assert!(mirror.scheduler().cancel(job, None).await.is_some());
    let ended = ended(&mirror, job).await;
    assert_eq!(ended.state, JobState::Cancelled);
    assert_eq!(ended.code(), "CANCELLED");
    let run = ended.run();
    assert_eq!(
        (run.status, run.phase),
        (RunStatus::Cancelled, Phase::Cancelled)
    );
    assert!(run.cancelled_at.is_some());
    assert_eq!(
        (run.counters.mrs_ingested, run.counters.docs_embedded),
        (1, 0)
    );
    // Every target ended well: what is left is a standard sync's work.
    let rest = format!("lore sync -p {}", run.project);
    assert_eq!(run.suggested_retry_command, Some(rest));
    for lock in mirror.engine().locks() {
        assert_eq!(lock.held_by, None, "{}", lock.name);
    }
    broken_invariants(&mirror.connection()).assert_none();
    mirror.assert_equal();
    assert!(unembedded(&mirror) > 0);
    gated.turns.add_permits(100);
    mirror.sync().await.assert_clean();
    assert_eq!(unembedded(&mirror), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn scoped_embedding_beside_a_standard_sync_takes_its_own_documents_alone() {
    let (mirror, gated) = embedded(61).await;
    mirror.change(|upstream| {
        retitle(upstream, ItemRef::issue(PROJECT, 3));
        retitle(upstream, ItemRef::merge_request(PROJECT, 4));
    });
    mirror.advance(LATER);
    let surgical = start(&mirror, merge_requests(&[2])).await;
    reaches(&mirror, surgical, Phase::Embed).await;
    gated.begun().await;
    // The standard sync makes documents of its own, and waits for its turn.
    let standard = mirror
        .start_sync(SyncRequest::default(), Trigger::Request)
        .await;
    reaches(&mirror, standard, Phase::Embed).await;
    assert_eq!(gated.titles(), Vec::<String>::new());
    let waiting = unembedded(&mirror);
    gated.turns.add_permits(1);
    let surgical = ended(&mirror, surgical).await;
    let embedded = surgical.clean().counters.docs_embedded;
    assert!(embedded >= 1, "{embedded}");
    let own = mirror.texts("SELECT title FROM merge_requests WHERE iid = 2");
    let titles = gated.titles();
    assert!(
        titles.iter().all(|title| title.contains(&own[0])),
        "{titles:?} {own:?}"
    );
    gated.turns.add_permits(100);
    mirror.outcome(standard).await.assert_clean();
    let all = u64::try_from(waiting).unwrap();
    assert!(embedded < all, "the standard sync had documents of its own");
    assert_eq!(unembedded(&mirror), 0);
    mirror.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_an_embedder_that_answers_ends_well_and_says_so() {
    let (mirror, _) = embedded(62).await;
    mirror.engine().set_embedder(Err(EmbedError::Defect));
    let ended = surgical(&mirror, merge_requests(&[2])).await;
    let run = ended.run();
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(run.counters.warnings, 1, "{run:#?}");
    assert_eq!(run.counters.docs_embedded, 0);
}
