//! What is known, what is chosen, what is open; and how messages and keys
//! change that.

use std::cell::Cell;
use std::collections::BTreeMap;

use lore_proto::WireError;
use lore_proto::daemon::DaemonStatus;
use lore_proto::events::{Event, EventBody};
use lore_proto::sync::{RunResult, RunStatus};

use super::feed::{Answer, Ask, News};
use super::keys::Action;
use crate::commands::sync::Board;

/// Rows that a page key moves over.
const PAGE: usize = 10;

/// How it stands with the daemon.
#[derive(Debug, Default)]
pub(super) enum Link {
    /// Not yet subscribed.
    #[default]
    Connecting,
    /// Its events arrive.
    Connected,
    /// It does not answer; why.
    Gone(WireError),
}

/// The lists that something can be chosen in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    #[default]
    Projects,
    Jobs,
    Runs,
}

/// What lies over the lists.
#[derive(Debug, Default)]
pub(super) enum Over {
    #[default]
    Nothing,
    /// The keys.
    Help,
    /// One run, from this line on.
    Run {
        id: String,
        /// Absent until it is answered.
        run: Option<Box<Result<RunResult, WireError>>>,
        /// Drawing sets it back where there are fewer lines.
        from: Cell<usize>,
    },
    /// The question whether this job is to be cancelled.
    Cancel(u64),
}

/// What was done last, for the last line.
#[derive(Debug)]
pub(super) enum Note {
    Done(String),
    Failed(WireError),
}

/// What the state wants of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Ask the daemon.
    Ask(Ask),
    /// Give the terminal to the shell for a while.
    Stop,
    /// End.
    Leave,
}

/// A row that is chosen. It stays with what it names while rows come and go,
/// and is the one in its place where that is gone.
#[derive(Debug, Default)]
pub(super) struct Choice {
    name: Option<String>,
    at: usize,
}

impl Choice {
    /// Where it stands now.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn settle(&mut self, names: &[String]) {
        let found = self.name.as_ref().and_then(|name| {
            let same = |other: &String| other == name;
            names.iter().position(same)
        });
        // The first row is kept where nobody has moved away from it.
        self.set(found.unwrap_or(self.at), names);
    }

    fn set(&mut self, at: usize, names: &[String]) {
        self.at = at.min(names.len().saturating_sub(1));
        self.name = (self.at > 0).then(|| names.get(self.at).cloned()).flatten();
    }
}

/// Everything that is shown.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) link: Link,
    pub(super) status: Option<DaemonStatus>,
    pub(super) runs: Vec<RunResult>,
    /// Why the runs are not known.
    pub(super) no_runs: Option<WireError>,
    /// How far jobs are, by their numbers.
    pub(super) boards: BTreeMap<u64, Board>,
    pub(super) panel: Panel,
    pub(super) project: Choice,
    pub(super) job: Choice,
    pub(super) run: Choice,
    pub(super) over: Over,
    pub(super) note: Option<Note>,
    /// Something has happened since the overview was asked for.
    stale: bool,
    /// The overview was asked for and is not there yet.
    awaited: bool,
}

impl State {
    /// Whether status and runs are to be asked for.
    pub(super) fn wants_overview(&self) -> bool {
        self.stale && !self.awaited && matches!(self.link, Link::Connected)
    }

    /// They have been asked for.
    pub(super) fn asked_for_overview(&mut self) {
        self.stale = false;
        self.awaited = true;
    }

    /// Nothing has happened for a while.
    pub(super) fn tick(&mut self) {
        self.stale = true;
    }

    /// Takes in what the daemon tells by itself.
    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Connected => {
                self.link = Link::Connected;
                // Another daemon counts its jobs anew.
                self.boards.clear();
                self.stale = true;
            }
            News::Gone(why) => self.link = Link::Gone(why),
            News::Event(event) => {
                self.stale = true;
                self.happened(&event);
            }
        }
    }

    fn happened(&mut self, event: &Event) {
        if matches!(event.body, EventBody::Finished { .. }) {
            self.boards.remove(&event.job_id);
        } else {
            self.boards.entry(event.job_id).or_default().apply(event);
        }
    }

    /// Takes in what was asked for.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Wish> {
        match answer {
            Answer::Overview(status, runs) => {
                self.awaited = false;
                // A daemon that went away in between is told of as news.
                if let Ok(status) = *status {
                    self.status = Some(status);
                }
                match runs {
                    Ok(list) => {
                        self.runs = list.runs;
                        self.no_runs = None;
                    }
                    Err(why) => self.no_runs = Some(why),
                }
                self.settle();
                return self.look_again();
            }
            Answer::Run(asked, answered) => {
                if let Over::Run { id, run, .. } = &mut self.over
                    && *id == asked
                {
                    *run = Some(answered);
                }
            }
            Answer::Sync(Ok(started)) => {
                let verb = if started.joined { "joined" } else { "started" };
                self.note = started
                    .job_id
                    .map(|job| Note::Done(format!("{verb} job {job}")));
                self.stale = true;
            }
            Answer::Cancel(Ok(done)) => {
                self.note = Some(Note::Done(if done.cancelled {
                    format!("job {} is being cancelled", done.job_id)
                } else {
                    format!("job {} had already ended", done.job_id)
                }));
                self.stale = true;
            }
            Answer::Sync(Err(error)) | Answer::Cancel(Err(error)) => {
                self.note = Some(Note::Failed(error));
            }
        }
        None
    }

    /// A run that is open and goes on is asked for anew.
    fn look_again(&self) -> Option<Wish> {
        match &self.over {
            Over::Run {
                id, run: Some(run), ..
            } if matches!(&**run, Ok(run) if run.status == RunStatus::Running) => {
                Some(Wish::Ask(Ask::Run(id.clone())))
            }
            _ => None,
        }
    }

    /// Does what a key means.
    pub(super) fn act(&mut self, action: Action) -> Option<Wish> {
        self.note = None;
        match action {
            Action::LeaveAtOnce => return Some(Wish::Leave),
            Action::Stop => return Some(Wish::Stop),
            _ => {}
        }
        match &mut self.over {
            Over::Nothing => self.choose(action),
            Over::Cancel(job_id) => {
                let job_id = *job_id;
                self.over = Over::Nothing;
                (action == Action::Yes).then_some(Wish::Ask(Ask::Cancel(job_id)))
            }
            Over::Help => {
                self.over = Over::Nothing;
                None
            }
            Over::Run { from, .. } => {
                let at = from.get();
                match action {
                    Action::Up => from.set(at.saturating_sub(1)),
                    Action::Down => from.set(at + 1),
                    Action::PageUp => from.set(at.saturating_sub(PAGE)),
                    Action::PageDown => from.set(at + PAGE),
                    Action::First => from.set(0),
                    Action::Last => from.set(usize::MAX),
                    Action::Back | Action::Open | Action::Leave => self.over = Over::Nothing,
                    _ => {}
                }
                None
            }
        }
    }

    /// A key while nothing lies over the lists.
    fn choose(&mut self, action: Action) -> Option<Wish> {
        let at = self.chosen().at();
        match action {
            Action::Up => self.move_to(at.saturating_sub(1)),
            Action::Down => self.move_to(at + 1),
            Action::PageUp => self.move_to(at.saturating_sub(PAGE)),
            Action::PageDown => self.move_to(at + PAGE),
            Action::First => self.move_to(0),
            Action::Last => self.move_to(usize::MAX),
            Action::NextPanel => {
                self.panel = match self.panel {
                    Panel::Projects => Panel::Jobs,
                    Panel::Jobs => Panel::Runs,
                    Panel::Runs => Panel::Projects,
                }
            }
            Action::PreviousPanel => {
                self.panel = match self.panel {
                    Panel::Projects => Panel::Runs,
                    Panel::Jobs => Panel::Projects,
                    Panel::Runs => Panel::Jobs,
                }
            }
            Action::Open => return self.open(),
            Action::SyncAll => return Some(Wish::Ask(Ask::Sync(None))),
            Action::SyncChosen => {
                let status = self.status.as_ref()?;
                let chosen = &status.projects.get(self.project.at())?.project;
                let chosen = (chosen.host.clone(), chosen.path.clone());
                return Some(Wish::Ask(Ask::Sync(Some(chosen))));
            }
            Action::Cancel => {
                let job = self.status.as_ref()?.jobs.get(self.job.at())?;
                self.over = Over::Cancel(job.job_id);
            }
            Action::Refresh => self.stale = true,
            Action::Help => self.over = Over::Help,
            Action::Leave => return Some(Wish::Leave),
            // The last two are minded before.
            Action::Back | Action::Yes | Action::Other | Action::Stop | Action::LeaveAtOnce => {}
        }
        None
    }

    /// Opens the run that is chosen, the chosen job's, or the chosen
    /// project's latest.
    fn open(&mut self) -> Option<Wish> {
        let status = self.status.as_ref();
        let id = match self.panel {
            Panel::Runs => self.runs.get(self.run.at())?.run_id.clone(),
            Panel::Jobs => status?.jobs.get(self.job.at())?.run_ids.first()?.clone(),
            Panel::Projects => {
                let chosen = &status?.projects.get(self.project.at())?.project;
                let of_it = |run: &&RunResult| {
                    run.project == chosen.path && (run.host.is_empty() || run.host == chosen.host)
                };
                self.runs.iter().find(of_it)?.run_id.clone()
            }
        };
        self.over = Over::Run {
            id: id.clone(),
            run: None,
            from: Cell::new(0),
        };
        Some(Wish::Ask(Ask::Run(id)))
    }

    fn chosen(&mut self) -> &mut Choice {
        match self.panel {
            Panel::Projects => &mut self.project,
            Panel::Jobs => &mut self.job,
            Panel::Runs => &mut self.run,
        }
    }

    fn move_to(&mut self, at: usize) {
        let names = self.names(self.panel);
        self.chosen().set(at, &names);
    }

    /// After rows have come or gone.
    fn settle(&mut self) {
        let [projects, jobs, runs] =
            [Panel::Projects, Panel::Jobs, Panel::Runs].map(|panel| self.names(panel));
        self.project.settle(&projects);
        self.job.settle(&jobs);
        self.run.settle(&runs);
    }

    /// What tells the rows of a list apart.
    fn names(&self, panel: Panel) -> Vec<String> {
        match (panel, &self.status) {
            (Panel::Runs, _) => self.runs.iter().map(|run| run.run_id.clone()).collect(),
            (_, None) => Vec::new(),
            (Panel::Projects, Some(status)) => {
                let projects = status.projects.iter().map(|it| &it.project);
                projects
                    .map(|it| format!("{} {}", it.host, it.path))
                    .collect()
            }
            (Panel::Jobs, Some(status)) => {
                let jobs = status.jobs.iter();
                jobs.map(|job| job.job_id.to_string()).collect()
            }
        }
    }
}
