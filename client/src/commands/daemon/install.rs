//! `lore daemon install` and `uninstall`: the daemon as a service of this user.

use std::path::Path;

use clap::Args;
use lore_proto::{ErrorCode, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use super::answers::Answering;
use super::{named, say, stop};
use crate::commands::Reply;
use crate::context::Context;
use crate::failure::Failure;
use crate::link;
use crate::output::robot::Document;
use crate::output::{Page, sanitise};
use crate::service::{self, MANAGER, Start, UnitFile};

/// Variables of a shell that a daemon minds and a service does not see.
const UNSEEN: &[&str] = &[
    "GITLAB_TOKEN",
    "GITLAB_ACCESS_TOKEN",
    "OAUTH_TOKEN",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Have the system keep the daemon: it runs from login on
///
/// Writes units for systemd's user manager (an agent for launchd on macOS),
/// with the places that hold in this shell, and starts the daemon by them.
/// Running it again mends units that an upgrade or a move has made wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore daemon install
  lore daemon install --print      only show what would be written")]
pub(super) struct Install {
    /// Only show what would be written where
    #[arg(long)]
    print: bool,
}

/// Of `install` and `uninstall`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonService")]
pub(super) struct Service {
    /// `systemd` or `launchd`.
    manager: &'static str,
    /// Whether the manager keeps the daemon now.
    installed: bool,
    /// The files by which it does, or did.
    files: Vec<ServiceFile>,
    /// The daemon that it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<Answering>,
}

/// A file that tells the service manager of the daemon.
#[derive(Serialize, JsonSchema)]
struct ServiceFile {
    /// Where it is, or would be.
    path: String,
    /// What was done about it.
    state: FileState,
    /// Its text, with `--print`.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FileState {
    /// Only shown.
    Shown,
    /// Written anew.
    Written,
    /// It was right already.
    Kept,
    /// A package has put the same in place for all users.
    Packaged,
    /// Removed.
    Removed,
    /// There is none.
    Absent,
}

impl FileState {
    fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Written => "written",
            Self::Kept => "right already",
            Self::Packaged => "the package's",
            Self::Removed => "removed",
            Self::Absent => "not there",
        }
    }
}

impl Install {
    pub(super) fn run(&self, context: &mut Context) -> Result<Reply, Failure> {
        let places = context.places()?;
        let lored = link::find_lored().ok_or_else(|| {
            WireError::new(
                ErrorCode::NotFound,
                "the program `lored` is neither beside `lore` nor in a folder of PATH; install it beside `lore`",
            )
        })?;
        let lored = std::path::absolute(&lored)
            .map_err(|error| Failure::io(format_args!("finding `{}`", lored.display()), &error))?;
        let start = Start::new(&lored, &places, |name| std::env::var_os(name));
        let units = service::units(&start)?;
        if self.print {
            return print(context, &units);
        }
        service::check()?;
        let files: Vec<ServiceFile> = units.iter().map(put).collect::<Result<_, _>>()?;
        // Whoever runs by hand has the socket and the data folder.
        stop(context, &places)?;
        service::enable()?;
        let (_, hello) = link::launch(&places)?;
        let mut page = Page::default();
        page.line(format_args!(
            "{MANAGER} keeps {}",
            sanitise::line(named(&hello).trim_end())
        ));
        add_files(&mut page, &files);
        let data = Service {
            manager: MANAGER,
            installed: true,
            files,
            daemon: Some(Answering::new(&hello, &places)),
        };
        let warnings = unseen().into_iter().collect();
        answer(context, &data, warnings, page)
    }
}

/// Has the manager forget the daemon, and removes what `install` wrote.
pub(super) fn uninstall(context: &mut Context) -> Result<Reply, Failure> {
    let places = context.places()?;
    // The program is of no matter where only files are removed.
    let start = Start::new(Path::new("lored"), &places, |name| std::env::var_os(name));
    let units = service::units(&start)?;
    let here = units.iter().any(|unit| unit.path.exists()) || service::owns(&places);
    let mut files = Vec::new();
    if here {
        service::check()?;
        service::disable()?;
        files = units.iter().map(remove).collect::<Result<_, _>>()?;
        service::reload()?;
    }
    let mut page = Page::default();
    page.line(if here {
        format!("{MANAGER} does not keep lored any more; lore starts it when it is needed.")
    } else {
        format!("{MANAGER} does not keep lored.")
    });
    add_files(&mut page, &files);
    let data = Service {
        manager: MANAGER,
        installed: false,
        files,
        daemon: None,
    };
    answer(context, &data, Vec::new(), page)
}

fn print(context: &Context, units: &[UnitFile]) -> Result<Reply, Failure> {
    let mut page = Page::default();
    for (number, unit) in units.iter().enumerate() {
        if number > 0 {
            page.blank();
        }
        page.line(format_args!(
            "# {}",
            sanitise::line(&unit.path.to_string_lossy())
        ));
        for line in unit.text.lines() {
            page.line(line);
        }
    }
    let shown = |unit: &UnitFile| ServiceFile {
        path: unit.path.display().to_string(),
        state: FileState::Shown,
        text: Some(unit.text.clone()),
    };
    let data = Service {
        manager: MANAGER,
        installed: false,
        files: units.iter().map(shown).collect(),
        daemon: None,
    };
    say(context, &data, &page.into_text())
}

/// Puts a unit in place, unless it is there already for this user or for all.
fn put(unit: &UnitFile) -> Result<ServiceFile, Failure> {
    let is_at = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text == unit.text);
    let state = match &unit.packaged {
        Some(packaged) if is_at(packaged) => {
            // One of this user's own would hide the package's next one.
            remove(unit)?;
            return Ok(ServiceFile {
                path: packaged.display().to_string(),
                state: FileState::Packaged,
                text: None,
            });
        }
        _ if is_at(&unit.path) => FileState::Kept,
        _ => {
            write(unit)?;
            FileState::Written
        }
    };
    Ok(ServiceFile {
        path: unit.path.display().to_string(),
        state,
        text: None,
    })
}

/// Writes a unit whole or not at all.
fn write(unit: &UnitFile) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::io(format_args!("writing `{}`", unit.path.display()), &error)
    };
    if let Some(folder) = unit.path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let new = unit.path.with_extension("new");
    std::fs::write(&new, &unit.text).map_err(failed)?;
    std::fs::rename(&new, &unit.path).map_err(failed)
}

fn remove(unit: &UnitFile) -> Result<ServiceFile, Failure> {
    let state = match std::fs::remove_file(&unit.path) {
        Ok(()) => FileState::Removed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FileState::Absent,
        Err(error) => {
            let doing = format!("removing `{}`", unit.path.display());
            return Err(Failure::io(doing, &error));
        }
    };
    Ok(ServiceFile {
        path: unit.path.display().to_string(),
        state,
        text: None,
    })
}

fn add_files(page: &mut Page, files: &[ServiceFile]) {
    for file in files {
        page.line(format_args!(
            "  {}  {}",
            sanitise::line(&file.path),
            file.state.word()
        ));
    }
}

/// What this shell has that the service will miss, by name and never by value.
fn unseen() -> Option<String> {
    let set: Vec<&str> = UNSEEN
        .iter()
        .copied()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .collect();
    (!set.is_empty()).then(|| {
        format!(
            "a service does not see this shell's {}; keep a token for it with `lore auth login`, \
             set a proxy with `systemctl --user edit lored.service`",
            set.join(", ")
        )
    })
}

fn answer(
    context: &Context,
    data: &Service,
    warnings: Vec<String>,
    page: Page,
) -> Result<Reply, Failure> {
    for warning in &warnings {
        context.printer.warning(warning);
    }
    match say(context, data, &page.into_text())? {
        Reply::Document(document) => Ok(Reply::Document(Document {
            warnings,
            ..document
        })),
        shown @ Reply::Shown => Ok(shown),
    }
}
