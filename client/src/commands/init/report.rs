//! What a set-up found, for a person.

use lore_proto::setup::SetupReport;

use crate::output::{View, sanitise, text};

/// How far clocks may differ before it is worth a word, in seconds.
const SKEW: u64 = 5;

/// Who the token is, what it may do, and the projects.
pub(super) fn checked(report: &SetupReport, view: &View) -> String {
    let paint = view.paint;
    let mut lines = Vec::new();
    let version = report
        .gitlab_version
        .as_deref()
        .unwrap_or("of unknown version");
    let user = report.username.as_deref().unwrap_or("an unnamed user");
    lines.push(format!(
        "GitLab {}, as {}",
        sanitise::line(version),
        paint.bold(sanitise::line(user))
    ));
    let scopes = if report.scopes.is_empty() {
        "unknown".to_owned()
    } else {
        report.scopes.join(", ")
    };
    let ends = report.expires_at.as_deref().unwrap_or("unknown or never");
    lines.push(format!(
        "token: scopes {}, ends {}",
        sanitise::line(&scopes),
        sanitise::line(ends)
    ));
    if let Some(skew) = report.clock_skew_seconds
        && skew.unsigned_abs() > SKEW
    {
        let side = if skew > 0 { "behind" } else { "ahead of" };
        lines.push(format!(
            "{} this machine's clock is {} {side} GitLab's",
            paint.warn("warning:"),
            text::count(skew.unsigned_abs(), "second")
        ));
    }
    for project in &report.projects {
        let asked = sanitise::line(&project.asked);
        lines.push(match (&project.path, &project.error) {
            (_, Some(error)) => format!(
                "  {asked}  {} {}",
                paint.bad(error.code),
                sanitise::line(&error.message)
            ),
            (Some(path), None) => format!("  {}  {}", sanitise::line(path), paint.good("readable")),
            (None, None) => format!("  {asked}"),
        });
    }
    lines.join("\n")
}

/// That, and where it was written.
pub(super) fn written(report: &SetupReport, view: &View) -> String {
    format!("{}\n{}", checked(report, view), place(report))
}

/// Where it was written.
pub(super) fn place(report: &SetupReport) -> String {
    let verb = if report.written {
        "Wrote"
    } else {
        "Nothing to change in"
    };
    format!("{verb} {}\n", sanitise::line(&report.config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::setup::ProjectCheck;

    #[test]
    fn a_report_says_who_what_until_when_and_where() {
        let report = SetupReport {
            config: "/c/config.toml".into(),
            written: true,
            gitlab_version: Some("18.5.0".into()),
            username: Some("alice".into()),
            scopes: vec!["read_api".into()],
            expires_at: Some("2027-01-31".into()),
            clock_skew_seconds: Some(-90),
            projects: vec![ProjectCheck {
                asked: "g/P".into(),
                path: Some("g/p".into()),
                id: Some(1),
                error: None,
            }],
            checked_at: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            written(&report, &View::plain("2026-06-15T12:00:00Z")),
            "\
GitLab 18.5.0, as alice
token: scopes read_api, ends 2027-01-31
warning: this machine's clock is 90 seconds ahead of GitLab's
  g/p  readable
Wrote /c/config.toml
"
        );
    }
}
