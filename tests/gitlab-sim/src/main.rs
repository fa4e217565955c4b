//! The simulator as a program: a GitLab on loopback until it is stopped.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use gitlab_sim::upstream::{RandomChangeOptions, Upstream};
use gitlab_sim::{
    DEFAULT_TOKEN, GeneratorConfig, Latency, Moment, Options, RateLimit, RetryAfter, Simulator,
    SimulatorBuilder, SourceError, Throttle, Tier, load_corpus, load_git,
};

/// Serves a made-up or recorded GitLab on loopback.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Port on 127.0.0.1; a free one unless given.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The token that sees everything.
    #[arg(long, default_value = DEFAULT_TOKEN)]
    token: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    installation: Installation,
    /// Make this many random changes a minute while serving.
    #[arg(long, value_name = "N", default_value_t = 0)]
    changes_per_minute: u32,
    /// Wait this long before reading from a new connection, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    connect_latency: u64,
    /// Wait this long before each answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
}

/// What is served. Without any of these, one generated project.
#[derive(Debug, Args)]
struct Source {
    /// Serve the history of a local git repository as merge requests.
    #[arg(long, value_name = "PATH")]
    from_git: Option<PathBuf>,
    /// Full path of that project.
    #[arg(long, value_name = "GROUP/PROJECT", default_value = "local/repository")]
    git_project: String,
    /// Serve a recorded project: a folder with meta.json, mrs.jsonl.gz and
    /// issues.jsonl.gz.
    #[arg(long, value_name = "PATH")]
    corpus: Option<PathBuf>,
    /// Serve this many generated projects (1 when nothing else is served).
    #[arg(long, value_name = "N")]
    projects: Option<usize>,
    /// Issues in each generated project.
    #[arg(long, value_name = "N", default_value_t = 100)]
    issues: usize,
    /// Merge requests in each generated project.
    #[arg(long, value_name = "N", default_value_t = 100)]
    merge_requests: usize,
    /// Decides what is generated.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What kind of installation it is.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
struct Installation {
    /// Path prefix of a relative-URL install, such as /gitlab.
    #[arg(long, value_name = "PATH", default_value = "")]
    relative_root: String,
    /// Write timestamps in this offset from UTC, in minutes.
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    utc_offset: i32,
    /// Requests in each minute.
    #[arg(long, value_name = "N")]
    rate_limit: Option<u64>,
    /// Send no headers about the rate limit.
    #[arg(long)]
    no_rate_limit_headers: bool,
    /// Refuse as the limiter of single endpoints does: JSON, no headers.
    #[arg(long)]
    endpoint_limiter: bool,
    /// How Retry-After is written.
    #[arg(long, value_enum, default_value_t = RetryAfterArgument::Seconds)]
    retry_after: RetryAfterArgument,
    /// Say nothing of totals for collections of more rows.
    #[arg(long, value_name = "ROWS", default_value_t = 10_000)]
    totals_limit: usize,
    /// Refuse keyset paging, as before 18.3.
    #[arg(long)]
    no_keyset: bool,
    /// Files that a diff shows at most; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    diff_file_limit: usize,
    /// Have no endpoint for raw diffs, as before 17.
    #[arg(long)]
    no_raw_diffs: bool,
    /// Keep the limit of files even where raw diffs are asked for.
    #[arg(long)]
    no_access_raw_diffs: bool,
    /// Render the merge request list anew each time.
    #[arg(long)]
    no_list_cache: bool,
    /// How long the diff of a new merge request is being prepared, in
    /// milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    preparing_delay: u64,
    /// How long a replica does not see a write, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    replica_lag: u64,
    /// Name this host and port in Link headers.
    #[arg(long, value_name = "HOST")]
    link_host: Option<String>,
    /// Name this scheme and host in redirects.
    #[arg(long, value_name = "URL")]
    redirect_base: Option<String>,
    /// Name this scheme and host in web URLs.
    #[arg(long, value_name = "URL")]
    external_url: Option<String>,
    /// Licence.
    #[arg(long, value_enum, default_value_t = TierArgument::Premium)]
    tier: TierArgument,
    /// Add no fields that clients do not know.
    #[arg(long)]
    no_extra_fields: bool,
    /// Compress answers for those who accept it.
    #[arg(long)]
    gzip: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TierArgument {
    Ce,
    Free,
    Premium,
    OldEnterprise,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RetryAfterArgument {
    Seconds,
    Date,
    Absent,
}

impl Installation {
    fn options(self) -> Options {
        let rate_limit = self.rate_limit.map(|per_minute| RateLimit {
            per_minute,
            throttle: if self.endpoint_limiter {
                Throttle::Endpoint
            } else {
                Throttle::RackAttack
            },
            headers: !self.no_rate_limit_headers,
            retry_after: match self.retry_after {
                RetryAfterArgument::Seconds => RetryAfter::Seconds,
                RetryAfterArgument::Date => RetryAfter::Date,
                RetryAfterArgument::Absent => RetryAfter::Absent,
            },
        });
        let root = self.relative_root.trim_matches('/');
        Options {
            relative_root: if root.is_empty() {
                String::new()
            } else {
                format!("/{root}")
            },
            utc_offset: self.utc_offset.saturating_mul(60),
            rate_limit,
            totals_limit: self.totals_limit,
            keyset: !self.no_keyset,
            diff_file_limit: (self.diff_file_limit > 0).then_some(self.diff_file_limit),
            raw_diffs: !self.no_raw_diffs,
            access_raw_diffs: !self.no_access_raw_diffs,
            merge_request_list_cache: !self.no_list_cache,
            preparing_delay: Duration::from_millis(self.preparing_delay),
            replica_lag: Duration::from_millis(self.replica_lag),
            external_url: self.external_url,
            link_host: self.link_host,
            redirect_base: self.redirect_base,
            tier: match self.tier {
                TierArgument::Ce => Tier::Ce,
                TierArgument::Free => Tier::Free,
                TierArgument::Premium => Tier::Premium,
                TierArgument::OldEnterprise => Tier::OldEnterprise,
            },
            extra_fields: !self.no_extra_fields,
            gzip: self.gzip,
            ..Options::default()
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell where stderr is closed.
            let _ = writeln!(std::io::stderr(), "gitlab-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let latency = Latency {
        connect: Duration::from_millis(arguments.connect_latency),
        answer: Duration::from_millis(arguments.latency),
    };
    let (token, port) = (arguments.token.clone(), arguments.port);
    let sim = fill(SimulatorBuilder::new().now(wall_clock()), &arguments.source)?
        .token(&token)
        .port(port)
        .options(arguments.installation.options())
        .start_blocking()?;
    sim.clock().follow_real_time();
    sim.set_latency(latency);
    announce(&sim)?;
    serve(&sim, arguments.changes_per_minute, arguments.source.seed)
}

fn fill(builder: SimulatorBuilder, source: &Source) -> Result<SimulatorBuilder, SourceError> {
    let mut loaded = Ok(());
    let builder = builder.upstream(|upstream| loaded = load(upstream, source));
    loaded?;
    let recorded = source.from_git.is_some() || source.corpus.is_some();
    let projects = source.projects.unwrap_or(usize::from(!recorded));
    Ok(builder.generate(&GeneratorConfig {
        seed: source.seed,
        projects,
        issues: source.issues,
        merge_requests: source.merge_requests,
        users: if projects == 0 { 0 } else { 12 },
        ..GeneratorConfig::default()
    }))
}

fn load(upstream: &mut Upstream, source: &Source) -> Result<(), SourceError> {
    if let Some(path) = &source.from_git {
        load_git(upstream, path, &source.git_project)?;
    }
    if let Some(path) = &source.corpus {
        load_corpus(upstream, path)?;
    }
    Ok(())
}

/// One line of JSON, for scripts that wait for it.
fn announce(sim: &Simulator) -> Result<(), Box<dyn Error>> {
    let projects: Vec<_> = sim.read(|upstream| {
        upstream
            .projects
            .values()
            .map(|project| {
                serde_json::json!({
                    "id": project.id,
                    "path": project.path_with_namespace,
                    "issues": project.issues.len(),
                    "merge_requests": project.merge_requests.len(),
                })
            })
            .collect()
    });
    let line = serde_json::json!({
        "url": sim.url(), "token": sim.token(), "projects": projects,
    });
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}

/// Serves until Ctrl+C or SIGTERM, and changes things meanwhile.
fn serve(sim: &Simulator, changes_per_minute: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let pause = Duration::from_mins(1)
            .checked_div(changes_per_minute)
            .unwrap_or(Duration::MAX);
        let options = RandomChangeOptions {
            longest_pause: Duration::ZERO,
            ..RandomChangeOptions::default()
        };
        let mut round = seed;
        loop {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(pause) => {
                    round = round.wrapping_add(1);
                    sim.change(|upstream| upstream.random_changes(round, 1, &options));
                }
            }
        }
    })
}

fn wall_clock() -> Moment {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Moment::default() + since_epoch
}
