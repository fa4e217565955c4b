//! Takes out of text what a terminal would obey instead of showing.
//!
//! Titles, names and comments in GitLab are written by anybody. Printed as
//! they are they could move the cursor, set the window's title, write the
//! clipboard (OSC 52), show another link target than the text says (OSC 8), or
//! reorder what is read with bidirectional overrides.

use std::borrow::Cow;

/// `text` as one line for a terminal: escape sequences, control characters,
/// direction overrides and invisible tags are gone, line ends and tabs are
/// spaces.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    filter(text, false)
}

/// As [`line()`], with line ends kept.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    filter(text, true)
}

/// A JSON text with every such character written as an escape, so that it
/// means the same and is inert. JSON itself demands this only below U+0020;
/// in valid JSON the others stand in strings alone.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    // All of them begin with a byte from 0x7F up in UTF-8; most answers have
    // none.
    if text.bytes().all(|byte| byte < 0x7f) || !text.chars().any(is_hazard_in_json) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    let mut units = [0_u16; 2];
    for character in text.chars() {
        if is_hazard_in_json(character) {
            for unit in character.encode_utf16(&mut units) {
                clean.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(*unit >> shift & 0xf);
                    clean.extend(char::from_digit(digit, 16));
                }
            }
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

fn is_hazard_in_json(character: char) -> bool {
    character >= '\u{7f}' && is_hazard(character)
}

/// Characters that act instead of being seen.
fn is_hazard(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            // Arabic letter mark, direction marks, embeddings, overrides,
            // isolates and deprecated format characters; between them the
            // line and paragraph separators.
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}'
            // Byte order mark, interlinear annotations, tags.
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

fn filter(text: &str, keep_line_ends: bool) -> Cow<'_, str> {
    let unwanted = |c: char| is_hazard(c) && !(keep_line_ends && c == '\n');
    if !text.chars().any(unwanted) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\u{1b}' => rest = after_escape(rest),
            '\u{9b}' => rest = after_control_sequence(rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => rest = after_string(rest),
            '\r' if rest.starts_with('\n') => {}
            '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' if keep_line_ends => clean.push('\n'),
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                clean.push(' ');
            }
            other if is_hazard(other) => {}
            other => clean.push(other),
        }
    }
    Cow::Owned(clean)
}

/// What follows an escape sequence whose ESC has been read (ECMA-48).
fn after_escape(rest: &str) -> &str {
    let Some(introducer) = rest.chars().next() else {
        return rest;
    };
    match introducer {
        '[' => after_control_sequence(&rest[1..]),
        ']' | 'P' | 'X' | '^' | '_' => after_string(&rest[1..]),
        ' '..='/' => {
            let body = rest.trim_start_matches(|c| matches!(c, ' '..='/'));
            match body.chars().next() {
                Some('0'..='~') => &body[1..],
                _ => body,
            }
        }
        '0'..='~' => &rest[1..],
        _ => rest,
    }
}

/// What follows a control sequence: parameters, intermediates, a final byte.
fn after_control_sequence(rest: &str) -> &str {
    let body = rest.trim_start_matches(|c| matches!(c, ' '..='?'));
    match body.chars().next() {
        Some('@'..='~') => &body[1..],
        _ => body,
    }
}

/// What follows a string sequence (OSC, DCS, …). One that never ends is not
/// allowed to swallow the text: then its introducer alone goes.
fn after_string(rest: &str) -> &str {
    let end = rest.char_indices().find_map(|(at, character)| {
        let tail = &rest[at + character.len_utf8()..];
        match character {
            '\u{7}' | '\u{9c}' => Some(tail),
            '\u{1b}' => tail.strip_prefix('\\'),
            _ => None,
        }
    });
    end.unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_gone() {
        for (given, shown) in [
            ("plain title", "plain title"),
            ("Grüße, 世界 👩‍💻", "Grüße, 世界 👩‍💻"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[1;1Hgone", "gone"),
            ("a\u{1b}]0;window title\u{7}b", "ab"),
            (
                "\u{1b}]8;;https://evil.example\u{1b}\\text\u{1b}]8;;\u{1b}\\",
                "text",
            ),
            ("\u{1b}]52;c;aGFjaw==\u{7}x", "x"),
            ("\u{1b}Pq#0\u{1b}\\sixel", "sixel"),
            ("\u{1b}(Bset", "set"),
            ("\u{1b}cfull reset", "full reset"),
            ("\u{9b}31mC1\u{9b}m", "C1"),
            ("\u{9d}0;title\u{9c}after", "after"),
            ("user\u{202e}gnp.exe", "usergnp.exe"),
            ("\u{2066}isolate\u{2069}", "isolate"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            ("bell\u{7} back\u{8} del\u{7f}", "bell back del"),
            ("two\nlines\tand\r\nthree", "two lines and three"),
            ("line\u{2028}separator\u{85}next", "line separator next"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}[12;", ""),
        ] {
            assert_eq!(line(given), shown, "{given:?}");
        }
    }

    #[test]
    fn a_sequence_that_never_ends_does_not_swallow_the_text() {
        assert_eq!(line("\u{1b}]8;;x the title"), "8;;x the title");
        assert_eq!(line("\u{9d}the title"), "the title");
    }

    #[test]
    fn line_ends_stay_where_several_lines_are_wanted() {
        assert_eq!(lines("a\r\nb\n\u{1b}[1mc"), "a\nb\nc");
        assert_eq!(lines("over\rwrite"), "over write");
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
        assert!(matches!(json(r#"{"a":"ü"}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn json_keeps_its_meaning_and_loses_its_teeth() {
        let value = serde_json::json!({"title": "a\u{9b}31m\u{202e}b\u{e0041}\u{7f}\u{1b}[0m"});
        let written = value.to_string();
        let clean = json(&written);
        assert!(clean.chars().all(|c| !is_hazard(c)));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&clean).unwrap(),
            value
        );
    }
}
