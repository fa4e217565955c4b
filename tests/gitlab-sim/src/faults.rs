//! Faults on purpose.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::options::{RetryAfter, Throttle};
use crate::upstream::Upstream;
use crate::{Moment, Route};

/// Which requests a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFilter {
    /// All of them.
    Any,
    /// Those of one endpoint.
    Route(Route),
    /// Those of any of these endpoints.
    Routes(Vec<Route>),
    /// Those of one endpoint and iid.
    Item(Route, u64),
    /// Those of one project.
    Project(u64),
    /// Those whose path contains this.
    Path(String),
}

impl RouteFilter {
    pub(crate) fn matches(&self, request: &Matched<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Route(route) => *route == request.route,
            Self::Routes(routes) => routes.contains(&request.route),
            Self::Item(route, iid) => *route == request.route && Some(*iid) == request.iid,
            Self::Project(id) => Some(*id) == request.project_id,
            Self::Path(part) => request.path.contains(part.as_str()),
        }
    }
}

/// What a rule is matched against.
pub(crate) struct Matched<'a> {
    pub(crate) route: Route,
    pub(crate) project_id: Option<u64>,
    pub(crate) iid: Option<u64>,
    pub(crate) path: &'a str,
}

/// The body of a made-up error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// GitLab's JSON.
    Json,
    /// The page of a proxy.
    Html,
    /// Plain text.
    Text,
    /// Nothing at all.
    Empty,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer comes late.
    Latency(Duration),
    /// The answer is an error.
    Status(u16, ErrorBody),
    /// 429, with how many seconds to wait.
    RateLimited(Throttle, RetryAfter, u64),
    /// The connection is reset instead of an answer.
    Reset,
    /// The body breaks off half-way: shorter than `Content-Length` says.
    HalfBody,
    /// The body stops half-way and the connection is held open: this long,
    /// or until the simulator stops.
    Stall(Option<Duration>),
    /// The body comes whole, but is not JSON.
    InvalidJson,
    /// 200 with a page of HTML.
    HtmlOk,
    /// Every `project_id` in the answer is this one.
    WrongProjectId(u64),
    /// Lists answer as of when the rule was added.
    StaleList,
    /// GraphQL: this field of the project is null, and an error says so.
    PartialData(&'static str),
    /// A body of this many bytes, JSON as long as one reads.
    HugeBody(u64),
}

impl FaultKind {
    /// A name for messages and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Status(..) => "status",
            Self::RateLimited(..) => "rate_limited",
            Self::Reset => "reset",
            Self::HalfBody => "half_body",
            Self::Stall(_) => "stall",
            Self::InvalidJson => "invalid_json",
            Self::HtmlOk => "html_ok",
            Self::WrongProjectId(_) => "wrong_project_id",
            Self::StaleList => "stale_list",
            Self::PartialData(_) => "partial_data",
            Self::HugeBody(_) => "huge_body",
        }
    }
}

/// Which of the matching requests are hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Each.
    Always,
    /// The nth alone, from 1.
    Nth(u64),
    /// The first n.
    Times(u64),
    /// Each with a probability, the same ones for the same seed and order.
    Probability {
        /// From 0 to 1.
        p: f64,
        /// Decides which.
        seed: u64,
    },
}

/// A fault and when it strikes.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// Which requests.
    pub route: RouteFilter,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Which of them.
    pub when: When,
}

impl FaultRule {
    /// A rule.
    pub const fn new(route: RouteFilter, kind: FaultKind, when: When) -> Self {
        Self { route, kind, when }
    }
}

/// A fault as it struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedFault {
    /// The endpoint.
    pub route: Route,
    /// Path of the request.
    pub path: String,
    /// What went wrong.
    pub kind: FaultKind,
    /// The server's time.
    pub at: Moment,
}

/// The rules in force. Clones share them.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
    /// For a copy of it that stale lists show.
    upstream: Arc<RwLock<Upstream>>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<ActiveRule>,
    injected: Vec<InjectedFault>,
}

#[derive(Debug)]
struct ActiveRule {
    rule: FaultRule,
    seen: u64,
    rng: StdRng,
    stale: Option<Arc<Upstream>>,
}

impl ActiveRule {
    fn strikes(&mut self) -> bool {
        self.seen += 1;
        match self.rule.when {
            When::Always => true,
            When::Nth(n) => self.seen == n,
            When::Times(n) => self.seen <= n,
            When::Probability { p, .. } => self.rng.random_bool(p.clamp(0.0, 1.0)),
        }
    }
}

/// The fault that a request meets.
pub(crate) struct Struck {
    pub(crate) kind: FaultKind,
    /// What a stale list shows.
    pub(crate) stale: Option<Arc<Upstream>>,
}

impl Faults {
    pub(crate) fn new(upstream: Arc<RwLock<Upstream>>) -> Self {
        Self {
            inner: Arc::default(),
            upstream,
        }
    }

    /// Puts a rule in force. The first rule that strikes a request wins.
    pub fn add(&self, rule: FaultRule) {
        let stale =
            (rule.kind == FaultKind::StaleList).then(|| Arc::new(self.upstream.read().clone()));
        let seed = match rule.when {
            When::Probability { seed, .. } => seed,
            _ => 0,
        };
        self.inner.lock().rules.push(ActiveRule {
            rule,
            seen: 0,
            rng: StdRng::seed_from_u64(seed),
            stale,
        });
    }

    /// Every fault that struck, in order.
    pub fn injected(&self) -> Vec<InjectedFault> {
        self.inner.lock().injected.clone()
    }

    /// Takes all rules out of force. The record of what struck stays.
    pub fn clear(&self) {
        self.inner.lock().rules.clear();
    }

    /// The first rule that strikes this request.
    pub(crate) fn strike(&self, request: &Matched<'_>, at: Moment) -> Option<Struck> {
        let mut inner = self.inner.lock();
        let struck = inner.rules.iter_mut().find_map(|active| {
            let applies = active.rule.route.matches(request)
                && (active.rule.kind != FaultKind::StaleList || request.route.is_list());
            (applies && active.strikes()).then(|| Struck {
                kind: active.rule.kind.clone(),
                stale: active.stale.clone(),
            })
        })?;
        inner.injected.push(InjectedFault {
            route: request.route,
            path: request.path.to_owned(),
            kind: struck.kind.clone(),
            at,
        });
        Some(struck)
    }
}
