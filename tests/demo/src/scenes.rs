//! The scenes, in order. Each is checked: a demo that shows a wrong answer
//! fails.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitlab_sim::{GeneratorConfig, Latency, Moment, Simulator, SimulatorBuilder};
use lore_demo::{DemoError, Home, Interrupt, Programs};
use serde_json::Value;

use crate::stage::Stage;
use crate::story::{EARLIER_NAMES, PATH, Story};

/// How much there is to mirror, and how slowly it comes.
#[derive(Debug)]
pub(crate) struct Sizes {
    pub(crate) issues: usize,
    pub(crate) merge_requests: usize,
    pub(crate) latency: Duration,
}

/// Plays the demo from the empty home to the end.
pub(crate) fn play(
    programs: Programs,
    interrupt: Interrupt,
    sizes: &Sizes,
) -> Result<(), DemoError> {
    let (sim, story, project) = serve(sizes)?;
    let stage = Stage::new(Home::new(programs, interrupt)?);
    stage.heading("A GitLab, and an empty home")?;
    stage.remark(&format!(
        "A simulated GitLab serves `{project}` ({} issues, {} merge requests) at {}.",
        sizes.issues,
        sizes.merge_requests + 6,
        sim.url()
    ))?;
    stage.remark(&format!(
        "Everything of lore's is in {}.",
        stage.home.path().display()
    ))?;
    set_up(&stage, &sim, &project)?;
    first_sync(&stage, &sim)?;
    whole_answer(&stage)?;
    search(&stage, &story)?;
    incremental(&stage, &sim, &story)?;
    surgical(&stage, &sim, &story)?;
    ledger(&stage)?;
    stage.heading("Next")?;
    stage.remark(
        "Mirror a project of your own: `lore init`, then `lore file-history <path>` in a checkout of it.\n\
         Keep a simulated GitLab to play with: `cargo run -p gitlab-sim -- --from-git .` serves this\n\
         repository's own history; it prints its URL and a token for `lore init`.",
    )
}

/// Starts a simulator whose clock runs, and tells the story in it.
fn serve(sizes: &Sizes) -> Result<(Simulator, Story, String), DemoError> {
    let config = GeneratorConfig {
        issues: sizes.issues,
        merge_requests: sizes.merge_requests,
        ..GeneratorConfig::default()
    };
    let mut told = None;
    let sim = SimulatorBuilder::new()
        .now(wall_clock())
        .upstream(|upstream| {
            let project = config.generate_into(upstream).first().copied();
            told = project.map(|project| {
                let path = &upstream.projects[&project].path_with_namespace;
                let path = path.clone();
                Story::tell(upstream, project).map(|story| (story, path))
            });
        })
        .start_blocking()
        .map_err(DemoError::io("starting the simulated GitLab"))?;
    sim.clock().follow_real_time();
    sim.set_latency(Latency {
        connect: Duration::ZERO,
        answer: sizes.latency,
    });
    let (story, path) = told
        .transpose()?
        .ok_or_else(|| DemoError::Wrong("the generator made no project".to_owned()))?;
    Ok((sim, story, path))
}

fn set_up(stage: &Stage, sim: &Simulator, project: &str) -> Result<(), DemoError> {
    let token = stage.home.write_private("token", sim.token())?;
    let token = token.to_string_lossy();
    let url = sim.url();
    stage.lore(&[
        "init",
        "--host",
        "gitlab.demo",
        "--url",
        &url,
        "--token-file",
        &token,
        "--projects",
        project,
        "--yes",
        "--no-sync",
    ])
}

fn first_sync(stage: &Stage, sim: &Simulator) -> Result<(), DemoError> {
    stage.heading("First sync: newest first, of use while it is still partial")?;
    stage.lore(&["sync", "--detach"])?;
    let partial = stage.ask_until(&["file-history", PATH], |answer| {
        answer["data"]["total"].as_u64() > Some(0)
            || answer["meta"]["freshness"]["complete"] == true
    })?;
    match partial {
        Some(answer) if answer["meta"]["freshness"]["complete"] == false => {
            stage.lore(&["file-history", PATH])?;
            stage.remark(
                "\nThe same sync again: lore joins the one that is running and follows it.",
            )?;
        }
        // A machine faster than the simulated network.
        Some(_) => stage.remark("The whole project was mirrored before it could be asked.")?,
        None => {
            return Err(DemoError::Wrong(format!("`{PATH}` never turned up")));
        }
    }
    stage.lore(&["sync"])?;
    stage.remark(&format!(
        "GitLab answered {} requests so far.",
        sim.requests().len()
    ))
}

fn whole_answer(stage: &Stage) -> Result<(), DemoError> {
    stage.heading("What happened to this file, under all its names?")?;
    stage.lore(&["file-history", PATH, "--discussions"])?;
    let answer = stage.ask(&["file-history", PATH, "--discussions"])?;
    let history = &answer["data"];
    let names: BTreeSet<&str> = rows(&history["chain"])
        .filter_map(|name| name["path"].as_str())
        .collect();
    let expected = EARLIER_NAMES.into_iter().chain([PATH]).collect();
    require(names == expected, || format!("the chain is {names:?}"))?;
    require(history["total"] == 6, || {
        format!("{} merge requests instead of 6", history["total"])
    })?;
    let complete = &answer["meta"]["freshness"]["complete"];
    require(complete == true, || "the mirror is incomplete".to_owned())
}

fn search(stage: &Stage, story: &Story) -> Result<(), DemoError> {
    stage.heading("Where did we discuss this before?")?;
    stage.remark("By words and by meaning, offline: the embedding model is part of the daemon.")?;
    let query = [
        "search",
        "repeated requests overload a dead server",
        "-n",
        "3",
    ];
    stage.lore(&query)?;
    let answer = stage.ask(&query)?;
    let hits = &answer["data"]["hits"];
    let first = &hits[0];
    require(first["iid"] == story.retried, || {
        format!("!{} is not found first: {hits}", story.retried)
    })
}

fn incremental(stage: &Stage, sim: &Simulator, story: &Story) -> Result<(), DemoError> {
    stage.heading("Upstream goes on")?;
    let iid = sim.change(|upstream| story.goes_on(upstream))?;
    let before = sim.requests().len();
    stage.remark(&format!(
        "Ada merges !{iid}, which changes {PATH}; Grace asks a question on a line of it."
    ))?;
    stage.lore(&["sync"])?;
    stage.remark(&format!(
        "GitLab answered {} requests for that.",
        sim.requests().len() - before
    ))?;
    stage.lore(&["file-history", PATH, "--discussions", "-n", "2"])?;
    let answer = stage.ask(&["file-history", PATH, "--discussions"])?;
    let first = &answer["data"]["merge_requests"][0];
    require(first["iid"] == iid, || {
        format!("!{iid} does not come first, but {}", first["iid"])
    })?;
    require(rows(&first["discussions"]).count() == 1, || {
        format!("the thread of !{iid} is missing")
    })
}

fn surgical(stage: &Stage, sim: &Simulator, story: &Story) -> Result<(), DemoError> {
    stage.heading("Exactly one merge request, now")?;
    let iid = story.discussed.to_string();
    let open = open_threads(stage, story.discussed)?;
    sim.change(|upstream| story.resolves(upstream))?;
    stage.remark(&format!(
        "Grace resolves a thread of !{iid}. GitLab moves no timestamp for that, so a list cannot\n\
         tell; a surgical sync asks for this one and what hangs on it, without waiting for a sweep."
    ))?;
    stage.lore(&["sync", "--mr", &iid])?;
    let left = open_threads(stage, story.discussed)?;
    require(left + 1 == open, || {
        format!("{left} open threads of !{iid} after {open}")
    })
}

fn ledger(stage: &Stage) -> Result<(), DemoError> {
    stage.heading("What the daemon did")?;
    stage.lore(&["sync-runs"])?;
    stage.lore(&["status"])?;
    let answer = stage.ask(&["sync-runs"])?;
    let runs = &answer["data"]["runs"];
    let bad = rows(runs).find(|run| run["status"] != "succeeded");
    require(rows(runs).count() >= 3 && bad.is_none(), || {
        format!("the ledger is {runs}")
    })?;
    stage.lore(&["daemon", "stop"])?;
    require(stage.home.daemon_pid().is_none(), || {
        "the daemon still lives".to_owned()
    })
}

fn open_threads(stage: &Stage, iid: u64) -> Result<usize, DemoError> {
    let answer = stage.ask(&["file-history", PATH, "--discussions"])?;
    Ok(rows(&answer["data"]["merge_requests"])
        .filter(|row| row["iid"] == iid)
        .flat_map(|row| rows(&row["discussions"]))
        .filter(|thread| thread["resolved"] == false)
        .count())
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), DemoError> {
    if holds {
        Ok(())
    } else {
        Err(DemoError::Wrong(otherwise()))
    }
}

fn wall_clock() -> Moment {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment::default() + since_epoch
}
