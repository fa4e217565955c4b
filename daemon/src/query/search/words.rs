//! Words as a filter: what has all of them, in no order.

use lore_proto::WireError;
use lore_proto::search::SearchParams;
use rusqlite::Connection;

use super::parse::Unit;
use super::{lexical, parse, usage};

/// In the language of FTS5, what has all words and phrases of `text` in its
/// title or body and none of its exclusions; `None` where it has no words at
/// all.
///
/// # Errors
/// `USAGE` for filters such as `label:bug`, which a list has flags for, and
/// for exclusions alone.
pub(in crate::query) fn all_words(
    connection: &Connection,
    text: &str,
    project: i64,
) -> Result<Option<String>, WireError> {
    let params = SearchParams {
        query: text.to_owned(),
        ..SearchParams::default()
    };
    let mut query = parse::parse(&params, project)?;
    if !query.filters.is_empty() {
        return Err(usage(
            "the words of a list take no filters such as `label:bug`; a list has them beside its \
             words, as in `--label bug`"
                .into(),
        ));
    }
    lexical::expand(connection, &mut query)?;
    let wanted: Vec<String> = query
        .wanted
        .iter()
        .chain(&query.required)
        .map(Unit::expression)
        .collect();
    if wanted.is_empty() {
        if query.excluded.is_empty() {
            return Ok(None);
        }
        return Err(usage(
            "words to be left out need one to be found beside them".into(),
        ));
    }
    let excluded: Vec<String> = query.excluded.iter().map(Unit::expression).collect();
    let columns = "{title body names}";
    let mut expression = format!("{columns} : ({})", wanted.join(" AND "));
    if !excluded.is_empty() {
        expression = format!(
            "({expression}) NOT ({columns} : ({}))",
            excluded.join(" OR ")
        );
    }
    Ok(Some(expression))
}
