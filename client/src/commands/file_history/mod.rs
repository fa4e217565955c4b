//! `lore file-history`: the merge requests behind a file.

mod render;

use std::ffi::OsString;

use clap::Args;
use lore_proto::file_history::{FileHistory as History, FileHistoryParams};
use lore_proto::methods::FileHistoryGet;
use lore_proto::project::ResolveProject;

use super::reads::{ReadFlags, Whose};
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
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
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
    #[command(flatten)]
    read: ReadFlags,
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
    const FACTS: &'static [Facts] = &[Facts::read::<History>("file-history")
        .rows("merge_requests")
        .writes_with(&["max-age"])];

    fn name(&self) -> &'static str {
        "file-history"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let fields = self.read.fields(context, Some("merge_requests"), FIELDS)?;
        // One that is gone lies in no repository, whose paths are meant as
        // they are.
        let here = std::env::current_dir().unwrap_or_default();
        let checkout = Checkout::around(&here);
        let top = checkout.as_ref().and_then(|c| c.root.as_deref());
        let path = repository_path(&self.path, &here, top)
            .map_err(|problem| Failure::usage(problem.to_string()))?;
        let project = ResolveProject {
            project: context.project()?,
            host: context.globals.host.clone(),
            remotes: context.remotes(checkout.as_ref()),
        };
        let params = FileHistoryParams {
            path,
            project: project.project.clone(),
            host: project.host.clone(),
            remotes: project.remotes.clone(),
            discussions: self.discussions,
            merged: self.merged,
            no_follow_renames: self.no_follow_renames,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        self.read.bring_up_to_date(context, &Whose::One(project))?;
        let answer = context.answer_read::<FileHistoryGet, History>(
            &params,
            fields.as_ref(),
            render::history,
        );
        match answer {
            Err(Failure::Error(error)) if !context.printer.robot => {
                Err(render::with_near_names(error).into())
            }
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_can_be_chosen() {
        let history = render::tests::sample();
        let row = serde_json::to_value(&history.merge_requests[0]).unwrap();
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
