//! From Markdown to plain text, for search and for embedding.
//!
//! What a reader sees stays; what only a renderer wants (markup, addresses
//! behind words, comments of templates) goes. Code stays, its lines indented by
//! [`CODE_INDENT`], so that later steps can tell it from prose.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Begins every line of a code block.
pub(super) const CODE_INDENT: &str = "    ";

/// Whether quoted passages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// A description may quote what stands nowhere else.
    Keep,
    /// A reply quotes what stands in the note before it.
    LeaveOut,
}

/// HTML elements that are markup. Other names between angle brackets are
/// text: people write `Vec<String>` without backticks.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "audio",
    "b",
    "blockquote",
    "br",
    "center",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
];

/// The plain text of a Markdown text, without white space at its ends.
pub(super) fn plain(markdown: &str, quotes: Quotes) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer {
        out: String::with_capacity(markdown.len()),
        quotes,
        quoted: 0,
        code: false,
        html: None,
    };
    for event in Parser::new_ext(markdown, options) {
        writer.event(event);
    }
    writer.finish()
}

struct Writer {
    out: String,
    quotes: Quotes,
    /// How deep in quotes.
    quoted: usize,
    code: bool,
    /// The text of an HTML block, whose comments may span several events.
    html: Option<String>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.end(end),
            Event::Text(text) if self.code => self.code(&text),
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.text(&text),
            Event::Html(text) => match &mut self.html {
                Some(html) => html.push_str(&text),
                None => self.text(&without_markup(&text)),
            },
            Event::InlineHtml(text) => self.text(&without_markup(&text)),
            Event::FootnoteReference(name) => self.text(&name),
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::BlockQuote(_) => {
                self.block();
                self.quoted += 1;
            }
            Tag::CodeBlock(_) => {
                self.block();
                self.code = true;
            }
            Tag::HtmlBlock => self.html = Some(String::new()),
            Tag::Paragraph | Tag::Heading { .. } | Tag::Table(_) => self.block(),
            Tag::Item => {
                self.line();
                self.text("- ");
            }
            Tag::TableRow | Tag::TableHead => self.line(),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::BlockQuote(_) => self.quoted = self.quoted.saturating_sub(1),
            TagEnd::CodeBlock => {
                self.code = false;
                self.block();
            }
            TagEnd::HtmlBlock => {
                if let Some(html) = self.html.take() {
                    self.block();
                    let text = without_markup(&html);
                    self.text(text.trim());
                    self.block();
                }
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::List(_) | TagEnd::Table => {
                self.block();
            }
            TagEnd::TableCell => self.text(" | "),
            _ => {}
        }
    }

    fn left_out(&self) -> bool {
        self.quoted > 0 && self.quotes == Quotes::LeaveOut
    }

    fn text(&mut self, text: &str) {
        if !self.left_out() {
            // A NUL would end the text for SQLite's functions.
            self.out.extend(text.chars().filter(|c| *c != '\0'));
        }
    }

    fn code(&mut self, text: &str) {
        if self.left_out() {
            return;
        }
        for line in text.split_inclusive('\n') {
            if self.out.is_empty() || self.out.ends_with('\n') {
                self.out.push_str(CODE_INDENT);
            }
            self.text(line);
        }
    }

    /// Goes to the beginning of a line.
    fn line(&mut self) {
        if !self.left_out() {
            trim_end(&mut self.out, &[' ', '\t']);
            if !self.out.is_empty() && !self.out.ends_with('\n') {
                self.out.push('\n');
            }
        }
    }

    /// Goes to the beginning of a paragraph, unless an item of a list has just
    /// begun.
    fn block(&mut self) {
        let at_item = self.out.ends_with("\n- ") || self.out == "- ";
        if self.left_out() || at_item {
            return;
        }
        trim_end(&mut self.out, &[' ', '\t', '\n']);
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
    }

    fn finish(mut self) -> String {
        trim_end(&mut self.out, &[' ', '\t', '\n']);
        self.out
    }
}

fn trim_end(text: &mut String, what: &[char]) {
    text.truncate(text.trim_end_matches(what).len());
}

/// HTML without comments and without tags of known elements.
fn without_markup(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        match rest.find('>') {
            Some(end) if is_element(&rest[1..end]) => rest = &rest[end + 1..],
            _ => {
                out.push('<');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_element(tag: &str) -> bool {
    let name = tag.strip_prefix('/').unwrap_or(tag);
    let end = name
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    let name = name[..end].to_ascii_lowercase();
    ELEMENTS.binary_search(&name.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(markdown: &str) -> String {
        plain(markdown, Quotes::Keep)
    }

    #[test]
    fn known_elements_are_in_order_for_the_search_among_them() {
        assert!(ELEMENTS.is_sorted());
    }

    #[test]
    fn what_a_reader_sees_stays_and_markup_goes() {
        let text = kept(
            "# Title\n\nSome **bold** `code_here` and [words](https://x/y).\n\n\
             <!-- a hint\n\nof the template -->\n\n![shot](/uploads/a.png)\n",
        );
        assert_eq!(text, "Title\n\nSome bold code_here and words.\n\nshot");
    }

    #[test]
    fn code_is_kept_and_can_be_told_from_prose() {
        let text = kept("Look:\n\n```rust\nfn main() {\n    go();\n}\n```\nDone.");
        assert_eq!(
            text,
            "Look:\n\n    fn main() {\n        go();\n    }\n\nDone."
        );
    }

    #[test]
    fn a_reply_does_not_repeat_what_it_quotes() {
        let reply = "> what do you think?\n\nFine.\n";
        assert_eq!(plain(reply, Quotes::LeaveOut), "Fine.");
        assert_eq!(kept(reply), "what do you think?\n\nFine.");
    }

    #[test]
    fn names_between_angle_brackets_are_text_unless_they_are_html() {
        assert_eq!(kept("a Vec<String> here"), "a Vec<String> here");
        let folded = kept("<details><summary>Logs</summary>\n\nboom\n\n</details>");
        assert_eq!(folded, "Logs\n\nboom");
    }

    #[test]
    fn lists_and_tables_keep_one_line_an_entry() {
        assert_eq!(kept("* one\n* two\n  more\n"), "- one\n- two\nmore");
        assert_eq!(
            kept("| a | b |\n|---|---|\n| 1 | 2 |\n"),
            "a | b |\n1 | 2 |"
        );
    }

    #[test]
    fn nul_bytes_do_not_reach_the_database() {
        assert!(!kept("a\0b `c\0d`").contains('\0'));
    }
}
