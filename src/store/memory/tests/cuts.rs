//! Cuts, and the log-ins that race with them.

use super::*;

#[test]
fn a_cut_spares_the_kept_session_and_the_first_cut_names_the_reason() {
    let (store, _) = store();
    let [kept, other, stranger] = ["ann", "ann", "bob"].map(|name| start(&store, name));
    let scope = Scope::Subject {
        subject: subject("ann"),
        except: Some(kept),
    };
    let cut = now(store.end_all(scope, EndReason::CredentialChange.into()));
    assert!(is_live(&store, kept) && is_live(&store, stranger));
    assert!(matches!(look(&store, other), CheckIn::Due(_)));
    now(store.end_all(everyone(), EndReason::Forced.into()));
    assert!(!is_live(&store, kept) && !is_live(&store, stranger));
    let after = start(&store, "ann");
    let mut ended = sweep(&store, 10);
    ended.sort_by_key(|departed| departed.claim);
    assert_eq!(ended.len(), 3);
    for departed in &ended {
        let by_first = departed.id == other;
        assert_eq!(departed.cut == Some(cut), by_first);
        let reason = if by_first {
            EndReason::CredentialChange
        } else {
            EndReason::Forced
        };
        assert_eq!(*departed.ending.reason(), reason);
    }
    assert!(is_live(&store, after));
}

#[test]
fn a_log_in_that_began_before_a_cut_is_refused_even_when_the_cut_is_forgotten() {
    let (store, clock) = store();
    let log_in = |name: &str, ticket| {
        let mut session = new_session(Some(name));
        session.ticket = Some(ticket);
        now(store.create(session))
    };
    let before = now(store.begin_log_in(None));
    let scope = Scope::Subject {
        subject: subject("ann"),
        except: None,
    };
    now(store.end_all(scope, EndReason::Forced.into()));
    let after = now(store.begin_log_in(None));
    assert!(matches!(log_in("ann", before), Created::Outdated));
    assert!(matches!(log_in("ann", after), Created::Created { .. }));
    assert!(matches!(log_in("bob", before), Created::Created { .. }));
    clock.advance(Ticket::LIFETIME);
    assert!(matches!(log_in("bob", before), Created::Created { .. }));
    sweep(&store, 10);
    assert_eq!(store.cuts.count(), 1);
    clock.advance(Duration::from_millis(1));
    sweep(&store, 10);
    assert_eq!(store.cuts.count(), 0);
    assert!(matches!(log_in("bob", before), Created::Outdated));
    clock.advance(Duration::from_secs(1));
    let stepped_back = Ticket {
        issued_at: clock.now(),
        ..before
    };
    assert!(matches!(log_in("ann", stepped_back), Created::Outdated));
}

#[test]
fn a_cut_by_instant_only_narrows() {
    let (store, clock) = store();
    let old = start(&store, "ann");
    let ticket = now(store.begin_log_in(None));
    clock.advance(Duration::from_secs(10));
    let instant = clock.now();
    let young = start(&store, "ann");
    clock.advance(Duration::from_secs(10));
    for instant in [instant, clock.now().saturating_add(Duration::from_secs(99))] {
        let scope = Scope::Everyone {
            created_before: Some(instant),
        };
        now(store.end_all(scope, EndReason::Forced.into()));
        assert!(!is_live(&store, old));
        assert_eq!(is_live(&store, young), instant < clock.now());
        let after = start(&store, "ann");
        assert!(is_live(&store, after), "it starts after the cut");
    }
    let mut session = new_session(Some("ann"));
    session.ticket = Some(ticket);
    assert!(matches!(now(store.create(session)), Created::Outdated));
}
