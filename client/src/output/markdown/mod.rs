//! Markdown from GitLab as lines for a terminal.
//!
//! What is parsed out of the text is made safe afterwards, piece by piece:
//! `&#27;` is an escape character only then.

mod html;
mod table;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use self::table::Table;
use super::flow::{Flow, Look};
use super::{View, is_plain_web_address, sanitise, text};

/// `source` as lines of at most `width` columns, `None`: as long as their
/// paragraphs.
pub(crate) fn render(source: &str, width: Option<usize>, view: &View) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM;
    let mut writer = Writer {
        view,
        width: width.unwrap_or(usize::MAX),
        lines: Vec::new(),
        around: Vec::new(),
        flow: Flow::default(),
        look: Look::default(),
        strong: 0,
        emphasis: 0,
        lists: Vec::new(),
        heading: None,
        code: None,
        table: None,
        html: None,
        links: Vec::new(),
    };
    // The source too, while its escape sequences are still in one piece.
    let source = source.replace('\t', "    ");
    let source = sanitise::lines(&source);
    for event in Parser::new_ext(&source, options) {
        writer.event(event);
    }
    writer.flush();
    while writer.lines.last().is_some_and(String::is_empty) {
        writer.lines.pop();
    }
    writer.lines
}

/// What a block stands in, outermost first.
enum Around {
    /// A quotation; whether nothing of it is written yet.
    Quote { fresh: bool },
    /// An item of a list, with its mark until that is written.
    Item {
        mark: Option<String>,
        columns: usize,
    },
}

struct Link {
    target: String,
    /// Its words, to tell whether they are the target itself.
    words: String,
}

struct Writer<'a> {
    view: &'a View,
    width: usize,
    lines: Vec<String>,
    around: Vec<Around>,
    flow: Flow,
    look: Look,
    strong: usize,
    emphasis: usize,
    /// The next number of each list; `None` for bullets.
    lists: Vec<Option<u64>>,
    heading: Option<HeadingLevel>,
    code: Option<String>,
    table: Option<Table>,
    html: Option<String>,
    links: Vec<Link>,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            // Text; the others are not asked for by the options above.
            Event::Text(words)
            | Event::FootnoteReference(words)
            | Event::InlineMath(words)
            | Event::DisplayMath(words) => self.words(&words, false),
            Event::Code(words) => self.words(&words, true),
            Event::Html(html) => match &mut self.html {
                Some(block) => block.push_str(&html),
                None => self.words(&html::without_tags(&html), false),
            },
            Event::InlineHtml(tag) => self.inline_html(&tag),
            Event::SoftBreak => self.words(" ", false),
            Event::HardBreak => self.flow.line_break(),
            Event::Rule => {
                self.begin_block();
                let columns = self.left().min(40);
                let rule = self.view.paint.dim("─".repeat(columns));
                self.line(&rule);
            }
            Event::TaskListMarker(done) => {
                self.words(if done { "[x] " } else { "[ ] " }, false);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.begin_block(),
            Tag::Heading { level, .. } => {
                self.begin_block();
                self.heading = Some(level);
                let marks = "#".repeat(level as usize);
                let dim = Look {
                    dim: true,
                    ..Look::default()
                };
                self.flow.push(&format!("{marks} "), &dim);
                self.strong += 1;
                self.restyle();
            }
            Tag::BlockQuote(_) => {
                self.begin_block();
                self.around.push(Around::Quote { fresh: true });
            }
            Tag::CodeBlock(kind) => {
                self.begin_block();
                if let CodeBlockKind::Fenced(language) = kind
                    && !language.is_empty()
                {
                    let shown = sanitise::line(&language).into_owned();
                    let line = format!("    {}", self.view.paint.dim(format!("[{shown}]")));
                    self.line(&line);
                }
                self.code = Some(String::new());
            }
            Tag::HtmlBlock => {
                self.flush();
                self.html = Some(String::new());
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.begin_block();
                } else {
                    self.flush();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number += 1;
                        mark
                    }
                    _ => "• ".to_owned(),
                };
                self.around.push(Around::Item {
                    columns: text::columns(&mark),
                    mark: Some(mark),
                });
            }
            Tag::Table(alignments) => {
                self.begin_block();
                self.table = Some(Table::new(&alignments));
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.begin_row();
                }
            }
            Tag::Emphasis => {
                self.emphasis += 1;
                self.restyle();
            }
            Tag::Strong => {
                self.strong += 1;
                self.restyle();
            }
            Tag::Strikethrough => self.words("~~", false),
            Tag::Link { dest_url, .. } => self.links.push(Link {
                target: dest_url.into_string(),
                words: String::new(),
            }),
            Tag::Image { dest_url, .. } => {
                self.links.push(Link {
                    target: dest_url.into_string(),
                    words: String::new(),
                });
                self.words("[image: ", false);
            }
            _ => {}
        }
        self.restyle();
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                self.strong = self.strong.saturating_sub(1);
                self.heading = None;
                self.flush();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.around.pop();
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                for line in sanitise::lines(&code).lines() {
                    let line = format!("    {}", self.view.paint.code(line));
                    self.line(&line);
                }
            }
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                let words = html::without_tags(&html);
                let mut lines = words.lines().map(str::trim).filter(|l| !l.is_empty());
                if let Some(first) = lines.next() {
                    self.begin_block();
                    self.words(first, false);
                    for line in lines {
                        self.flow.line_break();
                        self.words(line, false);
                    }
                    self.flush();
                }
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                // An item without any text.
                if matches!(self.around.last(), Some(Around::Item { mark: Some(_), .. })) {
                    self.line("");
                }
                self.around.pop();
            }
            TagEnd::TableCell => {
                if let Some(table) = &mut self.table {
                    table.end_cell();
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    for line in table.lines(self.left(), self.view) {
                        self.line(&line);
                    }
                }
            }
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Strikethrough => self.words("~~", false),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => {
                self.words("]", false);
                self.end_link();
            }
            _ => {}
        }
        self.restyle();
    }

    /// Where there is no link, as in a pipe, the target is told in words.
    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let told = link.words.trim() == link.target || link.target.is_empty();
        self.restyle();
        let linked = self.view.links && is_plain_web_address(&link.target);
        if !linked && !told {
            let look = Look {
                dim: true,
                ..self.look.clone()
            };
            let target = format!(" ({})", link.target);
            match &mut self.table {
                Some(table) => table.push(&target),
                None => self.flow.push(&target, &look),
            }
        }
    }

    fn restyle(&mut self) {
        self.look = Look {
            strong: self.strong > 0,
            emphasis: self.emphasis > 0,
            code: false,
            dim: false,
            link: self.links.last().map(|link| link.target.clone()),
        };
    }

    fn words(&mut self, words: &str, code: bool) {
        for link in &mut self.links {
            link.words.push_str(words);
        }
        if let Some(block) = &mut self.code {
            block.push_str(words);
            return;
        }
        // Without colour, backticks say that it is code.
        let quoted = code && !self.view.paint.is_on();
        let words = if quoted {
            format!("`{words}`")
        } else {
            words.to_owned()
        };
        if let Some(table) = &mut self.table {
            table.push(&words);
            return;
        }
        let look = Look {
            code,
            ..self.look.clone()
        };
        self.flow.push(&words, &look);
    }

    fn inline_html(&mut self, tag: &str) {
        match html::inline(tag) {
            html::Inline::Break => self.flow.line_break(),
            html::Inline::Nothing => {}
            html::Inline::Text => self.words(tag, false),
        }
    }

    /// An empty line before a block, unless it begins the text or an item.
    fn begin_block(&mut self) {
        self.flush();
        let begins = matches!(
            self.around.last(),
            Some(Around::Item { mark: Some(_), .. } | Around::Quote { fresh: true })
        );
        if !self.lines.is_empty() && !begins {
            let prefix = self.prefix(false);
            self.lines.push(prefix.trim_end().to_owned());
        }
    }

    fn flush(&mut self) {
        if self.flow.is_empty() {
            return;
        }
        let flow = std::mem::take(&mut self.flow);
        for line in flow.lines(self.left(), self.view) {
            self.line(&line);
        }
    }

    /// The columns that are left for a block here.
    fn left(&self) -> usize {
        let used: usize = self
            .around
            .iter()
            .map(|around| match around {
                Around::Quote { .. } => 2,
                Around::Item { columns, .. } => *columns,
            })
            .sum();
        self.width.saturating_sub(used).max(16)
    }

    fn line(&mut self, line: &str) {
        let prefix = self.prefix(true);
        let whole = format!("{prefix}{line}");
        self.lines.push(whole.trim_end().to_owned());
    }

    /// What stands before a line; one that is `written` uses up the marks.
    fn prefix(&mut self, written: bool) -> String {
        let paint = self.view.paint;
        let mut prefix = String::new();
        for around in &mut self.around {
            match around {
                Around::Quote { fresh } => {
                    *fresh &= !written;
                    prefix.push_str(&paint.dim("│ "));
                }
                Around::Item { mark, columns } => match mark.take_if(|_| written) {
                    Some(mark) => prefix.push_str(&mark),
                    None => prefix.push_str(&" ".repeat(*columns)),
                },
            }
        }
        prefix
    }
}

#[cfg(test)]
mod tests;
