//! The lists of issues and merge requests: filters, order, pages.

mod filter;

use std::cmp::Ordering;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use self::filter::Filter;
use super::answer::Answering;
use super::paging::{LinkBase, OffsetPage, link};
use super::reply::Reply;
use crate::Moment;
use crate::upstream::{Issuable, Issue, ItemKind, MergeRequest, Project, Upstream};

/// A row of either list.
#[derive(Clone, Copy)]
enum Row<'a> {
    Issue(&'a Issue),
    MergeRequest(&'a MergeRequest),
}

impl<'a> Row<'a> {
    fn common(self) -> &'a Issuable {
        match self {
            Self::Issue(issue) => &issue.common,
            Self::MergeRequest(merge_request) => &merge_request.common,
        }
    }
}

/// What a list is ordered by. Nothing comes last, whatever the direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
    Nothing,
}

/// An order of rows.
#[derive(Clone, Copy)]
struct Order<'a> {
    column: &'a str,
    ascending: bool,
}

impl Order<'_> {
    /// Ties are broken by id, descending, whatever the direction.
    fn compare(self, one: (&Key, u64), other: (&Key, u64)) -> Ordering {
        let keys = match (one.0, other.0) {
            (Key::Nothing, _) | (_, Key::Nothing) => one.0.cmp(other.0),
            (one, other) if self.ascending => one.cmp(other),
            (one, other) => other.cmp(one),
        };
        keys.then(other.1.cmp(&one.1))
    }

    fn key(self, project: &Project, row: Row<'_>) -> Key {
        let item = row.common();
        let time = |moment: Moment| Key::Number(moment.as_micros());
        let number = |number: u64| Key::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let text =
            |text: Option<&String>| text.map_or(Key::Nothing, |text| Key::Text(text.clone()));
        let priority = || {
            item.label_ids
                .iter()
                .filter_map(|id| project.labels.get(id)?.priority)
                .min()
                .map_or(Key::Nothing, number)
        };
        match (self.column, row) {
            ("updated_at", _) => time(item.updated_at),
            ("title", _) => Key::Text(item.title.to_lowercase()),
            ("popularity", _) => number(item.upvotes),
            ("id" | "relative_position", _) => number(item.id),
            ("priority" | "label_priority", _) => priority(),
            ("milestone_due", _) => {
                let milestone = item.milestone_id.and_then(|id| project.milestones.get(&id));
                text(milestone.and_then(|milestone| milestone.due_date.as_ref()))
            }
            ("due_date", Row::Issue(issue)) => text(issue.due_date.as_ref()),
            ("weight", Row::Issue(issue)) => issue.weight.map_or(Key::Nothing, number),
            ("merged_at", Row::MergeRequest(merge_request)) => {
                merge_request.merged_at.map_or(Key::Nothing, time)
            }
            _ => time(item.created_at),
        }
    }
}

/// A page of the issues or the merge requests of a project.
pub(super) fn items(
    step: &Answering<'_>,
    project: &Project,
    kind: ItemKind,
) -> Result<Reply, Reply> {
    let query = &step.request.query;
    let order = Order {
        column: query.get("order_by").unwrap_or("created_at"),
        ascending: query.get("sort") == Some("asc"),
    };
    let keyset = query.get("pagination") == Some("keyset");
    refuse_order(order.column, kind, keyset)?;
    if keyset && (kind == ItemKind::MergeRequest || !step.shared.options.keyset) {
        return Err(Reply::bare_error(
            405,
            "Keyset pagination is not yet available for this type of request",
        ));
    }
    let filter = Filter::new(step, project);
    let mut rows: Vec<(Key, u64, Row<'_>)> = match kind {
        ItemKind::Issue => project
            .issues
            .values()
            .filter(|issue| step.render.viewer.sees_issue(project, issue))
            .map(Row::Issue)
            .filter(|row| filter.admits(*row))
            .map(|row| (order.key(project, row), row.common().id, row))
            .collect(),
        ItemKind::MergeRequest => project
            .merge_requests
            .values()
            .map(Row::MergeRequest)
            .filter(|row| filter.admits(*row))
            .map(|row| (order.key(project, row), row.common().id, row))
            .collect(),
    };
    if keyset {
        return keyset_page(step, project, order, rows);
    }
    let page = OffsetPage::of(query);
    if let Some(ceiling) = step.shared.options.offset_ceiling
        && kind == ItemKind::Issue
        && page.end() > ceiling
    {
        return Err(Reply::bare_error(
            405,
            &format!(
                "Offset pagination has a maximum allowed offset of {ceiling} for requests that \
                 return objects of type Issue. Remaining records can be retrieved using keyset \
                 pagination."
            ),
        ));
    }
    let total = rows.len();
    let range = page.range(total);
    // Only the page itself is sorted: lists are long and pages are short.
    let compare = |one: &(Key, u64, Row<'_>), other: &(Key, u64, Row<'_>)| {
        order.compare((&one.0, one.1), (&other.0, other.1))
    };
    if range.start > 0 && range.start < total {
        rows.select_nth_unstable_by(range.start, compare);
    }
    let mut window = rows.split_off(range.start);
    if range.len() < window.len() {
        window.select_nth_unstable_by(range.len(), compare);
        window.truncate(range.len());
    }
    window.sort_unstable_by(compare);
    let reply = render(step, project, window.iter().map(|(_, _, row)| *row));
    Ok(step.with_page_headers(page, total, reply))
}

fn refuse_order(column: &str, kind: ItemKind, keyset: bool) -> Result<(), Reply> {
    let known = match kind {
        ItemKind::Issue => !matches!(column, "merged_at") && (column != "id" || keyset),
        ItemKind::MergeRequest => {
            !matches!(column, "due_date" | "weight" | "relative_position" | "id")
        }
    };
    if !known {
        return Err(Reply::invalid_value("order_by"));
    }
    if keyset
        && matches!(
            column,
            "label_priority" | "milestone_due" | "popularity" | "priority"
        )
    {
        return Err(Reply::bare_error(
            405,
            "Keyset pagination is not yet available for this type of request",
        ));
    }
    Ok(())
}

/// A true seek: what comes after the last row of the page before.
fn keyset_page(
    step: &Answering<'_>,
    project: &Project,
    order: Order<'_>,
    mut rows: Vec<(Key, u64, Row<'_>)>,
) -> Result<Reply, Reply> {
    let query = &step.request.query;
    if let Some(cursor) = query.get("cursor").filter(|cursor| !cursor.is_empty()) {
        let (key, id) =
            read_cursor(cursor, order.column).ok_or_else(|| Reply::invalid("cursor"))?;
        rows.retain(|(other, other_id, _)| {
            order.compare((other, *other_id), (&key, id)) == Ordering::Greater
        });
    }
    rows.sort_unstable_by(|one, other| order.compare((&one.0, one.1), (&other.0, other.1)));
    let per_page = query
        .number("per_page")
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(20)
        .clamp(1, 100);
    let more = rows.len() > per_page;
    rows.truncate(per_page);
    let reply = render(step, project, rows.iter().map(|(_, _, row)| *row));
    let Some((key, id, _)) = rows.last().filter(|_| more) else {
        return Ok(reply);
    };
    let cursor = write_cursor(key, *id, order.column);
    let url = step.link_url();
    let base = LinkBase { url: &url, query };
    let next = link(&base, &[("cursor", &cursor)]);
    Ok(reply
        .with("link", format!("<{next}>; rel=\"next\""))
        .with("x-next-cursor", cursor))
}

fn write_cursor(key: &Key, id: u64, column: &str) -> String {
    let key = match key {
        Key::Number(number) => json!(number),
        Key::Text(text) => json!(text),
        Key::Nothing => Value::Null,
    };
    let value = json!({ column: key, "id": id, "_kd": "n" });
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn read_cursor(cursor: &str, column: &str) -> Option<(Key, u64)> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let id = value.get("id")?.as_u64()?;
    let key = match value.get(column)? {
        Value::Null => Key::Nothing,
        Value::String(text) => Key::Text(text.clone()),
        number => Key::Number(number.as_i64()?),
    };
    Some((key, id))
}

fn render<'r>(
    step: &Answering<'_>,
    project: &Project,
    rows: impl Iterator<Item = Row<'r>>,
) -> Reply {
    let query = &step.request.query;
    let details = query.flag("with_labels_details");
    let simple = query.get("view") == Some("simple");
    let cached = step.shared.options.merge_request_list_cache && !details && !simple;
    let mut body = Vec::from(b"[");
    for (index, row) in rows.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let value = match row {
            Row::Issue(issue) => step.render.issue(project, issue, details),
            Row::MergeRequest(merge_request) if simple => {
                step.render.simple_merge_request(project, merge_request)
            }
            Row::MergeRequest(merge_request) if cached => {
                let key = cache_key(step, project, merge_request);
                let json = step.shared.cached_row(key, step.render.now, || {
                    step.render
                        .merge_request(project, merge_request, false)
                        .to_string()
                });
                body.extend_from_slice(json.as_bytes());
                continue;
            }
            Row::MergeRequest(merge_request) => {
                step.render.merge_request(project, merge_request, details)
            }
        };
        body.extend_from_slice(value.to_string().as_bytes());
    }
    body.push(b']');
    Reply::raw_json(200, body)
}

/// What GitLab keys its cache of rows by: the record with its `updated_at`,
/// the caller, the mergeability, labels, assignees and reviewers.
fn cache_key(step: &Answering<'_>, project: &Project, merge_request: &MergeRequest) -> String {
    let upstream: &Upstream = step.render.upstream;
    let item = &merge_request.common;
    let people = |ids: &[u64]| -> Vec<(u64, Option<i64>)> {
        ids.iter()
            .map(|id| {
                let user = upstream.users.get(id);
                (*id, user.map(|user| user.updated_at.as_micros()))
            })
            .collect()
    };
    let labels: Vec<(u64, i64)> = item
        .label_ids
        .iter()
        .filter_map(|id| project.labels.get(id))
        .map(|label| (label.id, label.updated_at.as_micros()))
        .collect();
    format!(
        "{}:{}:{:?}:{}:{labels:?}:{:?}:{:?}",
        item.id,
        item.updated_at.as_micros(),
        step.render.viewer.token().map(|token| token.user_id),
        step.render.merge_status(merge_request),
        people(&item.assignee_ids),
        people(&merge_request.reviewer_ids),
    )
}
