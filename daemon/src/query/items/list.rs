//! A page of a list.

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::project::{Freshness, ProjectInfo};
use rusqlite::Connection;

use super::unknown_names;
use crate::query::{cursor, project, search};
use crate::store::item_lists::{self as store, Filters, Order, Place};
use crate::store::projects::ProjectRow;
use crate::store::{StoreError, dirty};

/// Which page of which list.
pub(super) struct Question<'a> {
    pub(super) asked: &'a ProjectInfo,
    pub(super) row: &'a ProjectRow,
    pub(super) filters: Filters,
    /// Words to be found, as they were given.
    pub(super) words: Option<&'a str>,
    pub(super) order: Order,
    pub(super) limit: u32,
    pub(super) cursor: Option<&'a str>,
}

/// What all lists have in common.
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    pub(super) total: u64,
    pub(super) remaining: u64,
    pub(super) next_cursor: Option<String>,
    pub(super) freshness: Freshness,
    pub(super) warnings: Vec<String>,
}

impl Question<'_> {
    /// Reads the page, each row by `read`.
    pub(super) fn answer<T>(
        mut self,
        connection: &Connection,
        now: Timestamp,
        read: impl Fn(&Connection, i64) -> Result<T, StoreError>,
    ) -> Result<Page<T>, WireError> {
        let mut warnings = project::warnings(self.asked, self.row);
        warnings.extend(unknown_names(connection, &self.asked.host, &self.filters)?);
        let freshness = project::freshness(connection, &self.asked.path, self.row, now)?;
        // All that decides which rows there are; what a prefix stands for is not
        // known yet, and may change from page to page.
        let query = format!(
            "list\n{:?}\n{:?}\n{:?}",
            self.filters, self.words, self.order
        );
        if let Some(words) = self.words {
            self.filters.words = search::all_words(connection, words, self.row.id)?;
            let waiting = dirty::count(connection, self.row.id)?;
            if waiting > 0 {
                warnings.push(format!(
                    "{waiting} changed texts cannot be found by words yet; the next sync makes \
                     them so"
                ));
            }
        }
        let after = match self.cursor {
            Some(text) => Some(place(&cursor::decode(&query, text)?)?),
            None => None,
        };
        let bounded = || -> Result<(Vec<Place>, u64, u64), WireError> {
            let mut places = store::page(
                connection,
                &self.filters,
                self.order,
                after,
                self.limit.saturating_add(1),
            )?;
            let more = places.len() > self.limit as usize;
            places.truncate(self.limit as usize);
            let remaining = match places.last().filter(|_| more) {
                Some(last) => store::count_after(connection, &self.filters, self.order, *last)?,
                None => 0,
            };
            let total = store::count(connection, &self.filters)?;
            Ok((places, remaining, total))
        };
        let (places, remaining, total) = match self.words {
            // Common words may be in a great many texts.
            Some(_) => search::bounded(connection, bounded)?,
            None => bounded()?,
        };
        let next_cursor = places
            .last()
            .filter(|_| remaining > 0)
            .map(|last| cursor::encode(&query, &format!("{} {}", last.at, last.iid)));
        Ok(Page {
            rows: places
                .iter()
                .map(|place| read(connection, place.id))
                .collect::<Result<_, _>>()?,
            total,
            remaining,
            next_cursor,
            freshness,
            warnings,
        })
    }
}

/// The place that a cursor names; its `id` says nothing.
fn place(text: &str) -> Result<Place, WireError> {
    let (at, iid) = text.split_once(' ').ok_or_else(cursor::broken)?;
    Ok(Place {
        at: at.parse().map_err(|_| cursor::broken())?,
        iid: iid.parse().map_err(|_| cursor::broken())?,
        id: 0,
    })
}
