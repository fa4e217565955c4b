//! `lore completions`: what a shell needs to complete the words of `lore`.

use clap::Args;
use lore_proto::daemon::Nothing;

use super::{Facts, Reply, Run};
use crate::complete::{Shell, completion_script};
use crate::context::Context;
use crate::failure::Failure;

/// Print the completion script of a shell
///
/// The script asks `lore` for every completion, so that it knows the projects
/// and the runs of the mirror. A package installs it; otherwise put it where
/// the shell looks for it. With --robot it is the script all the same.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore completions bash          for ~/.local/share/bash-completion/completions/lore
  lore completions zsh           for _lore in a folder of $fpath
  lore completions fish          for ~/.config/fish/completions/lore.fish
  lore completions powershell    for the end of $PROFILE")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Run for Completions {
    // It writes the script and no document.
    const FACTS: &'static [Facts] = &[Facts::read::<Nothing>("completions")];

    fn name(&self) -> &'static str {
        "completions"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let script = completion_script(self.shell)
            .map_err(|error| Failure::io("making the completion script", &error))?;
        context.printer.out(&script)?;
        Ok(Reply::Shown)
    }
}
