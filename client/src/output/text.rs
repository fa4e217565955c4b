//! Text measured in terminal columns.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns `text` takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `limit` columns; one that is cut ends in `…`.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let width = character.width().unwrap_or(0);
        if used + width + 1 > limit {
            break;
        }
        used += width;
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    if limit > 0 {
        kept.push('…');
    }
    kept
}

/// The end of `text` in at most `limit` columns; one that is cut begins with
/// `…`.
pub(crate) fn cut_start(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let mut from = text.len();
    let mut used = 1;
    for (at, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > limit {
            break;
        }
        from = at;
    }
    if limit == 0 {
        return String::new();
    }
    format!("…{}", text[from..].trim_start())
}

/// `text` with spaces after it up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(missing))
}

/// A number with its thousands apart: `12,345`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its noun: `1 issue`, `2 issues`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// A bar of `width` columns, `part` of `whole` filled, in eighths of a column.
pub(crate) fn bar(part: u64, whole: u64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let steps = u64::try_from(width).unwrap_or(0).saturating_mul(8);
    let filled = match whole {
        0 => 0,
        _ => u128::from(part.min(whole)) * u128::from(steps) / u128::from(whole),
    };
    let filled = usize::try_from(filled).unwrap_or(0);
    pad(
        &format!("{}{}", "█".repeat(filled / 8), EIGHTHS[filled % 8]),
        width,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_counts_columns_and_never_splits_a_character() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("世界世界", 4), "世…");
        assert_eq!(cut("x", 0), "");
        assert_eq!(cut("xy", 1), "…");
        assert_eq!(cut_start("src/main.rs", 11), "src/main.rs");
        assert_eq!(cut_start("src/main.rs", 8), "…main.rs");
        assert_eq!(cut_start("世界世界", 4), "…界");
        assert_eq!(cut_start("xy", 0), "");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(thousands(number), shown);
        }
        assert_eq!(count(1, "issue"), "1 issue");
        assert_eq!(count(0, "issue"), "0 issues");
    }

    #[test]
    fn a_bar_always_has_its_width_and_never_overflows() {
        assert_eq!(bar(0, 10, 4), "    ");
        assert_eq!(bar(5, 10, 4), "██  ");
        assert_eq!(bar(20, 10, 4), "████");
        assert_eq!(bar(1, 0, 4), "    ");
        assert_eq!(bar(1, 8, 4), "▌   ");
        assert_eq!(columns(&bar(u64::MAX, u64::MAX, 7)), 7);
    }
}
