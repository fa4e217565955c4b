//! `lore file-history`: the merge requests behind a file.

mod render;

use std::ffi::OsString;

use clap::Args;
use lore_proto::file_history::{FileHistory as History, FileHistoryParams};
use lore_proto::methods::FileHistoryGet;

use crate::fields::Fields;
use super::{Facts, Reply, Run};
use crate::checkout::{Checkout, repository_path};
use crate::context::Context;
use crate::failure::Failure;

/// Show the merge requests that touched a file, under all its names
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore file-history src/main.rs
  lore file-history src/main.rs --discussions --merged
  lore file-history lib/api.rb -p group/project -n 5 --robot")]
pub(crate) struct FileHistory {
    /// The file: from the current folder inside a git checkout, else from the
    /// repository's root
    #[arg(value_name = "PATH")]
    path: OsString,
    /// Add the review threads on the file
    #[arg(long)]
    discussions: bool,
    /// Only merged merge requests
    #[arg(long)]
    merged: bool,
    /// Only this very path, not the file's other names
    #[arg(long)]
    no_follow_renames: bool,
    /// At most so many merge requests
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Go on where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// With --robot: only these fields of each merge request
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
}

/// The fields of a row that `--fields` may name.
const FIELDS: &[&str] = &[
    "iid",
    "title",
    "state",
    "draft",
    "author",
    "web_url",
    "target_branch",
    "created_at",
    "updated_at",
    "merged_at",
    "commit_sha",
    "changes",
    "discussions",
];

impl Run for FileHistory {
    const FACTS: &'static [Facts] = &[Facts::read::<History>("file-history").rows("merge_requests")];

    fn name(&self) -> &'static str {
        "file-history"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let robot = context.printer.robot;
        let fields = Fields::read(&self.fields, Some("merge_requests"), FIELDS, robot)?;
        let here = std::env::current_dir()
            .map_err(|error| Failure::io("finding the current folder", &error))?;
        let checkout = Checkout::around(&here);
        let top = checkout.as_ref().and_then(|c| c.root.as_deref());
        let path = repository_path(&self.path, &here, top)
            .map_err(|problem| Failure::usage(problem.to_string()))?;
        let params = FileHistoryParams {
            path,
            project: context.project()?,
            host: context.globals.host.clone(),
            remotes: context.remotes(checkout.as_ref()),
            discussions: self.discussions,
            merged: self.merged,
            no_follow_renames: self.no_follow_renames,
            limit: Some(self.limit),
            cursor: self.cursor,
        };
        context.answer_read::<FileHistoryGet, History>(&params, fields.as_ref(), render::history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_can_be_chosen() {
        let history = render::tests::sample();
        let row = serde_json::to_value(&history.merge_requests[0]).unwrap();
        let mut names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
