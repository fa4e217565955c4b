//! Walking lists: offset and keyset pages, pages that shrink where answers
//! break off, and whole lists.

mod elements;
mod next;
mod place;

use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;

use super::answer::number;
use super::call::{BrokenItem, Call, Collected, MAX_PER_PAGE, Page, PageRequest};
use super::client::Client;
use super::error::{Failure, GitLabError};
use super::retry::Patience;
use super::transport::{Head, Request};
use elements::{Elements, elements};
use next::next_place;
pub use place::NextPage;
use place::Place;

/// How many elements in a row may be given up as broken before the list is.
const LOST_IN_A_ROW: u32 = 3;
/// How often a list that changed while it was read is read again.
const STEADY_ATTEMPTS: u32 = 3;
/// An end to lists without end.
const MOST_PAGES: u64 = 10_000;

/// A list to walk.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    list: Request,
    keyset: bool,
}

impl Walk {
    /// By page numbers, which every list has.
    pub(super) fn offset(list: Request) -> Self {
        Self {
            list,
            keyset: false,
        }
    }

    /// The same list with one more parameter.
    pub(super) fn with(self, name: &'static str, value: &str) -> Self {
        Self {
            list: self.list.with(name, value),
            ..self
        }
    }

    /// By cursors where the instance has them for this list.
    pub(super) fn keyset(list: Request) -> Self {
        Self { list, keyset: true }
    }
}

/// A page, and what only the walk needs of it.
struct Fetch<T> {
    page: Page<T>,
    pages: Option<u64>,
    per_page: u32,
}

impl Client {
    /// One page of a list.
    pub(super) async fn page<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        walk: Walk,
        per_page: u32,
        page: &PageRequest,
    ) -> Result<Page<T>, GitLabError> {
        let keyset = walk.keyset && !self.inner().keyset_refused.load(Ordering::Relaxed);
        let at = match page {
            PageRequest::First => NextPage::first(per_page, keyset),
            PageRequest::Next(next) => next.clone(),
        };
        Ok(self.fetch_page(call, &walk.list, at).await?.page)
    }

    /// All pages of a list. Where GitLab says how many there are, those after
    /// the first are asked for at once. A list that changes meanwhile is read
    /// again, so that nothing slips from page to page unseen.
    pub(super) async fn collect<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        list: Request,
    ) -> Result<Collected<T>, GitLabError> {
        let mut spent = 0;
        let mut attempt = 1;
        loop {
            let mut collected = self.collect_once(call, &list).await?;
            spent += collected.requests;
            collected.requests = spent;
            if collected.steady || attempt == STEADY_ATTEMPTS {
                return Ok(collected);
            }
            attempt += 1;
        }
    }

    async fn collect_once<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        list: &Request,
    ) -> Result<Collected<T>, GitLabError> {
        let start = NextPage::first(MAX_PER_PAGE, false);
        let first = self.fetch_page::<T>(call, list, start).await?;
        let mut next = first.page.next.clone();
        // A number that no list has is not believed.
        let known = first.pages.filter(|pages| {
            first.per_page == MAX_PER_PAGE && next.is_some() && *pages <= MOST_PAGES
        });
        let mut fetched = vec![first.page];
        if let Some(pages) = known {
            let spans = (2..=pages).map(|number| {
                let at = NextPage::numbered(number, MAX_PER_PAGE);
                let end = at.consumed + u64::from(MAX_PER_PAGE);
                self.span(call, list, at, end)
            });
            for span in try_join_all(spans).await? {
                fetched.extend(span);
            }
            next = fetched.last().and_then(|page| page.next.clone());
        }
        while let Some(at) = next.take() {
            if fetched.len() as u64 >= MOST_PAGES {
                let failure = Failure::BadPayload {
                    reason: format!("the list has no end after {MOST_PAGES} pages"),
                    malformed: false,
                };
                return Err(self.error(list, failure));
            }
            let page = self.fetch_page::<T>(call, list, at).await?.page;
            next.clone_from(&page.next);
            fetched.push(page);
        }
        Ok(join(fetched))
    }

    /// The pages from `at` up to the row `end`.
    async fn span<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        list: &Request,
        at: NextPage,
        end: u64,
    ) -> Result<Vec<Page<T>>, GitLabError> {
        let mut pages = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next.take().filter(|at| at.consumed < end) {
            let page = self.fetch_page::<T>(call, list, at).await?.page;
            next.clone_from(&page.next);
            pages.push(page);
        }
        Ok(pages)
    }

    /// One page at `at`, smaller than asked for where the answer breaks off
    /// otherwise. A single element that breaks alone is reported as broken.
    async fn fetch_page<T: DeserializeOwned + Send>(
        &self,
        call: &Call<'_>,
        list: &Request,
        mut at: NextPage,
    ) -> Result<Fetch<T>, GitLabError> {
        let mut requests = 0;
        loop {
            let request = at.request(list);
            let patience = Patience {
                before_shrinking: (at.per_page > 1).then_some(u32::from(at.per_page == at.whole)),
                ..self.patience()
            };
            let answer = self
                .run(
                    call,
                    &request,
                    patience,
                    &mut requests,
                    |body: Vec<u8>, head| elements::<T>(&body, head),
                )
                .await;
            let error = match answer {
                Ok((elements, head)) => {
                    let page = elements.into_page(&at, &head, requests);
                    return page.map_err(|failure| self.error(&request, failure));
                }
                Err(error) => error,
            };
            let out_of_time = call.remaining().is_some_and(|left| left.is_zero());
            let refused = matches!(error.failure, Failure::BadRequest { status: 405, .. });
            if refused && matches!(at.place, Place::Keyset(_)) {
                // Before 18.3 issues have no keyset paging.
                self.inner().keyset_refused.store(true, Ordering::Relaxed);
                at = at.by_number();
            } else if at.per_page > 1 && error.failure.shrinks_page() && !out_of_time {
                at = at.shrunk();
            } else if at.per_page == 1
                && error.failure.breaks_on_one_item()
                && at.lost < LOST_IN_A_ROW
                && !out_of_time
            {
                return Ok(lost_item(&at, &error, requests, self.inner().clock.now()));
            } else {
                return Err(error);
            }
        }
    }
}

/// A page whose only element could not be read.
fn lost_item<T>(
    at: &NextPage,
    error: &GitLabError,
    requests: u32,
    now: jiff::Timestamp,
) -> Fetch<T> {
    Fetch {
        page: Page {
            items: Vec::new(),
            next: Some(at.past_lost()),
            started_at: now,
            server_date: None,
            requests,
            total: None,
            broken: vec![BrokenItem {
                index: 0,
                id: None,
                iid: None,
                reason: error.failure.to_string(),
            }],
        },
        pages: None,
        per_page: at.per_page,
    }
}

/// The pages of a list as one.
fn join<T>(pages: Vec<Page<T>>) -> Collected<T> {
    let total = pages.first().and_then(|page| page.total);
    let mut all = Collected {
        items: Vec::new(),
        broken: Vec::new(),
        started_at: pages
            .first()
            .map_or(jiff::Timestamp::MIN, |page| page.started_at),
        server_date: pages.iter().filter_map(|page| page.server_date).min(),
        requests: 0,
        steady: pages
            .iter()
            .all(|page| page.total.is_none() || page.total == total),
    };
    for page in pages {
        all.requests += page.requests;
        all.items.extend(page.items);
        all.broken.extend(page.broken);
    }
    all
}

impl<T> Elements<T> {
    fn into_page(self, at: &NextPage, head: &Head, requests: u32) -> Result<Fetch<T>, Failure> {
        // A server that allows fewer elements a page says so.
        let granted = number(&head.headers, "x-per-page")
            .and_then(|size| u32::try_from(size).ok())
            .filter(|size| (1..at.per_page).contains(size));
        let at = match granted {
            Some(size) => NextPage {
                per_page: size,
                whole: size,
                ..at.clone()
            },
            None => at.clone(),
        };
        let place = next_place(&head.headers, &at, self.rows)?;
        Ok(Fetch {
            pages: number(&head.headers, "x-total-pages"),
            per_page: at.per_page,
            page: Page {
                next: place.map(|place| at.after(self.rows, place)),
                items: self.items,
                broken: self.broken,
                started_at: head.started_at,
                server_date: head.server_date,
                total: number(&head.headers, "x-total"),
                requests,
            },
        })
    }
}

#[cfg(test)]
mod tests;
