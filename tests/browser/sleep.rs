//! A laptop that was closed while the session ended.

use crate::{
    drive::{Browser, in_each_browser},
    site::{ALICE, Ending, Site, shows_no_secret},
};

in_each_browser! {
    a_browser_that_slept_wakes_without_a_session,
}

fn a_browser_that_slept_wakes_without_a_session(browser: &Browser) {
    let ending = Ending::IdleTimeout;
    let site = Site::with(ending.flags());
    let tab = site.log_in(browser, ALICE);
    let sleeping = browser.sleeps();
    ending.comes(&site, &tab);
    drop(sleeping);
    // Nobody touches it: it knows by itself what time it is.
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(ending.text());
    shows_no_secret(&tab);
    assert_eq!(browser.cookie_names(), [""; 0]);
}
