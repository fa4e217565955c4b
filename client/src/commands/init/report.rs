//! What a set-up found, for a person.

use lore_proto::setup::{FirstSync, ItemCount, ProjectCheck, SetupReport};

use crate::output::{Page, View, sanitise, text};

/// How far clocks may differ before it is worth a word, in seconds.
const SKEW: u64 = 5;

/// Who the token is, what it may do, and what is odd.
pub(super) fn account(report: &SetupReport, view: &View) -> String {
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
    if let Some(source) = &report.token_source {
        lines.push(format!("token: {}", sanitise::line(source)));
    }
    lines.push(format!(
        "token: scopes {}, {}",
        sanitise::line(&scopes),
        ends(report)
    ));
    for warning in &report.warnings {
        lines.push(format!(
            "{} {}",
            paint.warn("warning:"),
            sanitise::line(warning)
        ));
    }
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
    lines.join("\n")
}

/// The projects, and what is to be known of each.
pub(super) fn projects(report: &SetupReport, view: &View) -> String {
    let paint = view.paint;
    let mut lines = Vec::new();
    for project in &report.projects {
        let asked = sanitise::line(&project.asked);
        lines.push(match (&project.path, &project.error) {
            (_, Some(error)) => format!(
                "  {asked}  {} {}",
                paint.bad(error.code),
                sanitise::line(&error.message)
            ),
            (Some(path), None) => format!(
                "  {}  {}{}",
                sanitise::line(path),
                paint.good("readable"),
                items(project)
            ),
            (None, None) => format!("  {asked}"),
        });
    }
    lines.join("\n")
}

fn ends(report: &SetupReport) -> String {
    let Some(day) = &report.expires_at else {
        return "ends never, or is not told".to_owned();
    };
    let day = sanitise::line(day);
    match report.expires_in_days.map(u64::try_from) {
        Some(Ok(days)) => format!("ends {day} (in {})", text::count(days, "day")),
        Some(Err(_)) => format!("ended {day}"),
        None => format!("ends {day}"),
    }
}

/// How much there is to mirror.
fn items(project: &ProjectCheck) -> String {
    if project.mirrored {
        return ", mirrored already".to_owned();
    }
    let (Some(issues), Some(merge_requests)) = (project.issues, project.merge_requests) else {
        return String::new();
    };
    let count = |items: ItemCount, noun: &str| {
        let bound = if items.at_most { "at most " } else { "" };
        format!(", {bound}{}", text::count(items.count, noun))
    };
    count(issues, "issue") + &count(merge_requests, "merge request")
}

/// What the first sync takes, and by what that is known.
pub(super) fn first_sync(sync: &FirstSync, host: &str) -> String {
    let mut page = Page::default();
    let host = sanitise::line(host);
    if sync.uncounted == sync.projects {
        page.line("How long the first sync takes is not known: GitLab gives no numbers.");
        return page.into_text();
    }
    let bound = if sync.at_most { "up to" } else { "about" };
    page.line(format_args!(
        "The first sync takes {bound} {}, some more where threads are long.",
        text::count(sync.requests, "request"),
    ));
    if sync.uncounted > 0 {
        page.line(format_args!(
            "GitLab gives no numbers for {} of the projects; that comes on top.",
            text::thousands(sync.uncounted)
        ));
    }
    let pace = sync.answer_milliseconds.map(|took| {
        format!(
            "an answer takes {} ms, {} are asked for at once",
            text::thousands(took.max(1)),
            sync.concurrency
        )
    });
    let limit = sync
        .requests_per_minute
        .map(|limit| format!("{host} allows {} a minute", text::thousands(limit)));
    let why = match (limit, pace) {
        (Some(limit), _) if sync.limited_by_host => Some(limit),
        (_, Some(pace)) => Some(pace),
        (Some(limit), None) => Some(limit),
        (None, None) => None,
    };
    if let (Some(why), Some(seconds)) = (why, sync.seconds) {
        page.line(format_args!("That is {}: {why}.", roughly(seconds)));
    }
    page.into_text()
}

/// A time as exact as an estimate can be.
fn roughly(seconds: u64) -> String {
    match seconds {
        0..=60 => "a minute at most".to_owned(),
        61..=5_400 => format!("about {} minutes", seconds.div_ceil(60)),
        _ => format!("about {} hours", seconds.div_ceil(3_600)),
    }
}

/// That, and where it was written.
pub(super) fn written(report: &SetupReport, view: &View) -> String {
    format!(
        "{}\n{}\n{}",
        account(report, view),
        projects(report, view),
        place(report)
    )
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

    fn count(count: u64, at_most: bool) -> ItemCount {
        ItemCount { count, at_most }
    }

    fn sync() -> FirstSync {
        FirstSync {
            projects: 1,
            uncounted: 0,
            issues: 1_000,
            merge_requests: 1_000,
            at_most: false,
            requests: 11_037,
            requests_per_minute: Some(2_000),
            answer_milliseconds: Some(90),
            concurrency: 8,
            seconds: Some(332),
            limited_by_host: true,
        }
    }

    #[test]
    fn an_estimate_says_by_what_it_is_known_and_what_is_not() {
        assert_eq!(
            first_sync(&sync(), "h"),
            "\
The first sync takes about 11,037 requests, some more where threads are long.
That is about 6 minutes: h allows 2,000 a minute.
"
        );
        let unlimited = FirstSync {
            uncounted: 2,
            projects: 3,
            at_most: true,
            requests_per_minute: None,
            limited_by_host: false,
            seconds: Some(8_000),
            ..sync()
        };
        assert_eq!(
            first_sync(&unlimited, "h"),
            "\
The first sync takes up to 11,037 requests, some more where threads are long.
GitLab gives no numbers for 2 of the projects; that comes on top.
That is about 3 hours: an answer takes 90 ms, 8 are asked for at once.
"
        );
        let unknown = FirstSync {
            uncounted: 1,
            ..sync()
        };
        assert!(first_sync(&unknown, "h").contains("not known"));
    }

    #[test]
    fn a_report_says_who_what_until_when_and_where() {
        let report = SetupReport {
            config: "/c/config.toml".into(),
            written: true,
            gitlab_version: Some("18.5.0".into()),
            username: Some("alice".into()),
            scopes: vec!["read_api".into()],
            expires_at: Some("2026-06-20".into()),
            expires_in_days: Some(5),
            token_source: Some("file /t".into()),
            warnings: vec!["the token for `h` ends in 5 days (2026-06-20)\u{1b}[2J".into()],
            clock_skew_seconds: Some(-90),
            projects: vec![ProjectCheck {
                asked: "g/P".into(),
                path: Some("g/p".into()),
                id: Some(1),
                error: None,
                issues: Some(count(1_200, false)),
                merge_requests: Some(count(20_000, true)),
                mirrored: false,
            }],
            first_sync: None,
            checked_at: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            written(&report, &View::plain("2026-06-15T12:00:00Z")),
            "\
GitLab 18.5.0, as alice
token: file /t
token: scopes read_api, ends 2026-06-20 (in 5 days)
warning: the token for `h` ends in 5 days (2026-06-20)
warning: this machine's clock is 90 seconds ahead of GitLab's
  g/p  readable, 1,200 issues, at most 20,000 merge requests
Wrote /c/config.toml
"
        );
    }
}
