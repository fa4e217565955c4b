//! HTML in Markdown: its words stay, its tags go.

/// Elements that are markup between words; other names between angle brackets
/// are text: people write `Vec<String>` without backticks.
const INLINE_ELEMENTS: &[&str] = &[
    "a", "abbr", "b", "br", "code", "del", "details", "div", "em", "font", "i", "img", "ins",
    "kbd", "mark", "p", "s", "small", "span", "strong", "sub", "summary", "sup", "u", "video",
];

/// What a tag between words means.
pub(super) enum Inline {
    /// A line ends.
    Break,
    /// Markup that shows nothing.
    Nothing,
    /// Text that only looks like a tag.
    Text,
}

/// What `tag` means.
pub(super) fn inline(tag: &str) -> Inline {
    let name = tag
        .trim_start_matches(['<', '/'])
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if name == "br" {
        Inline::Break
    } else if tag.starts_with("<!--") || INLINE_ELEMENTS.contains(&name.as_str()) {
        Inline::Nothing
    } else {
        Inline::Text
    }
}

/// The text of a block of HTML, without its tags and comments.
pub(super) fn without_tags(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        kept.push_str(&rest[..at]);
        let tag = &rest[at..];
        let (end, comment) = match tag.strip_prefix("<!--") {
            Some(inside) => (inside.find("-->").map(|end| end + 7), true),
            None => (tag.find('>').map(|end| end + 1), false),
        };
        let is_tag =
            tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match end {
            Some(end) if is_tag || comment => rest = &tag[end..],
            // A comment that is never closed goes on to the end.
            None if comment => return kept,
            _ => {
                kept.push('<');
                rest = &tag[1..];
            }
        }
    }
    kept.push_str(rest);
    kept
}
