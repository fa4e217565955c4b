//! Columns under each other.

use super::View;
use super::text;

/// A cell: what is measured, and how it is painted.
pub(crate) struct Cell {
    text: String,
    painted: Option<fn(super::paint::Paint, &str) -> String>,
}

impl Cell {
    /// Plain text, already fit for a terminal.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            painted: None,
        }
    }

    /// With a colour.
    pub(crate) fn painted(mut self, paint: fn(super::paint::Paint, &str) -> String) -> Self {
        self.painted = Some(paint);
        self
    }
}

/// Rows of cells. Some columns give way where the terminal is narrow.
pub(crate) struct Table {
    headers: Vec<&'static str>,
    /// Columns by number, each with the fewest columns of the terminal that it
    /// is left, in the order in which they give way.
    yielding: Vec<(usize, usize)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headers. Each of `yielding` is a column and the width
    /// that it keeps; they are cut in this order.
    pub(crate) fn new(headers: &[&'static str], yielding: &[(usize, usize)]) -> Self {
        Self {
            headers: headers.to_vec(),
            yielding: yielding.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with one cell a header.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as lines.
    pub(crate) fn render(&self, view: &View) -> String {
        let mut widths: Vec<usize> = self.headers.iter().map(|h| text::columns(h)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text::columns(&cell.text));
            }
        }
        for (column, least) in &self.yielding {
            let total: usize = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
            let over = view.width.map_or(0, |limit| total.saturating_sub(limit));
            if let Some(width) = widths.get_mut(*column) {
                *width = width.saturating_sub(over).max((*least).min(*width));
            }
        }
        let mut lines = String::new();
        let headers: Vec<String> = self.headers.iter().map(|h| (*h).to_owned()).collect();
        push_line(&mut lines, &widths, &headers, |_, cell| {
            view.paint.dim(cell)
        });
        for row in &self.rows {
            let texts = row.iter().zip(&widths);
            let texts = texts.map(|(cell, width)| view.fit(&cell.text, *width));
            let texts: Vec<String> = texts.collect();
            push_line(&mut lines, &widths, &texts, |at, shown| {
                match row.get(at).and_then(|cell| cell.painted) {
                    Some(paint) => paint(view.paint, shown),
                    None => shown.to_owned(),
                }
            });
        }
        lines
    }
}

/// One line; the last column is not padded, so that no line ends in blanks.
fn push_line(
    lines: &mut String,
    widths: &[usize],
    cells: &[String],
    paint: impl Fn(usize, &str) -> String,
) {
    let last = cells.len().saturating_sub(1);
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        lines.push_str(&paint(at, cell));
        if at < last {
            let missing = width.saturating_sub(text::columns(cell));
            lines.push_str(&" ".repeat(missing + 2));
        }
    }
    lines.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_yielding_one_gives_way() {
        let mut table = Table::new(&["STATE", "PROJECT", "RUN"], &[(1, 8)]);
        table.row(vec![
            Cell::new("failed").painted(|p, s| p.bad(s)),
            Cell::new("a-very/long/project/path"),
            Cell::new("r1"),
        ]);
        table.row(vec![Cell::new("ok"), Cell::new("a/b"), Cell::new("r2")]);
        let pipe = View::plain("2026-01-01T00:00:00Z");
        assert_eq!(
            table.render(&pipe),
            "STATE   PROJECT                   RUN\n\
             failed  a-very/long/project/path  r1\n\
             ok      a/b                       r2\n"
        );
        let narrow = View {
            width: Some(26),
            ..pipe
        };
        assert_eq!(
            table.render(&narrow),
            "STATE   PROJECT        RUN\n\
             failed  a-very/long/…  r1\n\
             ok      a/b            r2\n"
        );
    }
}
