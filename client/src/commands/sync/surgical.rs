//! Exactly the named issues and merge requests: what the flags say, and what
//! changed in each item.

use clap::Args;
use lore_proto::sync::{EntityChange, EntityOutcome, RunResult, SyncRequest};

use super::summary;
use crate::output::{Page, View, sanitise};

/// At most so many changes of an item are named.
const MAX_CHANGES: usize = 12;

/// The targets of a surgical sync.
#[derive(Debug, Args)]
pub(super) struct Targets {
    /// Exactly this issue; can be repeated
    #[arg(long = "issue", value_name = "IID", value_parser = issue)]
    issues: Vec<u64>,
    /// Exactly this merge request; can be repeated
    #[arg(long = "mr", value_name = "IID", value_parser = merge_request)]
    merge_requests: Vec<u64>,
    /// Exactly the issue of this address; can be repeated
    #[arg(long = "issue-url", value_name = "URL")]
    issue_urls: Vec<String>,
    /// Exactly the merge request of this address; can be repeated
    #[arg(long = "mr-url", value_name = "URL")]
    merge_request_urls: Vec<String>,
    /// Addresses or references of issues and merge requests, such as
    /// `group/project!12`
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Only check that the targets are there and may be read
    #[arg(long)]
    preflight_only: bool,
}

impl Targets {
    /// Puts the targets into a request.
    pub(super) fn fill(self, request: &mut SyncRequest) {
        request.issues = self.issues;
        request.merge_requests = self.merge_requests;
        request.issue_urls = self.issue_urls;
        request.merge_request_urls = self.merge_request_urls;
        request.urls = self.urls;
        request.preflight_only = self.preflight_only;
    }
}

/// `123` or `#123`.
fn issue(text: &str) -> Result<u64, String> {
    iid(text, '#')
}

/// `123` or `!123`.
fn merge_request(text: &str) -> Result<u64, String> {
    iid(text, '!')
}

fn iid(text: &str, sigil: char) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.strip_prefix(sigil).unwrap_or(text);
    match (sigil, text.chars().next()) {
        ('#', Some('!')) => {
            return Err(format!(
                "`{}` is a merge request: --mr",
                sanitise::line(text)
            ));
        }
        ('!', Some('#')) => return Err(format!("`{}` is an issue: --issue", sanitise::line(text))),
        _ => {}
    }
    match digits.parse() {
        Ok(0) => Err("issues and merge requests count from 1".to_owned()),
        Ok(iid) => Ok(iid),
        Err(_) => Err(format!(
            "`{}` is no number of an issue or merge request",
            sanitise::line(text)
        )),
    }
}

/// How a surgical sync ended: the run, then what changed in each item.
pub(in crate::commands) fn outcome(run: &RunResult, view: &View) -> String {
    let mut text = summary::paragraph(run, view);
    let mut page = Page::default();
    for item in &run.entity_outcomes {
        entity(item, view, &mut page);
    }
    text.push_str(&page.into_text());
    text
}

fn entity(item: &EntityOutcome, view: &View, page: &mut Page) {
    let paint = view.paint;
    let title = item.title.as_deref().unwrap_or_default();
    let state = if item.stale_skipped {
        "the mirror has a newer one"
    } else if !item.fetched {
        "not read"
    } else if !item.ingested {
        "found, and not written"
    } else if item.changes.is_empty() {
        "unchanged"
    } else {
        ""
    };
    let state = if state.is_empty() {
        String::new()
    } else {
        format!("  {}", paint.dim(state))
    };
    page.line(format_args!(
        "  {}  {}{state}",
        paint.name(format!("{}{}", item.entity_type.sigil(), item.iid)),
        sanitise::line(title),
    ));
    for change in item.changes.iter().take(MAX_CHANGES) {
        page.line(format_args!("      {}", sentence(change)));
    }
}

/// A change as a person would say it.
fn sentence(change: &EntityChange) -> String {
    let from = change.from.as_deref().map(sanitise::line);
    let to = change.to.as_deref().map(sanitise::line);
    let number = |text: &Option<String>| text.as_ref().and_then(|t| t.parse::<i64>().ok());
    match (change.what.as_str(), from, to) {
        ("new", _, _) => "new in the mirror".to_owned(),
        ("description", _, _) => "description edited".to_owned(),
        ("head", from, Some(to)) => {
            let short = |sha: &str| sha.chars().take(8).collect::<String>();
            match from {
                Some(from) => format!("new commits: {} → {}", short(&from), short(&to)),
                None => format!("new commits: {}", short(&to)),
            }
        }
        ("notes" | "events" | "file_changes" | "threads_unresolved", _, _) => {
            let (before, after) = (
                number(&change.from).unwrap_or(0),
                number(&change.to).unwrap_or(0),
            );
            let what = change.what.replace('_', " ");
            format!("{what}: {before} → {after} ({:+})", after - before)
        }
        (what, from, to) => {
            let shown = |value: Option<std::borrow::Cow<'_, str>>| match value {
                Some(value) if !value.is_empty() => value.into_owned(),
                _ => "none".to_owned(),
            };
            format!("{}: {} → {}", sanitise::line(what), shown(from), shown(to))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(what: &str, from: Option<&str>, to: Option<&str>) -> EntityChange {
        EntityChange {
            what: what.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        }
    }

    #[test]
    fn a_change_reads_as_a_person_would_say_it() {
        for (given, said) in [
            (
                change("state", Some("opened"), Some("merged")),
                "state: opened → merged",
            ),
            (change("notes", Some("3"), Some("5")), "notes: 3 → 5 (+2)"),
            (
                change("labels", Some(""), Some("bug")),
                "labels: none → bug",
            ),
            (
                change("head", Some("1234567890"), Some("abcdef0123")),
                "new commits: 12345678 → abcdef01",
            ),
            (
                change("title", Some("a\u{1b}[31mb"), Some("c")),
                "title: ab → c",
            ),
        ] {
            assert_eq!(sentence(&given), said);
        }
    }

    #[test]
    fn a_target_may_carry_gitlabs_sign_and_is_never_zero() {
        assert_eq!(
            (merge_request("!12"), merge_request("12")),
            (Ok(12), Ok(12))
        );
        assert_eq!((issue("#7"), issue(" 7")), (Ok(7), Ok(7)));
        for wrong in ["0", "#0", "twelve", "##7"] {
            assert!(issue(wrong).is_err(), "{wrong}");
        }
        // Of the other kind, which has a flag of its own.
        assert!(issue("!12").unwrap_err().contains("--mr"));
        assert!(merge_request("#7").unwrap_err().contains("--issue"));
    }
}
