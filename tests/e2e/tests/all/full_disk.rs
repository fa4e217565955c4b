//! A disk that is really full: a small file system of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gitlab_sim::{Simulator, SimulatorBuilder};
use lore_e2e::{Connected, Home, eventually};
use lore_proto::ErrorCode;
use lore_proto::daemon::{DaemonStatus, Nothing, Shutdown};
use lore_proto::jobs::{JobInfo, JobRef};
use lore_proto::methods::{DaemonShutdown, GetDaemonStatus, JobsGet, SyncStart};
use lore_proto::sync::SyncRequest;
use rusqlite::{Connection, OpenFlags};

use crate::support::generated;

/// A file system in memory, unmounted in the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this user may not mount anything.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "lore-test"])
            .arg(at)
            .output();
        let mounted = mounted.is_ok_and(|it| it.status.success());
        mounted.then(|| Self(at.to_path_buf()))
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let status = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }

    /// Takes all the space that is left.
    fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.0.join("lore.filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a daemon that is being killed may still hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn synced(client: &mut Connected) -> JobInfo {
    let started = client
        .call::<SyncStart>(&SyncRequest::default())
        .await
        .unwrap();
    let job_id = started.job_id.unwrap();
    let ended = async {
        loop {
            let job = client.call::<JobsGet>(&JobRef { job_id }).await.unwrap();
            if job.state.is_terminal() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended)
        .await
        .expect("the sync ends")
}

async fn status(client: &mut Connected) -> DaemonStatus {
    client.call::<GetDaemonStatus>(&Nothing {}).await.unwrap()
}

fn warned(status: &DaemonStatus) -> bool {
    let mut warnings = status.warnings.iter();
    warnings.any(|it| it.code == ErrorCode::DiskFull)
}

fn sim() -> Simulator {
    SimulatorBuilder::new()
        .generate(&generated(131, 200))
        .start_blocking()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_loses_nothing_and_syncing_goes_on_when_there_is_space() {
    let sim = sim();
    let (path, issues) = sim.read(|upstream| {
        let project = upstream.projects.values().next().unwrap();
        (project.path_with_namespace.clone(), project.issues.len())
    });
    let home = Home::new(&sim, &[path], "interval_seconds = 0");
    let Some(disk) = SmallDisk::mount(&home.path().join("data"), "1500k") else {
        eprintln!("skipped: mounting a small file system is not permitted here");
        return;
    };
    let daemon = home.start().await;
    let mut client = daemon.connect().await.unwrap();
    let job = synced(&mut client).await;
    let error = job.error.unwrap();
    assert_eq!(error.code, ErrorCode::DiskFull, "{error}");
    assert!(error.message.contains("no space is left"), "{error}");
    let full = status(&mut client).await;
    assert!(warned(&full), "{full:?}");
    // What was written before stays, and is answered.
    let before = full.projects[0].issues;
    assert!(before > 0);

    disk.resize("64m");
    let job = synced(&mut client).await;
    assert_eq!(job.error, None);
    let stored = Connection::open_with_flags(home.database(), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let count = |sql: &str| -> i64 {
        let connection = stored.as_ref().unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        count("SELECT count(*) FROM issues"),
        i64::try_from(issues).unwrap()
    );
    // The end of the run that the disk did not take was not forgotten.
    assert_eq!(
        count("SELECT count(*) FROM sync_runs WHERE error_code = 'DISK_FULL'"),
        1
    );
    assert_eq!(
        count("SELECT count(*) FROM sync_runs WHERE status = 'running'"),
        0
    );
    drop(stored);
    client
        .call::<DaemonShutdown>(&Shutdown::default())
        .await
        .unwrap();
    // A database that was closed in order has no log left to write into.
    let log = home.database().with_extension("db-wal");
    eventually("the database is closed", || !log.exists()).await;
    drop((client, daemon));

    // One that starts on a full disk says so and waits for space.
    let filler = disk.fill();
    let daemon = home.start().await;
    let mut client = daemon.connect().await.unwrap();
    let full = status(&mut client).await;
    assert!(full.degraded.is_some() && warned(&full), "{full:?}");
    std::fs::remove_file(filler).unwrap();
    let opened = async {
        while status(&mut client).await.degraded.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), opened)
        .await
        .expect("it opens the database once there is space");
    let again = status(&mut client).await;
    assert_eq!(again.projects[0].issues, issues as u64);
}
