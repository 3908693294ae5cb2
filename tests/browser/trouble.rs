//! What goes wrong around the script: the server, and the page it is in.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ALICE, BOB, Ending, Site, fill, kept, log_in_here, shows_no_secret},
};

in_each_browser! {
    a_server_in_trouble_logs_nobody_out,
    a_log_out_without_the_server_clears_and_reaches_the_other_tab,
    two_scripts_on_one_page_are_one,
    a_base_of_another_origin_moves_nothing,
    a_script_element_starts_what_the_module_left_waiting,
    a_page_of_another_user_is_not_sent_once_more,
    a_page_from_the_cache_of_which_nobody_knows_whose_it_is_is_asked_for_anew,
    an_element_of_the_same_name_stops_nothing,
    a_frame_of_this_site_leaves_with_the_page_around_it,
    a_frame_in_a_sandbox_leaves_alone,
    a_stream_that_was_refused_for_a_moment_is_opened_again,
}

const STATUS: &str = "/session/status";

/// The script, which asks as often as it may.
const SCRIPT: &str = "<script src='/session/adjourn.js' data-poll=5></script>";

fn a_server_in_trouble_logs_nobody_out(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let page = format!("<title>x</title>{SCRIPT}<p>Balance: 4,217.00");
    site.front.answer("/test-trouble", 200, "text/html", &page);
    tab.go(&site.front.url("/test-trouble"));
    tab.wait_for("the script", "adjourn.left > 0");
    for (trouble, status, content_type, body) in [
        ("down", 0, "", ""),
        ("an error", 500, "text/html", "<h1>Internal Server Error"),
        ("a portal", 200, "text/html", "<h1>Sign in to the Wi-Fi"),
        (
            "a proxy",
            401,
            "text/html",
            "<h1>The proxy wants a password",
        ),
        (
            "a proxy with JSON",
            401,
            "application/json",
            "{\"reason\":\"forced\"}",
        ),
    ] {
        if status == 0 {
            site.front.hang_up(STATUS);
        } else {
            site.front.answer(STATUS, status, content_type, body);
        }
        site.front.requests();
        for _ in 0..20 {
            // Whatever makes it ask.
            tab.eval("void dispatchEvent(new Event('focus'))");
        }
        tab.wait_for(
            "questions",
            "new Promise(done => setTimeout(done, 4500, true))",
        );
        let mut asked = site.front.requests();
        // The browser's own wish.
        asked.retain(|it| !it.ends_with("favicon.ico"));
        // A browser itself tries again when it is hung up on: Firefox ten times.
        let most = if status == 0 { 80 } else { 8 };
        assert!((1..=most).contains(&asked.len()), "{trouble}: {asked:?}");
        assert!(asked.iter().all(|it| it.ends_with(STATUS)), "{asked:?}");
        assert_eq!(tab.path(), "/test-trouble", "{trouble}");
        tab.shows("Balance");
    }
    // It recovers, and knows an ending from all that.
    site.front.pass(STATUS);
    Ending::Administrator.comes(&site, &tab);
    // After so much in vain it would wait for minutes, unless somebody looks.
    let _gone = tab.try_eval("void dispatchEvent(new Event('focus'))");
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(Ending::Administrator.text());
}

// R-7-6 R-1-28: nobody else can tell it, and no header clears.
fn a_log_out_without_the_server_clears_and_reaches_the_other_tab(browser: &Browser) {
    let site = Site::with(&[]);
    let other = site.log_in(browser, ALICE);
    fill(&site.front, &other);
    let tab = site.open(browser, "/account/statements");
    tab.wait_for("the script", "adjourn.left > 0");
    for path in [STATUS, "/session/end"] {
        site.front.hang_up(path);
    }
    tab.follow_script("void adjourn.end()");
    for tab in [&tab, &other] {
        tab.wait_to_be_at("/session/signed-out");
        // It does not claim what is not so.
        tab.shows("You are signed in");
        assert_eq!(kept(tab), [""; 0]);
    }
}

fn two_scripts_on_one_page_are_one(browser: &Browser) {
    let site = Site::with(&["--idle", "30s"]);
    let tab = site.log_in(browser, ALICE);
    let page = format!(
        "<title>x</title>{SCRIPT}<script>const first = adjourn</script>{SCRIPT}\
         <script type=module>import it from '/session/adjourn.mjs'; window.imported = it</script>\
         <p>Balance: 4,217.00"
    );
    site.front.answer("/test-two", 200, "text/html", &page);
    tab.go(&site.front.url("/test-two"));
    tab.wait_for("the script", "adjourn.left > 0");
    tab.wait_for("one of them", "first === adjourn && imported === adjourn");
    // In one look: a slow first answer takes a warning away again.
    tab.wait_for(
        "one warning",
        "document.querySelectorAll('adjourn-warning').length === 1",
    );
    tab.to_the_next_page(|tab| {
        let _gone = tab.try_eval("void adjourn.end()");
    });
    assert_eq!(tab.path(), "/session/signed-out");
    let ends = site.front.requests();
    let ends = ends
        .iter()
        .filter(|it| it.ends_with("/session/end"))
        .count();
    assert_eq!(ends, 1);
}

/// Of markup that somebody else wrote: only links follow it.
fn a_base_of_another_origin_moves_nothing(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let page =
        format!("<title>x</title>{SCRIPT}<base href='https://evil.invalid/'><p>Balance: 4,217.00");
    site.front.answer("/test-base", 200, "text/html", &page);
    tab.go(&site.front.url("/test-base"));
    tab.wait_for("the script", "adjourn.left > 0");
    tab.to_the_next_page(|tab| {
        let _gone = tab.try_eval("void adjourn.end()");
    });
    assert_eq!(tab.path(), "/session/signed-out");
    tab.go(&site.front.url("/account"));
    assert_eq!(tab.path(), "/login", "the log-out arrived");
}

fn a_script_element_starts_what_the_module_left_waiting(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let page = "<title>x</title><script type=module>
            import first from '/session/adjourn.mjs';
            window.first = first;
            const element = document.createElement('script');
            Object.assign(element, { src: '/session/adjourn.js', onload: () => window.both = true });
            document.head.append(element);
        </script>";
    site.front.answer("/test-late", 200, "text/html", page);
    tab.go(&site.front.url("/test-late"));
    tab.wait_for("both", "window.both === true && first === adjourn");
    tab.wait_for("the script", "adjourn.left > 0");
}

// The answer to a form: loaded anew as another user's page, it must not send the form in their name.
fn a_page_of_another_user_is_not_sent_once_more(browser: &Browser) {
    let site = Site::with(&[]);
    let paid = format!("<title>x</title>{SCRIPT}<p>Balance: 4,217.00");
    let form =
        "<title>x</title><form method=post action=/test-paid#done><button>Pay</button></form>";
    site.front.answer("/test-form", 200, "text/html", form);
    site.front.answer("/test-paid", 200, "text/html", &paid);
    let tab = site.log_in(browser, ALICE);
    tab.go(&site.front.url("/test-form"));
    tab.follow("button");
    tab.wait_for("the script", "adjourn.left > 0");
    let asked = |site: &Site| {
        let mut asked = site.front.requests();
        asked.retain(|it| it.ends_with(" /test-paid"));
        asked
    };
    assert_eq!(asked(&site), ["POST /test-paid"]);
    let mark = tab.mark();

    let other = site.open(browser, "/login");
    log_in_here(&other, BOB);
    tab.to_front();
    tab.wait_for_another_page(mark);
    tab.wait_for("the script", "adjourn.left > 0");
    assert_eq!(asked(&site), ["GET /test-paid"]);
}

// R-7-5: also for the same user, for who that is now is all that the next answer tells.
fn a_page_from_the_cache_of_which_nobody_knows_whose_it_is_is_asked_for_anew(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let page = format!("<title>x</title>{SCRIPT}<p>Balance: 4,217.00");
    let away = "<title>away</title><link rel=icon href='data:,'>";
    site.front.answer("/test-whose", 200, "text/html", &page);
    site.front.answer("/test-away", 200, "text/html", away);
    // It never hears from the server.
    site.front.answer(STATUS, 503, "text/plain", "");
    tab.go(&site.front.url("/test-whose"));
    tab.shows("Balance");
    assert_eq!(tab.eval("adjourn.left === undefined"), true);
    tab.eval(
        "void addEventListener('pageshow', event => { if (event.persisted) \
         window.name = document.documentElement.checkVisibility() ? 'shown' : 'hidden' })",
    );
    tab.follow_script("void (location.href = '/test-away')");
    site.front.pass(STATUS);
    site.front.requests();
    tab.back();
    // The one from the cache has its answer, too, and stays hidden.
    tab.wait_for(
        "a page that is shown",
        "adjourn.left > 0 && document.documentElement.checkVisibility()",
    );
    tab.shows("Balance");
    assert_eq!(tab.eval("window.name"), "hidden");
    let asked = site.front.requests();
    let page = asked.iter().filter(|it| *it == "GET /test-whose").count();
    assert_eq!(page, 1, "{asked:?}");
}

// A browser makes a property of the window for each of these.
fn an_element_of_the_same_name_stops_nothing(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let foreign = site.front.foreign_url("/test-foreign");
    site.front
        .answer("/test-foreign", 200, "text/html", "<p>Elsewhere");
    for element in [
        "<div id=adjourn></div>".to_owned(),
        "<form id=adjourn><input name=start></form>".to_owned(),
        format!("<iframe name=adjourn src='{foreign}'></iframe>"),
    ] {
        let page = format!(
            "<title>x</title>{element}<script>before = adjourn</script>{SCRIPT}\
             <script type=module>import it from '/session/adjourn.mjs'; window.imported = it</script>\
             <p>Balance: 4,217.00"
        );
        site.front.answer("/test-name", 200, "text/html", &page);
        tab.go(&site.front.url("/test-name"));
        tab.wait_for("its own element", "!!before");
        tab.wait_for("the script", "adjourn !== before && adjourn.left > 0");
        tab.wait_for("one of them", "imported === adjourn");
    }
    Ending::Administrator.comes(&site, &tab);
    let _gone = tab.try_eval("void dispatchEvent(new Event('focus'))");
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(Ending::Administrator.text());
}

fn a_frame_of_this_site_leaves_with_the_page_around_it(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = framed(&site, browser, "");
    // Where the log-out button is in the frame.
    tab.to_the_next_page(|tab| {
        let _gone = tab.try_eval("void frames[0].adjourn.end()");
    });
    assert_eq!(tab.path(), "/session/signed-out");
    tab.shows(Ending::LogOut.text());
    tab.back();
    shows_no_secret(&tab);
}

fn a_frame_in_a_sandbox_leaves_alone(browser: &Browser) {
    let site = Site::with(&[]);
    // It may use the site's session and storage, and not lead the page around it away.
    let tab = framed(&site, browser, "sandbox='allow-scripts allow-same-origin'");
    tab.eval("void frames[0].adjourn.end()");
    // The exit page is not to be framed, so the browser shows nothing there.
    tab.wait_for(
        "a frame that is left",
        "(() => { try { return !frames[0].document.body.innerText.includes('Balance'); } \
         catch { return true; } })()",
    );
    assert_eq!(tab.path(), "/test-outer");
    assert!(!browser.cookie_names().contains(&"__Host-sid".to_owned()));
    site.demo.says("session-ended");
}

// A 503 ends an EventSource for good.
fn a_stream_that_was_refused_for_a_moment_is_opened_again(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    site.front.answer("/events", 503, "text/plain", "not now");
    tab.go(&site.front.url("/live"));
    tab.wait_for(
        "a refusal",
        "document.querySelector('#events').innerText.includes('refused')",
    );
    site.front.pass("/events");
    tab.wait_for(
        "the stream",
        "document.querySelector('#events').dataset.state === 'open'",
    );
    Ending::Administrator.comes(&site, &tab);
    tab.wait_for(
        "the sentence",
        "document.querySelector('#over').innerText.includes('an administrator ended it')",
    );
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(Ending::Administrator.text());
}

/// A page without the script around a page with it.
fn framed<'a>(site: &Site, browser: &'a Browser, attributes: &str) -> Tab<'a> {
    let inner = format!("<title>x</title>{SCRIPT}<p>Balance: 4,217.00");
    site.front.answer("/test-inner", 200, "text/html", &inner);
    let outer = format!("<title>x</title><iframe src='/test-inner' {attributes}></iframe>");
    site.front.answer("/test-outer", 200, "text/html", &outer);
    let tab = site.log_in(browser, ALICE);
    tab.go(&site.front.url("/test-outer"));
    tab.wait_for("the script in the frame", "frames[0].adjourn?.left > 0");
    tab
}
