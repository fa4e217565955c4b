//! Tables in Markdown.

use pulldown_cmark::Alignment;

use crate::output::{View, sanitise, text};

/// The narrowest column of a table that does not fit.
const NARROWEST: usize = 6;

/// A table that grows cell by cell.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// Whether each column is set to the right.
    right: Vec<bool>,
    cell: String,
}

impl Table {
    pub(super) fn new(alignments: &[Alignment]) -> Self {
        Self {
            rows: Vec::new(),
            right: alignments.iter().map(|a| *a == Alignment::Right).collect(),
            cell: String::new(),
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Adds words from outside to the cell, safe for a terminal from here on.
    pub(super) fn push(&mut self, words: &str) {
        self.cell.push_str(&sanitise::line(words));
    }

    pub(super) fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.cell);
        if let Some(row) = self.rows.last_mut() {
            row.push(cell.trim().to_owned());
        }
    }

    /// The lines, as far as it can be none wider than `columns`.
    pub(super) fn lines(&self, columns: usize, view: &View) -> Vec<String> {
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        let widths = self.widths(columns);
        for (at, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| {
                    let cell = row.get(column).map_or("", String::as_str);
                    let cell = self.padded(&text::cut(cell, *width), column, *width);
                    if at == 0 { view.paint.bold(cell) } else { cell }
                })
                .collect();
            lines.push(cells.join(&view.paint.dim(" │ ")));
            if at == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                lines.push(view.paint.dim(rule.join("─┼─")));
            }
        }
        lines
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; count];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text::columns(cell));
            }
        }
        let gaps = 3 * count.saturating_sub(1);
        if count > 0 && widths.iter().sum::<usize>() + gaps > columns {
            let fair = (columns.saturating_sub(gaps) / count).max(NARROWEST);
            for width in &mut widths {
                *width = (*width).min(fair);
            }
        }
        widths
    }

    fn padded(&self, cell: &str, column: usize, width: usize) -> String {
        if self.right.get(column).copied().unwrap_or(false) {
            let missing = width.saturating_sub(text::columns(cell));
            format!("{}{cell}", " ".repeat(missing))
        } else {
            text::pad(cell, width)
        }
    }
}
