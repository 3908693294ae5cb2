//! Creating: the only operation that inserts.

use super::fixture::{
    ABSOLUTE, EVERYONE, Fixture, IDLE, SECRET, claimant, must, ok, secret, subject, value,
};
use crate::{
    reason::EndReason,
    record::{Activity, Client, Values},
    store::{CheckIn, Created},
    testing::StoreHarness,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// A record keeps everything that the session was created with, in store time.
pub async fn a_new_session_is_live_and_has_what_it_was_given<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    let client = Client::new(Some([192, 0, 2, 7].into()), Some("agent/1.0 é".as_bytes()));
    plan.client = Some(Arc::new(client.clone()));
    plan.touch_interval = Duration::from_mins(1);
    plan.values = Values::from_iter([("cart", b"[1]".as_slice()), ("\u{7528}", b"\x00\xff")]);
    let (id, values) = (plan.id, plan.values.clone());
    let created = must!(fixture.create(plan).await, Created::Created { live, ended } => {
        assert!(ended.is_empty(), "nothing ended for it");
        live
    }, "the id is new");

    let found = fixture.expect_live(id, "it was created").await;
    for live in [created, found] {
        let record = &live.record;
        assert_eq!(live.id, id);
        assert_eq!(*record.secret_hash(), SECRET);
        assert!(record.previous().is_none(), "nothing was rotated");
        assert_eq!(record.subject(), Some(&subject("alice")));
        assert_eq!(record.idle_timeout(), Some(IDLE));
        assert_eq!(record.touch_interval(), Duration::from_mins(1));
        assert_eq!(
            record.client().map(|client| (**client).clone()),
            Some(client.clone())
        );
        assert_eq!(
            *record.values(),
            values,
            "values are opaque bytes, kept as they are"
        );
        assert_eq!(record.revision(), 0, "nothing was written since");
        let deadline = record.created_at().saturating_add(ABSOLUTE);
        assert_eq!(
            record.absolute_deadline(),
            deadline,
            "counted from the creation"
        );
        assert_eq!(record.authenticated_at(), record.created_at());
        assert!(
            fixture.same(live.now, record.created_at()),
            "created just now, in store time"
        );
        assert!(
            fixture.same(live.last_seen, record.created_at()),
            "creating is activity"
        );
    }
}

/// A retry after a lost reply gets its session, and does not start or touch anything.
pub async fn an_exact_repeat_is_answered_created_again<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let old = fixture.log_in("alice").await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.replaces = Some(old);
    let id = fixture.start(plan.clone()).await;
    drop(fixture.write(id, "cart", "1").await);

    must!(fixture.create(plan).await, Created::Created { live, ended } => {
        assert_eq!(live.id, id);
        assert_eq!(value(&live, "cart").as_deref(), Some("1"), "a repeat overwrites nothing");
        assert!(ended.is_empty(), "what ended is pending already and must not be leased twice");
    }, "the same id and secret is the same attempt: its reply was lost");
    assert_eq!(
        fixture.listed("alice").await,
        [id],
        "there is one session, not two"
    );
}

/// Whoever guesses or replays an id must not get at the session behind it.
pub async fn a_taken_id_is_a_conflict_and_changes_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let mut plan = fixture.plan(Some("alice")).await;
    let other = fixture.log_in("alice").await;
    (plan.id, plan.secret_hash, plan.replaces) = (id, secret(2), Some(other));
    plan.values = Values::from_iter([("stolen", b"1".as_slice())]);
    must!(
        fixture.create(plan).await,
        Created::Conflict,
        "the id has another secret"
    );

    let live = fixture.expect_live(id, "a conflict changes nothing").await;
    assert_eq!(value(&live, "stolen"), None, "a conflict writes nothing");
    fixture
        .expect_live(other, "a conflict ends nothing, not even what it replaces")
        .await;
    let stranger = fixture.present(id, &secret(2), Activity::Active).await;
    must!(
        stranger,
        CheckIn::WrongSecret,
        "a conflict must not install its secret"
    );
}

/// An id is used once: not even its own retry brings an ended session back.
pub async fn an_ended_id_is_never_taken_again<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let plan = fixture.plan(Some("alice")).await;
    let id = fixture.start(plan.clone()).await;
    fixture.end_first(id, EndReason::Logout).await;

    must!(
        fixture.create(plan.clone()).await,
        Created::Conflict,
        "a late retry of the log-in must not revive a session that was logged out"
    );
    let mut other = plan;
    (other.secret_hash, other.claimant) = (secret(2), claimant());
    must!(
        fixture.create(other).await,
        Created::Conflict,
        "an ended id is taken for ever"
    );
    fixture
        .expect_ended(id, EndReason::Logout, "a conflict changes nothing")
        .await;
}

/// A session that is due but not yet concluded is not live: a repeat must not answer it.
pub async fn a_due_id_is_never_taken_again<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let plan = fixture.plan(Some("alice")).await;
    let (id, cut) = (
        fixture.start(plan.clone()).await,
        fixture.plan(Some("bob")).await,
    );
    fixture.advance(IDLE).await;
    must!(
        fixture.create(plan).await,
        Created::Conflict,
        "it idled out: nothing revives it"
    );
    fixture
        .expect_due(id, EndReason::IdleTimeout, "a repeat is not activity")
        .await;

    fixture.start(cut.clone()).await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    must!(
        fixture.create(cut).await,
        Created::Conflict,
        "it was cut: nothing revives it"
    );
}

/// The reply is lost, the driver tries again, both arrive: there is one session.
pub async fn parallel_repeats_create_one_session<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let plan = fixture.plan(Some("alice")).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..32_u8 {
        let (store, mut plan) = (Arc::clone(&fixture.store), plan.clone());
        plan.secret_hash = secret(1 + number % 2);
        tasks.spawn(async move { (plan.secret_hash, ok(store.create(plan)).await) });
    }
    let created: HashSet<_> = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|(_, created)| matches!(created, Created::Created { .. }))
        .map(|(secret, _)| secret)
        .collect();
    assert_eq!(
        created.len(),
        1,
        "one secret wins the id, the other conflicts"
    );
    assert_eq!(
        fixture.listed("alice").await,
        [plan.id],
        "there is one session"
    );
}

/// Equal only byte for byte: a store with a collation of its own would merge users.
pub async fn subjects_are_told_apart_byte_for_byte<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let texts = [
        "e\u{301}",
        "\u{e9}",
        "E\u{301}",
        "alice",
        "Alice",
        "alice ",
        "\u{7528}\u{6237}",
        "*",
        "alice%",
        "a'; DROP TABLE session; --",
        "{a}",
        "a:b",
    ];
    let mut started = Vec::new();
    for text in texts {
        started.push((text, fixture.log_in(text).await));
    }
    for (text, id) in &started {
        assert_eq!(
            fixture.listed(text).await,
            [*id],
            "{text:?} is one subject of its own"
        );
        let live = fixture.expect_live(*id, "it was created").await;
        assert_eq!(
            live.record.subject(),
            Some(&subject(text)),
            "kept byte for byte"
        );
    }
}

/// A name is never handed out twice, whoever it is for.
pub async fn minted_ids_do_not_repeat<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (alice, mut seen) = (subject("alice"), HashSet::new());
    for _ in 0..500 {
        for of in [Some(&alice), None] {
            let id = ok(fixture.store.mint_id(of)).await;
            assert!(
                seen.insert(id),
                "{id} was minted twice: two sessions would be one"
            );
        }
    }
}

/// Nobody's session is in nobody's list.
pub async fn an_anonymous_session_belongs_to_nobody<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.start(fixture.plan(None).await).await;
    let live = fixture.expect_live(id, "it was created").await;
    assert_eq!(live.record.subject(), None);
    for of in ["None", "null", "*", "-"] {
        assert!(
            fixture.listed(of).await.is_empty(),
            "{of:?} is a subject, not nobody"
        );
    }
    let departed = fixture.end_first(id, EndReason::Undelivered).await;
    assert_eq!(departed.subject, None);
}

/// What is read back is what was answered, also of times that no clock reaches.
pub async fn the_longest_times_are_kept<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("x")).await;
    plan.idle_timeout = Some(Duration::MAX);
    plan.touch_interval = Duration::MAX;
    plan.absolute_timeout = Duration::MAX;
    let created = must!(fixture.create(plan).await, Created::Created { live, .. } => live,
        "the id is new");
    let found = fixture.expect_live(created.id, "it lives for ever").await;
    assert_eq!(
        format!("{:?}", found.record),
        format!("{:?}", created.record),
        "the answer is what is kept"
    );
}
