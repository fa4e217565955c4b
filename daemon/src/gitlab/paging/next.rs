//! Reading from an answer's headers where a list goes on.

use reqwest::header::{HeaderMap, LINK};
use url::form_urlencoded;

use super::place::{NextPage, Place};
use crate::gitlab::error::Failure;

/// Where the list goes on. A short page is no end: GitLab filters some lists
/// after paging. Of a link only its `page` or `cursor` is used, since it may
/// name a host that is not the one that was asked.
pub(super) fn next_place(
    headers: &HeaderMap,
    at: &NextPage,
    rows: u64,
) -> Result<Option<Place>, Failure> {
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
pub(super) fn next_link(header: &str) -> Option<&str> {
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
