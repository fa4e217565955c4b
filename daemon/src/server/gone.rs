//! Whether the other end of a socket has gone, which reading does not tell: a
//! client that has said all it wants to say may wait for its answers.

use std::io;
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::UnixStream;

/// A look at a socket beside the one that reads and writes it.
#[derive(Debug)]
pub(super) struct OtherEnd(UnixStream);

impl OtherEnd {
    /// That of `socket`, by a descriptor of its own; as long as it lives, the
    /// socket is open.
    pub(super) fn of(socket: &UnixStream) -> io::Result<Self> {
        let beside = socket.as_fd().try_clone_to_owned()?;
        UnixStream::from_std(beside.into()).map(Self)
    }

    /// Waits until it takes nothing more, which is when it has closed both
    /// directions.
    pub(super) async fn gone(&self) {
        // An error means that the runtime ends.
        while let Ok(ready) = self.0.ready(Interest::WRITABLE).await {
            if ready.is_write_closed() {
                return;
            }
            // Not to be told of the same again, as if a write had found the
            // socket full. Nothing is written here.
            let full = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = self.0.try_io(Interest::WRITABLE, full);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::server::testing::soon;

    #[tokio::test]
    async fn only_who_closes_both_directions_is_gone() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let other = OtherEnd::of(&far).unwrap();
        let mut gone = std::pin::pin!(other.gone());
        near.write_all(b"a question").await.unwrap();
        near.shutdown().await.unwrap();
        let mut question = String::new();
        soon(far.read_to_string(&mut question)).await.unwrap();
        far.write_all(b"an answer").await.unwrap();
        let mut answer = [0; 9];
        tokio::select! {
            biased;
            () = &mut gone => panic!("it waits for its answer"),
            read = near.read_exact(&mut answer) => { read.unwrap(); }
        }
        drop(near);
        soon(gone).await;
    }
}
