//! Random sequences of operations: each store answers as the reference does.

use adjourn::{
    store::{MemoryStore, SessionStore},
    testing::{
        ReferenceStore, StoreHarness,
        model::{self, Everyone, Op, Plan, Revision, Written},
    },
    time::ManualClock,
};
use proptest::{collection::vec, option, prelude::*};
use std::{sync::Arc, time::Duration};

struct Harness<S> {
    clock: ManualClock,
    open: fn(ManualClock) -> S,
}

impl<S: SessionStore> StoreHarness for Harness<S> {
    async fn open(&self) -> Arc<dyn SessionStore> {
        Arc::new((self.open)(self.clock.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

fn check<S: SessionStore>(open: fn(ManualClock) -> S, ops: &[Op]) -> Result<(), TestCaseError> {
    let clock = ManualClock::default();
    check_on(&Harness { clock, open }, ops)
}

fn check_on(harness: &impl StoreHarness, ops: &[Op]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    runtime
        .block_on(model::check(harness, ops))
        .map_err(|mismatch| TestCaseError::fail(mismatch.to_string()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_embedded_store_answers_as_the_reference(ops in vec(op(), 1..120)) {
        check(MemoryStore::with_clock, &ops)?;
    }

    /// Else the comparison itself is wrong.
    #[test]
    fn the_reference_answers_as_itself(ops in vec(op(), 1..60)) {
        check(ReferenceStore::with_clock, &ops)?;
    }
}

#[cfg(feature = "sqlite")]
#[path = "store_sqlite/support.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "shared with the other tests of the store"
)]
mod sqlite;

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    #[test]
    fn the_sqlite_store_answers_as_the_reference(ops in vec(op(), 1..120)) {
        check_on(&sqlite::File::default(), &ops)?;
    }
}

#[cfg(all(feature = "postgres", unix))]
#[path = "store_postgres/support.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    reason = "shared with the other tests of the store"
)]
mod postgres;
#[cfg(all(feature = "postgres", unix))]
#[path = "store_postgres/server.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    reason = "shared with the other tests of the store"
)]
mod server;

#[cfg(all(feature = "postgres", unix))]
proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..config() })]

    #[test]
    fn the_postgres_store_answers_as_the_reference(ops in vec(op(), 1..120)) {
        if let Some(schema) = postgres::Schema::of_a_test() {
            check_on(&schema, &ops)?;
        }
    }
}

#[cfg(all(feature = "redis", unix))]
#[path = "store_redis/support.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "shared with the other tests of the store"
)]
mod redis;
#[cfg(all(feature = "redis", unix))]
#[path = "store_redis/redis_server.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    reason = "shared with the other tests of the store"
)]
mod redis_server;

#[cfg(all(feature = "redis", unix))]
proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    #[test]
    fn the_redis_store_answers_as_the_reference(ops in vec(op(), 1..120)) {
        if let Some(place) = redis::Place::of_a_test() {
            check_on(&place, &ops)?;
        }
    }
}

/// Ids are random, so that a seed alone does not bring a failure back: what is printed does.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

fn op() -> impl Strategy<Value = Op> {
    let session = || 0..12_u8;
    // Mostly all there are, or which are chosen depends on their ids and shrinking gets stuck.
    let limit = || prop_oneof![4 => Just(250_u8), 1 => 0..4_u8];
    let secret = || prop_oneof![3 => Just(0_u8), 1 => 1..4_u8];
    prop_oneof![
        9 => plan().prop_map(Op::LogIn),
        7 => (session(), secret(), any::<bool>())
            .prop_map(|(session, secret, active)| Op::CheckIn { session, secret, active }),
        6 => prop_oneof![8 => 0..12_u16, 1 => 50..70_u16, 1 => 400..600_u16].prop_map(Op::Advance),
        4 => (session(), written(), revision())
            .prop_map(|(session, written, expected)| Op::Update { session, written, expected }),
        4 => (session(), secret(), secret(), 0..6_u8)
            .prop_map(|(session, old, new, grace)| Op::Rotate { session, old, new, grace }),
        3 => (session(), any::<u8>()).prop_map(|(session, attempt)| Op::End { session, attempt }),
        6 => limit().prop_map(|limit| Op::EndDue { limit }),
        2 => (0..3_u8, option::of(session()))
            .prop_map(|(subject, except)| Op::EndAllOfSubject { subject, except }),
        1 => prop_oneof![Just(Everyone::All), (0..12_u8).prop_map(Everyone::CreatedBefore)]
            .prop_map(Op::EndAllOfEveryone),
        2 => (session(), secret()).prop_map(|(session, secret)| Op::Repeat { session, secret }),
        2 => (0..3_u8).prop_map(Op::BeginLogIn),
        2 => (vec(session(), 0..5), any::<bool>())
            .prop_map(|(sessions, active)| Op::Check { sessions, active }),
        1 => vec(session(), 0..5).prop_map(|sessions| Op::EndMany { sessions }),
        2 => (0..3_u8).prop_map(Op::List),
        1 => limit().prop_map(|limit| Op::Page { limit }),
        2 => session().prop_map(Op::Tombstone),
        2 => (limit(), 0..4_u8).prop_map(|(limit, lease)| Op::Pending { limit, lease }),
        1 => (session(), any::<u8>(), 0..4_u8)
            .prop_map(|(session, claim, lease)| Op::Renew { session, claim, lease }),
        2 => (session(), any::<u8>())
            .prop_map(|(session, claim)| Op::Acknowledge { session, claim }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        0..4_u8,
        prop_oneof![3 => Just(0_u8), 1 => 1..4_u8],
        option::weighted(0.8, 1..20_u8),
        prop_oneof![2 => Just(0_u8), 1 => 1..4_u8],
        prop_oneof![1 => 0..30_u16, 3 => 100..500_u16],
        option::of((0..3_u8, any::<bool>())),
        option::of(0..12_u8),
        option::of(any::<u8>()),
    )
        .prop_map(
            |(subject, secret, idle, interval, absolute, limit, replaces, ticket)| Plan {
                subject,
                secret,
                idle,
                interval,
                absolute,
                limit,
                replaces,
                ticket,
            },
        )
}

fn written() -> impl Strategy<Value = Written> {
    prop_oneof![
        3 => any::<u8>().prop_map(Written::Set),
        1 => any::<u8>().prop_map(Written::Remove),
        1 => any::<u8>().prop_map(Written::LeaveBehind),
        1 => (any::<u8>(), 0..10_u8).prop_map(|(name, minutes)| Written::Grant(name, minutes)),
        1 => Just(Written::Nothing),
    ]
}

fn revision() -> impl Strategy<Value = Revision> {
    prop_oneof![3 => Just(Revision::Any), 2 => Just(Revision::Seen), 1 => Just(Revision::Wrong)]
}
