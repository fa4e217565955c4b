//! `projects.list` and `projects.resolve`.

use std::sync::Arc;

use lore_proto::WireError;
use lore_proto::daemon::Nothing;
use lore_proto::project::{ProjectInfo, ProjectList, ResolveProject};

use crate::config::Config;
use crate::daemon::Daemon;
use crate::projects::{self, ConfiguredProject};

pub(super) async fn list(daemon: Arc<Daemon>, _: Nothing) -> Result<ProjectList, WireError> {
    let ready = daemon.ready()?;
    Ok(ProjectList {
        projects: infos(&ready.config),
    })
}

pub(super) async fn resolve(
    daemon: Arc<Daemon>,
    ask: ResolveProject,
) -> Result<ProjectInfo, WireError> {
    let ready = daemon.ready()?;
    projects::resolve(&ready.config, &ask).map(info)
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
