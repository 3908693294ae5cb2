//! That the browsers are as people have them: what these tests would not see, they could not prove.

use crate::{
    drive::{Browser, in_each_browser},
    site::Front,
};

in_each_browser! {
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
