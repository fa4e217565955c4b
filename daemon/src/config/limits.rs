//! The table `[server]`: what one client, and all of them together, may ask of
//! the socket.

use std::time::Duration;

/// What one client, and all of them together, may ask of the socket. Crossing
/// one of these is answered with an error, or ends the connection where no
/// answer is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A request, and a reply, in bytes.
    pub max_message_bytes: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// Subscriptions of one connection.
    pub max_subscriptions: u32,
    /// Entries of one batch.
    pub max_batch: usize,
    /// Calls of one connection under way at once; a connection with so many
    /// is not read until one of them ends.
    pub max_in_flight: usize,
    /// Replies and notifications that wait for one connection's writer; who
    /// has more to say waits.
    pub max_queued: usize,
    /// A client that does not begin to say anything for so long is let go. So
    /// is one that has begun a message and does not send another byte of it,
    /// and one over HTTP that has not sent a request's headers, be it the
    /// first or the next one, or has not sent the body that they announce.
    pub opening: Duration,
    /// How long a client that is one too many gets to send its first request
    /// and to take the refusal. Not configured: there are few places for them.
    pub refusal: Duration,
    /// A peer that takes nothing for so long is cut off.
    pub write_timeout: Duration,
    /// From the stop of the daemon, or the break of a framing, to the end of a
    /// client's calls. One that only asks nothing more waits as long as they
    /// take.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 10 << 20,
            max_connections: 256,
            max_subscriptions: 64,
            max_batch: 100,
            max_in_flight: 32,
            max_queued: 64,
            opening: Duration::from_mins(1),
            refusal: Duration::from_secs(2),
            write_timeout: Duration::from_mins(1),
            drain: Duration::from_secs(5),
        }
    }
}
