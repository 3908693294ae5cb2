//! A node as the test sees it: a process that serves, and is asked by line.

use crate::{
    place::Place,
    point::Point,
    process::{Order, Process},
};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin},
    sync::oneshot,
};

/// A process that serves.
pub(crate) struct Running {
    process: Child,
    orders: tokio::sync::Mutex<(ChildStdin, u64)>,
    waiting: Waiting,
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<String>>>>>;

impl Running {
    pub(crate) async fn start<P: Place>(
        place: &P,
        folder: &Path,
        node: usize,
        incarnation: u64,
    ) -> Self {
        let mut process = Process::start(&Order {
            store: P::STORE.to_owned(),
            address: place.address(),
            folder: folder.to_owned(),
            dies: Point::Anywhere,
            id: Some(format!("{node}-{incarnation}")),
        });
        process.says("ready").await;
        let (process, orders, mut said) = process.into_parts();
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let told = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                let answer = line.strip_prefix('@').and_then(|line| line.split_once(' '));
                if let Some((number, answer)) = answer
                    && let Ok(number) = number.parse::<u64>()
                    && let Some(waits) = told.lock().unwrap().as_mut().unwrap().remove(&number)
                {
                    let _nobody_waits = waits.send(answer.to_owned());
                }
            }
            // It was killed: nobody is answered any more.
            told.lock().unwrap().take();
        });
        Self {
            process,
            orders: tokio::sync::Mutex::new((orders, 0)),
            waiting,
        }
    }

    /// SIGKILL; returns when nothing is left of it.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// The answer to come.
    pub(crate) async fn ask(&self, order: &str) -> oneshot::Receiver<String> {
        let (tell, answer) = oneshot::channel();
        let mut orders = self.orders.lock().await;
        orders.1 += 1;
        let number = orders.1;
        if let Some(waiting) = self.waiting.lock().unwrap().as_mut() {
            waiting.insert(number, tell);
        }
        let line = format!("{number} {order}\n");
        let _killed = orders.0.write_all(line.as_bytes()).await;
        answer
    }
}
