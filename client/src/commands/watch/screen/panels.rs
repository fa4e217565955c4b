//! The lists and the chart of the screen.

use lore_proto::daemon::{DaemonStatus, HostStatus};
use lore_proto::jobs::{JobInfo, JobState, Priority};
use lore_proto::sync::RunResult;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Sparkline, SparklineBar};

use super::{put, styled};
use crate::commands::jobs::state_name;
use crate::commands::status;
use crate::commands::watch::state::{Panel, State};
use crate::commands::wording::{changed, elapsed_ms, paint_run_word, run_word};
use crate::output::paint::Paint;
use crate::output::table::{Cell, Table};
use crate::output::{View, sanitise, text, time};

/// Columns of a bar.
const BAR: usize = 12;

/// In the place of what the daemon has not said yet.
const UNKNOWN: &str = "…";

/// What a list shows: lines that stay, and rows of which some may not fit.
pub(super) struct List {
    header: Option<String>,
    /// Each a line or more.
    rows: Vec<Vec<String>>,
    chosen: Option<usize>,
}

impl List {
    /// A table, whose first line are headers.
    fn of_table(table: &str, chosen: usize) -> Self {
        let mut lines = table.lines().map(str::to_owned);
        Self {
            header: lines.next(),
            rows: lines.map(|line| vec![line]).collect(),
            chosen: Some(chosen),
        }
    }

    /// A sentence in the place of rows.
    fn of_words(words: &str) -> Self {
        Self {
            header: None,
            rows: vec![vec![words.trim_end().to_owned()]],
            chosen: None,
        }
    }

    /// How many rows of the screen it takes, its title included.
    pub(super) fn rows(&self) -> u16 {
        let lines: usize = self.rows.iter().map(Vec::len).sum();
        let all = 1 + usize::from(self.header.is_some()) + lines;
        u16::try_from(all).unwrap_or(u16::MAX)
    }

    /// The lines that fit into so many, the chosen row among them.
    fn lines(&self, height: usize, mark: &str) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some(header) = &self.header {
            lines.push(styled::line(&format!("  {header}")));
        }
        let room = height.saturating_sub(lines.len());
        // The row at the top: as little is passed over as shows the chosen one.
        let chosen = self.chosen.unwrap_or(0);
        let mut first = 0;
        let taken = |first: usize| -> usize {
            let shown = self.rows.iter().take(chosen + 1).skip(first);
            shown.map(Vec::len).sum()
        };
        while first < chosen && taken(first) > room {
            first += 1;
        }
        for (at, row) in self.rows.iter().enumerate().skip(first) {
            for (nth, line) in row.iter().enumerate() {
                let marked = nth == 0 && self.chosen == Some(at);
                let mark = if marked { mark } else { " " };
                lines.push(styled::line(&format!("{mark} {line}")));
            }
        }
        lines.truncate(height);
        lines
    }
}

/// A line with the panel's name, and the place below it.
fn titled(frame: &mut Frame<'_>, area: Rect, title: &str, focus: bool, view: &View) -> Rect {
    let title = if focus {
        let title = view.paint.bold(view.paint.name(format!("▶ {title}")));
        format!(" {title} ")
    } else {
        format!(" {title} ")
    };
    let block = Block::new()
        .borders(Borders::TOP)
        .title(styled::line(&title));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

fn show(list: &List, frame: &mut Frame<'_>, area: Rect, focus: bool, view: &View) {
    let mark = if focus {
        view.paint.name("▶")
    } else {
        view.paint.dim("·")
    };
    let lines = list.lines(usize::from(area.height), &mark);
    put(frame, area, lines);
}

/// As wide as `columns`, less the mark of the chosen row.
fn inside(view: &View, columns: u16) -> View {
    View {
        width: Some(usize::from(columns.saturating_sub(2))),
        ..*view
    }
}

fn project_list(state: &State, view: &View) -> List {
    let Some(status) = &state.status else {
        return List::of_words(UNKNOWN);
    };
    if status.projects.is_empty() {
        return List::of_words(if status.degraded.is_some() {
            "Nobody knows as long as the daemon serves set-up only."
        } else {
            "No projects are configured. `lore init` adds some."
        });
    }
    let table = status::projects(&status.projects, view);
    List::of_table(&table, state.project.at())
}

/// Rows of the screen that all projects take.
pub(super) fn project_rows(state: &State) -> u16 {
    let projects = state.status.as_ref().map_or(0, |it| it.projects.len());
    u16::try_from(projects.max(1) + 2).unwrap_or(u16::MAX)
}

pub(super) fn projects(state: &State, frame: &mut Frame<'_>, area: Rect, view: &View) {
    let focus = state.panel == Panel::Projects;
    let title = match &state.status {
        Some(status) if status.degraded.is_none() => {
            format!("Projects {}", status.projects.len())
        }
        _ => "Projects".to_owned(),
    };
    let place = titled(frame, area, &title, focus, view);
    let view = &inside(view, place.width);
    show(&project_list(state, view), frame, place, focus, view);
}

/// The jobs, each with how far it is.
pub(super) fn job_lines(state: &State, view: &View, columns: u16) -> List {
    let view = &inside(view, columns);
    let Some(status) = &state.status else {
        return List::of_words(UNKNOWN);
    };
    if status.jobs.is_empty() {
        return List::of_words("Nothing runs. `s` syncs the chosen project.");
    }
    let rows = status.jobs.iter().map(|job| {
        let mut lines = vec![job_line(job, view)];
        if let Some(board) = state.boards.get(&job.job_id)
            && job.state == JobState::Running
        {
            let view = inside(view, u16::try_from(view.left(0)).unwrap_or(u16::MAX));
            let of_it = board.lines(&view, BOARD);
            lines.extend(of_it.into_iter().map(|line| format!("  {line}")));
        }
        lines
    });
    List {
        header: None,
        rows: rows.collect(),
        chosen: Some(state.job.at()),
    }
}

/// Lines of one job's progress.
const BOARD: usize = 6;

fn job_line(job: &JobInfo, view: &View) -> String {
    let since = job.started_at.unwrap_or(job.queued_at);
    let asked_by = match job.priority {
        Priority::Interactive => "you",
        Priority::Background => "the timer",
    };
    let state = state_name(job.state);
    let since = format!("{}, for {asked_by}", time::ago(since, view.now));
    let used = text::columns(&job.job_id.to_string()) + state.len() + text::columns(&since) + 6;
    format!(
        "{}  {}  {}  {}",
        job.job_id,
        paint_run_word(view.paint, state),
        view.fit(&job.title, view.left(used)),
        view.paint.dim(since)
    )
}

pub(super) fn jobs(state: &State, frame: &mut Frame<'_>, area: Rect, view: &View) {
    let focus = state.panel == Panel::Jobs;
    let jobs = state.status.as_ref().map_or(&[][..], |it| &it.jobs);
    let running = jobs.iter().filter(|job| job.state == JobState::Running);
    let running = running.count();
    let title = match (&state.status, jobs.len() - running) {
        (None, _) => "Jobs".to_owned(),
        (_, 0) => format!("Jobs {running} running"),
        (_, queued) => format!("Jobs {running} running, {queued} queued"),
    };
    let place = titled(frame, area, &title, focus, view);
    let list = job_lines(state, view, place.width);
    show(&list, frame, place, focus, view);
}

pub(super) fn runs(state: &State, frame: &mut Frame<'_>, area: Rect, view: &View) {
    let focus = state.panel == Panel::Runs;
    let longest = state.runs.iter().map(|run| elapsed_ms(run, view.now)).max();
    let longest = longest.unwrap_or(0);
    let title = match state.runs.len() {
        0 => "Runs".to_owned(),
        shown => format!("Latest {shown} runs, the longest {}", time::took(longest)),
    };
    let place = titled(frame, area, &title, focus, view);
    // The list needs its rows more than the chart.
    let chart = match place.height {
        0..=6 => 0,
        7..=15 => 2,
        _ => 4,
    };
    let chart = if state.runs.is_empty() { 0 } else { chart };
    let [chart, list] =
        Layout::vertical([Constraint::Length(chart), Constraint::Fill(1)]).areas(place);
    draw_chart(&state.runs, longest, frame, chart, view);
    let view = &inside(view, list.width);
    show(&run_list(state, longest, view), frame, list, focus, view);
}

/// How long each run took, the latest on the right.
fn draw_chart(runs: &[RunResult], longest: u64, frame: &mut Frame<'_>, area: Rect, view: &View) {
    if area.height == 0 {
        return;
    }
    let columns = usize::from(area.width.saturating_sub(2));
    // Eighths of a row; what took less than one is still there to be seen.
    let least = longest.div_ceil(u64::from(area.height) * 8);
    let bars = runs.iter().take(columns).rev().map(|run| {
        let bar = SparklineBar::from(elapsed_ms(run, view.now).max(least));
        bar.style(view.paint.is_on().then(|| style_of(run)))
    });
    let bars: Vec<SparklineBar> = bars.collect();
    let chart = Sparkline::default().data(bars).max(longest.max(1));
    let place = Rect {
        x: area.x + 2.min(area.width),
        width: area.width.saturating_sub(2),
        ..area
    };
    frame.render_widget(chart, place);
}

/// The colour of a run's outcome, as its word in the list has it.
fn style_of(run: &RunResult) -> Style {
    let painted = paint_run_word(Paint::new(true), run_word(run));
    let line = styled::line(&painted);
    line.spans.first().map_or(Style::new(), |span| span.style)
}

fn run_list(state: &State, longest: u64, view: &View) -> List {
    if let Some(why) = &state.no_runs {
        return List::of_words(&sanitise::line(&why.message));
    }
    if state.runs.is_empty() {
        let known = state.status.is_some();
        return List::of_words(if known { "No run yet." } else { UNKNOWN });
    }
    let roomy = view.left(0) >= 96;
    let project = view.left(0) / 4;
    let mut headers = vec!["STATE", "PROJECT", "STARTED", "TOOK", "", "WRITTEN"];
    if roomy {
        headers.insert(2, "MODE");
    }
    let yielding = headers.len() - 1;
    let mut table = Table::new(&headers, &[(yielding, 8)]);
    for run in &state.runs {
        let elapsed = elapsed_ms(run, view.now);
        let mut cells = vec![
            Cell::new(run_word(run)).painted(paint_run_word),
            Cell::new(view.fit_end(&run.project, project)),
            Cell::new(time::ago(run.started_at, view.now)),
            Cell::new(time::took(elapsed)),
            Cell::new(text::bar(elapsed, longest, BAR / 2)).painted(|p, s| p.name(s)),
            Cell::new(changed(&run.counters)),
        ];
        if roomy {
            cells.insert(2, Cell::new(run.mode.as_str()));
        }
        table.row(cells);
    }
    List::of_table(&table.render(view), state.run.at())
}

/// Rows of the screen that all hosts take.
pub(super) fn host_rows(state: &State) -> u16 {
    let hosts = state.status.as_ref().map_or(0, |it| it.hosts.len());
    u16::try_from(hosts.max(1) + 1).unwrap_or(u16::MAX)
}

pub(super) fn hosts(state: &State, frame: &mut Frame<'_>, area: Rect, view: &View) {
    let hosts = state.status.as_ref().map_or(&[][..], |it| &it.hosts);
    let room = usize::from(area.height.saturating_sub(1));
    let title = match hosts.len() {
        all if all > room => format!("Request budgets, {room} of {all} hosts"),
        _ => "Request budgets".to_owned(),
    };
    let place = titled(frame, area, &title, false, view);
    let view = &inside(view, place.width);
    let named = hosts
        .iter()
        .map(|it| text::columns(&sanitise::line(&it.host)));
    let name = named.max().unwrap_or(0).min(view.left(0) / 3);
    let rows: Vec<_> = hosts
        .iter()
        .map(|host| vec![host_line(host, name, view)])
        .collect();
    let known = |it: &DaemonStatus| it.degraded.is_none();
    let list = if rows.is_empty() && !state.status.as_ref().is_some_and(known) {
        List::of_words(UNKNOWN)
    } else if rows.is_empty() {
        List::of_words("No host is configured.")
    } else {
        List {
            header: None,
            rows,
            chosen: None,
        }
    };
    show(&list, frame, place, false, view);
}

fn host_line(host: &HostStatus, name: usize, view: &View) -> String {
    let paint = view.paint;
    let bar = match (host.remaining, host.limit) {
        (Some(left), Some(limit)) => {
            let bar = text::bar(left, limit, BAR).replace(' ', "░");
            let bar = match left {
                0 => paint.bad(bar),
                _ if left < limit / 10 => paint.warn(bar),
                _ => paint.good(bar),
            };
            format!("{bar}  ")
        }
        _ => String::new(),
    };
    let token = match &host.token_source {
        None => paint.bad("no token is known"),
        Some(_) => String::new(),
    };
    format!(
        "{}  {bar}{}, {} under way, {} sent  {token}",
        text::pad(&view.fit(&host.host, name), name),
        status::budget(host, view),
        text::thousands(host.in_flight),
        text::thousands(host.requests_total)
    )
}
