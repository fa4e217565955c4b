//! References to issues and merge requests as people write them: pasted web
//! addresses of every form, API addresses, and short references.

mod drawer;
mod error;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::models::{Iid, Noteable, ProjectId};
use drawer::drawer;
pub use error::ReferenceError;

/// No address of an item is longer, in bytes.
const LONGEST_INPUT: usize = 8 * 1024;

/// A configured instance, as far as an address can point to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoot {
    /// The key in the config.
    pub host: String,
    /// Where the instance is, with the path of a relative-URL install.
    pub base_url: Url,
}

/// Which item somebody meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The key of the configured host; `None` in a short reference.
    pub host: Option<String>,
    /// The project; `None` in a reference without one (`#17`).
    pub project: Option<NamedProject>,
    /// The kind; `None` for a bare number.
    pub kind: Option<Noteable>,
    /// The number in the project.
    pub iid: Iid,
    /// The note the address points to.
    pub note_id: Option<i64>,
}

/// A project as a reference names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedProject {
    /// By its full path; case does not matter to GitLab.
    Path(String),
    /// By its number, in API addresses.
    Id(ProjectId),
}

/// Reads a reference. Makes no request: that the item exists, and which
/// project a path stands for now, is GitLab's to say.
pub fn parse_reference(input: &str, hosts: &[HostRoot]) -> Result<Reference, ReferenceError> {
    if input.len() > LONGEST_INPUT {
        return Err(ReferenceError::TooLong(input.len()));
    }
    let text = bare(input);
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    match address(text, hosts) {
        Some(text) => parse_address(&text, hosts),
        None => short_reference(text),
    }
}

/// The text without what surrounds it in a sentence.
fn bare(input: &str) -> &str {
    let mut text = input.trim();
    loop {
        let inner = text
            .trim_start_matches(['<', '(', '[', '"', '\'', '`'])
            .trim_end_matches(['>', ')', ']', '"', '\'', '`', '.', ',', ';', ':', '!', '?'])
            .trim();
        if inner.len() == text.len() {
            return text;
        }
        text = inner;
    }
}

/// The text as an address, if it is one. The scheme may be missing where the
/// text begins with a configured host.
fn address<'a>(text: &'a str, hosts: &[HostRoot]) -> Option<Cow<'a, str>> {
    if text.contains("://") {
        return Some(Cow::Borrowed(text));
    }
    let (authority, _) = text.split_once('/')?;
    let url = Url::parse(&format!("https://{authority}")).ok()?;
    hosts
        .iter()
        .any(|host| same_authority(&url, &host.base_url))
        .then(|| Cow::Owned(format!("https://{text}")))
}

/// `123`, `#123`, `!789`, `group/project#123`.
fn short_reference(text: &str) -> Result<Reference, ReferenceError> {
    let unreadable = || ReferenceError::Unreadable(shown(text));
    let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, number) = text.split_at(text.len() - digits);
    if number.is_empty() {
        return Err(unreadable());
    }
    let (path, kind) = match prefix.chars().next_back() {
        None => ("", None),
        Some('#') => (&prefix[..prefix.len() - 1], Some(Noteable::Issue)),
        Some('!') => (&prefix[..prefix.len() - 1], Some(Noteable::MergeRequest)),
        Some('&') => {
            return Err(ReferenceError::NotAnItem {
                what: "an epic".into(),
                hint: "epics belong to groups and are not mirrored",
            });
        }
        Some(_) => return Err(unreadable()),
    };
    let project = match path.trim_matches('/') {
        "" => None,
        path if is_project_path(path) => Some(NamedProject::Path(path.to_owned())),
        _ => return Err(unreadable()),
    };
    Ok(Reference {
        host: None,
        project,
        kind,
        iid: iid(number)?,
        note_id: None,
    })
}

fn is_project_path(path: &str) -> bool {
    path.contains('/')
        && path.split('/').all(|segment| {
            !segment.is_empty()
                && segment
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        })
}

fn parse_address(text: &str, hosts: &[HostRoot]) -> Result<Reference, ReferenceError> {
    let unreadable = || ReferenceError::Unreadable(shown(text));
    let url = Url::parse(text).map_err(|_| unreadable())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unreadable());
    }
    let segments = segments(&url).ok_or_else(unreadable)?;
    let (host, segments) = locate(&url, &segments, hosts)?;
    let mut reference = match segments {
        [api, version, projects, project, kind, number, ..]
            if api == "api" && version == "v4" && projects == "projects" =>
        {
            let kind = match kind.as_str() {
                "issues" | "work_items" => Noteable::Issue,
                "merge_requests" => Noteable::MergeRequest,
                _ => return Err(not_an_item("another part of the API")),
            };
            let project = match project.parse() {
                Ok(id) => NamedProject::Id(ProjectId(id)),
                Err(_) => NamedProject::Path(project.clone()),
            };
            item(project, kind, number)?
        }
        _ => web_address(&url, segments)?,
    };
    reference.host = Some(host.host.clone());
    reference.note_id = url
        .fragment()
        .and_then(|fragment| fragment.strip_prefix("note_"))
        .and_then(|note| note.parse().ok());
    Ok(reference)
}

/// The decoded segments of the path; doubled and trailing slashes do not
/// count.
fn segments(url: &Url) -> Option<Vec<String>> {
    url.path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            let clean = !decoded.chars().any(char::is_control);
            clean.then(|| decoded.trim_matches('/').to_owned())
        })
        .collect()
}

/// The configured host that the address is of, and the segments below its
/// root. Of several on one name the deepest root wins.
fn locate<'s, 'h>(
    url: &Url,
    path: &'s [String],
    hosts: &'h [HostRoot],
) -> Result<(&'h HostRoot, &'s [String]), ReferenceError> {
    hosts
        .iter()
        .filter(|host| same_authority(url, &host.base_url))
        .filter_map(|host| {
            let mut root = segments(&host.base_url)?;
            if let [.., api, version] = root.as_slice()
                && api == "api"
                && version == "v4"
            {
                root.truncate(root.len() - 2);
            }
            let below = path.strip_prefix(root.as_slice())?;
            Some((root.len(), host, below))
        })
        .max_by_key(|(depth, ..)| *depth)
        .map(|(_, host, below)| (host, below))
        .ok_or_else(|| ReferenceError::UnknownHost {
            host: shown(&authority(url)),
            known: hosts.iter().map(|host| host.host.clone()).collect(),
        })
}

/// Whether two addresses are of one server: http and https, a default port
/// and `www.` make no difference.
fn same_authority(one: &Url, other: &Url) -> bool {
    let name = |url: &Url| {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        host.strip_prefix("www.")
            .unwrap_or(host)
            .to_ascii_lowercase()
    };
    let port = |url: &Url| url.port().filter(|port| !matches!(port, 80 | 443));
    name(one) == name(other) && port(one) == port(other)
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// An item of a web page's address.
fn web_address(url: &Url, segments: &[String]) -> Result<Reference, ReferenceError> {
    if segments.first().is_some_and(|first| first == "groups") {
        let kind = segments.iter().rev().nth(1).map(String::as_str);
        return Err(not_an_item(match kind {
            Some("epics") => "an epic",
            Some("work_items") => "a group's work item",
            _ => "a group's page",
        }));
    }
    let Some(dash) = segments.iter().position(|segment| segment == "-") else {
        return legacy_address(segments);
    };
    let (project, rest) = (&segments[..dash], &segments[dash + 1..]);
    if project.len() < 2 {
        return Err(not_an_item("a page outside any project"));
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let named = || NamedProject::Path(project.join("/"));
    match numbered(&rest) {
        Some((kind, number)) => item(named(), kind, number),
        None => match drawer(url) {
            Some(drawer) => Ok(Reference {
                host: None,
                project: Some(drawer.full_path.map_or_else(named, NamedProject::Path)),
                kind: Some(Noteable::Issue),
                iid: iid(&drawer.iid)?,
                note_id: None,
            }),
            None => Err(not_an_item(page_kind(&rest))),
        },
    }
}

/// An item of an address without `/-/`, as older GitLab wrote them. The last
/// fitting pair counts, since a project may itself be called `issues`.
fn legacy_address(segments: &[String]) -> Result<Reference, ReferenceError> {
    let found = (2..segments.len()).rev().find_map(|at| {
        let rest: Vec<&str> = segments[at..].iter().map(String::as_str).collect();
        numbered(&rest).map(|(kind, number)| (at, kind, number.to_owned()))
    });
    match found {
        Some((at, kind, number)) => {
            item(NamedProject::Path(segments[..at].join("/")), kind, &number)
        }
        None if segments.len() < 2 => Err(not_an_item("a page outside any project")),
        None => {
            let last = segments.last().map_or("", String::as_str);
            Err(not_an_item(match page_kind(&[last]) {
                "another page of the project" => "a project",
                known => known,
            }))
        }
    }
}

/// The kind and number that the segments after a project begin with.
fn numbered<'a>(rest: &[&'a str]) -> Option<(Noteable, &'a str)> {
    let (kind, number) = match rest {
        ["issues" | "work_items" | "incidents", number, ..]
        | ["issues", "incident", number, ..]
        | ["quality", "test_cases", number, ..]
            if is_number(number) =>
        {
            (Noteable::Issue, *number)
        }
        ["merge_requests", number, ..] => (Noteable::MergeRequest, *number),
        _ => return None,
    };
    let number = [".diff", ".patch", ".json"]
        .iter()
        .find_map(|suffix| number.strip_suffix(suffix))
        .unwrap_or(number);
    is_number(number).then_some((kind, number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a project page is that names no item.
fn page_kind(rest: &[&str]) -> &'static str {
    match rest.first().copied().unwrap_or_default() {
        "issues" | "work_items" | "incidents" => "a list of issues",
        "merge_requests" => "a list of merge requests",
        "boards" => "an issue board",
        "epics" => "an epic",
        "milestones" => "a milestone",
        "pipelines" | "jobs" => "a pipeline or job",
        "commit" | "commits" => "a commit",
        "blob" | "tree" | "blame" | "raw" => "a file or folder",
        "" => "a project",
        _ => "another page of the project",
    }
}

fn item(project: NamedProject, kind: Noteable, number: &str) -> Result<Reference, ReferenceError> {
    Ok(Reference {
        host: None,
        project: Some(project),
        kind: Some(kind),
        iid: iid(number)?,
        note_id: None,
    })
}

fn iid(number: &str) -> Result<Iid, ReferenceError> {
    match number.parse() {
        Ok(iid) if iid > 0 => Ok(Iid(iid)),
        _ => Err(ReferenceError::BadNumber(shown(number))),
    }
}

fn not_an_item(what: &str) -> ReferenceError {
    ReferenceError::NotAnItem {
        what: what.to_owned(),
        hint: match what {
            "an epic" | "a group's work item" | "a group's page" => {
                "what belongs to a group is not mirrored"
            }
            _ => "open one and paste its address, or write `group/project#123` or `…!123`",
        },
    }
}

/// Input, fit for an error message.
fn shown(text: &str) -> String {
    super::answer::printable(text)
}

#[cfg(test)]
mod tests;
