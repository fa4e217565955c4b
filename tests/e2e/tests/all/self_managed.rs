//! GitLab as companies run it: behind a private authority, on a port, below a
//! path, asking for client certificates, beyond a proxy. Each is met by the
//! real `lored`, since variables of the environment decide some of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitlab_sim::{Simulator, SimulatorBuilder};
use lore_e2e::Home;
use lore_proto::ErrorCode;
use lore_proto::auth::{AskStatus, HostToken};
use lore_proto::doctor::{AskDoctor, CheckState, Finding};
use lore_proto::methods::{DoctorRun, GetAuthStatus};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::generated;

/// A private authority with its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A client's certificate and key, as files.
    fn client(&self) -> (String, String) {
        let (certificate, key) = self.issue("client");
        let write = |name: &str, text: String| -> PathBuf {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("client.pem", certificate.pem());
        write("client.key", key.serialize_pem());
        (self.file("client.pem"), self.file("client.key"))
    }

    /// HTTPS for `name` in front of `target`; gives its port. Where
    /// `asks_clients`, only clients with a certificate of this authority get
    /// through.
    async fn serve(&self, name: &str, target: SocketAddr, asks_clients: bool) -> u16 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Clients that do not trust it, or that it does not trust,
                    // go.
                    let Ok(mut near) = acceptor.accept(connection).await else {
                        return;
                    };
                    let mut far = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        port
    }
}

/// A proxy that knows CONNECT and leads everything to `target`; how often it
/// was asked.
async fn proxy(target: SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(near.read_u8().await.unwrap());
                }
                assert!(head.starts_with(b"CONNECT gitlab.corp.test:"));
                count.fetch_add(1, Ordering::SeqCst);
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut far = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (url, asked)
}

fn sim() -> Simulator {
    SimulatorBuilder::new()
        .generate(&generated(141, 2))
        .with(|options| "/gitlab".clone_into(&mut options.relative_root))
        .start_blocking()
        .unwrap()
}

fn address(sim: &Simulator) -> SocketAddr {
    let url = sim.url();
    let authority = url.split("://").nth(1).unwrap();
    authority.split('/').next().unwrap().parse().unwrap()
}

/// What a daemon with this `url` and these keys of the host says of its token,
/// and what its doctor finds.
async fn asked(
    sim: &Simulator,
    url: &str,
    keys: &[(&str, &str)],
    variables: &[(&str, &str)],
) -> (HostToken, Vec<Finding>) {
    let project = sim.read(|upstream| {
        let project = upstream.projects.values().next().unwrap();
        project.path_with_namespace.clone()
    });
    let keys = keys
        .iter()
        .map(|(key, value)| format!("{key} = \"{value}\"\n"));
    let config = format!(
        "[hosts.corp]\nurl = \"{url}\"\ntoken_env = \"LORE_E2E_TOKEN\"\nprojects = [\"{project}\"]\n\
         {}[sync]\ninterval_seconds = 0\nmax_retries = 0\n[embedding]\nprovider = \"none\"\n",
        keys.collect::<String>()
    );
    let home = Home::of(&config, sim.token());
    let daemon = home.start_with(variables).await;
    let mut client = daemon.connect().await.unwrap();
    let status = client.call::<GetAuthStatus>(&AskStatus::default()).await;
    let doctor = client
        .call::<DoctorRun>(&AskDoctor::default())
        .await
        .unwrap();
    (status.unwrap().hosts.remove(0), doctor.findings)
}

fn code(token: &HostToken) -> Option<ErrorCode> {
    token.error.as_ref().map(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_by_key_or_variable_and_named_where_it_is_not() {
    let sim = sim();
    let authority = Authority::new("Corp Root");
    let port = authority.serve("localhost", address(&sim), false).await;
    let url = format!("https://localhost:{port}/gitlab");
    let ca = authority.file("ca.pem");
    let other = Authority::new("Other Root");

    let (token, findings) = asked(&sim, &url, &[("ca_file", &ca)], &[]).await;
    assert_eq!(token.error, None);
    assert!(token.username.is_some());
    let failed = findings.iter().filter(|it| it.state == CheckState::Failed);
    let failed: Vec<_> = failed.filter(|it| it.check != "disk").collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(
        findings
            .iter()
            .any(|it| it.check == "tls" && it.state == CheckState::Ok)
    );

    let (token, _) = asked(&sim, &url, &[], &[("SSL_CERT_FILE", &ca)]).await;
    assert_eq!(token.error, None);

    let other_file = other.file("ca.pem");
    let (token, findings) = asked(&sim, &url, &[("ca_file", &other_file)], &[]).await;
    assert_eq!(code(&token), Some(ErrorCode::Network));
    let error = token.error.unwrap();
    for word in ["Corp Root", "ca_file", "[hosts.\"corp\"]"] {
        assert!(error.message.contains(word), "{word}: {error}");
    }
    assert!(!error.message.contains(sim.token()));
    let tls = findings.iter().find(|it| it.check == "tls").unwrap();
    assert_eq!(tls.state, CheckState::Failed);

    // The certificate of another name.
    let port = authority
        .serve("elsewhere.test", address(&sim), false)
        .await;
    let url = format!("https://localhost:{port}/gitlab");
    let (token, _) = asked(&sim, &url, &[("ca_file", &ca)], &[]).await;
    let error = token.error.unwrap();
    assert_eq!(error.code, ErrorCode::Network);
    assert!(error.message.contains("`url`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_asks_for_a_client_certificate_is_given_it() {
    let sim = sim();
    let authority = Authority::new("Corp Root");
    let port = authority.serve("localhost", address(&sim), true).await;
    let url = format!("https://localhost:{port}/gitlab");
    let ca = authority.file("ca.pem");
    let (certificate, key) = authority.client();
    let keys = [
        ("ca_file", ca.as_str()),
        ("client_cert", &certificate),
        ("client_key", &key),
    ];
    let (token, _) = asked(&sim, &url, &keys, &[]).await;
    assert_eq!(token.error, None);
    let (token, _) = asked(&sim, &url, &keys[..1], &[]).await;
    assert_eq!(code(&token), Some(ErrorCode::Network));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_where_it_is_named_and_not_where_it_is_ruled_out() {
    let sim = sim();
    let authority = Authority::new("Corp Root");
    let port = authority
        .serve("gitlab.corp.test", address(&sim), false)
        .await;
    let (proxy, asked_of_it) = proxy(SocketAddr::from(([127, 0, 0, 1], port))).await;
    // Nobody but the proxy knows this name.
    let url = "https://gitlab.corp.test/gitlab";
    let ca = authority.file("ca.pem");
    let keys = [("ca_file", ca.as_str())];
    let (token, _) = asked(&sim, url, &keys, &[("HTTPS_PROXY", &proxy)]).await;
    assert_eq!(token.error, None);
    let uses = asked_of_it.load(Ordering::SeqCst);
    assert!(uses > 0);
    let variables = [("https_proxy", proxy.as_str()), ("NO_PROXY", ".corp.test")];
    let (token, _) = asked(&sim, url, &keys, &variables).await;
    assert_eq!(code(&token), Some(ErrorCode::Network));
    assert!(token.error.unwrap().message.contains("proxy variables"));
    assert_eq!(asked_of_it.load(Ordering::SeqCst), uses);
}
