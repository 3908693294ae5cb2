//! What happens to a session's changes when the response is on its way.

use super::{Session, Standing, handle::Issued};
use crate::{
    audit::{Event, EventKind},
    carrier::Via,
    id::{SecretHash, SessionId, Subject, Token},
    live::Since,
    reason::EndReason,
    record::Activity,
    store::{self, Checked, NotLive, Reply, Rotated, Update, Updated},
    terminate::Road,
};
use std::{fmt, sync::Arc, time::Duration};

/// What became of the session by the time its response is on its way.
#[derive(Debug)]
pub(crate) enum Committed {
    /// As the handlers left it.
    AsIs,
    /// As it came in: nothing was started, changed, ended or presented in vain. The way of nearly
    /// every response, of which only this is left to know: whether it may show something of a
    /// live session.
    Untouched { live: bool },
    /// It ended meanwhile, not by this request; nothing was written.
    EndedMeanwhile(EndReason),
    /// Its secret was replaced by another request meanwhile; the values were written.
    Outdated,
}

/// What of the session the response must tell the client.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not states of one thing"
)]
pub(crate) struct Effects {
    /// The token to set.
    pub(crate) issued: Option<Token>,
    /// Whether it is of a session that belongs to somebody.
    pub(crate) logged_in: bool,
    /// Whether what the client presented is to be removed.
    pub(crate) remove: bool,
    /// Whether an ending was asked for and could not be decided: the browser forgets all the same.
    pub(crate) end_failed: bool,
    /// The ending that this request saw, and whether it made it.
    pub(crate) ended: Option<(SessionId, EndReason, bool)>,
    /// Whether the browser's storage is somebody else's than the new user's.
    pub(crate) subject_changed: bool,
    /// Whether the response shows, or may show, something of a live session.
    pub(crate) live: bool,
    /// By which carrier the request presented a token.
    pub(crate) via: Option<Via>,
}

impl Session {
    /// Writes what this request changed, and finds out whether the session ended meanwhile.
    ///
    /// When nothing was changed and nothing ended on this node, that is one atomic load.
    #[inline]
    pub(crate) fn commit(&self) -> Reply<Result<Committed, store::Error>> {
        match self.untouched() {
            Some(live) => Reply::Now(Ok(Committed::Untouched { live })),
            None => self.commit_changes(),
        }
    }

    /// If nothing was done with the session: whether the response may show something of it.
    /// `None` as well where another session ended meanwhile, so that this one is to be looked up.
    #[inline]
    fn untouched(&self) -> Option<bool> {
        let state = self.state();
        if !state.is_untouched() {
            return None;
        }
        match &state.standing {
            Standing::Anonymous => Some(state.via.is_some()),
            Standing::Live(_) => {
                let nothing_ended = self.context().road.live.mark() == self.0.mark;
                (nothing_ended && !self.facts().is_uncleared()).then_some(true)
            }
            Standing::Ambiguous(_)
            | Standing::Doubted(_)
            | Standing::Ended { .. }
            | Standing::Outdated(_) => None,
        }
    }

    fn commit_changes(&self) -> Reply<Result<Committed, store::Error>> {
        let (id, update, rotation, untouched) = {
            let mut state = self.state();
            let id = match &state.standing {
                Standing::Live(live) => live.id,
                Standing::Ended { reason, .. } if state.ended_meanwhile && !state.ended_here => {
                    return Reply::Now(Ok(Committed::EndedMeanwhile(reason.clone())));
                }
                Standing::Ambiguous(_)
                | Standing::Anonymous
                | Standing::Doubted(_)
                | Standing::Ended { .. }
                | Standing::Outdated(_) => return Reply::Now(Ok(Committed::AsIs)),
            };
            let rotation = state.rotate.then_some(state.secret).flatten();
            let untouched = state.is_untouched() && !self.facts().is_uncleared();
            (id, state.pending.take(), rotation, untouched)
        };
        let since = self.context().road.live.since(self.0.mark, id);
        match since {
            Since::Ended(reason) => Reply::Now(Ok(self.note_ended(id, reason))),
            Since::Nothing if untouched => Reply::Now(Ok(Committed::Untouched { live: true })),
            Since::Nothing if update.is_none() && rotation.is_none() => {
                Reply::Now(Ok(Committed::AsIs))
            }
            Since::Lost | Since::Nothing => {
                let (session, update) = (self.clone(), update.unwrap_or_default());
                let lost = matches!(since, Since::Lost);
                Reply::later(async move { session.write_all(id, *update, rotation, lost).await })
            }
        }
    }

    async fn write_all(
        &self,
        id: SessionId,
        update: Update,
        rotation: Option<SecretHash>,
        verify: bool,
    ) -> Result<Committed, store::Error> {
        let store = self.context().store();
        let nothing_else = update.is_empty() && rotation.is_none();
        if verify
            && nothing_else
            && let Some(why) = check(store, id).await?
        {
            return self.learn(id, why).await;
        }
        if !update.is_empty()
            && let Updated::NotLive(why) = store.update(id, update, None).await?
        {
            return self.learn(id, why).await;
        }
        let Some(old) = rotation else {
            return Ok(Committed::AsIs);
        };
        let token = Token::new(id)?;
        match store
            .rotate(id, &old, &token.secret_hash(), Duration::ZERO)
            .await?
        {
            Rotated::Written => {
                self.record_rotation(id);
                self.state().issued = Some(Box::new(Issued::Cookie(token)));
                Ok(Committed::AsIs)
            }
            Rotated::Outdated | Rotated::WrongSecret => {
                self.state().standing = Standing::Outdated(id);
                Ok(Committed::Outdated)
            }
            Rotated::NotLive(why) => self.learn(id, why).await,
        }
    }

    async fn learn(&self, id: SessionId, why: NotLive) -> Result<Committed, store::Error> {
        let reason = self.context().road.learn(id, why).await?;
        Ok(self.note_ended(id, reason))
    }

    fn note_ended(&self, id: SessionId, reason: EndReason) -> Committed {
        let mut state = self.state();
        state.standing = Standing::Ended {
            id,
            reason: reason.clone(),
        };
        state.forget_changes();
        Committed::EndedMeanwhile(reason)
    }

    pub(super) fn record_rotation(&self, id: SessionId) {
        let road = &self.context().road;
        let event = Event::new(EventKind::Rotated, road.clock.now())
            .of(id)
            .by(self.subject())
            .asked_by(self.request_id());
        road.record(&event);
    }

    /// Records that no session was started.
    pub(super) fn record_no_start(&self, subject: Option<Subject>, kind: EventKind) {
        let road = &self.context().road;
        let event = Event::new(kind, road.clock.now())
            .by(subject)
            .from(Some(Arc::new(self.request_client())))
            .asked_by(self.request_id());
        road.record(&event);
    }

    /// What the response must tell the client; the issued token is handed out once.
    #[inline]
    pub(crate) fn effects(&self) -> Effects {
        let mut state = self.state();
        let issued = match state.issued.take().map(|issued| *issued) {
            Some(Issued::Cookie(token)) => Some(token),
            Some(Issued::Bearer) | None => None,
        };
        // A log-in took its place: what the client would be told to remove is the new session's.
        let replaced = matches!(
            &state.standing,
            Standing::Ended { reason: EndReason::Reauthenticated, .. } if !state.ended_here
        );
        let ended = match &state.standing {
            Standing::Ended { .. } if replaced => None,
            Standing::Ended { id, reason } => Some((*id, reason.clone(), state.ended_here)),
            Standing::Ambiguous(_)
            | Standing::Anonymous
            | Standing::Doubted(_)
            | Standing::Live(_)
            | Standing::Outdated(_) => None,
        };
        Effects {
            remove: issued.is_none()
                && !replaced
                && (ended.is_some() || state.stale || state.end_failed),
            end_failed: issued.is_none() && ended.is_none() && state.end_failed,
            logged_in: issued.is_some()
                && matches!(&state.standing, Standing::Live(live) if live.record.subject().is_some()),
            issued,
            live: matches!(state.standing, Standing::Live(_)) || state.via.is_some(),
            subject_changed: std::mem::take(&mut state.subject_changed),
            via: state.via,
            ended,
        }
    }
}

/// Whether a session that nobody presented a secret for still lives.
async fn check(
    store: &dyn store::SessionStore,
    id: SessionId,
) -> Result<Option<NotLive>, store::Error> {
    let answers = store.check(&[id], Activity::Passive).await?;
    Ok(Checked::not_live(answers))
}

impl Road {
    /// Concludes a session that turned out not to be live, if nobody did, and answers why it
    /// ended.
    pub(crate) async fn learn(
        self: &Arc<Self>,
        id: SessionId,
        why: NotLive,
    ) -> Result<EndReason, store::Error> {
        match why {
            NotLive::Due(cause) => {
                let asked = cause.reason().clone();
                let ended = self.end(id, cause).await.map_err(store::Error::from)?;
                Ok(ended
                    .ending()
                    .map_or(asked, |ending| ending.reason().clone()))
            }
            NotLive::Ended(tombstone) => {
                self.live.ended(id, tombstone.reason().clone());
                Ok(tombstone.reason().clone())
            }
            NotLive::Unknown => Ok(EndReason::Lost),
        }
    }
}

/// Watches over a session that this request starts: dropped before the response was handed over,
/// it ends the session [`EndReason::Undelivered`].
pub(crate) struct Delivery(Option<Session>);

impl Delivery {
    #[inline]
    pub(crate) const fn of(session: Session) -> Self {
        Self(Some(session))
    }

    #[inline]
    pub(crate) const fn session(&self) -> Option<&Session> {
        self.0.as_ref()
    }

    /// The response is handed over.
    #[inline]
    pub(crate) fn done(&mut self) {
        self.0 = None;
    }
}

impl Drop for Delivery {
    #[inline]
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            end_undelivered(&session);
        }
    }
}

/// The response was dropped on its way.
#[cold]
fn end_undelivered(session: &Session) {
    let undelivered = session.state().issued.take().is_some();
    let Some(id) = session.id().filter(|_| undelivered) else {
        return;
    };
    // Without a runtime nobody can be asked; the session idles out.
    if tokio::runtime::Handle::try_current().is_ok() {
        let road = Arc::clone(&session.context().road);
        session.context().road.tasks.spawn(async move {
            let _recorded = road.end(id, EndReason::Undelivered.into()).await;
        });
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delivery").field(&self.0).finish()
    }
}
