//! A client of server-sent events.

use super::{Browser, Call, Example, PATIENCE};
use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    time::Instant,
};

/// An open stream of events.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) fn open(demo: &Example, browser: &Browser, path: &str) -> Self {
        Self::of(demo, browser, Call::get(path))
    }

    /// As a browser does after a break.
    pub(crate) fn open_after(demo: &Example, browser: &Browser, path: &str, id: &str) -> Self {
        Self::of(demo, browser, Call::get(path).header("last-event-id", id))
    }

    fn of(demo: &Example, browser: &Browser, call: Call) -> Self {
        let call = call.header("accept", "text/event-stream");
        let stream = browser.with_cookies(call).open(demo.address);
        Self(BufReader::new(stream))
    }

    /// Reads up to a line with this text, and answers what came until then.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let seen = self.read_until(|line| line.contains(text));
        assert!(seen.contains(text), "it ended without {text}: {seen}");
        seen
    }

    /// Reads to the end, which must be a proper one.
    pub(crate) fn read_to_end(&mut self) -> String {
        let rest = self.read_until(|_| false);
        assert!(rest.ends_with(THE_END), "{rest}");
        rest
    }

    /// Reads on until there is such a line, or no more.
    pub(crate) fn read_until(&mut self, is_last: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        loop {
            let before = seen.len();
            self.0.read_line(&mut seen).unwrap();
            let line = &seen[before..];
            if line.is_empty() || is_last(line) {
                return seen;
            }
            assert!(Instant::now() < deadline, "it goes on for ever: {seen}");
        }
    }
}

/// The last, empty chunk: the response is complete.
pub(crate) const THE_END: &str = "\r\n0\r\n\r\n";
