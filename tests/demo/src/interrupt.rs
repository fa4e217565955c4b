//! Ctrl+C, and the signals that mean the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::DemoError;

/// Remembers that the process was asked to end, so that it ends in order: with
/// its daemon stopped and its folder removed.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes the signals over from the system's own "end the process".
    pub fn watch() -> Result<Self, DemoError> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&asked))
                .map_err(DemoError::io("watching for Ctrl+C"))?;
        }
        Ok(Self { asked })
    }

    /// An error from the moment the process was asked to end.
    pub fn check(&self) -> Result<(), DemoError> {
        if self.asked.load(Ordering::Relaxed) {
            Err(DemoError::Interrupted)
        } else {
            Ok(())
        }
    }
}
