//! What the conformance suite cannot see: bounds, housekeeping, and races forced inside.

#![allow(
    clippy::disallowed_methods,
    reason = "the store itself is tested, without the road"
)]

mod bounds;
mod cuts;
mod ends;
mod writes;

use super::{MemoryStore, ending::Swapped};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Departed, Live, Scope, Tombstone, Values},
    store::{
        Answer, AtLimit, Attempt, CheckIn, Claimant, Created, End, ErrorKind, Limit, NewSession,
        NotLive, Reply, Rotated, SessionStore, Ticket, Update, Updated,
    },
    time::{Clock, ManualClock},
};
use std::{
    num::NonZeroU32,
    sync::{Barrier, atomic::Ordering},
    thread,
    time::Duration,
};

fn now<T>(answer: Answer<T>) -> T {
    match answer {
        Reply::Now(answer) => answer.unwrap(),
        Reply::Later(_) => panic!("the embedded store answers at once"),
    }
}

fn store() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::default();
    (MemoryStore::with_clock(clock.clone()), clock)
}

fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().unwrap(),
        lease: Duration::from_secs(30),
    }
}

fn secret(byte: u8) -> SecretHash {
    SecretHash::from_bytes([byte; 32])
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn new_session(name: Option<&str>) -> NewSession {
    NewSession {
        id: SessionId::random().unwrap(),
        secret_hash: secret(1),
        subject: name.map(subject),
        idle_timeout: Some(Duration::from_mins(15)),
        touch_interval: Duration::ZERO,
        absolute_timeout: Duration::from_hours(8),
        client: None,
        values: Values::from_iter([("value", [7_u8; 32].as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
        request_id: None,
    }
}

fn created(store: &MemoryStore, session: NewSession) -> (Live, Vec<Departed>) {
    match now(store.create(session)) {
        Created::Created { live, ended } => (live, ended),
        other => panic!("{other:?}"),
    }
}

fn start(store: &MemoryStore, name: &str) -> SessionId {
    created(store, new_session(Some(name))).0.id
}

fn look(store: &MemoryStore, id: SessionId) -> CheckIn {
    now(store.check_in(id, &secret(1), Activity::Passive))
}

fn is_live(store: &MemoryStore, id: SessionId) -> bool {
    matches!(look(store, id), CheckIn::Live(_))
}

fn end(store: &MemoryStore, id: SessionId, reason: EndReason) -> End {
    now(store.end(id, reason.into(), claimant()))
}

fn sweep(store: &MemoryStore, limit: usize) -> Vec<Departed> {
    now(store.end_due(limit, claimant()))
}

fn everyone() -> Scope {
    Scope::Everyone {
        created_before: None,
    }
}
