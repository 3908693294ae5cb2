//! What each kind of ending leaves in the browser: no cookie, no storage, no page that can be read,
//! nothing open; and that every tab leaves by itself.

use crate::{
    drive::{Browser, Cookie, Tab, in_each_browser},
    site::{ALICE, Ending, SECRETS, Site, Streams, fill, is_soon, kept, shows_no_secret},
    support::eventually,
};
use std::time::{Duration, Instant};

in_each_browser! {
    log_out,
    log_out_on_another_device,
    administrator,
    idle_timeout,
    absolute_timeout,
    session_limit,
    a_page_in_the_back_forward_cache_shows_nothing_when_it_comes_back,
}

fn log_out(browser: &Browser) {
    leaves_nothing(browser, Ending::LogOut);
}

fn log_out_on_another_device(browser: &Browser) {
    leaves_nothing(browser, Ending::OtherDevice);
}

fn administrator(browser: &Browser) {
    leaves_nothing(browser, Ending::Administrator);
}

fn idle_timeout(browser: &Browser) {
    leaves_nothing(browser, Ending::IdleTimeout);
}

fn absolute_timeout(browser: &Browser) {
    leaves_nothing(browser, Ending::AbsoluteTimeout);
}

fn session_limit(browser: &Browser) {
    leaves_nothing(browser, Ending::SessionLimit);
}

// R-7-5: the session ended on the server alone, while the page was away.
fn a_page_in_the_back_forward_cache_shows_nothing_when_it_comes_back(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    // With an icon: the browser's own request for one would meet the ending first, and in the background.
    let away = "<title>away</title><link rel=icon href='data:,'>";
    site.front.answer("/test-away", 200, "text/html", away);
    tab.wait_for("the script", "adjourn.left > 0");
    watch_the_cache(&tab);
    tab.follow_script("void (location.href = '/test-away')");
    Ending::Administrator.comes(&site, &tab);
    tab.back();
    tab.wait_to_be_at("/session/signed-out");
    assert_eq!(tab.eval("window.name"), "");
}

fn leaves_nothing(browser: &Browser, ending: Ending) {
    is_soon(Duration::from_secs(2), || leaves(browser, ending));
}

/// How long after the ending the last tab left.
// P4, P5, P6, P7
fn leaves(browser: &Browser, ending: Ending) -> Duration {
    let site = Site::with(ending.flags());
    let first = site.log_in(browser, ALICE);
    fill(&site.front, &first);
    first.shows("Balance: 4,217.00");
    let streams = Streams::open(&site, browser);
    // The server cuts something that this page needs; the other hears of it from this one.
    site.front.answer("/test-live", 200, "text/html", LIVE);
    let second = site.open(browser, "/test-live");
    let third = site.open(browser, "/account/sessions");
    for tab in [&second, &third] {
        tab.wait_for("the script", "adjourn.left > 0");
    }
    first.to_front();
    first.go(&site.front.url("/account/statements"));
    first.shows("Statement 2026-10");
    watch_the_cache(&first);
    assert_eq!(browser.cookie_names(), ["__Host-sid", "acct_view", "theme"]);
    site.front.requests();
    let cookies = browser.cookies();

    ending.comes(&site, &first);
    let ended = Instant::now();
    for tab in [&first, &second, &third] {
        tab.wait_to_be_at("/session/signed-out");
        shows_no_secret(tab);
        tab.shows(ending.text());
    }
    let arrivals = site.front.arrivals("GET /session/signed-out");
    assert!(arrivals.len() >= 3, "{arrivals:?}");
    let last = arrivals.into_iter().max().unwrap();
    streams.were_ended(ending);
    nothing_is_open(&site);

    assert_eq!(browser.cookie_names(), [""; 0]);
    assert_eq!(kept(&first), [""; 0]);
    shows_nothing_when_going_back(&first);
    assert_eq!(browser.cookie_names(), [""; 0]);
    assert_eq!(kept(&first), [""; 0]);
    an_old_cookie_opens_nothing_and_is_audited(&site, browser, ending, &cookies);
    last.saturating_duration_since(ended)
}

/// Whoever kept the value of the cookie and puts it back, is refused and recorded, each time.
// P1
fn an_old_cookie_opens_nothing_and_is_audited(
    site: &Site,
    browser: &Browser,
    ending: Ending,
    cookies: &[Cookie],
) {
    let stolen = cookies.iter().find(|it| it.name == "__Host-sid").unwrap();
    let records = || {
        let said = site.demo.said();
        let found = said.lines().filter(|line| line.contains("use-after-end"));
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let tab = site.open(browser, "/session/signed-out");
    for path in ["/account", "/account/statements"] {
        browser.set_cookie(stolen);
        assert!(browser.cookies().contains(stolen));
        let before = records().len();
        tab.go(&site.front.url(path));
        shows_no_secret(&tab);
        assert_eq!(tab.path(), "/session/signed-out");
        assert_eq!(browser.cookie_names(), [""; 0]);
        let record = eventually("a record", || records().get(before).cloned());
        assert!(record.contains("alice"), "{record}");
        assert!(record.contains(ending.code()), "{record}");
    }
}

/// As `docs/guides/browser-script.md` says.
const LIVE: &str = "<title>live</title><script src='/session/adjourn.js'></script>
<p>Balance: 4,217.00</p><script>
    adjourn.register(new WebSocket('ws://' + location.host + '/ws'));
</script>";

/// By the browser's button, by script, far back, and forward again.
fn shows_nothing_when_going_back(tab: &Tab<'_>) {
    shows_no_secret(tab);
    tab.back();
    is_outside(tab);
    for step in [
        "history.forward()",
        "history.back()",
        "history.go(-1)",
        "history.go(-2)",
        "history.go(1)",
        "history.go(2)",
    ] {
        tab.follow_script(step);
        is_outside(tab);
    }
    let seen = tab.eval("window.name");
    let seen = seen.as_str().unwrap();
    assert!(
        SECRETS.iter().all(|secret| !seen.contains(secret)),
        "{seen}"
    );
}

/// Waits until the tab has come to rest, and panics if it ever shows something sensitive.
fn is_outside(tab: &Tab<'_>) {
    eventually("a page that everybody may see", || {
        shows_no_secret(tab);
        ["/login", "/session/signed-out", "/test-fill"]
            .contains(&tab.path().as_str())
            .then_some(())
    });
}

/// Notes what can be read at the moment when the page comes back from the back/forward cache. The
/// note is in the name of the window, which survives.
fn watch_the_cache(tab: &Tab<'_>) {
    tab.eval(
        "void addEventListener('pageshow', event => { \
         if (event.persisted && document.documentElement.checkVisibility()) \
         window.name += document.body.innerText })",
    );
}

fn nothing_is_open(site: &Site) {
    eventually("no open connection", || {
        let counters = crate::support::Call::get("/debug/live").send(site.demo.address);
        (counters.json()["open_connections"] == 0).then_some(())
    });
}
