//! When the store fails: refused, never passed through, and never claimed.

use crate::support::{Browser, Got, Op, Site, SiteBuilder, When};
use adjourn::{
    Session,
    audit::{EventKind, EventLimits},
    carrier::CookieSpec,
    id::Subject,
    reason::EndReason,
};
use axum::{
    Router,
    http::StatusCode,
    response::Html,
    routing::{any, post},
};
use http::Method;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const BOTH: [When; 2] = [When::Before, When::After];

fn assert_unavailable(got: &Got, case: &str) {
    assert_eq!(
        got.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{case}: {got:?}"
    );
    assert!(got.cannot_be_checked(), "{case}: {got:?}");
    assert_eq!(got.header("retry-after"), Some("5"), "{case}");
    assert_eq!(got.header("cache-control"), Some("no-store"), "{case}");
    assert_eq!(got.header("clear-site-data"), None, "{case}");
}

/// The operations that were reported as failed.
fn failed(site: &Site) -> Vec<&'static str> {
    let operation = |event: adjourn::audit::Event| match event.kind {
        EventKind::StoreFailed { operation, .. } => Some(operation),
        _ => None,
    };
    site.events
        .all()
        .into_iter()
        .filter_map(operation)
        .collect()
}

async fn site(later: bool) -> Site {
    open(Site::builder(), later).await
}

async fn open(builder: SiteBuilder, later: bool) -> Site {
    if later {
        builder.later().open().await
    } else {
        builder.open().await
    }
}

// P8 R-1-33
#[tokio::test]
async fn a_request_whose_session_cannot_be_checked_reaches_no_handler() {
    for later in [false, true] {
        let reached = Arc::new(AtomicUsize::new(0));
        let handler = {
            let reached = Arc::clone(&reached);
            move || async move {
                reached.fetch_add(1, Ordering::SeqCst);
                Html("reached")
            }
        };
        let routes = Router::new().route("/open", any(handler));
        let unlimited = EventLimits::default().with_events_per_source(u32::MAX);
        let site = Site::builder()
            .routes(routes)
            .configure(move |sessions| sessions.with_event_limits(unlimited));
        let site = open(site, later).await;
        let browser = site.logged_in("alice").await;
        let token = browser.token();
        for when in BOTH {
            site.store.fail(Op::CheckIn, when);
            for path in [
                "/open",
                "/me",
                "/api/me",
                "/",
                "/no/such/page",
                "/session/signed-out",
            ] {
                assert_unavailable(&browser.get_api(path).await, path);
                assert_unavailable(&browser.get(path).await, path);
                assert_unavailable(&browser.post(path).await, path);
            }
            let head = browser.fetch(Method::HEAD, "/me").send().await;
            assert_eq!((head.status.as_u16(), head.body.len()), (503, 0));
            assert_eq!(reached.load(Ordering::SeqCst), 0);
            assert_eq!(
                browser.token(),
                token,
                "the cookie is kept for better times"
            );

            // Who presents nothing needs no store.
            let visitor = site.browser();
            assert_eq!(visitor.get("/open").await.text(), "reached");
            assert!(visitor.get("/me").await.is_refused());
            reached.store(0, Ordering::SeqCst);

            site.store.heal();
            assert_eq!(browser.get("/me").await.text(), "Private page of alice");
        }
        assert!(
            failed(&site)
                .iter()
                .all(|operation| *operation == "check_in")
        );
        assert_eq!(failed(&site).len(), 2 * 19);
        assert!(site.events.endings().is_empty());
    }
}

// P8: several tokens, one of which cannot be checked.
#[tokio::test]
async fn of_several_cookies_none_is_believed_when_one_cannot_be_checked() {
    let site = site(false).await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    site.store.fail(Op::CheckIn, When::Before);
    let both = format!(
        "__Host-sid={}; __Host-sid={}",
        alice.token().unwrap(),
        bob.token().unwrap()
    );
    let ask = site
        .browser()
        .fetch(Method::GET, "/me")
        .header("cookie", both);
    assert_unavailable(&ask.without_jar().send().await, "two");
}

// P8 R-1-33 R-3-7
#[tokio::test]
async fn a_log_out_that_failed_removes_the_cookies_and_claims_nothing() {
    for later in [false, true] {
        let builder = Site::builder()
            .configure(|builder| builder.add_cookie_to_clear(CookieSpec::new("theme")));
        let site = open(builder, later).await;
        for navigates in [false, true] {
            let browser = site.logged_in("alice").await;
            browser.plant("theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax");
            let backup = browser.stolen_copy();
            let id = site.session_of(&browser).await;
            let before = failed(&site).len();
            site.store.fail(Op::End, When::Before);
            let got = if navigates {
                browser.post("/logout").await
            } else {
                browser.post_api("/logout").await
            };
            assert_unavailable(&got, "log-out");
            assert!(got.removes_session(), "{got:?}");
            assert_eq!(got.header("location"), None);
            assert!(!got.text().contains("signed out"));
            assert!(browser.jar().is_empty(), "{:?}", browser.jar().names());
            assert_eq!(failed(&site)[before..], ["end"]);
            assert!(site.events.reasons_of(id).is_empty());

            // It is honest: whoever has the token still is somebody, until it works.
            site.store.heal();
            assert_eq!(backup.get_api("/api/me").await.status, StatusCode::OK);
            assert_eq!(backup.post_api("/logout").await.status, StatusCode::OK);
            assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
            assert!(backup.jar().is_signed_out());
        }
    }
}

// P3 P8: it did happen, and only the answer was lost: not claimed, and still done.
#[tokio::test]
async fn a_log_out_whose_answer_was_lost_is_not_claimed_but_final() {
    for later in [false, true] {
        let site = site(later).await;
        let browser = site.logged_in("alice").await;
        let (token, id) = (browser.token().unwrap(), site.session_of(&browser).await);
        site.store.fail(Op::End, When::After);
        let got = browser.post("/logout").await;
        if later && got.status == StatusCode::SEE_OTHER {
            // The store's notice came before the error: then it is known to be over.
            assert_eq!(got.header("location"), Some("/session/signed-out"));
        } else {
            assert_unavailable(&got, "log-out");
        }
        site.store.heal();
        let got = site
            .browser()
            .fetch(Method::GET, "/api/me")
            .token(&token)
            .send()
            .await;
        assert_eq!(got.reason(), "logout");
        // Its consequences wait for whoever takes over.
        assert!(site.events.reasons_of(id).is_empty());
        site.clock.advance(Duration::from_secs(31));
        site.sessions.terminator().sweep().await.unwrap();
        assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
    }
}

// P8: a session that is due must not live on because its ending cannot be written.
#[tokio::test]
async fn a_timeout_that_cannot_be_written_lets_nobody_in() {
    for later in [false, true] {
        let site = site(later).await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        site.store.fail(Op::End, When::Before);
        site.store.fail(Op::EndDue, When::Before);
        site.clock.advance(Duration::from_mins(15));
        for _ in 0..3 {
            assert_unavailable(&browser.get_api("/api/me").await, "due");
        }
        assert!(site.sessions.terminator().sweep().await.is_err());
        assert!(failed(&site).contains(&"sweep"));
        site.store.heal();
        assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
        assert_eq!(
            site.events.wait_for_ending(id).await,
            EndReason::IdleTimeout
        );
        assert_eq!(site.events.reasons_of(id).len(), 1);
    }
}

async fn log_in_and_set(session: Session) -> Html<&'static str> {
    session.log_in("bob").await.unwrap();
    session.set("a", &1).unwrap();
    Html("Welcome, bob")
}

// P8: what cannot be written was not done.
#[tokio::test]
async fn a_change_that_cannot_be_written_is_not_claimed() {
    for later in [false, true] {
        for (op, path, operation) in [
            (Op::Update, "/value/a?is=b", "commit"),
            (Op::Rotate, "/rotate", "commit"),
            (Op::MintId, "/login?as=alice", "mint_id"),
            (Op::Create, "/login?as=alice", "create"),
        ] {
            let case = format!("{op:?} later={later}");
            let site = site(later).await;
            let browser = site.logged_in("alice").await;
            let token = browser.token();
            site.store.fail(op, When::Before);
            let got = browser.post(path).await;
            assert_unavailable(&got, &case);
            assert!(got.set_cookies().is_empty(), "{case}: {got:?}");
            assert_eq!(failed(&site), [operation], "{case}");
            site.store.heal();
            assert_eq!(browser.token(), token);
            assert_eq!(
                browser.get("/me").await.text(),
                "Private page of alice",
                "{case}"
            );
            assert_eq!(browser.get_api("/value/a").await.text(), "null");
            assert!(site.events.endings().is_empty());
        }
    }
}

// P8: the answer to a creation is lost: nobody gets a token, nobody is told that it worked.
#[tokio::test]
async fn a_log_in_whose_answer_was_lost_authenticates_nobody() {
    for later in [false, true] {
        let site = site(later).await;
        let browser = site.browser();
        site.store.fail(Op::Create, When::After);
        assert_unavailable(&browser.post("/login").await, "log-in");
        assert!(browser.jar().is_empty());
        site.store.heal();
        assert!(browser.get("/me").await.is_refused());
        browser.log_in("alice").await;
        assert_eq!(browser.get("/me").await.text(), "Private page of alice");
    }
}

// P8: logged in, but the response became a 503: the session that nobody holds ends.
#[tokio::test]
async fn a_log_in_whose_commit_failed_leaves_no_session() {
    for later in [false, true] {
        let routes = Router::new().route("/both", post(log_in_and_set));
        let site = open(Site::builder().routes(routes), later).await;
        let browser = site.browser();
        site.store.fail(Op::Update, When::Before);
        let got = browser.post("/both").await;
        assert_unavailable(&got, "log-in");
        assert!(
            !got.text().contains("Welcome") && browser.jar().is_empty(),
            "{got:?}"
        );
        let event = site
            .events
            .wait_for(|event| event.kind.code() == "session-ended")
            .await;
        let id = event.session_id.unwrap();
        assert_eq!(site.events.reasons_of(id), [EndReason::Undelivered]);
        assert!(
            site.sessions
                .page(None, 9)
                .await
                .unwrap()
                .sessions
                .is_empty()
        );
    }
}

// P8: the old session of somebody else could not be ended, so nobody is logged in.
#[tokio::test]
async fn a_log_in_that_could_not_end_the_old_session_is_refused() {
    for later in [false, true] {
        let site = site(later).await;
        let browser = site.logged_in("alice").await;
        let token = browser.token();
        site.store.fail(Op::End, When::Before);
        let got = browser.post("/login?as=bob").await;
        assert_unavailable(&got, "log-in");
        assert_eq!(browser.token(), token);
        site.store.heal();
        assert_eq!(browser.get("/me").await.text(), "Private page of alice");
    }
}

// P8: bulk endings say that they failed, and work when asked again.
#[tokio::test]
async fn a_cut_that_could_not_be_made_is_an_error_and_may_be_repeated() {
    for later in [false, true] {
        let everywhere = |session: Session| async move {
            match session.end_all_of_subject(EndReason::Logout).await {
                Ok(_) => StatusCode::OK,
                Err(_) => StatusCode::BAD_GATEWAY,
            }
        };
        let routes = Router::new().route("/everywhere", post(everywhere));
        let site = open(Site::builder().routes(routes), later).await;
        let browser = site.logged_in("alice").await;
        let backup = browser.stolen_copy();
        let alice = Subject::new("alice").unwrap();
        let terminator = site.sessions.terminator();
        site.store.fail(Op::EndAll, When::Before);
        let cut = terminator
            .end_subject(&alice, None, EndReason::Forced)
            .await;
        assert!(cut.is_err());
        let cut = terminator.end_everyone(None, EndReason::Forced).await;
        assert!(cut.is_err());
        let got = browser.post_api("/everywhere").await;
        assert_eq!(got.status, StatusCode::BAD_GATEWAY);
        assert!(got.removes_session(), "{got:?}");
        assert_eq!(failed(&site), ["end_all"; 3]);
        assert_eq!(backup.get_api("/api/me").await.status, StatusCode::OK);
        site.store.heal();
        assert_eq!(backup.post_api("/everywhere").await.status, StatusCode::OK);
        assert_eq!(site.events.count("session-ended"), 1);
    }
}

// P1: the cut was made and its conclusion failed: the sessions are dead all the same.
#[tokio::test]
async fn a_cut_whose_sessions_could_not_be_concluded_is_in_force() {
    let site = site(false).await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let alice = Subject::new("alice").unwrap();
    let terminator = site.sessions.terminator();
    site.store.fail(Op::EndDue, When::Before);
    let cut = terminator
        .end_subject(&alice, None, EndReason::Forced)
        .await;
    assert!(cut.is_err(), "not all of it was done");
    assert_eq!(browser.get_api("/api/me").await.reason(), "forced");
    site.store.heal();
    terminator.sweep().await.unwrap();
    assert_eq!(site.events.reasons_of(id), [EndReason::Forced]);
}

// P1: what a node holds is cut when the store can be asked again.
#[tokio::test]
async fn reading_operations_fail_with_the_stores_error() {
    let site = site(true).await;
    let alice = Subject::new("alice").unwrap();
    for op in [Op::List, Op::Page] {
        site.store.fail(op, When::After);
    }
    assert!(site.sessions.list(&alice).await.is_err());
    assert!(site.sessions.page(None, 1).await.is_err());
    site.store.heal();
    assert!(site.sessions.list(&alice).await.is_ok());
}

// P8: everything down, everything refused; everything up, everything as before.
#[tokio::test]
async fn after_an_outage_everything_is_as_it_was() {
    let site = site(true).await;
    let users = ["alice", "bob", "carol"];
    let mut browsers: Vec<Browser> = Vec::new();
    for user in users {
        browsers.push(site.logged_in(user).await);
    }
    let all = [
        Op::BeginLogIn,
        Op::Check,
        Op::CheckIn,
        Op::Create,
        Op::End,
        Op::EndAll,
        Op::EndDue,
        Op::MintId,
        Op::Rotate,
        Op::Update,
    ];
    for op in all {
        site.store.fail(op, When::Before);
    }
    for browser in &browsers {
        for path in ["/me", "/value/a", "/held/read"] {
            assert_unavailable(&browser.get(path).await, path);
        }
        assert_unavailable(&browser.post("/logout").await, "never claimed");
        assert_unavailable(&browser.fresh().post("/login").await, "log-in");
    }
    site.store.heal();
    for (browser, user) in browsers.iter().zip(users) {
        let page = browser.get("/me").await;
        assert_eq!(page.text(), format!("Private page of {user}"));
    }
    assert!(site.events.endings().is_empty());
    // Nothing secret was reported.
    let reported = format!("{:?}", site.events.all());
    for browser in &browsers {
        assert!(!reported.contains(&browser.token().unwrap()[22..]));
    }
}
