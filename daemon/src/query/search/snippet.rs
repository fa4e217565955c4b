//! The passage of a text that shows best why it was found.

use std::collections::HashSet;
use std::ops::Range;

use crate::documents::terms::terms_among;

/// Characters of a passage, about two lines of a terminal.
const LENGTH: usize = 240;
/// Bytes before the first word found that are shown.
const LEAD: usize = 40;
/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 128 << 10;

/// A passage in one line, and the places of the query's words in it, counted
/// in characters.
pub(super) type Snippet = (String, Vec<(u32, u32)>);

/// The part of `body` with most of `words`, in `near` where none is found.
pub(super) fn snippet(body: &str, words: &HashSet<String>, near: Range<usize>) -> Snippet {
    let looked_at = &body[..body.floor_char_boundary(LOOKED_AT)];
    let places: Vec<(Range<usize>, String)> = terms_among(looked_at, words)
        .into_iter()
        .map(|term| (term.at, term.text))
        .collect();
    let start = match best_window(&places) {
        Some(first) => word_start(body, places[first].0.start.saturating_sub(LEAD)),
        None => word_start(body, near.start.min(body.len())),
    };
    render(body, start, &places)
}

/// The place with which the window of most different words begins.
fn best_window(places: &[(Range<usize>, String)]) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (first, (at, _)) in places.iter().enumerate() {
        let inside = places[first..]
            .iter()
            .take_while(|(place, _)| place.end <= at.start + LENGTH - LEAD);
        let different = inside.map(|(_, word)| word).collect::<HashSet<_>>().len();
        if best.is_none_or(|(most, _)| different > most) {
            best = Some((different, first));
        }
    }
    best.map(|(_, first)| first)
}

/// The beginning of the word at `at`, or `at` where that is far.
fn word_start(body: &str, at: usize) -> usize {
    let at = body.floor_char_boundary(at);
    let before = &body[body.floor_char_boundary(at.saturating_sub(LEAD))..at];
    match before.rfind(char::is_whitespace) {
        // White space of several bytes: `render` goes on to the next character.
        Some(space) => at - before.len() + space + 1,
        None if at <= LEAD => 0,
        None => at,
    }
}

fn render(body: &str, start: usize, places: &[(Range<usize>, String)]) -> Snippet {
    let start = body.ceil_char_boundary(start);
    let mut text = String::with_capacity(LENGTH * 2);
    let mut length = 0_usize;
    let mut highlights: Vec<(u32, u32)> = Vec::new();
    let mut open: Option<(usize, u32)> = None;
    if !body[..start].trim().is_empty() {
        text.push('…');
        length += 1;
    }
    let mut next = places.partition_point(|(place, _)| place.start < start);
    let mut gap = false;
    let mut cut = false;
    for (offset, c) in body[start..].char_indices() {
        let at = start + offset;
        if let Some((end, from)) = open
            && at >= end
        {
            highlights.push((from, as_position(length)));
            open = None;
        }
        if c.is_whitespace() || c.is_control() {
            gap = length > 0;
            continue;
        }
        if length >= LENGTH {
            cut = true;
            break;
        }
        if std::mem::take(&mut gap) && !text.ends_with('…') {
            text.push(' ');
            length += 1;
        }
        while places.get(next).is_some_and(|(place, _)| place.start < at) {
            next += 1;
        }
        // Of parts and the whole, which begin together, the longest.
        while let Some((place, _)) = places.get(next)
            && place.start == at
        {
            let from = open.map_or(as_position(length), |(_, from)| from);
            let end = open.map_or(place.end, |(end, _)| end.max(place.end));
            open = Some((end, from));
            next += 1;
        }
        text.push(c);
        length += 1;
    }
    if let Some((_, from)) = open {
        highlights.push((from, as_position(length)));
    }
    if cut {
        text.push('…');
    }
    (text, highlights)
}

fn as_position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, words: &[&str]) -> Snippet {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        snippet(body, &words, 0..0)
    }

    fn marked(body: &str, words: &[&str]) -> Vec<String> {
        let (text, highlights) = of(body, words);
        let text: Vec<char> = text.chars().collect();
        highlights
            .iter()
            .map(|(from, to)| text[*from as usize..*to as usize].iter().collect())
            .collect()
    }

    #[test]
    fn the_words_are_marked_in_any_of_their_forms() {
        assert_eq!(
            marked("Caching the größe\nof caches.", &["cach", "große"]),
            ["Caching", "größe", "caches"]
        );
        assert_eq!(
            marked("see warm_cache now", &["warmcach", "cach"]),
            ["cache"]
        );
    }

    #[test]
    fn the_passage_is_where_most_of_the_words_are() {
        let filler = "nothing to see here ".repeat(60);
        let body = format!("one {filler} one two three {filler} two");
        let (text, _) = of(&body, &["one", "two", "three"]);
        assert!(text.contains("one two three"), "{text}");
        assert!(text.starts_with('…') && text.ends_with('…'));
        assert!(text.chars().count() <= LENGTH + 2);
    }

    #[test]
    fn white_space_and_control_characters_are_single_spaces() {
        let (text, highlights) = of("a\n\n   b\u{7}\u{1b}c", &["b"]);
        assert_eq!((text.as_str(), highlights), ("a b c", vec![(2, 3)]));
    }

    #[test]
    fn any_text_gives_places_within_it() {
        for body in [
            "",
            "ä",
            "日本 語".repeat(300).as_str(),
            "\u{301}\u{301}x",
            "x_y-z".repeat(99).as_str(),
        ] {
            let (text, highlights) = of(body, &["x", "日", "z", "ä"]);
            let length = as_position(text.chars().count());
            for (from, to) in highlights {
                assert!(from < to && to <= length, "{body} {from} {to} {length}");
            }
        }
    }
}
