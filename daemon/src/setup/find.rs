//! Projects by part of a name, in a host that need not be in the config yet.

use lore_proto::setup::{FoundProject, FoundProjects};
use lore_proto::{ErrorCode, WireError};
use percent_encoding::percent_decode_str;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Trial;
use crate::config::check_project_path;
use crate::gitlab::models::Project;
use crate::gitlab::{Call, Page, ProjectRef};
use crate::hosts::{HostClients, gitlab_error};

/// All requests of one search together.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest query, in bytes.
const MAX_QUERY: usize = 1024;

impl Trial {
    /// Projects whose name or path contains `query`, at most `limit`: those
    /// that the token's user is a member of, or, where none of those fits, any
    /// that can be seen.
    ///
    /// # Errors
    /// The host cannot be reached or does not take the token; `USAGE` where
    /// the query is an address on another host, or is too long.
    pub async fn find_projects(
        &mut self,
        hosts: &HostClients,
        query: &str,
        limit: u32,
    ) -> Result<FoundProjects, WireError> {
        if query.len() > MAX_QUERY {
            let message = "that is too long for the name of a project";
            return Err(WireError::new(ErrorCode::Usage, message));
        }
        let query = self.path_of(query.trim())?;
        let client = self.client(hosts).await;
        let (client, _) = client.map_err(|error| self.with_url(error))?;
        let cancel = CancellationToken::new();
        let call = Call::interactive(&cancel, Instant::now() + SEARCH_TIMEOUT);
        let mut exact = None;
        if check_project_path(&query).is_ok() {
            match client.project(&call, ProjectRef::Path(&query)).await {
                Ok(found) => exact = Some(found.value),
                // Perhaps part of a path.
                Err(error) if error.missing().is_some() => {}
                Err(error) => return Err(gitlab_error(&error)),
            }
        }
        if let Some(project) = exact {
            return Ok(FoundProjects {
                projects: vec![found(project)],
                exact: true,
                more: false,
                total: Some(1),
                membership: false,
            });
        }
        let mut membership = true;
        let mut page = client
            .search_projects(&call, &query, membership, limit)
            .await;
        if !query.is_empty() && page.as_ref().is_ok_and(|page| page.items.is_empty()) {
            membership = false;
            page = client
                .search_projects(&call, &query, membership, limit)
                .await;
        }
        let Page {
            items, next, total, ..
        } = page.map_err(|error| gitlab_error(&error))?;
        Ok(FoundProjects {
            exact: false,
            more: next.is_some(),
            total,
            projects: items.into_iter().map(found).collect(),
            membership,
        })
    }

    /// What an address on this host says of a project; another query as it is.
    fn path_of(&self, query: &str) -> Result<String, WireError> {
        if !query.contains("://") {
            return Ok(query.trim_matches('/').to_owned());
        }
        let elsewhere = || {
            let message = format!("that address is not one of `{}`", self.name);
            WireError::new(ErrorCode::Usage, message)
        };
        let url = Url::parse(query).map_err(|_| elsewhere())?;
        let here = &self.host.url;
        if url.host_str() != here.host_str() || url.port() != here.port() {
            return Err(elsewhere());
        }
        let path = percent_decode_str(url.path()).decode_utf8_lossy();
        let path = path.split("/-/").next().unwrap_or_default();
        let root = here.path().trim_end_matches('/');
        let path = path.strip_prefix(root).ok_or_else(elsewhere)?;
        let path = path.trim_matches('/');
        Ok(path.strip_suffix(".git").unwrap_or(path).to_owned())
    }
}

fn found(project: Project) -> FoundProject {
    FoundProject {
        path: project.path_with_namespace,
        name: project.name,
        last_activity_at: project.last_activity_at,
    }
}
