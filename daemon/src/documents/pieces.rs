//! Long texts in overlapping pieces, each short enough to be about one thing.

use std::ops::Range;

use super::markdown::CODE_INDENT;

/// The most bytes of a piece: a few paragraphs.
const PIECE: usize = 1_600;
/// How many bytes of a piece, at most, the next one repeats.
const OVERLAP: usize = 240;
/// How far back from the end a better place to cut is looked for.
const SLACK: usize = 500;
/// Pieces of one document; what is beyond is found by its words alone.
const MAX_PIECES: usize = 64;
/// Lines of one block of code that are embedded: its beginning says what it
/// is, the rest of a log drowns the prose around it.
const CODE_LINES: usize = 12;

/// The pieces of `body`, in order; one empty piece for an empty body. Cuts are
/// between paragraphs where possible, else lines, sentences, words.
pub fn pieces(body: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while found.len() < MAX_PIECES {
        // A rest that is hardly longer than a piece is no piece of its own.
        if body.len() - start <= PIECE + SLACK / 2 {
            found.push(start..body.len());
            break;
        }
        let end = cut(body, start + PIECE - SLACK, start + PIECE);
        found.push(start..end);
        // Progress: the next one begins behind this one's start.
        start = cut(body, end - OVERLAP, end - OVERLAP / 2).max(start + 1);
        start = ceil(body, start);
    }
    found
}

/// What is embedded of a piece.
pub fn embeddable(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    let mut code = 0;
    for line in piece.lines() {
        if line.starts_with(CODE_INDENT) {
            code += 1;
            if code > CODE_LINES {
                continue;
            }
        } else if !line.is_empty() {
            code = 0;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The best place to cut `text` in `from..=to`: behind a paragraph, a line, a
/// sentence, a word, in this order, as late as possible.
fn cut(text: &str, from: usize, to: usize) -> usize {
    let (from, to) = (floor(text, from), floor(text, to));
    let window = &text[from..to];
    for mark in ["\n\n", "\n", ". ", " "] {
        if let Some(at) = window.rfind(mark) {
            return from + at + mark.len();
        }
    }
    to
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

fn ceil(text: &str, at: usize) -> usize {
    text.ceil_char_boundary(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(body: &str) -> Vec<Range<usize>> {
        let found = pieces(body);
        assert_eq!(found[0].start, 0);
        for pair in found.windows(2) {
            assert!(
                pair[1].start > pair[0].start && pair[1].start <= pair[0].end,
                "{pair:?}"
            );
            assert!(pair[1].end > pair[0].end, "{pair:?}");
        }
        for piece in &found {
            assert!(piece.len() <= PIECE + SLACK, "{piece:?}");
            assert!(body.get(piece.clone()).is_some(), "{piece:?}");
        }
        found
    }

    #[test]
    fn a_short_text_is_one_piece() {
        for text in ["", "abc"] {
            assert_eq!(pieces(text), vec![0..text.len(); 1]);
        }
    }

    #[test]
    fn pieces_overlap_and_leave_nothing_out() {
        for body in [
            "word ".repeat(3_000),
            "A sentence of some length. ".repeat(500),
            "x".repeat(10_000),
            "日本".repeat(4_000),
            "para\n\n".repeat(2_000),
        ] {
            let found = covered(&body);
            assert_eq!(found.last().unwrap().end, body.len());
        }
    }

    #[test]
    fn cuts_are_between_paragraphs_where_there_are_any() {
        let body = format!("{}\n\n{}", "a ".repeat(700), "b ".repeat(700));
        assert!(body[..covered(&body)[0].end].ends_with("\n\n"));
    }

    #[test]
    fn a_huge_text_has_a_bounded_number_of_pieces() {
        assert_eq!(covered(&"word ".repeat(100_000)).len(), MAX_PIECES);
    }

    #[test]
    fn a_long_log_does_not_drown_the_prose_around_it() {
        let log = "    line of a log\n".repeat(100);
        let text = embeddable(&format!("Before.\n\n{log}\nAfter.\n\n    other code\n"));
        assert_eq!(text.matches("line of a log").count(), CODE_LINES);
        assert!(text.contains("After.") && text.contains("other code"));
    }
}
