//! `lore doctor`: what may be wrong, each with its cure. What the client can
//! see for itself is looked at here, so that it says something when no daemon
//! can be started at all.

mod here;
mod report;

use clap::Args;
use lore_proto::doctor::{AskDoctor, CheckState, Diagnosis, Finding, VARIABLES};
use lore_proto::methods::DoctorRun;
use lore_proto::{ErrorCode, Timestamp, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::robot::Document;
use crate::output::{Page, View, sanitise, text};

/// Look for what may be wrong, each thing with its cure
///
/// Changes nothing. Whether all is well stands in the answer; the exit status
/// only says whether it could be looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore doctor
  lore doctor --offline
  lore doctor --report          for a bug report, without names")]
pub(crate) struct Doctor {
    /// Ask neither GitLab nor an embedding service
    #[arg(long)]
    offline: bool,
    /// Write a report for a bug report: hosts, projects and folders renamed
    #[arg(long)]
    report: bool,
    /// Show what is as it should be too
    #[arg(long)]
    all: bool,
}

/// `data` of the robot document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DoctorAnswer")]
#[serde(untagged)]
enum Answer {
    /// What was found.
    Found(Diagnosis),
    /// With `--report`.
    Report {
        /// The report, in Markdown.
        report: String,
    },
}

impl Run for Doctor {
    const FACTS: &'static [Facts] = &[Facts::read::<Answer>("doctor").asks_gitlab()];

    fn name(&self) -> &'static str {
        "doctor"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let variables = VARIABLES
            .iter()
            .filter(|name| std::env::var_os(name).is_some());
        let ask = AskDoctor {
            offline: self.offline,
            variables: variables.map(|name| (*name).to_owned()).collect(),
        };
        let diagnosis = match context.ask::<DoctorRun>(&ask) {
            Ok(diagnosis) => diagnosis,
            Err(Failure::Error(error)) => without_daemon(context, error)?,
            Err(closed) => return Err(closed),
        };
        if self.report {
            let report = report::markdown(&diagnosis, &context.places()?);
            if context.printer.robot {
                return document(&Answer::Report { report });
            }
            context.printer.out(&report)?;
            return Ok(Reply::Shown);
        }
        if context.printer.robot {
            return document(&Answer::Found(diagnosis));
        }
        let all = self.all || context.printer.verbose;
        let page = page(&diagnosis, all, &context.printer.view());
        context.printer.out(&page)?;
        Ok(Reply::Shown)
    }
}

fn document(data: &Answer) -> Result<Reply, Failure> {
    let data = serde_json::value::to_raw_value(data)
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Reply::Document(Document::new(data)))
}

/// What can be told where no daemon answers.
fn without_daemon(context: &mut Context, error: WireError) -> Result<Diagnosis, Failure> {
    let places = context.places()?;
    let mut findings = vec![Finding::failed("daemon", error)];
    findings.extend(here::look(&places));
    Ok(Diagnosis::new(findings, Timestamp::now()))
}

fn page(diagnosis: &Diagnosis, all: bool, view: &View) -> String {
    let mut page = Page::default();
    let shown = diagnosis
        .findings
        .iter()
        .filter(|it| all || it.state != CheckState::Ok);
    for finding in shown {
        show(&mut page, finding, view);
    }
    let count = |state| {
        diagnosis
            .findings
            .iter()
            .filter(|it| it.state == state)
            .count() as u64
    };
    let ok = count(CheckState::Ok);
    let (failed, warned) = (count(CheckState::Failed), count(CheckState::Warning));
    let verdict = match (failed, warned) {
        (0, 0) => view.paint.good("all is well"),
        (0, warned) => view.paint.warn(format!(
            "it works; {} to look at",
            text::count(warned, "thing")
        )),
        (failed, _) => view
            .paint
            .bad(format!("{} to be mended", text::count(failed, "thing"))),
    };
    page.line(format_args!(
        "{verdict} ({} as they should be)",
        text::count(ok, "check")
    ));
    page.into_text()
}

fn show(page: &mut Page, finding: &Finding, view: &View) {
    let paint = view.paint;
    let word = match finding.state {
        CheckState::Ok => paint.good("ok     "),
        CheckState::Skipped => paint.dim("skipped"),
        CheckState::Warning => paint.warn("warning"),
        CheckState::Failed => paint.bad("failed "),
    };
    let subject = finding.subject.as_deref().map(sanitise::line);
    // Most messages about a place or a project name it already.
    let subject = subject.filter(|it| !finding.message.contains(it.as_ref()));
    let subject = subject.map_or_else(String::new, |it| format!("{it}: "));
    page.line(format_args!(
        "{word}  {}  {subject}{}",
        text::pad(&sanitise::line(&finding.check), 9),
        sanitise::lines(&finding.message)
    ));
    for action in &finding.actions {
        page.line(format_args!(
            "         {} {}",
            paint.name("hint:"),
            sanitise::line(action)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_shown_with_its_cure_and_the_rest_on_request() {
        let findings = vec![
            Finding::ok("config", "fine"),
            Finding::failed(
                "token",
                WireError::new(ErrorCode::TokenMissing, "no token").action("lore auth login"),
            )
            .of("h"),
        ];
        let diagnosis = Diagnosis::new(findings, "2026-11-21T12:00:00Z".parse().unwrap());
        assert!(!diagnosis.healthy);
        let view = View::plain("2026-11-21T12:00:00Z");
        assert_eq!(
            page(&diagnosis, false, &view),
            "failed   token      h: no token\n         hint: lore auth login\n\
             1 thing to be mended (1 check as they should be)\n"
        );
        assert!(page(&diagnosis, true, &view).starts_with("ok       config"));
    }
}
