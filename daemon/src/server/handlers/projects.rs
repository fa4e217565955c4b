//! `projects.list` and `projects.resolve`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::daemon::Nothing;
use lore_proto::project::{ProjectInfo, ProjectList, ResolveProject};

use crate::config::Config;
use crate::daemon::Daemon;
use crate::projects::{self, ConfiguredProject};
use crate::query;

pub(super) async fn list(daemon: Arc<Daemon>, _: Nothing) -> Result<ProjectList, WireError> {
    let ready = daemon.ready()?;
    let configured = infos(&ready.config);
    let known = query::status::projects(&ready.database, &configured, daemon.clock().now()).await?;
    Ok(ProjectList {
        projects: known.into_iter().map(|status| status.project).collect(),
    })
}

pub(super) async fn resolve(
    daemon: Arc<Daemon>,
    ask: ResolveProject,
) -> Result<ProjectInfo, WireError> {
    let ready = daemon.ready()?;
    let project = resolved(&ready.config, ask.project, ask.host, ask.remotes)?;
    let now = daemon.clock().now();
    let known =
        query::status::projects(&ready.database, std::slice::from_ref(&project), now).await?;
    Ok(known
        .into_iter()
        .next()
        .map_or(project, |status| status.project))
}

/// The project that the selectors of a request mean, as far as the config
/// knows it.
pub(super) fn resolved(
    config: &Config,
    project: Option<String>,
    host: Option<String>,
    remotes: Vec<String>,
) -> Result<ProjectInfo, WireError> {
    let ask = ResolveProject {
        project,
        host,
        remotes,
    };
    projects::resolve(config, &ask).map(info)
}

/// The configured projects, as far as the config knows them.
pub(super) fn infos(config: &Config) -> Vec<ProjectInfo> {
    projects::all(config).into_iter().map(info).collect()
}

fn info(project: ConfiguredProject) -> ProjectInfo {
    ProjectInfo {
        host: project.host,
        path: project.path,
        id: None,
        web_url: Some(project.web_url),
    }
}
