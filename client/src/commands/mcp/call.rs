//! One request of an agent, on a thread where waiting is allowed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lore_proto::methods::Method;
use lore_proto::project::ResolveProject;
use lore_proto::{ErrorCode, Timestamp, WireError};
use tokio::sync::mpsc::UnboundedSender;

use super::answer::Answer;
use super::stdio::Leaving;
use crate::checkout::{Checkout, UserFiles, repository_path};
use crate::context::Context;
use crate::failure::Failure;

/// What a request is answered with.
pub(super) struct Call {
    /// The way to the daemon.
    pub(super) context: Context,
    /// The agent does not want the answer any more; taken down by whoever
    /// acts on it.
    pub(super) cancelled: Arc<AtomicBool>,
    /// The agent has gone.
    pub(super) leaving: Leaving,
    /// Where to tell how far a sync is, in words; absent where nobody asked.
    pub(super) progress: Option<UnboundedSender<String>>,
}

impl Call {
    /// Which project is meant: what the arguments say, else the flags of
    /// `lore mcp`, else the checkout around the working folder.
    pub(super) fn project(
        &self,
        project: Option<String>,
        host: Option<String>,
    ) -> Result<ResolveProject, Failure> {
        let given = match project {
            Some(project) => Some(project),
            None => self.context.project()?,
        };
        let remotes = match (&given, checkout()) {
            (None, Some(checkout)) => checkout.remotes(&UserFiles::from_env()),
            _ => Vec::new(),
        };
        Ok(ResolveProject {
            project: given,
            host: host.or_else(|| self.context.globals.host.clone()),
            remotes,
        })
    }

    /// The same for a reference to an item. One that names its project itself
    /// (`is_whole`) goes before the flags and the checkout.
    pub(super) fn project_of(
        &self,
        is_whole: bool,
        project: Option<String>,
        host: Option<String>,
    ) -> Result<ResolveProject, Failure> {
        if is_whole && project.is_none() {
            return Ok(ResolveProject {
                host,
                ..ResolveProject::default()
            });
        }
        self.project(project, host)
    }

    /// A read of the mirror.
    pub(super) fn read<M: Method>(&mut self, params: &M::Params) -> Result<Answer, Failure> {
        let read = self.context.read::<M>(params)?;
        let data = serde_json::from_str(read.data.get()).map_err(|error| {
            WireError::new(
                ErrorCode::ProtocolMismatch,
                format!("the daemon's answer to `{}` is no JSON: {error}", M::NAME),
            )
            .action("lore daemon restart")
        })?;
        Ok(Answer {
            data,
            freshness: read.freshness,
            warnings: read.warnings,
            truncated: Vec::new(),
        })
    }

    /// When it is asked, for ages such as `2d`.
    pub(super) fn now(&self) -> Timestamp {
        self.context.printer.view().now
    }

    /// True once, where the agent wants the request to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.swap(false, Ordering::Relaxed)
    }

    /// Whether the agent has gone.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}

/// Whether a reference names its project: `group/project#12`, an address.
pub(super) fn is_whole(reference: &str) -> bool {
    reference.contains('/')
}

/// A file as the repository knows it. Agents name files from the repository's
/// root, whatever folder they were started in; absolute ones and `file://`
/// addresses have to lie in the checkout around the working folder.
pub(super) fn file(path: &str) -> Result<String, Failure> {
    let decoded;
    let path = match path.strip_prefix("file://") {
        Some(rest) => {
            let rest = rest.strip_prefix("localhost").unwrap_or(rest);
            decoded = percent_encoding::percent_decode_str(rest).decode_utf8_lossy();
            decoded.as_ref()
        }
        None => path,
    };
    let root = if Path::new(path).is_absolute() {
        checkout().and_then(|checkout| checkout.root)
    } else {
        None
    };
    let folder = root.as_deref().unwrap_or(Path::new(""));
    repository_path(path.as_ref(), folder, root.as_deref())
        .map_err(|problem| Failure::usage(problem.to_string()))
}

/// The checkout around the working folder, which may be gone.
fn checkout() -> Option<Checkout> {
    Checkout::around(&std::env::current_dir().ok()?)
}
