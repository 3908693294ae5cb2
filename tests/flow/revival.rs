//! No request that was on its way when its session ended brings the session back.
//!
//! The five steps: a slow request loads; the session ends; the slow request reads, writes, rotates
//! or touches, and finishes; then the old cookie, and any cookie that it set. Nobody is ever
//! authenticated.

use crate::support::{Browser, Got, Held, Op, Site, Spy, When};
use adjourn::{
    carrier::CookieSpec,
    id::{SessionId, Subject},
    reason::EndReason,
};
use http::{Method, StatusCode};
use std::time::Duration;

/// What the slow request does after the ending.
const SLOW: [&str; 5] = ["read", "write", "rotate", "update", "keep"];

/// How the session ends meanwhile.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Logout,
    Admin,
    Idle,
    Absolute,
    Subject,
    Everyone,
}

const ENDINGS: [(Ending, EndReason); 6] = [
    (Ending::Logout, EndReason::Logout),
    (Ending::Admin, EndReason::Forced),
    (Ending::Idle, EndReason::IdleTimeout),
    (Ending::Absolute, EndReason::AbsoluteTimeout),
    (Ending::Subject, EndReason::SubjectDisabled),
    (Ending::Everyone, EndReason::Policy),
];

impl Ending {
    async fn happen(self, site: &Site, browser: &Browser, id: SessionId) {
        let terminator = site.sessions.terminator();
        match self {
            Self::Logout => {
                let got = browser.post_api("/logout").await;
                assert_eq!(got.status, StatusCode::OK, "{got:?}");
            }
            Self::Admin => drop(terminator.end(id, EndReason::Forced).await.unwrap()),
            Self::Idle => {
                site.clock.advance(Duration::from_mins(15) + SWEPT_BY);
                let _swept = terminator.sweep().await.unwrap();
            }
            Self::Absolute => {
                // Nobody idles: somebody is active until the end.
                for _ in 0..48 {
                    site.clock.advance(Duration::from_mins(10));
                    let _active = browser.get_api("/api/me").await;
                }
                site.clock.advance(SWEPT_BY);
                let _swept = terminator.sweep().await.unwrap();
            }
            Self::Subject => {
                let alice = Subject::new("alice").unwrap();
                let ended = terminator.end_subject(&alice, None, EndReason::SubjectDisabled);
                let _receipt = ended.await.unwrap();
            }
            Self::Everyone => {
                let ended = terminator.end_everyone(None, EndReason::Policy);
                let _receipt = ended.await.unwrap();
            }
        }
    }
}

/// The embedded store finds what is due within a second of its deadline.
const SWEPT_BY: Duration = Duration::from_secs(1);

/// Nobody is authenticated by the old cookie, by what the browser holds now, or by anything in the
/// store; and the one ending is recorded.
async fn assert_never_back(
    site: &Site,
    browser: &Browser,
    old: &str,
    id: SessionId,
    reason: &EndReason,
    case: &str,
) {
    for path in ["/api/me", "/me"] {
        let by_old = site.browser().fetch(Method::GET, path).token(old);
        let by_old = by_old.send().await;
        assert_eq!(
            by_old.status,
            StatusCode::UNAUTHORIZED,
            "{case}: {by_old:?}"
        );
        assert_eq!(by_old.reason(), reason.code(), "{case}");
        let by_jar = browser.get_api(path).await;
        assert_eq!(
            by_jar.status,
            StatusCode::UNAUTHORIZED,
            "{case}: {by_jar:?}"
        );
    }
    let alice = Subject::new("alice").unwrap();
    let listed = site.sessions.list(&alice).await.unwrap();
    assert!(listed.is_empty(), "{case}: {listed:?}");
    let reasons = site.events.reasons_of(id);
    assert_eq!(reasons, std::slice::from_ref(reason), "{case}");
}

/// The answer to a slow request whose session ended: ours, nothing of the handler's.
fn assert_replaced(got: &Got, reason: &EndReason, case: &str) {
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}: {got:?}");
    assert_eq!(got.reason(), reason.code(), "{case}");
    assert!(!got.text().contains("secret of"), "{case}: {got:?}");
    let cookie = got.set_cookie("__Host-sid");
    assert!(
        cookie.is_none_or(|line| line.starts_with("__Host-sid=;")),
        "{case}: {got:?}"
    );
}

async fn site(later: bool) -> Site {
    let builder = Site::builder();
    if later {
        builder.later().open().await
    } else {
        builder.open().await
    }
}

async fn five_steps(later: bool, what: &str, (ending, reason): (Ending, EndReason)) {
    let case = format!("{what} {ending:?} later={later}");
    let site = site(later).await;
    let browser = site.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);

    let slow = browser.fetch(Method::GET, &format!("/held/{what}")).spawn();
    site.gate.arrived().await;
    ending.happen(&site, &browser, id).await;
    site.gate.open();
    let got = slow.await.unwrap();

    assert_replaced(&got, &reason, &case);
    assert_never_back(&site, &browser, &old, id, &reason, &case).await;
}

// P1 R-1-10 R-2-6 R-2-7 R-5-9
#[tokio::test]
async fn a_slow_request_never_revives_a_session_of_the_embedded_store() {
    for what in SLOW {
        for ending in ENDINGS {
            five_steps(false, what, ending).await;
        }
    }
}

// P1 R-1-10 R-2-7 R-5-9
#[tokio::test]
async fn a_slow_request_never_revives_a_session_of_a_store_that_answers_later() {
    for what in SLOW {
        for ending in ENDINGS {
            five_steps(true, what, ending).await;
        }
    }
}

// P1: the five steps, while the machine does several things at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_slow_requests_and_one_log_out_at_once_leave_nothing_alive() {
    for later in [false, true] {
        let site = site(later).await;
        for round in 0..20 {
            let browser = site.logged_in("alice").await;
            let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
            let slow: Vec<_> = SLOW
                .iter()
                .map(|what| browser.fetch(Method::GET, &format!("/held/{what}")).spawn())
                .collect();
            for _ in SLOW {
                site.gate.arrived().await;
            }
            // Let go while the log-out is under way: the order is the scheduler's.
            let logout = browser.fetch(Method::POST, "/logout").spawn();
            for _ in SLOW {
                site.gate.open();
            }
            for slow in slow {
                let _whatever = slow.await.unwrap();
            }
            // A rotation may have come first; then the log-out came with an outdated token, and
            // ends the session all the same.
            let told = logout.await.unwrap();
            assert_ne!(told.status, StatusCode::SERVICE_UNAVAILABLE);

            let case = format!("round {round}, later={later}");
            let by_old = site.browser().fetch(Method::GET, "/api/me").token(&old);
            assert_eq!(
                by_old.send().await.status,
                StatusCode::UNAUTHORIZED,
                "{case}"
            );
            let by_jar = browser.get_api("/api/me").await;
            assert_eq!(by_jar.status, StatusCode::UNAUTHORIZED, "{case}");
            assert!(site.events.reasons_of(id).len() <= 1, "{case}");
        }
    }
}

/// The slow request's client hangs up, before or after the session ends.
async fn hung_up(later: bool, what: &str, first: bool) {
    let case = format!("{what} first={first} later={later}");
    let site = site(later).await;
    let browser = site.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);

    let slow = browser.fetch(Method::GET, &format!("/held/{what}"));
    let socket = slow.send_and_keep_socket().await;
    site.gate.arrived().await;
    if first {
        drop(socket);
        site.gate.gone().await;
        Ending::Logout.happen(&site, &browser, id).await;
    } else {
        Ending::Logout.happen(&site, &browser, id).await;
        drop(socket);
        site.gate.gone().await;
    }
    assert_never_back(&site, &browser, &old, id, &EndReason::Logout, &case).await;
}

// P1
#[tokio::test]
async fn a_slow_request_whose_client_hung_up_revives_nothing() {
    for later in [false, true] {
        for what in SLOW {
            hung_up(later, what, true).await;
            hung_up(later, what, false).await;
        }
    }
}

// P1 P3: the log-out's client is gone before anybody could answer it.
#[tokio::test]
async fn a_log_out_whose_client_hung_up_at_once_happens_all_the_same() {
    for what in SLOW {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
        let slow = browser.fetch(Method::GET, &format!("/held/{what}")).spawn();
        site.gate.arrived().await;

        let socket = browser
            .fetch(Method::POST, "/logout")
            .send_and_keep_socket();
        drop(socket.await);
        assert_eq!(site.events.wait_for_ending(id).await, EndReason::Logout);
        site.gate.open();
        assert_replaced(&slow.await.unwrap(), &EndReason::Logout, what);
        assert_never_back(&site, &browser, &old, id, &EndReason::Logout, what).await;
    }
}

// P1 P2: the client goes while the store is at it; the ending is decided and concluded.
#[tokio::test]
async fn a_log_out_whose_client_hung_up_while_the_store_works_happens_all_the_same() {
    for when in [When::Before, When::After] {
        let site = Site::builder().later().open().await;
        let browser = site.logged_in("alice").await;
        let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
        let slow = browser.fetch(Method::GET, "/held/write").spawn();
        site.gate.arrived().await;

        let held = site.store.hold(Op::End, when);
        let logout = browser.fetch(Method::POST, "/logout");
        let socket = logout.send_and_keep_socket().await;
        held.reached().await;
        drop(socket);
        held.release();
        assert_eq!(site.events.wait_for_ending(id).await, EndReason::Logout);
        site.gate.open();
        let case = format!("{when:?}");
        assert_replaced(&slow.await.unwrap(), &EndReason::Logout, &case);
        assert_never_back(&site, &browser, &old, id, &EndReason::Logout, &case).await;
    }
}

/// A request whose operation at the store is held, and what happens meanwhile.
async fn overtaken(op: Op, when: When, path: &str) -> (Site, Browser, String, SessionId, Got) {
    let builder = Site::builder().configure(|builder| builder.with_sensitive(["/value"]));
    let site = builder.open().await;
    let browser = site.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
    let held = site.store.hold(op, when);
    let slow = browser.fetch(Method::POST, path).spawn();
    held.reached().await;
    let other_tab = browser.clone();
    let logout = other_tab.fetch(Method::POST, "/logout").token(&old);
    assert_eq!(logout.send().await.status, StatusCode::OK);
    held.release();
    let got = slow.await.unwrap();
    (site, browser, old, id, got)
}

// P1 R-2-7: the touch of a check-in, before or after the ending.
#[tokio::test]
async fn a_check_in_that_is_overtaken_by_a_log_out_lets_nobody_in() {
    for when in [When::Before, When::After] {
        let case = format!("{when:?}");
        let (site, browser, old, id, got) = overtaken(Op::CheckIn, when, "/value/a?is=b").await;
        assert_replaced(&got, &EndReason::Logout, &case);
        assert_never_back(&site, &browser, &old, id, &EndReason::Logout, &case).await;
    }
}

// P1: the write is at the store when the session ends.
#[tokio::test]
async fn a_commit_that_is_overtaken_by_a_log_out_writes_nothing() {
    let (site, browser, old, id, got) = overtaken(Op::Update, When::Before, "/value/a?is=b").await;
    assert_replaced(&got, &EndReason::Logout, "update");
    assert_never_back(&site, &browser, &old, id, &EndReason::Logout, "update").await;
}

// P1: the new secret must not come alive after the ending.
#[tokio::test]
async fn a_rotation_that_is_overtaken_by_a_log_out_gives_no_new_secret() {
    let (site, browser, old, id, got) = overtaken(Op::Rotate, When::Before, "/rotate").await;
    assert_replaced(&got, &EndReason::Logout, "rotate");
    assert_never_back(&site, &browser, &old, id, &EndReason::Logout, "rotate").await;
}

// P1: the rotation came first, and the log-out was by somebody who holds the id.
#[tokio::test]
async fn a_rotation_that_is_ended_before_it_is_answered_authenticates_nobody() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
    let held: Held = site.store.hold(Op::Rotate, When::After);
    let slow = browser.fetch(Method::POST, "/rotate").spawn();
    held.reached().await;
    Ending::Admin.happen(&site, &browser, id).await;
    held.release();
    let got = slow.await.unwrap();

    // The old token is told the reason: it is the one before the last.
    let by_old = site.browser().fetch(Method::GET, "/api/me").token(&old);
    assert_eq!(by_old.send().await.reason(), "forced");
    assert_eq!(
        browser.get_api("/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(!got.text().contains("secret of"));
}

// P1 P4: the log-out on one node, the slow request on another, one store.
#[tokio::test]
async fn a_slow_request_on_another_node_revives_nothing() {
    for what in ["write", "rotate", "update", "keep"] {
        let here = Site::open().await;
        let there = Site::builder().beside(&here).open().await;
        let browser = here.logged_in("alice").await;
        let (old, id) = (browser.token().unwrap(), here.session_of(&browser).await);
        let slow = there.browser().fetch(Method::GET, &format!("/held/{what}"));
        let slow = slow.token(&old).spawn();
        there.gate.arrived().await;
        Ending::Logout.happen(&here, &browser, id).await;
        there.gate.open();
        assert_replaced(&slow.await.unwrap(), &EndReason::Logout, what);
        assert_never_back(&here, &browser, &old, id, &EndReason::Logout, what).await;
        let elsewhere = there.browser().fetch(Method::GET, "/api/me").token(&old);
        assert_eq!(elsewhere.send().await.reason(), "logout");
        assert!(
            there.events.endings().is_empty(),
            "recorded by the winner only"
        );
    }
}

// P1: the old session is replaced by a log-in in another tab while a request of it is on its way.
#[tokio::test]
async fn a_slow_request_neither_revives_what_a_log_in_replaced_nor_harms_the_new_session() {
    for later in [false, true] {
        for what in SLOW {
            let site = site(later).await;
            let browser = site.logged_in("alice").await;
            let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
            let slow = browser.fetch(Method::GET, &format!("/held/{what}")).spawn();
            site.gate.arrived().await;
            let new = browser.log_in("alice").await;
            assert_ne!(old, new);
            site.gate.open();
            let got = slow.await.unwrap();

            assert_replaced(&got, &EndReason::Reauthenticated, what);
            assert_eq!(
                got.header("clear-site-data"),
                None,
                "{what}: the storage is the new one's"
            );
            assert_eq!(browser.token(), Some(new), "{what}: the new cookie is kept");
            assert_eq!(
                browser.get_api("/api/me").await.status,
                StatusCode::OK,
                "{what}"
            );
            let by_old = site.browser().fetch(Method::GET, "/api/me").token(&old);
            assert_eq!(by_old.send().await.reason(), "reauthenticated");
            assert_eq!(site.events.reasons_of(id), [EndReason::Reauthenticated]);
        }
    }
}

// The same, when the request comes to the server only after the log-in: its cookie is the old one,
// and what it answers reaches the browser after the new cookie.
#[tokio::test]
async fn a_request_that_a_log_in_overtook_on_the_way_harms_nothing_of_the_new_session() {
    let site = Site::builder()
        .configure(|builder| builder.add_cookie_to_clear(CookieSpec::new("theme")))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let old = browser.token().unwrap();
    let new = browser.log_in("alice").await;
    browser.plant("theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax");
    for ask in [
        browser.navigate(Method::GET, "/me"),
        browser.fetch(Method::GET, "/api/me"),
    ] {
        let got = ask
            .header("cookie", format!("__Host-sid={old}"))
            .without_cookies();
        let got = got.send().await;
        assert!(got.is_refused(), "{got:?}");
        assert_eq!(got.header("clear-site-data"), None);
        assert_eq!(browser.token(), Some(new.clone()));
        assert!(browser.jar().get("theme").is_some());
        assert!(browser.jar().get("__Host-adjourn-ended").is_none());
    }
}

// P1 R-3-10: an ending by id kills the secret of before the rotation as well.
#[tokio::test]
async fn an_ending_kills_every_secret_that_the_session_ever_had() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let mut secrets = vec![browser.token().unwrap()];
    for _ in 0..3 {
        assert_eq!(browser.post_api("/rotate").await.status, StatusCode::OK);
        secrets.push(browser.token().unwrap());
    }
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    for secret in secrets {
        let got = site.browser().fetch(Method::GET, "/api/me").token(&secret);
        assert_eq!(got.send().await.status, StatusCode::UNAUTHORIZED);
    }
}

// P1: the store the nodes share is asked, whatever a node believes.
#[tokio::test]
async fn an_ending_that_this_node_never_heard_of_is_found_at_the_next_request() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let old = browser.token().unwrap();
    let deaf = Site::builder().beside(&site).open().await;
    let spy: &Spy = &deaf.store;
    let before = spy.calls(Op::CheckIn);
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    let got = deaf
        .browser()
        .fetch(Method::GET, "/api/me")
        .token(&old)
        .send()
        .await;
    assert_eq!(got.reason(), "logout");
    assert_eq!(spy.calls(Op::CheckIn), before + 2, "no cache answered");
}
