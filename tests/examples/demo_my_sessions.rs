//! examples/demo: the list of my sessions.

use crate::support::{Browser, Call, Example};

#[test]
fn the_list_shows_mine_and_marks_this_one() {
    let demo = Example::demo(&[]);
    let mut first = demo.logged_in("alice", "wonderland");
    let second = demo.logged_in("alice", "wonderland");
    let bob = demo.logged_in("bob", "builder");
    let list = first.get("/account/sessions");
    for (id, shown) in [(id(&second), true), (id(&bob), false)] {
        assert_eq!(list.body.contains(&id), shown, "{list:?}");
    }
    assert_eq!(list.body.matches("this one").count(), 1);
    list.shows(200, "Firefox on Linux");
    list.shows(200, "127.0.0.1");
}

#[test]
fn one_session_ends_another_of_the_same_user() {
    let demo = Example::demo(&[]);
    let mut here = demo.logged_in("alice", "wonderland");
    let mut there = demo.logged_in("alice", "wonderland");
    end(&mut here, &id(&there)).leads_to("/account/sessions");
    there.fetch("/api/me").refuses("logout-elsewhere");
    here.get("/account/sessions").shows(200, "nowhere else");
}

#[test]
fn ending_this_session_is_a_log_out() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mine = id(&alice);
    let list = alice.get("/account/sessions");
    list.shows(200, "action=\"/session/end\" data-adjourn-end>");
    assert!(!list.body.contains(&mine), "{list:?}");
    alice
        .post("/session/end", &[])
        .leads_to("/session/signed-out");
    alice
        .get("/session/signed-out")
        .shows(200, "You signed out");
    assert_eq!(alice.cookies(), [""; 0]);

    // By its id it is as dead.
    let mut alice = demo.logged_in("alice", "wonderland");
    let mine = id(&alice);
    end(&mut alice, &mine).leads_to("/session/signed-out");
    assert!(!alice.cookies().contains(&"__Host-sid"));
}

// R-1-16
#[test]
fn others_are_ended_only_after_a_recent_log_in() {
    let demo = Example::demo(&["--fresh", "1ms"]);
    let mut here = demo.logged_in("alice", "wonderland");
    let there = demo.logged_in("alice", "wonderland");
    for path in [
        format!("/account/sessions/{}/end", id(&there)),
        "/account/sessions/end-others".to_owned(),
        format!("/session/sessions/{}/end", id(&there)),
        "/session/sessions/end-others".to_owned(),
    ] {
        here.post(&path, &[]).leads_to("/login");
    }
    there.clone().get("/account").shows(200, "Balance");
    here.get("/account").shows(200, "Balance");
    here.post("/session/end", &[])
        .leads_to("/session/signed-out");
}

#[test]
fn nobody_ends_the_sessions_of_others() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut bob = demo.logged_in("bob", "builder");
    let (of_alice, of_nobody) = (id(&alice), "AAAAAAAAAAAAAAAAAAAAAA");
    for id in [of_alice.as_str(), of_nobody, "nonsense"] {
        end(&mut bob, id).shows(404, "You have no such session");
    }
    alice.get("/account").shows(200, "Balance");
}

#[test]
fn all_others_end_at_once() {
    let demo = Example::demo(&[]);
    let mut here = demo.logged_in("alice", "wonderland");
    let mut others = [(); 3].map(|()| demo.logged_in("alice", "wonderland"));
    let mut bob = demo.logged_in("bob", "builder");
    here.post("/account/sessions/end-others", &[])
        .leads_to("/account/sessions");
    for other in &mut others {
        other.fetch("/api/me").refuses("logout-elsewhere");
    }
    here.get("/account").shows(200, "Balance");
    bob.get("/account").shows(200, "Balance");
}

#[test]
fn another_site_ends_nothing() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut there = demo.logged_in("alice", "wonderland");
    for path in [
        "/account/sessions/end-others".to_owned(),
        format!("/account/sessions/{}/end", id(&there)),
    ] {
        let forged = Call::post(&path).header("sec-fetch-site", "same-site");
        alice.send(forged).shows(403, "did not come from this site");
    }
    there.get("/account").shows(200, "Balance");
}

fn end(browser: &mut Browser, id: &str) -> crate::support::Response {
    browser.post(&format!("/account/sessions/{id}/end"), &[])
}

fn id(browser: &Browser) -> String {
    let me = browser.clone().fetch("/api/me").json();
    me["session_id"].as_str().unwrap().to_owned()
}
