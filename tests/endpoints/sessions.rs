//! The user's own sessions (R-1-16, ASVS 7.5.2).

use crate::{
    contract::call,
    status::{bearer_site, status},
    support::{Ask, Browser, Got, Op, Site, When},
};
use adjourn::{Session, SessionsBuilder, reason::EndReason};
use axum::{Router, routing::post};
use http::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const LIST: &str = "/session/sessions";
const OTHERS: &str = "/session/sessions/end-others";

async fn list(browser: &Browser) -> Got {
    call("listSessions", browser.fetch(Method::GET, LIST)).await
}

fn end(browser: &Browser, id: &str) -> Ask {
    browser.fetch(Method::POST, &format!("/session/sessions/{id}/end"))
}

async fn id_of(browser: &Browser) -> String {
    let said = status(browser).await.json();
    said["session_id"].as_str().unwrap().to_owned()
}

// R-1-16: no cookie value, nothing of anybody else.
#[tokio::test]
async fn a_user_sees_their_own_sessions_and_no_secret() {
    let site = Site::open().await;
    let phone = site.browser();
    let log_in = phone.fetch(Method::POST, "/login?as=alice");
    log_in.header("user-agent", "Phone <b>\t1.0").send().await;
    site.clock.advance(MINUTE);
    let laptop = site.logged_in("alice").await;
    let other = site.logged_in("bob").await;
    let got = list(&laptop).await;
    assert_eq!(got.status, StatusCode::OK);
    let said = got.json();
    assert_eq!(
        said["sessions"],
        json!([
            {
                "id": id_of(&phone).await,
                "current": false,
                "created_at": said["sessions"][0]["created_at"],
                "last_seen": said["sessions"][0]["last_seen"],
                "absolute_deadline": said["sessions"][0]["absolute_deadline"],
                "address": "127.0.0.1",
                "user_agent": "Phone <b>\u{FFFD}1.0",
            },
            {
                "id": id_of(&laptop).await,
                "current": true,
                "created_at": said["sessions"][1]["created_at"],
                "last_seen": said["sessions"][1]["last_seen"],
                "absolute_deadline": said["sessions"][1]["absolute_deadline"],
                "address": "127.0.0.1",
                "user_agent": null,
            },
        ])
    );
    for browser in [&phone, &laptop, &other] {
        let token = browser.token().unwrap();
        let secret = &token[22..];
        assert!(!got.text().contains(secret) && !got.text().contains(&token));
    }
    assert!(!got.text().contains(&id_of(&other).await));
}

#[tokio::test]
async fn the_list_is_for_this_sites_pages() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for value in ["cross-site", "same-site"] {
        let ask = browser.ask(Method::GET, LIST);
        let got = call("listSessions", ask.header("sec-fetch-site", value)).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
    }
    let got = list(&site.browser()).await;
    assert_eq!(got.json()["state"], "none");
}

#[tokio::test]
async fn one_session_is_ended_and_the_rest_lives_on() {
    let site = Site::open().await;
    let phone = site.logged_in("alice").await;
    let tablet = site.logged_in("alice").await;
    let laptop = site.logged_in("alice").await;
    let id = id_of(&phone).await;
    let got = call("endSession", end(&laptop, &id)).await;
    assert_eq!(
        got.json(),
        json!({ "ended": true, "reason": "logout-elsewhere" })
    );
    assert!(got.set_cookies().is_empty(), "{got:?}");
    let dead = status(&phone).await;
    assert_eq!(dead.json()["reason"], "logout-elsewhere");
    assert_eq!(status(&tablet).await.status, StatusCode::OK);
    assert_eq!(
        list(&laptop).await.json()["sessions"][0]["id"],
        id_of(&tablet).await
    );
    let ended = site.events.all();
    let ended = ended.iter().find(|it| it.kind.code() == "session-ended");
    let text = format!("{:?}", ended.unwrap());
    assert!(text.contains("from another session"), "{text}");
}

// Its own session: a log-out, which needs no recent log-in.
#[tokio::test]
async fn ending_this_very_session_is_a_log_out() {
    let site = Site::open().await;
    for script in [false, true] {
        let browser = site.logged_in("alice").await;
        let id = id_of(&browser).await;
        site.clock.advance(6 * MINUTE);
        let path = format!("/session/sessions/{id}/end");
        let forged = browser.ask(Method::POST, &path);
        let got = call("endSession", forged.header("sec-fetch-site", "cross-site")).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
        let got = if script {
            call("endSession", end(&browser, &id)).await
        } else {
            call("endSession", browser.navigate(Method::POST, &path)).await
        };
        assert!(got.removes_session(), "{got:?}");
        assert_eq!(
            site.events.reasons_of(id.parse().unwrap()),
            [EndReason::Logout]
        );
    }
}

// Nobody can find out which ids exist, or end what is not theirs.
#[tokio::test]
async fn the_session_of_another_user_is_like_one_that_does_not_exist() {
    let site = Site::open().await;
    let alice = site.logged_in("alice").await;
    let bob = site.logged_in("bob").await;
    let ended = site.logged_in("alice").await;
    let ended_id = id_of(&ended).await;
    site.end(ended_id.parse().unwrap(), EndReason::Forced).await;
    let theirs = call("endSession", end(&alice, &id_of(&bob).await)).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    let huge = "A".repeat(4_000);
    for id in [
        "AAAAAAAAAAAAAAAAAAAAAA",
        &ended_id,
        "nonsense",
        "",
        "..",
        "%2e%2e",
        "%00",
        "%FF%FE",
        "A%0d%0aSet-Cookie:%20a=b",
        "%E2%82%AC",
        &huge,
    ] {
        let got = call("endSession", end(&alice, id)).await;
        assert_eq!(got.status, theirs.status, "{id}");
        assert_eq!(got.body, theirs.body, "{id}");
        let without_date = |got: &Got| {
            let mut headers = got.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&got), without_date(&theirs), "{id}");
    }
    assert_eq!(status(&bob).await.status, StatusCode::OK);
    assert_eq!(site.events.endings().len(), 1);
}

#[tokio::test]
async fn all_others_are_ended_and_this_one_lives_on() {
    let site = Site::open().await;
    let phone = site.logged_in("alice").await;
    let tablet = site.logged_in("alice").await;
    let laptop = site.logged_in("alice").await;
    let bob = site.logged_in("bob").await;
    let others = laptop.fetch(Method::POST, OTHERS);
    let got = call("endOtherSessions", others).await;
    assert_eq!(got.json(), json!({ "ended": 2, "more_follow": false }));
    assert!(got.set_cookies().is_empty(), "{got:?}");
    for dead in [&phone, &tablet] {
        assert_eq!(status(dead).await.json()["reason"], "logout-elsewhere");
    }
    for live in [&laptop, &bob] {
        assert_eq!(status(live).await.status, StatusCode::OK);
    }
}

// R-1-16: whoever finds an unlocked computer does not put the user out everywhere else.
#[tokio::test]
async fn ending_others_demands_a_recent_log_in() {
    for (max_age, after, fresh) in [
        (None, 5 * MINUTE, true),
        (None, 5 * MINUTE + Duration::from_millis(1), false),
        (Some(MINUTE), 2 * MINUTE, false),
        (Some(10 * MINUTE), 10 * MINUTE, true),
    ] {
        let site = Site::builder()
            .configure(move |builder| match max_age {
                Some(max_age) => builder.with_fresh_log_in_to_end_sessions(max_age),
                None => builder,
            })
            .open()
            .await;
        let laptop = site.logged_in("alice").await;
        site.clock.advance(after);
        let phone = site.logged_in("alice").await;
        for (operation, ask) in [
            ("endSession", end(&laptop, &id_of(&phone).await)),
            ("endOtherSessions", laptop.fetch(Method::POST, OTHERS)),
        ] {
            let got = call(operation, ask).await;
            if fresh {
                assert_eq!(got.status, StatusCode::OK, "{got:?}");
                continue;
            }
            assert_eq!(got.status, StatusCode::UNAUTHORIZED);
            assert_eq!(got.reason(), "reauthentication-required");
            let challenge = got.header("www-authenticate").unwrap();
            assert!(challenge.contains("insufficient_user_authentication"));
            assert!(got.set_cookies().is_empty(), "{got:?}");
        }
        let dead = status(&phone).await.status == StatusCode::UNAUTHORIZED;
        assert_eq!(dead, fresh);
        assert_eq!(status(&laptop).await.status, StatusCode::OK);
    }
    // Whoever sends a form is led to the log-in page.
    let site = Site::open().await;
    let laptop = site.logged_in("alice").await;
    site.clock.advance(6 * MINUTE);
    let got = laptop.navigate(Method::POST, OTHERS).send().await;
    assert_eq!(got.header("location"), Some("/login"));
}

#[tokio::test]
async fn a_site_may_do_without() {
    let site = Site::builder()
        .configure(SessionsBuilder::with_insecure_no_fresh_log_in_to_end_sessions)
        .open()
        .await;
    let laptop = site.logged_in("alice").await;
    site.clock.advance(14 * MINUTE);
    let phone = site.logged_in("alice").await;
    let got = call("endSession", end(&laptop, &id_of(&phone).await)).await;
    assert_eq!(got.status, StatusCode::OK);
    let refused = adjourn::Sessions::builder(adjourn::store::MemoryStore::new())
        .with_fresh_log_in_to_end_sessions(Duration::ZERO)
        .build();
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("with_fresh_log_in_to_end_sessions"),
        "{message}"
    );
}

// R-9-4
#[tokio::test]
async fn another_site_ends_nothing() {
    let site = Site::open().await;
    let laptop = site.logged_in("alice").await;
    let phone = site.logged_in("alice").await;
    let one = format!("/session/sessions/{}/end", id_of(&phone).await);
    for (operation, path) in [("endSession", &*one), ("endOtherSessions", OTHERS)] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "null"),
            ("accept", "*/*"),
        ] {
            let before = site.events.count("log-out-refused");
            let forged = laptop.ask(Method::POST, path).header(name, value);
            let got = call(operation, forged).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{name}: {value}");
            assert!(got.set_cookies().is_empty(), "{got:?}");
            assert_eq!(site.events.count("log-out-refused"), before + 1);
        }
        for method in [Method::GET, Method::HEAD, Method::DELETE] {
            let got = call(operation, laptop.fetch(method, path)).await;
            assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        }
        let got = call(operation, site.browser().fetch(Method::POST, path)).await;
        assert_eq!(got.json()["state"], "none", "{got:?}");
    }
    assert_eq!(status(&phone).await.status, StatusCode::OK);
    assert!(site.events.endings().is_empty());
}

// R-1-33
#[tokio::test]
async fn a_store_that_is_down_ends_nothing_and_says_so() {
    let site = Site::open().await;
    let laptop = site.logged_in("alice").await;
    let phone = site.logged_in("alice").await;
    let one = id_of(&phone).await;
    for (op, operation, ask) in [
        (Op::List, "listSessions", laptop.fetch(Method::GET, LIST)),
        (Op::List, "endSession", end(&laptop, &one)),
        (Op::End, "endSession", end(&laptop, &one)),
        (
            Op::EndAll,
            "endOtherSessions",
            laptop.fetch(Method::POST, OTHERS),
        ),
    ] {
        site.store.fail(op, When::Before);
        let failures = site.events.count("store-failed");
        let got = call(operation, ask).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{op:?}");
        assert!(got.set_cookies().is_empty(), "{got:?}");
        assert_eq!(site.events.count("store-failed"), failures + 1, "{op:?}");
        site.store.heal();
    }
    assert_eq!(status(&laptop).await.status, StatusCode::OK);
    assert_eq!(status(&phone).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_anonymous_session_sees_itself_and_has_no_others() {
    let start = async |session: Session| session.start().await.map(|_| "started");
    let site = Site::builder()
        .configure(SessionsBuilder::with_insecure_no_fresh_log_in_to_end_sessions)
        .routes(Router::new().route("/start", post(start)))
        .open()
        .await;
    let (browser, other) = (site.browser(), site.browser());
    browser.post_api("/start").await;
    other.post_api("/start").await;
    let said = list(&browser).await.json();
    assert_eq!(said["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(said["sessions"][0]["id"], id_of(&browser).await);
    assert_eq!(said["sessions"][0]["current"], true);
    let got = call("endOtherSessions", browser.fetch(Method::POST, OTHERS)).await;
    assert_eq!(got.json()["ended"], 0);
    let got = call("endSession", end(&browser, &id_of(&other).await)).await;
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    assert_eq!(status(&other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn programs_see_and_end_their_sessions() {
    let site = bearer_site(true).await;
    let token = async || site.browser().post_api("/token").await.text().to_owned();
    let (first, second) = (token().await, token().await);
    let robot = |method, path: &str, token: &str| site.browser().ask(method, path).bearer(token);
    let got = call("listSessions", robot(Method::GET, LIST, &first)).await;
    assert_eq!(got.json()["sessions"].as_array().unwrap().len(), 2);
    let got = call("endOtherSessions", robot(Method::POST, OTHERS, &first)).await;
    assert_eq!(got.json()["ended"], 1, "{got:?}");
    let got = call("listSessions", robot(Method::GET, LIST, &second)).await;
    assert_eq!(got.json()["reason"], "logout-elsewhere");
    site.clock.advance(6 * MINUTE);
    let got = call("endOtherSessions", robot(Method::POST, OTHERS, &first)).await;
    let challenge = got.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer"), "{challenge}");
}
