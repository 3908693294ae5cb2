//! An ending is done when its record is kept: before that, a crash would lose it.

use crate::support::{Op, Site, SiteBuilder};
use adjourn::{
    audit::{Event, Flush, NonBlocking, Sink},
    reason::EndReason,
    record::Departed,
    terminate::Outcome,
};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;

/// Keeps nothing before the test lets it.
#[derive(Clone)]
struct Slow {
    kept: watch::Sender<bool>,
    recorded: Arc<Mutex<Vec<&'static str>>>,
}

impl Slow {
    fn new() -> Self {
        Self {
            kept: watch::Sender::new(false),
            recorded: Arc::default(),
        }
    }
}

impl NonBlocking for Slow {}

impl Sink for Slow {
    fn record(&self, event: &Event) {
        self.recorded.lock().unwrap().push(event.kind.code());
    }

    fn flush(&self) -> Flush {
        let mut kept = self.kept.subscribe();
        Box::pin(async move {
            let _or_gone = kept.wait_for(|kept| *kept).await;
        })
    }
}

fn site(sink: &Slow, hook: bool) -> SiteBuilder {
    let sink = sink.clone();
    Site::builder().configure(move |builder| {
        let builder = builder.add_audit_sink(sink);
        if !hook {
            return builder;
        }
        builder.on_end("nothing", |_: Arc<Departed>| async {
            Ok::<(), io::Error>(())
        })
    })
}

// P3 R-13-6
#[tokio::test]
async fn an_ending_is_acknowledged_when_its_record_is_kept() {
    for hook in [false, true] {
        let sink = Slow::new();
        let site = site(&sink, hook).open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
        // Whoever ended it need not wait for that.
        assert_eq!(ended.unwrap().outcome(), Outcome::Ended);
        assert!(sink.recorded.lock().unwrap().contains(&"session-ended"));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(site.store.calls(Op::Acknowledge), 0, "hook: {hook}");
        sink.kept.send_replace(true);
        while site.store.calls(Op::Acknowledge) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(site.store.calls(Op::Acknowledge), 1, "hook: {hook}");
    }
}

/// A shutdown waits for both, the record and the word that it is kept.
#[tokio::test]
async fn a_shutdown_acknowledges_what_was_kept_late() {
    let sink = Slow::new();
    let site = site(&sink, false).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    let sessions = site.sessions.clone();
    let shutdown = tokio::spawn(async move { sessions.shutdown().await });
    tokio::task::yield_now().await;
    assert_eq!(site.store.calls(Op::Acknowledge), 0);
    sink.kept.send_replace(true);
    shutdown.await.unwrap();
    assert_eq!(site.store.calls(Op::Acknowledge), 1);
}

/// One that never keeps anything holds up neither an ending nor, for long, a shutdown.
#[tokio::test(start_paused = true)]
async fn a_sink_that_keeps_nothing_leaves_the_ending_to_others() {
    let sink = Slow::new();
    let site = site(&sink, false).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    site.sessions.shutdown().await;
    assert_eq!(site.store.calls(Op::Acknowledge), 0);
}
