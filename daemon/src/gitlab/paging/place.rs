//! A place in a list, and how it moves when pages shrink and grow.

use crate::gitlab::call::MAX_PER_PAGE;
use crate::gitlab::transport::Request;

/// A place in a list, of use only with the list it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage {
    pub(super) place: Place,
    /// The size of the page to ask for.
    pub(super) per_page: u32,
    /// The size that was asked for at first.
    pub(super) whole: u32,
    /// How many rows lie before this place.
    pub(super) consumed: u64,
    /// How many elements just before this place were given up.
    pub(super) lost: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A page number, from 1.
    Number(u64),
    /// After a cursor, or at the start.
    Keyset(Option<String>),
}

impl NextPage {
    pub(super) fn first(per_page: u32, keyset: bool) -> Self {
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

    pub(super) fn numbered(page: u64, per_page: u32) -> Self {
        Self {
            place: Place::Number(page),
            consumed: (page - 1).saturating_mul(per_page.into()),
            ..Self::first(per_page, false)
        }
    }

    pub(super) fn request(&self, list: &Request) -> Request {
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
    pub(super) fn by_number(&self) -> Self {
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
    pub(super) fn shrunk(&self) -> Self {
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
    pub(super) fn past_lost(&self) -> Self {
        Self {
            consumed: self.consumed + 1,
            lost: self.lost + 1,
            ..self.clone()
        }
        .by_number()
        .grown()
    }

    /// The place `rows` further on, at `place`.
    pub(super) fn after(&self, rows: u64, place: Place) -> Self {
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
pub(super) fn smaller(per_page: u32) -> u32 {
    (1..=per_page / 2)
        .rev()
        .find(|size| per_page.is_multiple_of(*size))
        .unwrap_or(1)
}
