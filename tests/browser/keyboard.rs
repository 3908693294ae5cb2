//! Everything works without a mouse.

use crate::{
    drive::{Browser, Key, in_each_browser},
    site::{ALICE, Site, fill_in, shows_no_secret},
};

in_each_browser! {
    the_log_in_and_the_log_out,
}

fn the_log_in_and_the_log_out(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.open(browser, "/login");
    fill_in(&tab, ALICE);
    tab.eval("document.querySelector('#password').focus()");
    // Over "Remember me".
    tab.press(Key::Tab);
    tab.press(Key::Tab);
    tab.to_the_next_page(|tab| tab.press(Key::Enter));
    tab.shows("Balance: 4,217.00");
    // What comes first in the page helps those who cannot skip the rest with their eyes.
    tab.press(Key::Tab);
    assert_eq!(tab.eval("document.activeElement.className"), "skip");
    let mut tabs = 0;
    while tab.eval("document.activeElement.textContent") != "Log out" {
        tab.press(Key::Tab);
        tabs += 1;
        assert!(tabs < 20, "the keyboard does not get to the log-out");
    }
    tab.to_the_next_page(|tab| tab.press(Key::Space));
    tab.shows("You signed out");
    shows_no_secret(&tab);
}
