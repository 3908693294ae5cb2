//! The hot path: one script that reads, and writes only a touch that is due or the end of a grace.

use super::call::{Args, Call, Inner};
use crate::{
    id::{SecretHash, SessionId},
    record::Activity,
    store::{CheckIn, Checked, Error},
};
use std::time::Duration;

impl Inner {
    pub(super) async fn validate(
        &self,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        let shard = self.keys.shard_with(id);
        let call = Call {
            script: &self.scripts.check_in,
            keys: vec![shard.session(id), shard.key("cuts")],
            args: Args::default()
                .bytes(secret.as_bytes())
                .flag(activity == Activity::Active),
        };
        let answered = self.call("check_in", call).await?;
        match answered.verdict.as_str() {
            "live" => Ok(CheckIn::Live(answered.row_of(id, self)?.live(answered.now))),
            "due" => Ok(CheckIn::Due(answered.cause()?)),
            "ended" => {
                let stored = answered.row_of(id, self)?;
                Ok(CheckIn::Ended(answered.tombstone(&stored)?))
            }
            "outdated" => Ok(CheckIn::Outdated),
            "wrong" => Ok(CheckIn::WrongSecret),
            "unknown" => Ok(CheckIn::Unknown),
            "damaged" => Err(answered.damaged_row_of(id, self)),
            _ => Err(answered.unexpected()),
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
