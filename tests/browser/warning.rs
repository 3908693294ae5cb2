//! The warning before the idle timeout.

use crate::{
    drive::{Browser, Key, Kind, Tab, in_each_browser, run_in, run_in_dark_firefox},
    site::{ALICE, Ending, Site, shows_no_secret},
    support::eventually,
};

in_each_browser! {
    it_appears_is_announced_and_extends_with_the_keyboard,
    assistive_technology_is_told_at_the_opening_and_at_the_marks,
    nothing_moves,
    escape_extends,
    ignored_it_leads_to_the_exit_page,
    one_tab_extends_for_all,
}

/// The warning comes twenty seconds before the end, and that is all the time that a test has for it. So this is
/// the shortest with which one can see that it comes and not that it is there from the start;
const LOOKED_AT: [&str; 2] = ["--idle", "22s"];
/// and this leaves time to see that it went.
const EXTENDED: [&str; 2] = ["--idle", "26s"];

// R-12-1 R-12-4
fn it_appears_is_announced_and_extends_with_the_keyboard(browser: &Browser) {
    let site = Site::with(&EXTENDED);
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

// R-12-6: by what the browser makes of it, not by what is written in the page.
fn assistive_technology_is_told_at_the_opening_and_at_the_marks(browser: &Browser) {
    let site = Site::with(&LOOKED_AT);
    let tab = site.log_in(browser, ALICE);
    appears(&tab);
    is_exposed(&tab, "dialog", "alertdialog", "Still there?");
    is_exposed(&tab, "[part=stay]", "button", "Stay signed in");
    is_exposed(&tab, "[part=leave]", "button", "Sign out");
    assert_eq!(
        inside(&tab, "spoken()"),
        "",
        "the opening itself is read out"
    );
    let spoken = format!("{INSIDE} return spoken(); }})() !== ''");
    tab.wait_for("the mark of ten seconds", &spoken);
    let spoken = inside(&tab, "spoken()");
    assert!(spoken.starts_with("You will be signed out in "), "{spoken}");
    // Drawn nowhere, and yet not hidden from those who listen.
    for (what, is) in [
        ("0", "getComputedStyle(live()).opacity"),
        (
            "block visible",
            "getComputedStyle(live()).display + ' ' + getComputedStyle(live()).visibility",
        ),
        (
            "null",
            "String(live().closest('[aria-hidden], [hidden], [inert]'))",
        ),
    ] {
        assert_eq!(inside(&tab, is), what);
    }
}

// R-12-6: for everybody, and for those who asked for less motion.
fn nothing_moves(browser: &Browser) {
    let site = Site::with(&LOOKED_AT);
    let tab = site.log_in(browser, ALICE);
    appears(&tab);
    assert_nothing_moves(&tab);
    tab.show_as(1280, 900, false);
    assert_nothing_moves(&tab);
}

// R-12-6
#[test]
fn it_is_dark_for_those_who_like_it_dark() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&LOOKED_AT);
        let tab = site.log_in(browser, ALICE);
        appears(&tab);
        for dark in [false, true] {
            tab.show_as(1280, 900, dark);
            assert_is_dark(&tab, dark);
        }
    });
}

// R-12-6
#[test]
fn it_is_dark_and_still_in_a_firefox_of_those_who_like_it_so() {
    run_in_dark_firefox(|browser| {
        let site = Site::with(&LOOKED_AT);
        let tab = site.log_in(browser, ALICE);
        let wish = "matchMedia('(prefers-reduced-motion: reduce)').matches";
        assert_eq!(tab.eval(wish), true);
        appears(&tab);
        assert_is_dark(&tab, true);
        assert_nothing_moves(&tab);
    });
}

// R-12-6
#[test]
fn it_is_light_in_any_other_firefox() {
    run_in(Kind::Firefox, |browser| {
        let site = Site::with(&LOOKED_AT);
        let tab = site.log_in(browser, ALICE);
        appears(&tab);
        assert_is_dark(&tab, false);
    });
}

fn assert_nothing_moves(tab: &Tab<'_>) {
    let moves = "[dialog, ...dialog.querySelectorAll('*')].filter(it => it.getAnimations().length \
                 || ['', '::backdrop'].some(part => { const style = getComputedStyle(it, part); \
                 return style.animationName !== 'none' || style.transitionDuration !== '0s' }))";
    assert_eq!(inside(tab, &format!("String({moves}.length)")), "0");
}

/// Panics unless the browser likes it so, and the dialog is.
fn assert_is_dark(tab: &Tab<'_>, dark: bool) {
    let wish = "matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(tab.eval(wish), dark);
    let mut brightness = ["backgroundColor", "color"].map(|which| {
        let style = format!("getComputedStyle(dialog).{which}.match(/\\d+/)[0]");
        inside(tab, &style).parse::<u32>().unwrap()
    });
    if dark {
        brightness.reverse();
    }
    let [light, dark] = brightness;
    assert!(light > 200 && dark < 60, "{brightness:?}");
}

fn escape_extends(browser: &Browser) {
    let site = Site::with(&EXTENDED);
    let tab = site.log_in(browser, ALICE);
    appears(&tab);
    tab.press(Key::Escape);
    is_extended(&site, &tab);
}

fn ignored_it_leads_to_the_exit_page(browser: &Browser) {
    let ending = Ending::IdleTimeout;
    let site = Site::with(&LOOKED_AT);
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
    let site = Site::with(&EXTENDED);
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

/// Panics unless that is what assistive technology is told of a part of the warning.
fn is_exposed(tab: &Tab<'_>, part: &str, role: &str, name: &str) {
    let part =
        format!("document.querySelector('adjourn-warning').shadowRoot.querySelector('{part}')");
    eventually(&format!("{role} {name:?}"), || {
        tab.is_exposed(&part, role, name).then_some(())
    });
    assert!(!tab.is_exposed(&part, role, "something else"));
    assert!(!tab.is_exposed(&part, "link", name));
}

/// A text of the dialog.
fn inside(tab: &Tab<'_>, what: &str) -> String {
    let text = tab.eval(&format!("{INSIDE} return {what}; }})()"));
    text.as_str().unwrap().to_owned()
}

const INSIDE: &str = "(() => { const shadow = document.querySelector('adjourn-warning').shadowRoot; \
    const dialog = shadow.querySelector('dialog'); \
    const named = by => shadow.getElementById(dialog.getAttribute(by)).textContent; \
    const live = () => shadow.querySelector('[aria-live=assertive]'); \
    const spoken = () => live().textContent;";
