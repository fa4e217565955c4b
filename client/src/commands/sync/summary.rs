//! How a sync ended, for a person.

use lore_proto::Timestamp;
use lore_proto::sync::{ProjectPlan, Requested, RunMode, RunResult, SyncOutcome, SyncPlan};

use crate::commands::wording::{changed, paint_run_word, run_word};
use crate::output::{Page, View, sanitise, text, time};

/// At most so many failed items of a run are named.
const MAX_ITEMS: usize = 10;

/// One paragraph a project.
pub(in crate::commands) fn outcome(outcome: &SyncOutcome, view: &View) -> String {
    outcome
        .runs
        .iter()
        .map(|run| paragraph(run, view))
        .collect()
}

/// What a dry run found.
pub(super) fn plan(plan: &SyncPlan, view: &View) -> String {
    if plan.projects.is_empty() {
        return "Nothing would be done: no project is configured.\n".to_owned();
    }
    let project = |project| match plan.mode {
        RunMode::Standard => planned(project, view),
        RunMode::Surgical => targeted(project, &plan.requested, view),
    };
    plan.projects.iter().map(project).collect()
}

/// What a surgical sync would ask for.
fn targeted(plan: &ProjectPlan, requested: &Requested, view: &View) -> String {
    let mut page = Page::default();
    page.line(view.paint.bold(sanitise::line(&plan.project)));
    for (sigil, iids) in [('#', &requested.issues), ('!', &requested.merge_requests)] {
        for iid in iids {
            page.line(format_args!("  {sigil}{iid} and what hangs on it"));
        }
    }
    page.into_text()
}

pub(super) fn paragraph(run: &RunResult, view: &View) -> String {
    let paint = view.paint;
    let counters = &run.counters;
    let mut page = Page::default();
    page.line(format_args!(
        "{}  {}  {}",
        paint_run_word(paint, &text::pad(run_word(run), 9)),
        paint.bold(sanitise::line(&run.project)),
        paint.dim(format!(
            "{} written · {} · {}",
            changed(counters),
            text::count(counters.requests, "request"),
            time::took(run.elapsed_ms)
        ))
    ));
    if let Some(code) = run.error_code {
        let message = run.error_message.as_deref().unwrap_or("no message");
        page.line(format_args!(
            "  {} {}",
            paint.bad(code),
            sanitise::line(message)
        ));
    }
    for warning in &run.warnings {
        page.line(format_args!(
            "  {} {}",
            paint.warn("warning:"),
            sanitise::line(warning)
        ));
    }
    for failure in run.entity_failures.iter().take(MAX_ITEMS) {
        page.line(format_args!(
            "  {}{} {}: {} {}",
            failure.entity_type.sigil(),
            failure.iid,
            sanitise::line(&failure.stage),
            paint.bad(failure.code),
            sanitise::line(&failure.message)
        ));
    }
    let left_out = run.entity_failures.len().saturating_sub(MAX_ITEMS);
    if left_out > 0 {
        page.line(format_args!(
            "  and {left_out} more: lore sync-runs --run-id {}",
            sanitise::line(&run.run_id)
        ));
    }
    let retry = run.suggested_retry_command.iter();
    let mut seen: Vec<&String> = Vec::new();
    for action in retry.chain(&run.recovery_actions) {
        if !seen.contains(&action) {
            seen.push(action);
            page.line(format_args!(
                "  {} {}",
                paint.name("next:"),
                sanitise::line(action)
            ));
        }
    }
    page.into_text()
}

fn planned(plan: &ProjectPlan, view: &View) -> String {
    let since = |at: Option<Timestamp>| match at {
        Some(at) => format!("changed since {}", time::absolute(at)),
        None => "all".to_owned(),
    };
    let mut page = Page::default();
    page.line(format_args!(
        "{}\n  issues: {}\n  merge requests: {}",
        view.paint.bold(sanitise::line(&plan.project)),
        since(plan.issues_updated_after),
        since(plan.merge_requests_updated_after)
    ));
    if plan.queued_dependents > 0 {
        page.line(format_args!(
            "  {} owed from earlier runs",
            text::count(plan.queued_dependents, "item")
        ));
    }
    if plan.due_rechecks > 0 {
        page.line(format_args!(
            "  {} due to be looked at again",
            text::count(plan.due_rechecks, "item")
        ));
    }
    if plan.reconcile {
        page.line("  every item is looked up, to find what is gone");
    }
    page.into_text()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::ErrorCode;
    use lore_proto::sync::{
        CompletionStatus, Counters, EntityFailure, EntityType, Phase, RunStatus, StageTimings,
    };

    const NOW: &str = "2026-06-15T12:00:00Z";

    pub(in super::super) fn run(project: &str) -> RunResult {
        RunResult {
            run_id: "r1".into(),
            mode: RunMode::Standard,
            host: "gitlab.example.com".into(),
            project: project.into(),
            status: RunStatus::Succeeded,
            phase: Phase::Done,
            completion_status: Some(CompletionStatus::Succeeded),
            requested: Requested::default(),
            retry_of: None,
            started_at: NOW.parse().unwrap(),
            finished_at: None,
            cancelled_at: None,
            elapsed_ms: 4_200,
            stage_timings_ms: StageTimings::default(),
            counters: Counters {
                issues_ingested: 12,
                mrs_ingested: 5,
                requests: 23,
                ..Counters::default()
            },
            entity_outcomes: Vec::new(),
            entity_failures: Vec::new(),
            warnings: Vec::new(),
            error_code: None,
            error_message: None,
            recovery_actions: Vec::new(),
            suggested_retry_command: None,
        }
    }

    #[test]
    fn each_project_says_what_it_got_and_what_to_do_about_the_rest() {
        let mut warned = run("group/b");
        warned.completion_status = Some(CompletionStatus::SucceededWithWarnings);
        warned.entity_failures = (1..=12)
            .map(|iid| EntityFailure {
                entity_type: EntityType::MergeRequest,
                iid,
                stage: "diffs".into(),
                code: ErrorCode::Timeout,
                message: "no answer".into(),
            })
            .collect();
        warned.suggested_retry_command = Some("lore sync -p group/b".into());
        warned.recovery_actions = vec!["lore sync -p group/b".into()];
        let page = outcome(
            &SyncOutcome {
                completion_status: CompletionStatus::SucceededWithWarnings,
                runs: vec![run("group/a"), warned],
            },
            &View::plain(NOW),
        );
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(
            lines[0],
            "succeeded  group/a  12 issues, 5 merge requests written · 23 requests · 4.2 s"
        );
        assert!(lines[1].starts_with("warnings   group/b  "));
        assert_eq!(lines[2], "  !1 diffs: TIMEOUT no answer");
        assert_eq!(lines[12], "  and 2 more: lore sync-runs --run-id r1");
        assert_eq!(lines[13], "  next: lore sync -p group/b");
        assert_eq!(lines.len(), 14);
    }

    #[test]
    fn a_plan_says_what_would_be_listed() {
        let page = plan(
            &SyncPlan {
                mode: RunMode::Standard,
                projects: vec![ProjectPlan {
                    project: "group/a".into(),
                    issues_updated_after: Some("2026-06-15T11:00:00Z".parse().unwrap()),
                    merge_requests_updated_after: None,
                    queued_dependents: 3,
                    due_rechecks: 0,
                    reconcile: true,
                }],
                requested: Requested::default(),
            },
            &View::plain(NOW),
        );
        assert_eq!(
            page,
            "\
group/a
  issues: changed since 2026-06-15 11:00:00 UTC
  merge requests: all
  3 items owed from earlier runs
  every item is looked up, to find what is gone
"
        );
    }
}
