//! The simulator as a test holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::faults::{Faults, RouteFilter};
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::shared::{Hook, Latency, Shared};
use crate::upstream::{Access, Upstream};
use crate::{GeneratorConfig, Moment, VirtualClock, http};

/// The token that a simulator knows unless told otherwise.
pub const DEFAULT_TOKEN: &str = "glpat-sim-token";

/// Where the clock stands unless told otherwise: 2026-11-20T12:00:00Z.
const DEFAULT_NOW: Moment = Moment::from_secs(1_795_176_000);

/// How long the end of a simulator may take.
const LONGEST_STOP: Duration = Duration::from_secs(2);

/// Makes a [`Simulator`].
#[derive(Debug)]
pub struct SimulatorBuilder {
    upstream: Upstream,
    options: Options,
    token: String,
    port: u16,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatorBuilder {
    /// An empty upstream on a clock that stands still, and a token that sees
    /// everything.
    pub fn new() -> Self {
        Self {
            upstream: Upstream::new(VirtualClock::new(DEFAULT_NOW)),
            options: Options::default(),
            token: DEFAULT_TOKEN.to_owned(),
            port: 0,
        }
    }

    /// Sets the clock. Call it before anything is generated.
    #[must_use]
    pub fn now(self, now: Moment) -> Self {
        self.upstream.clock().set(now);
        self
    }

    /// Adds generated projects.
    #[must_use]
    pub fn generate(mut self, config: &GeneratorConfig) -> Self {
        config.generate_into(&mut self.upstream);
        self
    }

    /// Changes the upstream before the start.
    #[must_use]
    pub fn upstream(mut self, change: impl FnOnce(&mut Upstream)) -> Self {
        change(&mut self.upstream);
        self
    }

    /// The installation's peculiarities.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Changes single peculiarities.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// The secret of the token that sees everything.
    #[must_use]
    pub fn token(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.token);
        self
    }

    /// The port on the loopback interface; a free one unless given.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts it on threads of its own, so that it answers whatever the
    /// caller's threads do.
    #[expect(clippy::unused_async, reason = "its callers live in async code")]
    pub async fn start(self) -> io::Result<Simulator> {
        // Binding a loopback port and starting threads does not block.
        self.start_blocking()
    }

    /// The same, outside of any runtime.
    pub fn start_blocking(mut self) -> io::Result<Simulator> {
        self.upstream.preparing_delay = self.options.preparing_delay;
        if !self.upstream.tokens.contains_key(&self.token) {
            let user = self.upstream.add_user("sim-mirror", "Mirror");
            self.upstream.add_token(&self.token, user, Access::Member);
        }
        let listener =
            std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))?;
        listener.set_nonblocking(true)?;
        let host = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared::new(self.upstream, self.options, host));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("gitlab-sim")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = shared.clone();
        let thread = std::thread::Builder::new()
            .name("gitlab-sim-main".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    tokio::select! {
                        () = http::serve(listener, served) => {}
                        // Dropping the sender stops it as well.
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(LONGEST_STOP);
            })?;
        Ok(Simulator {
            shared,
            token: self.token,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// A running GitLab. It stops when it is dropped.
pub struct Simulator {
    shared: Arc<Shared>,
    token: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// Where it is: scheme, host, port and the relative root, if any.
    pub fn url(&self) -> String {
        self.shared.base_url().to_owned()
    }

    /// Host and port, `127.0.0.1:1234`.
    pub fn host(&self) -> String {
        self.shared.host().to_owned()
    }

    /// The secret of the token that sees everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The server's clock.
    pub fn clock(&self) -> VirtualClock {
        self.shared.clock.clone()
    }

    /// The installation's peculiarities.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Changes the upstream, while others may be reading it.
    pub fn change<R>(&self, change: impl FnOnce(&mut Upstream) -> R) -> R {
        self.shared.change(change)
    }

    /// Looks at the upstream. Answers wait while a change waits for this to
    /// end: take what is needed and leave.
    pub fn read<R>(&self, read: impl FnOnce(&Upstream) -> R) -> R {
        read(&self.shared.upstream.read())
    }

    /// A copy of the upstream, to compare with at leisure.
    pub fn snapshot(&self) -> Upstream {
        self.shared.upstream.read().clone()
    }

    /// Makes a change as soon as the nth request (from 1) that matches was
    /// worked out, before its answer is sent: between two pages of a walk.
    pub fn change_after(
        &self,
        route: RouteFilter,
        nth: u64,
        change: impl FnOnce(&mut Upstream) + Send + 'static,
    ) {
        self.shared.add_hook(Hook {
            route,
            remaining: nth.max(1),
            change: Box::new(change),
        });
    }

    /// Every request so far.
    pub fn requests(&self) -> RequestLog {
        self.shared.log.clone()
    }

    /// Puts faults in force, and tells which ones struck.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Makes it slow.
    pub fn set_latency(&self, latency: Latency) {
        *self.shared.latency.lock() = latency;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // Bounded: the runtime is given up after `LONGEST_STOP`.
            let _ = thread.join();
        }
    }
}
