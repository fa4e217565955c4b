//! Both APIs by doubles over real HTTP. No Ollama can be installed where tests
//! run, so its double is written from its documentation of `/api/embed` and
//! `/api/tags`; of `OpenAI`'s API there is a server that others wrote in the
//! end-to-end tests.

mod refusals;

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Remote, RemoteSettings, ollama, openai};
use crate::embedding::error::{EmbedError, InputError};
use crate::embedding::provider::{EmbedInput, Embedded, Provider};

fn settings(server: &MockServer, model: &str) -> RemoteSettings {
    let url = server.uri().parse().unwrap();
    let mut settings = RemoteSettings::new(url, model.into(), 1);
    settings.first_backoff = Duration::from_millis(1);
    settings
}

async fn embed(remote: &Remote, texts: &[&str]) -> Result<Vec<Embedded>, EmbedError> {
    let inputs: Vec<EmbedInput> = texts
        .iter()
        .map(|text| EmbedInput::document("", *text))
        .collect();
    remote.embed(&inputs, &CancellationToken::new()).await
}

fn texts_of(request: &Request) -> Vec<String> {
    let body: Value = request.body_json().unwrap();
    serde_json::from_value(body["input"].clone()).unwrap()
}

/// The vector of a text tells its length, so that a swap is seen.
fn vector_of(text: &str) -> Value {
    json!([100, text.len(), 0])
}

fn openai_answer(texts: &[String]) -> ResponseTemplate {
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"index": index, "embedding": vector_of(text)}))
        // Out of order, as the API allows.
        .rev()
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
}

fn ollama_answer(texts: &[String]) -> ResponseTemplate {
    let vectors: Vec<Value> = texts.iter().map(|text| vector_of(text)).collect();
    ResponseTemplate::new(200).set_body_json(json!({ "embeddings": vectors }))
}

async fn serve_openai(
    answer: impl Fn(&[String]) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .respond_with(move |request: &Request| answer(&texts_of(request)))
        .mount(&server)
        .await;
    server
}

async fn serve_ollama(
    answer: impl Fn(&[String]) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/embed"))
        .respond_with(move |request: &Request| answer(&texts_of(request)))
        .mount(&server)
        .await;
    let tags = json!({"models": [
        {"name": "other:latest", "digest": "ffffffffffffffffffff"},
        {"name": "m:latest", "digest": "0123456789abcdef0123"},
    ]});
    Mock::given(method("GET"))
        .and(path("/api/tags"))
        .respond_with(ResponseTemplate::new(200).set_body_json(tags))
        .mount(&server)
        .await;
    server
}

fn expected(text: &str) -> crate::embedding::Vector {
    let length = f32::from(u16::try_from(text.len()).unwrap());
    crate::embedding::Vector::quantise(&[100.0, length, 0.0]).unwrap()
}

#[tokio::test]
async fn more_texts_than_a_batch_come_back_in_their_order() {
    let server = serve_openai(openai_answer).await;
    let remote = openai(settings(&server, "m")).unwrap();
    let texts: Vec<String> = (1..=150).map(|length| "x".repeat(length)).collect();
    let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embed(&remote, &asked).await.unwrap();
    let expected: Vec<Embedded> = asked.iter().map(|text| Ok(expected(text))).collect();
    assert_eq!(vectors, expected);
    let requests = server.received_requests().await.unwrap();
    // One to learn the dimension, then 64 + 64 + 22.
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_until_it_fits() {
    let server = serve_openai(|texts| match texts.len() {
        0..=5 => openai_answer(texts),
        _ => ResponseTemplate::new(413),
    })
    .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let texts: Vec<String> = (1..=23).map(|length| "x".repeat(length)).collect();
    let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embed(&remote, &asked).await.unwrap();
    let expected: Vec<Embedded> = asked.iter().map(|text| Ok(expected(text))).collect();
    assert_eq!(vectors, expected);
}

#[tokio::test]
async fn one_text_that_is_refused_does_not_stop_the_others() {
    let server = serve_openai(|texts| {
        if texts.iter().any(|text| text.contains("bad")) {
            let error = json!({"error": {"message": "input is not allowed"}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        openai_answer(texts)
    })
    .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let vectors = embed(&remote, &["one", "bad", "", "three"]).await.unwrap();
    let refused = InputError::Refused {
        status: 400,
        reason: "input is not allowed".into(),
    };
    assert_eq!(vectors[0], Ok(expected("one")));
    assert_eq!(vectors[1], Err(refused));
    assert_eq!(vectors[2], Err(InputError::Empty));
    assert_eq!(vectors[3], Ok(expected("three")));
}

#[tokio::test]
async fn a_text_that_is_too_long_for_the_model_is_cut_until_it_fits() {
    let server = serve_openai(|texts| {
        if texts.iter().any(|text| text.len() > 1_500) {
            let error = json!({"error": {"message": "maximum context length exceeded"}});
            return ResponseTemplate::new(400).set_body_json(error);
        }
        openai_answer(texts)
    })
    .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let long = "y".repeat(10_000);
    let vectors = embed(&remote, &["short", &long]).await.unwrap();
    assert_eq!(vectors[0], Ok(expected("short")));
    assert_eq!(vectors[1], Ok(expected(&long[..1_250])));
}

#[tokio::test]
async fn a_text_at_which_the_service_breaks_does_not_cost_the_others_theirs() {
    let server = serve_ollama(|texts| {
        if texts.iter().any(|text| text.contains("NaN")) {
            let error = json!({"error": "json: unsupported value: NaN"});
            return ResponseTemplate::new(500).set_body_json(error);
        }
        ollama_answer(texts)
    })
    .await;
    let remote = ollama(settings(&server, "m")).unwrap();
    let vectors = embed(&remote, &["one", "NaN", "three"]).await.unwrap();
    assert_eq!(vectors[0], Ok(expected("one")));
    assert!(matches!(
        vectors[1],
        Err(InputError::Refused { status: 500, .. })
    ));
    assert_eq!(vectors[2], Ok(expected("three")));
    let alone = embed(&remote, &["NaN"]).await.unwrap();
    assert!(alone[0].is_err());
}

#[tokio::test]
async fn a_service_that_is_broken_is_an_error_of_all_and_may_pass() {
    let server =
        serve_openai(|_| ResponseTemplate::new(500).set_body_string("out of memory")).await;
    let remote = openai(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["one", "two"]).await.unwrap_err();
    assert!(error.retryable());
    assert_eq!(error.code().as_str(), "EMBEDDER_UNAVAILABLE");
    assert!(error.to_string().contains("out of memory"), "{error}");
}

#[tokio::test]
async fn a_passing_outage_is_waited_out() {
    let server = MockServer::start().await;
    for status in [503, 429, 500] {
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    Mock::given(method("POST"))
        .respond_with(|request: &Request| openai_answer(&texts_of(request)))
        .mount(&server)
        .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let vectors = embed(&remote, &["one"]).await.unwrap();
    assert_eq!(vectors, [Ok(expected("one"))]);
}

#[tokio::test]
async fn retries_are_bounded() {
    let server = serve_openai(|_| ResponseTemplate::new(503)).await;
    let mut settings = settings(&server, "m");
    settings.max_retries = 2;
    let remote = openai(settings).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::Refused { status: 503, .. }));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_model_that_ollama_lacks_is_named_with_the_command_that_fetches_it() {
    let server = serve_ollama(|_| {
        let error = json!({"error": "model \"m\" not found, try pulling it first"});
        ResponseTemplate::new(404).set_body_json(error)
    })
    .await;
    let remote = ollama(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "EMBEDDER_MODEL_MISSING");
    assert_eq!(error.actions(), ["ollama pull m"]);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_model_that_an_openai_service_lacks_is_told_from_a_wrong_address() {
    let server = serve_openai(|_| {
        let error = json!({"error": {"message": "gone", "code": "model_not_found"}});
        ResponseTemplate::new(404).set_body_json(error)
    })
    .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "EMBEDDER_MODEL_MISSING");

    let nothing_there = MockServer::start().await;
    let remote = openai(settings(&nothing_there, "m")).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "EMBEDDER_UNAVAILABLE");
    assert!(error.to_string().contains("/v1/embeddings"), "{error}");
    assert!(!error.retryable());
}

#[tokio::test]
async fn ollama_is_asked_to_truncate_and_the_model_is_told_the_purpose() {
    let server = serve_ollama(ollama_answer).await;
    let remote = ollama(settings(&server, "nomic-embed-text")).unwrap();
    let inputs = [
        EmbedInput::document("Title", "Text"),
        EmbedInput::query("words"),
    ];
    remote
        .embed(&inputs, &CancellationToken::new())
        .await
        .unwrap();
    let requests = server.received_requests().await.unwrap();
    let body: Value = requests.last().unwrap().body_json().unwrap();
    assert_eq!(
        body,
        json!({
            "model": "nomic-embed-text",
            "input": ["search_document: Title\n\nText", "search_query: words"],
            "truncate": true,
        })
    );
}

#[tokio::test]
async fn an_identity_tells_versions_of_an_ollama_model_apart_and_is_asked_for_once() {
    let server = serve_ollama(ollama_answer).await;
    let remote = ollama(settings(&server, "m")).unwrap();
    let cancel = CancellationToken::new();
    let identity = remote.identity(&cancel).await.unwrap();
    assert_eq!(identity.to_string(), "ollama/m/3@0123456789abcdef");
    remote.identity(&cancel).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_model_that_is_replaced_under_its_name_is_noticed() {
    let server = serve_ollama(|texts| {
        if texts[0].contains("later") {
            let answer = json!({"embeddings": [[1.0, 2.0]]});
            return ResponseTemplate::new(200).set_body_json(answer);
        }
        ollama_answer(texts)
    })
    .await;
    let remote = ollama(settings(&server, "m")).unwrap();
    embed(&remote, &["one"]).await.unwrap();
    let error = embed(&remote, &["later"]).await.unwrap_err();
    assert!(matches!(
        error,
        EmbedError::ModelChanged {
            expected: 3,
            found: 2,
            ..
        }
    ));
}

#[tokio::test]
async fn a_vector_without_numbers_is_the_error_of_its_text_alone() {
    let server = serve_ollama(|texts| {
        let vectors: Vec<Value> = texts
            .iter()
            .map(|text| match text.as_str() {
                "null" => json!([null, null, null]),
                "zero" => json!([0, 0, 0]),
                text => vector_of(text),
            })
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({ "embeddings": vectors }))
    })
    .await;
    let remote = ollama(settings(&server, "m")).unwrap();
    let vectors = embed(&remote, &["null", "one", "zero"]).await.unwrap();
    assert_eq!(vectors[0], Err(InputError::NoVector));
    assert_eq!(vectors[1], Ok(expected("one")));
    assert_eq!(vectors[2], Err(InputError::NoVector));
}

#[tokio::test]
async fn an_answer_of_another_form_says_so() {
    let server = serve_openai(|_| ResponseTemplate::new(200).set_body_string("<html>")).await;
    let remote = openai(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::BadAnswer { .. }), "{error}");
}

#[tokio::test]
async fn a_query_does_not_wait_behind_documents_nor_is_it_tried_twice() {
    // Documents are never answered; a query is at once, and `broken` never well.
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(|request: &Request| {
            let texts = texts_of(request);
            if texts[0].starts_with("document") {
                return openai_answer(&texts).set_delay(Duration::from_mins(10));
            }
            if texts[0] == "broken" {
                return ResponseTemplate::new(503);
            }
            openai_answer(&texts)
        })
        .mount(&server)
        .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let cancel = CancellationToken::new();
    let documents: Vec<EmbedInput> = (0..1_000)
        .map(|number| EmbedInput::document("", format!("document {number}")))
        .collect();
    let query = async {
        // As many as may be under way beside a query.
        loop {
            let requests = server.received_requests().await.unwrap();
            let documents = |r: &&Request| texts_of(r)[0].starts_with("document");
            if requests.iter().filter(documents).count() == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let vectors = remote.embed_now(&[EmbedInput::query("one")], &cancel).await;
        assert!(vectors.unwrap()[0].is_ok());
        let broken = [EmbedInput::query("broken")];
        let error = remote.embed_now(&broken, &cancel).await.unwrap_err();
        assert!(matches!(error, EmbedError::Refused { status: 503, .. }));
        let requests = server.received_requests().await.unwrap();
        let broken = requests.iter().filter(|r| texts_of(r)[0] == "broken");
        assert_eq!(broken.count(), 1);
    };
    tokio::select! {
        _ = remote.embed(&documents, &cancel) => panic!("the documents were answered"),
        done = tokio::time::timeout(Duration::from_mins(1), query) => done.unwrap(),
    }
}
