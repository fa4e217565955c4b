//! The client of one GitLab instance.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::watch;
use url::{Host, Url};

use super::acceptance::{Acceptance, Refusal};
use super::call::Lane;
use super::error::{Failure, GitLabError, RequestLabel};
use super::host::HostConfig;
use super::retry::Jitter;
use super::throttle::{Budget, Throttle, Waiting};
use super::tls;
use crate::clock::Clock;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. GitLab's own web server closes
/// earlier (about a minute), which [`Client::warm`] keeps from happening.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// How often silent connections are probed, so that one that died behind a
/// suspended laptop or a NAT is found before a request is sent on it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Asks one GitLab instance. Clones share connections, budget and throttle.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) host: HostConfig,
    /// The instance's root, without a trailing slash.
    pub(super) root: String,
    pub(super) auth: Option<(HeaderName, HeaderValue)>,
    background: reqwest::Client,
    interactive: reqwest::Client,
    pub(super) throttle: Throttle,
    pub(super) jitter: Arc<Jitter>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) acceptance: Acceptance,
    /// Set once the instance has refused keyset paging of issues.
    pub(super) keyset_refused: AtomicBool,
}

impl Client {
    /// A client for `host`. No request is made. `seed` decides the jitter of
    /// retries and pauses. Fails with [`Failure::Setup`] where a setting cannot
    /// be used.
    pub fn new(host: HostConfig, clock: Arc<dyn Clock>, seed: u64) -> Result<Self, GitLabError> {
        let at_fault = host.host.clone();
        Self::build(host, clock, seed).map_err(|failure| GitLabError {
            request: Box::new(RequestLabel {
                host: at_fault,
                method: "GET",
                path: String::new(),
            }),
            failure,
            correlation_id: None,
        })
    }

    fn build(host: HostConfig, clock: Arc<dyn Clock>, seed: u64) -> Result<Self, Failure> {
        let root = root_of(&host.base_url)?;
        let auth = host
            .token
            .as_ref()
            .map(super::host::Token::header)
            .transpose()?;
        let tls = tls::client_config(&host)?;
        let jitter = Arc::new(Jitter::new(seed));
        // A pool for each lane: bulk answers neither take the interactive
        // lane's warm connections nor share an HTTP/2 window with them.
        let background = http_client(&host, tls.clone(), host.max_concurrent_requests)?;
        let interactive = http_client(&host, tls, host.max_interactive_requests)?;
        let throttle = Throttle::new(
            host.max_concurrent_requests,
            host.max_interactive_requests,
            host.first_backoff.saturating_mul(4),
            Arc::clone(&clock),
            Arc::clone(&jitter),
        );
        Ok(Self {
            inner: Arc::new(Inner {
                host,
                root,
                auth,
                background,
                interactive,
                throttle,
                jitter,
                clock,
                acceptance: Acceptance::default(),
                keyset_refused: AtomicBool::new(false),
            }),
        })
    }

    /// The host as the config names it.
    pub fn host(&self) -> &str {
        &self.inner.host.host
    }

    /// Where the instance is, without a trailing slash.
    pub fn root_url(&self) -> &str {
        &self.inner.root
    }

    /// The state of the request budget and the traffic.
    pub fn budget(&self) -> Budget {
        self.inner.throttle.budget()
    }

    /// Tells of waits on this host's budget, for jobs to pass on: `Some` while
    /// requests wait for longer than a second.
    pub fn waiting(&self) -> watch::Receiver<Option<Waiting>> {
        self.inner.throttle.waiting()
    }

    /// Opens up to `connections` connections of the interactive lane, or keeps
    /// those that stand from growing cold. Asks for a static file without a
    /// token, which costs none of the request budget; whatever the answer, the
    /// connection stands. Returns how many do.
    pub async fn warm(&self, connections: usize) -> usize {
        let wanted = connections.min(self.inner.host.max_interactive_requests);
        let limit = self.inner.host.request_timeout.min(CONNECT_TIMEOUT);
        let touches = (0..wanted).map(|_| async {
            let url = format!("{}/robots.txt", self.inner.root);
            let answer = self.inner.interactive.head(url).send();
            matches!(tokio::time::timeout(limit, answer).await, Ok(Ok(_)))
        });
        let answers = futures_util::future::join_all(touches).await;
        answers.into_iter().filter(|stands| *stands).count()
    }

    /// Since when GitLab refuses the token; none where it does not, as far as
    /// is known.
    pub fn token_refusal(&self) -> Option<Refusal> {
        self.inner.acceptance.refusal()
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(super) fn http(&self, lane: Lane) -> &reqwest::Client {
        match lane {
            Lane::Background => &self.inner.background,
            Lane::Interactive => &self.inner.interactive,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.inner.host.host)
            .field("root", &self.inner.root)
            .finish_non_exhaustive()
    }
}

/// The instance's root: without a trailing slash or `/api/v4`, query and
/// fragment.
fn root_of(base: &Url) -> Result<String, Failure> {
    let unusable = |reason: &str| Failure::Setup {
        key: "url",
        reason: reason.into(),
    };
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(unusable("it is no http or https address"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(unusable(
            "it carries credentials; name the token by `token_env`, `token_file` or \
             `token_command` instead",
        ));
    }
    let mut base = base.clone();
    base.set_query(None);
    base.set_fragment(None);
    let whole = base.as_str().trim_end_matches('/');
    let root = whole.strip_suffix("/api/v4").unwrap_or(whole);
    Ok(root.trim_end_matches('/').to_owned())
}

fn http_client(
    host: &HostConfig,
    tls: rustls::ClientConfig,
    connections: usize,
) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(&host.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(host.request_timeout))
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(connections.max(1))
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_while_idle(true);
    if is_loopback(&host.base_url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| Failure::Setup {
        key: "url",
        reason: error.to_string(),
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, root_of};

    #[test]
    fn a_base_url_is_reduced_to_the_instance_root() {
        for (base, root) in [
            ("https://h", "https://h"),
            ("https://h/", "https://h"),
            ("https://h/api/v4", "https://h"),
            ("https://h:8443/gitlab/", "https://h:8443/gitlab"),
            ("http://h/gitlab/api/v4/", "http://h/gitlab"),
            ("https://h/gitlab?x=1#y", "https://h/gitlab"),
        ] {
            assert_eq!(root_of(&base.parse().unwrap()).unwrap(), root, "{base}");
        }
    }

    #[test]
    fn a_base_url_with_credentials_is_refused_without_showing_them() {
        let failure = root_of(&"https://me:s3cret@h".parse().unwrap()).unwrap_err();
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://sim.localhost", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://notlocalhost", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
