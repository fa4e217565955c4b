//! Ctrl+C while a job is followed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;

/// Watches for Ctrl+C from the moment it is made until the process ends.
///
/// A press is noticed by whoever asks [`Interrupt::pressed`]. A second press
/// before anybody asked ends the process at once with status 130, so that a
/// client that is stuck in a write can always be left.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    pressed: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes Ctrl+C over from the system's own "end the process".
    pub(crate) fn watch() -> io::Result<Self> {
        let pressed = Arc::new(AtomicBool::new(false));
        // Actions run in this order: the first press finds the flag down.
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&pressed))?;
        signal_hook::flag::register(SIGINT, Arc::clone(&pressed))?;
        Ok(Self { pressed })
    }

    /// True once for each press.
    pub(crate) fn pressed(&self) -> bool {
        self.pressed.swap(false, Ordering::Relaxed)
    }
}
