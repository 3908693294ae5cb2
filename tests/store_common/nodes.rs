//! What two nodes of one store hear of each other, and two applications do not.

use super::log_in::{SECRET, claimant, log_in};
use adjourn::{
    id::Subject,
    reason::{Cause, EndReason},
    record::{Activity, Scope},
    store::{CheckIn, End, Notice, Notices, SessionStore},
};
use std::{collections::HashSet, time::Duration};

pub(crate) async fn next(notices: &mut Notices) -> Notice {
    let told = tokio::time::timeout(Duration::from_secs(20), notices.recv()).await;
    told.unwrap().unwrap()
}

/// Each its own, too; in what order is not said.
pub(crate) async fn hear_of_endings_and_cuts_once(one: &dyn SessionStore, two: &dyn SessionStore) {
    let id = log_in(one, "alice").await;
    let (mut here, mut there) = (one.notices(), two.notices());
    let end = one.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let of_subject = Scope::Subject {
        subject: Subject::new("alice \u{7528}'\"\\{}").unwrap(),
        except: Some(id),
    };
    let of_everyone = Scope::Everyone {
        created_before: None,
    };
    for scope in [&of_subject, &of_everyone] {
        let cut = two.end_all(scope.clone(), EndReason::Policy.into()).await;
        cut.unwrap();
    }
    let mut told = Vec::new();
    for notices in [&mut here, &mut there] {
        for _ in 0..3 {
            told.push(next(notices).await);
        }
    }
    let reason = EndReason::Logout;
    let ended = Notice::Ended { id, reason };
    for notice in [ended, Notice::Cut(of_subject), Notice::Cut(of_everyone)] {
        let times = told.iter().filter(|told| **told == notice).count();
        assert_eq!(times, 2, "{notice:?} is told to each once: {told:?}");
    }
    let last = log_in(one, "bob").await;
    let end = two.end(last, EndReason::Policy.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    for notices in [&mut here, &mut there] {
        let told = next(notices).await;
        assert!(
            matches!(told, Notice::Ended { id, .. } if id == last),
            "{told:?} was told before"
        );
    }
}

/// More than one message holds, and an own reason that is named like nothing else.
pub(crate) async fn hear_of_a_thousand_endings(one: &dyn SessionStore, two: &dyn SessionStore) {
    let mut ids = Vec::new();
    for number in 0..1_000 {
        ids.push(log_in(one, &format!("user-{number}")).await);
    }
    let mut there = two.notices();
    let reason = EndReason::custom("incident").unwrap();
    let cause = Cause::from(reason.clone());
    let ended = one.end_many(&ids, cause, claimant()).await.unwrap();
    assert_eq!(ended.len(), 1_000);
    let mut missing: HashSet<_> = ids.into_iter().collect();
    while !missing.is_empty() {
        match next(&mut there).await {
            Notice::Ended { id, reason: told } if told == reason => {
                assert!(missing.remove(&id), "{id} once");
            }
            other => panic!("{other:?} did not happen"),
        }
    }
}

/// Two applications on one server, each with a place of its own.
pub(crate) async fn know_nothing_of_each_other(here: &dyn SessionStore, there: &dyn SessionStore) {
    let id = log_in(here, "alice").await;
    let mut notices = there.notices();
    let answer = there.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
    let subject = Subject::new("alice").unwrap();
    assert!(there.list(&subject).await.unwrap().is_empty());
    let end = here.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let own = log_in(there, "alice").await;
    let end = there.end(own, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut notices).await, Notice::Ended { id: told, .. } if told == own));
}
