//! How a request is asked for, and what it brings back.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Failure;
use super::models::Iid;

/// Whose work a request is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Bulk work: yields to the rate budget early.
    Background,
    /// Somebody waits for the answer: own connections, own concurrency, and
    /// the last part of the rate budget.
    Interactive,
}

/// The circumstances of a request: who asks, until when, and how to stop it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whose work it is.
    pub lane: Lane,
    /// Fires when nobody wants the answer any more.
    pub cancel: &'a CancellationToken,
    /// When the answer stops being of use. Attempt timeouts, retries and
    /// rate-limit waits all fit into what is left until then.
    pub deadline: Option<Instant>,
}

impl<'a> Call<'a> {
    /// Background work without a deadline.
    pub fn background(cancel: &'a CancellationToken) -> Self {
        Self {
            lane: Lane::Background,
            cancel,
            deadline: None,
        }
    }

    /// Interactive work that has to be done by `deadline`.
    pub fn interactive(cancel: &'a CancellationToken, deadline: Instant) -> Self {
        Self {
            lane: Lane::Interactive,
            cancel,
            deadline: Some(deadline),
        }
    }

    /// What is left until the deadline.
    pub(super) fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Runs `work` until it is done, cancelled, or past the deadline.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let started = Instant::now();
        let expiry = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::Cancelled),
            done = work => Ok(done),
            () = expiry => Err(Failure::Timeout { after: started.elapsed(), connecting: false }),
        }
    }
}

/// An answer, and when it was true.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// The answer.
    pub value: T,
    /// When the successful attempt started, by this machine's clock.
    pub started_at: Timestamp,
    /// When GitLab answered, by its own clock (whole seconds).
    pub server_date: Option<Timestamp>,
    /// How many attempts were made in all.
    pub requests: u32,
}

impl<T> Fetched<T> {
    /// The same answer in another form.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fetched<U> {
        Fetched {
            value: change(self.value),
            started_at: self.started_at,
            server_date: self.server_date,
            requests: self.requests,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The elements that could be read. May be fewer than asked for, or none,
    /// in the middle of a list.
    pub items: Vec<T>,
    /// How to ask for the next page; `None` ends the list.
    pub next: Option<NextPage>,
    /// When the successful attempt started, by this machine's clock.
    pub started_at: Timestamp,
    /// When GitLab answered, by its own clock (whole seconds).
    pub server_date: Option<Timestamp>,
    /// How many attempts were made in all.
    pub requests: u32,
    /// How many elements the whole list has, where GitLab says (not beyond
    /// 10,000, not with keyset paging).
    pub total: Option<u64>,
    /// The elements that could not be read.
    pub broken: Vec<BrokenItem>,
}

/// All pages of a list.
#[derive(Debug, Clone)]
pub struct Collected<T> {
    /// The elements that could be read, in GitLab's order.
    pub items: Vec<T>,
    /// The elements that could not be read.
    pub broken: Vec<BrokenItem>,
    /// When the first page's request started, by this machine's clock.
    pub started_at: Timestamp,
    /// When GitLab answered first, by its own clock (whole seconds).
    pub server_date: Option<Timestamp>,
    /// How many attempts were made in all.
    pub requests: u32,
    /// False where the list kept changing while it was read, so that an
    /// element may have slipped from one page to another unseen.
    pub steady: bool,
}

impl<T> Collected<T> {
    /// Whether what is not in `items` does not exist: only then may something
    /// be deleted for its absence.
    pub fn is_complete(&self) -> bool {
        self.steady && self.broken.is_empty()
    }
}

/// An element of a list that could not be read. One never loses its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenItem {
    /// Its place in the page, from 0.
    pub index: usize,
    /// Its instance-wide number, where that could be read.
    pub id: Option<i64>,
    /// Its number within the project, where that could be read.
    pub iid: Option<Iid>,
    /// What is wrong with it.
    pub reason: String,
}

/// The order of a list. Ties are always broken by descending id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// Oldest change first: the order of incremental walks.
    #[default]
    UpdatedAsc,
    /// Newest change first.
    UpdatedDesc,
    /// Oldest first: the order of sweeps, which changes do not disturb.
    CreatedAsc,
    /// Newest first.
    CreatedDesc,
}

impl ListOrder {
    pub(super) fn order_by(self) -> &'static str {
        match self {
            Self::UpdatedAsc | Self::UpdatedDesc => "updated_at",
            Self::CreatedAsc | Self::CreatedDesc => "created_at",
        }
    }

    pub(super) fn sort(self) -> &'static str {
        match self {
            Self::UpdatedAsc | Self::CreatedAsc => "asc",
            Self::UpdatedDesc | Self::CreatedDesc => "desc",
        }
    }
}

/// How a merge request list renders its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListView {
    /// Identity, title, state and times only; cheap.
    Simple,
    /// Whole elements, possibly from GitLab's 8-hour cache: trust identity,
    /// `updated_at` and `state` alone.
    #[default]
    Cached,
    /// Whole elements with label details, which by-passes that cache.
    Fresh,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default)]
pub enum PageRequest {
    /// The first.
    #[default]
    First,
    /// The one after a page that was answered. The other parameters must be
    /// the same as for that page.
    Next(NextPage),
}

/// What is asked of a list of issues or merge requests.
#[derive(Debug, Clone)]
pub struct ListParams<'a> {
    /// Only what changed at or after this instant.
    pub updated_after: Option<Timestamp>,
    /// Only what changed at or before this instant.
    pub updated_before: Option<Timestamp>,
    /// In which order.
    pub order: ListOrder,
    /// Only these numbers; all if empty. Keep to about 100.
    pub iids: &'a [Iid],
    /// Elements a page, 1 to 100. Pages get smaller by themselves where a
    /// list's answers break off.
    pub per_page: u32,
    /// Which page.
    pub page: PageRequest,
}

impl Default for ListParams<'_> {
    fn default() -> Self {
        Self {
            updated_after: None,
            updated_before: None,
            order: ListOrder::default(),
            iids: &[],
            per_page: MAX_PER_PAGE,
            page: PageRequest::First,
        }
    }
}

/// GitLab's limit of elements a page; more is clamped to this.
pub const MAX_PER_PAGE: u32 = 100;

pub use super::paging::NextPage;
