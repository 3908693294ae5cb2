//! Writing: merged by name, and only into a live session.

use super::fixture::{EVERYONE, Fixture, IDLE, claimant, must, ok, set, value};
use crate::{
    id::SessionId,
    reason::{Cause, EndReason},
    record::{Changes, Grants, Live, RecordParts, Values},
    store::{End, NotLive, Update, Updated},
    testing::StoreHarness,
};
use std::{sync::Arc, time::Duration};

fn written(updated: Updated) -> Live {
    must!(updated, Updated::Written(live) => live, "the session is live")
}

/// A commit changes the names that it mentions, and no other.
pub async fn values_are_merged_by_name<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.values = Values::from_iter([("cart", b"1".as_slice()), ("theme", b"dark")]);
    let id = fixture.start(plan).await;
    let mut update = set("cart", "2");
    update.values = update
        .values
        .set("\u{7528}", *b"\x00\xff")
        .remove("theme")
        .remove("never");
    let answered = written(ok(fixture.store.update(id, update, None)).await);
    let found = fixture.expect_live(id, "it was written to").await;
    for live in [answered, found] {
        let values: Vec<_> = live.record.values().iter().collect();
        assert_eq!(
            values,
            [("cart", b"2".as_slice()), ("\u{7528}", b"\x00\xff")]
        );
        assert_eq!(live.record.revision(), 1, "one write");
    }
}

/// The last writer of a name wins; each write counts.
pub async fn the_last_writer_of_a_name_wins<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    for number in 1..=5_u64 {
        let live = written(fixture.write(id, "cart", &number.to_string()).await);
        assert_eq!(
            live.record.revision(),
            number,
            "each write adds one to the revision"
        );
        assert_eq!(value(&live, "cart"), Some(number.to_string()));
    }
}

/// Who asks for a revision gets it or a conflict, never a silent overwrite.
pub async fn an_unexpected_revision_is_a_conflict<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let live = written(ok(fixture.store.update(id, set("cart", "1"), Some(0))).await);
    assert_eq!(live.record.revision(), 1);
    for stale in [0, 2, u64::MAX] {
        let answer = ok(fixture.store.update(id, set("cart", "stale"), Some(stale))).await;
        let found = must!(answer, Updated::Conflict(live) => live, "the revision is 1");
        assert_eq!(
            value(&found, "cart").as_deref(),
            Some("1"),
            "a conflict writes nothing"
        );
        assert_eq!(
            found.record.revision(),
            1,
            "a conflict shows the session as it is"
        );
    }
    written(ok(fixture.store.update(id, set("cart", "2"), Some(1))).await);
}

/// There is no upsert: what is not live is not written to.
pub async fn a_session_that_is_not_live_is_not_written_to<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let unknown = SessionId::from_bytes([7; 16]);
    must!(
        fixture.expect_not_live(unknown, "unknown").await,
        NotLive::Unknown,
        "never created"
    );
    let (ended, idle) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    let departed = fixture.end_first(ended, EndReason::Logout).await;
    fixture.advance(IDLE + fixture.margin()).await;
    let cut = fixture.log_in("bob").await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;

    for expected in [None, Some(0), Some(7)] {
        let answer = ok(fixture.store.update(ended, set("late", "1"), expected)).await;
        must!(answer, Updated::NotLive(NotLive::Ended(tombstone)) if {
            tombstone.ending == departed.ending
        }, "it ended, whatever the revision");
    }
    for (id, reason) in [(idle, EndReason::IdleTimeout), (cut, EndReason::Forced)] {
        let refused = fixture.expect_not_live(id, "it is due").await;
        must!(&refused, NotLive::Due(cause) if *cause.reason() == reason, "with its cause");
        fixture
            .expect_due(id, reason, "a write is no activity")
            .await;
    }
    let answer = ok(fixture.store.tombstone(unknown)).await;
    assert!(answer.is_none(), "a write inserts nothing");
}

/// Only activity moves the idle deadline: a job that writes in the background is none.
pub async fn a_write_is_no_activity<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let before = fixture.expect_live(id, "created").await.last_seen;
    fixture.advance_until_just_before(IDLE).await;
    let live = written(fixture.write(id, "job", "done").await);
    assert_eq!(live.last_seen, before, "a write does not touch");
    fixture.advance(fixture.margin()).await;
    fixture
        .expect_due(id, EndReason::IdleTimeout, "nobody was there")
        .await;
}

/// An update that says nothing writes nothing.
pub async fn an_empty_update_writes_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let live = written(ok(fixture.store.update(id, Update::default(), None)).await);
    assert_eq!(live.record.revision(), 0, "nothing changed");
    fixture.end_first(id, EndReason::Logout).await;
    let answer = ok(fixture.store.update(id, Update::default(), None)).await;
    must!(
        answer,
        Updated::NotLive(_),
        "an empty update of a dead session says so too"
    );
}

/// 64 requests of one page, each with its own value: none is lost.
pub async fn parallel_writes_of_different_names_are_all_kept<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let gate = Arc::new(tokio::sync::Barrier::new(64));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (store, gate) = (Arc::clone(&fixture.store), Arc::clone(&gate));
        tasks.spawn(async move {
            gate.wait().await;
            let name = format!("name-{number}");
            let live = written(ok(store.update(id, set(&name, "1"), None)).await);
            assert!(
                live.record.values().get(&name).is_some(),
                "it reads its own write"
            );
        });
    }
    tasks.join_all().await;
    let live = fixture.expect_live(id, "it was written to").await;
    assert_eq!(
        live.record.values().iter().count(),
        64,
        "each write is there"
    );
    assert_eq!(live.record.revision(), 64, "each write counted");
}

/// Of 64 that expect the same revision, one writes.
pub async fn parallel_writes_of_one_revision_let_one_through<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let gate = Arc::new(tokio::sync::Barrier::new(64));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (store, gate) = (Arc::clone(&fixture.store), Arc::clone(&gate));
        tasks.spawn(async move {
            gate.wait().await;
            let update = set("balance", &number.to_string());
            matches!(
                ok(store.update(id, update, Some(0))).await,
                Updated::Written(_)
            )
        });
    }
    let through = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|won| *won)
        .count();
    assert_eq!(
        through, 1,
        "compare-and-set: all others must see a conflict"
    );
}

/// Grants are merged by name, end by themselves, and are dropped when they are over.
pub async fn grants_are_merged_by_name_and_end_by_themselves<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let now = fixture.expect_live(id, "created").await.now;
    let after = |minutes| now.saturating_add(Duration::from_mins(minutes));
    for (name, minutes) in [("refund", 5), ("export", 10), ("refund", 2)] {
        let update = Update {
            grants: Grants::default().with(name, after(minutes)),
            ..Update::default()
        };
        let live = written(ok(fixture.store.update(id, update, None)).await);
        assert!(live.record.granted(name, live.now), "{name} was granted");
    }
    let live = fixture.expect_live(id, "granted").await;
    assert_eq!(live.record.revision(), 3, "a grant is a write");
    assert!(
        live.record.granted("refund", after(1)) && !live.record.granted("refund", after(2)),
        "the later grant of a name replaced the earlier"
    );
    assert!(
        live.record.granted("export", after(9)),
        "another name is another grant"
    );

    fixture.advance(Duration::from_mins(4)).await;
    let update = Update {
        grants: Grants::default().with("delete", after(9)),
        ..Update::default()
    };
    let live = written(ok(fixture.store.update(id, update, None)).await);
    assert!(!live.record.granted("refund", live.now), "it is over");
    let grants = RecordParts::from((*live.record).clone()).grants;
    let mut names: Vec<_> = grants.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["delete", "export"],
        "what is over is dropped, or a record only grows"
    );
}

/// What is left behind is merged like values, and is none of them.
pub async fn what_is_left_behind_is_kept_apart_from_the_values<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    for changes in [
        Changes::default().set("bucket", *b"a").set("lock", *b"1"),
        Changes::default()
            .set("bucket", *b"b")
            .remove("lock")
            .set("job", *b"7"),
    ] {
        let update = Update {
            leave_behind: changes,
            ..Update::default()
        };
        let live = written(ok(fixture.store.update(id, update, None)).await);
        assert!(live.record.values().is_empty(), "it is no value");
    }
    let departed = fixture.end_first(id, EndReason::Logout).await;
    let left = Values::from_iter([("bucket", b"b".as_slice()), ("job", b"7")]);
    assert_eq!(
        departed.leave_behind, left,
        "the hooks of the ending get it, merged by name"
    );
}

/// Also the empty name, and bytes that no text holds.
pub async fn names_and_values_of_any_bytes_are_kept<H: StoreHarness>(harness: H) {
    const ODD: &str = "\0 \u{7528}'\"\\{},";
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let update = Update {
        values: Changes::default()
            .set(ODD, [0, 255, b'"', b'\\'])
            .set("", []),
        leave_behind: Changes::default().set(ODD, [0]),
        ..Update::default()
    };
    drop(written(ok(fixture.store.update(id, update, None)).await));
    let live = fixture.expect_live(id, "it was written to").await;
    let odd: &[u8] = &[0, 255, b'"', b'\\'];
    let values = Values::from_iter([("", b"".as_slice()), (ODD, odd)]);
    assert_eq!(*live.record.values(), values, "neither is changed");
    let cause = Cause::from(EndReason::Forced).with_note("\0'\"\\\n");
    let end = ok(fixture.store.end(id, cause.clone(), claimant())).await;
    let departed = must!(end, End::First(departed) => departed, "nobody ended it before");
    assert_eq!(*departed.ending.cause(), cause, "the note is kept");
    assert_eq!(departed.leave_behind.get(ODD), Some([0].as_slice()));
}
