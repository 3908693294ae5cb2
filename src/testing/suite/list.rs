//! Lists: the live sessions of a subject, and of everybody in pages.

use super::fixture::{EVERYONE, Fixture, IDLE, claimant, must, of_subject, ok, subject};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Client,
    store::{CheckIn, Listed},
    testing::StoreHarness,
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

impl<H: StoreHarness> Fixture<H> {
    /// Every page, and how often each session stands on one.
    async fn pages(&self, limit: usize) -> HashMap<SessionId, usize> {
        let (mut seen, mut cursor, mut pages) = (HashMap::new(), None, 0);
        loop {
            let page = ok(self.store.page(cursor, limit)).await;
            for listed in page.sessions {
                *seen.entry(listed.id).or_insert(0) += 1;
            }
            pages += 1;
            assert!(pages < 100_000, "the pages come to an end");
            match page.next {
                Some(next) => cursor = Some(next),
                None => break seen,
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The oldest stands first, though all started in one millisecond.
pub async fn a_list_is_oldest_first<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    assert!(fixture.listed("alice").await.is_empty(), "nobody logged in");
    let (mut alices, mut bobs) = (Vec::new(), Vec::new());
    for number in 0..20 {
        if number > 10 {
            fixture.advance(fixture.margin()).await;
        }
        alices.push(fixture.log_in("alice").await);
        bobs.push(fixture.log_in("bob").await);
    }
    assert_eq!(fixture.listed("alice").await, alices);
    assert_eq!(fixture.listed("bob").await, bobs, "each subject's own");
    // A touch moves nothing.
    must!(fixture.check_in(alices[0]).await, CheckIn::Live(_), "live");
    assert_eq!(fixture.listed("alice").await, alices);
}

/// A list says when each session started, was last seen, and on what.
pub async fn a_list_shows_the_facts<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    let client = Client::new(None, Some(b"agent/1.0"));
    plan.client = Some(Arc::new(client.clone()));
    let id = fixture.start(plan).await;
    fixture.advance(Duration::from_mins(3)).await;
    must!(fixture.check_in(id).await, CheckIn::Live(_), "live");
    let live = fixture.expect_live(id, "live").await;
    let listed = ok(fixture.store.list(&subject("alice"))).await;
    let page = ok(fixture.store.page(None, 1_000)).await;
    for listed in listed.into_iter().chain(page.sessions) {
        let Listed {
            id: found,
            subject: of,
            created_at,
            last_seen,
            absolute_deadline,
            client: on,
        } = listed;
        assert_eq!((found, of), (id, Some(subject("alice"))));
        assert_eq!(created_at, live.record.created_at());
        assert_eq!(last_seen, live.last_seen, "the touch shows");
        assert_eq!(absolute_deadline, live.record.absolute_deadline());
        assert_eq!(on.map(|found| (*found).clone()), Some(client.clone()));
    }
}

/// A list shows live sessions by the one predicate, not rows.
pub async fn lists_show_live_sessions_only<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    fixture.log_in("alice").await;
    fixture.advance(IDLE).await;
    let (ended, cut) = (fixture.log_in("alice").await, fixture.log_in("bob").await);
    fixture.end_first(ended, EndReason::Logout).await;
    fixture
        .end_all(of_subject("bob", None), EndReason::Forced)
        .await;
    let (live, nobody) = (
        fixture.log_in("alice").await,
        fixture.start(fixture.plan(None).await).await,
    );
    assert_eq!(
        fixture.listed("alice").await,
        [live],
        "not the idle one, not the ended one"
    );
    assert!(fixture.listed("bob").await.is_empty(), "{cut} is cut");
    let pages = fixture.pages(10).await;
    assert_eq!(
        pages,
        HashMap::from([(live, 1), (nobody, 1)]),
        "all that live, nobody's too"
    );
}

/// However small the pages, each session stands on exactly one.
pub async fn pages_show_each_session_once<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    assert!(
        fixture.pages(10).await.is_empty(),
        "an empty store has pages without sessions"
    );
    let mut expected = HashMap::new();
    for number in 0..150 {
        expected.insert(fixture.log_in(&format!("user-{}", number % 7)).await, 1);
    }
    for limit in [1, 7, 150, 1_000] {
        assert_eq!(fixture.pages(limit).await, expected, "pages of {limit}");
    }
}

/// While others start and end, a session that lives all along stands on exactly one page.
pub async fn pages_are_stable_under_concurrent_change<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut staying = Vec::new();
    for number in 0..200 {
        staying.push(fixture.log_in(&format!("user-{}", number % 9)).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2 {
        let (store, stop) = (Arc::clone(&fixture.store), Arc::clone(&stop));
        tasks.spawn(async move {
            let of = format!("guest-{number}");
            while !stop.load(Ordering::SeqCst) {
                let plan = super::fixture::plan(&store, Some(&of)).await;
                let id = super::fixture::start(&store, plan).await;
                tokio::task::yield_now().await;
                drop(ok(store.end(id, EndReason::Logout.into(), claimant())).await);
            }
        });
    }
    for _ in 0..20 {
        let seen = fixture.pages(13).await;
        for id in &staying {
            assert_eq!(seen.get(id), Some(&1), "{id} lived all along");
        }
        assert!(
            seen.values().all(|times| *times == 1),
            "nobody stands on two pages"
        );
    }
    stop.store(true, Ordering::SeqCst);
    tasks.join_all().await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    assert!(fixture.pages(13).await.is_empty(), "all are cut");
}

/// A session that ends while its page is turned costs none of the others their place.
pub async fn an_ending_between_two_pages_skips_nobody<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut expected: Vec<SessionId> = Vec::new();
    for number in 0..40 {
        expected.push(fixture.log_in(&format!("user-{number}")).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = ok(fixture.store.page(cursor, 5)).await;
        for listed in &page.sessions {
            fixture.end_first(listed.id, EndReason::Forced).await;
            seen.push(listed.id);
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(
        seen, expected,
        "an administrator who ends page by page ends all"
    );
}
