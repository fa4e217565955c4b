//! From what a person typed or pasted to one project and its items.

use std::collections::BTreeSet;

use lore_proto::project::ResolveProject;
use lore_proto::sync::{Requested, SyncRequest};
use lore_proto::{ErrorCode, WireError};

use crate::config::Config;
use crate::gitlab::urls::{HostRoot, NamedProject, Reference, parse_reference};
use crate::gitlab::{Noteable, ProjectId};
use crate::projects;

/// Targets that one surgical sync takes, after de-duplication.
pub const MAX_TARGETS: usize = 100;

/// One project and the items of it that are to be synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The host's key in the config.
    pub host: String,
    /// The full path in the config.
    pub path: String,
    /// Sorted, without repetition, 1 to [`MAX_TARGETS`].
    pub requested: Requested,
}

/// What the mirror knows of projects' names.
pub trait KnownProjects {
    /// GitLab's number of the project that this path names or once named.
    fn number(&self, host: &str, path: &str) -> Option<ProjectId>;
}

/// The targets that a request names; asks nothing of GitLab. Errors:
/// `BAD_URL`, `HOST_UNKNOWN`, `MIXED_PROJECTS`, `TARGET_CONFLICT`,
/// `SCOPE_CONFLICT`, `TOO_MANY_TARGETS`, `USAGE` and those of project resolution.
pub fn resolve(
    config: &Config,
    request: &SyncRequest,
    known: &dyn KnownProjects,
) -> Result<Targets, WireError> {
    refuse_contradictions(request)?;
    let mut issues: BTreeSet<u64> = request.issues.iter().copied().collect();
    let mut merge_requests: BTreeSet<u64> = request.merge_requests.iter().copied().collect();
    if issues.contains(&0) || merge_requests.contains(&0) {
        return Err(WireError::new(
            ErrorCode::Usage,
            "issues and merge requests count from 1",
        ));
    }
    let largest = issues.iter().chain(&merge_requests).max();
    if let Some(iid) = largest.filter(|iid| i64::try_from(**iid).is_err()) {
        let message = format!("{iid} is beyond every number of an issue or merge request");
        return Err(WireError::new(ErrorCode::Usage, message));
    }
    let told = told_project(config, request)?;
    let mut named: Vec<(String, String)> = Vec::new();
    let given = request
        .issue_urls
        .iter()
        .map(|url| (url, Some(Noteable::Issue)))
        .chain(
            request
                .merge_request_urls
                .iter()
                .map(|url| (url, Some(Noteable::MergeRequest))),
        )
        .chain(request.urls.iter().map(|url| (url, None)));
    let hosts: Vec<HostRoot> = config
        .hosts
        .iter()
        .map(|(host, settings)| HostRoot {
            host: host.clone(),
            base_url: settings.url.clone(),
        })
        .collect();
    for (text, wanted) in given {
        let reference = parse_reference(text, &hosts).map_err(|error| {
            WireError::new(error.code(), error.to_string()).action("lore status")
        })?;
        let kind = kind_of(text, &reference, wanted)?;
        if let Some(project) = project_of(config, request, &reference, known)?
            && !named.contains(&project)
        {
            named.push(project);
        }
        let iid = reference.iid.0.unsigned_abs();
        match kind {
            Noteable::Issue => issues.insert(iid),
            Noteable::MergeRequest => merge_requests.insert(iid),
        };
    }
    if named.len() > 1 {
        let list: Vec<&str> = named.iter().map(|(_, path)| path.as_str()).collect();
        return Err(WireError::new(
            ErrorCode::MixedProjects,
            format!(
                "one sync takes targets of one project, and these are of {}; run one for each",
                list.join(", ")
            ),
        ));
    }
    let (host, path) = one_project(config, request, told, named.pop())?;
    let total = issues.len() + merge_requests.len();
    if total > MAX_TARGETS {
        return Err(WireError::new(
            ErrorCode::TooManyTargets,
            format!(
                "{total} targets; one surgical sync takes up to {MAX_TARGETS}: split them, or sync the whole project with `lore sync`"
            ),
        ));
    }
    Ok(Targets {
        host,
        path,
        requested: Requested {
            issues: issues.into_iter().collect(),
            merge_requests: merge_requests.into_iter().collect(),
        },
    })
}

/// The one project that all targets are of: the one that is told, the one that
/// the addresses name, or else the only one there can be.
fn one_project(
    config: &Config,
    request: &SyncRequest,
    told: Option<(String, String)>,
    named: Option<(String, String)>,
) -> Result<(String, String), WireError> {
    Ok(match (told, named) {
        (Some(told), Some(named)) if told != named => {
            return Err(WireError::new(
                ErrorCode::TargetConflict,
                format!(
                    "the address is of `{}` on {}, and the command says `{}` on {}; leave one of them out",
                    named.1, named.0, told.1, told.0
                ),
            ));
        }
        (Some(project), _) | (None, Some(project)) => project,
        (None, None) => {
            let project = projects::resolve(
                config,
                &ResolveProject {
                    project: None,
                    host: request.host.clone(),
                    remotes: request.remotes.clone(),
                },
            )?;
            (project.host, project.path)
        }
    })
}

/// What no target makes good.
fn refuse_contradictions(request: &SyncRequest) -> Result<(), WireError> {
    if request.full {
        return Err(WireError::new(
            ErrorCode::Usage,
            "`--full` looks at a whole project and goes with no target; leave one of them out",
        ));
    }
    if request.no_docs && !request.no_embed {
        return Err(WireError::new(
            ErrorCode::ScopeConflict,
            "`--no-docs` leaves nothing to embed: give `--no-embed` as well",
        ));
    }
    Ok(())
}

/// The project that `-p` names; a bare `--host` only narrows the choice.
fn told_project(
    config: &Config,
    request: &SyncRequest,
) -> Result<Option<(String, String)>, WireError> {
    if request.project.is_none() {
        return Ok(None);
    }
    let project = projects::resolve(
        config,
        &ResolveProject {
            project: request.project.clone(),
            host: request.host.clone(),
            remotes: Vec::new(),
        },
    )?;
    Ok(Some((project.host, project.path)))
}

fn kind_of(
    text: &str,
    reference: &Reference,
    wanted: Option<Noteable>,
) -> Result<Noteable, WireError> {
    match (reference.kind, wanted) {
        (Some(kind), Some(wanted)) if kind != wanted => Err(WireError::new(
            ErrorCode::BadUrl,
            format!(
                "`{text}` names {}, and {} is asked for",
                article(kind),
                article(wanted)
            ),
        )),
        (Some(kind), _) | (None, Some(kind)) => Ok(kind),
        (None, None) => Err(WireError::new(
            ErrorCode::BadUrl,
            format!(
                "`{text}` does not say whether it is an issue or a merge request; write `#{text}` or `!{text}`"
            ),
        )),
    }
}

fn article(kind: Noteable) -> &'static str {
    match kind {
        Noteable::Issue => "an issue",
        Noteable::MergeRequest => "a merge request",
    }
}

/// The configured project that a reference names; an older name of it counts.
fn project_of(
    config: &Config,
    request: &SyncRequest,
    reference: &Reference,
    known: &dyn KnownProjects,
) -> Result<Option<(String, String)>, WireError> {
    let Some(named) = &reference.project else {
        return Ok(None);
    };
    let host = reference.host.as_ref().or(request.host.as_ref());
    if let (Some(of_url), Some(told)) = (&reference.host, &request.host) {
        let told = projects::host_key(config, told)?;
        if *of_url != told {
            return Err(WireError::new(
                ErrorCode::TargetConflict,
                format!(
                    "the address is on {of_url}, and the command says `--host {told}`; leave one of them out"
                ),
            ));
        }
    }
    let configured = projects::all(config);
    let on_host = configured
        .iter()
        .filter(|project| host.is_none_or(|host| project.host == *host));
    let matches = |candidate: &projects::ConfiguredProject| match named {
        NamedProject::Path(path) => {
            candidate.path.eq_ignore_ascii_case(path)
                || known.number(&candidate.host, path).is_some_and(|number| {
                    known.number(&candidate.host, &candidate.path) == Some(number)
                })
        }
        NamedProject::Id(number) => known.number(&candidate.host, &candidate.path) == Some(*number),
    };
    let found: Vec<_> = on_host.filter(|candidate| matches(candidate)).collect();
    match (found.as_slice(), named) {
        ([project], _) => Ok(Some((project.host.clone(), project.path.clone()))),
        ([], NamedProject::Id(number)) => Err(WireError::new(
            ErrorCode::ProjectUnknown,
            format!("no mirrored project has the number {number}"),
        )
        .action("lore status")),
        // Its own error names the nearest, or the candidates.
        (_, NamedProject::Path(path)) => projects::resolve(
            config,
            &ResolveProject {
                project: Some(path.clone()),
                host: host.cloned(),
                remotes: Vec::new(),
            },
        )
        .map(|project| Some((project.host, project.path))),
        (_, NamedProject::Id(number)) => Err(WireError::new(
            ErrorCode::AmbiguousProject,
            format!("several hosts have a project of the number {number}; add `--host`"),
        )),
    }
}
