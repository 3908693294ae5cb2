//! A sink that collects.

use super::within;
use adjourn::{
    audit::{Event, EventKind, NonBlocking, Sink},
    id::SessionId,
    reason::EndReason,
};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// All events of a site, in order.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Collected>);

#[derive(Default)]
struct Collected {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

impl NonBlocking for Events {}

impl Sink for Events {
    fn record(&self, event: &Event) {
        self.0.events.lock().unwrap().push(event.clone());
        self.0.more.notify_waiters();
    }
}

impl Events {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.events.lock().unwrap().clone()
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.all().iter().map(|event| event.kind.code()).collect()
    }

    pub(crate) fn count(&self, code: &str) -> usize {
        self.codes()
            .into_iter()
            .filter(|known| *known == code)
            .count()
    }

    /// The endings, in order: which session and why.
    pub(crate) fn endings(&self) -> Vec<(SessionId, EndReason)> {
        let ended = |event: Event| match event.kind {
            EventKind::Ended { cause, .. } => Some((event.session_id?, cause.reason().clone())),
            _ => None,
        };
        self.all().into_iter().filter_map(ended).collect()
    }

    /// Why a session ended: one entry for each time that was recorded.
    pub(crate) fn reasons_of(&self, id: SessionId) -> Vec<EndReason> {
        let of_it = self.endings().into_iter().filter(|(ended, _)| *ended == id);
        of_it.map(|(_, reason)| reason).collect()
    }

    /// Waits until an event fits.
    pub(crate) async fn wait_for(&self, fits: impl Fn(&Event) -> bool) -> Event {
        within(self.wait(fits)).await
    }

    async fn wait(&self, fits: impl Fn(&Event) -> bool) -> Event {
        loop {
            let more = self.0.more.notified();
            let mut more = std::pin::pin!(more);
            more.as_mut().enable();
            if let Some(event) = self.all().into_iter().find(|event| fits(event)) {
                return event;
            }
            more.await;
        }
    }

    /// Waits until the ending of a session is recorded.
    pub(crate) async fn wait_for_ending(&self, id: SessionId) -> EndReason {
        let event = self
            .wait_for(|event| {
                event.session_id == Some(id) && matches!(event.kind, EventKind::Ended { .. })
            })
            .await;
        match event.kind {
            EventKind::Ended { cause, .. } => cause.reason().clone(),
            other => panic!("not an ending: {other:?}"),
        }
    }
}
