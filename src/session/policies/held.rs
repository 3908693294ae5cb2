//! What is held open is judged again: hours end and accounts are locked without a request.

use super::{
    Policies, cause,
    judge::subject_cause,
    lock,
    subjects::Answered,
    tell::{About, note},
};
use crate::{
    id::SessionId,
    live::{Observer, Since},
    policy::{Circumstances, Decision, RequestFacts},
    reason::Initiator,
    record::{Client, Live},
    session::Session,
    terminate::Road,
};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// The sessions for which something was opened, each with the request that did it last. A leaf
/// lock.
#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<SessionId, Arc<Opened>>>);

impl Held {
    /// Keeps what was opened, unless the session ended meanwhile: asked afterwards, as an ending is
    /// noted before the observers are told.
    fn keep(&self, id: SessionId, opened: Arc<Opened>, has_ended: impl FnOnce() -> bool) {
        lock(&self.0).insert(id, opened);
        if has_ended() {
            self.ended(id);
        }
    }
}

/// Nothing of a session stays in memory when it has ended, also where its connections are slow to
/// close.
impl Observer for Held {
    fn ended(&self, id: SessionId) {
        let opened = lock(&self.0).remove(&id);
        // Outside of the lock: what it frees may be much.
        drop(opened);
    }

    /// What is kept here is kept for what the node holds already.
    fn held(&self) -> Vec<SessionId> {
        Vec::new()
    }
}

struct Opened {
    live: Live,
    facts: RequestFacts,
    address: Option<IpAddr>,
}

impl Opened {
    fn client(&self) -> Client {
        let user_agent = self.facts.user_agent().map(http::HeaderValue::as_bytes);
        Client::new(self.address, user_agent)
    }
}

impl Policies {
    /// Something is held open for the session of a request, and registered already.
    pub(crate) fn hold(&self, session: &Session) {
        if self.panel.is_empty() && self.subjects.is_none() {
            return;
        }
        let Some(live) = session.with_live(Live::clone) else {
            return;
        };
        let id = live.id;
        let opened = Arc::new(Opened {
            live,
            facts: session.facts().clone(),
            address: session.0.address,
        });
        let road = &session.context().road;
        self.held.keep(id, opened, || {
            matches!(road.live.since(session.0.mark, id), Since::Ended(_))
        });
    }

    /// Judges what is held open, again and again.
    pub(super) async fn watch_held(self: Arc<Self>, road: Arc<Road>, every: Duration) {
        loop {
            sleep(every).await;
            self.judge_held(&road).await;
        }
    }

    async fn judge_held(self: &Arc<Self>, road: &Arc<Road>) {
        let mut judging = JoinSet::new();
        for (id, opened) in self.still_held(road) {
            // Some side by side: an ending waits for its hooks, a question for its answer.
            if judging.len() >= MOST_AT_ONCE {
                let _judged = judging.join_next().await;
            }
            let (policies, road) = (Arc::clone(self), Arc::clone(road));
            judging.spawn(async move { policies.judge_opened(&road, id, &opened).await });
        }
        while judging.join_next().await.is_some() {}
    }

    /// Judges a session as it was when something was opened, at the time that it is now.
    async fn judge_opened(self: &Arc<Self>, road: &Arc<Road>, id: SessionId, opened: &Opened) {
        let live = Live {
            now: road.clock.now(),
            ..opened.live.clone()
        };
        let circumstances = Circumstances::new(&live, &opened.facts, opened.address);
        let judgement = self.panel.judge(&circumstances);
        let about = || About {
            id,
            subject: live.record.subject().cloned(),
            client: opened.client(),
        };
        self.tell(road, judgement.code(), &judgement.found, about, id);
        let cause = match judgement.decision {
            Decision::End { reason } => cause(reason, Initiator::Policy, &note(&judgement.found)),
            Decision::Keep | Decision::RequireFresh { .. } | Decision::Unjudged => {
                match self.subject_of(road, &live).answer().await {
                    Answered::Gone(why) => subject_cause(why),
                    Answered::Active | Answered::Failed(_) => return,
                }
            }
        };
        // Recorded by `end` if the store fails: the next check tries again.
        let _receipt = road.end(id, cause).await;
    }

    /// What was opened and is still held; forgets the rest.
    fn still_held(&self, road: &Road) -> Vec<(SessionId, Arc<Opened>)> {
        let opened: Vec<_> = {
            let held = lock(&self.held.0);
            held.iter()
                .map(|(id, opened)| (*id, Arc::clone(opened)))
                .collect()
        };
        if opened.is_empty() {
            return opened;
        }
        // Registered before it was put down here: what is not among them is closed.
        let ids: HashSet<_> = road.live.held().into_iter().collect();
        let (still, closed): (Vec<_>, Vec<_>) =
            opened.into_iter().partition(|(id, _)| ids.contains(id));
        let mut held = lock(&self.held.0);
        for (id, opened) in closed {
            // Unless it was opened again meanwhile.
            if held
                .get(&id)
                .is_some_and(|known| Arc::ptr_eq(known, &opened))
            {
                held.remove(&id);
            }
        }
        still
    }
}

/// How many sessions are judged side by side.
const MOST_AT_ONCE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{SecretHash, Token},
        live,
        reason::EndReason,
        record::{Generation, Grants, RecordParts, Values},
        time::Timestamp,
    };
    use std::sync::Weak;

    fn id(byte: u8) -> SessionId {
        SessionId::from_bytes([byte; SessionId::LEN])
    }

    fn opened(byte: u8) -> Arc<Opened> {
        let secret_hash: SecretHash = Token::new(id(byte)).unwrap().secret_hash();
        let at = Timestamp::default();
        let parts = RecordParts {
            secret_hash,
            previous: None,
            generation: Generation::new(1),
            subject: None,
            created_at: at,
            authenticated_at: at,
            idle_timeout: None,
            touch_interval: Duration::ZERO,
            absolute_deadline: at,
            revision: 0,
            client: None,
            values: Values::default(),
            grants: Grants::default(),
            leave_behind: Values::default(),
        };
        let live = Live {
            id: id(byte),
            record: Arc::new(parts.into()),
            last_seen: at,
            now: at,
        };
        Arc::new(Opened {
            live,
            facts: RequestFacts::default(),
            address: None,
        })
    }

    #[test]
    fn an_ending_drops_what_is_held_of_its_session_at_once_and_nothing_else() {
        let node = live::Live::with_memory(16);
        let policies = Policies::new(crate::session::PolicyConfig {
            dead_tokens: Some(crate::policy::DeadTokens::end_subject()),
            ..Default::default()
        });
        let policies = policies.unwrap();
        policies.observe(&node);
        let (first, second) = (opened(1), opened(2));
        let weak: [Weak<Opened>; 2] = [&first, &second].map(Arc::downgrade);
        policies.held.keep(id(1), first, || false);
        policies.held.keep(id(2), second, || false);
        node.ended(id(1), EndReason::Logout);
        assert!(weak[0].upgrade().is_none(), "values and client are gone");
        assert!(weak[1].upgrade().is_some());
        policies.held.keep(id(3), opened(3), || true);
        assert_eq!(lock(&policies.held.0).len(), 1, "it ended meanwhile");
    }
}
