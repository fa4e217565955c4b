//! What to do after a run that did not end well. The commands are made of
//! config values and ids alone: text from GitLab never gets into them.

use lore_proto::ErrorCode;
use lore_proto::sync::{CompletionStatus, RunMode};

use super::read::RunRow;

/// Commands that help, the most telling first; empty after a run that went
/// well or still goes on.
pub(super) fn actions(row: &RunRow) -> Vec<String> {
    let mut actions = Vec::new();
    match row.completion {
        None | Some(CompletionStatus::Succeeded | CompletionStatus::Cancelled) => {}
        Some(CompletionStatus::SucceededWithWarnings) => {
            actions.push(format!("lore sync-runs --run-id {}", row.run_id));
        }
        Some(CompletionStatus::Failed) => actions.extend(
            cures(row.error_code.unwrap_or(ErrorCode::Internal))
                .iter()
                .map(|command| (*command).to_owned()),
        ),
    }
    actions.extend(retry_command(row));
    actions
}

/// The command that repeats the run; absent where there is nothing to repeat.
pub(super) fn retry_command(row: &RunRow) -> Option<String> {
    match row.completion {
        None | Some(CompletionStatus::Succeeded) => return None,
        Some(_) => {}
    }
    if row.mode == RunMode::Surgical {
        return Some(format!(
            "lore sync-runs --run-id {} --retry-failed",
            row.run_id
        ));
    }
    let mut command = format!("lore sync -p {}", quoted(&row.project)?);
    if row.path_elsewhere {
        command.push_str(" --host ");
        command.push_str(&quoted(&row.host)?);
    }
    for (set, flag) in [
        (row.options.full, " --full"),
        (row.options.no_events, " --no-events"),
        (row.options.no_file_changes, " --no-file-changes"),
        (row.options.no_status, " --no-status"),
        (row.options.no_docs, " --no-docs"),
        (row.options.no_embed, " --no-embed"),
    ] {
        if set {
            command.push_str(flag);
        }
    }
    Some(command)
}

/// As one word of a shell. A path with a NUL, which no shell can take, cannot
/// be configured either.
fn quoted(word: &str) -> Option<String> {
    shlex::try_quote(word)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// Commands that show or mend the cause.
fn cures(code: ErrorCode) -> &'static [&'static str] {
    use ErrorCode as C;
    match code {
        C::TokenMissing | C::GitlabUnauthorized => &["lore init", "lore status"],
        C::GitlabForbidden
        | C::GitlabNotFound
        | C::ProjectMismatch
        | C::ProjectUnknown
        | C::HostUnknown
        | C::ConfigInvalid
        | C::GitlabRateLimited
        | C::Network
        | C::Timeout
        | C::GitlabUnavailable => &["lore status"],
        // The daemon died or was stopped: another try is all it takes.
        C::Interrupted | C::Cancelled => &[],
        _ => &["lore daemon logs"],
    }
}
