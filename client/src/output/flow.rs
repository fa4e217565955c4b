//! Styled words laid out in lines.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{View, sanitise};

/// How a run of words looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent of each other.
pub(crate) struct Look {
    pub(crate) strong: bool,
    pub(crate) emphasis: bool,
    pub(crate) code: bool,
    pub(crate) dim: bool,
    /// Where it leads.
    pub(crate) link: Option<String>,
}

/// A run of words that look the same.
#[derive(Debug, Clone)]
struct Piece {
    text: String,
    look: Look,
}

/// A paragraph that grows piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pieces: Vec<Piece>,
}

impl Flow {
    /// Adds words from outside, safe for a terminal from here on. A line end in
    /// them is a space.
    pub(crate) fn push(&mut self, text: &str, look: &Look) {
        let text = sanitise::line(text);
        if !text.is_empty() {
            self.pieces.push(Piece {
                text: text.into_owned(),
                look: look.clone(),
            });
        }
    }

    /// Ends the line.
    pub(crate) fn line_break(&mut self) {
        self.pieces.push(Piece {
            text: "\n".to_owned(),
            look: Look::default(),
        });
    }

    /// Whether nothing has been added.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The lines, none wider than `width` columns, without blanks at their
    /// ends.
    pub(crate) fn lines(self, width: usize, view: &View) -> Vec<String> {
        let mut layout = Layout {
            width: width.max(1),
            view,
            lines: Vec::new(),
            line: Vec::new(),
            used: 0,
            space: None,
            word: Vec::new(),
        };
        for piece in self.pieces {
            layout.piece(&piece);
        }
        layout.end_word();
        layout.end_line();
        layout.lines
    }
}

struct Layout<'a> {
    width: usize,
    view: &'a View,
    lines: Vec<String>,
    line: Vec<Piece>,
    used: usize,
    /// A space that stands between the line and the next word, as it looks.
    space: Option<Look>,
    /// Pieces without a space between them.
    word: Vec<Piece>,
}

impl Layout<'_> {
    fn piece(&mut self, piece: &Piece) {
        if piece.text == "\n" {
            self.end_word();
            self.end_line();
            return;
        }
        for (at, part) in piece.text.split(' ').enumerate() {
            if at > 0 {
                self.end_word();
                self.space = Some(piece.look.clone());
            }
            if !part.is_empty() {
                self.word.push(Piece {
                    text: part.to_owned(),
                    look: piece.look.clone(),
                });
            }
        }
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if word.is_empty() {
            return;
        }
        let columns: usize = word.iter().map(|piece| piece.text.width()).sum();
        let before = usize::from(self.space.is_some() && !self.line.is_empty());
        if !self.line.is_empty() && self.used + before + columns > self.width {
            self.end_line();
        } else if before == 1
            && let Some(look) = self.space.take()
        {
            self.add(Piece {
                text: " ".to_owned(),
                look,
            });
        }
        self.space = None;
        for piece in word {
            self.add_split(piece);
        }
    }

    /// Adds a piece, split where it is wider than a line.
    fn add_split(&mut self, piece: Piece) {
        if self.used + piece.text.width() <= self.width {
            self.add(piece);
            return;
        }
        let mut part = String::new();
        let mut columns = 0;
        for character in piece.text.chars() {
            let wide = character.width().unwrap_or(0);
            if self.used + columns + wide > self.width && self.used + columns > 0 {
                self.add(Piece {
                    text: std::mem::take(&mut part),
                    look: piece.look.clone(),
                });
                self.end_line();
                columns = 0;
            }
            columns += wide;
            part.push(character);
        }
        self.add(Piece {
            text: part,
            look: piece.look,
        });
    }

    fn add(&mut self, piece: Piece) {
        self.used += piece.text.width();
        match self.line.last_mut() {
            Some(last) if last.look == piece.look => last.text.push_str(&piece.text),
            _ => self.line.push(piece),
        }
    }

    fn end_line(&mut self) {
        let shown: String = self.line.drain(..).map(|p| shown(&p, self.view)).collect();
        self.lines.push(shown);
        self.used = 0;
        self.space = None;
    }
}

fn shown(piece: &Piece, view: &View) -> String {
    let paint = view.paint;
    let look = &piece.look;
    let mut text = piece.text.clone();
    if look.code {
        text = paint.code(text);
    }
    if look.emphasis {
        text = paint.emphasis(text);
    }
    if look.strong {
        text = paint.bold(text);
    }
    if look.dim {
        text = paint.dim(text);
    }
    view.link(&text, look.link.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<String> {
        let mut flow = Flow::default();
        flow.push(text, &Look::default());
        flow.lines(width, &View::plain("2026-01-01T00:00:00Z"))
    }

    #[test]
    fn lines_are_full_of_words_and_never_wider() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("  one   two ", 80), ["one two"]);
        assert_eq!(lines("世界 世界", 5), ["世界", "世界"]);
        assert_eq!(lines("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    }

    #[test]
    fn a_word_in_several_looks_stays_one_word() {
        let mut flow = Flow::default();
        flow.push("see foo", &Look::default());
        let code = Look {
            code: true,
            ..Look::default()
        };
        flow.push("bar", &code);
        flow.push(", end", &Look::default());
        let plain = View::plain("2026-01-01T00:00:00Z");
        assert_eq!(flow.lines(7, &plain), ["see", "foobar,", "end"]);
    }
}
