//! The process that dies, as the test sees it, and what it is told.

use crate::point::Point;
use adjourn::id::SessionId;
use serde::{Deserialize, Serialize};
use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::Stdio,
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// What the process is to do.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Order {
    pub(crate) store: String,
    pub(crate) address: String,
    pub(crate) folder: PathBuf,
    pub(crate) dies: Point,
    /// The session to end, where it is one.
    pub(crate) id: Option<String>,
}

const ORDER: &str = "ADJOURN_CRASH_CHILD";

impl Order {
    /// What this process was started for; `None` for the tests themselves.
    pub(crate) fn given() -> Option<Self> {
        let text = env::var(ORDER).ok()?;
        Some(serde_json::from_str(&text).expect(ORDER))
    }

    pub(crate) fn session(&self) -> SessionId {
        self.id.as_ref().expect("a session").parse().unwrap()
    }
}

/// Tells the test.
pub(crate) fn say(word: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{word}").unwrap();
    out.flush().unwrap();
}

/// Tells the test, and goes no further.
pub(crate) fn stay() -> ! {
    say("there");
    loop {
        thread::park();
    }
}

/// A process at work.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(order: &Order) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut child = command
            .args(["--exact", "child", "--nocapture"])
            .env(ORDER, serde_json::to_string(order).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let words = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            orders,
            words,
        }
    }

    /// For a conversation of one's own.
    pub(crate) fn into_parts(self) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
        (self.child, self.orders, self.words)
    }

    /// Waits until the process says this, and nothing else before.
    pub(crate) async fn says(&mut self, word: &str) {
        let mut heard = Vec::new();
        let listening = async {
            while let Some(line) = self.words.next_line().await.unwrap() {
                if line.strip_prefix('@') == Some(word) {
                    return true;
                }
                heard.push(line);
            }
            false
        };
        let said = timeout(Duration::from_mins(1), listening).await;
        assert_eq!(said, Ok(true), "{word:?} was not said: {heard:#?}");
    }

    /// Lets a hook go on.
    pub(crate) async fn go(&mut self) {
        self.orders.write_all(b"go\n").await.unwrap();
    }

    /// SIGKILL; returns when nothing is left of it.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn finish(mut self) {
        self.says("done").await;
        assert!(self.child.wait().await.unwrap().success());
    }

    /// SIGSTOP; returns when it stands still.
    pub(crate) async fn stop(&self) {
        self.signal("-STOP").await;
        loop {
            let id = self.id();
            let state = Command::new("ps")
                .args(["-o", "state=", "-p", &id])
                .output();
            if state.await.unwrap().stdout.starts_with(b"T") {
                return;
            }
        }
    }

    /// SIGCONT.
    pub(crate) async fn wake(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id()]).status();
        assert!(sent.await.unwrap().success());
    }

    fn id(&self) -> String {
        self.child.id().expect("it was not waited for").to_string()
    }
}
