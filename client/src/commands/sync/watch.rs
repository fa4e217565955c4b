//! What is shown of a job while it goes on: JSON lines, a board that is drawn
//! again and again, plain lines, or nothing.

use std::time::{Duration, Instant};

use lore_proto::events::{Event, EventBody};
use lore_proto::sync::EntityStatus;
use serde_json::value::RawValue;

use super::board::{Board, waiting};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{Printer, View, robot, sanitise};

/// The board is drawn at most so often.
const REDRAW: Duration = Duration::from_millis(100);

/// Who follows a job.
pub(in crate::commands) trait Watching {
    /// Takes an event; `event` is absent where this client does not know its
    /// kind, and for the last one.
    fn event(&mut self, raw: &RawValue, event: Option<&Event>) -> Result<(), Failure>;

    /// Called between events, several times a second. An error is how to leave
    /// the job to itself.
    fn tick(&mut self) -> Result<(), Failure>;

    /// Says something for a person.
    fn say(&mut self, sentence: &str) {
        let _ = sentence;
    }

    /// True once for each wish to cancel the job.
    fn interrupted(&mut self) -> bool;
}

/// Shows a job to who typed the command.
pub(super) struct Watcher {
    printer: Printer,
    interrupt: Interrupt,
    events: bool,
    show: Show,
}

enum Show {
    Nothing,
    Lines,
    Board {
        board: Board,
        /// Lines of the board that stand on the screen.
        drawn: usize,
        last: Option<Instant>,
        stale: bool,
    },
}

impl Watcher {
    /// A watcher as the flags and stderr want it.
    pub(super) fn new(printer: Printer, interrupt: Interrupt, events: bool) -> Self {
        let show = if printer.robot || printer.quiet {
            Show::Nothing
        } else if printer.err.moves {
            Show::Board {
                board: Board::default(),
                drawn: 0,
                last: None,
                stale: true,
            }
        } else {
            Show::Lines
        };
        Self {
            printer,
            interrupt,
            events,
            show,
        }
    }

    fn take(&mut self, raw: &RawValue, event: Option<&Event>) -> Result<(), Failure> {
        if self.events {
            self.printer.out(&robot::event(raw))?;
        }
        let Some(event) = event else {
            return Ok(());
        };
        let lasting = match self.show {
            Show::Nothing => None,
            Show::Lines => plain_line(event, self.printer.verbose, &self.printer.stderr_view()),
            Show::Board { .. } => remark(event, self.printer.verbose, &self.printer.stderr_view()),
        };
        if let Some(line) = lasting {
            self.clear();
            self.printer.err(&format!("{line}\n"));
        }
        if let Show::Board { board, stale, .. } = &mut self.show {
            board.apply(event);
            *stale = true;
        }
        self.draw();
        Ok(())
    }

    /// Draws the board again where it is time to.
    fn draw(&mut self) {
        let view = self.printer.stderr_view();
        let rows = self.printer.err.size.map_or(24, |(_, rows)| rows);
        if let Show::Board {
            board,
            drawn,
            last,
            stale,
        } = &mut self.show
        {
            if !*stale || last.is_some_and(|last| last.elapsed() < REDRAW) {
                return;
            }
            let lines = board.lines(&view, rows.saturating_sub(2));
            let mut text = erase(*drawn);
            for line in &lines {
                text.push_str(line);
                text.push('\n');
            }
            self.printer.err(&text);
            *drawn = lines.len();
            *last = Some(Instant::now());
            *stale = false;
        }
    }

    /// Takes the board off the screen, so that something else can be written.
    pub(super) fn clear(&mut self) {
        if let Show::Board {
            drawn, last, stale, ..
        } = &mut self.show
        {
            self.printer.err(&erase(*drawn));
            *drawn = 0;
            *last = None;
            *stale = true;
        }
    }
}

impl Watching for Watcher {
    fn event(&mut self, raw: &RawValue, event: Option<&Event>) -> Result<(), Failure> {
        self.take(raw, event)
    }

    fn tick(&mut self) -> Result<(), Failure> {
        self.draw();
        Ok(())
    }

    fn say(&mut self, sentence: &str) {
        self.clear();
        self.printer.note(sentence);
    }

    fn interrupted(&mut self) -> bool {
        self.interrupt.pressed()
    }
}

/// Moves up over so many lines and clears to the end of the screen.
fn erase(lines: usize) -> String {
    match lines {
        0 => String::new(),
        lines => format!("\u{1b}[{lines}A\u{1b}[J"),
    }
}

/// An event for somebody who reads lines: phases, and what is worth a remark.
fn plain_line(event: &Event, verbose: bool, view: &View) -> Option<String> {
    match &event.body {
        EventBody::Queued {} => Some("queued".to_owned()),
        EventBody::Phase { phase, project } => {
            Some(format!("{}: {phase}", sanitise::line(project)))
        }
        EventBody::Waiting { reason, seconds } => Some(waiting(reason, *seconds)),
        _ => remark(event, verbose, view),
    }
}

/// What is worth a line of its own beside a board.
fn remark(event: &Event, verbose: bool, view: &View) -> Option<String> {
    match &event.body {
        EventBody::Warning { code, message } => Some(format!(
            "{} {code}: {}",
            view.paint.warn("warning:"),
            sanitise::line(message)
        )),
        EventBody::Lagged { lost, .. } => Some(format!(
            "{} {lost} events were left out, this terminal was too slow",
            view.paint.warn("warning:")
        )),
        EventBody::Entity {
            entity_type,
            iid,
            stage,
            status,
            code,
            message,
        } if verbose && *status != EntityStatus::Ok => Some(format!(
            "{}{iid} {}: {status}{}{}",
            entity_type.sigil(),
            sanitise::line(stage),
            code.map(|code| format!(" {code}")).unwrap_or_default(),
            message
                .as_deref()
                .map(|message| format!(" {}", sanitise::line(message)))
                .unwrap_or_default()
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::ErrorCode;
    use lore_proto::sync::{EntityType, Phase};

    fn event(body: EventBody) -> Event {
        Event {
            seq: 1,
            at: "2026-06-15T12:00:00Z".parse().unwrap(),
            job_id: 1,
            run_id: None,
            body,
        }
    }

    #[test]
    fn a_pipe_gets_a_line_for_each_phase_and_none_for_progress() {
        let view = View::plain("2026-06-15T12:00:00Z");
        let line = |body, verbose| plain_line(&event(body), verbose, &view);
        let phase = EventBody::Phase {
            phase: Phase::Ingest,
            project: "g/p".into(),
        };
        assert_eq!(line(phase, false).unwrap(), "g/p: ingest");
        let progress = EventBody::Progress {
            project: "g/p".into(),
            what: "issues".into(),
            done: 1,
            total: None,
        };
        assert_eq!(line(progress, true), None);
        let waiting = EventBody::Waiting {
            reason: "rate_limit".into(),
            seconds: 90,
        };
        assert_eq!(
            line(waiting, false).unwrap(),
            "waiting for 1 minute of rate limit"
        );
        let warning = EventBody::Warning {
            code: ErrorCode::Timeout,
            message: "slow\u{1b}[2J".into(),
        };
        assert_eq!(line(warning, false).unwrap(), "warning: TIMEOUT: slow");
    }

    #[test]
    fn single_items_are_told_only_to_those_who_want_more() {
        let view = View::plain("2026-06-15T12:00:00Z");
        let entity = event(EventBody::Entity {
            entity_type: EntityType::MergeRequest,
            iid: 7,
            stage: "diffs".into(),
            status: EntityStatus::Failed,
            code: Some(ErrorCode::GitlabBadPayload),
            message: Some("odd".into()),
        });
        assert_eq!(plain_line(&entity, false, &view), None);
        assert_eq!(
            plain_line(&entity, true, &view).unwrap(),
            "!7 diffs: failed GITLAB_BAD_PAYLOAD odd"
        );
    }
}
