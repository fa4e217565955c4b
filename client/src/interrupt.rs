//! Ctrl+C while a job is followed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// How long a press may go unnoticed before another one ends the process. One
/// that comes sooner is the same press: a shell and a wrapper both pass it on.
const UNNOTICED: Duration = Duration::from_millis(500);

/// Watches for Ctrl+C from the moment it is made until the process ends.
///
/// A press is noticed by whoever asks [`Interrupt::pressed`]. Another press
/// while nobody asks ends the process with status 130, so that a client that is
/// stuck in a write can always be left.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    pressed: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes Ctrl+C over from the system's own "end the process".
    pub(crate) fn watch() -> io::Result<Self> {
        let pressed = Arc::new(AtomicBool::new(false));
        let mut presses = Signals::new([SIGINT])?;
        let seen = Arc::clone(&pressed);
        std::thread::Builder::new()
            .name("lore-interrupt".into())
            .spawn(move || {
                let mut first = Instant::now();
                for _ in presses.forever() {
                    if !seen.swap(true, Ordering::Relaxed) {
                        first = Instant::now();
                    } else if first.elapsed() > UNNOTICED {
                        std::process::exit(130);
                    }
                }
            })?;
        Ok(Self { pressed })
    }

    /// True once for each press.
    pub(crate) fn pressed(&self) -> bool {
        self.pressed.swap(false, Ordering::Relaxed)
    }
}
