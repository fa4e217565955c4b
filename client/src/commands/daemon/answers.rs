//! `data` of the robot documents of `lore daemon …`.

use lore_proto::daemon::{HelloReply, PlacesInfo};
use lore_proto::places::Places;
use lore_proto::{ErrorCode, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A daemon that answers and serves this `lore`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonRunning")]
pub(super) struct Answering {
    /// True.
    running: bool,
    /// Whether it serves this `lore`: true.
    compatible: bool,
    /// Its process.
    pid: u32,
    /// Its version.
    version: String,
    /// The protocol it speaks.
    protocol: u32,
    /// Its data folder.
    data_dir: String,
    /// Its config file.
    config: String,
    /// Where it answers.
    socket: String,
    /// Why it serves less than everything.
    degraded: Option<String>,
}

impl Answering {
    /// What a handshake told.
    pub(super) fn new(hello: &HelloReply, places: &Places) -> Self {
        Self {
            running: true,
            compatible: true,
            pid: hello.pid,
            version: hello.version.clone(),
            protocol: hello.protocol,
            data_dir: hello.data_dir.clone(),
            config: hello.config.clone(),
            socket: places.socket.display().to_string(),
            degraded: hello.degraded.clone(),
        }
    }
}

/// Of `start` and `restart`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonStarted")]
pub(super) struct Launch {
    /// The daemon.
    #[serde(flatten)]
    pub(super) daemon: Answering,
    /// False where it ran already.
    pub(super) started: bool,
    /// The process that was stopped, of `restart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous_pid: Option<u32>,
}

/// Of `stop`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonStopped")]
pub(super) struct Ending {
    /// False: none runs now.
    pub(super) running: bool,
    /// False where none ran.
    pub(super) stopped: bool,
    /// The process that ended.
    pub(super) pid: Option<u32>,
}

/// Of `status`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonHealth")]
#[serde(untagged)]
pub(super) enum Health {
    /// It serves this `lore`.
    Serves(Box<Serves>),
    /// Something answers and does not serve this `lore`.
    Unfit(Unfit),
    /// Nobody answers.
    Absent(Absent),
}

/// A daemon that serves this `lore`, with its times and places.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonServes")]
pub(super) struct Serves {
    /// The daemon.
    #[serde(flatten)]
    pub(super) daemon: Answering,
    /// When it started.
    pub(super) started_at: Timestamp,
    /// Whole seconds since then.
    pub(super) uptime_seconds: u64,
    /// Where its things are.
    pub(super) places: PlacesInfo,
}

/// Something that answers and does not serve this `lore`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonUnfit")]
pub(super) struct Unfit {
    /// True.
    pub(super) running: bool,
    /// False.
    pub(super) compatible: bool,
    /// Why.
    pub(super) problem: Problem,
    /// Where it answers.
    pub(super) socket: String,
}

/// Why a daemon does not serve this `lore`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonProblem")]
pub(super) struct Problem {
    /// The cause's name.
    pub(super) code: ErrorCode,
    /// A sentence for a person.
    pub(super) message: String,
}

/// Nobody answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonAbsent")]
pub(super) struct Absent {
    /// False.
    pub(super) running: bool,
    /// Whether a service manager starts it with the next request.
    pub(super) starts_on_demand: bool,
    /// Where nobody answers.
    pub(super) socket: String,
    /// A daemon that owns the data folder all the same and cannot be heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner_pid: Option<u32>,
}

/// Of `logs`, without `--follow`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DaemonLogs")]
pub(super) struct LogTail<'a> {
    /// The file, or the command by which the service manager shows its own.
    pub(super) path: String,
    /// Its last lines.
    pub(super) lines: &'a [String],
}
