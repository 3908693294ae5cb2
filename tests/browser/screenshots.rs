//! A picture of each state of the demo, for people to look at: `target/screenshots`.

use crate::{
    drive::{Browser, Key, Kind, Tab, run_in},
    site::{ADMIN, ALICE, BOB, Ending, Site, log_in_here},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn of_each_state() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&[]);
        let tab = site.open(browser, "/");
        take(&tab, "home");
        tab.go(&site.front.url("/help"));
        take(&tab, "help");
        tab.go(&site.front.url("/login"));
        take(&tab, "log-in");
        log_in_here(&tab, ("alice", "looking-glass"));
        tab.shows("wrong");
        take(&tab, "log-in-wrong");
        log_in_here(&tab, ALICE);
        let _others = [site.other_device(ALICE), site.other_device(BOB)];
        for (name, path) in [
            ("home-logged-in", "/"),
            ("account", "/account"),
            ("statements", "/account/statements"),
            ("sessions", "/account/sessions"),
            ("not-found", "/nowhere"),
        ] {
            tab.go(&site.front.url(path));
            take(&tab, name);
        }
        administrators(browser, &site);
    });
}

/// Four seconds after the last request. The twenty that remain are all that a longer one would leave, too.
const WARNED_SOON: [&str; 2] = ["--idle", "24s"];

#[test]
fn of_the_warning() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&WARNED_SOON);
        let tab = site.log_in(browser, ALICE);
        warned(&tab, "You will be signed out in");
        take(&tab, "warning");
    });
}

/// Nothing can be extended any more.
#[test]
fn of_the_final_warning() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&["--absolute", "30s", "--idle", "30s"]);
        let tab = site.log_in(browser, ALICE);
        warned(&tab, "Your session ends in");
        take(&tab, "warning-final");
    });
}

#[test]
fn of_a_server_that_cannot_be_reached() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&WARNED_SOON);
        let tab = site.log_in(browser, ALICE);
        warned(&tab, "You will be signed out in");
        for path in ["/session/status", "/session/extend", "/session/end"] {
            site.front.hang_up(path);
        }
        tab.press(Key::Enter); // Stay signed in
        warned(&tab, "The server cannot be reached.");
        take(&tab, "warning-unreachable");
        // Sign out: the page is left, and the next one does not claim what is not so.
        tab.to_the_next_page(|tab| {
            let _gone = tab.try_eval("void adjourn.end()");
        });
        tab.shows("You are signed in");
        take(&tab, "signed-out-unreachable");
    });
}

/// The warning says this.
fn warned(tab: &Tab<'_>, text: &str) {
    let said =
        "document.querySelector('adjourn-warning')?.shadowRoot.querySelector('dialog').textContent";
    tab.wait_for("the warning", &format!("{said}?.includes('{text}')"));
}

#[test]
fn of_the_live_page() {
    run_in(Kind::Chromium, |browser| {
        let site = Site::with(&[]);
        let tab = site.log_in(browser, ALICE);
        let live = site.open(browser, "/live");
        live.wait_for(
            "open connections",
            "document.querySelectorAll('[data-state=open]').length === 2",
        );
        take(&live, "live-open");
        // The page shows for a moment why it is over, and would be left then.
        site.front.answer("/session/status", 503, "text/plain", "");
        Ending::Administrator.comes(&site, &tab);
        live.wait_for(
            "the end",
            "document.querySelector('#over')?.hidden === false",
        );
        take(&live, "live-closed");
    });
}

fn administrators(browser: &Browser, site: &Site) {
    have_a_past(site);
    let tab = site.log_in(browser, ADMIN);
    tab.go(&site.front.url("/admin"));
    take(&tab, "admin");
    take_at(&tab, "admin-charts", "#how");
}

/// Sessions that ended, for several reasons, and a cookie that came back.
fn have_a_past(site: &Site) {
    for _ in 0..6 {
        site.other_device(BOB).log_out();
    }
    let stolen = site.other_device(BOB);
    for user in [ALICE, BOB] {
        let mut device = site.other_device(user);
        device
            .post("/account/sessions/end-others", &[])
            .leads_to("/account/sessions");
    }
    for _ in 0..3 {
        let mut copy = stolen.clone();
        copy.get("/account").leads_to("/session/signed-out");
    }
    let mut admin = site.other_device(ADMIN);
    for subject in ["alice", "bob"] {
        let ended = admin.post("/admin/end", &[("subject", subject)]);
        ended.shows(200, "1 session was ended");
    }
    // Who is there now.
    drop([ALICE, ALICE, BOB].map(|user| site.other_device(user)));
}

#[test]
fn of_each_exit_page() {
    of_exit_pages(&[
        Ending::LogOut,
        Ending::OtherDevice,
        Ending::Administrator,
        Ending::SessionLimit,
    ]);
}

/// By themselves, for they take their time.
#[test]
fn of_the_exit_page_at_the_idle_timeout() {
    of_exit_pages(&[Ending::IdleTimeout]);
}

#[test]
fn of_the_exit_page_at_the_absolute_timeout() {
    of_exit_pages(&[Ending::AbsoluteTimeout]);
}

fn of_exit_pages(endings: &[Ending]) {
    run_in(Kind::Chromium, |browser| {
        for ending in endings {
            let site = Site::with(ending.flags());
            let tab = site.log_in(browser, ALICE);
            ending.comes(&site, &tab);
            // It leaves by itself when it looks; it may have gone already.
            let _gone = tab.try_eval("dispatchEvent(new Event('focus'))");
            let told = format!("document.body.innerText.includes({:?})", ending.text());
            tab.wait_for("the exit page", &told);
            take(&tab, &format!("signed-out-{}", ending.code()));
        }
    });
}

/// The page in each look.
fn take(tab: &Tab<'_>, name: &str) {
    take_at(tab, name, "body");
}

/// The same, from this part of the page on.
fn take_at(tab: &Tab<'_>, name: &str, part: &str) {
    for (look, width, height, dark) in [
        ("light", 1280, 900, false),
        ("dark", 1280, 900, true),
        ("phone", 390, 844, false),
        ("phone-dark", 390, 844, true),
    ] {
        tab.show_as(width, height, dark);
        let too_wide = tab.eval("document.documentElement.scrollWidth > innerWidth");
        assert_eq!(too_wide, false, "{name} scrolls sideways: {look}");
        tab.eval(&format!(
            "document.querySelector('{part}').scrollIntoView()"
        ));
        // Not in the middle of a change of colours.
        tab.eval("Promise.all(document.getAnimations().map(it => it.finished)).then(() => 0)");
        save(tab, &format!("{name}-{look}"));
    }
    tab.show_as(1280, 900, false);
}

fn save(tab: &Tab<'_>, name: &str) {
    let png = BASE64_STANDARD.decode(tab.screenshot()).unwrap();
    fs::write(folder().join(format!("{name}.png")), png).unwrap();
}

fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}
