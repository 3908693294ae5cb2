//! The demo, as somebody with a browser sees it.

mod ending;
mod front;
mod kept;
mod streams;
mod tls;

pub(crate) use ending::Ending;
pub(crate) use front::Front;
pub(crate) use kept::{fill, kept};
pub(crate) use streams::Streams;

use crate::{
    drive::{Browser, Tab},
    support::{self, Example},
};
use std::{thread, time::Duration};

/// The running demo.
pub(crate) struct Site {
    pub(crate) demo: Example,
    pub(crate) front: Front,
}

impl Site {
    pub(crate) fn with(flags: &[&str]) -> Self {
        let demo = Example::demo(flags);
        let front = Front::before(demo.address);
        Self { demo, front }
    }

    /// The same over https, with a certificate that nobody knows.
    pub(crate) fn encrypted(flags: &[&str]) -> Self {
        let demo = Example::demo(flags);
        let front = Front::before(demo.address).encrypted();
        Self { demo, front }
    }

    pub(crate) fn open<'a>(&self, browser: &'a Browser, path: &str) -> Tab<'a> {
        browser.open(&self.front.url(path))
    }

    /// A tab in which somebody has logged in, and sees the account.
    pub(crate) fn log_in<'a>(&self, browser: &'a Browser, user: User) -> Tab<'a> {
        let tab = self.open(browser, "/login");
        log_in_here(&tab, user);
        tab.wait_to_be_at("/account");
        tab
    }

    /// The same person with another device.
    pub(crate) fn other_device(&self, (name, password): User) -> support::Browser {
        self.demo.logged_in(name, password)
    }
}

/// A test that fails says what went over the wire, and what the demo said.
impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("requests: {:#?}", self.front.requests());
            eprintln!("the demo said:\n{}", self.demo.said());
        }
    }
}

/// Logs in by the form of the log-in page, which this tab shows.
pub(crate) fn log_in_here(tab: &Tab<'_>, user: User) {
    fill_in(tab, user);
    tab.follow("main form button");
}

/// Fills in the form of the log-in page.
pub(crate) fn fill_in(tab: &Tab<'_>, (name, password): User) {
    tab.eval(&format!(
        "(() => {{ document.querySelector('#username').value = '{name}'; \
         document.querySelector('#password').value = '{password}'; }})()"
    ));
}

/// Name and password.
pub(crate) type User = (&'static str, &'static str);

pub(crate) const ALICE: User = ("alice", "wonderland");
pub(crate) const BOB: User = ("bob", "builder");
pub(crate) const ADMIN: User = ("admin", "control");

/// What nobody may read after the end.
pub(crate) const SECRETS: [&str; 3] = ["4,217.00", "Statement 2026-10", "IBAN"];

/// Panics unless what this does takes less than that: the time that it answers. On a machine that is
/// busy with other things it may be late for the machine's reasons, not for ours: it may try three times.
pub(crate) fn is_soon(limit: Duration, mut attempt: impl FnMut() -> Duration) {
    let mut late = Vec::new();
    while late.len() < 3 {
        let took = attempt();
        if took < limit {
            return;
        }
        late.push(took);
    }
    panic!("not within {limit:?}, but after {late:?}");
}

/// Panics if this tab shows something sensitive.
pub(crate) fn shows_no_secret(tab: &Tab<'_>) {
    let shown = tab.text();
    for secret in SECRETS {
        assert!(
            !shown.contains(secret),
            "{secret} at {}: {shown}",
            tab.path()
        );
    }
}
