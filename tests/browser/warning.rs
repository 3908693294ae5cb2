//! The warning before the idle timeout.

use crate::{
    drive::{Browser, Key, Tab, in_each_browser},
    site::{ALICE, Ending, Site, shows_no_secret},
};

in_each_browser! {
    it_appears_is_announced_and_extends_with_the_keyboard,
    escape_extends,
    ignored_it_leads_to_the_exit_page,
    one_tab_extends_for_all,
}

// R-12-1 R-12-4
fn it_appears_is_announced_and_extends_with_the_keyboard(browser: &Browser) {
    let site = Site::with(&["--idle", "30s"]);
    let tab = site.log_in(browser, ALICE);
    tab.eval("document.querySelector('nav a').focus()");
    appears(&tab);
    // A modal dialog with a name and a description is read out when the focus goes into it.
    for (what, is) in [
        ("alertdialog", "dialog.role ?? dialog.getAttribute('role')"),
        ("Still there?", "named('aria-labelledby')"),
    ] {
        assert_eq!(inside(&tab, is), what);
    }
    let described = inside(&tab, "named('aria-describedby')");
    assert!(
        described.contains("You will be signed out in") && described.contains("second"),
        "{described}"
    );
    assert_eq!(inside(&tab, "String(dialog.matches(':modal'))"), "true");
    assert_eq!(
        inside(&tab, "shadow.activeElement.textContent"),
        "Stay signed in"
    );
    assert_eq!(
        inside(&tab, "shadow.querySelector('[aria-live]').ariaLive"),
        "assertive"
    );

    // The focus stays inside.
    tab.press(Key::Tab);
    assert_eq!(inside(&tab, "shadow.activeElement.textContent"), "Sign out");
    tab.eval(
        "document.querySelector('adjourn-warning').shadowRoot.querySelector('button').focus()",
    );
    tab.press(Key::Enter);
    is_extended(&site, &tab);
    // And goes back to where it was.
    assert_eq!(
        tab.eval("document.activeElement === document.querySelector('nav a')"),
        true
    );
}

fn escape_extends(browser: &Browser) {
    let site = Site::with(&["--idle", "30s"]);
    let tab = site.log_in(browser, ALICE);
    appears(&tab);
    tab.press(Key::Escape);
    is_extended(&site, &tab);
}

fn ignored_it_leads_to_the_exit_page(browser: &Browser) {
    let ending = Ending::IdleTimeout;
    let site = Site::with(&["--idle", "22s"]);
    let tab = site.log_in(browser, ALICE);
    appears(&tab);
    let before = site.demo.said();
    assert!(!before.contains("session-ended"), "{before}");
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(ending.text());
    shows_no_secret(&tab);
    assert_eq!(browser.cookie_names(), [""; 0]);
}

fn one_tab_extends_for_all(browser: &Browser) {
    let site = Site::with(&["--idle", "30s"]);
    let first = site.log_in(browser, ALICE);
    let second = site.open(browser, "/account/statements");
    for tab in [&first, &second] {
        tab.to_front();
        appears(tab);
    }
    second.press(Key::Enter);
    is_extended(&site, &second);
    first.wait_for("no warning", "!document.querySelector('adjourn-warning')");
    first.shows("Balance");
}

fn appears(tab: &Tab<'_>) {
    let open = "document.querySelector('adjourn-warning')?.shadowRoot.querySelector('dialog').open";
    tab.wait_for("the warning", open);
}

fn is_extended(site: &Site, tab: &Tab<'_>) {
    site.demo.says("session-extended");
    tab.wait_for("no warning", "!document.querySelector('adjourn-warning')");
    tab.wait_for("more time", "adjourn.left > 20");
    assert!(!site.demo.said().contains("session-ended"));
}

/// A text of the dialog.
fn inside(tab: &Tab<'_>, what: &str) -> String {
    let text = tab.eval(&format!(
        "(() => {{ const shadow = document.querySelector('adjourn-warning').shadowRoot; \
         const dialog = shadow.querySelector('dialog'); \
         const named = by => shadow.getElementById(dialog.getAttribute(by)).textContent; \
         return {what}; }})()"
    ));
    text.as_str().unwrap().to_owned()
}
