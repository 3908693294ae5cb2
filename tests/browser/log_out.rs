//! The log-out is final, whatever comes back.

use crate::{
    drive::{Browser, in_each_browser},
    site::{ALICE, Site, shows_no_secret},
};

in_each_browser! {
    a_restored_cookie_opens_nothing_and_is_audited,
}

// P1
fn a_restored_cookie_opens_nothing_and_is_audited(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let cookies = browser.cookies();
    let stolen = cookies.iter().find(|it| it.name == "__Host-sid").unwrap();
    tab.follow("form.viewer button");
    assert_eq!(browser.cookie_names(), [""; 0]);

    browser.set_cookie(stolen);
    assert!(browser.cookies().contains(stolen));
    assert!(!site.demo.said().contains("use-after-end"));
    tab.go(&site.front.url("/account"));
    shows_no_secret(&tab);
    assert_eq!(tab.path(), "/session/signed-out");
    assert_eq!(browser.cookie_names(), [""; 0]);
    let audited = site.demo.says("use-after-end");
    assert!(audited.contains("alice"), "{audited}");
}
