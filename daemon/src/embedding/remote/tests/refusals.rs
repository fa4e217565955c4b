//! What is refused, is not there or takes too long.

use wiremock::matchers::header;

use super::super::ApiKey;
use super::*;

#[tokio::test]
async fn a_redirect_is_not_followed_so_that_no_text_goes_elsewhere() {
    let elsewhere = serve_openai(openai_answer).await;
    let to = format!("{}/v1/embeddings", elsewhere.uri());
    let server =
        serve_openai(move |_| ResponseTemplate::new(307).insert_header("location", to.as_str()))
            .await;
    let remote = openai(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["secret plans"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::Refused { status: 307, .. }));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer sk-secret"))
        .respond_with(
            ResponseTemplate::new(400)
                .set_body_json(json!({"error": {"message": "bad key sk-secret"}})),
        )
        .mount(&server)
        .await;
    let mut settings = settings(&server, "m");
    settings.api_key = ApiKey::new(" sk-secret\n");
    let remote = openai(settings).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(error.to_string().contains("bad key [redacted]"), "{error}");
    for shown in [format!("{error:?}"), format!("{remote:?}")] {
        assert!(!shown.contains("sk-secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_key_names_the_setting() {
    let server = serve_openai(|_| ResponseTemplate::new(401)).await;
    let remote = openai(settings(&server, "m")).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(matches!(
        error,
        EmbedError::Unauthorized { status: 401, .. }
    ));
    assert!(error.cure().contains("api_key_env"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_that_does_not_run_is_named_with_a_cure() {
    let server = MockServer::start().await;
    let mut settings = settings(&server, "m");
    settings.max_retries = 0;
    // tcpmux, which nobody serves; a port that is free now may be taken by
    // another test at once.
    settings.url = "http://127.0.0.1:1".parse().unwrap();
    let remote = ollama(settings).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unreachable { .. }), "{error}");
    assert!(error.cure().contains("Ollama"));
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_waited_for_longer_than_allowed() {
    let server =
        serve_openai(|texts| openai_answer(texts).set_delay(Duration::from_mins(10))).await;
    let mut settings = settings(&server, "m");
    settings.request_timeout = Duration::from_millis(50);
    settings.max_retries = 1;
    let remote = openai(settings).unwrap();
    let error = embed(&remote, &["one"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_cancellation_ends_a_request_that_is_under_way() {
    let server =
        serve_openai(|texts| openai_answer(texts).set_delay(Duration::from_mins(10))).await;
    let remote = openai(settings(&server, "m")).unwrap();
    let cancel = CancellationToken::new();
    let inputs = [EmbedInput::query("one")];
    let (result, ()) = tokio::join!(remote.embed(&inputs, &cancel), async {
        while server.received_requests().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err(), EmbedError::Cancelled);
}

#[test]
fn an_address_with_credentials_is_refused_without_showing_them() {
    for url in ["https://me:s3cret@h", "ftp://h"] {
        let settings = RemoteSettings::new(url.parse().unwrap(), "m".into(), 0);
        let error = openai(settings).unwrap_err();
        assert!(matches!(error, EmbedError::Setup { key: "url", .. }));
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
