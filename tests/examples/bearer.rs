//! examples/bearer.rs

use crate::support::{Call, Example, run_curl_block};

#[test]
fn the_printed_commands_do_what_they_say() {
    let example = Example::single("bearer");
    let Some(wrote) = run_curl_block("bearer.rs", example.address) else {
        return;
    };
    let [token, balance, ended, after] = wrote.as_slice() else {
        panic!("{wrote:?}");
    };
    assert_eq!(token, "", "kept in a variable");
    assert_eq!(balance, r#"{"balance":"4,217.00","subject":"ada"}"#);
    assert_eq!(ended, r#"{"ended":true,"reason":"logout"}"#);
    assert!(
        after.contains(r#""reason":"logout""#) && after.contains("401"),
        "{after}"
    );
}

#[test]
fn there_are_no_cookies_and_no_way_around_the_token() {
    let example = Example::single("bearer");
    let log_in = |password| {
        let fields = [("username", "ada"), ("password", password)];
        Call::post("/token").form(&fields).send(example.address)
    };
    let wrong = log_in("steam");
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.header("www-authenticate"),
        Some("Bearer realm=\"session\"")
    );

    let right = log_in("engine");
    assert_eq!((right.status, right.header("set-cookie")), (200, None));
    let token = right.json()["token"].as_str().unwrap().to_owned();
    let balance = Call::get("/balance");
    balance
        .clone()
        .bearer(&token)
        .send(example.address)
        .shows(200, "4,217.00");

    balance.send(example.address).refuses("no-session");
    let as_cookie = balance
        .clone()
        .header("cookie", &format!("__Host-sid={token}"));
    as_cookie.send(example.address).refuses("no-session");
    let altered = format!("{}AAAA", &token[..60]);
    balance
        .clone()
        .bearer(&altered)
        .send(example.address)
        .refuses("no-session");
}
