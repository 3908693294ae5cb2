//! A page that keeps connections open, and writes down how they end.

use super::{Ending, Site};
use crate::drive::{Browser, Tab};

/// A tab with a stream of events and a WebSocket, without any script of ours.
pub(crate) struct Streams<'a>(Tab<'a>);

impl<'a> Streams<'a> {
    /// Both are open, and something has come through each.
    pub(crate) fn open(site: &Site, browser: &'a Browser) -> Self {
        site.front.answer("/test-streams", 200, "text/html", PAGE);
        let tab = site.open(browser, "/test-streams");
        tab.wait_for("both streams", "seen.has('event') && seen.has('message')");
        Self(tab)
    }

    /// Panics unless the server has ended both, and said why.
    pub(crate) fn were_ended(&self, ending: Ending) {
        let code = ending.code();
        self.0.wait_for(
            "the end of the events",
            &format!("seen.has('{{\"reason\":\"{code}\"}}')"),
        );
        self.0.wait_for(
            "the end of the socket",
            &format!("seen.has('3000 {code} true')"),
        );
        // It tried again, and was refused for good.
        self.0
            .wait_for("the end of the event source", "source.readyState === 2");
    }
}

const PAGE: &str = "<title>streams</title><script>
    const seen = new Set();
    const source = new EventSource('/events');
    source.addEventListener('tick', () => seen.add('event'));
    source.addEventListener('session-ended', event => seen.add(event.data));
    const socket = new WebSocket('ws://' + location.host + '/ws');
    socket.onmessage = () => seen.add('message');
    socket.onclose = event => seen.add(`${event.code} ${event.reason} ${event.wasClean}`);
</script>";
