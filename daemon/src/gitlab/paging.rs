//! Walking lists: offset and keyset pages, pages that shrink where answers
//! break off, and whole lists.

use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::answer::{number, printable};
use super::call::{BrokenItem, Call, Collected, MAX_PER_PAGE, Page, PageRequest};
use super::client::Client;
use super::error::{Failure, GitLabError};
use super::models::Iid;
use super::retry::Patience;
use super::transport::{Head, Request, read_json};

/// How many elements in a row may be given up as broken before the list is.
const LOST_IN_A_ROW: u32 = 3;
/// How often a list that changed while it was read is read again.
const STEADY_ATTEMPTS: u32 = 3;
/// An end to lists without end.
const MOST_PAGES: usize = 10_000;

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

    /// By cursors where the instance has them for this list.
    pub(super) fn keyset(list: Request) -> Self {
        Self { list, keyset: true }
    }
}

/// A place in a list, of use only with the list it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage {
    place: Place,
    /// The size of the page to ask for.
    per_page: u32,
    /// The size that was asked for at first.
    whole: u32,
    /// How many rows lie before this place.
    consumed: u64,
    /// How many elements just before this place were given up.
    lost: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A page number, from 1.
    Number(u64),
    /// After a cursor, or at the start.
    Keyset(Option<String>),
}

impl NextPage {
    fn first(per_page: u32, keyset: bool) -> Self {
        let per_page = per_page.clamp(1, MAX_PER_PAGE);
        Self {
            place: if keyset {
                Place::Keyset(None)
            } else {
                Place::Number(1)
            },
            per_page,
            whole: per_page,
            consumed: 0,
            lost: 0,
        }
    }

    fn numbered(page: u64, per_page: u32) -> Self {
        Self {
            place: Place::Number(page),
            consumed: (page - 1).saturating_mul(per_page.into()),
            ..Self::first(per_page, false)
        }
    }

    fn request(&self, list: &Request) -> Request {
        let request = list.clone().with("per_page", self.per_page.to_string());
        match &self.place {
            Place::Number(page) => request.with("page", page.to_string()),
            Place::Keyset(None) => request.with("pagination", "keyset"),
            Place::Keyset(Some(cursor)) => {
                request.with("pagination", "keyset").with("cursor", cursor)
            }
        }
    }

    /// The same place by page number.
    fn by_number(&self) -> Self {
        let mut per_page = self.per_page;
        while !self.consumed.is_multiple_of(per_page.into()) {
            per_page = smaller(per_page);
        }
        Self {
            place: Place::Number(self.consumed / u64::from(per_page) + 1),
            per_page,
            ..self.clone()
        }
    }

    /// The same place with a smaller page.
    fn shrunk(&self) -> Self {
        let per_page = smaller(self.per_page);
        let place = match &self.place {
            Place::Number(_) => Place::Number(self.consumed / u64::from(per_page) + 1),
            Place::Keyset(cursor) => Place::Keyset(cursor.clone()),
        };
        Self {
            place,
            per_page,
            ..self.clone()
        }
    }

    /// The place after the single element here, which is given up.
    fn past_lost(&self) -> Self {
        Self {
            consumed: self.consumed + 1,
            lost: self.lost + 1,
            ..self.clone()
        }
        .by_number()
        .grown()
    }

    /// The place `rows` further on, at `place`.
    fn after(&self, rows: u64, place: Place) -> Self {
        let consumed = match &place {
            Place::Number(page) => (page - 1).saturating_mul(self.per_page.into()),
            Place::Keyset(_) => self.consumed + rows,
        };
        Self {
            place,
            consumed,
            lost: 0,
            ..self.clone()
        }
        .grown()
    }

    /// The same place with the next larger page that begins there, so that a
    /// walk recovers once it is past what made it small.
    fn grown(self) -> Self {
        let mut larger = self.whole;
        while smaller(larger) > self.per_page {
            larger = smaller(larger);
        }
        match &self.place {
            Place::Keyset(_) => Self {
                per_page: larger,
                ..self
            },
            Place::Number(_) if self.consumed.is_multiple_of(larger.into()) => Self {
                place: Place::Number(self.consumed / u64::from(larger) + 1),
                per_page: larger,
                ..self
            },
            Place::Number(_) => self,
        }
    }
}

/// The largest divisor of a page size that is at most half of it: a smaller
/// page then begins wherever a larger one does (100, 50, 25, 5, 1).
fn smaller(per_page: u32) -> u32 {
    (1..=per_page / 2)
        .rev()
        .find(|size| per_page.is_multiple_of(*size))
        .unwrap_or(1)
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
        let known = first
            .pages
            .filter(|_| first.per_page == MAX_PER_PAGE && next.is_some());
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
            if fetched.len() >= MOST_PAGES {
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

/// The elements of a page.
struct Elements<T> {
    items: Vec<T>,
    broken: Vec<BrokenItem>,
    rows: u64,
}

/// Reads each element by itself, so that one that cannot be read leaves the
/// others alone.
fn elements<T: DeserializeOwned>(body: &[u8], head: &Head) -> Result<Elements<T>, Failure> {
    let raw: Vec<Box<RawValue>> = read_json(body, &head.headers)?;
    let mut items = Vec::with_capacity(raw.len());
    let mut broken = Vec::new();
    for (index, element) in raw.iter().enumerate() {
        match serde_json::from_str(element.get()) {
            Ok(item) => items.push(item),
            Err(error) => broken.push(broken_item(index, element, &error)),
        }
    }
    Ok(Elements {
        items,
        broken,
        rows: raw.len() as u64,
    })
}

fn broken_item(index: usize, element: &RawValue, error: &serde_json::Error) -> BrokenItem {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Identity {
        id: serde_json::Value,
        iid: serde_json::Value,
    }
    let identity: Identity = serde_json::from_str(element.get()).unwrap_or_default();
    BrokenItem {
        index,
        id: identity.id.as_i64(),
        iid: identity.iid.as_i64().map(Iid),
        reason: printable(&error.to_string()),
    }
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

/// Where the list goes on. A short page is no end: GitLab filters some lists
/// after paging. Of a link only its `page` or `cursor` is used, since it may
/// name a host that is not the one that was asked.
fn next_place(headers: &HeaderMap, at: &NextPage, rows: u64) -> Result<Option<Place>, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let place = if let Some(next) = text("x-next-page") {
        match next.trim() {
            "" => None,
            page => Some(page_number(page)?),
        }
    } else if let Some(cursor) = text("x-next-cursor").filter(|cursor| !cursor.is_empty()) {
        Some(Place::Keyset(Some(cursor.to_owned())))
    } else if headers.contains_key(LINK) {
        headers
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(next_link)
            .map(link_place)
            .transpose()?
    } else if rows >= u64::from(at.per_page) {
        // Either the end, or a proxy has taken the headers away. Asking once
        // more costs little; stopping could lose the rest.
        let consumed = at.consumed + rows;
        Some(Place::Number(consumed / u64::from(at.per_page) + 1))
    } else {
        None
    };
    let goes_on = match (&place, &at.place) {
        (Some(Place::Number(next)), Place::Number(current)) => next > current,
        (Some(Place::Keyset(next)), Place::Keyset(current)) => next != current,
        (Some(Place::Number(next)), Place::Keyset(_)) => *next > 1,
        (Some(Place::Keyset(_)), Place::Number(_)) | (None, _) => true,
    };
    if goes_on {
        Ok(place)
    } else {
        Err(bad_paging("the next page is one that was already read"))
    }
}

/// The target of `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if parameters.contains("rel=\"next\"") || parameters.contains("rel=next") {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn link_place(target: &str) -> Result<Place, Failure> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let mut page = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "cursor" => return Ok(Place::Keyset(Some(value.into_owned()))),
            "page" => page = Some(value.into_owned()),
            _ => {}
        }
    }
    match page {
        Some(page) => page_number(&page),
        None => Err(bad_paging(
            "the link to the next page names neither page nor cursor",
        )),
    }
}

fn page_number(text: &str) -> Result<Place, Failure> {
    match text.parse() {
        Ok(page) if page > 0 => Ok(Place::Number(page)),
        _ => Err(bad_paging("the next page's number is none")),
    }
}

fn bad_paging(reason: &str) -> Failure {
    Failure::BadPayload {
        reason: reason.into(),
        malformed: false,
    }
}

#[cfg(test)]
mod tests;
