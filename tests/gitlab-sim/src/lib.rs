//! A GitLab to test against.
//!
//! An in-memory [`Upstream`](upstream::Upstream) with the behaviour that makes
//! mirroring GitLab hard (the throttled touch, cached lists, filters after
//! paging, changes that move no timestamp), and real HTTP over it that a client
//! made for GitLab cannot tell from the original.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use gitlab_sim::upstream::{ItemRef, NewNote};
//! use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
//!
//! let sim = SimulatorBuilder::new()
//!     .generate(&GeneratorConfig::default())
//!     .start()
//!     .await?;
//! println!("GITLAB_TOKEN={} at {}", sim.token(), sim.url());
//! sim.change(|upstream| {
//!     upstream.add_note(ItemRef::issue(42, 1), NewNote::comment(1, "Me too"))
//! })?;
//! assert!(sim.requests().is_empty());
//! # Ok(())
//! # }
//! ```

mod clock;
mod faults;
mod generate;
mod graphql;
mod http;
mod moment;
mod options;
mod request_log;
mod route;
mod shared;
mod simulator;
mod source;
pub mod upstream;

pub use clock::VirtualClock;
pub use faults::{ErrorBody, FaultKind, FaultRule, Faults, InjectedFault, RouteFilter, When};
pub use generate::GeneratorConfig;
pub use moment::Moment;
pub use options::{Options, RateLimit, RetryAfter, Throttle, Tier};
pub use request_log::{RequestEntry, RequestLog};
pub use route::Route;
pub use shared::Latency;
pub use simulator::{DEFAULT_TOKEN, Simulator, SimulatorBuilder};
pub use source::{SourceError, load_corpus, load_git};
pub use upstream::{Access, RandomChangeOptions};
