//! The state of a sync as a few lines: one a project, with its counts.

use std::collections::BTreeMap;

use lore_proto::events::{Event, EventBody};
use lore_proto::sync::Phase;

use crate::output::{Page, View, sanitise, text, time};

/// Columns of a bar.
const BAR: usize = 16;

/// At most so many projects are shown.
const MAX_PROJECTS: usize = 8;

/// What is known of a job from its events.
#[derive(Debug, Default)]
pub(super) struct Board {
    projects: BTreeMap<String, Project>,
    queued: bool,
    waiting: Option<String>,
}

#[derive(Debug, Default)]
struct Project {
    phase: Option<Phase>,
    counts: BTreeMap<String, Count>,
}

#[derive(Debug)]
struct Count {
    done: u64,
    total: Option<u64>,
}

impl Project {
    fn has_ended(&self) -> bool {
        matches!(
            self.phase,
            Some(Phase::Done | Phase::Failed | Phase::Cancelled)
        )
    }
}

impl Board {
    /// Takes an event in.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.body {
            EventBody::Queued {} => self.queued = true,
            EventBody::Started {} => self.queued = false,
            EventBody::Phase { phase, project } => {
                self.queued = false;
                self.waiting = None;
                let project = self.projects.entry(project.clone()).or_default();
                project.phase = Some(*phase);
            }
            EventBody::Progress {
                project,
                what,
                done,
                total,
            } => {
                self.waiting = None;
                let project = self.projects.entry(project.clone()).or_default();
                let count = Count {
                    done: *done,
                    total: *total,
                };
                project.counts.insert(what.clone(), count);
            }
            EventBody::Waiting { reason, seconds } => {
                self.waiting = Some(waiting(reason, *seconds));
            }
            _ => {}
        }
    }

    /// The board in at most `rows` lines.
    pub(super) fn lines(&self, view: &View, rows: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if self.projects.is_empty() {
            let word = if self.queued { "queued" } else { "starting" };
            lines.push(view.paint.dim(format!("{word} …")));
        }
        let ended = self.projects.values().filter(|p| p.has_ended()).count();
        let open: Vec<_> = self
            .projects
            .iter()
            .filter(|(_, p)| !p.has_ended())
            .collect();
        let room = MAX_PROJECTS.min(rows.saturating_sub(2).max(1));
        for (name, project) in open.iter().take(room) {
            lines.push(project_line(name, project, view));
        }
        let hidden = open.len().saturating_sub(room);
        if hidden > 0 {
            lines.push(
                view.paint
                    .dim(format!("… and {hidden} more projects under way")),
            );
        }
        if ended > 0 {
            let all = self.projects.len();
            lines.push(view.paint.dim(format!("{ended} of {all} projects ended")));
        }
        if let Some(waiting) = &self.waiting {
            lines.push(view.paint.warn(waiting));
        }
        lines
    }
}

fn project_line(name: &str, project: &Project, view: &View) -> String {
    let phase = project.phase.map_or("", Phase::as_str);
    let mut line = Page::default();
    line.add(format_args!(
        "{}  {}",
        sanitise::line(name),
        text::pad(phase, 10)
    ));
    for (what, count) in &project.counts {
        let what = what.replace('_', " ");
        let what = sanitise::line(&what);
        let done = text::thousands(count.done);
        match count.total {
            Some(total) if count.done < total => line.add(format_args!(
                "  {what} {} {done}/{}",
                text::bar(count.done, total, BAR).replace(' ', "░"),
                text::thousands(total)
            )),
            Some(_) => line.add(format_args!("  {what} {done} ✓")),
            None => line.add(format_args!("  {what} {done}")),
        }
    }
    // A line that wraps could not be taken back.
    text::cut(
        line.into_text().trim_end(),
        view.width
            .map_or(usize::MAX, |width| width.saturating_sub(1)),
    )
}

/// That the job waits for something outside.
pub(super) fn waiting(reason: &str, seconds: u64) -> String {
    format!(
        "waiting for {} of {}",
        time::span(seconds),
        sanitise::line(&reason.replace('_', " "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(bodies: Vec<EventBody>) -> Board {
        let mut board = Board::default();
        for body in bodies {
            board.apply(&Event {
                seq: 1,
                at: "2026-06-15T12:00:00Z".parse().unwrap(),
                job_id: 1,
                run_id: None,
                body,
            });
        }
        board
    }

    fn phase(project: &str, phase: Phase) -> EventBody {
        EventBody::Phase {
            phase,
            project: project.into(),
        }
    }

    fn progress(what: &str, done: u64, total: Option<u64>) -> EventBody {
        EventBody::Progress {
            project: "g/a".into(),
            what: what.into(),
            done,
            total,
        }
    }

    fn view(width: usize) -> View {
        View {
            width: Some(width),
            ..View::plain("2026-06-15T12:00:00Z")
        }
    }

    #[test]
    fn a_project_is_one_line_with_its_phase_and_counts() {
        let board = board(vec![
            phase("g/a", Phase::Ingest),
            progress("issues", 50, Some(100)),
            progress("issues", 75, Some(100)),
            progress("merge_requests", 1_200, None),
        ]);
        assert_eq!(
            board.lines(&view(100), 20),
            ["g/a  ingest      issues ████████████░░░░ 75/100  merge requests 1,200"]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let board = board(vec![
            phase(&"long/".repeat(30), Phase::Fetch),
            progress("issues", 5, Some(9)),
        ]);
        for line in board.lines(&view(40), 20) {
            assert!(text::columns(&line) < 40, "{line}");
        }
    }

    #[test]
    fn many_projects_are_counted_instead_of_listed() {
        let mut bodies: Vec<EventBody> = (0..20)
            .map(|n| phase(&format!("g/{n:02}"), Phase::Fetch))
            .collect();
        bodies.push(phase("g/00", Phase::Done));
        let lines = board(bodies).lines(&view(80), 6);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[4], "… and 15 more projects under way");
        assert_eq!(lines[5], "1 of 20 projects ended");
    }

    #[test]
    fn a_wait_is_shown_until_something_moves() {
        let waiting = EventBody::Waiting {
            reason: "rate_limit".into(),
            seconds: 42,
        };
        let mut board = board(vec![phase("g/a", Phase::Fetch), waiting]);
        assert_eq!(
            board.lines(&view(80), 20)[1],
            "waiting for 42 seconds of rate limit"
        );
        board.apply(&Event {
            seq: 3,
            at: "2026-06-15T12:00:00Z".parse().unwrap(),
            job_id: 1,
            run_id: None,
            body: progress("issues", 1, None),
        });
        assert_eq!(board.lines(&view(80), 20).len(), 1);
    }
}
