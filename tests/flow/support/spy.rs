//! A store around the embedded one: counts, answers late, waits, fails, loses replies.

use super::within;
use adjourn::{
    id::{SecretHash, SessionId, Subject},
    reason::Cause,
    record::{Activity, Departed, Generation, Scope, Tombstone},
    store::{
        Answer, CheckIn, Checked, Claimant, Created, Cursor, End, Error, Listed, MemoryStore,
        NewSession, NoticeSender, Notices, Page, Reply, Rotated, SessionStore, Ticket, Update,
        Updated,
    },
    time::ManualClock,
};
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::Semaphore;

/// The operations of a store.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Op {
    MintId,
    BeginLogIn,
    Create,
    CheckIn,
    Check,
    Update,
    Rotate,
    End,
    EndMany,
    EndDue,
    EndAll,
    Tombstone,
    List,
    Page,
    Pending,
    Renew,
    Acknowledge,
}

/// Where a call is held, or where it fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// Before the store was asked: nothing happened.
    Before,
    /// After the store did it: only the reply is late, or lost.
    After,
}

/// A store that several nodes can share; clones are the same store.
#[derive(Clone)]
pub(crate) struct Spy(Arc<Inner>);

struct Inner {
    store: Arc<dyn SessionStore>,
    later: AtomicBool,
    calls: Mutex<HashMap<Op, usize>>,
    failing: Mutex<HashMap<Op, When>>,
    held: Mutex<Vec<(Op, When, Held)>>,
    delivered: Mutex<Option<(Op, Delivered)>>,
    notices: Mutex<Option<NoticeSender>>,
}

/// Called with a reply under way.
type Delivered = Box<dyn FnOnce() + Send>;

/// A call that is held up.
#[derive(Clone)]
pub(crate) struct Held(Arc<(Semaphore, Semaphore)>);

impl Held {
    /// Waits until the call is here.
    pub(crate) async fn reached(&self) {
        within(self.0.0.acquire()).await.unwrap().forget();
    }

    /// Lets it go on.
    pub(crate) fn release(&self) {
        self.0.1.add_permits(1);
    }

    async fn wait(&self) {
        self.0.0.add_permits(1);
        self.0.1.acquire().await.unwrap().forget();
    }
}

impl Spy {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self::around(MemoryStore::with_clock(clock.clone()))
    }

    pub(crate) fn around(store: impl SessionStore) -> Self {
        Self(Arc::new(Inner {
            store: Arc::new(store),
            later: AtomicBool::new(false),
            calls: Mutex::default(),
            failing: Mutex::default(),
            held: Mutex::default(),
            delivered: Mutex::default(),
            notices: Mutex::default(),
        }))
    }

    /// From now on every answer comes later, as from a store behind a network.
    pub(crate) fn answer_later(&self) {
        self.0.later.store(true, Ordering::SeqCst);
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, op: Op) -> usize {
        self.0.calls.lock().unwrap().get(&op).copied().unwrap_or(0)
    }

    /// From now on the operation fails: before it did anything, or after it did and only the
    /// reply is lost.
    pub(crate) fn fail(&self, op: Op, when: When) {
        self.0.failing.lock().unwrap().insert(op, when);
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&self) {
        self.0.failing.lock().unwrap().clear();
    }

    /// Holds the next call of an operation.
    pub(crate) fn hold(&self, op: Op, when: When) -> Held {
        let held = Held(Arc::new((Semaphore::new(0), Semaphore::new(0))));
        self.0.held.lock().unwrap().push((op, when, held.clone()));
        held
    }

    /// Calls this once between a late reply of the operation and whoever asked for it: it has the
    /// reply and has done nothing with it.
    pub(crate) fn when_delivered(&self, op: Op, call: impl FnOnce() + Send + 'static) {
        *self.0.delivered.lock().unwrap() = Some((op, Box::new(call)));
    }

    /// Who listens from now on hears this sender, and nothing of the store.
    pub(crate) fn tell_instead(&self, sender: NoticeSender) {
        *self.0.notices.lock().unwrap() = Some(sender);
    }

    /// The store inside.
    pub(crate) fn store(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    fn take_held(&self, op: Op) -> Option<(When, Held)> {
        let mut held = self.0.held.lock().unwrap();
        let place = held.iter().position(|(of, ..)| *of == op)?;
        let (_, when, held) = held.remove(place);
        Some((when, held))
    }

    fn fails(&self, op: Op, when: When) -> bool {
        self.0.failing.lock().unwrap().get(&op) == Some(&when)
    }

    fn answer<T, F>(&self, op: Op, call: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<dyn SessionStore>) -> Answer<T> + Send + 'static,
    {
        *self.0.calls.lock().unwrap().entry(op).or_default() += 1;
        let held = self.take_held(op);
        if held.is_none() && !self.0.later.load(Ordering::SeqCst) {
            if self.fails(op, When::Before) {
                return Reply::Now(Err(down()));
            }
            let answer = call(Arc::clone(&self.0.store));
            if self.fails(op, When::After) {
                return answer.map(|_| Err(down()));
            }
            return answer;
        }
        // Behind the answer, so that it is dropped when that is there, by whoever waited for it.
        let delivery = Delivery(self.clone(), op);
        let answer = self.clone().answer_late(op, held, call);
        Reply::later(Delivering(Box::pin(answer), delivery))
    }

    async fn answer_late<T, F>(
        self,
        op: Op,
        held: Option<(When, Held)>,
        call: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Arc<dyn SessionStore>) -> Answer<T> + Send + 'static,
    {
        tokio::task::yield_now().await;
        if let Some((When::Before, held)) = &held {
            held.wait().await;
        }
        if self.fails(op, When::Before) {
            return Err(down());
        }
        let answer = call(Arc::clone(&self.0.store)).await;
        if let Some((When::After, held)) = &held {
            held.wait().await;
        }
        tokio::task::yield_now().await;
        if self.fails(op, When::After) {
            return Err(down());
        }
        answer
    }
}

/// An answer, and what happens when it was taken.
struct Delivering<F>(
    Pin<Box<F>>,
    #[expect(dead_code, reason = "for its drop")] Delivery,
);

impl<F: Future> Future for Delivering<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.0.as_mut().poll(cx)
    }
}

struct Delivery(Spy, Op);

impl Drop for Delivery {
    fn drop(&mut self) {
        let call = self
            .0
            .0
            .delivered
            .lock()
            .unwrap()
            .take_if(|(op, _)| *op == self.1);
        if let Some((_, call)) = call {
            call();
        }
    }
}

fn down() -> Error {
    Error::unavailable("the test took the store down")
}

#[expect(
    clippy::disallowed_methods,
    reason = "hands on what the road asks of the store"
)]
impl SessionStore for Spy {
    fn mint_id(&self, subject: Option<&Subject>) -> Answer<SessionId> {
        let subject = subject.cloned();
        self.answer(Op::MintId, move |store| store.mint_id(subject.as_ref()))
    }

    fn begin_log_in(&self, subject: Option<&Subject>) -> Answer<Ticket> {
        let subject = subject.cloned();
        self.answer(Op::BeginLogIn, move |store| {
            store.begin_log_in(subject.as_ref())
        })
    }

    fn create(&self, session: NewSession) -> Answer<Created> {
        self.answer(Op::Create, move |store| store.create(session))
    }

    fn check_in(&self, id: SessionId, secret: &SecretHash, activity: Activity) -> Answer<CheckIn> {
        let secret = *secret;
        self.answer(Op::CheckIn, move |store| {
            store.check_in(id, &secret, activity)
        })
    }

    fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>> {
        let ids = ids.to_vec();
        self.answer(Op::Check, move |store| store.check(&ids, activity))
    }

    fn update(&self, id: SessionId, update: Update, expected: Option<u64>) -> Answer<Updated> {
        self.answer(Op::Update, move |store| store.update(id, update, expected))
    }

    fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Answer<Rotated> {
        let (old, new) = (*old, *new);
        self.answer(Op::Rotate, move |store| store.rotate(id, &old, &new, grace))
    }

    fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End> {
        self.answer(Op::End, move |store| store.end(id, cause, claimant))
    }

    fn end_many(
        &self,
        ids: &[SessionId],
        cause: Cause,
        claimant: Claimant,
    ) -> Answer<Vec<Departed>> {
        let ids = ids.to_vec();
        self.answer(Op::EndMany, move |store| {
            store.end_many(&ids, cause, claimant)
        })
    }

    fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>> {
        self.answer(Op::EndDue, move |store| store.end_due(limit, claimant))
    }

    fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation> {
        self.answer(Op::EndAll, move |store| store.end_all(scope, cause))
    }

    fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>> {
        self.answer(Op::Tombstone, move |store| store.tombstone(id))
    }

    fn list(&self, subject: &Subject) -> Answer<Vec<Listed>> {
        let subject = subject.clone();
        self.answer(Op::List, move |store| store.list(&subject))
    }

    fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page> {
        self.answer(Op::Page, move |store| store.page(cursor, limit))
    }

    fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>> {
        self.answer(Op::Pending, move |store| store.pending(limit, lease))
    }

    fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool> {
        self.answer(Op::Renew, move |store| store.renew(id, claim, lease))
    }

    fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool> {
        self.answer(Op::Acknowledge, move |store| store.acknowledge(id, claim))
    }

    fn has_own_clock(&self) -> bool {
        self.0.store.has_own_clock()
    }

    fn live_sessions(&self) -> Option<usize> {
        self.0.store.live_sessions()
    }

    fn touch_interval(&self, idle_timeout: Option<Duration>) -> Duration {
        self.0.store.touch_interval(idle_timeout)
    }

    fn notices(&self) -> Notices {
        let instead = self.0.notices.lock().unwrap();
        match &*instead {
            Some(sender) => sender.subscribe(),
            None => self.0.store.notices(),
        }
    }
}
