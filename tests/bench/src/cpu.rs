//! What the kernel says a process has used.

use std::time::Duration;

use lore_demo::DemoError;

/// User and system time of a process so far.
pub(crate) fn used_by(pid: u32) -> Result<Duration, DemoError> {
    times(&format!("/proc/{pid}/stat"), 13)
}

/// The same of all children of this process that have ended.
pub(crate) fn used_by_ended_children() -> Result<Duration, DemoError> {
    times("/proc/self/stat", 15)
}

/// Resident memory of a process, and how often it has been put to run, from
/// its own doing.
pub(crate) fn memory_and_wakeups(pid: u32) -> Result<(u64, u64), DemoError> {
    let field = |text: &str, name: &str| -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let process = format!("/proc/{pid}/status");
    let resident = field(&read(&process)?, "VmRSS:")
        .ok_or_else(|| DemoError::Wrong(format!("`{process}` does not say how much memory")))?;
    let tasks = format!("/proc/{pid}/task");
    let mut wakeups = 0;
    for task in std::fs::read_dir(&tasks).map_err(DemoError::io(format!("reading `{tasks}`")))? {
        let task = task.map_err(DemoError::io(format!("reading `{tasks}`")))?;
        // A thread that has ended meanwhile does not count.
        if let Ok(text) = std::fs::read_to_string(task.path().join("status")) {
            wakeups += field(&text, "voluntary_ctxt_switches:").unwrap_or_default();
        }
    }
    Ok((resident, wakeups))
}

/// The sum of two neighbouring fields of a `stat` file, counted from 0.
fn times(path: &str, first: usize) -> Result<Duration, DemoError> {
    let text = read(path)?;
    // The second field is a name in brackets and may hold anything.
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let ticks: Option<u64> = fields
        .get(first - 2..first)
        .and_then(|pair| pair.iter().map(|field| field.parse::<u64>().ok()).sum());
    let ticks =
        ticks.ok_or_else(|| DemoError::Wrong(format!("`{path}` does not look like Linux's")))?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks * 1_000 / per_second))
}

fn read(path: &str) -> Result<String, DemoError> {
    std::fs::read_to_string(path).map_err(DemoError::io(format!("reading `{path}`")))
}
