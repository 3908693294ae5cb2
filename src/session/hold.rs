//! What is held open on behalf of a session: a stream, a socket, a job.

use super::{Session, SocketRefused};
use crate::{
    audit::EventKind,
    id::SessionId,
    live::{Close, CloseRules, LiveGuard, LiveSocket, watch},
    policy::judge_websocket,
    record::Live,
    store,
    terminate::Road,
};
use futures_core::Stream;
use futures_sink::Sink;
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, atomic::Ordering},
};

impl Session {
    /// Holds something open on behalf of the live session, a socket or a job: the hold tells when
    /// the session ends. `None` without a live session.
    ///
    /// Neither opening nor holding is activity: the session idles out all the same. See
    /// [`Hold::touch`].
    pub fn live(&self) -> Option<Hold> {
        let guard = self.guard()?;
        self.0.holds.store(true, Ordering::Relaxed);
        let (id, road) = (guard.id(), Arc::clone(&self.context().road));
        let touch = Touch { id, road };
        Some(Hold { guard, touch })
    }

    /// Judges the handshake of a WebSocket and holds the socket that is about to open, from before
    /// the response on.
    ///
    /// Under axum, [`WebSocketUpgrade`](crate::layer::websocket::WebSocketUpgrade) does this. A page
    /// that may not is recorded ([`SocketRefused`](crate::audit::EventKind::SocketRefused)).
    ///
    /// # Errors
    /// The handshake comes from a page that may not open a socket here, or there is no live session.
    /// [`SocketRefused::into_http_response`] is the answer.
    pub fn open_socket(&self) -> Result<SocketHold, SocketRefused> {
        self.judge_handshake()?;
        let hold = self
            .live()
            .ok_or_else(|| SocketRefused::not_live(self.standing()))?;
        Ok(SocketHold {
            hold,
            rules: Arc::clone(&self.context().sockets.close),
        })
    }

    /// Why the request opens no WebSocket whatever its session is, if it is the handshake of one
    /// from a page of another origin: its page is not told how the session stands.
    ///
    /// Only where it is known which origins may, and what no browser sent is told as ever.
    pub(crate) fn foreign_handshake(&self) -> Option<SocketRefused> {
        let (facts, context) = (self.facts(), self.context());
        let is_known = context.origin.is_some() || !context.sockets.origins.is_empty();
        if !facts.is_upgrade() || facts.origin().is_none() || !is_known {
            return None;
        }
        self.judge_handshake().err()
    }

    /// Judges the page that sent the handshake; a refusal is recorded.
    fn judge_handshake(&self) -> Result<(), SocketRefused> {
        let context = self.context();
        let is_bearer = self.via() == Some(crate::carrier::Via::Bearer);
        let (own, allowed) = (context.origin.as_ref(), &context.sockets.origins);
        judge_websocket(self.facts(), is_bearer, own, allowed).map_err(|refusal| {
            let why = refusal.code();
            self.record_refused(EventKind::SocketRefused { why });
            SocketRefused::origin(refusal)
        })
    }

    /// Registers the connection of the request, which leaves HTTP: perhaps its handler holds it, too.
    #[cfg(feature = "listener")]
    pub(crate) fn guard_connection(&self) -> Option<LiveGuard> {
        let mut guard = self.guard()?;
        if self.0.holds.load(Ordering::Relaxed) {
            guard.is_one_more();
        }
        Some(guard)
    }

    /// Registers a connection of the live session.
    pub(crate) fn guard(&self) -> Option<LiveGuard> {
        let road = &self.context().road;
        let due = |live: &Live| {
            let deadline = live.record.deadline(live.last_seen);
            let due_in = deadline.saturating_since(live.now);
            (live.id, road.clock.now().saturating_add(due_in))
        };
        let (id, due) = self.with_live(due)?;
        let guard = road.live.hold_until(id, self.0.mark, Some(due));
        if guard.is_unverified() {
            road.verify_soon(id);
        }
        if let Some(policies) = &self.context().policies {
            policies.hold(self);
        }
        Some(guard)
    }
}

/// The hold of a connection or a job on its session: a [`LiveGuard`] that can also say that the
/// user is there.
///
/// From [`Session::live`]. Dropping it ends the hold.
#[must_use = "dropping the hold unregisters what it is for, which is then not cut"]
pub struct Hold {
    guard: LiveGuard,
    touch: Touch,
}

impl Hold {
    /// Says that the user is there, as a request would, and answers whether the session is live.
    ///
    /// For what a person does over an open connection: call it for a message that was typed, never
    /// for a ping, a heartbeat or a push. A session that is over stays so, and is ended if nobody
    /// has done that yet.
    ///
    /// Cost: one question to the store, which writes at most once per touch interval.
    ///
    /// # Errors
    /// The store failed: whether the session is live is not known.
    ///
    /// # Cancel safety
    /// Cancel safe: the session was touched or not.
    pub async fn touch(&self) -> Result<bool, store::Error> {
        if self.guard.is_ended() {
            return Ok(false);
        }
        self.touch.now().await
    }

    /// The guard alone, for a [`SessionBody`](crate::live::SessionBody) of your own.
    pub fn into_guard(self) -> LiveGuard {
        self.guard
    }

    /// What can touch the session without holding it.
    #[cfg(feature = "ws")]
    pub(crate) fn toucher(&self) -> Touch {
        self.touch.clone()
    }
}

impl Deref for Hold {
    type Target = LiveGuard;

    fn deref(&self) -> &LiveGuard {
        &self.guard
    }
}

impl DerefMut for Hold {
    fn deref_mut(&mut self) -> &mut LiveGuard {
        &mut self.guard
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.guard).finish()
    }
}

/// Says that the user of a session is there.
#[derive(Clone)]
pub(crate) struct Touch {
    id: SessionId,
    road: Arc<Road>,
}

impl Touch {
    /// See [`Hold::touch`].
    pub(crate) async fn now(&self) -> Result<bool, store::Error> {
        self.road.touch(self.id).await
    }
}

/// The hold of a WebSocket that is about to open.
///
/// From [`Session::open_socket`]. Dropped, for example because the upgrade failed, it holds nothing.
#[must_use = "the socket is cut only if the hold runs it"]
pub struct SocketHold {
    hold: Hold,
    rules: Arc<CloseRules>,
}

impl SocketHold {
    /// Runs a handler with a socket until both are done with, or the session ends: then the handler
    /// is dropped, the socket taken from wherever the handler has put it, the [`Close`] sent, and
    /// the connection dropped when the peer has answered or the
    /// [grace](crate::SessionsBuilder::with_socket_grace) is over.
    ///
    /// `close` makes a message of the library in use. The future is to be spawned; where it is
    /// dropped, the socket is closed. A handler that never returns from a poll cannot be dropped:
    /// see the feature `listener`.
    ///
    /// ```
    /// # use adjourn::{Session, live::LiveSocket, session::SocketRefused};
    /// use futures_util::{SinkExt, StreamExt};
    /// use tokio_tungstenite::{WebSocketStream, tungstenite::{Error, Message, protocol::CloseFrame}};
    ///
    /// # async fn example<IO>(session: Session, io: IO) -> Result<(), SocketRefused>
    /// # where IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {
    /// let hold = session.open_socket()?; // before the response
    /// # let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
    /// // ... after the upgrade
    /// let socket = WebSocketStream::from_raw_socket(io, role, None).await;
    /// tokio::spawn(hold.run(
    ///     socket,
    ///     |close| Message::Close(Some(CloseFrame {
    ///         code: close.code().into(),
    ///         reason: close.text().to_owned().into(),
    ///     })),
    ///     |mut socket| async move {
    ///         while let Some(Ok(message)) = socket.next().await {
    ///             if socket.send(message).await.is_err() {
    ///                 break;
    ///             }
    ///         }
    ///     },
    /// ));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropped, it drops the handler and the socket: the peer sees the connection break.
    pub async fn run<S, M, H, F>(self, socket: S, close: impl FnOnce(&Close) -> M, handler: H)
    where
        S: Stream + Sink<M> + Unpin,
        H: FnOnce(LiveSocket<S>) -> F,
        F: Future<Output = ()>,
    {
        watch(self.hold.guard, &self.rules, socket, close, handler).await;
    }
}

impl Deref for SocketHold {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.hold
    }
}

impl fmt::Debug for SocketHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocketHold").field(&self.hold.guard).finish()
    }
}
