//! What handlers do with a session: log in, keep values, rotate, know their client.

use crate::support::{Browser, Op, Site, SiteBuilder, When};
use adjourn::{
    LiveSession, Session,
    id::{SessionId, Subject, Token},
    reason::EndReason,
    record::Client,
    session::{LogIn, RotateError, StartError, UpdateError, ValueError},
};
use axum::{
    Json, Router,
    extract::{Path, Query},
    http::HeaderMap,
    routing::{get, post},
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

// R-1-10 P1
#[tokio::test]
async fn who_logs_in_is_known_until_they_log_out() {
    let site = Site::open().await;
    let browser = site.browser();
    assert!(browser.get("/me").await.is_refused());

    let token = browser.log_in("alice").await;
    assert_eq!(browser.get("/me").await.text(), "Private page of alice");
    let id = site.session_of(&browser).await;

    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some("/session/signed-out"));
    assert_eq!(browser.token(), None);

    let thief = site.browser().fetch(Method::GET, "/api/me").token(&token);
    assert_eq!(thief.send().await.reason(), "logout");
    assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
}

// --- Tokens. --------------------------------------------------------------------------------------

// R-1-5 R-3-4 R-2-3: what we did not issue is refused, removed, reported, and never adopted.
#[tokio::test]
async fn a_token_that_we_did_not_issue_is_refused_and_never_adopted() {
    let site = Site::open().await;
    let well_formed = Token::new(SessionId::random().unwrap()).unwrap().expose();
    let alice = site.logged_in("alice").await;
    let wrong_secret = format!("{}{}", &alice.token().unwrap()[..22], &well_formed[22..]);
    for (token, event) in [
        (well_formed.as_str(), "unknown-token"),
        ("my-static-key", "unknown-token"),
        (wrong_secret.as_str(), "wrong-secret"),
    ] {
        let before = site.events.count(event);
        let ask = site.browser().fetch(Method::GET, "/api/me").token(token);
        let got = ask.send().await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            got.reason(),
            "no-session",
            "unknown and wrong are told alike"
        );
        assert!(got.removes_session());
        assert_eq!(site.events.count(event), before + 1);

        // A log-in with the planted token gives another.
        let victim = site.browser();
        let ask = victim.fetch(Method::POST, "/login?as=victim");
        let ask = ask
            .header("cookie", format!("__Host-sid={token}"))
            .without_cookies();
        assert_eq!(ask.send().await.status, StatusCode::OK);
        let own = victim.token().unwrap();
        assert_ne!(own, token);
        assert_ne!(own[..22], token[..22.min(token.len())], "not even the id");
        let thief = site.browser().fetch(Method::GET, "/api/me").token(token);
        assert_eq!(thief.send().await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(victim.get("/me").await.text(), "Private page of victim");
    }
    assert_eq!(alice.get("/me").await.text(), "Private page of alice");
    assert_eq!(site.store.calls(Op::Create), 4);
}

// R-2-3 R-1-7: the session that was planted before the log-in ends with it.
#[tokio::test]
async fn who_planted_a_session_of_their_own_gains_nothing_from_the_log_in() {
    async fn visit(session: Session) -> Result<(), StartError> {
        session.start().await?;
        session.set("cart", &"planted").unwrap();
        Ok(())
    }
    let site = Site::builder().routes(Router::new().route("/visit", post(visit)));
    let site = site.open().await;
    let attacker = site.browser();
    assert_eq!(attacker.post_api("/visit").await.status, StatusCode::OK);
    let victim = attacker.stolen_copy();
    victim.log_in("victim").await;
    assert_ne!(victim.token(), attacker.token());
    assert_eq!(
        attacker.get_api("/api/me").await.reason(),
        "reauthenticated"
    );
    assert_eq!(victim.get("/me").await.text(), "Private page of victim");
    assert_eq!(
        victim.get_api("/value/cart").await.text(),
        "null",
        "nor are values carried over"
    );
}

// R-1-6 R-2-1 R-3-2
#[tokio::test]
async fn ten_thousand_log_ins_repeat_no_token_and_no_id() {
    use tower::ServiceExt;
    let site = Site::open().await;
    let mut seen = HashSet::new();
    for _ in 0..10_000 {
        let request = site
            .browser()
            .ask(Method::POST, "/login?as=alice")
            .into_request();
        let response = site.app.clone().oneshot(request).await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let token = cookie.strip_prefix("__Host-sid=").unwrap();
        let token = token.split(';').next().unwrap();
        assert_eq!(token.len(), 64, "16 bytes of id and 32 of secret");
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(token.bytes().all(safe));
        assert!(seen.insert(token[..22].to_owned()), "an id twice");
        assert!(seen.insert(token[22..].to_owned()), "a secret twice");
    }
    assert_eq!(seen.len(), 20_000);
}

// --- Rotation. ------------------------------------------------------------------------------------

// R-1-7 R-3-6
#[tokio::test]
async fn a_rotation_replaces_the_secret_and_keeps_the_session() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), site.session_of(&browser).await);
    assert_eq!(
        browser.post_api("/value/cart?is=3").await.status,
        StatusCode::OK
    );
    let got = browser.post_api("/rotate").await;
    assert_eq!(got.set_cookies().len(), 1);
    assert_eq!(got.header("cache-control"), Some("no-store"));
    let new = browser.token().unwrap();
    assert_eq!(
        (&old[..21], old == new),
        (&new[..21], false),
        "the same id, another secret"
    );
    assert_eq!(site.session_of(&browser).await, id);
    assert_eq!(browser.get_api("/value/cart").await.text(), "\"3\"");

    let stale = browser
        .fetch(Method::GET, "/api/me")
        .header("cookie", format!("__Host-sid={old}"));
    let got = stale.without_cookies().send().await;
    assert_eq!(got.reason(), "outdated");
    assert!(
        got.set_cookies().is_empty(),
        "that would remove the new cookie: {got:?}"
    );
    assert_eq!(browser.token(), Some(new));
    assert_eq!(site.events.count("outdated-token"), 1);
    assert_eq!(site.events.count("session-rotated"), 1);
    assert!(site.events.endings().is_empty());
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
}

// Two tabs at once: one rotation wins, and the browser is left with what it set.
#[tokio::test]
async fn of_two_rotations_at_once_one_wins_and_nobody_is_locked_out() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let tabs = [(); 2].map(|()| browser.fetch(Method::GET, "/held/rotate").spawn());
    site.gate.arrived().await;
    site.gate.arrived().await;
    site.gate.open();
    site.gate.open();
    let mut set = 0;
    for tab in tabs {
        let got = tab.await.unwrap();
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        set += got.set_cookies().len();
    }
    assert_eq!(set, 1);
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn there_is_nothing_to_rotate_without_a_session() {
    let site = Site::open().await;
    let got = site.browser().post_api("/rotate").await;
    assert_eq!(got.text(), RotateError::NoSession.to_string());
    assert!(got.set_cookies().is_empty());
}

// --- Values. --------------------------------------------------------------------------------------

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Cart {
    items: Vec<u32>,
    note: Option<String>,
}

#[tokio::test]
async fn values_keep_their_types_from_request_to_request() {
    fn fill(session: &Session) -> Result<(), ValueError> {
        assert_eq!(session.get::<Cart>("cart")?, None);
        let cart = Cart {
            items: vec![1, 2],
            note: Some("überall \u{1F984}\n".to_owned()),
        };
        session.set("cart", &cart)?;
        assert_eq!(
            session.get::<Cart>("cart")?,
            Some(cart),
            "seen by this request at once"
        );
        session.set("größe", &-7_i64)?;
        session.set("gone", &true)?;
        session.remove("gone")
    }
    fn read(session: &Session) -> Result<(), ValueError> {
        assert_eq!(session.get::<Cart>("cart")?.unwrap().items, [1, 2]);
        assert_eq!(session.get("größe")?, Some(-7_i64));
        assert_eq!(session.get::<bool>("gone")?, None);
        let wrong = session.get::<u8>("cart").unwrap_err();
        assert!(matches!(wrong, ValueError::Decode { .. }));
        assert!(wrong.to_string().contains("\"cart\""), "{wrong}");
        assert!(!wrong.to_string().contains("überall"), "{wrong}");
        session.remove("cart")?;
        assert_eq!(session.get::<Cart>("cart")?, None);
        Ok(())
    }
    let routes = Router::new()
        .route("/fill", post(|s: Session| async move { fill(&s).unwrap() }))
        .route("/read", post(|s: Session| async move { read(&s).unwrap() }));
    for later in [false, true] {
        let builder = Site::builder().routes(routes.clone());
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        assert_eq!(browser.post_api("/fill").await.status, StatusCode::OK);
        assert_eq!(browser.post_api("/read").await.status, StatusCode::OK);
        assert_eq!(browser.get_api("/value/cart").await.text(), "null");
    }
}

// Too large, too long, too empty: a clear error, and nothing of the session is lost.
#[tokio::test]
async fn a_value_beyond_the_limits_is_refused_and_harms_nothing() {
    async fn try_all(session: Session) {
        session.set("kept", &1).unwrap();
        let error = session.set("big", &"x".repeat(1_000)).unwrap_err();
        assert!(
            matches!(error, ValueError::TooLarge { max: 1_000, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("at most 1000"), "{error}");
        let error = session.set("", &1).unwrap_err();
        assert!(matches!(error, ValueError::Name { bytes: 0 }));
        let error = session.set(&"n".repeat(256), &1).unwrap_err();
        assert!(matches!(error, ValueError::Name { bytes: 256 }));
        let unwritable = HashMap::from([(vec![1_u8], 1)]);
        let error = session.set("map", &unwritable).unwrap_err();
        assert!(matches!(error, ValueError::Encode { .. }));
        assert!(session.leave_behind("", "x").is_err());
        assert!(session.grant("", Duration::from_secs(1)).is_err());
        // 6 bytes of overhead, 3 of name and 2 quotes: exactly the rest.
        session.set("fit", &"x".repeat(1_000 - 11 - 11)).unwrap();
        let error = session.set("f", &"").unwrap_err();
        assert!(matches!(error, ValueError::TooLarge { .. }));
        let error = session
            .update_if("kept", |_: Option<String>| "x".repeat(999))
            .await;
        assert!(matches!(
            error,
            Err(UpdateError::Value(ValueError::TooLarge { .. }))
        ));
    }
    let site = Site::builder()
        .routes(Router::new().route("/try", post(try_all)))
        .configure(|builder| builder.with_max_value_bytes(1_000));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.post_api("/try").await.status, StatusCode::OK);
    assert_eq!(browser.get_api("/value/kept").await.text(), "1");
    assert_eq!(
        browser.get_api("/value/fit").await.body.len(),
        1_000 - 11 - 11 + 2
    );
    assert_eq!(browser.get_api("/value/big").await.text(), "null");
}

#[tokio::test]
async fn values_need_a_session_and_the_error_says_so() {
    let site = Site::open().await;
    let got = site.browser().post_api("/value/a?is=b").await;
    assert_eq!(got.text(), ValueError::NoSession.to_string());
    assert_eq!(site.browser().get_api("/value/a").await.text(), "null");
    assert_eq!(site.store.calls(Op::Create), 0, "a visit creates no row");
    assert_eq!(site.store.calls(Op::Update), 0);
}

// Requests that overlap: values are merged name by name.
#[tokio::test]
async fn what_two_requests_set_at_once_is_merged_name_by_name() {
    async fn held_set(gate: crate::support::Gate, session: Session, Path(name): Path<String>) {
        gate.pass().await;
        session.set(&name, &name).unwrap();
        session.set("last", &name).unwrap();
    }
    let builder = Site::builder();
    let gate = builder.gate.clone();
    let routes = Router::new().route(
        "/set/{name}",
        post(move |session, name| held_set(gate, session, name)),
    );
    let site = builder.routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    let writes = ["a", "b", "c"].map(|n| browser.fetch(Method::POST, &format!("/set/{n}")).spawn());
    for _ in 0..3 {
        site.gate.arrived().await;
    }
    let mut last = String::new();
    for _ in 0..3 {
        site.gate.open();
        site.gate.gone().await;
    }
    for write in writes {
        assert_eq!(write.await.unwrap().status, StatusCode::OK);
    }
    for name in ["a", "b", "c"] {
        let got = browser.get_api(&format!("/value/{name}")).await;
        assert_eq!(got.json(), json!(name));
    }
    last.push_str(
        browser
            .get_api("/value/last")
            .await
            .json()
            .as_str()
            .unwrap(),
    );
    assert!(
        ["a", "b", "c"].contains(&&*last),
        "one of them, whole: {last}"
    );
}

async fn count(session: Session) -> Result<Json<u64>, StatusCode> {
    let counted = session.update_if("count", |count: Option<u64>| count.unwrap_or(0) + 1);
    match counted.await {
        Ok(count) => Ok(Json(count)),
        Err(UpdateError::Contended) => Err(StatusCode::CONFLICT),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_increments_at_once_none_is_lost() {
    for later in [false, true] {
        let builder = Site::builder().routes(Router::new().route("/count", post(count)));
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let browser = browser.clone();
                tokio::spawn(async move {
                    loop {
                        let got = browser.post_api("/count").await;
                        match got.status {
                            StatusCode::OK => return got.json().as_u64().unwrap(),
                            StatusCode::CONFLICT => {}
                            _ => panic!("{got:?}"),
                        }
                    }
                })
            })
            .collect();
        let mut seen = HashSet::new();
        for task in tasks {
            assert!(seen.insert(task.await.unwrap()), "two saw the same");
        }
        assert_eq!(browser.get_api("/value/count").await.text(), "64");
    }
}

// Carried over only when asked.
#[tokio::test]
async fn a_log_in_keeps_the_values_that_it_is_told_to_keep() {
    async fn log_in(session: Session, Path(keep): Path<String>) -> Result<(), StartError> {
        let log_in = LogIn::new(Subject::new("alice").unwrap());
        let log_in = match keep.as_str() {
            "none" => log_in,
            "cart" => log_in.keep_values(["cart", "unknown"]),
            _ => log_in.keep_all_values(),
        };
        session
            .log_in_with(log_in.with_value("fresh", &true)?)
            .await?;
        Ok(())
    }
    for (keep, kept) in [
        ("none", [false, false]),
        ("cart", [true, false]),
        ("all", [true, true]),
    ] {
        let site = Site::builder().routes(Router::new().route("/in/{keep}", post(log_in)));
        let site = site.open().await;
        let browser = site.logged_in("alice").await;
        for name in ["cart", "theme"] {
            let path = format!("/value/{name}?is=x");
            assert_eq!(browser.post_api(&path).await.status, StatusCode::OK);
        }
        let got = browser.post_api(&format!("/in/{keep}")).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        for (name, kept) in ["cart", "theme"].into_iter().zip(kept) {
            let got = browser.get_api(&format!("/value/{name}")).await;
            assert_eq!(got.json() == json!("x"), kept, "{keep}: {name}");
        }
        assert_eq!(browser.get_api("/value/fresh").await.text(), "true");
    }
}

// What was collected for the old session is not written into the new one.
#[tokio::test]
async fn what_was_set_before_a_log_in_belongs_to_the_session_before() {
    async fn both(session: Session) {
        session.set("before", &1).unwrap();
        session.log_in("bob").await.unwrap();
        assert_eq!(session.get::<u8>("before").unwrap(), None);
        session.set("after", &2).unwrap();
    }
    let site = Site::builder().routes(Router::new().route("/both", post(both)));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.post_api("/both").await.status, StatusCode::OK);
    assert_eq!(browser.get_api("/value/before").await.text(), "null");
    assert_eq!(browser.get_api("/value/after").await.text(), "2");
}

// Temporary permissions end by themselves.
#[tokio::test]
async fn a_grant_is_held_until_its_time_or_the_end_of_the_session() {
    async fn grant(session: Session) {
        session.grant("refund", Duration::from_mins(5)).unwrap();
        assert!(session.granted("refund"), "at once");
    }
    async fn granted(session: Session) -> String {
        session.granted("refund").to_string()
    }
    let routes = Router::new().route("/grant", post(grant).get(granted));
    let site = Site::builder().routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.get_api("/grant").await.text(), "false");
    assert_eq!(browser.post_api("/grant").await.status, StatusCode::OK);
    site.clock
        .advance(Duration::from_mins(5) - Duration::from_millis(1));
    assert_eq!(browser.get_api("/grant").await.text(), "true");
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(browser.get_api("/grant").await.text(), "false");
    assert_eq!(browser.post_api("/grant").await.status, StatusCode::OK);
    browser.log_in("alice").await;
    assert_eq!(
        browser.get_api("/grant").await.text(),
        "false",
        "not carried over"
    );
}

// --- Subjects. ------------------------------------------------------------------------------------

async fn log_in_as(session: Session, body: String) -> Result<Json<Value>, StartError> {
    session.log_in(body).await?;
    Ok(Json(
        json!({ "subject": session.subject().map(|s| s.to_string()) }),
    ))
}

// Unicode, empty, too long, control characters: kept as they are, or refused.
#[tokio::test]
async fn odd_subjects_are_kept_byte_for_byte_or_refused() {
    let site = Site::builder().routes(Router::new().route("/as", post(log_in_as)));
    let site = site.open().await;
    let long = "x".repeat(256);
    for name in [
        "Zoë",
        "Zoe\u{308}",
        "用户-17",
        "\u{202E}evil",
        " alice ",
        "ALICE",
        &long,
    ] {
        let browser = site.browser();
        let got = browser
            .fetch(Method::POST, "/as")
            .body(name.to_owned())
            .send()
            .await;
        assert_eq!(got.json(), json!({ "subject": name }));
        assert_eq!(browser.get_api("/api/me").await.json()["subject"], name);
        let listed = site
            .sessions
            .list(&Subject::new(name).unwrap())
            .await
            .unwrap();
        assert_eq!(listed.len(), 1, "{name}: no two are the same");
    }
    let too_long = "x".repeat(257);
    for name in ["", "a\nb", "a\0b", "\u{7f}", &too_long] {
        let browser = site.browser();
        let got = browser
            .fetch(Method::POST, "/as")
            .body(name.to_owned())
            .send()
            .await;
        assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{name:?}");
        assert!(browser.jar().is_empty());
    }
    assert_eq!(site.store.calls(Op::Create), 7);
}

// A refused log-in leaves the old session as it was.
#[tokio::test]
async fn a_log_in_that_fails_leaves_the_old_session_alone() {
    let site = Site::builder().routes(Router::new().route("/as", post(log_in_as)));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token();
    let got = browser.fetch(Method::POST, "/as").send().await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.token(), token);
    assert_eq!(browser.get("/me").await.text(), "Private page of alice");
}

#[tokio::test]
async fn an_anonymous_session_lives_without_a_subject() {
    async fn start(session: Session) -> Result<(), StartError> {
        session.start().await?;
        session.set("cart", &1).unwrap();
        Ok(())
    }
    async fn home(session: Option<LiveSession>) -> &'static str {
        match session {
            None => "nobody",
            Some(session) if session.subject().is_none() => "visitor",
            Some(_) => "user",
        }
    }
    let routes = Router::new().route("/visit", post(start).get(home));
    let site = Site::builder().routes(routes).open().await;
    let browser = site.browser();
    assert_eq!(browser.get("/visit").await.text(), "nobody");
    assert_eq!(browser.post_api("/visit").await.status, StatusCode::OK);
    assert_eq!(browser.get("/visit").await.text(), "visitor");
    assert_eq!(browser.get_api("/value/cart").await.text(), "1");
    assert_eq!(
        browser.get("/me").await.text(),
        "Private page of (anonymous)"
    );
    browser.log_in("alice").await;
    assert_eq!(browser.get("/visit").await.text(), "user");
}

// There is nothing to end, which is no error: the user sees the same page.
#[tokio::test]
async fn to_log_out_without_a_session_is_no_error() {
    let site = Site::open().await;
    let browser = site.browser();
    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some("/session/signed-out"));
    assert!(site.events.codes().is_empty());
    assert_eq!(site.store.calls(Op::End), 0);
    // Twice: the second is told of the first.
    let browser = site.logged_in("alice").await;
    let again = browser.stolen_copy();
    assert_eq!(browser.post("/logout").await.status, StatusCode::SEE_OTHER);
    let got = again.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert!(got.removes_session());
    assert_eq!(site.events.count("session-ended"), 1);
}

// --- Log-ins that race. ---------------------------------------------------------------------------

/// A log-in that reads its ticket, and then waits for the credentials to be checked.
fn with_ticket(builder: SiteBuilder) -> SiteBuilder {
    let gate = builder.gate.clone();
    let log_in = move |session: Session, Query(query): Query<HashMap<String, String>>| async move {
        let subject = Subject::new("alice").unwrap();
        if query.contains_key("ticket") {
            session.begin_log_in(Some(&subject)).await?;
        }
        gate.pass().await;
        session.log_in(&*subject.to_string()).await.map(drop)
    };
    builder.routes(Router::new().route("/slow-login", post(log_in)))
}

// P1 R-1-12: the password was changed while the old one was being checked.
#[tokio::test]
async fn a_log_in_that_was_overtaken_by_an_end_of_everything_is_refused() {
    let alice = Subject::new("alice").unwrap();
    for everyone in [false, true] {
        for later in [false, true] {
            let builder = with_ticket(Site::builder());
            let site = if later { builder.later() } else { builder }.open().await;
            let browser = site.browser();
            let slow = browser.fetch(Method::POST, "/slow-login?ticket").spawn();
            site.gate.arrived().await;
            let terminator = site.sessions.terminator();
            let _receipt = if everyone {
                terminator
                    .end_everyone(None, EndReason::Forced)
                    .await
                    .unwrap()
            } else {
                let reason = EndReason::CredentialChange;
                terminator.end_subject(&alice, None, reason).await.unwrap()
            };
            site.gate.open();
            let got = slow.await.unwrap();
            assert_eq!(got.status, StatusCode::CONFLICT, "{got:?}");
            assert_eq!(got.reason(), "log-in-outdated");
            assert!(browser.jar().is_empty());
            assert!(site.sessions.list(&alice).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_ticket_is_good_for_ten_minutes_and_for_its_subject() {
    let site = with_ticket(Site::builder()).open().await;
    for (wait, status) in [
        (Duration::from_mins(10), StatusCode::OK),
        (
            Duration::from_mins(10) + Duration::from_millis(1),
            StatusCode::CONFLICT,
        ),
    ] {
        let slow = site
            .browser()
            .fetch(Method::POST, "/slow-login?ticket")
            .spawn();
        site.gate.arrived().await;
        let bob = Subject::new("bob").unwrap();
        let ended = site.sessions.terminator();
        let _others = ended
            .end_subject(&bob, None, EndReason::Forced)
            .await
            .unwrap();
        site.clock.advance(wait);
        site.gate.open();
        assert_eq!(slow.await.unwrap().status, status, "{wait:?}");
    }
}

// --- Bearer. --------------------------------------------------------------------------------------

fn with_bearer() -> SiteBuilder {
    async fn log_in(session: Session) -> Result<String, StartError> {
        let log_in = LogIn::new(Subject::new("app-user").unwrap()).bearer();
        let logged_in = session.log_in_with(log_in).await?;
        Ok(logged_in.token().unwrap().expose().to_string())
    }
    async fn rotate(session: Session) -> Result<String, String> {
        let refused = session.rotate().map_err(|error| error.to_string());
        assert_eq!(refused, Err(RotateError::Bearer.to_string()));
        let token = session.rotate_bearer().await.map_err(|e| e.to_string())?;
        Ok(token.expose().to_string())
    }
    let routes = Router::new()
        .route("/token", post(log_in))
        .route("/token/rotate", post(rotate));
    Site::builder()
        .routes(routes)
        .configure(adjourn::SessionsBuilder::with_bearer)
}

#[tokio::test]
async fn a_bearer_client_gets_its_token_from_the_application_and_no_cookies() {
    for later in [false, true] {
        let builder = with_bearer();
        let site = if later { builder.later() } else { builder }.open().await;
        let client = site.browser();
        let got = client.ask(Method::POST, "/token").send().await;
        assert!(got.set_cookies().is_empty(), "{got:?}");
        let token = got.text().to_owned();
        let me = || client.ask(Method::GET, "/api/me");
        let got = me().bearer(&token).send().await;
        assert_eq!(got.json()["subject"], "app-user");
        assert!(got.set_cookies().is_empty());

        let got = client
            .ask(Method::POST, "/token/rotate")
            .bearer(&token)
            .send()
            .await;
        let (old, token) = (token, got.text().to_owned());
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        assert_eq!(me().bearer(&old).send().await.reason(), "outdated");
        assert_eq!(me().bearer(&token).send().await.status, StatusCode::OK);

        // R-9-3: a program proves itself by its token.
        let got = client
            .ask(Method::POST, "/logout")
            .bearer(&token)
            .send()
            .await;
        assert_eq!(
            (got.status, got.json()["ended"].clone()),
            (StatusCode::OK, json!(true))
        );
        for name in ["set-cookie", "clear-site-data"] {
            assert!(!got.headers.contains_key(name), "{got:?}");
        }
        let got = me().bearer(&token).send().await;
        assert_eq!(got.reason(), "logout");
        let challenge = r#"Bearer realm="session", error="invalid_token""#;
        assert_eq!(got.header("www-authenticate"), Some(challenge)); // R-14-3
        assert!(got.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn a_bearer_token_is_judged_alone_beside_a_cookie() {
    let site = with_bearer().open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.fresh().ask(Method::POST, "/token").send().await;
    let got = browser
        .fetch(Method::GET, "/api/me")
        .bearer(token.text())
        .send()
        .await;
    assert_eq!(got.json()["subject"], "app-user");
    let got = browser
        .fetch(Method::GET, "/api/me")
        .bearer("junk")
        .send()
        .await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert!(got.set_cookies().is_empty());
    // Where it is not switched on, it is not read.
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let got = browser
        .fetch(Method::GET, "/api/me")
        .bearer("junk")
        .send()
        .await;
    assert_eq!(got.json()["subject"], "alice");
    let stolen = browser.token().unwrap();
    let got = browser
        .fresh()
        .fetch(Method::GET, "/api/me")
        .bearer(&stolen)
        .send()
        .await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_bearer_rotation_at_the_moment_of_the_end_gives_no_token() {
    for when in [When::Before, When::After] {
        let site = with_bearer().open().await;
        let client = site.browser();
        let token = client
            .ask(Method::POST, "/token")
            .send()
            .await
            .text()
            .to_owned();
        let held = site.store.hold(Op::Rotate, when);
        let rotating = client
            .ask(Method::POST, "/token/rotate")
            .bearer(&token)
            .spawn();
        held.reached().await;
        let subject = Subject::new("app-user").unwrap();
        let terminator = site.sessions.terminator();
        let _cut = terminator
            .end_subject(&subject, None, EndReason::Forced)
            .await
            .unwrap();
        held.release();
        let got = rotating.await.unwrap();
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{when:?}: {got:?}");
        assert_eq!(got.reason(), "forced");
        let got = client
            .ask(Method::GET, "/api/me")
            .bearer(&token)
            .send()
            .await;
        assert_eq!(got.reason(), "forced");
    }
}

// --- The client. ----------------------------------------------------------------------------------

async fn client(session: Session) -> Json<Value> {
    let shown = |client: &Client| {
        json!({
            "address": client.address().map(|address| address.to_string()),
            "agent": client.user_agent(),
        })
    };
    let started = session.client();
    Json(json!({
        "now": shown(&session.request_client()),
        "started": started.map(|client| shown(&client)),
    }))
}

async fn log_in_from(browser: &Browser, headers: &[(&'static str, &str)]) -> Value {
    let mut log_in = browser.fetch(Method::POST, "/login");
    for (name, value) in headers {
        log_in = log_in.header(name, value);
    }
    assert_eq!(log_in.send().await.status, StatusCode::OK);
    browser.get_api("/client").await.json()
}

#[tokio::test]
async fn the_address_comes_from_the_connection_unless_a_proxy_is_trusted() {
    let routes = || Router::new().route("/client", get(client));
    let forwarded = [
        ("x-forwarded-for", "198.51.100.66, 203.0.113.9"),
        ("user-agent", "Tests/1.0"),
    ];
    let site = Site::builder().routes(routes()).open().await;
    let facts = log_in_from(&site.browser(), &forwarded).await;
    assert_eq!(
        facts["started"],
        json!({ "address": "127.0.0.1", "agent": "Tests/1.0" })
    );

    let trusting = Site::builder()
        .routes(routes())
        .configure(|builder| builder.with_trusted_proxies(["127.0.0.0/8"]));
    let site = trusting.open().await;
    let browser = site.browser();
    let facts = log_in_from(&browser, &forwarded).await;
    assert_eq!(
        facts["started"]["address"], "203.0.113.9",
        "what the proxy saw, no more"
    );
    assert_eq!(facts["now"]["address"], "127.0.0.1");
    let alice = Subject::new("alice").unwrap();
    let listed = site.sessions.list(&alice).await.unwrap();
    let listed = listed[0].client.as_ref().unwrap();
    assert_eq!(listed.address().unwrap().to_string(), "203.0.113.9");
    let event = site
        .events
        .wait_for(|event| event.kind.code() == "session-started")
        .await;
    assert_eq!(event.client.unwrap().address(), listed.address());
}

// R-1-32 R-13-9
#[tokio::test]
async fn a_hostile_user_agent_is_made_harmless_before_it_is_kept() {
    let site = Site::builder().routes(Router::new().route("/client", get(client)));
    let site = site.open().await;
    let facts = log_in_from(&site.browser(), &[("user-agent", "a\tb\u{e9}")]).await;
    assert_eq!(facts["started"]["agent"], "a\u{FFFD}b\u{e9}");
    let long = "x".repeat(10_000);
    let facts = log_in_from(&site.browser(), &[("user-agent", &long)]).await;
    assert_eq!(
        facts["started"]["agent"].as_str().unwrap().len(),
        Client::MAX_USER_AGENT
    );
}

#[tokio::test]
async fn a_session_knows_when_it_began() {
    async fn times(session: LiveSession) -> String {
        assert_eq!(session.created_at(), session.authenticated_at());
        session.created_at().unwrap().to_string()
    }
    let site = Site::builder().routes(Router::new().route("/times", get(times)));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_secs(90));
    assert_eq!(
        browser.get_api("/times").await.text(),
        "2026-01-01T00:00:00.000Z"
    );
    browser.log_in("alice").await;
    assert_eq!(
        browser.get_api("/times").await.text(),
        "2026-01-01T00:01:30.000Z"
    );
}

// R-13-7 R-1-21 R-1-26: the secret is nowhere but in the cookie.
#[tokio::test]
async fn the_secret_is_in_no_body_no_other_header_no_event_and_no_debug_output() {
    async fn show(session: Session, headers: HeaderMap) -> String {
        assert!(headers.contains_key("cookie"));
        format!("{session:?}")
    }
    let site = Site::builder().routes(Router::new().route("/debug", get(show)));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let secret = &token[22..];
    for got in [
        browser.get("/debug").await,
        browser.get("/api/me").await,
        browser.get("/session/signed-out").await,
        browser.post("/logout").await,
    ] {
        assert!(!format!("{got:?}").contains(secret), "{got:?}");
    }
    let (events, terminator) = (site.events.all(), site.sessions.terminator());
    let everything = format!("{events:?} {:?} {terminator:?}", site.sessions);
    assert!(!everything.contains(secret));
    assert_eq!(
        browser
            .fresh()
            .get_api(&format!("/api/me?sid={token}"))
            .await
            .status,
        401
    );
}

// P1 P8: a rotation overtook the log-out; who is told to be out is out.
#[tokio::test]
async fn a_log_out_with_the_secret_before_a_rotation_ends_the_session_too() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let old = browser.token().unwrap();
    let rotated = browser.post_api("/rotate").await;
    assert_eq!(rotated.status, StatusCode::OK);
    let new = browser.token().unwrap();
    assert_ne!(new, old);

    let late = site.browser();
    let told = late.fetch(Method::POST, "/logout").token(&old).send().await;
    assert_eq!(told.json()["ended"], true);
    assert!(!told.set_cookies().is_empty(), "the removal: {told:?}");
    let by_new = late.fetch(Method::GET, "/api/me").token(&new);
    assert_eq!(by_new.send().await.reason(), "logout");
    assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
}
