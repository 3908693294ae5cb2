//! Waiting races with the cut: no wake-up is lost.

use crate::{id::SessionId, live::Live, reason::EndReason};
use loom::{future::block_on, thread};

const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);

#[test]
fn loom_whoever_waits_is_woken() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let guard = live.hold(ID, live.mark());
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        assert_eq!(block_on(guard.ended()), EndReason::Logout);
        assert_eq!(ending.join().unwrap(), 1);
    });
}

#[test]
fn loom_of_two_endings_one_gives_the_reason_and_counts_the_connection() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let guard = live.hold(ID, live.mark());
        let end = |reason| {
            let live = live.clone();
            thread::spawn(move || live.ended(ID, reason))
        };
        let forced = end(EndReason::Forced);
        let logout = end(EndReason::Logout);
        let reason = block_on(guard.ended());
        let told = [forced.join().unwrap(), logout.join().unwrap()];
        let expected = if reason == EndReason::Forced {
            [1, 0]
        } else {
            [0, 1]
        };
        assert_eq!(told, expected);
        assert_eq!(guard.reason(), Some(reason));
    });
}
