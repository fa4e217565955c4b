//! How a text becomes the words that are indexed and asked for.
//!
//! SQLite's own tokenizers know nothing of identifiers, and one written in
//! Rust would need unsafe code; so texts are cut here, the same way for
//! documents, queries and highlights, and SQLite is given words between
//! spaces.
//!
//! - Words are runs of letters, digits and marks of any script, lower-cased,
//!   without Latin accents; English endings are cut off (Snowball).
//! - `CamelCase`, `snake_case` and `kebab-case` are cut into their parts, in
//!   order, so that phrases find them; joined they are a *name* as well
//!   (`camelcase`), so that any spelling of an identifier finds every other.
//! - Paths, versions and qualified names are the sequence of their parts.
//! - `!123` and `#123` are names.
//! - Han and Kana have no spaces: each character is a word, and a word of
//!   several is a phrase.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are keys, hashes and encoded data that nobody types.
const MAX_WORD_CHARS: usize = 64;

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// What a piece of text is for the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its bytes in the text.
    pub at: Range<usize>,
    /// As it is indexed.
    pub text: String,
    /// As it is indexed, before its ending was cut off; equal to `text` where
    /// it has none.
    pub whole: String,
    /// A word stands in a sequence; a name stands for itself.
    pub kind: TermKind,
}

/// Words make phrases, names do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// A part of a text, in its order.
    Word,
    /// Several parts joined, or a reference; follows its last word.
    Name,
}

/// The words and names of `text`, in order.
pub fn terms(text: &str) -> Vec<Term> {
    cut(text, &|_| true)
}

/// Those of [`terms`] that are among `words`, as they are indexed or before
/// their endings were cut off. To cut them off is most of the work, and is left
/// out where no word begins alike: a stem begins as its word does.
pub(crate) fn terms_among(text: &str, words: &HashSet<String>) -> Vec<Term> {
    let mut initials = [false; 256];
    for first in words.iter().filter_map(|word| word.bytes().next()) {
        initials[usize::from(first)] = true;
    }
    let mut found = cut(text, &|first| initials[usize::from(first)]);
    found.retain(|term| words.contains(&term.text) || words.contains(&term.whole));
    found
}

/// Cuts `text`. Words that begin with a byte that `stems` does not accept keep
/// their endings.
fn cut(text: &str, stems: &impl Fn(u8) -> bool) -> Vec<Term> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut before = None;
    while let Some((start, c)) = chars.next() {
        if !is_word_char(c) {
            before = Some((start, c));
            continue;
        }
        let mut end = start + c.len_utf8();
        let mut last = c;
        while let Some(&(at, next)) = chars.peek() {
            let goes_on = is_word_char(next)
                || (is_joiner(next)
                    && last.is_alphanumeric()
                    && text[at + next.len_utf8()..]
                        .chars()
                        .next()
                        .is_some_and(char::is_alphanumeric));
            if !goes_on {
                break;
            }
            end = at + next.len_utf8();
            last = next;
            chars.next();
        }
        let sigil =
            before.filter(|(at, sign)| matches!(sign, '!' | '#') && at + sign.len_utf8() == start);
        segment(text, start..end, sigil, stems, &mut found);
        before = None;
    }
    found
}

/// Words as the index takes them: stems in order, separated by spaces.
pub(super) fn words(text: &str, out: &mut String, names: &mut String) {
    for term in terms(text) {
        let column = match term.kind {
            TermKind::Word => &mut *out,
            TermKind::Name => &mut *names,
        };
        if !column.is_empty() {
            column.push(' ');
        }
        column.push_str(&term.text);
    }
}

fn segment(
    text: &str,
    at: Range<usize>,
    sigil: Option<(usize, char)>,
    stems: &impl Fn(u8) -> bool,
    found: &mut Vec<Term>,
) {
    let first = found.len();
    let mut part: Option<usize> = None;
    let mut previous: Option<char> = None;
    let mut single = true;
    let mut chars = text[at.clone()].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        let here = at.start + offset;
        if is_ideograph(c) {
            close(text, &mut part, here, stems, found);
            word(text, here..here + c.len_utf8(), stems, found);
            single = false;
        } else if c == '_' || c == '-' {
            close(text, &mut part, here, stems, found);
        } else {
            let next = chars.peek().map(|(_, next)| *next);
            if part.is_some() && previous.is_some_and(|before| is_hump(before, c, next)) {
                close(text, &mut part, here, stems, found);
            }
            part.get_or_insert(here);
        }
        previous = Some(c);
    }
    close(text, &mut part, at.end, stems, found);
    let parts = &found[first..];
    if parts.is_empty() || !single {
        return;
    }
    let mut name = None;
    if parts.len() > 1 {
        name = Some((
            at.clone(),
            parts
                .iter()
                .map(|part| part.whole.as_str())
                .collect::<String>(),
        ));
    }
    let digits = text[at.clone()].bytes().all(|byte| byte.is_ascii_digit());
    if let (Some((sign_at, sign)), true) = (sigil, digits) {
        name = Some((sign_at..at.end, format!("{sign}{}", &text[at])));
    }
    if let Some((at, name)) = name
        && name.chars().count() <= MAX_WORD_CHARS
    {
        found.push(Term {
            at,
            whole: name.clone(),
            text: name,
            kind: TermKind::Name,
        });
    }
}

fn close(
    text: &str,
    part: &mut Option<usize>,
    end: usize,
    stems: &impl Fn(u8) -> bool,
    found: &mut Vec<Term>,
) {
    if let Some(start) = part.take() {
        word(text, start..end, stems, found);
    }
}

fn word(text: &str, at: Range<usize>, stems: &impl Fn(u8) -> bool, found: &mut Vec<Term>) {
    let raw = &text[at.clone()];
    if raw.len() > 4 * MAX_WORD_CHARS || raw.chars().count() > MAX_WORD_CHARS {
        return;
    }
    let whole = fold(raw);
    let Some(first) = whole.bytes().next() else {
        return;
    };
    let english = whole.len() > 3
        && stems(first)
        && whole.bytes().all(|b| b.is_ascii_alphabetic() || b == b'\'');
    let mut stem = if english {
        STEMMER.stem(&whole).into_owned()
    } else {
        whole.clone()
    };
    let mut whole = whole;
    whole.retain(|c| c != '\'');
    stem.retain(|c| c != '\'');
    found.push(Term {
        at,
        text: stem,
        whole,
        kind: TermKind::Word,
    });
}

/// Lower case, compatible forms unified, Latin accents off.
fn fold(raw: &str) -> String {
    if raw.is_ascii() {
        return raw.to_ascii_lowercase();
    }
    raw.nfkd()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == '’' { '\'' } else { c })
        .filter(|c| c.is_alphanumeric() || is_combining_mark(*c) || *c == '\'')
        .nfc()
        .collect()
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || (!c.is_ascii() && is_combining_mark(c))
}

fn is_joiner(c: char) -> bool {
    matches!(c, '-' | '\'' | '’')
}

/// Whether a new part begins with `c`: `fooBar`, `HTTPServer`.
fn is_hump(before: char, c: char, next: Option<char>) -> bool {
    c.is_uppercase()
        && (before.is_lowercase()
            || (before.is_uppercase() && next.is_some_and(char::is_lowercase)))
}

fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c),
        0x3041..=0x30ff | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xf900..=0xfaff | 0xff66..=0xff9d | 0x2_0000..=0x3_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> (String, String) {
        let (mut out, mut names) = (String::new(), String::new());
        words(text, &mut out, &mut names);
        (out, names)
    }

    #[test]
    fn every_spelling_of_an_identifier_has_one_name() {
        for spelling in [
            "fileHistory",
            "FileHistory",
            "file_history",
            "file-history",
            "FILE_HISTORY",
        ] {
            assert_eq!(
                all(spelling),
                ("file histori".into(), "filehistory".into()),
                "{spelling}"
            );
        }
        assert_eq!(all("HTTPServer2").0, "http server2");
    }

    #[test]
    fn a_path_is_the_sequence_of_its_parts() {
        assert_eq!(all("src/foo/bar_baz.rs").0, "src foo bar baz rs");
        assert_eq!(all("src/foo/bar_baz.rs").1, "barbaz");
        assert_eq!(all("a::b().c v1.2.3").0, "a b c v1 2 3");
    }

    #[test]
    fn references_are_names_and_numbers() {
        assert_eq!(
            all("see group/p!123, #45."),
            ("see group p 123 45".into(), "!123 #45".into())
        );
        assert_eq!(all("wow! 12 # 3").1, "");
    }

    #[test]
    fn english_endings_accents_and_apostrophes_do_not_matter() {
        assert_eq!(all("Caching cached caches").0, "cach cach cach");
        assert_eq!(
            all("the user's Ünïcödé naïveté").0,
            "the user unicod naivet"
        );
        assert_eq!(all("don't").0, all("don’t").0);
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_characters() {
        assert_eq!(all("日本語 test"), ("日 本 語 test".into(), String::new()));
        assert_eq!(all("한국어 хорошо").0, "한국어 хорошо");
    }

    #[test]
    fn a_term_says_where_it_stands() {
        let text = "größe_fooBar!";
        for term in terms(text) {
            assert!(text.get(term.at.clone()).is_some(), "{term:?}");
        }
        let name = terms(text).pop().unwrap();
        assert_eq!(
            (&text[name.at], name.text.as_str()),
            ("größe_fooBar", "großefoobar")
        );
    }

    #[test]
    fn terms_among_words_are_those_of_all_that_have_one() {
        let text = "Caching the cached cats: catsAndDogs, dying skies' naïveté, \
            don't (DON’T) #12 12 日本語 größe_fooBar ugly early singly";
        let all = terms(text);
        let has = |term: &Term, word: &String| term.text == *word || term.whole == *word;
        for word in all.iter().flat_map(|term| [&term.text, &term.whole]) {
            let expected: Vec<Term> = all.iter().filter(|t| has(t, word)).cloned().collect();
            let words = HashSet::from([word.clone()]);
            assert_eq!(terms_among(text, &words), expected, "{word}");
        }
        assert_eq!(terms_among(text, &HashSet::new()), []);
    }

    #[test]
    fn encoded_data_is_not_indexed() {
        assert_eq!(all(&"x".repeat(65)).0, "");
        assert_eq!(all(&"f".repeat(64)).0.len(), 64);
    }
}
