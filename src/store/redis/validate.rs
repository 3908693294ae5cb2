//! The hot path: one script that reads, and writes only a touch that is due or the end of a grace.

use super::{
    call::{Args, Call, Inner},
    fault::late,
    rows::{Answered, foreign},
};
use crate::{
    id::{SecretHash, SessionId},
    record::Activity,
    store::{CheckIn, Checked, Error, stored::Stored},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// One check-in.
pub(super) struct Asked {
    id: SessionId,
    secret: SecretHash,
    activity: Activity,
}

impl Inner {
    pub(super) async fn validate(
        self: &Arc<Self>,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        let asked = Asked {
            id,
            secret,
            activity,
        };
        let answered = self.answered(asked).await?;
        match answered.verdict.as_str() {
            "live" => {
                let stored = self.own(&answered, id, &secret)?;
                Ok(CheckIn::Live(stored.live(answered.now)))
            }
            "due" => Ok(CheckIn::Due(answered.cause()?)),
            "ended" => {
                let stored = self.own(&answered, id, &secret)?;
                Ok(CheckIn::Ended(answered.tombstone(&stored)?))
            }
            "outdated" => Ok(CheckIn::Outdated),
            "wrong" => Ok(CheckIn::WrongSecret),
            "unknown" => Ok(CheckIn::Unknown),
            "damaged" => Err(answered.damaged_row_of(id, self)),
            "refused" => Err(answered.refused(CHECK_IN)),
            _ => Err(answered.unexpected()),
        }
    }

    /// Whatever a server answers, in whatever order, it is never another one's session: that one has another secret.
    fn own(
        &self,
        answered: &Answered,
        id: SessionId,
        secret: &SecretHash,
    ) -> Result<Stored, Error> {
        let stored = answered.row_of(id, self)?;
        let record = &stored.record;
        let is_previous = record.previous().is_some_and(|it| it.hash == *secret);
        if record.secret_hash() == secret || is_previous {
            return Ok(stored);
        }
        Err(Error::corrupt(format!(
            "asked for session {id}, the server answered another one"
        )))
    }

    /// By itself while there is no other, else in one script with those of the same moment: what surrounds a script is
    /// half of what it costs.
    async fn answered(self: &Arc<Self>, asked: Asked) -> Result<Answered, Error> {
        // On a cluster each has a server of its own.
        if self.link.is_cluster() {
            return self.one(asked).await;
        }
        if let Some(_alone) = self.check_ins.alone() {
            return self.one(asked).await;
        }
        let answer = self.check_ins.ask(&self.runtime, self, asked, Self::all_of);
        let answer = timeout(self.limit, answer).await;
        answer.unwrap_or_else(|_| Err(late(CHECK_IN, self.limit)))?
    }

    async fn one(self: &Arc<Self>, asked: Asked) -> Result<Answered, Error> {
        let mut answers = Arc::clone(self).all_of(vec![asked]).await?;
        answers.pop().unwrap_or_else(|| Err(foreign(CHECK_IN)))
    }

    async fn all_of(
        self: Arc<Self>,
        asked: Vec<Asked>,
    ) -> Result<Vec<Result<Answered, Error>>, Error> {
        let mut keys = Vec::with_capacity(2 * asked.len());
        let mut args = Args::default();
        for one in &asked {
            let shard = self.keys.shard_with(one.id);
            keys.extend([shard.session(one.id), shard.key("cuts")]);
            args = args.bytes(one.secret.as_bytes());
            args = args.flag(one.activity == Activity::Active);
        }
        let script = &self.scripts.check_in;
        let answers = self.answers(CHECK_IN, Call { script, keys, args }).await?;
        if answers.len() == asked.len() {
            Ok(answers)
        } else {
            Err(foreign(CHECK_IN))
        }
    }

    pub(super) async fn recheck(
        &self,
        ids: Vec<SessionId>,
        activity: Activity,
    ) -> Result<Vec<Checked>, Error> {
        let call = |id: &SessionId| {
            let shard = self.keys.shard_with(*id);
            let mut call = self.call_of(&self.scripts.check, shard, [shard.session(*id)]);
            call.args = call.args.text(id).flag(activity == Activity::Active);
            call
        };
        let answers = self.calls("check", ids.iter().map(call).collect()).await?;
        let answers = answers.into_iter().map(|answered| {
            let answered = answered?;
            match answered.verdict.as_str() {
                "live" => Ok(Checked::Live {
                    due_in: Duration::from_millis(answered.number(0)?),
                }),
                "due" => Ok(Checked::Due(answered.cause()?.reason().clone())),
                "ended" => Ok(Checked::Ended(answered.cause()?.reason().clone())),
                "unknown" => Ok(Checked::Unknown),
                _ => Err(answered.fault(self)),
            }
        });
        answers.collect()
    }
}

/// How many check-ins go in one script: a fraction of a millisecond, in which the server does nothing else.
pub(super) const AT_ONCE: usize = 32;

/// How many such scripts may be under way: one works while the next one comes.
pub(super) const SCRIPTS: usize = 2;

const CHECK_IN: &str = "check_in";
