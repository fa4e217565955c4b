//! Pages, and the headers that come with them.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::query::Query;
use super::reply::Reply;

/// What Ruby's `to_query` leaves alone.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Where `Link` points: scheme, host and path, without the query.
pub(crate) struct LinkBase<'a> {
    pub(crate) url: &'a str,
    pub(crate) query: &'a Query,
}

/// One page by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetPage {
    page: usize,
    per_page: usize,
    /// `per_page=0` is degenerate: one row, no headers.
    degenerate: bool,
}

impl OffsetPage {
    pub(crate) fn of(query: &Query) -> Self {
        let number = |name| query.number(name).and_then(|n| usize::try_from(n).ok());
        let per_page = number("per_page").unwrap_or(20).min(100);
        Self {
            page: number("page").unwrap_or(1).max(1),
            per_page: per_page.max(1),
            degenerate: per_page == 0,
        }
    }

    /// Which rows of `total` are on it.
    pub(crate) fn range(self, total: usize) -> Range<usize> {
        let start = (self.page - 1).saturating_mul(self.per_page).min(total);
        start..start.saturating_add(self.per_page).min(total)
    }

    /// The row after the last that it reaches.
    pub(crate) fn end(self) -> usize {
        self.page.saturating_mul(self.per_page)
    }

    /// Adds GitLab's headers.
    pub(crate) fn headers(
        self,
        reply: Reply,
        total: usize,
        totals_limit: usize,
        base: &LinkBase<'_>,
    ) -> Reply {
        if self.degenerate {
            return reply;
        }
        let pages = total.div_ceil(self.per_page).max(1);
        let next = (self.page < pages).then(|| self.page + 1);
        // Past the end there still is a page before.
        let previous = (self.page > 1).then(|| self.page - 1);
        let number = |page: Option<usize>| page.map_or_else(String::new, |page| page.to_string());
        let counted = total <= totals_limit;

        let mut links = Vec::new();
        let mut link = |page: usize, rel: &str| {
            links.push(format!("<{}>; rel=\"{rel}\"", self.link(page, base)));
        };
        if let Some(page) = previous {
            link(page, "prev");
        }
        if let Some(page) = next {
            link(page, "next");
        }
        link(1, "first");
        if counted {
            link(pages, "last");
        }

        let reply = reply
            .with("link", links.join(", "))
            .with("x-next-page", number(next))
            .with("x-page", self.page.to_string())
            .with("x-per-page", self.per_page.to_string())
            .with("x-prev-page", number(previous));
        if counted {
            reply
                .with("x-total", total.to_string())
                .with("x-total-pages", pages.to_string())
        } else {
            reply
        }
    }

    fn link(self, page: usize, base: &LinkBase<'_>) -> String {
        let (page, per_page) = (page.to_string(), self.per_page.to_string());
        link(base, &[("page", &page), ("per_page", &per_page)])
    }
}

/// A link to another page: the same query, sorted, with some of it replaced.
/// Tokens are left out.
pub(crate) fn link(base: &LinkBase<'_>, replaced: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(&str, &str)> = base
        .query
        .pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !matches!(*name, "private_token" | "access_token"))
        .filter(|(name, _)| replaced.iter().all(|(other, _)| other != name))
        .chain(replaced.iter().copied())
        .collect();
    pairs.sort_unstable();
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            format!(
                "{}={}",
                utf8_percent_encode(name, QUERY),
                utf8_percent_encode(value, QUERY)
            )
        })
        .collect();
    format!("{}?{}", base.url, query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(query: &str, total: usize) -> Reply {
        let query = Query::parse(Some(query));
        let base = LinkBase {
            url: "http://h/api/v4/projects/1/issues",
            query: &query,
        };
        OffsetPage::of(&query).headers(Reply::text(200, ""), total, 10_000, &base)
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply
            .headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_last_page_has_an_empty_next_page() {
        let reply = headers("per_page=10&page=3", 30);
        assert_eq!(header(&reply, "x-next-page"), Some(""));
        assert_eq!(header(&reply, "x-prev-page"), Some("2"));
        assert!(!header(&reply, "link").unwrap().contains("rel=\"next\""));
        assert_eq!(header(&reply, "x-total-pages"), Some("3"));
    }

    #[test]
    fn more_than_ten_thousand_rows_are_not_counted() {
        let reply = headers("per_page=100&state=all", 10_001);
        assert_eq!(header(&reply, "x-total"), None);
        assert_eq!(header(&reply, "x-total-pages"), None);
        let link = header(&reply, "link").unwrap();
        assert!(!link.contains("rel=\"last\"") && link.contains("rel=\"first\""));
        assert!(link.contains("page=2&per_page=100&state=all>; rel=\"next\""));
        assert!(header(&headers("", 10_000), "x-total").is_some());
    }

    #[test]
    fn per_page_is_clamped_to_a_hundred_and_zero_is_degenerate() {
        let page = OffsetPage::of(&Query::parse(Some("per_page=1000&page=2")));
        assert_eq!(page.range(250), 100..200);
        let none = Query::parse(Some("per_page=0"));
        assert_eq!(OffsetPage::of(&none).range(250), 0..1);
        assert!(headers("per_page=0", 250).headers.is_empty());
    }

    #[test]
    fn a_page_past_the_end_is_empty() {
        let page = OffsetPage::of(&Query::parse(Some("page=9&per_page=100")));
        assert!(page.range(250).is_empty());
    }
}
