//! The answer of a store: now, or later.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer of a store operation: at hand, or in a future.
///
/// An embedded store answers [`Reply::Now`]: no future is boxed and the request goes on at once.
/// A store behind a network answers [`Reply::Later`] with a future that owns what it needs.
/// Either can be awaited.
///
/// ```
/// use adjourn::store::Reply;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(Reply::Now(1).await, 1);
/// assert_eq!(Reply::later(async { 2 }).await, 2);
/// # });
/// ```
#[must_use = "a reply that is neither matched nor awaited may never have been asked for"]
#[expect(clippy::exhaustive_enums, reason = "there is no third way to answer")]
pub enum Reply<T> {
    /// The answer.
    Now(T),
    /// The answer will come.
    Later(BoxFuture<'static, T>),
}

impl<T> Reply<T> {
    /// An answer that will come.
    pub fn later(answer: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }

    /// Maps the answer, when it is there.
    pub fn map<U>(self, map: impl FnOnce(T) -> U + Send + 'static) -> Reply<U>
    where
        T: 'static,
    {
        match self {
            Self::Now(answer) => Reply::Now(map(answer)),
            Self::Later(answer) => Reply::later(async move { map(answer.await) }),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.write_str("Later(..)"),
        }
    }
}

impl<T> IntoFuture for Reply<T> {
    type Output = T;
    type IntoFuture = ReplyFuture<T>;

    fn into_future(self) -> ReplyFuture<T> {
        ReplyFuture(match self {
            Self::Now(answer) => State::Now(Some(answer)),
            Self::Later(answer) => State::Later(answer),
        })
    }
}

/// What awaiting a [`Reply`] awaits.
#[must_use = "futures do nothing unless polled"]
pub struct ReplyFuture<T>(State<T>);

enum State<T> {
    Now(Option<T>),
    Later(BoxFuture<'static, T>),
}

// The answer is never pinned: it is only ever moved out.
impl<T> Unpin for ReplyFuture<T> {}

impl<T> Future for ReplyFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            // Polled again after it was ready, like any future that may then do as it likes:
            // it never is.
            State::Now(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            State::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for ReplyFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyFuture(..)")
    }
}
