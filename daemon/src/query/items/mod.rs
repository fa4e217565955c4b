//! `issues.list`, `issues.get`, `mergeRequests.list`, `mergeRequests.get`.

mod detail;
mod issues;
mod list;
mod merge_requests;

use lore_proto::items::ItemSort;
use lore_proto::project::ProjectInfo;
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use super::project;
use crate::store::item_lists::{Filters, Order, Wanted};
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, StoreError, items, queue};

pub use issues::{get as get_issue, list as list_issues};
pub use merge_requests::{get as get_merge_request, list as list_merge_requests};

/// Characters of a text, where nothing else is asked for.
const BODY_LIMIT: u32 = 1_000;
/// The longest texts; GitLab's own limit is a million characters.
const MAX_BODY_LIMIT: u32 = 1_000_000;
/// Notes of a thread, where nothing else is asked for.
const NOTE_LIMIT: u32 = 20;
/// The most notes of a thread.
const MAX_NOTE_LIMIT: u32 = 1_000;
/// The most labels of a list's filters: SQLite takes no condition of any length.
const MAX_LABELS: usize = 32;
/// Events that an answer has.
const EVENTS: u32 = 50;
/// Changed files that an answer has.
const FILES: u32 = 100;
/// Closing links that an answer has.
const LINKS: u32 = 100;

/// `none` and `any` mean just that, as in GitLab's own API.
fn wanted(text: String) -> Wanted {
    if text.eq_ignore_ascii_case("none") {
        Wanted::None
    } else if text.eq_ignore_ascii_case("any") {
        Wanted::Any
    } else {
        Wanted::Is(text)
    }
}

/// A user name, with or without `@`.
fn user_name(text: String) -> String {
    match text.strip_prefix('@') {
        Some(name) => name.to_owned(),
        None => text,
    }
}

/// A label, with or without `~`.
fn label(text: String) -> Wanted {
    wanted(match text.strip_prefix('~') {
        Some(name) => name.to_owned(),
        None => text,
    })
}

fn order(sort: Option<ItemSort>, reverse: bool) -> Order {
    Order {
        sort: sort.unwrap_or_default(),
        reverse,
    }
}

/// The labels that were asked for, each once.
fn labels(asked: Vec<String>) -> Result<Vec<Wanted>, WireError> {
    let mut labels: Vec<Wanted> = Vec::new();
    for wanted in asked.into_iter().map(label) {
        if !labels.contains(&wanted) {
            labels.push(wanted);
        }
    }
    if labels.len() > MAX_LABELS {
        return Err(WireError::new(
            ErrorCode::Usage,
            format!(
                "{} labels are asked for; a list takes at most {MAX_LABELS}",
                labels.len()
            ),
        ));
    }
    Ok(labels)
}

/// A number that was asked for, if it is allowed.
fn bounded(what: &str, asked: Option<u32>, otherwise: u32, most: u32) -> Result<u32, WireError> {
    match asked {
        None => Ok(otherwise),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(asked) => Err(WireError::new(
            ErrorCode::Usage,
            format!("the {what} is {asked}; it has to be from 1 to {most}"),
        )),
    }
}

/// The row of the item `iid`.
pub(in crate::query) fn find(
    connection: &Connection,
    asked: &ProjectInfo,
    row: &ProjectRow,
    source: SourceType,
    iid: u64,
) -> Result<i64, WireError> {
    let number = i64::try_from(iid).unwrap_or(i64::MAX);
    if let Some(stored) = items::stored(connection, source, row.id, number)? {
        return Ok(stored.id);
    }
    let (other, command) = match source {
        SourceType::Issue => (SourceType::MergeRequest, "lore mrs"),
        SourceType::MergeRequest => (SourceType::Issue, "lore issues"),
    };
    let mut message = format!(
        "{}{iid} of `{}` is not in the mirror",
        source.entity().sigil(),
        asked.path
    );
    if row.last_synced_at.is_none() {
        message.push_str(", whose first sync has not ended yet");
    }
    let has_other = items::stored(connection, other, row.id, number)?.is_some();
    if has_other {
        let sigil = other.entity().sigil();
        message = format!("{message}; there is a {sigil}{iid}");
    }
    let mut error = WireError::new(ErrorCode::NotFound, message);
    if let Some(project) = project::selector(connection, asked)? {
        let flag = match source {
            SourceType::Issue => "--issue",
            SourceType::MergeRequest => "--mr",
        };
        if has_other {
            error = error.action(format!("{command} {iid} {project}"));
        }
        error = error.action(format!("lore sync {flag} {iid} {project}"));
    }
    Err(error)
}

/// The stages that an item owes, and a sentence where it owes any.
fn owed(
    connection: &Connection,
    asked: &ProjectInfo,
    source: SourceType,
    id: i64,
    iid: u64,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let stages = queue::of_item(connection, source, id)?;
    let names: Vec<String> = stages.iter().map(|s| s.as_str().to_owned()).collect();
    let (sigil, flag) = match source {
        SourceType::Issue => ('#', "--issue"),
        SourceType::MergeRequest => ('!', "--mr"),
    };
    let selector = project::selector(connection, asked)?;
    let warning = (!names.is_empty()).then(|| {
        let command = match selector {
            Some(project) => format!("; `lore sync {flag} {iid} {project}` gets it now"),
            None => String::new(),
        };
        format!(
            "{sigil}{iid} is not whole yet, this is still owed: {}{command}",
            names.join(", ").replace('_', " ")
        )
    });
    Ok((names, warning))
}

/// Sentences about names in the filters that nothing in the mirror has.
fn unknown_names(
    connection: &Connection,
    host: &str,
    filters: &Filters,
) -> Result<Vec<String>, StoreError> {
    use crate::store::item_lists::{knows_label, knows_milestone, knows_user};
    let mut unknown = Vec::new();
    let named = |wanted: &Option<Wanted>| match wanted {
        Some(Wanted::Is(name)) => Some(name.clone()),
        _ => None,
    };
    for name in [
        filters.author.clone(),
        named(&filters.assignee),
        named(&filters.reviewer),
    ]
    .into_iter()
    .flatten()
    {
        if !knows_user(connection, host, &name)? {
            unknown.push(format!("the mirror knows no user `{name}`"));
        }
    }
    for label in &filters.labels {
        if let Wanted::Is(name) = label
            && !knows_label(connection, filters.project, name)?
        {
            unknown.push(format!("the mirror knows no label `{name}`"));
        }
    }
    if let Some(title) = named(&filters.milestone)
        && !knows_milestone(connection, filters.project, &title)?
    {
        unknown.push(format!("the mirror knows no milestone `{title}`"));
    }
    unknown.dedup();
    Ok(unknown)
}

#[cfg(test)]
mod tests;
