//! What every read of the mirror takes (contract §4): where to go on, which
//! fields, and how old the mirror may be.

use clap::Args;
use lore_proto::daemon::Nothing;
use lore_proto::methods::{GetDaemonStatus, ProjectsResolve, SyncStart};
use lore_proto::project::ResolveProject;
use lore_proto::sync::SyncRequest;
use lore_proto::{ErrorCode, Timestamp};

use super::sync::start_and_follow;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::output::time;

/// Flags of every read.
#[derive(Debug, Args)]
pub(super) struct ReadFlags {
    /// Go on where the page before ended
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
    /// With --robot: only these fields of each row
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
    /// Sync first where the mirror is older than that: 5m, 2d, 1w, 2026-01-31
    #[arg(long, value_name = "AGE")]
    max_age: Option<String>,
}

/// Whose mirror a read is about.
#[derive(Debug)]
pub(super) enum Whose {
    /// The project that these mean.
    One(ResolveProject),
    /// All configured ones, of one host where that is given.
    All { host: Option<String> },
}

impl ReadFlags {
    /// `--fields`; `rows` and `known` as [`Fields::read`] takes them.
    pub(super) fn fields(
        &self,
        context: &Context,
        rows: Option<&'static str>,
        known: &[&str],
    ) -> Result<Option<Fields>, Failure> {
        Fields::read(&self.fields, rows, known, context.printer.robot)
    }

    /// The instant before which `--max-age` does not want the mirror to be
    /// from.
    pub(super) fn oldest(&self, context: &Context) -> Result<Option<Timestamp>, Failure> {
        let now = context.printer.view().now;
        let age = self.max_age.as_deref();
        age.map(|age| instant("--max-age", age, now)).transpose()
    }

    /// Syncs where `--max-age` wants that.
    pub(super) fn bring_up_to_date(
        &self,
        context: &mut Context,
        whose: &Whose,
    ) -> Result<(), Failure> {
        let Some(oldest) = self.oldest(context)? else {
            return Ok(());
        };
        let status = |context: &mut Context| context.ask::<GetDaemonStatus>(&Nothing {});
        let request = match whose {
            Whose::One(ask) => {
                let project = context.ask::<ProjectsResolve>(ask)?;
                let is_fresh = status(context)?.projects.iter().any(|known| {
                    known.project.host == project.host
                        && known.project.path == project.path
                        && known.last_synced_at.is_some_and(|at| at >= oldest)
                });
                (!is_fresh).then(|| SyncRequest {
                    project: Some(project.path),
                    host: Some(project.host),
                    ..SyncRequest::default()
                })
            }
            Whose::All { host } => {
                let is_stale = status(context)?.projects.iter().any(|known| {
                    host.as_ref()
                        .is_none_or(|host| known.project.host.eq_ignore_ascii_case(host))
                        && known.last_synced_at.is_none_or(|at| at < oldest)
                });
                is_stale.then(|| SyncRequest {
                    host: host.clone(),
                    ..SyncRequest::default()
                })
            }
        };
        match request {
            Some(request) => sync(context, &request),
            None => Ok(()),
        }
    }
}

/// Syncs before a read. What the mirror has is better than nothing, so that a
/// sync that fails is said and no more; one that was cancelled ends the
/// command.
pub(super) fn sync(context: &mut Context, request: &SyncRequest) -> Result<(), Failure> {
    match start_and_follow::<SyncStart>(context, request, false) {
        Ok((Ok(()), _)) => Ok(()),
        Ok((Err(Failure::Error(error)), _)) | Err(Failure::Error(error))
            if error.code != ErrorCode::Cancelled =>
        {
            context.warn(format!(
                "the sync that `--max-age` asked for failed, and this is what the mirror has: {}",
                error.message
            ));
            Ok(())
        }
        Ok((Err(failure), _)) | Err(failure) => Err(failure),
    }
}

/// The instant that `flag` means by an age, a date or a time.
pub(super) fn instant(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    time::since(text, now).ok_or_else(|| {
        Failure::usage(format!(
            "`{flag}` takes an age such as 30m, 12h, 2d or 1w, a date such as 2026-01-31, or a \
             time such as 2026-01-31T12:00:00Z"
        ))
    })
}
