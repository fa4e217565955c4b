//! The two programs on a temporary home: what the demo and the benchmark share.

mod error;
mod home;
mod interrupt;
mod programs;

pub use error::DemoError;
pub use home::Home;
pub use interrupt::Interrupt;
pub use programs::Programs;
