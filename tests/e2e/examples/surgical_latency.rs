//! How long `lore sync --mr N` takes, as a ratio to the latency of GitLab.
//!
//! Needs a build of the programs beside it:
//! `cargo build --release && cargo run --release -p lore-e2e --example surgical_latency`
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitlab_sim::upstream::{DiffFile, ItemKind, ItemRef, NewIssue, NewMergeRequest, NewNote};
use gitlab_sim::{GeneratorConfig, Latency, Route, Simulator, SimulatorBuilder};
use lore_daemon::clock::SystemClock;
use lore_daemon::gitlab::{Call, Client, HostConfig, Iid, Noteable, ProjectId, Token};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const LATENCY: Duration = Duration::from_millis(100);
/// Samples of each row; the median is printed.
const SAMPLES: usize = 20;
/// The merge request whose discussions take two pages.
const LONG: u64 = 41;

fn main() {
    let sim = simulator();
    let home = Home::new(&sim);
    let project = 42;
    println!("everything is fetched first, without latency …");
    let daemon = home.start();
    home.run(&["sync", "-p", "bench/app"]);
    let slow = Latency {
        connect: LATENCY,
        answer: LATENCY,
    };
    sim.set_latency(slow);
    drop(daemon);

    let mut cold = Vec::new();
    for _ in 0..5 {
        let daemon = home.start();
        cold.push(home.run(&["sync", "-p", "bench/app", "--mr", "1"]));
        drop(daemon);
    }
    row("cold, one merge request", cold);

    let _daemon = home.start();
    // Opens the connections that the rows below find warm.
    home.run(&words("--mr", 1..=20));
    let one = || home.run(&["sync", "-p", "bench/app", "--mr", "7"]);
    let idle = row("warm, one merge request", sampled(one));
    row(
        "warm, one whose discussions take two pages",
        sampled(|| home.run(&["sync", "-p", "bench/app", "--mr", &LONG.to_string()])),
    );
    row(
        "warm, one issue",
        sampled(|| home.run(&["sync", "-p", "bench/app", "--issue", "3"])),
    );
    let mixed: Vec<String> = {
        let mut all = words("--mr", 1..=10);
        all.extend(words("--issue", 1..=10).split_off(3));
        all
    };
    let twenty = row(
        "warm, 10 merge requests and 10 issues",
        sampled(|| home.run(&mixed)),
    );
    let twenty_mrs = words("--mr", 1..=20);
    let most = row("warm, 20 merge requests", sampled(|| home.run(&twenty_mrs)));
    println!(
        "  20 targets take {:.2} (mixed) and {:.2} (merge requests) times one",
        twenty / idle,
        most / idle
    );
    row(
        "naive: the same requests one after another",
        naive(&sim, project),
    );

    println!("a full sync of 10,000 entities begins …");
    home.run(&["sync", "-p", "bench/big", "--full", "--detach"]);
    // Once it has walked the lists it asks for everything at once.
    let deadline = Instant::now() + Duration::from_mins(2);
    let discussions = Route::Discussions(ItemKind::Issue);
    let threads = |sim: &Simulator| sim.requests().count(discussions);
    let already = threads(&sim);
    while threads(&sim) < already + 100 {
        assert!(Instant::now() < deadline, "the full sync does not get on");
        std::thread::sleep(Duration::from_millis(100));
    }
    let before = sim.requests().len();
    let busy = row("the same merge request under that load", sampled(one));
    let asked = sim.requests().len() - before;
    println!(
        "  under load it takes {:.2} times its idle time ({asked} requests went by)",
        busy / idle
    );
}

/// A small project, and one of 10,000 entities.
fn simulator() -> Simulator {
    let sim = SimulatorBuilder::new().upstream(|upstream| {
        let author = upstream.add_user("ada", "Ada");
        assert_eq!(upstream.create_project("bench/app"), 42);
        let comment = |upstream: &mut gitlab_sim::upstream::Upstream, at: ItemRef, count: u64| {
            for note in 0..count {
                let note = NewNote::comment(author, format!("Note {note}"));
                upstream.add_note(at, note).unwrap();
            }
        };
        for iid in 1..=LONG {
            let new = NewIssue::new(author, format!("Issue {iid}"));
            let issue = upstream.create_issue(42, new).unwrap();
            comment(upstream, issue, 5);
            let files = vec![DiffFile::modified("src/lib.rs", "@@ -1 +1 @@\n-a\n+b\n")];
            let new = NewMergeRequest::new(author, format!("Change {iid}"), files);
            let change = upstream.create_merge_request(42, new).unwrap();
            comment(upstream, change, if iid == LONG { 150 } else { 5 });
        }
        upstream.clock().advance(Duration::from_mins(10));
    });
    let big = GeneratorConfig {
        issues: 5_000,
        merge_requests: 5_000,
        ..GeneratorConfig::default()
    };
    let sim = sim.generate(&big).upstream(|upstream| {
        let made = upstream.projects.keys().copied().find(|id| *id != 42);
        upstream.rename_project(made.unwrap(), "bench/big").unwrap();
    });
    sim.start_blocking().expect("the simulator starts")
}

fn words(flag: &str, iids: std::ops::RangeInclusive<u64>) -> Vec<String> {
    let mut words: Vec<String> = ["sync", "-p", "bench/app"].map(str::to_owned).into();
    for iid in iids {
        words.extend([flag.to_owned(), iid.to_string()]);
    }
    words
}

fn sampled(one: impl Fn() -> Duration) -> Vec<Duration> {
    (0..SAMPLES).map(|_| one()).collect()
}

/// Prints the median as a ratio to the latency, and gives it in seconds.
fn row(name: &str, mut samples: Vec<Duration>) -> f64 {
    samples.sort();
    let median = samples[samples.len() / 2].as_secs_f64();
    println!(
        "{name:48} {:5.2} round trips ({:.0} ms; {:.0} to {:.0})",
        median / LATENCY.as_secs_f64(),
        median * 1000.0,
        samples[0].as_secs_f64() * 1000.0,
        samples[samples.len() - 1].as_secs_f64() * 1000.0,
    );
    median
}

/// What a script does: one request after another, on a warm connection.
fn naive(sim: &Simulator, project: u64) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut host = HostConfig::new("bench", sim.url().parse().unwrap());
        host.token = Some(Token::new(sim.token()));
        let client = Client::new(host, Arc::new(SystemClock), 1).unwrap();
        client.warm(1).await;
        let never = CancellationToken::new();
        let call = Call::background(&never);
        let project = ProjectId(i64::try_from(project).unwrap());
        let (iid, kind) = (Iid(7), Noteable::MergeRequest);
        let mut samples = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            client.merge_request(&call, project, iid).await.unwrap();
            client.discussions(&call, project, kind, iid).await.unwrap();
            client
                .state_events(&call, project, kind, iid)
                .await
                .unwrap();
            client
                .label_events(&call, project, kind, iid)
                .await
                .unwrap();
            client
                .milestone_events(&call, project, kind, iid)
                .await
                .unwrap();
            let diffs = client.merge_request_diffs_listed(&call, project, iid).await;
            diffs.unwrap();
            client.closes_issues(&call, project, iid).await.unwrap();
            samples.push(began.elapsed());
        }
        samples
    })
}

/// A home with a config, and the programs that use it.
struct Home(TempDir);

impl Home {
    fn new(sim: &Simulator) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "[hosts.bench]\nurl = \"{}\"\ntoken_env = \"TOKEN\"\n\
             projects = [\"bench/app\", \"bench/big\"]\n[sync]\ninterval_seconds = 0\n",
            sim.url()
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        Self(home)
    }

    fn program(&self, name: &str) -> Command {
        let here = std::env::current_exe().unwrap();
        let program: PathBuf = here.ancestors().nth(2).unwrap().join(name);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("TOKEN", gitlab_sim::DEFAULT_TOKEN)
            .env("LORE_DATA_DIR", self.0.path().join("data"))
            .env("LORE_CONFIG", self.0.path().join("config.toml"))
            .env("LORE_NO_AUTOSTART", "1")
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A daemon that answers.
    fn start(&self) -> Daemon {
        let daemon = Daemon(
            self.program("lored")
                .spawn()
                .expect("`cargo build` comes first"),
        );
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self
            .program("lore")
            .arg("status")
            .status()
            .unwrap()
            .success()
        {
            assert!(Instant::now() < deadline, "the daemon does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// Runs `lore` and gives how long the process took.
    fn run(&self, words: &[impl AsRef<std::ffi::OsStr>]) -> Duration {
        let mut command = self.program("lore");
        command.args(words).arg("--robot").stdout(Stdio::piped());
        let began = Instant::now();
        let output = command.output().unwrap();
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        if std::env::var_os("LORE_BENCH_STAGES").is_some() {
            let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
            println!("    {took:?} {}", answer["data"]["stage_timings_ms"]);
        }
        took
    }
}

/// A running daemon; it ends with this.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let ended = Command::new("kill").arg(self.0.id().to_string()).status();
        ended.unwrap();
        self.0.wait().unwrap();
    }
}
