//! The body of every response that the layer lets out.

use super::{
    CutStyle, LiveGuard, SessionEnded, SessionUnverified,
    cut::{grpc_trailers, last_event, ok_trailers, unavailable_trailers},
    lent::Lent,
};
use crate::reason::EndReason;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// Any error that may move between threads.
pub type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// The body of a response: that of the inner service, the same but cut when its session ends,
    /// or one of ours.
    ///
    /// A plain body is polled as it is. A guarded one costs two allocations, and for each frame one
    /// atomic load and two uncontended locks. When the session ends, the inner body is dropped at once
    /// by whoever ends it, whether or not the server would ever have polled it again, and the body ends
    /// in its [`CutStyle`]: at once while the server waits for it, and otherwise with its next poll. A
    /// peer that does not read gets nothing more in either case; how long its connection may stay so is
    /// the server's to limit.
    ///
    /// The default is empty, whatever `B` is.
    pub struct SessionBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        Plain { #[pin] body: B },
        Guarded { watch: Box<Watch<B>> },
        Ours { data: Option<Bytes> },
        Grpc { message: Option<Bytes> },
    }
}

/// Boxed, so that the bodies that are not guarded, most of them, stay small.
struct Watch<B> {
    guard: LiveGuard,
    body: Arc<Lent<B>>,
    style: CutStyle,
    /// The last byte that was sent; at first a line end, because a body begins with a line.
    last: u8,
}

impl<B> SessionBody<B> {
    /// The inner body as it is.
    pub const fn plain(body: B) -> Self {
        Self {
            kind: Kind::Plain { body },
        }
    }

    /// The inner body until its session ends. The guard is kept until the body has ended.
    ///
    /// Whoever ends the session drops the body: hence `Send`.
    pub fn guarded(body: B, mut guard: LiveGuard, style: CutStyle) -> Self
    where
        B: Send + 'static,
    {
        let body = Lent::new(body);
        let drops = Waker::from(Arc::clone(&body));
        if guard
            .poll_ended(&mut Context::from_waker(&drops))
            .is_ready()
        {
            drops.wake();
        }
        let watch = Box::new(Watch {
            guard,
            body,
            style,
            last: b'\n',
        });
        Self {
            kind: Kind::Guarded { watch },
        }
    }

    /// A body of our own.
    pub fn ours(data: impl Into<Bytes>) -> Self {
        let data = Some(data.into()).filter(|data| !data.is_empty());
        Self {
            kind: Kind::Ours { data },
        }
    }

    /// The message of a gRPC call of our own that went well: its status follows in the trailers.
    pub(crate) const fn grpc(message: Bytes) -> Self {
        let message = Some(message);
        Self {
            kind: Kind::Grpc { message },
        }
    }

    /// No content.
    pub const fn empty() -> Self {
        Self { kind: Kind::END }
    }
}

impl<B> Kind<B> {
    const END: Self = Self::Ours { data: None };
}

impl<B> Default for SessionBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B> Body for SessionBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut kind = self.project().kind;
        let (frame, over) = match kind.as_mut().project() {
            KindProj::Plain { body } => return poll_inner(body, cx),
            KindProj::Ours { data } => return Poll::Ready(data.take().map(Frame::data).map(Ok)),
            KindProj::Guarded { watch } => match watch.poll(cx) {
                Poll::Ready(ready) => ready,
                Poll::Pending => return Poll::Pending,
            },
            KindProj::Grpc { message } => match message.take() {
                Some(message) => return Poll::Ready(Some(Ok(Frame::data(message)))),
                None => (Some(Ok(Frame::trailers(ok_trailers()))), true),
            },
        };
        if over {
            // Drops the inner body and the guard.
            kind.set(Kind::END);
        }
        Poll::Ready(frame)
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Plain { body } => body.is_end_stream(),
            Kind::Guarded { watch } => watch.is_end_stream(),
            Kind::Ours { data } => data.is_none(),
            Kind::Grpc { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Plain { body } => body.size_hint(),
            Kind::Guarded { watch } => match watch.style {
                CutStyle::Abort => watch.body.look(B::size_hint).unwrap_or_default(),
                // It may end early or with more than it has, and cleanly: nothing is certain.
                CutStyle::EventStream | CutStyle::Grpc => SizeHint::default(),
            },
            Kind::Ours { data } => {
                let len = data.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(len).unwrap_or(u64::MAX))
            }
            // With a length there are no trailers.
            Kind::Grpc { .. } => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for SessionBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Plain { .. } => f.write_str("SessionBody::Plain"),
            Kind::Guarded { watch } => f
                .debug_struct("SessionBody::Guarded")
                .field("guard", &watch.guard)
                .field("style", &watch.style)
                .finish(),
            Kind::Grpc { .. } => f.write_str("SessionBody::Grpc"),
            Kind::Ours { data } => f
                .debug_struct("SessionBody::Ours")
                .field("bytes", &data.as_ref().map_or(0, Bytes::len))
                .finish(),
        }
    }
}

type Answer = Result<Frame<Bytes>, BoxError>;

fn poll_inner<B>(body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Option<Answer>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    body.poll_frame(cx)
        .map(|frame| frame.map(|frame| frame.map_err(Into::into)))
}

impl<B> Watch<B> {
    /// The next frame, and whether nothing comes after it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Option<Answer>, bool)>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        // First the guard: a body that is always ready must not outrun it.
        if let Some(reason) = self.guard.reason() {
            return Poll::Ready((Some(self.cut(reason)), true));
        }
        let polled = self.body.poll(cx, |mut body, cx| {
            let frame = poll_inner(body.as_mut(), cx);
            frame.map(|frame| (frame, body.is_end_stream()))
        });
        if let Some(Poll::Ready((frame, is_last))) = polled {
            let over = self.note(frame.as_ref()) || is_last;
            return Poll::Ready((frame, over));
        }
        // Cut before or during this poll, or it waits, and the cut wakes it.
        if let Some(reason) = self.guard.reason() {
            return Poll::Ready((Some(self.cut(reason)), true));
        }
        if polled.is_none() {
            return Poll::Ready((Some(Err(BodyPanicked.into())), true));
        }
        Poll::Pending
    }

    /// Whether nothing comes any more: a body that was cut has something left to say.
    // Apart, so that servers can ask plain bodies without a call.
    #[inline(never)]
    fn is_end_stream(&self) -> bool
    where
        B: Body,
    {
        self.body.look(B::is_end_stream).unwrap_or(false)
    }

    /// Remembers how the frame ends. Whether the body ended with it.
    fn note(&mut self, frame: Option<&Answer>) -> bool {
        let Some(Ok(frame)) = frame else { return true };
        if let Some(last) = frame.data_ref().and_then(|data| data.last()) {
            self.last = *last;
        }
        false
    }

    /// The last frame of a body that is cut.
    fn cut(&self, reason: EndReason) -> Answer {
        if self.guard.is_unavailable() {
            return match self.style {
                CutStyle::Abort | CutStyle::EventStream => Err(SessionUnverified.into()),
                CutStyle::Grpc => Ok(Frame::trailers(unavailable_trailers())),
            };
        }
        match self.style {
            CutStyle::Abort => Err(SessionEnded::new(reason).into()),
            CutStyle::EventStream => Ok(Frame::data(last_event(&reason, self.last))),
            CutStyle::Grpc => Ok(Frame::trailers(grpc_trailers(&reason))),
        }
    }
}

/// A body that panicked while it was polled is gone, and what it sent is not the whole.
#[derive(Debug, thiserror::Error)]
#[error("the body of the response panicked")]
struct BodyPanicked;
