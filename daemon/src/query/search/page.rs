//! What is shown of a ranking.

use std::collections::HashSet;
use std::ops::Range;

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::project::{ProjectInfo, Read};
use lore_proto::search::{
    Explanation, Part, Passage, PassageSource, SearchCoverage, SearchHit, SearchMode, SearchParams,
    SearchResults,
};
use rusqlite::Connection;

use super::Item;
use super::fuse::{Fused, Weight};
use super::lexical::Lexical;
use super::meaning::Meaning;
use super::parse::{Query, Unit};
use super::snippet::snippet;
use super::vectors::{Nearest, Vectors};
use crate::query::{cursor, project};
use crate::store::item_lists::{knows_label, knows_user};
use crate::store::projects::ProjectRow;
use crate::store::search_index::Found;
use crate::store::{SourceType, StoreError, dirty, embeddings, search_hits, status};

/// Passages of one hit.
const PASSAGES: usize = 3;

/// Which part of which answer.
pub(super) struct Page<'a> {
    pub(super) asked: &'a ProjectInfo,
    pub(super) row: &'a ProjectRow,
    pub(super) params: &'a SearchParams,
    pub(super) like: Option<(SourceType, u64)>,
    pub(super) limit: usize,
    pub(super) now: Timestamp,
    pub(super) vectors: &'a Vectors,
}

/// A ranking and what it was made of.
pub(super) struct Ranked {
    pub(super) fused: Vec<Fused>,
    pub(super) mode: SearchMode,
    pub(super) weight: Weight,
    pub(super) lexical: Lexical,
    pub(super) nearest: Nearest,
    pub(super) meaning: Meaning,
}

impl Page<'_> {
    pub(super) fn read(
        &self,
        connection: &Connection,
        query: &Query,
        ranked: &Ranked,
    ) -> Result<Read<SearchResults>, WireError> {
        let identity = self.identity(ranked);
        let skip = match &self.params.cursor {
            Some(text) => {
                let place = cursor::decode(&identity, text)?;
                let place = Place::read(&place).ok_or_else(cursor::broken)?;
                place.behind(&ranked.fused)
            }
            None => 0,
        };
        let words: HashSet<String> = query
            .wanted
            .iter()
            .chain(&query.required)
            .flat_map(Unit::highlights)
            .cloned()
            .collect();
        let mut hits = Vec::with_capacity(self.limit);
        for hit in ranked.fused.iter().skip(skip).take(self.limit) {
            hits.extend(self.hit(connection, hit, ranked, &words)?);
        }
        let next = skip.saturating_add(self.limit);
        let mut warnings = project::warnings(self.asked, self.row);
        warnings.extend(ranked.meaning.warning());
        warnings.extend(self.unknown_names(connection, query)?);
        Ok(Read {
            data: SearchResults {
                project: project::info(self.asked, self.row),
                mode: ranked.mode,
                hits,
                total: ranked.fused.len() as u64,
                total_is_lower_bound: !ranked.fused.is_empty()
                    && (ranked.lexical.is_full || ranked.meaning.vector.is_some()),
                remaining: ranked.fused.len().saturating_sub(next) as u64,
                next_cursor: (next < ranked.fused.len())
                    .then(|| ranked.fused.get(next.checked_sub(1)?))
                    .flatten()
                    .map(|last| cursor::encode(&identity, &Place::of(last).written())),
                coverage: self.coverage(connection, &ranked.meaning)?,
            },
            freshness: Some(project::freshness(
                connection,
                &self.asked.path,
                self.row,
                self.now,
            )?),
            warnings,
        })
    }

    /// Sentences about names in the filters that nothing in the mirror has.
    fn unknown_names(
        &self,
        connection: &Connection,
        query: &Query,
    ) -> Result<Vec<String>, StoreError> {
        let mut unknown = Vec::new();
        for author in &query.filters.authors {
            if !knows_user(connection, &self.asked.host, &author.value)? {
                unknown.push(format!("the mirror knows no user `{}`", author.value));
            }
        }
        for label in &query.filters.labels {
            if !knows_label(connection, self.row.id, &label.value)? {
                unknown.push(format!("the mirror knows no label `{}`", label.value));
            }
        }
        Ok(unknown)
    }

    fn coverage(
        &self,
        connection: &Connection,
        meaning: &Meaning,
    ) -> Result<SearchCoverage, StoreError> {
        // Where meaning was not asked, what stands is told of.
        let model = match &meaning.model {
            Some(identity) => {
                embeddings::find_model(connection, identity)?.map(|model| (model, identity.clone()))
            }
            None => embeddings::newest_model(connection, self.row.id)?,
        };
        let documents = status::counts(connection, self.row.id)?.documents;
        let not_embedded = match &model {
            Some((model, _)) => embeddings::without_vectors(connection, self.row.id, *model)?,
            None => documents,
        };
        Ok(SearchCoverage {
            documents,
            not_embedded,
            waiting: dirty::count(connection, self.row.id)?,
            model: meaning
                .model
                .clone()
                .or_else(|| model.map(|(_, identity)| identity)),
        })
    }

    /// All that decides which hits there are and in what order: an answer of
    /// another model, or of words alone, is another ranking.
    fn identity(&self, ranked: &Ranked) -> String {
        let mut params = self.params.clone();
        params.cursor = None;
        params.limit = None;
        params.explain = false;
        params.remotes.clear();
        let (mode, model) = (ranked.mode.as_str(), &ranked.meaning.model);
        let like = &self.like;
        format!(
            "search {} {mode} {model:?} {like:?} {params:?}",
            self.row.id
        )
    }

    fn hit(
        &self,
        connection: &Connection,
        hit: &Fused,
        ranked: &Ranked,
        words: &HashSet<String>,
    ) -> Result<Option<SearchHit>, StoreError> {
        let (source, id) = hit.item;
        let Some(card) = search_hits::item_card(connection, source, id)? else {
            return Ok(None);
        };
        let mut passages = Vec::with_capacity(PASSAGES);
        for found in documents(hit.item, ranked) {
            let near = ranked.nearest.places.get(&found.document);
            let near = near.cloned().unwrap_or_default();
            passages.extend(passage(
                connection,
                found,
                words,
                near,
                card.web_url.as_deref(),
            )?);
        }
        Ok(Some(SearchHit {
            entity_type: source.entity(),
            iid: card.iid,
            title: card.title,
            state: card.state,
            author: card.author,
            labels: card.labels,
            confidential: card.confidential,
            created_at: card.created_at,
            updated_at: card.updated_at,
            web_url: card.web_url,
            score: rounded(hit.score),
            passages,
            explain: self.params.explain.then(|| Explanation {
                lexical: hit.lexical.map(part),
                semantic: hit.semantic.map(part),
                semantic_weight: ranked.weight.semantic,
                reason: ranked.weight.reason.to_owned(),
                recency: hit.recency.map(rounded),
            }),
        }))
    }
}

/// The last hit of a page: where it stood, so that a page neither repeats nor
/// leaves out what stands behind it when hits come in before.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    score: f64,
    item: Item,
}

impl Place {
    fn of(hit: &Fused) -> Self {
        Self {
            score: hit.score,
            item: hit.item,
        }
    }

    fn written(self) -> String {
        let (source, id) = self.item;
        format!("{:x} {}{id}", self.score.to_bits(), source.entity().sigil())
    }

    fn read(text: &str) -> Option<Self> {
        let (score, item) = text.split_once(' ')?;
        let source = match item.chars().next()? {
            '#' => SourceType::Issue,
            '!' => SourceType::MergeRequest,
            _ => return None,
        };
        Some(Self {
            score: f64::from_bits(u64::from_str_radix(score, 16).ok()?),
            item: (source, item[1..].parse().ok()?),
        })
    }

    /// How many of a ranking stand before what follows: up to the hit itself
    /// or, where that is found no more, up to what fits worse than it did.
    fn behind(self, ranking: &[Fused]) -> usize {
        if let Some(at) = ranking.iter().position(|hit| hit.item == self.item) {
            return at + 1;
        }
        ranking
            .iter()
            .position(|hit| {
                let by_score = hit.score.total_cmp(&self.score);
                by_score.then_with(|| hit.item.cmp(&self.item)).is_lt()
            })
            .unwrap_or(ranking.len())
    }
}

/// The documents in which an item was found, by turns from the list that
/// counts more and from the other.
fn documents(item: Item, ranked: &Ranked) -> Vec<Found> {
    let of_item = |list: &[Found]| -> Vec<Found> {
        list.iter()
            .filter(|found| found.item == item)
            .take(PASSAGES)
            .copied()
            .collect()
    };
    let (words, meaning) = (
        of_item(&ranked.lexical.found),
        of_item(&ranked.nearest.found),
    );
    let (first, second) = if ranked.weight.semantic > 0.5 {
        (meaning, words)
    } else {
        (words, meaning)
    };
    let mut chosen: Vec<Found> = Vec::with_capacity(PASSAGES);
    for place in 0..PASSAGES {
        for found in [first.get(place), second.get(place)].into_iter().flatten() {
            let known = |other: &Found| other.document == found.document;
            if chosen.len() < PASSAGES && !chosen.iter().any(known) {
                chosen.push(*found);
            }
        }
    }
    chosen
}

fn part((place, score): (usize, f64)) -> Part {
    Part {
        rank: u32::try_from(place + 1).unwrap_or(u32::MAX),
        score: rounded(score),
    }
}

/// More digits say nothing and differ from machine to machine.
fn rounded(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}

fn passage(
    connection: &Connection,
    found: Found,
    words: &HashSet<String>,
    near: Range<usize>,
    item_url: Option<&str>,
) -> Result<Option<Passage>, StoreError> {
    let Some(text) = search_hits::text(connection, found.document)? else {
        return Ok(None);
    };
    // An item without a description: its title is all that was found.
    let titled = text.body.trim().is_empty();
    let (line, highlights) = if titled {
        snippet(&text.title, words, 0..0)
    } else {
        snippet(&text.body, words, near)
    };
    let note = text.first_note.map(|note| format!("#note_{note}"));
    Ok(Some(Passage {
        source: match (text.is_thread, titled) {
            (true, _) => PassageSource::Discussion,
            (false, true) => PassageSource::Title,
            (false, false) => PassageSource::Description,
        },
        text: line,
        highlights,
        author: text.author,
        created_at: text.created_at,
        confidential: text.confidential,
        path: text.path,
        web_url: item_url.map(|url| format!("{url}{}", note.unwrap_or_default())),
    }))
}
