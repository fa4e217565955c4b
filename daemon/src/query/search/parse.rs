//! What a person typed, as units that the index understands.
//!
//! Nothing of it reaches SQLite as syntax: words are cut as documents are,
//! which leaves letters, digits and marks, and are quoted; values of filters
//! are bound. So no text can be a syntax error.

mod tokens;
mod unit;

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::search::{SearchParams, SearchType};

use self::tokens::{Token, Tokens};
use super::usage;
use crate::documents::terms::{TermKind, terms};
use crate::store::SourceKind;
use crate::store::search_filter::{Filter, Filters};

pub(super) use self::unit::Unit;

/// Longer queries are refused: no person types them.
const MAX_QUERY_BYTES: usize = 16 << 10;
/// Units beyond are left out of the words; the meaning takes all.
const MAX_UNITS: usize = 32;
/// Values of one filter, and filters of one query.
const MAX_FILTERS: usize = 32;
/// Shorter prefixes match too much to mean anything.
const MIN_PREFIX_CHARS: usize = 3;

/// English words that say nothing of what a text is about. They count in
/// phrases, and where a query has no others.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for",
    "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "my", "no",
    "not", "of", "on", "or", "our", "should", "so", "than", "that", "the", "their", "then",
    "there", "these", "this", "to", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "why", "will", "with", "would", "you",
];

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// The more of them a document has, the better.
    pub(super) wanted: Vec<Unit>,
    /// A document has to have all of them.
    pub(super) required: Vec<Unit>,
    /// A document may have none of them.
    pub(super) excluded: Vec<Unit>,
    pub(super) filters: Filters,
    /// What is embedded: the words without filters and exclusions.
    pub(super) text: String,
    pub(super) shape: Shape,
}

/// What kind of query it is; decides how much meaning counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Words between spaces, stop words among them.
    pub(super) words: usize,
    /// Identifiers, paths, numbers, references.
    pub(super) names: usize,
    pub(super) quoted: bool,
    pub(super) prefixed: bool,
}

/// Reads the query text and the flags beside it.
pub(super) fn parse(params: &SearchParams, project: i64) -> Result<Query, WireError> {
    if params.query.len() > MAX_QUERY_BYTES {
        return Err(usage(format!(
            "the query has {} bytes; the most is {MAX_QUERY_BYTES}",
            params.query.len()
        )));
    }
    let mut query = Query {
        wanted: Vec::new(),
        required: Vec::new(),
        excluded: Vec::new(),
        filters: Filters::of(project),
        text: String::new(),
        shape: Shape::default(),
    };
    query.flags(params)?;
    let mut stop_words = Vec::new();
    for token in Tokens(&params.query) {
        query.token(&token, &mut stop_words)?;
    }
    if query.wanted.is_empty() && query.required.is_empty() {
        query.wanted = stop_words;
    }
    query.wanted.dedup();
    query.wanted.truncate(MAX_UNITS);
    query.required.truncate(MAX_UNITS);
    query.excluded.truncate(MAX_UNITS);
    Ok(query)
}

impl Query {
    /// Adds the words of a text that is no query.
    pub(super) fn add_words(&mut self, text: &str) -> Result<(), WireError> {
        let mut stop_words = Vec::new();
        for word in text.split_whitespace() {
            let token = Token {
                negated: false,
                quoted: false,
                filter: None,
                text: word.trim_end_matches('*'),
            };
            self.token(&token, &mut stop_words)?;
        }
        self.wanted.truncate(MAX_UNITS);
        Ok(())
    }

    fn flags(&mut self, params: &SearchParams) -> Result<(), WireError> {
        for kind in &params.types {
            let kind = match kind {
                SearchType::Issue => SourceKind::Issue,
                SearchType::Mr => SourceKind::MergeRequest,
                SearchType::Discussion => SourceKind::Discussion,
            };
            add(&mut self.filters.kinds, Filter::is(kind));
        }
        for (key, value) in [
            ("author", &params.author),
            ("state", &params.state),
            ("path", &params.path),
        ] {
            if let Some(value) = value {
                self.filter(key, value, false)?;
            }
        }
        for label in &params.labels {
            self.filter("label", label, false)?;
        }
        self.filters.since = params.since.map(Timestamp::as_millisecond);
        self.filters.no_confidential = params.no_confidential;
        Ok(())
    }

    fn token(&mut self, token: &Token<'_>, stop_words: &mut Vec<Unit>) -> Result<(), WireError> {
        if let Some((key, value)) = token.filter
            && self.filter(key, value, token.negated)?
        {
            return Ok(());
        }
        let text = token.text;
        if token.negated {
            self.excluded.extend(Unit::of(text));
            return Ok(());
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
        if token.quoted {
            self.shape.quoted = true;
            self.required.extend(Unit::of(text));
            return Ok(());
        }
        self.shape.words += 1;
        if let Some(stem) = text.strip_suffix('*') {
            let found = terms(stem);
            if let [term] = found.as_slice()
                && term.kind == TermKind::Word
                && term.whole.chars().count() >= MIN_PREFIX_CHARS
            {
                self.shape.prefixed = true;
                self.wanted.push(Unit {
                    words: vec![term.text.clone()],
                    prefix: Some(term.whole.clone()),
                    ..Unit::default()
                });
                return Ok(());
            }
        }
        let Some(unit) = Unit::of(text) else {
            return Ok(());
        };
        if STOP_WORDS
            .binary_search(&text.to_lowercase().as_str())
            .is_ok()
        {
            stop_words.push(unit);
            return Ok(());
        }
        let is_name = unit.words.len() > 1 || text.contains(|c: char| c.is_ascii_digit());
        if is_name {
            self.shape.names += 1;
        }
        if unit.words.len() > 1 {
            // The parts count too, where they are words of their own.
            let parts = unit.words.iter().filter(|word| word.chars().count() > 2);
            self.wanted.extend(parts.map(|word| Unit {
                words: vec![word.clone()],
                ..Unit::default()
            }));
        }
        self.wanted.push(unit);
        Ok(())
    }

    /// Takes a filter; false where `key` is none, so that `std::fs` and
    /// `http://…` are words.
    fn filter(&mut self, key: &str, value: &str, negated: bool) -> Result<bool, WireError> {
        let filters = &mut self.filters;
        let value = value.trim();
        match key {
            "author" | "label" | "state" | "type" | "path" if value.is_empty() => {
                return Err(usage(format!("`{key}:` needs a value, as in `{key}:…`")));
            }
            "author" => {
                let name = value.strip_prefix('@').unwrap_or(value);
                add(&mut filters.authors, Filter::new(name.to_owned(), negated));
            }
            "label" => {
                let name = value.strip_prefix('~').unwrap_or(value);
                add(&mut filters.labels, Filter::new(name.to_owned(), negated));
            }
            "path" => {
                let path = value.trim_matches('/').trim_start_matches("./");
                add(&mut filters.paths, Filter::new(path.to_owned(), negated));
            }
            "state" => {
                let state = match value.to_ascii_lowercase().as_str() {
                    "all" => return Ok(true),
                    "open" | "opened" => "opened",
                    "closed" => "closed",
                    "merged" => "merged",
                    "locked" => "locked",
                    _ => {
                        return Err(usage(format!(
                            "`{value}` is no state; there are opened, closed, merged, locked, all"
                        )));
                    }
                };
                add(&mut filters.states, Filter::new(state.to_owned(), negated));
            }
            "type" => {
                let kind = match value.to_ascii_lowercase().as_str() {
                    "issue" | "issues" => SourceKind::Issue,
                    "mr" | "mrs" | "merge_request" => SourceKind::MergeRequest,
                    "discussion" | "discussions" | "thread" => SourceKind::Discussion,
                    _ => {
                        return Err(usage(format!(
                            "`{value}` is no type; there are issue, mr, discussion"
                        )));
                    }
                };
                add(&mut filters.kinds, Filter::new(kind, negated));
            }
            _ => return Ok(false),
        }
        if filters.len() > MAX_FILTERS {
            return Err(usage(format!(
                "a query takes at most {MAX_FILTERS} filters"
            )));
        }
        Ok(true)
    }
}

/// Adds a filter that is not there yet: to repeat one says nothing.
fn add<T: PartialEq>(filters: &mut Vec<Filter<T>>, filter: Filter<T>) {
    if !filters.contains(&filter) {
        filters.push(filter);
    }
}

#[cfg(test)]
mod tests {
    use lore_proto::ErrorCode;

    use super::*;

    fn parsed(text: &str) -> Query {
        let params = SearchParams {
            query: text.into(),
            ..SearchParams::default()
        };
        parse(&params, 1).unwrap()
    }

    fn expressions(units: &[Unit]) -> Vec<String> {
        units.iter().map(Unit::expression).collect()
    }

    #[test]
    fn stop_words_are_in_order_for_the_search_among_them() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn words_are_wanted_phrases_required_and_exclusions_left_out() {
        let query = parsed(r#"cached "merge train" -flaky the"#);
        let cached = r#"("cach" OR names : "cached")"#;
        assert_eq!(expressions(&query.wanted), [cached]);
        assert_eq!(expressions(&query.required), [r#""merg train""#]);
        assert_eq!(
            expressions(&query.excluded),
            [r#"("flaki" OR names : "flaky")"#]
        );
        assert_eq!(query.text, "cached merge train the");
    }

    #[test]
    fn an_identifier_is_its_phrase_its_name_and_its_parts() {
        let query = parsed("fileHistory");
        let whole = r#"("file histori" OR names : "filehistory")"#;
        assert_eq!(
            expressions(&query.wanted),
            [r#""file""#, r#""histori""#, whole]
        );
        assert_eq!(query.shape.names, 1);
        assert_eq!(expressions(&parsed("!123").wanted), [r#"names : "!123""#]);
    }

    #[test]
    fn filters_are_read_once_from_the_text_and_other_colons_are_words() {
        let query = parsed(
            r#"author:@ada -label:"needs work" state:open type:mr path:/src/ std::fs http://x
                type::bug state::blocked path::Path label:type::bug author:ada"#,
        );
        let filters = &query.filters;
        assert_eq!(filters.authors, [Filter::is("ada".to_owned())]);
        assert_eq!(
            filters.labels,
            [
                Filter::new("needs work".to_owned(), true),
                Filter::is("type::bug".to_owned())
            ]
        );
        assert_eq!(filters.states, [Filter::is("opened".to_owned())]);
        assert_eq!(filters.kinds, [Filter::is(SourceKind::MergeRequest)]);
        assert_eq!(filters.paths, [Filter::is("src".to_owned())]);
        assert_eq!(
            query.text,
            "std::fs http://x type::bug state::blocked path::Path"
        );
    }

    #[test]
    fn what_is_no_state_or_type_names_those_that_are() {
        for (text, named) in [
            ("state:done", "merged"),
            ("type:epic", "discussion"),
            ("label:", "value"),
        ] {
            let params = SearchParams {
                query: text.into(),
                ..SearchParams::default()
            };
            let error = parse(&params, 1).unwrap_err();
            assert_eq!(error.code, ErrorCode::Usage);
            assert!(error.message.contains(named), "{}", error.message);
        }
    }

    #[test]
    fn a_prefix_needs_three_letters() {
        assert_eq!(parsed("cach*").wanted[0].prefix.as_deref(), Some("cach"));
        assert_eq!(parsed("ca*").wanted[0].prefix, None);
    }

    #[test]
    fn stop_words_count_where_there_are_no_others() {
        assert_eq!(parsed("to be or not to be").wanted.len(), 6);
    }

    #[test]
    fn what_is_negated_is_told_from_a_flag() {
        assert_eq!(parsed("--no-docs").excluded, []);
        assert_eq!(parsed("-docs").wanted, []);
        assert_eq!(parsed("a - b").excluded, []);
    }
}
