//! A graceful shutdown waits for hooks, but not for ever, and says what it left.

use crate::support::{Op, Site, within};
use adjourn::{reason::EndReason, record::Departed, terminate::Hook};
use std::{
    future::pending,
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::yield_now,
};

/// Holds up whoever blocks, until this is dropped.
struct Blocked {
    free: mpsc::Sender<()>,
    said: UnboundedReceiver<()>,
}

/// A hook that blocks its thread, and says when it does.
fn blocking() -> (Blocked, impl Hook) {
    let (free, blocked) = mpsc::channel();
    let (say, said) = unbounded_channel();
    let blocked = Mutex::new(blocked);
    let hook = move |_: Arc<Departed>| {
        say.send(()).unwrap();
        // Answers an error when the sender is gone.
        let _freed = blocked.lock().unwrap().recv();
        std::future::ready(Ok::<_, io::Error>(()))
    };
    (Blocked { free, said }, hook)
}

// P2, R-14-16
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hook_that_blocks_its_thread_does_not_hold_up_a_shutdown_for_ever() {
    let (mut blocked, hook) = blocking();
    let site = Site::builder()
        .configure(|builder| {
            builder
                .on_end("blocks", hook)
                .with_hook_time_limit(Duration::from_hours(10))
                .with_clean_up_patience(Duration::ZERO)
                .with_shutdown_limit(Duration::from_millis(20))
        })
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    within(blocked.said.recv()).await.unwrap();

    let left = within(site.sessions.shutdown()).await;
    assert!(!left.is_complete());
    assert_eq!((left.endings(), left.hooks()), (1, &["blocks"][..]));
    assert_eq!(site.store.calls(Op::Acknowledge), 0, "left to its lease");

    drop(blocked.free);
    site.events.wait_for_ending(id).await;
    let done = within(async {
        while !site.sessions.shutdown().await.is_complete() {
            yield_now().await;
        }
    });
    done.await;
    assert_eq!(site.store.calls(Op::Acknowledge), 1);
}

// Its ending is done, but nobody can stop its thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hook_that_blocks_past_its_limit_is_named() {
    let (mut blocked, hook) = blocking();
    let site = Site::builder()
        .configure(|builder| {
            builder
                .on_end("blocks", hook)
                .with_hook_time_limit(Duration::from_millis(5))
                .with_shutdown_limit(Duration::from_millis(20))
        })
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    within(blocked.said.recv()).await.unwrap();
    site.events.wait_for_ending(id).await;

    let acknowledged = within(async {
        while site.store.calls(Op::Acknowledge) == 0 {
            yield_now().await;
        }
    });
    acknowledged.await;
    let left = within(site.sessions.shutdown()).await;
    assert!(!left.is_complete());
    assert_eq!((left.endings(), left.hooks()), (0, &["blocks"][..]));
    drop(blocked.free);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_does_not_hold_up_a_shutdown_for_ever() {
    let hangs = |_: Arc<Departed>| pending::<io::Result<()>>();
    let site = Site::builder()
        .configure(move |builder| {
            builder
                .on_end("hangs", hangs)
                .with_hook_time_limit(Duration::from_hours(10))
                .with_clean_up_patience(Duration::ZERO)
        })
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);

    let left = site.sessions.shutdown().await;
    assert!(!left.is_complete());
    assert_eq!((left.endings(), left.hooks()), (1, &["hangs"][..]));
    assert!(site.events.endings().is_empty(), "another's to record");
}
