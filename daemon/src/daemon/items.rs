//! From what a person typed or pasted to one issue or merge request.

use lore_proto::project::ProjectInfo;
use lore_proto::sync::{Requested, SyncRequest};
use lore_proto::{ErrorCode, WireError};

use super::surgical::Names;
use super::{Daemon, Ready};
use crate::projects;
use crate::store::{SourceType, StoreError};
use crate::sync::surgical::targets;

/// How a request names an item.
#[derive(Debug)]
pub(crate) struct ItemAsked {
    /// The kind; `None` where the reference has to say it.
    pub(crate) source: Option<SourceType>,
    pub(crate) iid: Option<u64>,
    /// `123`, `!123`, `group/project!123` or a web address.
    pub(crate) reference: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) remotes: Vec<String>,
}

impl Daemon {
    /// The project, the kind and the number that a request names, by the same rules as a
    /// surgical sync: an address decides host and project.
    ///
    /// # Errors
    /// `USAGE` for none or two, and what the targets of a surgical sync fail
    /// with.
    pub(crate) async fn item(
        &self,
        ready: &Ready,
        asked: ItemAsked,
    ) -> Result<(ProjectInfo, SourceType, u64), WireError> {
        let mut request = SyncRequest {
            project: asked.project,
            host: asked.host,
            remotes: asked.remotes,
            ..SyncRequest::default()
        };
        match asked.source {
            Some(SourceType::Issue) => {
                request.issues.extend(asked.iid);
                request.issue_urls.extend(asked.reference);
            }
            Some(SourceType::MergeRequest) => {
                request.merge_requests.extend(asked.iid);
                request.merge_request_urls.extend(asked.reference);
            }
            None => request.urls.extend(asked.reference),
        }
        let config = ready.config.clone();
        let found = ready
            .database
            .read(move |connection| {
                Ok::<_, StoreError>(targets::resolve(&config, &request, &Names(connection)))
            })
            .await??;
        let Requested {
            issues,
            merge_requests,
        } = &found.requested;
        let (source, iid) = match (issues.as_slice(), merge_requests.as_slice()) {
            ([iid], []) => (SourceType::Issue, *iid),
            ([], [iid]) => (SourceType::MergeRequest, *iid),
            ([], []) => return Err(usage("name the item by `iid` or by `reference`")),
            _ => return Err(usage("`iid` and `reference` name two different items")),
        };
        let configured = projects::all(&ready.config);
        let web_url = configured
            .into_iter()
            .find(|project| project.host == found.host && project.path == found.path)
            .map(|project| project.web_url);
        Ok((
            ProjectInfo {
                host: found.host,
                path: found.path,
                id: None,
                web_url,
            },
            source,
            iid,
        ))
    }
}

fn usage(message: &str) -> WireError {
    WireError::new(ErrorCode::Usage, message)
}
