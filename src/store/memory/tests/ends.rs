//! Endings: by a call, by the clock, raced.

use super::*;

#[test]
fn a_life_from_log_in_to_oblivion() {
    let (store, clock) = store();
    let id = start(&store, "ann");
    assert!(is_live(&store, id));
    let End::First(departed) = end(&store, id, EndReason::Logout) else {
        panic!("nobody else ended it");
    };
    assert!(now(store.acknowledge(id, departed.claim)));
    assert!(!now(store.acknowledge(id, departed.claim)));
    let CheckIn::Ended(tombstone) = look(&store, id) else {
        panic!("it ended");
    };
    assert_eq!(*tombstone.reason(), EndReason::Logout);
    let wrong = now(store.check_in(id, &secret(9), Activity::Active));
    assert!(matches!(wrong, CheckIn::WrongSecret));

    // Its entry is still armed at the idle deadline, then until the tombstone is over.
    for seconds in [900, 27_899] {
        clock.advance(Duration::from_secs(seconds));
        assert!(sweep(&store, 10).is_empty());
        assert!(now(store.tombstone(id)).is_some());
    }
    clock.advance(Duration::from_secs(1));
    assert!(sweep(&store, 10).is_empty());
    assert!(matches!(look(&store, id), CheckIn::Unknown));
    assert_eq!(store.deadlines.armed() + store.graves.armed(), 0);
    assert!(store.burials.lock().unwrap().is_empty());
    assert_eq!(store.live_count(), 0);
}

#[test]
fn a_due_session_is_found_to_the_millisecond_and_a_touched_one_armed_again() {
    let (store, clock) = store();
    clock.advance(Duration::from_millis(700));
    let (idle, touched) = (start(&store, "ann"), start(&store, "bob"));
    clock.advance(Duration::from_mins(10));
    let active = now(store.check_in(touched, &secret(1), Activity::Active));
    assert!(matches!(active, CheckIn::Live(live) if live.last_seen == clock.now()));
    // In the same second, but before the deadline: more than once.
    clock.advance(Duration::from_millis(299_500));
    assert!(sweep(&store, 10).is_empty());
    clock.advance(Duration::from_millis(499));
    assert!(sweep(&store, 10).is_empty());
    clock.advance(Duration::from_millis(1));
    let due = now(store.check_in(idle, &secret(1), Activity::Active));
    assert!(matches!(due, CheckIn::Due(cause) if *cause.reason() == EndReason::IdleTimeout));
    let ended = sweep(&store, 10);
    assert_eq!(ended.iter().map(|d| d.id).collect::<Vec<_>>(), [idle]);
    assert!(is_live(&store, touched));
    clock.advance(Duration::from_mins(10));
    assert_eq!(sweep(&store, 10).len(), 1);
}

#[test]
fn an_end_meets_a_deadline_that_came_first() {
    let (store, clock) = store();
    let id = start(&store, "ann");
    clock.advance(Duration::from_mins(15));
    let End::First(departed) = end(&store, id, EndReason::Logout) else {
        panic!("nobody else ended it");
    };
    assert_eq!(*departed.ending.reason(), EndReason::IdleTimeout);
    assert_eq!(departed.cut, None);
}

#[test]
fn parallel_ends_have_one_winner_and_touches_do_not_revive() {
    let (store, clock) = store();
    for _ in 0..200 {
        let id = start(&store, "ann");
        let barrier = Barrier::new(4);
        let race_to_end = || {
            barrier.wait();
            match end(&store, id, EndReason::Logout) {
                End::First(_) => 1,
                End::Already(_) => 0,
                End::Unknown => panic!("it is known"),
            }
        };
        let race_to_write = || {
            barrier.wait();
            clock.advance(Duration::from_millis(1));
            let _touched = now(store.check_in(id, &secret(1), Activity::Active));
            let _written = now(store.update(id, Update::default(), None));
            let _rotated = now(store.rotate(id, &secret(1), &secret(2), Duration::ZERO));
        };
        let firsts: usize = thread::scope(|scope| {
            let ends = [(); 3].map(|()| scope.spawn(race_to_end));
            scope.spawn(race_to_write);
            ends.map(|end| end.join().unwrap()).iter().sum()
        });
        assert_eq!(firsts, 1);
        assert!(matches!(look(&store, id), CheckIn::Ended(_)));
    }
    assert_eq!(store.live_count(), 0);
    assert!(now(store.list(&subject("ann"))).is_empty());
}

#[test]
fn the_same_attempt_wins_again_until_somebody_takes_over() {
    let (store, clock) = store();
    let id = start(&store, "ann");
    let claimant = claimant();
    let again = || now(store.end(id, EndReason::Logout.into(), claimant));
    let (End::First(first), End::First(repeat)) = (again(), again()) else {
        panic!("the same attempt");
    };
    assert_eq!(first, repeat);
    assert!(now(store.pending(10, Duration::from_secs(30))).is_empty());
    clock.advance(Duration::from_secs(29));
    assert!(now(store.renew(id, first.claim, Duration::from_secs(30))));
    clock.advance(Duration::from_secs(29));
    assert!(now(store.pending(10, Duration::from_secs(30))).is_empty());
    clock.advance(Duration::from_secs(1));
    let taken = now(store.pending(10, Duration::from_secs(30)));
    assert_eq!(taken.len(), 1);
    assert!(taken[0].redelivered && taken[0].claim != first.claim);
    assert!(!now(store.renew(id, first.claim, Duration::from_secs(30))));
    assert!(!now(store.acknowledge(id, first.claim)));
    assert!(matches!(again(), End::Already(_)));
    assert!(now(store.acknowledge(id, taken[0].claim)));
    assert_eq!(store.pending.count(), 0);
}

#[test]
fn several_sweepers_end_each_session_once() {
    let (store, clock) = store();
    for number in 0..3_000 {
        start(&store, &format!("user-{}", number % 700));
    }
    now(store.end_all(everyone(), EndReason::Forced.into()));
    clock.advance(Duration::from_secs(1));
    for number in 0..3_000 {
        start(&store, &format!("user-{}", number % 700));
    }
    clock.advance(Duration::from_mins(15));
    let sweep_all = || {
        let mut ended = Vec::new();
        loop {
            let part = sweep(&store, 100);
            assert!(part.len() <= 100);
            ended.extend(part.iter().map(|departed| departed.id));
            if part.len() < 100 {
                return ended;
            }
        }
    };
    let mut ended: Vec<_> = thread::scope(|scope| {
        let sweepers = [(); 4].map(|()| scope.spawn(sweep_all));
        sweepers.map(|sweeper| sweeper.join().unwrap()).concat()
    });
    assert_eq!(ended.len(), 6_000);
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), 6_000);
    assert_eq!(store.live_count(), 0);
}

#[test]
fn a_clock_set_back_revives_nothing() {
    let (store, clock) = store();
    let [ended, cut, live] = ["ann", "bob", "cleo"].map(|name| start(&store, name));
    let _ = end(&store, ended, EndReason::Logout);
    let scope = Scope::Subject {
        subject: subject("bob"),
        except: None,
    };
    now(store.end_all(scope, EndReason::Forced.into()));
    clock.set(crate::time::Timestamp::default());
    assert!(matches!(look(&store, ended), CheckIn::Ended(_)));
    assert!(matches!(look(&store, cut), CheckIn::Due(_)));
    assert!(is_live(&store, live));
    assert_eq!(sweep(&store, 10).len(), 1);
    let again = now(store.check_in(cut, &secret(1), Activity::Active));
    assert!(matches!(again, CheckIn::Ended(_)));
}

#[test]
fn a_sweep_ends_nothing_that_is_not_due() {
    let (store, _) = store();
    let id = start(&store, "ann");
    let spared = store.end_at(id, None, claimant(), store.now());
    assert!(matches!(spared, Swapped::Lives(_)));
    let wanted = Cause::from(EndReason::Logout);
    let ended = store.end_at(id, Some(&wanted), claimant(), store.now());
    assert!(matches!(ended, Swapped::First(..)));
    assert_eq!(store.counters.endings.load(Ordering::Relaxed), 1);
}
