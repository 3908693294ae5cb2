//! Real browsers, driven by the protocols that they speak themselves.

mod chromium;
mod firefox;
mod pool;
mod process;
mod tab;
mod web_driver;
mod webkit;
mod wire;

pub(crate) use process::Process;
pub(crate) use tab::Tab;

use chromium::Chromium;
use firefox::Firefox;
use std::{
    env,
    io::{self, Write},
    panic,
    path::PathBuf,
    sync::Once,
    thread,
};
use webkit::WebKit;

/// Which browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Chromium,
    Firefox,
    /// Only over https (`Site::encrypted`), and its own tests alone: `../in_webkit.rs`.
    WebKit,
}

/// A key on the keyboard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Enter,
    Escape,
    Space,
    Tab,
}

/// A cookie that a browser holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) value: String,
}

/// A running browser of which nobody else keeps anything, without a driver in between.
#[derive(Debug)]
pub(crate) struct Browser {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Chromium(Chromium),
    Firefox(Firefox),
    WebKit(WebKit),
}

/// One call for each engine.
macro_rules! dispatch {
    ($browser:expr, $it:ident => $call:expr) => {
        match &$browser.engine {
            crate::drive::Engine::Chromium($it) => $call,
            crate::drive::Engine::Firefox($it) => $call,
            crate::drive::Engine::WebKit($it) => $call,
        }
    };
}
use dispatch;

impl Browser {
    /// Starts one. `None` where it is not installed; but in CI (`CI` is set, and not to `false`) that is a failure, if not of
    /// WebKit.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let Some(program) = kind.program() else {
            kind.is_missing();
            return None;
        };
        let engine = match kind {
            Kind::Chromium => Engine::Chromium(Chromium::start(program)),
            Kind::Firefox => Engine::Firefox(Firefox::start(program, "")),
            Kind::WebKit => Engine::WebKit(WebKit::start(program)),
        };
        Some(Self { engine })
    }

    /// A new tab, in front, that shows this page.
    pub(crate) fn open(&self, url: &str) -> Tab<'_> {
        let tab = Tab::new(self, dispatch!(self, it => it.open()));
        tab.to_front();
        tab.go(url);
        tab
    }

    /// Every cookie that it holds, those included that no script can see.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        dispatch!(self, it => it.cookies())
    }

    /// The names of the cookies that it holds.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.cookies().into_iter().map(|it| it.name).collect();
        names.sort();
        names
    }

    /// Puts a cookie in place, whatever the sites say.
    pub(crate) fn set_cookie(&self, cookie: &Cookie) {
        dispatch!(self, it => it.set_cookie(cookie));
    }

    /// Stops every process of it, as a closed laptop does, until the guard is dropped.
    pub(crate) fn sleeps(&self) -> Sleeping<'_> {
        self.process().sleep();
        Sleeping(self)
    }

    /// Closes every tab and deletes every cookie. `false` where it cannot, or where something that was
    /// under way has set another.
    pub(crate) fn forget(&self) -> bool {
        match &self.engine {
            Engine::Chromium(it) => it.forget(),
            Engine::Firefox(it) => it.forget(),
            // Its driver knows the cookies of one address only.
            Engine::WebKit(_) => return false,
        }
        self.cookies().is_empty()
    }

    fn process(&self) -> &Process {
        dispatch!(self, it => &it.process)
    }
}

/// A browser that sleeps until this is dropped.
#[derive(Debug)]
pub(crate) struct Sleeping<'a>(&'a Browser);

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        self.0.process().wake();
    }
}

impl Kind {
    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &chromium::PROGRAMS,
            Self::Firefox => &firefox::PROGRAMS,
            Self::WebKit => &webkit::PROGRAMS,
        }
    }

    const fn helpers(self) -> &'static [&'static str] {
        match self {
            Self::Chromium | Self::Firefox => &[],
            Self::WebKit => &webkit::HELPERS,
        }
    }

    /// Where it is installed, with all that it needs.
    fn program(self) -> Option<PathBuf> {
        let mut helpers = self.helpers().iter();
        let program = Process::find(self.programs())?;
        helpers
            .all(|name| Process::find(&[name]).is_some())
            .then_some(program)
    }

    /// Says it loudly: where the test harness would swallow it, and nobody can take it for a pass.
    fn is_missing(self) {
        static SAID: [Once; 3] = [const { Once::new() }; 3];
        let names = [self.programs(), self.helpers()].concat().join(", ");
        // Not every distribution has a driver of WebKit.
        assert!(
            self == Self::WebKit
                || env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
            "{self:?} is not installed ({names}), and in CI its tests must not be left out"
        );
        SAID[self as usize].call_once(|| {
            let _ = writeln!(
                io::stderr(),
                "\nNOT TESTED: the tests in {self:?} did NOT run, because it is not installed \
                 ({names}); scripts/test installs it\n"
            );
        });
    }
}

/// Each of these functions as a test, which runs in each browser.
macro_rules! in_each_browser {
    ($($test:ident),* $(,)?) => {
        mod in_each_browser {
            $(#[test] fn $test() { crate::drive::run_in_each(super::$test); })*
        }
    };
}
pub(crate) use in_each_browser;

/// Runs a test in each browser that there is, at the same time: most of a test is waiting. A failure in
/// one is told when the other is done.
pub(crate) fn run_in_each(test: fn(&Browser)) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let runs = [Kind::Chromium, Kind::Firefox].map(|kind| {
        let run = thread::Builder::new().name(format!("{name} in {kind:?}"));
        run.spawn(move || run_in(kind, test)).unwrap()
    });
    let failed = runs.map(thread::JoinHandle::join).map(Result::err);
    if let Some(panic) = failed.into_iter().flatten().next() {
        panic::resume_unwind(panic);
    }
}

/// Runs a test if there is such a browser.
pub(crate) fn run_in(kind: Kind, test: impl FnOnce(&Browser)) {
    if let Some(browser) = pool::take(kind) {
        test(&browser);
        pool::hand_on(kind, browser);
    }
}

/// Runs a test in Firefox as somebody has it who likes it dark and without motion, if there is one.
pub(crate) fn run_in_dark_firefox(test: impl FnOnce(&Browser)) {
    let Some(program) = Kind::Firefox.program() else {
        return Kind::Firefox.is_missing();
    };
    let firefox = Firefox::start(program, firefox::DARK_AND_STILL);
    let engine = Engine::Firefox(firefox);
    test(&Browser { engine });
}
