//! What the handle and the connections share.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{ArcRwLockReadGuard, Mutex, RawRwLock, RwLock};

use crate::faults::{Faults, Matched, RouteFilter};
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::upstream::Upstream;
use crate::{Moment, VirtualClock};

/// How long GitLab keeps a rendered row of the merge request list.
const ROW_CACHE: Duration = Duration::from_hours(8);

/// How slow the simulator is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Between the connection and the first byte read from it.
    pub connect: Duration,
    /// Before each answer is worked out.
    pub answer: Duration,
}

/// A change that waits for a request.
pub(crate) struct Hook {
    pub(crate) route: RouteFilter,
    /// How many matching requests are still to be answered before it runs.
    pub(crate) remaining: u64,
    pub(crate) change: Box<dyn FnOnce(&mut Upstream) + Send>,
}

pub(crate) struct Shared {
    pub(crate) upstream: Arc<RwLock<Upstream>>,
    pub(crate) clock: VirtualClock,
    pub(crate) options: Options,
    pub(crate) log: RequestLog,
    pub(crate) faults: Faults,
    pub(crate) latency: Mutex<Latency>,
    host: String,
    base_url: String,
    requests: AtomicU64,
    rows: Mutex<HashMap<String, CachedRow>>,
    /// States before a write, and until when a replica still shows them.
    snapshots: Mutex<VecDeque<(Moment, Arc<Upstream>)>>,
    window: Mutex<Window>,
    hooks: Mutex<Vec<Hook>>,
}

struct CachedRow {
    until: Moment,
    json: Arc<str>,
}

#[derive(Default)]
struct Window {
    minute: i64,
    requests: u64,
}

/// What a request finds in its minute.
pub(crate) struct Budget {
    pub(crate) observed: u64,
    pub(crate) remaining: u64,
    pub(crate) resets_at: Moment,
    pub(crate) exceeded: bool,
}

/// The upstream as one request sees it.
pub(crate) enum View {
    Current(ArcRwLockReadGuard<RawRwLock, Upstream>),
    Earlier(Arc<Upstream>),
}

impl std::ops::Deref for View {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        match self {
            Self::Current(upstream) => upstream,
            Self::Earlier(upstream) => upstream,
        }
    }
}

impl Shared {
    pub(crate) fn new(upstream: Upstream, options: Options, host: String) -> Self {
        let base_url = format!("http://{host}{}", options.relative_root);
        let clock = upstream.clock().clone();
        let upstream = Arc::new(RwLock::new(upstream));
        Self {
            clock,
            faults: Faults::new(upstream.clone()),
            upstream,
            options,
            log: RequestLog::default(),
            latency: Mutex::default(),
            host,
            base_url,
            requests: AtomicU64::new(0),
            rows: Mutex::default(),
            snapshots: Mutex::default(),
            window: Mutex::default(),
            hooks: Mutex::default(),
        }
    }

    /// Host and port that it listens on.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Scheme, host and relative root that it is called by.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Scheme, host and relative root of `web_url`.
    pub(crate) fn web_base(&self) -> &str {
        self.options
            .external_url
            .as_deref()
            .unwrap_or(&self.base_url)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Upstream) -> R) -> R {
        let mut upstream = self.upstream.write();
        let lag = self.options.replica_lag;
        let before = (!lag.is_zero()).then(|| Arc::new(upstream.clone()));
        let result = change(&mut upstream);
        if let Some(before) = before {
            // A change may move the clock.
            let until = self.clock.now() + lag;
            self.snapshots.lock().push_back((until, before));
        }
        result
    }

    /// The primary for odd requests, for even ones a replica that lags behind.
    pub(crate) fn view(&self, number: u64) -> View {
        if number.is_multiple_of(2) && !self.options.replica_lag.is_zero() {
            let now = self.clock.now();
            let mut snapshots = self.snapshots.lock();
            while snapshots.front().is_some_and(|(until, _)| *until <= now) {
                snapshots.pop_front();
            }
            if let Some((_, earlier)) = snapshots.front() {
                return View::Earlier(earlier.clone());
            }
        }
        View::Current(self.upstream.read_arc())
    }

    /// A row of the merge request list, as it was first rendered under that
    /// key in the last eight hours.
    pub(crate) fn cached_row(
        &self,
        key: String,
        now: Moment,
        render: impl FnOnce() -> String,
    ) -> Arc<str> {
        let mut rows = self.rows.lock();
        if let Some(row) = rows.get(&key)
            && row.until > now
        {
            return row.json.clone();
        }
        if rows.len() > 200_000 {
            rows.retain(|_, row| row.until > now);
        }
        let json: Arc<str> = render().into();
        let until = now + ROW_CACHE;
        let row = CachedRow {
            until,
            json: json.clone(),
        };
        rows.insert(key, row);
        json
    }

    /// Takes one request out of the budget of this minute.
    pub(crate) fn spend(&self, per_minute: u64, now: Moment) -> Budget {
        let minute = now.as_secs().div_euclid(60);
        let mut window = self.window.lock();
        if window.minute != minute {
            *window = Window {
                minute,
                requests: 0,
            };
        }
        window.requests += 1;
        Budget {
            observed: window.requests,
            remaining: per_minute.saturating_sub(window.requests),
            resets_at: Moment::from_secs((minute + 1) * 60),
            exceeded: window.requests > per_minute,
        }
    }

    pub(crate) fn add_hook(&self, hook: Hook) {
        self.hooks.lock().push(hook);
    }

    /// Runs the changes that waited for this request.
    pub(crate) fn run_hooks(&self, request: &Matched<'_>) {
        let mut due = Vec::new();
        {
            let mut hooks = self.hooks.lock();
            let mut index = 0;
            while index < hooks.len() {
                let hook = &mut hooks[index];
                if hook.route.matches(request) {
                    hook.remaining = hook.remaining.saturating_sub(1);
                    if hook.remaining == 0 {
                        due.push(hooks.remove(index).change);
                        continue;
                    }
                }
                index += 1;
            }
        }
        for change in due {
            self.change(change);
        }
    }
}
