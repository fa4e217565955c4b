//! `lore search`: issues, merge requests and threads by words and by meaning.

mod render;

use clap::{Args, ValueEnum};
use lore_proto::methods::SearchQuery;
use lore_proto::project::ResolveProject;
use lore_proto::search::{SearchMode, SearchParams, SearchResults, SearchType};

use super::reads::{ReadFlags, Whose, instant};
use super::{Facts, Reply, Run};
use crate::checkout::Checkout;
use crate::context::Context;
use crate::failure::Failure;

/// Find issues, merge requests and threads by words and by meaning
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore search why does the cache forget entries after a restart
  lore search '\"connection reset\" -flaky label:bug path:src/net'
  lore search --type discussion --author mira --since 2w retry budget
  lore search --label bug --state opened
  lore search --recent how is the cache cleaned up
  lore search --like '!123'")]
pub(crate) struct Search {
    /// Words, "phrases", prefix*, -exclusions, and author: label: state: type:
    /// path:
    #[arg(value_name = "QUERY", required_unless_present_any = FILTERS)]
    query: Vec<String>,
    /// The nearest to this issue or merge request: '#12', '!12' or its address
    #[arg(long, value_name = "REF")]
    like: Option<String>,
    /// By words, by meaning, or both
    #[arg(long, value_enum, value_name = "MODE", default_value = "hybrid")]
    mode: Mode,
    /// Only text of this kind; can be repeated
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    types: Vec<Kind>,
    /// Only what this user wrote
    #[arg(long, value_name = "USER")]
    author: Option<String>,
    /// Only items with this label; can be repeated
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Only items in this state: opened, closed, merged or locked
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only items changed since then: 2d, 1w, 2026-01-31
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Leave out confidential issues and internal threads
    #[arg(long)]
    no_confidential: bool,
    /// Among hits that fit about as well, those first that changed last
    #[arg(long)]
    recent: bool,
    /// Say how each hit came to its place
    #[arg(long)]
    explain: bool,
    /// At most so many hits
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    read: ReadFlags,
}

/// What can be asked for without a word.
const FILTERS: [&str; 6] = ["like", "types", "author", "labels", "state", "since"];

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Hybrid,
    Lexical,
    Semantic,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Issue,
    Mr,
    Discussion,
}

/// The fields of a hit that `--fields` may name.
const FIELDS: &[&str] = &[
    "entity_type",
    "iid",
    "title",
    "state",
    "author",
    "labels",
    "confidential",
    "created_at",
    "updated_at",
    "web_url",
    "score",
    "passages",
    "explain",
];

impl Run for Search {
    const FACTS: &'static [Facts] = &[Facts::read::<SearchResults>("search")
        .rows("hits")
        .writes_with(&["max-age"])];

    fn name(&self) -> &'static str {
        "search"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let fields = self.read.fields(context, Some("hits"), FIELDS)?;
        let here = Checkout::here();
        let now = context.printer.view().now;
        let since = self.since.map(|text| instant("--since", &text, now));
        let project = ResolveProject {
            project: context.project()?,
            host: context.globals.host.clone(),
            remotes: context.remotes(here.as_ref()),
        };
        let params = SearchParams {
            query: self.query.join(" "),
            like: self.like,
            project: project.project.clone(),
            host: project.host.clone(),
            remotes: project.remotes.clone(),
            mode: Some(match self.mode {
                Mode::Hybrid => SearchMode::Hybrid,
                Mode::Lexical => SearchMode::Lexical,
                Mode::Semantic => SearchMode::Semantic,
            }),
            types: self
                .types
                .into_iter()
                .map(|kind| match kind {
                    Kind::Issue => SearchType::Issue,
                    Kind::Mr => SearchType::Mr,
                    Kind::Discussion => SearchType::Discussion,
                })
                .collect(),
            author: self.author,
            labels: self.labels,
            state: self.state,
            path: None,
            since: since.transpose()?,
            no_confidential: self.no_confidential,
            recent: self.recent,
            explain: self.explain,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        self.read.bring_up_to_date(context, &Whose::One(project))?;
        context.answer_read::<SearchQuery, SearchResults>(&params, fields.as_ref(), render::results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_hit_can_be_chosen() {
        let row = serde_json::to_value(render::tests::hit()).unwrap();
        let mut names: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
