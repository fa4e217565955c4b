//! One file for each command. A new one is a file and a line in the list
//! below; the parser, the names and the dispatch follow from it.

mod facts;
mod items;
mod reads;
#[cfg(test)]
mod schemas;
mod wording;

use crate::context::Context;
use crate::failure::Failure;
pub(crate) use crate::output::Reply;
pub(crate) use facts::Facts;

/// A command, with its flags as fields.
trait Run {
    /// The command, or each of its subcommands, as others may know it: one
    /// entry for every name that [`Run::name`] may give.
    const FACTS: &'static [Facts];

    /// The name in `meta.command`, such as `jobs cancel`.
    fn name(&self) -> &'static str;

    /// Whether stdout gets a document; `asked` says whether robot mode is on.
    /// Known before anything is done, so that a failure is told in the same
    /// form as the answer would be.
    fn gives_document(&self, asked: bool) -> bool {
        asked
    }

    /// Does it.
    fn run(self, context: &mut Context) -> Result<Reply, Failure>;
}

macro_rules! commands {
    ($( $variant:ident = $module:ident::$args:ident, $name:literal; )+) => {
        $( mod $module; )+

        /// Every command.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $( #[command(name = $name)] $variant($module::$args), )+
        }

        /// What is known of every command, in the order of the help.
        pub(crate) const FACTS: &[&[Facts]] = &[ $( <$module::$args as Run>::FACTS, )+ ];

        impl Command {
            /// The name in `meta.command`.
            pub(crate) fn name(&self) -> &'static str {
                match self { $( Self::$variant(command) => command.name(), )+ }
            }

            /// Whether stdout gets a document; `asked` says whether robot mode
            /// is on.
            pub(crate) fn gives_document(&self, asked: bool) -> bool {
                match self { $( Self::$variant(command) => command.gives_document(asked), )+ }
            }

            /// Does it.
            pub(crate) fn run(self, context: &mut Context) -> Result<Reply, Failure> {
                match self { $( Self::$variant(command) => command.run(context), )+ }
            }
        }
    };
}

commands! {
    Init = init::Init, "init";
    Sync = sync::Sync, "sync";
    FileHistory = file_history::FileHistory, "file-history";
    Search = search::Search, "search";
    Issues = issues::Issues, "issues";
    MergeRequests = mrs::MergeRequests, "mrs";
    SyncRuns = sync_runs::SyncRuns, "sync-runs";
    Jobs = jobs::Jobs, "jobs";
    Status = status::Status, "status";
    Watch = watch::Watch, "watch";
    Doctor = doctor::Doctor, "doctor";
    Auth = auth::Auth, "auth";
    Db = db::Db, "db";
    Daemon = daemon::Daemon, "daemon";
    Mcp = mcp::Mcp, "mcp";
    RobotDocs = robot_docs::RobotDocs, "robot-docs";
    Completions = completions::Completions, "completions";
}
