//! Flags that every command takes, and the variables beside them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::output::ColorChoice;

/// Flags that every command takes (contract §4).
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Print one JSON document (also `LORE_ROBOT=1`)
    #[arg(long, global = true)]
    pub(crate) robot: bool,
    /// The project: its full path, or an unambiguous end of it
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(crate) project: Vec<String>,
    /// The GitLab host, by its key in the config
    #[arg(long, global = true)]
    pub(crate) host: Option<String>,
    /// Another config file (also `LORE_CONFIG`)
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Another socket (also `LORE_SOCKET`)
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) socket: Option<PathBuf>,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true
    )]
    pub(crate) color: ColorChoice,
    /// Leave out progress and notes
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Do not start a daemon where none answers (also `LORE_NO_AUTOSTART=1`)
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_autostart: bool,
}

/// Whether a variable such as `LORE_ROBOT` is set to something that means yes.
pub(crate) fn switched_on(variable: Option<OsString>) -> bool {
    variable.is_some_and(|value| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "false" | "no" | "off")
    })
}
