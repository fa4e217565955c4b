//! The lower-casing `WordPiece` of BERT, by whose pieces the table's rows go.
//!
//! The steps and their order are those of the reference implementation (crate
//! and package `tokenizers`, with the model's own `tokenizer.json`): cleaning,
//! spaces around Chinese characters, accents off, lower case, words, pieces.
//! Literal `[CLS]` and the like in a text are words here, not signals to the
//! model, which a text from outside must not be able to give.

use rustc_hash::FxHashMap;
// The reference's own table of categories. A newer one would know more
// characters, and so read some texts otherwise than the model learnt them.
use unicode_categories::UnicodeCategories;
use unicode_normalization::UnicodeNormalization;

/// A word of more characters has no pieces, as in the reference.
const MAX_WORD_CHARS: usize = 100;
const CONTINUATION: &str = "##";

/// The pieces that have a row, by their text.
pub(super) struct Vocabulary {
    /// Pieces that begin a word.
    starts: FxHashMap<&'static str, u32>,
    /// Pieces inside a word, without their `##`.
    continuations: FxHashMap<&'static str, u32>,
    /// The longest piece, in bytes.
    longest: usize,
}

impl Vocabulary {
    /// Reads one piece a line; the line's number is the row. `None` where a
    /// piece comes twice or is empty.
    pub(super) fn parse(lines: &'static str) -> Option<Self> {
        let mut vocabulary = Self {
            starts: FxHashMap::default(),
            continuations: FxHashMap::default(),
            longest: 0,
        };
        vocabulary.starts.reserve(lines.len() / 8);
        for (row, line) in (0_u32..).zip(lines.lines()) {
            let (pieces, piece) = match line.strip_prefix(CONTINUATION) {
                // "##" alone is what two number signs would be: no piece.
                Some(inside) if !inside.is_empty() => (&mut vocabulary.continuations, inside),
                _ => (&mut vocabulary.starts, line),
            };
            if piece.is_empty() || pieces.insert(piece, row).is_some() {
                return None;
            }
            vocabulary.longest = vocabulary.longest.max(piece.len());
        }
        Some(vocabulary)
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() + self.continuations.len()
    }

    /// Gives `sink` the row of each piece of `text`, and `None` for a word
    /// that has no pieces.
    pub(super) fn pieces(&self, text: &str, mut sink: impl FnMut(Option<u32>)) {
        let mut found = Vec::with_capacity(16);
        words(text, |word| self.split(word, &mut found, &mut sink));
    }

    /// The longest piece first, then the longest of what is left.
    fn split(&self, word: &str, found: &mut Vec<u32>, sink: &mut impl FnMut(Option<u32>)) {
        if let Some(row) = self.starts.get(word) {
            return sink(Some(*row));
        }
        found.clear();
        let mut at = 0;
        if word.len() <= MAX_WORD_CHARS || word.chars().count() <= MAX_WORD_CHARS {
            while at < word.len() {
                let pieces = match at {
                    0 => &self.starts,
                    _ => &self.continuations,
                };
                let Some((row, end)) = self.longest_piece(pieces, word, at) else {
                    break;
                };
                found.push(row);
                at = end;
            }
        }
        if at < word.len() {
            return sink(None);
        }
        for row in found {
            sink(Some(*row));
        }
    }

    fn longest_piece(
        &self,
        pieces: &FxHashMap<&'static str, u32>,
        word: &str,
        at: usize,
    ) -> Option<(u32, usize)> {
        let furthest = word.len().min(at + self.longest);
        (at + 1..=furthest)
            .rev()
            .filter(|end| word.is_char_boundary(*end))
            .find_map(|end| pieces.get(&word[at..end]).map(|row| (*row, end)))
    }
}

/// Gives `sink` each word of `text`, cleaned, without accents, in lower case;
/// each mark of punctuation is a word of its own.
fn words(text: &str, mut sink: impl FnMut(&str)) {
    let mut word = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii() {
            ascii(first, &mut word, &mut sink);
            rest = &rest[1..];
            continue;
        }
        // Decomposition may reorder marks, so it sees whole runs at once.
        let end = rest.find(|c: char| c.is_ascii()).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        beyond_ascii(run, &mut word, &mut sink);
        rest = behind;
    }
    flush(&mut word, &mut sink);
}

fn ascii(c: char, word: &mut String, sink: &mut impl FnMut(&str)) {
    match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' => word.push(c.to_ascii_lowercase()),
        ' ' | '\t' | '\n' | '\r' => flush(word, sink),
        // Vertical tabs and form feeds are control characters to the
        // reference before they are white space.
        '\0'..='\x1f' | '\x7f' => {}
        _ => alone(c, word, sink),
    }
}

fn beyond_ascii(run: &str, word: &mut String, sink: &mut impl FnMut(&str)) {
    let clean = run.chars().filter(|c| *c != '\u{fffd}' && !c.is_other());
    let spaced = clean.flat_map(|c| {
        let (before, after) = if is_chinese(c) {
            (Some(' '), Some(' '))
        } else {
            (None, None)
        };
        before.into_iter().chain([c]).chain(after)
    });
    for c in spaced.nfd() {
        if c.is_whitespace() {
            flush(word, sink);
        } else if c.is_mark_nonspacing() {
            // An accent, split off from its letter.
        } else {
            for c in c.to_lowercase() {
                if c.is_ascii_punctuation() || c.is_punctuation() {
                    alone(c, word, sink);
                } else {
                    word.push(c);
                }
            }
        }
    }
}

fn alone(c: char, word: &mut String, sink: &mut impl FnMut(&str)) {
    flush(word, sink);
    sink(c.encode_utf8(&mut [0; 4]));
}

fn flush(word: &mut String, sink: &mut impl FnMut(&str)) {
    if !word.is_empty() {
        sink(word);
        word.clear();
    }
}

/// The blocks of ideographs that the reference sets apart. The gap at U+2B820
/// is the reference's.
fn is_chinese(c: char) -> bool {
    matches!(
        c,
        '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b73f}'
            | '\u{2b740}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}
