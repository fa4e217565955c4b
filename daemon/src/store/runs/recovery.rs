//! What to do after a run that did not end well. The commands are made of
//! config values and ids alone: text from GitLab never gets into them.

use lore_proto::ErrorCode;
use lore_proto::sync::{CompletionStatus, EntityStatus, EntityType, RunMode};

use super::read::{RunRow, StoredEntity};
use crate::store::error::cures as store_cures;

/// Commands that help, the most telling first; empty after a run that went
/// well or still goes on. `entities` are the run's items, where they are at
/// hand.
pub(super) fn actions(row: &RunRow, entities: &[StoredEntity]) -> Vec<String> {
    let mut actions = Vec::new();
    match row.completion {
        None | Some(CompletionStatus::Succeeded | CompletionStatus::Cancelled) => {}
        Some(CompletionStatus::SucceededWithWarnings) => {
            actions.push(format!("lore sync-runs --run-id {}", row.run_id));
        }
        Some(CompletionStatus::Failed) => {
            let code = row.error_code.unwrap_or(ErrorCode::Internal);
            if code == ErrorCode::SurgicalPreflightFailed {
                actions.extend(the_rest(row, entities));
                if let Some(code) = shared_code(entities) {
                    actions.extend(cures(code, row));
                }
            } else {
                actions.extend(cures(code, row));
            }
        }
    }
    actions.extend(retry_command(row));
    if row.mode == RunMode::Surgical && row.completion == Some(CompletionStatus::Failed) {
        actions.push(format!("lore sync-runs --run-id {}", row.run_id));
    }
    actions
}

/// The command that repeats the run; absent where there is nothing to repeat.
pub(super) fn retry_command(row: &RunRow) -> Option<String> {
    match row.completion {
        None | Some(CompletionStatus::Succeeded) => return None,
        Some(_) => {}
    }
    let settled = row.settled && row.completion != Some(CompletionStatus::SucceededWithWarnings);
    if row.mode == RunMode::Surgical && !settled {
        // Beside what the run warned of, `warnings` counts failed stages.
        let warned = u64::try_from(row.warnings.len()).unwrap_or(u64::MAX);
        let nothing_failed = row.completion == Some(CompletionStatus::SucceededWithWarnings)
            && row.counters.warnings <= warned;
        return (!nothing_failed)
            .then(|| format!("lore sync-runs --run-id {} --retry-failed", row.run_id));
    }
    // For a settled surgical run too: a standard one makes what is missing of
    // documents and vectors.
    let mut command = format!("lore sync{}", project(row)?);
    if row.options.full {
        command.push_str(" --full");
    }
    if !settled {
        command.push_str(&left_out(row));
    }
    Some(command)
}

/// The same surgical sync without the targets that failed, where some did not.
fn the_rest(row: &RunRow, entities: &[StoredEntity]) -> Option<String> {
    let failed = |kind: EntityType, iid: u64| {
        entities.iter().any(|entity| {
            entity.entity_type == kind
                && entity.iid == iid
                && matches!(entity.status, EntityStatus::Failed | EntityStatus::Timeout)
        })
    };
    let mut command = "lore sync".to_owned();
    let mut left = 0;
    for (kind, flag, iids) in [
        (EntityType::Issue, "--issue", &row.requested.issues),
        (
            EntityType::MergeRequest,
            "--mr",
            &row.requested.merge_requests,
        ),
    ] {
        for iid in iids.iter().filter(|iid| !failed(kind, **iid)) {
            command.push(' ');
            command.push_str(flag);
            command.push(' ');
            command.push_str(&iid.to_string());
            left += 1;
        }
    }
    let all = row.requested.issues.len() + row.requested.merge_requests.len();
    if left == 0 || left == all {
        return None;
    }
    command.push_str(&project(row)?);
    if row.options.preflight_only {
        command.push_str(" --preflight-only");
    }
    command.push_str(&left_out(row));
    Some(command)
}

/// The code that all failed items share; that a target is not there is cured
/// by no command.
fn shared_code(entities: &[StoredEntity]) -> Option<ErrorCode> {
    let mut codes = entities.iter().filter_map(|entity| entity.code);
    let first = codes.next()?;
    (first != ErrorCode::GitlabNotFound && codes.all(|code| code == first)).then_some(first)
}

/// ` -p path`, with the host where the path alone is ambiguous.
fn project(row: &RunRow) -> Option<String> {
    let mut words = format!(" -p {}", quoted(&row.project)?);
    if row.path_elsewhere {
        words.push_str(" --host ");
        words.push_str(&quoted(&row.host)?);
    }
    Some(words)
}

fn left_out(row: &RunRow) -> String {
    [
        (row.options.no_events, " --no-events"),
        (row.options.no_file_changes, " --no-file-changes"),
        (row.options.no_status, " --no-status"),
        (row.options.no_docs, " --no-docs"),
        (row.options.no_embed, " --no-embed"),
    ]
    .into_iter()
    .filter_map(|(set, flag)| set.then_some(flag))
    .collect()
}

/// As one word of a shell. A path with a NUL, which no shell can take, cannot
/// be configured either.
fn quoted(word: &str) -> Option<String> {
    shlex::try_quote(word)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// Commands that show or mend the cause.
fn cures(code: ErrorCode, row: &RunRow) -> Vec<String> {
    use ErrorCode as C;
    let commands: &[&str] = match code {
        C::TokenMissing | C::GitlabUnauthorized => {
            let login = quoted(&row.host).map(|host| format!("lore auth login --host {host}"));
            return login
                .into_iter()
                .chain(["lore status".to_owned()])
                .collect();
        }
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
        other => store_cures(other),
    };
    commands.iter().map(|it| (*it).to_owned()).collect()
}
