//! `daemon.*`: handshake, status, shutdown, reload.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lore_proto::daemon::{
    DaemonStatus, Hello, HelloReply, Nothing, PlacesInfo, ProjectStatus, Reloaded, Shutdown,
    ShuttingDown, StatusWarning,
};
use lore_proto::{ErrorCode, PROTOCOL, VERSION, WireError};
use serde_json::json;

use crate::daemon::Daemon;
use crate::query;

/// The longest grace that a request may ask for.
const MAX_GRACE: Duration = Duration::from_hours(1);

pub(super) async fn hello(daemon: Arc<Daemon>, hello: Hello) -> Result<HelloReply, WireError> {
    if hello.protocol != PROTOCOL {
        return Err(other_protocol(&hello));
    }
    let places = daemon.places();
    same_place("data folder", hello.data_dir.as_deref(), &places.data_dir).await?;
    same_place("config", hello.config.as_deref(), &places.config).await?;
    Ok(HelloReply {
        protocol: PROTOCOL,
        version: VERSION.to_owned(),
        pid: std::process::id(),
        data_dir: shown(&places.data_dir),
        config: shown(&places.config),
        degraded: daemon.degraded().map(|error| error.message),
    })
}

pub(super) async fn status(daemon: Arc<Daemon>, _: Nothing) -> Result<DaemonStatus, WireError> {
    let places = daemon.places();
    let now = daemon.clock().now();
    let uptime = now.duration_since(daemon.started_at());
    let schema_version = match daemon.database() {
        Some(database) => database.schema_version().await.ok(),
        None => None,
    };
    // A mirror that cannot be read says so where it is read for itself; the
    // status tells the rest.
    let mut warnings = daemon.config_warnings();
    warnings.extend(daemon.mirror_warnings().await);
    warnings.extend(daemon.hosts().warnings(now));
    let projects = match projects(&daemon).await {
        Ok((projects, of_projects)) => {
            warnings.extend(of_projects);
            projects
        }
        Err(error) => {
            warnings.push(StatusWarning {
                code: error.code,
                message: error.message,
                actions: error.actions,
            });
            Vec::new()
        }
    };
    let mut jobs = daemon.scheduler().list().await;
    jobs.retain(|job| !job.state.is_terminal());
    Ok(DaemonStatus {
        version: VERSION.to_owned(),
        protocol: PROTOCOL,
        pid: std::process::id(),
        started_at: daemon.started_at(),
        uptime_seconds: u64::try_from(uptime.as_secs()).unwrap_or(0),
        degraded: daemon.degraded().map(|error| error.message),
        places: PlacesInfo {
            config: shown(&places.config),
            data_dir: shown(&places.data_dir),
            database: shown(&places.database()),
            socket: shown(&places.socket),
            log_dir: shown(&places.log_dir),
        },
        schema_version,
        projects,
        jobs,
        locks: daemon.locks(),
        hosts: daemon.hosts().status().await,
        next_timer_at: daemon.next_timer_at(),
        connections: daemon.connections(),
        embedding: daemon.embedding(),
        warnings,
    })
}

async fn projects(daemon: &Daemon) -> Result<(Vec<ProjectStatus>, Vec<StatusWarning>), WireError> {
    let Ok(ready) = daemon.ready() else {
        // `degraded` and the warnings say why.
        return Ok(Default::default());
    };
    let configured = super::projects::infos(&ready.config);
    let now = daemon.clock().now();
    Ok((
        query::status::projects(&ready.database, &configured, now).await?,
        query::status::warnings(&ready.database, &configured).await?,
    ))
}

/// The reply goes out before anything ends: a call under way is waited for.
pub(super) async fn shutdown(
    daemon: Arc<Daemon>,
    ask: Shutdown,
) -> Result<ShuttingDown, WireError> {
    let grace = ask
        .grace_ms
        .map(|ms| Duration::from_millis(ms).min(MAX_GRACE));
    daemon.request_stop(grace);
    Ok(ShuttingDown {
        pid: std::process::id(),
    })
}

pub(super) async fn reload(daemon: Arc<Daemon>, _: Nothing) -> Result<Reloaded, WireError> {
    let config = daemon.reload().await?;
    Ok(Reloaded {
        config: shown(&config.path),
        projects: super::projects::infos(&config),
    })
}

fn other_protocol(hello: &Hello) -> WireError {
    let (message, action) = if hello.protocol < PROTOCOL {
        let message = format!(
            "this lore {} is older than the lored {VERSION} that runs: they speak the protocols {} and {PROTOCOL}; upgrade lore",
            hello.client_version, hello.protocol
        );
        (message, "lore --version")
    } else {
        let message = format!(
            "the lored {VERSION} that runs is older than this lore {}: they speak the protocols {PROTOCOL} and {}; start the new lored",
            hello.client_version, hello.protocol
        );
        (message, "lore daemon restart")
    };
    WireError::new(ErrorCode::ProtocolMismatch, message)
        .details(json!({
            "client": { "version": hello.client_version, "protocol": hello.protocol },
            "daemon": { "version": VERSION, "protocol": PROTOCOL },
        }))
        .action(action)
}

/// Whether what the client was told is what this daemon has.
async fn same_place(what: &str, told: Option<&str>, own: &Path) -> Result<(), WireError> {
    let Some(told) = told else {
        return Ok(());
    };
    let pair = (Path::new(told).to_path_buf(), own.to_path_buf());
    let same = tokio::task::spawn_blocking(move || real(&pair.0) == real(&pair.1)).await;
    if same.unwrap_or(false) {
        return Ok(());
    }
    let message = format!(
        "a daemon for another {what} answers on this socket: it has `{}` and not `{told}`; give each its own LORE_SOCKET",
        own.display()
    );
    let mut error = WireError::new(ErrorCode::DaemonUnavailable, message)
        .details(json!({ "what": what, "told": told, "served": shown(own) }));
    // It will be no other daemon the next time.
    error.retryable = false;
    Err(error)
}

/// `path` with the links of what exists of it followed: a config may not
/// exist yet.
fn real(path: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_path_buf(),
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
