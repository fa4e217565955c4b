//! Projects, issues, merge requests and files by address:
//! `lore://host/group/project/-/merge_requests/12`.

use lore_proto::WireError;
use lore_proto::daemon::Nothing;
use lore_proto::methods::ProjectsList;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rmcp::model::{Resource, ResourceTemplate};

use super::answer::Answer;
use super::arguments::{self as given, resource_budget};
use super::call::Call;
use super::tools::{file_history, issue, merge_request, project_status};
use crate::failure::Failure;

/// What stands in an address as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// What every resource is written in.
pub(super) const MIME_TYPE: &str = "application/json";

/// What an address means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    project: String,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Project,
    Issue(u64),
    MergeRequest(u64),
    File(String),
}

impl Address {
    /// Reads one; `None` where it is none.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("lore://")?;
        let (place, what) = match rest.split_once("/-/") {
            Some((place, what)) => (place, Some(what)),
            None => (rest, None),
        };
        let (host, project) = place.split_once('/')?;
        let what = match what.map(|what| what.split_once('/')) {
            None => What::Project,
            Some(Some(("issues", iid))) => What::Issue(iid.parse().ok()?),
            Some(Some(("merge_requests", iid))) => What::MergeRequest(iid.parse().ok()?),
            Some(Some(("files", path))) => What::File(decoded(path)?),
            Some(_) => return None,
        };
        let (host, project) = (decoded(host)?, decoded(project)?);
        (!host.is_empty() && !project.is_empty()).then_some(Self {
            host,
            project,
            what,
        })
    }

    /// What stands there.
    pub(super) fn read(self, call: &mut Call) -> Result<Answer, Failure> {
        let budget = resource_budget();
        let (project, host) = (Some(self.project), Some(self.host));
        match self.what {
            What::Issue(iid) => {
                let arguments = given::GetIssue {
                    reference: iid.to_string(),
                    project,
                    host,
                    ..given::GetIssue::default()
                };
                issue(arguments, budget, call)
            }
            What::MergeRequest(iid) => {
                let arguments = given::GetMergeRequest {
                    reference: iid.to_string(),
                    project,
                    host,
                    ..given::GetMergeRequest::default()
                };
                merge_request(arguments, budget, call)
            }
            What::File(path) => {
                let arguments = given::FileHistory {
                    path,
                    discussions: true,
                    project,
                    host,
                    ..given::FileHistory::default()
                };
                file_history(arguments, budget, call)
            }
            What::Project => project_status(
                &host.unwrap_or_default(),
                &project.unwrap_or_default(),
                call,
            ),
        }
    }
}

fn decoded(part: &str) -> Option<String> {
    Some(percent_decode_str(part).decode_utf8().ok()?.into_owned())
}

/// The mirrored projects; what is in them has addresses by [`templates`].
pub(super) fn list(call: &mut Call) -> Result<Vec<Resource>, Failure> {
    let projects = call.context.ask::<ProjectsList>(&Nothing {})?.projects;
    Ok(projects
        .into_iter()
        .map(|project| {
            let encoded = |part: &str| utf8_percent_encode(part, ENCODED).to_string();
            let uri = format!(
                "lore://{}/{}",
                encoded(&project.host),
                encoded(&project.path)
            );
            Resource::new(uri, project.path)
                .with_description("how current and complete the mirror of this project is")
                .with_mime_type(MIME_TYPE)
        })
        .collect())
}

/// How the addresses are made up.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    [
        (
            "lore://{host}/{+project}/-/merge_requests/{iid}",
            "merge request",
            "a merge request with its threads, unresolved ones first",
        ),
        (
            "lore://{host}/{+project}/-/issues/{iid}",
            "issue",
            "an issue with its threads",
        ),
        (
            "lore://{host}/{+project}/-/files/{+path}",
            "file history",
            "the merge requests that touched a file, with the threads on it",
        ),
    ]
    .into_iter()
    .map(|(uri, name, description)| {
        ResourceTemplate::new(uri, name)
            .with_description(description)
            .with_mime_type(MIME_TYPE)
    })
    .collect()
}

/// The error of an address that means nothing.
pub(super) fn unknown(uri: &str) -> WireError {
    WireError::new(
        lore_proto::ErrorCode::NotFound,
        format!(
            "`{}` is no address of lore; resources/templates/list has their forms",
            super::fit::shorten(uri, 200)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_host_project_and_what() {
        let parsed = |uri| Address::parse(uri).unwrap();
        let address = parsed("lore://h:8443/group/sub/p/-/merge_requests/12");
        assert_eq!(
            (address.host.as_str(), address.project.as_str()),
            ("h:8443", "group/sub/p")
        );
        assert_eq!(address.what, What::MergeRequest(12));
        assert_eq!(parsed("lore://h/g/p/-/issues/7").what, What::Issue(7));
        assert_eq!(parsed("lore://h/g/p").what, What::Project);
        let file = parsed("lore://h/g/p/-/files/src/a%20b/-/c.rs");
        assert_eq!(file.what, What::File("src/a b/-/c.rs".into()));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for uri in [
            "",
            "https://h/g/p/-/issues/7",
            "lore://",
            "lore://h",
            "lore://h/",
            "lore://h/g/p/-/issues/x",
            "lore://h/g/p/-/issues/",
            "lore://h/g/p/-/pipelines/7",
            "lore://h/%ff/-/issues/7",
        ] {
            assert_eq!(Address::parse(uri), None, "{uri}");
        }
    }
}
