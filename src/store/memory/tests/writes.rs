//! Values and secrets of live sessions.

use super::*;

#[test]
fn presenting_the_new_secret_ends_the_grace_of_the_old_one() {
    let (store, clock) = store();
    let id = start(&store, "ann");
    let grace = Duration::from_mins(1);
    let rotate = || now(store.rotate(id, &secret(1), &secret(2), grace));
    assert!(matches!(rotate(), Rotated::Written));
    assert!(matches!(rotate(), Rotated::Written), "a repeat");
    assert!(is_live(&store, id), "the old one, within its grace");
    let new = now(store.check_in(id, &secret(2), Activity::Passive));
    assert!(matches!(new, CheckIn::Live(live) if live.record.revision() == 0));
    assert!(matches!(look(&store, id), CheckIn::Outdated));
    clock.set(crate::time::Timestamp::default());
    assert!(matches!(look(&store, id), CheckIn::Outdated), "for good");
    let other = now(store.rotate(id, &secret(1), &secret(3), grace));
    assert!(matches!(other, Rotated::Outdated));
    let wrong = now(store.rotate(id, &secret(9), &secret(3), grace));
    assert!(matches!(wrong, Rotated::WrongSecret));
}

#[test]
fn only_a_write_that_changes_something_counts() {
    let (store, clock) = store();
    let id = start(&store, "ann");
    let until = clock.now().saturating_add(Duration::from_secs(10));
    let update = || {
        let mut update = Update::default();
        update.values = update.values.set("cart", *b"1");
        update.grants = update.grants.with("refund", until);
        update
    };
    let revision = |updated| match updated {
        Updated::Written(live) => live.record.revision(),
        other => panic!("{other:?}"),
    };
    assert_eq!(revision(now(store.update(id, update(), Some(0)))), 1);
    assert_eq!(revision(now(store.update(id, update(), None))), 1);
    let stale = now(store.update(id, update(), Some(0)));
    assert!(matches!(stale, Updated::Conflict(_)));
    clock.advance(Duration::from_secs(10));
    let mut other = Update::default();
    other.values = other.values.set("cart", *b"2");
    let Updated::Written(live) = now(store.update(id, other, None)) else {
        panic!("it lives");
    };
    assert_eq!(live.record.values().get("cart"), Some(b"2".as_slice()));
    assert!(!live.record.granted("refund", clock.now()));
    let _ = end(&store, id, EndReason::Forced);
    let late = now(store.update(id, update(), None));
    assert!(matches!(late, Updated::NotLive(NotLive::Ended(_))));
}
