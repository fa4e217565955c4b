use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{PROJECT, background, client_of, config, issue, raw_ok};
use crate::clock::SystemClock;
use crate::gitlab::{Client, Failure, Iid};

/// TLS with a certificate of an authority of its own; the authority's
/// certificate in PEM. Offers these protocols.
fn private_tls(name: &str, protocols: &[&[u8]]) -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    server.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    (TlsAcceptor::from(Arc::new(server)), authority.pem())
}

/// An HTTPS server with a certificate of an authority of its own; the
/// authority's certificate in PEM.
async fn private_server(name: &str) -> (u16, String) {
    let (acceptor, authority) = private_tls(name, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut connection) = acceptor.accept(connection).await else {
                continue;
            };
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            connection
                .write_all(&raw_ok(&issue(17).to_string()))
                .await
                .ok();
            connection.shutdown().await.ok();
        }
    });
    (port, authority)
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered() {
    let (acceptor, authority) = private_tls("Corp", &[b"h2", b"http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let connection = acceptor.accept(connection).await.unwrap();
        let answer = hyper::service::service_fn(async |request: hyper::Request<_>| {
            let _: &hyper::body::Incoming = request.body();
            assert_eq!(request.version(), hyper::Version::HTTP_2);
            let body = http_body_util::Full::new(hyper::body::Bytes::from(issue(17).to_string()));
            Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
        });
        let executor = hyper_util::rt::TokioExecutor::new();
        hyper::server::conn::http2::Builder::new(executor)
            .serve_connection(hyper_util::rt::TokioIo::new(connection), answer)
            .await
            .ok();
    });
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("corp.pem");
    std::fs::write(&ca_file, authority).unwrap();
    let mut host = config(&format!("https://localhost:{port}"));
    host.ca_file = Some(ca_file);
    let cancel = CancellationToken::new();
    let client = client_of(host);
    // The server takes one connection: both go over it.
    let (one, two) = (background(&cancel), background(&cancel));
    let both = futures_util::join!(
        client.issue(&one, PROJECT, Iid(17)),
        client.issue(&two, PROJECT, Iid(17))
    );
    assert_eq!(both.0.unwrap().value.iid, both.1.unwrap().value.iid);
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_ca_file_names_it_and_refused_with_advice_elsewhere() {
    let (port, authority) = private_server("Corp").await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("corp.pem");
    std::fs::write(&ca_file, authority).unwrap();
    let cancel = CancellationToken::new();

    let mut trusting = config(&format!("https://localhost:{port}"));
    trusting.ca_file = Some(ca_file);
    let found = client_of(trusting.clone())
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await;
    assert_eq!(found.unwrap().value.iid, Iid(17));

    // Another authority, so that the machine's own do not matter.
    let (_, other) = private_server("Other").await;
    std::fs::write(folder.path().join("other.pem"), other).unwrap();
    trusting.ca_file = Some(folder.path().join("other.pem"));
    let error = client_of(trusting)
        .issue(&background(&cancel), PROJECT, Iid(17))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.failure,
            Failure::Tls {
                unknown_issuer: true,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.advice().contains("ca_file"), "{}", error.advice());
    assert!(error.to_string().contains("CN=Corp"), "{error}");
    assert!(!error.is_retryable());
}

#[test]
fn a_file_that_cannot_be_used_names_its_key_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let missing = folder.path().join("missing.pem");
    for (path, word) in [(&empty, "empty.pem"), (&missing, "missing.pem")] {
        let mut host = config("https://gl.example.com");
        host.ca_file = Some(path.clone());
        let error = Client::new(host, Arc::new(SystemClock), 1).unwrap_err();
        assert!(
            matches!(error.failure, Failure::Setup { key: "ca_file", .. }),
            "{error}"
        );
        assert!(error.to_string().contains(word), "{error}");
    }
    let mut host = config("http://gl.example.com");
    host.client_cert = Some(empty);
    let error = Client::new(host, Arc::new(SystemClock), 1).unwrap_err();
    assert!(
        matches!(
            error.failure,
            Failure::Setup {
                key: "client_key",
                ..
            }
        ),
        "{error}"
    );
}
