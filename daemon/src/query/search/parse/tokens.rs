//! A query, cut where its spaces and quotes are.

/// The tokens of a text: runs without spaces, and what stands in double
/// quotes. A quote that is never closed ends with the text.
pub(super) struct Tokens<'a>(pub(super) &'a str);

pub(super) struct Token<'a> {
    pub(super) negated: bool,
    pub(super) quoted: bool,
    /// `key:value`, the value without quotes.
    pub(super) filter: Option<(&'a str, &'a str)>,
    pub(super) text: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let mut rest = self.0.trim_start();
        if rest.is_empty() {
            self.0 = rest;
            return None;
        }
        // `--flag` is something to find; `-word` is not.
        let negated = rest.starts_with('-')
            && rest[1..].starts_with(|c: char| c == '"' || c.is_alphanumeric() || "!#".contains(c));
        if negated {
            rest = &rest[1..];
        }
        if let Some(inside) = rest.strip_prefix('"') {
            let (text, after) = inside.split_once('"').unwrap_or((inside, ""));
            self.0 = after;
            return Some(Token {
                negated,
                quoted: true,
                filter: None,
                text,
            });
        }
        // GitLab's scoped labels (`type::bug`) and paths of code have two.
        let key = rest.split_once(':').filter(|(key, value)| {
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_lowercase())
                && !value.starts_with(':')
        });
        if let Some((key, value)) = key
            && let Some(inside) = value.strip_prefix('"')
        {
            let (value, after) = inside.split_once('"').unwrap_or((inside, ""));
            self.0 = after;
            return Some(Token {
                negated,
                quoted: false,
                filter: Some((key, value)),
                text: value,
            });
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        self.0 = after;
        Some(Token {
            negated,
            quoted: false,
            filter: text.split_once(':').filter(|_| key.is_some()),
            text,
        })
    }
}
