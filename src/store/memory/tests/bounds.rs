//! Limits, bounds and views.

use super::*;

#[test]
fn a_limit_is_never_exceeded_by_parallel_log_ins() {
    for at_limit in [AtLimit::EndOldest, AtLimit::RefuseNew] {
        let (store, _) = store();
        let replaced = start(&store, "ann");
        let barrier = Barrier::new(16);
        let log_in = || {
            barrier.wait();
            for _ in 0..8 {
                let mut session = new_session(Some("ann"));
                session.limit = Some(Limit {
                    max: NonZeroU32::new(3).unwrap(),
                    at_limit,
                });
                session.replaces = Some(replaced);
                let _created = now(store.create(session));
                assert!(now(store.list(&subject("ann"))).len() <= 3);
            }
        };
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(log_in);
            }
        });
        assert_eq!(now(store.list(&subject("ann"))).len(), 3);
        let CheckIn::Ended(tombstone) = look(&store, replaced) else {
            panic!("it was replaced");
        };
        assert_eq!(*tombstone.reason(), EndReason::Reauthenticated);
    }
}

#[test]
fn the_oldest_end_and_another_subjects_session_is_never_replaced() {
    let (store, _) = store();
    let (first, second) = (start(&store, "ann"), start(&store, "ann"));
    let other = start(&store, "bob");
    let mut session = new_session(Some("ann"));
    session.limit = Some(Limit {
        max: NonZeroU32::new(2).unwrap(),
        at_limit: AtLimit::EndOldest,
    });
    session.replaces = Some(other);
    let repeat = session.clone();
    let (live, ended) = created(&store, session);
    assert_eq!(ended.iter().map(|d| d.id).collect::<Vec<_>>(), [first]);
    assert!(is_live(&store, second) && is_live(&store, other));
    let listed: Vec<_> = now(store.list(&subject("ann")));
    assert!(listed.iter().map(|l| l.id).eq([second, live.id]));
    let (again, ended) = created(&store, repeat);
    assert_eq!((again.id, ended.len()), (live.id, 0));
    let mut taken = new_session(Some("ann"));
    taken.id = first;
    assert!(matches!(now(store.create(taken)), Created::Conflict));
}

#[test]
fn a_page_holds_each_session_once_whatever_else_ends_and_starts() {
    let (store, _) = store();
    let mut stay: Vec<_> = (0..500)
        .map(|n| start(&store, &format!("user-{n}")))
        .collect();
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let passing = start(&store, "passing");
        let page = now(store.page(cursor, 7));
        assert!(page.sessions.len() <= 7);
        seen.extend(page.sessions.iter().map(|listed| listed.id));
        let _ = end(&store, passing, EndReason::Logout);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    seen.retain(|id| stay.contains(id));
    seen.sort_unstable();
    stay.sort_unstable();
    assert_eq!(seen, stay);
    let foreign = crate::store::Cursor::from_bytes(*b"foreign");
    let Reply::Now(Err(error)) = store.page(Some(foreign), 7) else {
        panic!("not a cursor of this store");
    };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn sessions_are_bounded_until_their_endings_are_worked_off() {
    let store = store().0.with_max_sessions(2);
    let first = start(&store, "ann");
    start(&store, "ann");
    let refused = |store: &MemoryStore| match store.create(new_session(None)) {
        Reply::Now(Err(error)) => error.to_string().contains("max_sessions"),
        Reply::Now(Ok(_)) => false,
        Reply::Later(_) => panic!("the embedded store answers at once"),
    };
    assert!(refused(&store));
    let End::First(departed) = end(&store, first, EndReason::Logout) else {
        panic!("nobody else ended it");
    };
    assert!(refused(&store));
    now(store.acknowledge(first, departed.claim));
    assert!(!refused(&store));
}

#[test]
fn tombstones_are_bounded_and_leave_nothing_behind() {
    let (store, clock) = store();
    let store = store.with_max_tombstones(10);
    let ids: Vec<_> = (0..40_000).map(|_| start(&store, "ann")).collect();
    for id in &ids {
        let End::First(departed) = end(&store, *id, EndReason::Logout) else {
            panic!("nobody else ended it");
        };
        now(store.acknowledge(*id, departed.claim));
    }
    assert!(matches!(look(&store, ids[0]), CheckIn::Unknown));
    assert!(matches!(look(&store, ids[39_999]), CheckIn::Ended(_)));
    assert_eq!(store.slots.len(), 10);
    assert_eq!(store.deadlines.armed(), 40_000);
    // Little by little, so that nobody waits for it.
    for _ in 0..10 {
        sweep(&store, 10);
    }
    assert_eq!(store.deadlines.armed(), 10);
    assert!(store.slots.capacity() < 1_000, "{}", store.slots.capacity());
    clock.advance(Duration::from_hours(8) + Tombstone::MIN_RETENTION);
    sweep(&store, 10);
    assert_eq!(store.slots.len(), 0);
}

#[test]
fn debug_shows_numbers_only() {
    let (store, _) = store();
    start(&store, "ann");
    let shown = format!("{store:?}");
    assert!(
        shown.contains("live: 1") && !shown.contains("ann"),
        "{shown}"
    );
}
