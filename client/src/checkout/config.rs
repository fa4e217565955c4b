//! The part of git's config format (git-config(1), "Syntax") that remotes
//! need. A line that does not parse is left out: git itself will complain.

use std::path::{Path, PathBuf};

use super::read_bounded;

/// How deep `include.path` may nest, as in git.
const MAX_INCLUDES: usize = 10;

/// Variables in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct GitConfig {
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// Lower case.
    section: String,
    subsection: String,
    /// Lower case.
    name: String,
    value: String,
}

impl GitConfig {
    /// Reads a file and what it includes; one that cannot be read adds
    /// nothing. Conditional includes (`includeIf`) are not followed.
    pub(super) fn read(&mut self, path: &Path) {
        self.read_at_depth(path, 0);
    }

    /// The last value of `section.subsection.name`.
    pub(super) fn last(&self, section: &str, subsection: &str, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .rev()
            .find(|e| e.section == section && e.subsection == subsection && e.name == name)
            .map(|e| e.value.as_str())
    }

    /// All `(subsection, value)` of `section.*.name`, in order.
    pub(super) fn all<'a>(
        &'a self,
        section: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries
            .iter()
            .filter(move |e| e.section == section && e.name == name)
            .map(|e| (e.subsection.as_str(), e.value.as_str()))
    }

    fn read_at_depth(&mut self, path: &Path, depth: usize) {
        let Some(text) = read_bounded(path) else {
            return;
        };
        for entry in parse(&text) {
            let included = (entry.section == "include" && entry.name == "path")
                .then(|| included_path(path, &entry.value))
                .flatten();
            self.entries.push(entry);
            if let Some(included) = included
                && depth < MAX_INCLUDES
            {
                self.read_at_depth(&included, depth + 1);
            }
        }
    }
}

fn included_path(includer: &Path, value: &str) -> Option<PathBuf> {
    if let Some(below_home) = value.strip_prefix("~/") {
        let home = std::env::var_os("HOME")?;
        return Some(PathBuf::from(home).join(below_home));
    }
    Some(includer.parent()?.join(value))
}

fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut section = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut rest = line.trim_start();
        if rest.starts_with('[') {
            let Some((header, after)) = parse_header(rest) else {
                section = None;
                continue;
            };
            section = Some(header);
            // A variable may stand on the header's own line.
            rest = after.trim_start();
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let (name, given) = match rest.split_once('=') {
            Some((name, value)) => (name, value),
            // A name alone means "true".
            None => (rest, "true"),
        };
        let value = parse_value(given, &mut lines);
        if let Some((section, subsection)) = &section {
            entries.push(Entry {
                section: section.clone(),
                subsection: subsection.clone(),
                name: name.trim().to_ascii_lowercase(),
                value,
            });
        }
    }
    entries
}

/// `[section]`, `[section "Subsection"]` or the old `[section.subsection]`,
/// and what follows it on the line.
fn parse_header(line: &str) -> Option<((String, String), &str)> {
    let inner = line.strip_prefix('[')?;
    if let Some((name, quoted)) = inner.split_once('"')
        && !name.contains(']')
    {
        let mut subsection = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    let after = quoted[at + 1..].trim_start().strip_prefix(']')?;
                    return Some(((name.trim().to_ascii_lowercase(), subsection), after));
                }
                '\\' => subsection.push(characters.next()?.1),
                other => subsection.push(other),
            }
        }
        return None;
    }
    let (name, after) = inner.split_once(']')?;
    let (section, subsection) = name.split_once('.').unwrap_or((name, ""));
    Some((
        (
            section.trim().to_ascii_lowercase(),
            subsection.to_ascii_lowercase(),
        ),
        after,
    ))
}

/// A value with its quotes, escapes, comments and continued lines resolved.
fn parse_value<'a>(first: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut value = String::new();
    // Blanks at the end count only inside quotes.
    let mut kept = 0;
    let mut quoted = false;
    let mut line = first.trim_start();
    'lines: loop {
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => {
                    quoted = !quoted;
                    kept = value.len();
                }
                '#' | ';' if !quoted => break 'lines,
                '\\' => match characters.next() {
                    None => {
                        let Some(next) = lines.next() else {
                            break 'lines;
                        };
                        line = next;
                        continue 'lines;
                    }
                    Some(escaped) => {
                        value.push(match escaped {
                            'n' => '\n',
                            't' => '\t',
                            'b' => '\u{8}',
                            other => other,
                        });
                        kept = value.len();
                    }
                },
                blank if blank.is_whitespace() && !quoted => value.push(blank),
                other => {
                    value.push(other);
                    kept = value.len();
                }
            }
        }
        break;
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_git_reads_them() {
        for (given, expected) in [
            ("url = plain", "plain"),
            ("url=tight", "tight"),
            ("URL = case", "case"),
            ("url =   blanks around  \t", "blanks around"),
            (
                "url = \"quoted # not a comment \"",
                "quoted # not a comment ",
            ),
            ("url = value # comment", "value"),
            ("url = value ; comment", "value"),
            ("url = a\\\\b\\\"c\\td", "a\\b\"c\td"),
            ("url = con\\\ntinued", "continued"),
            ("url = ends\\", "ends"),
            ("url =", ""),
            ("url", "true"),
        ] {
            let text = format!("[remote \"x\"]\n\t{given}\n");
            assert_eq!(parse(&text)[0].value, expected, "{given:?}");
        }
    }

    #[test]
    fn headers_come_in_three_forms() {
        for (header, section, subsection) in [
            ("[core]", "core", ""),
            ("[Remote \"Origin\"]", "remote", "Origin"),
            ("[remote.Origin]", "remote", "origin"),
            (r#"[remote "a\"b\\c"]"#, "remote", "a\"b\\c"),
        ] {
            let entries = parse(&format!("{header} url = x\n"));
            assert_eq!(
                (entries[0].section.as_str(), entries[0].subsection.as_str()),
                (section, subsection),
                "{header}"
            );
        }
    }

    #[test]
    fn variables_below_a_broken_header_belong_to_no_section() {
        assert_eq!(parse("[ok]\n[broken\nurl = x\n"), []);
    }

    #[test]
    fn includes_are_followed_and_a_cycle_of_them_ends() {
        let home = tempfile::tempdir().unwrap();
        let one = home.path().join("one");
        std::fs::write(&one, "[include]\npath = two\n").unwrap();
        std::fs::write(
            home.path().join("two"),
            "[include]\npath = one\n[remote \"r\"]\nurl = u\n",
        )
        .unwrap();
        let mut config = GitConfig::default();
        config.read(&one);
        assert_eq!(config.last("remote", "r", "url"), Some("u"));
    }
}
