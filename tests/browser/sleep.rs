//! A laptop that was closed while the session ended.

use crate::{
    drive::{Browser, in_each_browser},
    site::{ALICE, Ending, Site, is_soon, shows_no_secret},
};
use std::time::{Duration, Instant};

in_each_browser! {
    a_browser_that_slept_wakes_without_a_session,
}

fn a_browser_that_slept_wakes_without_a_session(browser: &Browser) {
    // One that counts on from where it fell asleep is later: its next question is due after six seconds.
    is_soon(Duration::from_secs(3), || wakes(browser));
}

/// How long after it woke it left.
fn wakes(browser: &Browser) -> Duration {
    let ending = Ending::IdleTimeout;
    let site = Site::with(ending.flags());
    let tab = site.log_in(browser, ALICE);
    tab.wait_for("the script", "adjourn.left > 0");
    let sleeping = browser.sleeps();
    ending.comes(&site, &tab);
    site.front.requests();
    drop(sleeping);
    let awake = Instant::now();
    // Nobody touches it: it knows by itself what time it is.
    tab.wait_to_be_at("/session/signed-out");
    let arrivals = site.front.arrivals("GET /session/signed-out");
    tab.shows(ending.text());
    shows_no_secret(&tab);
    assert_eq!(browser.cookie_names(), [""; 0]);
    arrivals[0].saturating_duration_since(awake)
}
