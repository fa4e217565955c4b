//! What kind of installation the simulator is.

use std::time::Duration;

/// Licence, as far as it shows in GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The FOSS build: the type of the status widget does not exist.
    Ce,
    /// Enterprise code without a licence: queries are valid, the widget is
    /// missing.
    Free,
    /// Status is there.
    Premium,
    /// Enterprise 15 to 17: `status` of the widget is a scalar with another
    /// meaning, so that selecting fields of it is an error.
    OldEnterprise,
}

/// Which of GitLab's two limiters answers 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// `Rack::Attack`: plain text and the full set of headers.
    RackAttack,
    /// The limiter of single endpoints: JSON and no headers at all.
    Endpoint,
}

/// How `Retry-After` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds from now.
    Seconds,
    /// An HTTP date.
    Date,
    /// Left out, as some proxies do.
    Absent,
}

/// A limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in each minute of the server's clock.
    pub per_minute: u64,
    /// How a refusal looks.
    pub throttle: Throttle,
    /// Whether `RateLimit-*` is sent at all.
    pub headers: bool,
    /// How `Retry-After` is written.
    pub retry_after: RetryAfter,
}

impl RateLimit {
    /// As on gitlab.com: all headers, plain text, seconds.
    pub const fn per_minute(per_minute: u64) -> Self {
        Self {
            per_minute,
            throttle: Throttle::RackAttack,
            headers: true,
            retry_after: RetryAfter::Seconds,
        }
    }
}

/// How one installation of GitLab differs from the next.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of an installation"
)]
pub struct Options {
    /// Path prefix of a relative-URL install, `/gitlab`; empty for none.
    pub relative_root: String,
    /// Timestamps are written in this offset from UTC, in seconds.
    pub utc_offset: i32,
    /// `None`: no limit and no headers, as on a stock installation.
    pub rate_limit: Option<RateLimit>,
    /// Collections of more rows say nothing of totals. GitLab: 10,000.
    pub totals_limit: usize,
    /// Whether project issues can be paged by keyset (from 18.3 on).
    pub keyset: bool,
    /// The most rows offset paging reaches on endpoints that have keyset too;
    /// `None` for no such ceiling.
    pub offset_ceiling: Option<usize>,
    /// Files that a diff shows at most. GitLab: 1,000. `None` for no limit.
    pub diff_file_limit: Option<usize>,
    /// Whether `raw_diffs` exists (from 17 on).
    pub raw_diffs: bool,
    /// Whether `changes?access_raw_diffs=true` passes the limit.
    pub access_raw_diffs: bool,
    /// Whether the merge request list is served from the eight-hour cache.
    pub merge_request_list_cache: bool,
    /// How long the diff of a new merge request is being worked out.
    pub preparing_delay: Duration,
    /// How long every other request does not see a write yet.
    pub replica_lag: Duration,
    /// Scheme and host of `web_url`, where the installation is configured with
    /// another than it is called by.
    pub external_url: Option<String>,
    /// Host and port in `Link`, where they are wrong.
    pub link_host: Option<String>,
    /// Scheme and host in `Location` of a redirect, where they are wrong.
    pub redirect_base: Option<String>,
    /// Licence.
    pub tier: Tier,
    /// Every object carries a field that no client knows.
    pub extra_fields: bool,
    /// `web_url` of issues says `work_items`, as on 19.x.
    pub work_item_urls: bool,
    /// Answers are compressed for those who accept it.
    pub gzip: bool,
    /// What `/version` says.
    pub version: String,
    /// The most complexity of a GraphQL query. GitLab: 250.
    pub max_complexity: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            relative_root: String::new(),
            utc_offset: 0,
            rate_limit: None,
            totals_limit: 10_000,
            keyset: true,
            offset_ceiling: None,
            diff_file_limit: Some(1_000),
            raw_diffs: true,
            access_raw_diffs: true,
            merge_request_list_cache: true,
            preparing_delay: Duration::ZERO,
            replica_lag: Duration::ZERO,
            external_url: None,
            link_host: None,
            redirect_base: None,
            tier: Tier::Premium,
            extra_fields: true,
            work_item_urls: false,
            gzip: false,
            version: "18.5.1-ee".to_owned(),
            max_complexity: 250,
        }
    }
}
