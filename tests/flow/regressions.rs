//! Defects of other session crates, each as a test that it is not here.
//!
//! The revival of ended sessions has its own file, and so have idle precision and failing stores.

use crate::support::{Op, Site, serve};
use adjourn::{
    Session,
    carrier::CookieSpec,
    id::{SessionId, Subject, Token},
    reason::EndReason,
};
use axum::{Router, routing::post};
use http::{Method, StatusCode};
use std::time::Duration;

fn unknown_token() -> String {
    let token = Token::new(SessionId::random().unwrap()).unwrap();
    token.expose().to_string()
}

// tower-sessions: `clear` on an unknown id saved a row under the client's id; `always_save` made a
// row for each request with an unknown cookie; axum_session makes one for each visit.
#[tokio::test]
async fn visits_create_no_rows_and_set_no_cookies_whatever_cookie_they_bring() {
    async fn everything(session: Session) -> String {
        let _refused = session.set("a", &1);
        let _refused = session.remove("a");
        let _refused = session.rotate();
        let _refused = session.update_if("a", |_: Option<u8>| 1).await;
        let _nothing = session.end(EndReason::Logout).await.unwrap();
        let _nothing = session.get::<u8>("a");
        format!("{:?}", session.id())
    }
    let site = Site::builder().routes(Router::new().route("/all", post(everything)));
    let site = site.open().await;
    for _ in 0..20 {
        assert_eq!(site.browser().post_api("/all").await.text(), "None");
        assert!(site.browser().get("/").await.set_cookies().is_empty());
        let ask = site
            .browser()
            .fetch(Method::POST, "/all")
            .token(&unknown_token());
        assert_eq!(ask.send().await.text(), "None");
    }
    for op in [Op::Create, Op::Update, Op::Rotate, Op::End] {
        assert_eq!(site.store.calls(op), 0, "{op:?}");
    }
    assert!(
        site.sessions
            .page(None, 9)
            .await
            .unwrap()
            .sessions
            .is_empty()
    );
}

// axum_session: while any request of the session is in flight, a log-out deletes nothing.
#[tokio::test]
async fn a_log_out_does_not_wait_for_requests_in_flight() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let slow: Vec<_> = (0..3)
        .map(|_| browser.fetch(Method::GET, "/held/read").spawn())
        .collect();
    for _ in 0..3 {
        site.gate.arrived().await;
    }
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    let got = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .token(&token)
        .send()
        .await;
    assert_eq!(got.reason(), "logout", "at once, for everybody else");
    for slow in slow {
        site.gate.open();
        assert_eq!(slow.await.unwrap().reason(), "logout");
    }
}

// axum_session: a request whose client hung up leaves a counter, and no log-out works any more.
#[tokio::test]
async fn requests_that_were_dropped_do_not_keep_a_session_alive() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    for _ in 0..3 {
        let ask = browser.fetch(Method::GET, "/held/write");
        let socket = ask.send_and_keep_socket().await;
        site.gate.arrived().await;
        drop(socket);
        site.gate.gone().await;
    }
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    let got = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .token(&token)
        .send()
        .await;
    assert_eq!(got.reason(), "logout");
}

// axum_session: the sweeper writes sessions back that were destroyed.
#[tokio::test]
async fn a_sweep_brings_nothing_back() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    assert_eq!(
        browser.post_api("/value/a?is=b").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    for _ in 0..10 {
        site.clock.advance(Duration::from_hours(1));
        site.sessions.terminator().sweep().await.unwrap();
        let got = site
            .browser()
            .fetch(Method::GET, "/api/me")
            .token(&token)
            .send()
            .await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(site.events.count("session-ended"), 1);
}

// axum_session: a static guard gives a sweeper only to the first layer of the process.
#[tokio::test(start_paused = true)]
async fn every_sessions_of_a_process_has_its_sweeper() {
    let sites = [Site::open().await, Site::open().await, Site::open().await];
    for site in &sites {
        use tower::ServiceExt;
        let request = site.browser().ask(Method::POST, "/login").into_request();
        assert_eq!(
            site.app.clone().oneshot(request).await.unwrap().status(),
            200
        );
        site.clock.advance(Duration::from_mins(15));
    }
    for site in &sites {
        let ended = site
            .events
            .wait_for(|event| event.kind.code() == "session-ended")
            .await;
        let id = ended.session_id.unwrap();
        assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
    }
}

// axum_session_auth: `logout_user` removes only the user id; the session and its data survive.
#[tokio::test]
async fn nothing_of_a_session_survives_its_log_out() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    assert_eq!(
        browser.post_api("/value/cart?is=full").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    let got = site
        .browser()
        .fetch(Method::GET, "/value/cart")
        .token(&token)
        .send()
        .await;
    assert_eq!(got.text(), "null");
    let alice = Subject::new("alice").unwrap();
    assert!(site.sessions.list(&alice).await.unwrap().is_empty());
}

// tower-sessions-stores#19, axum-login#213: a doubled layer turned a write after a log-out into 500.
#[tokio::test]
async fn a_write_after_a_log_out_is_no_server_error_even_under_two_layers() {
    let builder = Site::builder();
    let gate = builder.gate.clone();
    let (sessions, rest) = builder.sessions();
    let write = move |session: Session| async move {
        gate.pass().await;
        session.set("a", &1).unwrap();
    };
    let app = Router::new()
        .route("/write", post(write))
        .route(
            "/login",
            post(|session: Session| async move { session.log_in("alice").await.map(drop) }),
        )
        .route_layer(sessions.layer())
        .layer(sessions.layer());
    let (address, server) = serve(app).await;
    let browser = crate::support::Browser::new(address);
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    let slow = browser.fetch(Method::POST, "/write").spawn();
    rest.gate.arrived().await;
    let alice = Subject::new("alice").unwrap();
    let terminator = sessions.terminator();
    let _cut = terminator
        .end_subject(&alice, None, EndReason::Forced)
        .await
        .unwrap();
    rest.gate.open();
    let got = slow.await.unwrap();
    assert_eq!(got.reason(), "forced");
    assert!(got.removes_session(), "one line: {got:?}");
    server.abort();
}

// axum_session: the cookie was set as `__Host-session` and read back as `session`.
#[tokio::test]
async fn the_cookie_is_read_by_the_name_by_which_it_was_set() {
    for (name, path, host) in [
        ("__Host-app", "/", "app.example"),
        ("__Secure-app", "/", "app.example"),
        ("__Http-app", "/", "app.example"),
        ("__Host-Http-app", "/", "app.example"),
        ("__Secure-app", "/", "www.app.example"),
    ] {
        let mut spec = CookieSpec::new(name).with_path(path);
        if host != "app.example" {
            spec = spec.with_domain("app.example");
        }
        let site = Site::builder().configure(|builder| builder.with_cookie(spec));
        let site = site.open().await;
        let browser = site.browser().at_host(host);
        assert_eq!(
            browser.post_api("/login").await.status,
            StatusCode::OK,
            "{name}"
        );
        assert_eq!(browser.jar().names(), [name]);
        assert_eq!(
            browser.get("/me").await.text(),
            "Private page of alice",
            "{name}"
        );
        // actix-extras#87, #129, #158, #282, tower-sessions#154, #268: removals that remove nothing.
        assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
        let kept = browser.jar().names();
        assert!(!kept.contains(&name.to_owned()), "{name}: {kept:?}");
        assert_eq!(kept.len(), 1, "{name}: {kept:?}");
    }
}

// axum-sessions#13: a deadlock when one handler reads and writes.
#[tokio::test]
async fn one_handler_may_use_its_session_in_every_way_at_once() {
    async fn busy(one: Session, two: Session) {
        one.set("a", &1).unwrap();
        let counted = two.update_if("b", {
            let three = one.clone();
            move |b: Option<u32>| b.unwrap_or(0) + three.get::<u32>("a").unwrap().unwrap()
        });
        let (counted, guard) = (counted.await.unwrap(), one.live().unwrap());
        assert_eq!(two.get::<u32>("a").unwrap(), Some(1));
        assert_eq!(one.get::<u32>("b").unwrap(), Some(counted));
        one.grant("x", Duration::from_secs(1)).unwrap();
        assert!(two.granted("x") && !guard.is_ended());
        one.rotate().unwrap();
        two.remove("a").unwrap();
        drop((
            one.expires_in(),
            two.subject(),
            one.client(),
            format!("{two:?}"),
        ));
    }
    for later in [false, true] {
        let builder = Site::builder().routes(Router::new().route("/busy", post(busy)));
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        for _ in 0..3 {
            assert_eq!(browser.post_api("/busy").await.status, StatusCode::OK);
        }
        assert_eq!(browser.get_api("/value/b").await.text(), "3");
        assert_eq!(browser.get_api("/value/a").await.text(), "null");
    }
}

// axum_session: two Set-Cookie headers on every response. tower-sessions#147: Max-Age and the
// session's own end drift apart. R-4-10
#[tokio::test]
async fn the_cookie_is_set_once_and_has_no_lifetime_of_its_own() {
    let site = Site::open().await;
    let browser = site.browser();
    let got = browser.post_api("/login").await;
    let line = got.set_cookie("__Host-sid").unwrap().to_ascii_lowercase();
    assert!(
        !line.contains("max-age") && !line.contains("expires"),
        "{line}"
    );
    for got in [
        browser.get("/me").await,
        browser.post_api("/value/a?is=b").await,
        browser.get("/").await,
    ] {
        assert!(got.set_cookies().is_empty(), "{got:?}");
    }
}

// One check-in a request, and a write only when something was changed.
#[tokio::test]
async fn a_request_costs_one_check_in_and_no_write_of_its_own() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let before = site.store.calls(Op::CheckIn);
    for _ in 0..10 {
        assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    }
    assert_eq!(site.store.calls(Op::CheckIn), before + 10);
    for op in [Op::Update, Op::Rotate, Op::End, Op::Check, Op::Tombstone] {
        assert_eq!(site.store.calls(op), 0, "{op:?}");
    }
}

// axum-login#195, actix-extras#306: whose sessions are where, without a secret. R-1-16
#[tokio::test]
async fn the_sessions_of_a_subject_are_listed_by_their_public_names() {
    let site = Site::open().await;
    let (phone, laptop) = (site.logged_in("alice").await, site.logged_in("alice").await);
    let bob = site.logged_in("bob").await;
    let ids = [
        site.session_of(&phone).await,
        site.session_of(&laptop).await,
    ];
    let alice = Subject::new("alice").unwrap();
    let listed = site.sessions.list(&alice).await.unwrap();
    assert_eq!(listed.iter().map(|l| l.id).collect::<Vec<_>>(), ids);
    let shown = format!("{listed:?}");
    for browser in [&phone, &laptop] {
        assert!(!shown.contains(&browser.token().unwrap()[22..]));
    }
    // AxumSession#103: ended by id, from anywhere.
    site.end(ids[0], EndReason::Forced).await;
    assert_eq!(phone.get_api("/api/me").await.reason(), "forced");
    assert_eq!(laptop.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(bob.get_api("/api/me").await.status, StatusCode::OK);
    // The public name opens nothing.
    let name = ids[1].to_string();
    for token in [name.clone(), format!("{name}{}", "A".repeat(42))] {
        let got = site
            .browser()
            .fetch(Method::GET, "/api/me")
            .token(&token)
            .send()
            .await;
        assert_eq!(got.reason(), "no-session");
    }
    assert_eq!(laptop.get_api("/api/me").await.status, StatusCode::OK);
}
