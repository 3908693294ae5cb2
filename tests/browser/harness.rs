//! That the browsers are as people have them: what these tests would not see, they could not prove.

use crate::{
    drive::{Browser, in_each_browser},
    site::{ALICE, Front, Site, fill, kept},
};
use std::net::TcpListener;

in_each_browser! {
    a_browser_is_handed_on_without_anything,
    an_unprotected_page_comes_back_from_the_back_forward_cache,
}

fn an_unprotected_page_comes_back_from_the_back_forward_cache(browser: &Browser) {
    let front = Front::before(([127, 0, 0, 1], 9).into());
    front.answer(
        "/secret",
        200,
        "text/html\r\ncache-control: private",
        "<p>Balance: 4,217.00",
    );
    front.answer("/next", 200, "text/html", "<p>Next");
    let tab = browser.open(&front.url("/secret"));
    tab.eval("void addEventListener('pageshow', event => { window.back = event.persisted })");
    tab.follow_script("void (location.href = '/next')");
    front.requests();
    tab.back();
    tab.shows("Balance: 4,217.00");
    assert_eq!(tab.eval("window.back"), true);
    let asked = front.requests();
    assert!(!asked.contains(&"GET /secret".to_owned()), "{asked:?}");
}

// A page may know nothing of the test before it.
fn a_browser_is_handed_on_without_anything(browser: &Browser) {
    let before = Site::with(&[]);
    let tab = before.log_in(browser, ALICE);
    fill(&before.front, &tab);
    let _behind = before.open(browser, "/account/sessions");
    assert_ne!(browser.cookie_names(), [""; 0]);
    assert!(browser.forget());
    assert_eq!(browser.cookie_names(), [""; 0]);
    before.front.requests();

    let after = Site::with(&[]);
    let tab = after.open(browser, "/login");
    assert_eq!(kept(&tab), [""; 0]);
    // Nothing of the one before is left that could ask, and its address is nobody else's.
    assert_eq!(before.front.requests(), [""; 0]);
    assert!(TcpListener::bind(("127.0.0.1", before.front.port())).is_err());
}
