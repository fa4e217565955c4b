//! Answers of a bounded size: as many rows as fit, a share of the room for
//! each list beside them, and a mark for whatever was left out.

use serde_json::{Map, Value};

use super::answer::{Answer, Cut};
use crate::failure::Failure;

/// How many bytes an answer may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    bytes: usize,
    /// The answer goes out as structured content, and again as text.
    twice: bool,
}

/// What the message around an answer takes.
const ENVELOPE: usize = 300;

/// What the mark and the cursor of a cut page take.
const MARK: usize = 400;

/// The daemon is asked at most so often for one answer.
const MAX_ROUNDS: u32 = 4;

impl Budget {
    /// What a tool's result may have, both copies together.
    pub(super) fn of_result(bytes: u32) -> Self {
        Self {
            bytes: bytes as usize,
            twice: true,
        }
    }

    /// What a resource's text may have.
    pub(super) fn of_resource(bytes: u32) -> Self {
        Self {
            bytes: bytes as usize,
            twice: false,
        }
    }

    /// What `value` takes of it, on the wire.
    fn cost(self, value: &Value) -> usize {
        let text = value.to_string();
        let escapes = text
            .bytes()
            .filter(|byte| matches!(byte, b'"' | b'\\'))
            .count();
        let as_text = text.len() + escapes;
        if self.twice {
            as_text + text.len()
        } else {
            as_text
        }
    }

    /// What is left beside `answer`.
    fn left(self, answer: &Answer) -> Option<usize> {
        self.bytes
            .checked_sub(self.cost(&answer.to_value()) + ENVELOPE)
    }
}

/// How an answer is made up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The list that is paged.
    pub(super) rows: Option<Rows>,
    /// Lists beside it.
    pub(super) sides: &'static [Side],
    /// What only the first page has, besides the lists beside the rows.
    pub(super) once: &'static [&'static str],
}

/// The list that is paged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Its field.
    pub(super) field: &'static str,
    /// The field that says how many there are in all.
    pub(super) total: &'static str,
}

/// A list beside the rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    /// Its field.
    pub(super) field: &'static str,
    /// The field that says how many there are in all, where there is one.
    pub(super) total: Option<&'static str>,
    /// Its share of the room.
    pub(super) percent: usize,
}

impl Side {
    /// A list and its share of the room.
    pub(super) const fn new(field: &'static str, percent: usize) -> Self {
        Self {
            field,
            total: None,
            percent,
        }
    }

    /// One that says how long it is.
    pub(super) const fn of(mut self, total: &'static str) -> Self {
        self.total = Some(total);
        self
    }
}

/// What was asked for of an answer's pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// At most so many rows.
    pub(super) limit: Option<u32>,
    /// It is not the first one.
    pub(super) goes_on: bool,
}

/// Asks until the answer fits: where it is too long, for fewer rows, so that
/// the daemon's cursor goes on exactly behind the last that is shown.
pub(super) fn fit(
    shape: &Shape,
    page: Page,
    budget: Budget,
    mut ask: impl FnMut(Option<u32>) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    let mut limit = page.limit;
    let mut rounds = 0;
    loop {
        let mut answer = ask(limit)?;
        shape.trim(&mut answer, page.goes_on, budget);
        if budget.left(&answer).is_some() {
            return Ok(answer);
        }
        let fitting = shape
            .rows
            .map_or(0, |rows| rows.fitting(&mut answer, budget));
        let given = shape.rows.map_or(0, |rows| rows.count(&answer));
        // The mirror may change in between, and yet this ends.
        rounds += 1;
        limit = match u32::try_from(fitting) {
            Ok(fewer @ 1..) if fitting < given && rounds < MAX_ROUNDS => Some(fewer),
            _ if given > 1 && rounds <= MAX_ROUNDS => Some(1),
            _ => return shrink(answer, shape, budget),
        };
    }
}

impl Shape {
    /// Cuts what is beside the rows, and marks all that is not there.
    fn trim(&self, answer: &mut Answer, goes_on: bool, budget: Budget) {
        let mut cuts = Vec::new();
        let Some(fields) = answer.fields() else {
            return;
        };
        if goes_on {
            self.leave_to_first_page(fields, &mut cuts);
        }
        for side in self.sides {
            cuts.extend(side.cut(fields, budget));
        }
        if let Some(rows) = self.rows {
            cuts.extend(rows.mark(fields));
        }
        let text_goes_on = fields.get("description_truncated") == Some(&Value::Bool(true));
        if text_goes_on && !goes_on {
            cuts.push(Cut {
                what: "description".to_owned(),
                shown: None,
                total: None,
                more: "call again with a larger body_chars".to_owned(),
            });
        }
        answer.truncated = cuts;
    }

    fn leave_to_first_page(&self, fields: &mut Map<String, Value>, cuts: &mut Vec<Cut>) {
        let mut left_out = Vec::new();
        for name in self
            .once
            .iter()
            .copied()
            .chain(self.sides.iter().map(|side| side.field))
        {
            match fields.get_mut(name) {
                Some(Value::String(text)) if !text.is_empty() => text.clear(),
                Some(Value::Array(items)) if !items.is_empty() => items.clear(),
                _ => continue,
            }
            left_out.push(name);
        }
        if !left_out.is_empty() {
            cuts.push(Cut {
                what: left_out.join(", "),
                shown: Some(0),
                total: None,
                more: "on the first page, without cursor".to_owned(),
            });
        }
    }
}

impl Rows {
    fn list(self, answer: &Answer) -> Option<&Vec<Value>> {
        answer.data.get(self.field)?.as_array()
    }

    fn count(self, answer: &Answer) -> usize {
        self.list(answer).map_or(0, Vec::len)
    }

    /// How many rows fit.
    fn fitting(self, answer: &mut Answer, budget: Budget) -> usize {
        let rows = match answer.data.get_mut(self.field) {
            Some(Value::Array(rows)) => std::mem::take(rows),
            _ => return 0,
        };
        let mut room = budget.left(answer).unwrap_or(0).saturating_sub(MARK);
        let fitting = rows
            .iter()
            .take_while(|row| match room.checked_sub(budget.cost(row) + 2) {
                Some(rest) => {
                    room = rest;
                    true
                }
                None => false,
            })
            .count();
        if let Some(list) = answer.data.get_mut(self.field) {
            *list = Value::Array(rows);
        }
        fitting
    }

    /// The mark of a page that is not the last.
    fn mark(self, fields: &Map<String, Value>) -> Option<Cut> {
        fields.get("next_cursor")?.as_str()?;
        let shown = fields.get(self.field)?.as_array()?.len();
        Some(Cut {
            what: self.field.to_owned(),
            shown: u64::try_from(shown).ok(),
            total: fields.get(self.total).and_then(Value::as_u64),
            more: "call again with cursor set to data.next_cursor".to_owned(),
        })
    }
}

impl Side {
    /// Cuts the list to its share.
    fn cut(self, fields: &mut Map<String, Value>, budget: Budget) -> Option<Cut> {
        let total = self
            .total
            .and_then(|name| fields.get(name))
            .and_then(Value::as_u64);
        let items = fields.get_mut(self.field)?.as_array_mut()?;
        let all = items.len();
        let mut room = budget.bytes * self.percent / 100;
        let fitting = items
            .iter()
            .take_while(|item| match room.checked_sub(budget.cost(item) + 2) {
                Some(rest) => {
                    room = rest;
                    true
                }
                None => false,
            })
            .count();
        items.truncate(fitting);
        let (shown, all) = (fitting as u64, all as u64);
        let total = total.unwrap_or(all);
        let more = if shown < all {
            "call again with a larger max_bytes"
        } else {
            "on the item's page, data.web_url"
        };
        (shown < total).then(|| Cut {
            what: self.field.to_owned(),
            shown: Some(shown),
            total: Some(total),
            more: more.to_owned(),
        })
    }
}

/// An answer of a single row that does not fit: its texts and the lists in it
/// are cut, ever shorter. Rows stay, or the cursor would lead past some.
fn shrink(mut answer: Answer, shape: &Shape, budget: Budget) -> Result<Answer, Failure> {
    answer.truncated.push(Cut {
        what: "texts and lists within".to_owned(),
        shown: None,
        total: None,
        more: "call again with a larger max_bytes".to_owned(),
    });
    for characters in [600, 300, 150, 80, 40] {
        let entries = characters / 20;
        if let Some(fields) = answer.fields() {
            let rows = shape.rows.and_then(|rows| fields.remove(rows.field));
            let mut rest = Value::Object(std::mem::take(fields));
            squeeze(&mut rest, characters, entries);
            if let Value::Object(rest) = rest {
                *fields = rest;
            }
            if let Some((at, Value::Array(mut rows))) = shape.rows.zip(rows) {
                for row in &mut rows {
                    squeeze(row, characters, entries);
                }
                fields.insert(at.field.to_owned(), Value::Array(rows));
            }
        }
        if budget.left(&answer).is_some() {
            return Ok(answer);
        }
    }
    Err(Failure::usage(format!(
        "the shortest answer takes more than max_bytes ({}); call again with a larger one",
        budget.bytes
    )))
}

/// Texts that are read, unlike names that are used again.
const TEXTS: [&str; 8] = [
    "body",
    "description",
    "error_message",
    "from",
    "message",
    "text",
    "title",
    "to",
];

fn squeeze(value: &mut Value, characters: usize, entries: usize) {
    match value {
        Value::Array(items) => {
            items.truncate(entries.max(1));
            for item in items {
                squeeze(item, characters, entries);
            }
        }
        Value::Object(fields) => {
            let mut cut = Vec::new();
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::String(text) if TEXTS.contains(&name.as_str()) => {
                        let short = shorten(text, characters);
                        if short != *text {
                            *text = short;
                            cut.push(name.clone());
                        }
                    }
                    value => squeeze(value, characters, entries),
                }
            }
            for name in cut {
                // Where an item has a mark of its own, it is set.
                if let Some(mark) = fields.get_mut(&format!("{name}_truncated")) {
                    *mark = Value::Bool(true);
                }
                // Places in a text that is not there any more.
                if let (true, Some(places)) = (name == "text", fields.get_mut("highlights")) {
                    *places = Value::Array(Vec::new());
                }
            }
        }
        _ => {}
    }
}

/// The first so many characters; one that is cut ends in `…`.
pub(super) fn shorten(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
