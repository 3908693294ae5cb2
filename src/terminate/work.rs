//! The clean-up of one ending, and who waits for it how long.

use super::{Ended, HookReport, Outcome, receipt::CleanUp};
use crate::{id::SessionId, reason::Ending};
use std::time::Duration;
use tokio::{task::JoinHandle, time::timeout};

/// One ending whose connections are cut and whose clean-up has begun.
pub(crate) struct Concluded {
    /// How many, if that is known.
    pub(super) connections_cut: Option<usize>,
    pub(super) work: Work,
}

/// The clean-up of one ending.
pub(super) enum Work {
    Done,
    Running(JoinHandle<Vec<HookReport>>),
}

impl Work {
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Done => true,
            Self::Running(task) => task.is_finished(),
        }
    }

    /// Waits until it is done, which it then is.
    pub(super) async fn finished(&mut self) {
        if let Self::Running(task) = self {
            let _reports_of_a_sweep = task.await;
            *self = Self::Done;
        }
    }

    /// Waits until it is done.
    pub(super) async fn done(self) -> Vec<HookReport> {
        match self {
            Self::Done => Vec::new(),
            Self::Running(task) => task.await.unwrap_or_default(),
        }
    }
}

/// A decided ending whose clean-up may still run.
pub(super) struct Settled {
    pub(super) id: SessionId,
    pub(super) outcome: Outcome,
    pub(super) ending: Option<Ending>,
    pub(super) concluded: Option<Concluded>,
}

impl Settled {
    pub(super) async fn wait(self, patience: Duration) -> Ended {
        let connections_cut = self
            .concluded
            .as_ref()
            .and_then(|done| done.connections_cut);
        let clean_up = match self.concluded.map(|concluded| concluded.work) {
            None => CleanUp::NotOurs,
            Some(Work::Done) => CleanUp::Finished(Vec::new()),
            Some(work) => timeout(patience, work.done())
                .await
                .map_or(CleanUp::StillRunning, CleanUp::Finished),
        };
        Ended {
            id: Some(self.id),
            outcome: self.outcome,
            ending: self.ending,
            connections_cut,
            clean_up,
        }
    }
}
