//! `search.query`: issues and merge requests by words and by meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::project::ProjectInfo;
use crate::sync::EntityType;

/// Parameters of `search.query`. What the query text itself says (`author:`,
/// `label:`, `state:`, `type:`, `path:`, and each with `-` before it) holds
/// besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchParams {
    /// Words, `"phrases"`, `prefix*`, `-exclusions` and filters.
    #[serde(default)]
    pub query: String,
    /// `!123`, `#123`, `group/project!123` or a web address: the nearest to
    /// this item in its project instead of a query; the query may still hold
    /// filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// URLs of the checkout's git remotes, used where `project` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
    /// How to search; absent: hybrid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<SearchMode>,
    /// Only text of these kinds; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<SearchType>,
    /// A user name: who wrote the item, or in the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The item has all of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `opened`, `closed`, `merged` or `locked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A file or folder that the merge request touches or the thread is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Changed at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Leave out confidential issues and internal threads.
    #[serde(default)]
    pub no_confidential: bool,
    /// Among hits that fit about as well, those first that changed last.
    #[serde(default)]
    pub recent: bool,
    /// Say how each hit came to its place.
    #[serde(default)]
    pub explain: bool,
    /// At most so many hits, 1 to 100; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// By words and by meaning.
    Hybrid,
    /// By words.
    Lexical,
    /// By meaning.
    Semantic,
}

impl SearchMode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Lexical => "lexical",
            Self::Semantic => "semantic",
        }
    }
}

/// The kinds of text.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SearchType {
    /// Title and description of an issue.
    Issue,
    /// Title and description of a merge request.
    Mr,
    /// A thread on either.
    Discussion,
}

/// The answer of `search.query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResults {
    /// The project that answers.
    pub project: ProjectInfo,
    /// How it was searched: `lexical` where no vectors could be had.
    pub mode: SearchMode,
    /// The best first; one an item.
    pub hits: Vec<SearchHit>,
    /// How many items were found.
    pub total: u64,
    /// There may be more than `total`: only the nearest were looked at.
    pub total_is_lower_bound: bool,
    /// How many come after this page.
    #[serde(default)]
    pub remaining: u64,
    /// Gives the next page; absent on the last.
    pub next_cursor: Option<String>,
    /// What search knows so far.
    pub coverage: SearchCoverage,
}

/// How much of a project can be found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchCoverage {
    /// Issues, merge requests and threads with text.
    pub documents: u64,
    /// Those without vectors of the model in use: only words find them yet.
    pub not_embedded: u64,
    /// Changed sources whose documents are not made yet.
    pub waiting: u64,
    /// The model whose vectors were searched; absent without one.
    pub model: Option<String>,
}

/// An issue or merge request that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchHit {
    /// Issue or merge request.
    pub entity_type: EntityType,
    /// Its iid.
    pub iid: u64,
    /// Its title; text from GitLab.
    pub title: String,
    /// `opened`, `closed`, `merged` or `locked`.
    pub state: String,
    /// Its author's user name.
    pub author: Option<String>,
    /// Its labels, sorted.
    pub labels: Vec<String>,
    /// A confidential issue.
    pub confidential: bool,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its page.
    pub web_url: Option<String>,
    /// From 0 to 1; comparable within one answer alone.
    pub score: f64,
    /// Where it was found, the best first.
    pub passages: Vec<Passage>,
    /// How it came to its place; absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explanation>,
}

/// A passage of a hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passage {
    /// The item's own text, or a thread.
    pub source: PassageSource,
    /// A few lines in one; text from GitLab.
    pub text: String,
    /// Where in `text` the query's words are, as pairs of positions, counted
    /// in characters from 0, the second one behind the word.
    pub highlights: Vec<(u32, u32)>,
    /// Who wrote it, or the thread's first note.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// For members alone.
    pub confidential: bool,
    /// The file that the thread is on.
    pub path: Option<String>,
    /// Where to read it.
    pub web_url: Option<String>,
}

/// What a passage is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PassageSource {
    /// Title and description.
    Description,
    /// The title of an item that has no description.
    Title,
    /// A thread.
    Discussion,
}

/// How a hit came to its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// By words; absent where they did not find it.
    pub lexical: Option<Part>,
    /// By meaning; absent where it is not among the nearest.
    pub semantic: Option<Part>,
    /// How much meaning counted against words, from 0 to 1.
    pub semantic_weight: f64,
    /// Why it counted so much.
    pub reason: String,
    /// What its age left of the score, from 0.8 to 1; absent unless `recent`
    /// was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recency: Option<f64>,
}

/// One of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The place in it, from 1.
    pub rank: u32,
    /// BM25, or the cosine.
    pub score: f64,
}
