//! The database, and the disk that it is on.

use std::path::Path;
use std::time::Duration;

use lore_proto::WireError;
use lore_proto::doctor::Finding;
use lore_proto::places::Places;

use crate::daemon::Daemon;
use crate::store::backup::{NONE_LEFT, free_space};
use crate::store::check::Checker;
use crate::store::{StoreError, migrations};

/// A quick check of a large database takes a while; more than this is left to
/// `lore db check`.
const CHECK_LIMIT: Duration = Duration::from_mins(1);
/// A write-ahead log of more than this is not being folded in.
const LONG_LOG: u64 = 512 << 20;
/// Less free space than this deserves a look.
const SCARCE: u64 = 256 << 20;

/// Schema, size, log and a quick check.
pub(super) async fn look(daemon: &Daemon) -> Vec<Finding> {
    let path = daemon.places().database();
    if let Err(error) = daemon.mirror.now() {
        return vec![Finding::failed("database", error)];
    }
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
    let (size, log) = (length(&path), length(&path.with_extension("db-wal")));
    let mut findings = vec![Finding::ok(
        "database",
        format!(
            "`{}` has schema {} and {} MiB, its log {} MiB",
            path.display(),
            migrations::newest_version(),
            size >> 20,
            log >> 20
        ),
    )];
    if log > LONG_LOG {
        let message = format!(
            "the write-ahead log has {} MiB: another program reads the database without an end",
            log >> 20
        );
        let action = "lore daemon restart";
        findings.push(Finding::warning("database", message).action(action));
    }
    findings.push(quick_check(&path).await);
    findings
}

async fn quick_check(path: &Path) -> Finding {
    let path = path.to_path_buf();
    let checker = tokio::task::spawn_blocking(move || Checker::open(&path)).await;
    let checker = match checker.unwrap_or(Err(StoreError::Panicked)) {
        Ok(checker) => checker,
        Err(error) => return Finding::failed("database", error.to_wire()),
    };
    let interrupt = checker.interrupt();
    let mut checking = tokio::task::spawn_blocking(move || checker.run("quick_check"));
    let Ok(checked) = tokio::time::timeout(CHECK_LIMIT, &mut checking).await else {
        interrupt.interrupt();
        // It ends at once; what it says does not matter any more.
        let _ = checking.await;
        let message = "the quick check takes longer than a minute";
        return Finding::skipped("database", message).action("lore db check");
    };
    match checked.unwrap_or(Err(StoreError::Panicked)) {
        Ok(problems) if problems.is_empty() => Finding::ok("database", "the quick check is clean"),
        Ok(problems) => {
            let message = format!("the database is damaged: {}", problems.join("; "));
            let error = WireError::new(lore_proto::ErrorCode::DatabaseCorrupt, message);
            Finding::failed("database", error.action("lore db rebuild"))
        }
        Err(error) => Finding::failed("database", error.to_wire()),
    }
}

/// Free space where the mirror and the log are. Blocks.
pub(super) fn disk(places: &Places) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in [&places.data_dir, &places.log_dir] {
        let Some(free) = free_space(folder) else {
            continue;
        };
        let shown = folder.display().to_string();
        let message = format!("{} MiB are free for `{shown}`", free >> 20);
        findings.push(
            if free < NONE_LEFT {
                let full = WireError::new(lore_proto::ErrorCode::DiskFull, message);
                Finding::failed("disk", full)
            } else if free < SCARCE {
                Finding::warning("disk", message)
            } else {
                Finding::ok("disk", message)
            }
            .of(shown),
        );
    }
    for finding in &mut findings {
        if finding.state != lore_proto::doctor::CheckState::Ok {
            finding.actions.push("df -h".to_owned());
        }
    }
    findings
}

/// Whether a folder is on a file system of another machine, as far as the
/// system tells (Linux).
pub(super) fn is_network(folder: &Path) -> bool {
    // NFS, SMB, CIFS, SMB2, AFS, Ceph, Coda, 9P, Lustre, GPFS: `man 2 statfs`
    // and the projects' own headers.
    const MAGIC: [u64; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x5346_414f,
        0x00c3_6400,
        0x7375_7245,
        0x0102_1997,
        0x0bd0_0bd0,
        0x4750_4653,
    ];
    #[cfg(target_os = "linux")]
    {
        let found = rustix::fs::statfs(folder).ok();
        // The field's type differs between architectures.
        #[allow(
            clippy::cast_sign_loss,
            clippy::unnecessary_cast,
            clippy::useless_conversion
        )]
        let kind = found.map(|it| it.f_type as u64 & 0xffff_ffff);
        kind.is_some_and(|kind| MAGIC.contains(&kind))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (folder, MAGIC);
        false
    }
}
