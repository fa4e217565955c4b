//! Bodies that can break off, stall or go on and on.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// One step in sending a body.
pub(crate) enum Step {
    Data(Bytes),
    /// The same bytes, this many times.
    Repeat(Bytes, u64),
    /// Lets what was written so far reach the wire.
    Flush,
    Wait(Pin<Box<Sleep>>),
    /// Waits until the connection is taken down with the simulator.
    Hang,
    /// Ends with an error, on which hyper closes the connection.
    Break,
}

/// A body that is sent step by step.
pub(crate) struct ScriptedBody {
    steps: VecDeque<Step>,
    exact: Option<u64>,
}

impl ScriptedBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            exact: u64::try_from(bytes.len()).ok(),
            steps: VecDeque::from([Step::Data(bytes)]),
        }
    }

    pub(crate) fn steps(steps: impl Into<VecDeque<Step>>) -> Self {
        Self {
            steps: steps.into(),
            exact: None,
        }
    }

    /// The first half of `bytes`, then `end`, then the end of the connection.
    pub(crate) fn half(bytes: Vec<u8>, end: impl IntoIterator<Item = Step>) -> Self {
        let mut half = bytes;
        half.truncate(half.len() / 2);
        let mut steps = VecDeque::from([Step::Data(half.into()), Step::Flush, Step::Flush]);
        steps.extend(end);
        steps.push_back(Step::Break);
        Self::steps(steps)
    }
}

impl Step {
    /// A wait of that long; `None` for until the simulator stops.
    pub(crate) fn hold(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Hang, |duration| {
            Self::Wait(Box::pin(tokio::time::sleep(duration)))
        })
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(bytes)) => {
                    if bytes.is_empty() {
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Repeat(bytes, times)) => {
                    if times == 0 {
                        continue;
                    }
                    self.steps
                        .push_front(Step::Repeat(bytes.clone(), times - 1));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Flush) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Wait(mut sleep)) => {
                    if sleep.as_mut().poll(cx).is_pending() {
                        self.steps.push_front(Step::Wait(sleep));
                        return Poll::Pending;
                    }
                }
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Break) => {
                    let error = io::Error::other("the body breaks off on purpose");
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.exact
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
