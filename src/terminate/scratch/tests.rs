//! Every order of the steps of making and ending: no directory is left behind.

use super::{Root, Scratch};
use crate::{
    id::SessionId,
    live::{Live, Mark, Observer, Since},
    reason::EndReason,
    terminate::HookOutcome,
};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::task::TaskTracker;

const ID: SessionId = SessionId::from_bytes([7; SessionId::LEN]);
const OTHER: SessionId = SessionId::from_bytes([8; SessionId::LEN]);

/// A node with a scratch root of its own.
struct Node {
    path: PathBuf,
    live: Live,
    tasks: TaskTracker,
    scratch: Arc<Scratch>,
    mark: Mark,
}

impl Node {
    fn with_memory(memory: usize) -> Self {
        let name = format!("adjourn-unit-{}", SessionId::random().unwrap());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        let (live, tasks) = (Live::with_memory(memory), TaskTracker::new());
        let root = Root::open(&path).unwrap();
        let scratch = Scratch::new(root, tasks.clone(), Duration::from_mins(1));
        let observer: Weak<Scratch> = Arc::downgrade(&scratch);
        live.observe(observer);
        let mark = live.mark();
        Self {
            path,
            live,
            tasks,
            scratch,
            mark,
        }
    }

    fn make(&self) {
        let since = self.scratch.make(&self.live, ID, self.mark).unwrap();
        assert_eq!(since, Since::Nothing);
        assert!(self.is_there());
    }

    fn end(&self) {
        self.live.ended(ID, EndReason::Logout);
    }

    /// Waits for what the ending began.
    async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn step(&self, step: Step, order: [Step; 5]) {
        match step {
            Step::Know => drop(self.scratch.know(ID)),
            Step::Create => self.scratch.root.create(ID).unwrap(),
            Step::Look => {
                let since = self.scratch.look(&self.live, ID, self.mark);
                let at = |wanted| order.iter().position(|step| *step == wanted);
                let ended = at(Step::End) < at(Step::Look);
                assert_eq!(since != Since::Nothing, ended, "{order:?}");
            }
            Step::End => self.end(),
            Step::Remove => self.settle().await,
        }
    }

    fn is_there(&self) -> bool {
        self.scratch.root.path_of(ID).exists()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _left_to_the_system = fs::remove_dir_all(&self.path);
    }
}

/// What happens while a directory is made: the steps of both, in order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Create,
    End,
    Know,
    Look,
    /// The removal that the ending began comes to its end.
    Remove,
}

// P1 R-14-16
#[tokio::test]
async fn no_order_of_making_and_ending_leaves_a_directory() {
    use Step::{Create, End, Know, Look, Remove};
    for order in [
        [End, Remove, Know, Create, Look],
        [Know, End, Remove, Create, Look],
        [Know, End, Create, Remove, Look],
        [Know, Create, End, Remove, Look],
        [Know, End, Create, Look, Remove],
        [Know, Create, End, Look, Remove],
        [Know, Create, Look, End, Remove],
    ] {
        let node = Node::with_memory(8);
        for step in order {
            node.step(step, order).await;
        }
        assert!(!node.is_there(), "{order:?}");
        assert_eq!(node.live.held(), [], "{order:?}");
    }
}

// P1 R-14-16
#[tokio::test]
async fn a_directory_of_which_nobody_knows_whether_its_session_ended_goes_when_that_is_known() {
    let node = Node::with_memory(1);
    assert!(node.scratch.know(ID));
    node.end();
    node.scratch.remove(ID).await.unwrap();
    node.live.ended(OTHER, EndReason::Logout);

    let since = node.scratch.make(&node.live, ID, node.mark).unwrap();
    assert_eq!(since, Since::Lost);
    assert_eq!(node.live.held(), [ID], "to be checked with the store");
    node.end();
    node.settle().await;
    assert!(!node.is_there());
}

#[tokio::test]
async fn the_first_removes_and_all_get_the_same_report() {
    let node = Node::with_memory(8);
    assert!(node.scratch.remove(ID).await.is_none(), "there was none");
    node.scratch.know(ID);
    node.make();
    node.end();
    let report = node.scratch.remove(ID).await.unwrap();
    assert_eq!(
        (report.outcome.clone(), report.attempts),
        (HookOutcome::Done, 1)
    );
    node.settle().await;
    assert_eq!(node.scratch.remove(ID).await, Some(report));
    assert!(!node.scratch.know(ID), "it has ended");
}

#[tokio::test]
async fn what_is_remembered_of_removals_is_bounded() {
    let node = Node::with_memory(8);
    for n in 0..2_000_u16 {
        let mut bytes = [0; SessionId::LEN];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let id = SessionId::from_bytes(bytes);
        node.scratch.know(id);
        node.scratch.remove(id).await.unwrap();
    }
    let index = node.scratch.index();
    assert_eq!(
        (index.dirs.len(), index.gone.len()),
        (super::MOST_GONE, super::MOST_GONE)
    );
    assert!(index.failed.is_empty());
}

#[test]
fn an_ending_outside_a_runtime_removes_on_the_spot() {
    let node = Node::with_memory(8);
    node.scratch.know(ID);
    node.make();
    node.end();
    assert!(!node.is_there());
}

#[test]
fn what_is_no_directory_is_removed_without_following_it() {
    let node = Node::with_memory(8);
    fs::write(node.scratch.root.path_of(ID), "a file").unwrap();
    assert!(node.scratch.root.create(ID).is_err());
    node.scratch.root.remove(ID).unwrap();
    assert!(!node.is_there());
    node.scratch.root.remove(ID).unwrap();
    assert_eq!(node.scratch.root.list().unwrap(), []);
    assert!(node.scratch.held().is_empty());
}
