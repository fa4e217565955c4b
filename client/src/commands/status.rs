//! `lore status`: health at a glance.

use clap::Args;
use lore_proto::Timestamp;
use lore_proto::daemon::{DaemonStatus, HostStatus, Nothing, ProjectStatus};
use lore_proto::methods::GetDaemonStatus;

use super::wording::{next_timer, paint_run_word, synced};
use super::{Facts, Reply, Run, jobs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Cell, Table};
use crate::output::{Page, View, sanitise, text, time};

/// Show projects, jobs, hosts and the daemon at a glance
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore status
  lore status --robot")]
pub(crate) struct Status {}

impl Run for Status {
    const FACTS: &'static [Facts] = &[Facts::read::<DaemonStatus>("status")];

    fn name(&self) -> &'static str {
        "status"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        context.answer::<GetDaemonStatus>(&Nothing {}, screen)
    }
}

fn screen(status: &DaemonStatus, view: &View) -> String {
    // Ages are counted from when the daemon answered.
    let view = &View {
        now: answered_at(status).unwrap_or(view.now),
        ..*view
    };
    let paint = view.paint;
    let mut page = Page::default();
    page.line(format_args!(
        "{}  {}",
        paint.bold(format!("lored {}", sanitise::line(&status.version))),
        paint.dim(format!(
            "pid {}, up {}, {}",
            status.pid,
            time::span(status.uptime_seconds),
            text::count(status.connections, "client")
        ))
    ));
    if let Some(why) = &status.degraded {
        // The daemon's warnings say it too, and what to do about it.
        let said = status.warnings.iter().any(|w| &w.message == why);
        let why = if said { "see below" } else { why };
        page.line(format_args!(
            "{} {}",
            paint.bad("serves set-up only:"),
            sanitise::line(why)
        ));
    }
    for warning in &status.warnings {
        page.line(format_args!(
            "{} {}",
            paint.warn("warning:"),
            sanitise::line(&warning.message)
        ));
        for action in &warning.actions {
            page.line(format_args!(
                "  {} {}",
                paint.name("hint:"),
                sanitise::line(action)
            ));
        }
    }
    // Without a config or a database nobody knows which projects there are.
    if status.degraded.is_none() || !status.projects.is_empty() {
        page.blank();
        page.add(projects(&status.projects, view));
    }
    if !status.hosts.is_empty() {
        page.blank();
        page.add(hosts(&status.hosts, view));
    }
    if !status.jobs.is_empty() {
        page.blank();
        page.add(jobs::table(&status.jobs, view));
    }
    for lock in status.locks.iter().filter(|lock| lock.held_by.is_some()) {
        page.blank();
        page.line(format_args!(
            "the {} lock is held by run {}, {} waiting",
            sanitise::line(&lock.name),
            sanitise::line(lock.held_by.as_deref().unwrap_or_default()),
            lock.waiting
        ));
    }
    page.blank();
    page.line(format_args!(
        "next sync by the timer: {}",
        next_timer(status.next_timer_at, view.now)
    ));
    if let Some(sent_to) = status.embedding.as_ref().and_then(|it| it.sent_to.as_ref()) {
        page.line(format_args!(
            "texts are sent to {} to be embedded",
            paint.warn(sanitise::line(sent_to))
        ));
    }
    for (name, place) in [
        ("config", &status.places.config),
        ("database", &status.places.database),
        ("socket", &status.places.socket),
        ("logs", &status.places.log_dir),
    ] {
        page.add(paint.dim(format!("{} {}", text::pad(name, 9), sanitise::line(place))));
        page.blank();
    }
    page.into_text()
}

/// When the daemon answered, by its own clock.
fn answered_at(status: &DaemonStatus) -> Option<Timestamp> {
    let up = i64::try_from(status.uptime_seconds).ok()?;
    Timestamp::from_second(status.started_at.as_second().checked_add(up)?).ok()
}

/// Projects under each other, below a line of headers.
pub(super) fn projects(projects: &[ProjectStatus], view: &View) -> String {
    if projects.is_empty() {
        return "No projects are configured. `lore init` adds some.\n".to_owned();
    }
    let mut table = Table::new(
        &[
            "PROJECT", "MIRROR", "ISSUES", "MRS", "NOTES", "OWED", "LAST RUN",
        ],
        &[(0, 8)],
    );
    for project in projects {
        let namesakes = projects
            .iter()
            .filter(|other| other.project.path == project.project.path);
        let name = if namesakes.count() > 1 {
            format!("{}/{}", project.project.host, project.project.path)
        } else {
            project.project.path.clone()
        };
        let owed = project.pending_dependents + project.pending_rechecks;
        let mirror = synced(project.last_synced_at, project.complete, view.now);
        let last = match project.last_run.as_deref() {
            None => "none",
            Some("succeeded_with_warnings") => "warnings",
            Some(ended) => ended,
        };
        table.row(vec![
            Cell::new(sanitise::line(&name)),
            Cell::new(mirror),
            Cell::new(text::thousands(project.issues)),
            Cell::new(text::thousands(project.merge_requests)),
            Cell::new(text::thousands(project.notes)),
            Cell::new(text::thousands(owed)),
            Cell::new(sanitise::line(last)).painted(paint_run_word),
        ]);
    }
    table.render(view)
}

fn hosts(hosts: &[HostStatus], view: &View) -> String {
    let mut table = Table::new(&["HOST", "TOKEN", "BUDGET", "SENT", "UNDER WAY"], &[(1, 8)]);
    for host in hosts {
        let token = host.token_source.as_deref().unwrap_or("none known");
        table.row(vec![
            Cell::new(sanitise::line(&host.host)),
            Cell::new(sanitise::line(token)),
            Cell::new(budget(host, view)),
            Cell::new(text::thousands(host.requests_total)),
            Cell::new(text::thousands(host.in_flight)),
        ]);
    }
    table.render(view)
}

/// What a host still allows: `1,850 of 2,000`.
pub(super) fn budget(host: &HostStatus, view: &View) -> String {
    if let Some(until) = host.paused_until.filter(|until| *until > view.now) {
        return format!("paused, goes on {}", time::ago(until, view.now));
    }
    match (host.remaining, host.limit) {
        (Some(left), Some(limit)) => {
            let budget = format!("{} of {}", text::thousands(left), text::thousands(limit));
            // Only where little is left does it matter when there is more.
            match host.reset_at.filter(|at| *at > view.now) {
                Some(at) if left < limit / 10 => {
                    format!("{budget}, more {}", time::ago(at, view.now))
                }
                _ => budget,
            }
        }
        (Some(left), None) => format!("{} left", text::thousands(left)),
        // GitLab says it with its first answer.
        _ if host.requests_total == 0 => "not known yet".to_owned(),
        _ => "unlimited".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::ErrorCode;
    use lore_proto::daemon::{LockInfo, PlacesInfo, StatusWarning};
    use lore_proto::project::ProjectInfo;

    fn status() -> DaemonStatus {
        DaemonStatus {
            version: "0.1.0".into(),
            protocol: 1,
            pid: 7,
            started_at: "2026-06-15T09:00:00Z".parse().unwrap(),
            uptime_seconds: 10_800,
            degraded: None,
            places: PlacesInfo {
                config: "/c".into(),
                data_dir: "/d".into(),
                database: "/d/lore.db".into(),
                socket: "/s".into(),
                log_dir: "/l".into(),
            },
            schema_version: Some(1),
            projects: vec![ProjectStatus {
                project: ProjectInfo {
                    host: "h".into(),
                    path: "group/project".into(),
                    id: None,
                    web_url: None,
                },
                last_synced_at: None,
                age_seconds: None,
                complete: false,
                issues: 5_000,
                merge_requests: 12,
                notes: 3,
                pending_dependents: 4,
                pending_rechecks: 1,
                last_run: Some("succeeded_with_warnings".into()),
            }],
            jobs: Vec::new(),
            locks: vec![LockInfo {
                name: "sync".into(),
                held_by: Some("r1".into()),
                waiting: 2,
            }],
            hosts: vec![HostStatus {
                host: "h".into(),
                url: "https://h".into(),
                token_source: Some("env GITLAB_TOKEN".into()),
                limit: Some(2_000),
                remaining: Some(1_990),
                reset_at: None,
                paused_until: None,
                requests_total: 10,
                in_flight: 1,
            }],
            next_timer_at: Some("2026-06-15T12:05:00Z".parse().unwrap()),
            connections: 1,
            embedding: None,
            warnings: vec![StatusWarning {
                code: ErrorCode::ConfigInvalid,
                message: "the config has an error in line 3; the one before it is in use".into(),
                actions: vec!["lore daemon reload".into()],
            }],
        }
    }

    #[test]
    fn the_screen_shows_what_a_person_asks_first() {
        assert_eq!(
            screen(&status(), &View::plain("2026-06-15T12:00:00Z")),
            "\
lored 0.1.0  pid 7, up 3 hours, 1 client
warning: the config has an error in line 3; the one before it is in use
  hint: lore daemon reload

PROJECT        MIRROR                   ISSUES  MRS  NOTES  OWED  LAST RUN
group/project  first sync not finished  5,000   12   3      5     warnings

HOST  TOKEN             BUDGET          SENT  UNDER WAY
h     env GITLAB_TOKEN  1,990 of 2,000  10    1

the sync lock is held by run r1, 2 waiting

next sync by the timer: in 5 minutes
config    /c
database  /d/lore.db
socket    /s
logs      /l
"
        );
    }

    #[test]
    fn a_service_that_is_sent_texts_is_named() {
        let mut status = status();
        status.embedding = Some(lore_proto::daemon::EmbeddingInfo {
            provider: "openai".into(),
            sent_to: Some("https://api.example".into()),
        });
        let page = screen(&status, &View::plain("2026-06-15T12:00:00Z"));
        assert!(
            page.contains("texts are sent to https://api.example"),
            "{page}"
        );
    }

    #[test]
    fn a_paused_host_says_until_when() {
        let mut status = status();
        status.hosts[0].paused_until = Some("2026-06-15T12:01:00Z".parse().unwrap());
        let page = screen(&status, &View::plain("2026-06-15T12:00:00Z"));
        assert!(page.contains("paused, goes on in 1 minute"), "{page}");
    }

    #[test]
    fn a_host_with_little_left_says_when_there_is_more() {
        let mut status = status();
        status.hosts[0].remaining = Some(120);
        status.hosts[0].reset_at = Some("2026-06-15T12:00:30Z".parse().unwrap());
        let page = screen(&status, &View::plain("2026-06-15T12:00:00Z"));
        assert!(page.contains("120 of 2,000, more in 30 seconds"), "{page}");
    }

    #[test]
    fn a_degraded_daemon_says_why_before_anything_else() {
        let mut status = status();
        status.degraded = Some("there is no config file".into());
        status.projects.clear();
        let page = screen(&status, &View::plain("2026-06-15T12:00:00Z"));
        assert!(page.contains("serves set-up only: there is no config file"));
        // Nobody knows whether projects are configured.
        assert!(!page.contains("No projects"), "{page}");
    }
}
