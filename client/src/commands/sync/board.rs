//! The state of a sync as a few lines: one a project, with its counts.

use std::collections::BTreeMap;

use lore_proto::events::{Event, EventBody};
use lore_proto::sync::Phase;

use crate::output::{Page, View, sanitise, text, time};

/// Columns of a bar.
const BAR: usize = 16;

/// At most so many projects are shown.
const MAX_PROJECTS: usize = 8;

/// What is known of a job from its events, in whatever order they come: who
/// follows all jobs asks for the earlier ones afterwards.
#[derive(Debug, Default)]
pub(in crate::commands) struct Board {
    projects: BTreeMap<String, Project>,
    /// The latest event that said that the job moves.
    moved: u64,
    queued: bool,
    /// A wait, and the event that told it.
    waiting: Option<(u64, String)>,
}

#[derive(Debug, Default)]
struct Project {
    phase: Option<(u64, Phase)>,
    counts: BTreeMap<String, Count>,
}

#[derive(Debug, Default)]
struct Count {
    seq: u64,
    done: u64,
    total: Option<u64>,
}

impl Project {
    fn phase(&self) -> Option<Phase> {
        self.phase.map(|(_, phase)| phase)
    }

    fn has_ended(&self) -> bool {
        matches!(
            self.phase(),
            Some(Phase::Done | Phase::Failed | Phase::Cancelled)
        )
    }
}

impl Board {
    /// Takes an event in.
    pub(in crate::commands) fn apply(&mut self, event: &Event) {
        let seq = event.seq;
        match &event.body {
            EventBody::Queued {} => self.queued = self.moved < seq,
            EventBody::Started {} => self.moves(seq),
            EventBody::Phase { phase, project } => {
                self.moves(seq);
                let project = self.projects.entry(project.clone()).or_default();
                if project.phase.is_none_or(|(known, _)| known <= seq) {
                    project.phase = Some((seq, *phase));
                }
            }
            EventBody::Progress {
                project,
                what,
                done,
                total,
            } => {
                self.moves(seq);
                let project = self.projects.entry(project.clone()).or_default();
                let count = project.counts.entry(what.clone()).or_default();
                if count.seq <= seq {
                    *count = Count {
                        seq,
                        done: *done,
                        total: *total,
                    };
                }
            }
            EventBody::Waiting { reason, seconds } if self.moved < seq => {
                self.waiting = Some((seq, waiting(reason, *seconds)));
            }
            _ => {}
        }
    }

    fn moves(&mut self, seq: u64) {
        self.moved = self.moved.max(seq);
        self.queued = false;
        self.waiting = self.waiting.take().filter(|(told, _)| *told > seq);
    }

    /// The board in at most `rows` lines.
    pub(in crate::commands) fn lines(&self, view: &View, rows: usize) -> Vec<String> {
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
        if let Some((_, waiting)) = &self.waiting {
            lines.push(view.paint.warn(waiting));
        }
        lines
    }
}

fn project_line(name: &str, project: &Project, view: &View) -> String {
    let phase = project.phase().map_or("", Phase::as_str);
    let mut line = Page::default();
    // The end of a path tells projects apart, and the counts need their room.
    let room = view.width.map_or(usize::MAX, |width| width / 3);
    line.add(format_args!(
        "{}  {}",
        view.fit_end(name, room.max(16)),
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
        for (seq, body) in (1..).zip(bodies) {
            board.apply(&event(seq, body));
        }
        board
    }

    fn event(seq: u64, body: EventBody) -> Event {
        Event {
            seq,
            at: "2026-06-15T12:00:00Z".parse().unwrap(),
            job_id: 1,
            run_id: None,
            body,
        }
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
        board.apply(&event(3, progress("issues", 1, None)));
        assert_eq!(board.lines(&view(80), 20).len(), 1);
    }

    #[test]
    fn events_that_come_late_or_twice_take_nothing_back() {
        let events = [
            event(1, EventBody::Queued {}),
            event(2, EventBody::Started {}),
            event(3, phase("g/a", Phase::Fetch)),
            event(4, progress("issues", 50, Some(100))),
            event(
                5,
                EventBody::Waiting {
                    reason: "rate_limit".into(),
                    seconds: 42,
                },
            ),
            event(6, phase("g/a", Phase::Ingest)),
            event(7, progress("issues", 75, Some(100))),
        ];
        let lines = |order: &[usize]| {
            let mut board = Board::default();
            for at in order {
                board.apply(&events[*at]);
            }
            board.lines(&view(100), 20)
        };
        let expected = ["g/a  ingest      issues ████████████░░░░ 75/100"];
        assert_eq!(lines(&[0, 1, 2, 3, 4, 5, 6]), expected);
        assert_eq!(lines(&[6, 0, 1, 2, 3, 4, 5, 6]), expected);
        assert_eq!(lines(&[5, 6, 0, 1, 2, 3, 4]), expected);
    }
}
