//! The ledger for a person.

use lore_proto::sync::{Counters, Phase, RunResult, StageTimings};
use lore_proto::sync_runs::RunList;

use crate::commands::wording::{changed, elapsed_ms, more_line, paint_run_word, run_word};
use crate::output::flow::{Flow, Look};
use crate::output::table::{Cell, Table};
use crate::output::{Page, View, sanitise, text, time};

/// The widest bar of a phase's time.
const BAR: usize = 24;

/// Letters of a run's id in a list; a beginning is enough to name it.
const LEAST_ID: usize = 10;

/// How many failed items are listed one by one.
const MAX_ITEMS: usize = 50;

/// A page of the ledger.
pub(super) fn list(list: &RunList, view: &View) -> String {
    if list.runs.is_empty() {
        return "No sync run fits. `lore sync` starts one.\n".to_owned();
    }
    let mut table = Table::new(
        &[
            "STATE", "PROJECT", "MODE", "STARTED", "TOOK", "CHANGED", "RUN",
        ],
        // What changed is told by the run itself, and the project gives way next.
        &[(5, 20), (1, 8), (5, 8)],
    );
    let letters = telling(list.runs.iter().map(|run| run.run_id.as_str()));
    // Most people have one host, which need not be told on every line.
    let several = list
        .runs
        .windows(2)
        .any(|pair| pair[0].host != pair[1].host);
    for run in &list.runs {
        table.row(vec![
            Cell::new(run_word(run)).painted(paint_run_word),
            Cell::new(sanitise::line(&if several {
                format!("{} on {}", run.project, run.host)
            } else {
                run.project.clone()
            })),
            Cell::new(run.mode.as_str()),
            Cell::new(time::ago(run.started_at, view.now)),
            Cell::new(time::took(elapsed_ms(run, view.now))),
            Cell::new(changed(&run.counters)),
            Cell::new(sanitise::line(
                run.run_id.get(..letters).unwrap_or(&run.run_id),
            )),
        ]);
    }
    let mut page = Page::default();
    page.add(table.render(view));
    if let Some(line) = more_line(list.remaining, list.total, list.next_cursor.as_deref()) {
        page.blank();
        page.line(format_args!("{}", view.paint.dim(line)));
    }
    page.into_text()
}

/// How much of the beginning of each id tells it from the others: an id begins
/// with its time, which runs of one sync may share.
fn telling<'a>(ids: impl Iterator<Item = &'a str>) -> usize {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    let shared = |pair: &[&str]| {
        let both = pair[0].bytes().zip(pair[1].bytes());
        both.take_while(|(a, b)| a == b).count()
    };
    let longest = ids.windows(2).map(shared).max().unwrap_or(0);
    (longest + 1).max(LEAST_ID)
}

/// One run with its items.
pub(in crate::commands) fn run(run: &RunResult, view: &View) -> String {
    let paint = view.paint;
    let mut page = Page::default();
    page.line(format_args!(
        "{} {}  {}\n{}",
        paint.bold(sanitise::line(&run.project)),
        paint_run_word(paint, run_word(run)),
        paint.dim(format!("{} run {}", run.mode, sanitise::line(&run.run_id))),
        span(run, view),
    ));
    if let Some(earlier) = &run.retry_of {
        page.line(format_args!("repeats {}", sanitise::line(earlier)));
    }
    if let Some(code) = run.error_code {
        let message = run.error_message.as_deref().unwrap_or("no message");
        push_wrapped(&mut page, &paint.bad(code), code.as_str(), message, view);
    }
    push_timings(&mut page, &run.stage_timings_ms, run.phase, view);
    push_counters(&mut page, &run.counters);
    push_items(&mut page, run, view);
    for warning in &run.warnings {
        push_wrapped(
            &mut page,
            &paint.warn("warning:"),
            "warning:",
            warning,
            view,
        );
    }
    let retry = run.suggested_retry_command.iter();
    // What to look at is on the screen already.
    let this = format!("lore sync-runs --run-id {}", run.run_id);
    let actions = retry
        .chain(run.recovery_actions.iter())
        .filter(|action| **action != this);
    let mut seen: Vec<&String> = Vec::new();
    for action in actions {
        if !seen.contains(&action) {
            seen.push(action);
            page.line(format_args!(
                "{} {}",
                paint.name("next:"),
                sanitise::line(action)
            ));
        }
    }
    page.into_text()
}

/// Words from elsewhere behind a `mark`, which is `plain` without its colour, in
/// as many lines as they take; in a pipe, one for each of theirs.
fn push_wrapped(page: &mut Page, mark: &str, plain: &str, words: &str, view: &View) {
    let used = text::columns(plain) + 1;
    let mut lines = words.lines().flat_map(|line| {
        let mut flow = Flow::default();
        flow.push(line, &Look::default());
        flow.lines(view.left(used), view)
    });
    page.line(format_args!("{mark} {}", lines.next().unwrap_or_default()));
    for line in lines {
        page.line(format_args!("{}{line}", " ".repeat(used)));
    }
}

fn span(run: &RunResult, view: &View) -> String {
    let started = format!(
        "started {} ({})",
        time::absolute(run.started_at),
        time::ago(run.started_at, view.now)
    );
    match run.finished_at {
        Some(_) => format!("{started}, took {}", time::took(run.elapsed_ms)),
        None => format!(
            "{started}, {} so far, in {}",
            time::took(elapsed_ms(run, view.now)),
            run.phase
        ),
    }
}

fn push_timings(page: &mut Page, timings: &StageTimings, phase: Phase, view: &View) {
    let stages = [
        ("preflight", timings.preflight),
        ("fetch", timings.fetch),
        ("ingest", timings.ingest),
        ("dependents", timings.dependents),
        ("docs", timings.docs),
        ("embed", timings.embed),
    ];
    let longest = stages.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let entered = stages
        .iter()
        .filter(|(name, ms)| *ms > 0 || *name == phase.as_str());
    page.blank();
    for (name, milliseconds) in entered {
        page.line(format_args!(
            "  {}  {}  {}",
            text::pad(name, 10),
            view.paint.name(text::bar(*milliseconds, longest, BAR)),
            time::took(*milliseconds)
        ));
    }
}

fn push_counters(page: &mut Page, counters: &Counters) {
    let all = [
        ("issues fetched", counters.issues_fetched),
        ("issues written", counters.issues_ingested),
        ("merge requests fetched", counters.mrs_fetched),
        ("merge requests written", counters.mrs_ingested),
        ("threads fetched", counters.discussions_fetched),
        ("notes written", counters.notes_ingested),
        ("events fetched", counters.resource_events_fetched),
        ("diffs fetched", counters.mr_diffs_fetched),
        ("closing links fetched", counters.closes_issues_fetched),
        ("statuses added", counters.statuses_enriched),
        ("documents rebuilt", counters.docs_regenerated),
        ("documents embedded", counters.docs_embedded),
        ("skipped, newer already here", counters.skipped_stale),
        ("gone upstream", counters.deleted),
        ("warnings", counters.warnings),
        ("requests to GitLab", counters.requests),
    ];
    let counted: Vec<_> = all.iter().filter(|(_, number)| *number > 0).collect();
    if !counted.is_empty() {
        page.blank();
    }
    for (name, number) in counted {
        page.line(format_args!("  {:>9}  {name}", text::thousands(*number)));
    }
}

fn push_items(page: &mut Page, run: &RunResult, view: &View) {
    page.blank();
    for failure in run.entity_failures.iter().take(MAX_ITEMS) {
        let reference = format!("{}{}", failure.entity_type.sigil(), failure.iid);
        let stage = sanitise::line(&failure.stage);
        let plain = format!("  {reference} {stage}: {}", failure.code);
        let painted = format!(
            "  {} {stage}: {}",
            view.paint.name(&reference),
            view.paint.bad(failure.code)
        );
        push_wrapped(page, &painted, &plain, &failure.message, view);
    }
    let left_out = run.entity_failures.len().saturating_sub(MAX_ITEMS);
    if left_out > 0 {
        page.line(format_args!(
            "  and {left_out} more; `--robot` gives them all"
        ));
    }
    let done = run.entity_outcomes.iter().filter(|o| o.ingested).count();
    if !run.entity_outcomes.is_empty() {
        page.line(format_args!(
            "  {done} of {} written",
            text::count(
                u64::try_from(run.entity_outcomes.len()).unwrap_or(u64::MAX),
                "item"
            )
        ));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lore_proto::ErrorCode;
    use lore_proto::sync::{
        CompletionStatus, DependentFailure, EntityFailure, EntityOutcome, EntityType, Requested,
        RunMode, RunStatus,
    };

    const NOW: &str = "2026-06-15T12:00:00Z";

    pub(in super::super) fn failed_run() -> RunResult {
        RunResult {
            run_id: "01JX8M4TQZ".into(),
            mode: RunMode::Standard,
            host: "gitlab.example.com".into(),
            project: "group/project".into(),
            status: RunStatus::Failed,
            phase: Phase::Failed,
            completion_status: Some(CompletionStatus::Failed),
            requested: Requested::default(),
            retry_of: Some("01JX8M4TQY".into()),
            started_at: "2026-06-15T11:00:00Z".parse().unwrap(),
            finished_at: Some("2026-06-15T11:00:04Z".parse().unwrap()),
            cancelled_at: Some("2026-06-15T11:00:04Z".parse().unwrap()),
            elapsed_ms: 4_200,
            stage_timings_ms: StageTimings {
                preflight: 1_000,
                fetch: 3_000,
                ..StageTimings::default()
            },
            counters: Counters {
                issues_ingested: 1_234,
                mrs_ingested: 1,
                requests: 57,
                ..Counters::default()
            },
            entity_outcomes: vec![EntityOutcome {
                entity_type: EntityType::MergeRequest,
                iid: 7,
                fetched: true,
                ingested: true,
                stale_skipped: false,
                dependent_failures: vec![DependentFailure {
                    stage: "diffs".into(),
                    code: ErrorCode::Timeout,
                    message: "no answer".into(),
                }],
                title: None,
                changes: Vec::new(),
            }],
            entity_failures: vec![EntityFailure {
                entity_type: EntityType::MergeRequest,
                iid: 7,
                stage: "diffs".into(),
                code: ErrorCode::Timeout,
                message: "no answer in 30 s".into(),
            }],
            warnings: vec!["one thing".into()],
            error_code: Some(ErrorCode::GitlabUnavailable),
            error_message: Some("GitLab answered 502".into()),
            recovery_actions: vec!["lore sync".into(), "lore status".into()],
            suggested_retry_command: Some("lore sync".into()),
        }
    }

    #[test]
    fn the_list_is_a_table_that_ends_with_the_way_on() {
        let page = list(
            &RunList {
                runs: vec![failed_run()],
                total: 12,
                remaining: 11,
                next_cursor: Some("c1".into()),
            },
            &View::plain(NOW),
        );
        assert_eq!(
            page,
            "\
STATE   PROJECT        MODE      STARTED     TOOK   CHANGED                        RUN
failed  group/project  standard  1 hour ago  4.2 s  1,234 issues, 1 merge request  01JX8M4TQZ

11 more of 12: --limit 12, or --cursor c1
"
        );
    }

    #[test]
    fn a_run_shows_its_error_times_items_and_what_to_do_once() {
        assert_eq!(
            run(&failed_run(), &View::plain(NOW)),
            "\
group/project failed  standard run 01JX8M4TQZ
started 2026-06-15 11:00:00 UTC (1 hour ago), took 4.2 s
repeats 01JX8M4TQY
GITLAB_UNAVAILABLE GitLab answered 502

  preflight   ████████                  1.0 s
  fetch       ████████████████████████  3.0 s

      1,234  issues written
          1  merge requests written
         57  requests to GitLab

  !7 diffs: TIMEOUT no answer in 30 s
  1 of 1 item written
warning: one thing
next: lore sync
next: lore status
"
        );
    }

    #[test]
    fn the_list_fits_a_terminal_and_tells_runs_apart() {
        let run = |id: &str| RunResult {
            run_id: id.into(),
            counters: Counters {
                issues_ingested: 1_234,
                mrs_ingested: 567,
                notes_ingested: 8_901,
                ..Counters::default()
            },
            ..failed_run()
        };
        let found = RunList {
            runs: vec![
                run("01JX8M4TQZAB0123456789WXYZ"),
                run("01JX8M4TQZAC0123456789WXYZ"),
            ],
            total: 2,
            remaining: 0,
            next_cursor: None,
        };
        let view = View {
            width: Some(80),
            ..View::plain(NOW)
        };
        let page = list(&found, &view);
        assert!(
            page.contains("01JX8M4TQZAB\n") && page.contains("01JX8M4TQZAC\n"),
            "{page}"
        );
        for line in page.lines() {
            assert!(text::columns(line) <= 80, "{line}");
        }
    }

    #[test]
    fn runs_of_several_hosts_say_which() {
        let found = |hosts: [&str; 2]| RunList {
            runs: Vec::from(hosts.map(|host| RunResult {
                host: host.into(),
                ..failed_run()
            })),
            total: 2,
            remaining: 0,
            next_cursor: None,
        };
        let view = View::plain(NOW);
        let two = list(&found(["gitlab.com", "git.example.com"]), &view);
        assert!(two.contains("group/project on git.example.com"), "{two}");
        let one = list(&found(["gitlab.com", "gitlab.com"]), &view);
        assert!(!one.contains("gitlab.com"), "{one}");
    }

    #[test]
    fn a_run_does_not_lead_to_itself_and_no_message_is_wider_than_the_terminal() {
        let mut failed = failed_run();
        failed.error_message = Some("it broke, and it took long to say why ".repeat(6));
        failed.warnings = vec!["a warning with many words in it ".repeat(6)];
        failed.recovery_actions = vec![
            format!("lore sync-runs --run-id {}", failed.run_id),
            "lore status".into(),
        ];
        failed.suggested_retry_command = None;
        let view = View {
            width: Some(80),
            ..View::plain(NOW)
        };
        let page = run(&failed, &view);
        let next: Vec<&str> = page.lines().filter(|l| l.starts_with("next:")).collect();
        assert_eq!(next, ["next: lore status"]);
        for line in page.lines() {
            assert!(text::columns(line) <= 80, "{line}");
        }
    }

    #[test]
    fn an_empty_ledger_says_how_to_fill_it() {
        let empty = RunList {
            runs: Vec::new(),
            total: 0,
            remaining: 0,
            next_cursor: None,
        };
        assert!(list(&empty, &View::plain(NOW)).contains("`lore sync`"));
    }
}
