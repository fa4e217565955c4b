//! What a word of a query asks of the index.

use crate::documents::terms::{TermKind, terms};

/// Words of one phrase.
const MAX_PHRASE: usize = 16;

/// A word, a phrase, an identifier or a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::query::search) struct Unit {
    /// Stems, in order.
    pub(in crate::query::search) words: Vec<String>,
    /// The same in one word, for the column of names.
    pub(in crate::query::search) name: Option<String>,
    /// The beginning of a word, as it was typed.
    pub(in crate::query::search) prefix: Option<String>,
    /// Other words that the prefix stands for.
    pub(in crate::query::search) expanded: Vec<String>,
}

impl Unit {
    /// The words of `text` in order, as one unit; `None` where it has none.
    pub(in crate::query::search) fn of(text: &str) -> Option<Self> {
        let mut unit = Self::default();
        let found = terms(text);
        let words: Vec<_> = found.iter().filter(|t| t.kind == TermKind::Word).collect();
        for word in words.iter().take(MAX_PHRASE) {
            unit.words.push(word.text.clone());
        }
        match (words.as_slice(), found.as_slice()) {
            ([], []) => return None,
            // `built-in` is found by `builtin`.
            ([word], [_]) => unit.name = (word.whole != word.text).then(|| word.whole.clone()),
            (_, all) => {
                let mut names = all.iter().filter(|t| t.kind == TermKind::Name);
                unit.name = names.next().map(|name| name.text.clone());
                if names.next().is_some() {
                    // Several: the sequence of words says more than any.
                    unit.name = None;
                }
            }
        }
        Some(unit)
    }

    /// In the language of FTS5. What is quoted holds no quote.
    pub(in crate::query::search) fn expression(&self) -> String {
        let mut any = Vec::new();
        // `!12` is the reference alone, not every text with a 12 in it.
        let reference = self.name.as_ref().filter(|n| n.starts_with(['!', '#']));
        if !self.words.is_empty() && reference.is_none() {
            any.push(format!("\"{}\"", self.words.join(" ")));
        }
        if let Some(name) = &self.name {
            any.push(format!("names : \"{name}\""));
        }
        any.extend(self.expanded.iter().map(|word| format!("\"{word}\"")));
        match any.as_slice() {
            [one] => one.clone(),
            _ => format!("({})", any.join(" OR ")),
        }
    }

    /// Every word by which a passage is highlighted.
    pub(in crate::query::search) fn highlights(&self) -> impl Iterator<Item = &String> {
        self.words.iter().chain(&self.name).chain(&self.expanded)
    }
}
