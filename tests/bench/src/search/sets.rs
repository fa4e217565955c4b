//! The labelled sets: texts, and which of them people have said belong
//! together. None of them was used to make the built-in model.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;

use gitlab_sim::Moment;
use gitlab_sim::upstream::{NewIssue, NewMergeRequest, Upstream};
use lore_demo::DemoError;
use serde_json::Value;

/// When all items were made, in seconds since the epoch: age must not matter.
const MADE_AT: i64 = 1_767_225_600;

/// A text of a set.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// A question and what answers it, by places in [`Set::reports`].
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    /// The report that it is the title of, where that is not to be found.
    pub(crate) own: Option<usize>,
    pub(crate) relevant: HashSet<usize>,
}

/// A labelled set, and the project that it is loaded as.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) project: String,
    /// Loaded as merge requests, else as issues.
    pub(crate) merge_requests: bool,
    pub(crate) reports: Vec<Report>,
    pub(crate) questions: Vec<Question>,
}

impl Set {
    /// All sets that a corpus folder has.
    pub(crate) fn all(corpus: &Path) -> Result<Vec<Self>, DemoError> {
        Ok(vec![
            Self::duplicates(corpus, "hadoop")?,
            Self::duplicates(corpus, "seamonkey")?,
            Self::commits(corpus)?,
        ])
    }

    /// Bug reports and their recorded duplicates: a report's title is the
    /// question. Pairs with equal titles are left out.
    fn duplicates(corpus: &Path, name: &str) -> Result<Self, DemoError> {
        let rows = lines(&corpus.join(format!("duplicates/{name}.jsonl.gz")))?;
        let places: HashMap<i64, usize> = (0..)
            .zip(&rows)
            .filter_map(|(place, row)| Some((row["id"].as_i64()?, place)))
            .collect();
        let reports: Vec<Report> = rows
            .iter()
            .map(|row| Report {
                title: text(row, "title"),
                text: text(row, "text"),
            })
            .collect();
        let questions = rows
            .iter()
            .enumerate()
            .filter_map(|(own, row)| {
                let relevant: HashSet<usize> = row["duplicates"]
                    .as_array()?
                    .iter()
                    .filter_map(|id| places.get(&id.as_i64()?).copied())
                    .filter(|other| folded(&reports[*other].title) != folded(&reports[own].title))
                    .collect();
                (!relevant.is_empty()).then(|| Question {
                    text: reports[own].title.clone(),
                    own: Some(own),
                    relevant,
                })
            })
            .collect();
        Ok(Self {
            name: format!("recorded duplicates of {name}"),
            project: format!("quality/{name}"),
            merge_requests: false,
            questions,
            reports,
        })
    }

    /// Merge requests whose description is their commits' subjects: the title
    /// is the question. Those with a commit of the same title are left out.
    fn commits(corpus: &Path) -> Result<Self, DemoError> {
        let mut set = Self {
            name: "merge requests by their commits".to_owned(),
            project: "quality/commits".to_owned(),
            merge_requests: true,
            reports: Vec::new(),
            questions: Vec::new(),
        };
        for row in lines(&corpus.join("gitlab-runner/mrs.jsonl.gz"))? {
            let title = text(&row, "title");
            let commits: Vec<&str> = row["commits"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|commit| commit["title"].as_str())
                .collect();
            let trivial = commits
                .iter()
                .any(|commit| folded(commit) == folded(&title));
            if !trivial && !commits.is_empty() {
                set.questions.push(Question {
                    text: title,
                    own: None,
                    relevant: HashSet::from([set.reports.len()]),
                });
            }
            set.reports.push(Report {
                title: "Merge request".to_owned(),
                text: commits.join("\n\n"),
            });
        }
        Ok(set)
    }

    /// Every so many questions are asked, so that `most` are.
    pub(crate) fn step(&self, most: usize) -> usize {
        self.questions.len().div_ceil(most.max(1)).max(1)
    }

    /// Adds the set to a simulated GitLab: the first report has iid 1.
    pub(crate) fn load(&self, upstream: &mut Upstream, id: u64) -> Result<(), DemoError> {
        let refused =
            |error: gitlab_sim::upstream::UpstreamError| DemoError::Wrong(error.to_string());
        upstream.insert_project(id, &self.project);
        let author = upstream.add_user(&format!("reporter-{id}"), "Reporter");
        let made_at = Moment::from_secs(MADE_AT);
        for (iid, report) in (1..).zip(&self.reports) {
            let description = Some(report.text.clone());
            if self.merge_requests {
                let mut new = NewMergeRequest::new(author, report.title.clone(), Vec::new());
                new.description = description;
                upstream
                    .insert_merge_request(id, iid, new, made_at)
                    .map_err(refused)?;
            } else {
                let mut new = NewIssue::new(author, report.title.clone());
                new.description = description;
                upstream
                    .insert_issue(id, iid, new, made_at)
                    .map_err(refused)?;
            }
        }
        Ok(())
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

fn lines(path: &Path) -> Result<Vec<Value>, DemoError> {
    let reading = format!("reading `{}`", path.display());
    let file = std::fs::File::open(path).map_err(DemoError::io(reading.clone()))?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(DemoError::io(reading))?;
    text.lines()
        .map(|line| {
            serde_json::from_str(line)
                .map_err(|error| DemoError::Wrong(format!("`{}`: {error}", path.display())))
        })
        .collect()
}
