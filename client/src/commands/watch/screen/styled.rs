//! Text that was painted for a terminal, as the widgets take it.
//!
//! So the view shows what `lore status` and the others print, in their words
//! and colours. Of escape sequences only those of [`Paint`] are known; text
//! from GitLab has passed the sanitiser before it was painted, and whatever
//! else there were would be left out here.
//!
//! [`Paint`]: crate::output::paint::Paint

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// A painted line.
pub(super) fn line(painted: &str) -> Line<'static> {
    let mut spans = Vec::new();
    let mut style = Style::new();
    let mut rest = painted;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        push(&mut spans, before, style);
        let body = after.strip_prefix('[').unwrap_or(after);
        let (codes, next) = match body.find(|c: char| !c.is_ascii_digit() && c != ';') {
            Some(end) if body[end..].starts_with('m') => (&body[..end], &body[end + 1..]),
            _ => ("", body),
        };
        style = codes.split(';').fold(style, with);
        rest = next;
    }
    push(&mut spans, rest, style);
    Line::from(spans)
}

/// Painted lines.
pub(super) fn lines(painted: &str) -> Vec<Line<'static>> {
    painted.lines().map(line).collect()
}

fn push(spans: &mut Vec<Span<'static>>, text: &str, style: Style) {
    if !text.is_empty() {
        spans.push(Span::styled(text.to_owned(), style));
    }
}

/// `style` after one more code of "select graphic rendition" (ECMA-48).
fn with(style: Style, code: &str) -> Style {
    match code {
        "0" => Style::new(),
        "1" => style.add_modifier(Modifier::BOLD),
        "2" => style.add_modifier(Modifier::DIM),
        "3" => style.add_modifier(Modifier::ITALIC),
        "31" => style.fg(Color::Red),
        "32" => style.fg(Color::Green),
        "33" => style.fg(Color::Yellow),
        "35" => style.fg(Color::Magenta),
        "36" => style.fg(Color::Cyan),
        _ => style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::paint::Paint;

    #[test]
    fn every_colour_that_is_painted_is_known() {
        let paint = Paint::new(true);
        for (painted, style) in [
            (paint.bold("x"), Style::new().add_modifier(Modifier::BOLD)),
            (paint.dim("x"), Style::new().add_modifier(Modifier::DIM)),
            (
                paint.emphasis("x"),
                Style::new().add_modifier(Modifier::ITALIC),
            ),
            (paint.name("x"), Style::new().fg(Color::Cyan)),
            (paint.good("x"), Style::new().fg(Color::Green)),
            (paint.warn("x"), Style::new().fg(Color::Yellow)),
            (
                paint.bad("x"),
                Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            ),
            (paint.past("x"), Style::new().fg(Color::Magenta)),
        ] {
            let shown = line(&format!("a{painted}b"));
            let expected = vec![Span::raw("a"), Span::styled("x", style), Span::raw("b")];
            assert_eq!(shown.spans, expected, "{painted:?}");
        }
    }

    #[test]
    fn no_other_sequence_gets_through() {
        for odd in [
            "\u{1b}[2J",
            "\u{1b}]0;t\u{7}",
            "\u{1b}",
            "\u{1b}[",
            "\u{1b}[999m",
        ] {
            let shown = line(&format!("a{odd}b"));
            assert!(shown.spans.iter().all(|it| !it.content.contains('\u{1b}')));
            assert!(shown.spans.iter().all(|it| it.style == Style::new()));
        }
    }
}
