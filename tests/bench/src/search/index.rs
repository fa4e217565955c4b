//! What the first index of a recorded project costs, and what one change.

use std::path::Path;
use std::time::Duration;

use gitlab_sim::upstream::ItemRef;
use gitlab_sim::{SimulatorBuilder, load_corpus};
use lore_demo::{DemoError, Home, Interrupt, Programs};
use serde_json::Value;

use crate::report::{self, number};
use crate::{cpu, home};

/// The merge request that is changed.
const CHANGED: u64 = 100;

/// Mirrors the project without documents, then indexes it, then changes one
/// merge request, and prints what each cost.
pub(crate) fn measure(
    programs: &Programs,
    interrupt: &Interrupt,
    folder: &Path,
) -> Result<(), DemoError> {
    let mut loaded = Ok(0);
    let sim = SimulatorBuilder::new()
        .upstream(|upstream| loaded = load_corpus(upstream, folder))
        .start_blocking()
        .map_err(DemoError::io("starting the simulated GitLab"))?;
    let id = loaded.map_err(|error| DemoError::Wrong(error.to_string()))?;
    let path = sim.read(|upstream| {
        let project = upstream.project(id);
        project.map(|project| project.path_with_namespace.clone())
    });
    let path = path.map_err(|error| DemoError::Wrong(error.to_string()))?;
    let home = home::configured(programs, interrupt, &sim, &[&path])?;
    home::answer(
        &home,
        &[
            "sync",
            "--no-docs",
            "--no-embed",
            "--no-events",
            "--no-status",
        ],
    )?;
    report::heading(&format!("index of {path}, as recorded"))?;
    let first = sync(&home)?;
    first.print("first index")?;
    sim.clock().advance(Duration::from_mins(5));
    sim.change(|upstream| {
        let at = ItemRef::merge_request(id, CHANGED);
        let author = upstream.item(at)?.author_id;
        upstream.set_title(at, author, "A title that nobody has given before")
    })
    .map_err(|error| DemoError::Wrong(error.to_string()))?;
    let second = sync(&home)?;
    second.print("one title changed")
}

/// What the stages of a sync did.
struct Stages {
    rendered: u64,
    embedded: u64,
    docs: Duration,
    embed: Duration,
    used: Duration,
}

fn sync(home: &Home) -> Result<Stages, DemoError> {
    let pid = home::daemon_pid(home)?;
    let before = cpu::used_by(pid)?;
    let answer = home::answer(home, &["sync", "--no-events", "--no-status"])?;
    let used = cpu::used_by(pid)?.saturating_sub(before);
    let run = &answer["runs"][0];
    let count = |name: &str| run["counters"][name].as_u64().unwrap_or_default();
    let stage = |name: &str| {
        let millis: &Value = &run["stage_timings_ms"][name];
        Duration::from_millis(millis.as_u64().unwrap_or_default())
    };
    Ok(Stages {
        rendered: count("docs_regenerated"),
        embedded: count("docs_embedded"),
        docs: stage("docs"),
        embed: stage("embed"),
        used,
    })
}

impl Stages {
    fn print(&self, what: &str) -> Result<(), DemoError> {
        report::figure(
            &format!("{what}: documents written, embedded"),
            format_args!("{}, {}", self.rendered, self.embedded),
        )?;
        report::figure(
            &format!("{what}: docs stage, embed stage, CPU of the whole sync"),
            format_args!(
                "{} ms, {} ms, {} ms",
                self.docs.as_millis(),
                self.embed.as_millis(),
                self.used.as_millis()
            ),
        )?;
        if self.rendered > 1_000 {
            let seconds = (self.docs + self.embed).as_secs_f64().max(f64::EPSILON);
            report::figure(
                "documents rendered, indexed and embedded a second",
                format_args!("{:.0}", number(self.rendered) / seconds),
            )?;
        }
        Ok(())
    }
}
