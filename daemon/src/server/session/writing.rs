//! The writing side of a client's connection.

use std::io;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Ending, Outgoing};

/// What the writer is told at the end.
pub(super) struct Finish {
    pub(super) ending: Ending,
    /// How long subscriptions may still have something to say where the daemon
    /// stops.
    pub(super) last_words: Duration,
}

impl Finish {
    const GONE: Self = Self {
        ending: Ending::Gone,
        last_words: Duration::ZERO,
    };
}

/// The writing side: the one task that writes, so that replies and
/// notifications keep their order and one slow client blocks only itself.
/// Gives back the way to a client that took everything.
pub(super) async fn write<O: Outgoing>(
    mut outgoing: O,
    mut outbox: mpsc::Receiver<Box<RawValue>>,
    mut finishing: oneshot::Receiver<Finish>,
) -> Option<O> {
    let mut ending = None;
    let mut close_at = None;
    loop {
        let message = tokio::select! {
            told = &mut finishing, if ending.is_none() => {
                let told = told.unwrap_or(Finish::GONE);
                ending = Some(told.ending);
                if told.ending == Ending::Stopped {
                    close_at = Some(Instant::now() + told.last_words);
                } else {
                    outbox.close();
                }
                continue;
            }
            () = sleep_until(close_at), if close_at.is_some() => {
                close_at = None;
                outbox.close();
                continue;
            }
            message = outbox.recv() => message,
        };
        let Some(message) = message else {
            break;
        };
        if let Err(error) = outgoing.send(message).await {
            if error.kind() == io::ErrorKind::TimedOut {
                tracing::warn!("a client took nothing for too long and is cut off");
            }
            // Dropping the receiver tells everybody that the client is gone.
            return None;
        }
    }
    // All senders may be gone before the word comes.
    let ending = match ending {
        Some(ending) => ending,
        None => finishing.await.unwrap_or(Finish::GONE).ending,
    };
    outgoing.close(ending).await;
    Some(outgoing)
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
