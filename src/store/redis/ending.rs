//! How sessions end here, alone, together or by a cut; and the work that they leave.

use super::{
    call::{Call, Inner},
    numbers::millis,
    rows::Answered,
};
use crate::{
    id::SessionId,
    reason::Cause,
    record::Departed,
    store::{Claimant, End, Error, codec},
};
use std::{collections::HashSet, time::Duration};

impl Inner {
    pub(super) async fn end_one(
        &self,
        id: SessionId,
        cause: Cause,
        claimant: Claimant,
    ) -> Result<End, Error> {
        let call = self.ending(id, &codec::cause_to_text(&cause), claimant);
        let answered = self.ending_call("end", call).await?;
        if let Some(departed) = self.ended_by(&answered)? {
            return Ok(End::First(departed));
        }
        match answered.verdict.as_str() {
            "already" => Ok(End::Already(answered.tombstone(&answered.row(self)?)?)),
            _ => Ok(End::Unknown),
        }
    }

    pub(super) async fn end_each(
        &self,
        ids: Vec<SessionId>,
        cause: Cause,
        claimant: Claimant,
    ) -> Result<Vec<Departed>, Error> {
        const END_MANY: &str = "end_many";
        let cause = codec::cause_to_text(&cause);
        let mut met = HashSet::new();
        let ids: Vec<_> = ids.into_iter().filter(|id| met.insert(*id)).collect();
        let mut ended = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let calls = ids.iter().map(|id| self.ending(*id, &cause, claimant));
            for answered in self.ending_calls(END_MANY, calls.collect()).await? {
                ended.extend(self.ended_by(&answered)?);
            }
        }
        Ok(ended)
    }

    /// What this attempt ended, if it did.
    fn ended_by(&self, answered: &Answered) -> Result<Option<Departed>, Error> {
        match answered.verdict.as_str() {
            "first" => {
                let mut rows = answered.rows(0)?;
                let row = rows.pop().ok_or_else(|| answered.unexpected())?;
                row.departed(self).map(Some)
            }
            "already" | "unknown" => Ok(None),
            _ => Err(answered.fault(self)),
        }
    }

    pub(super) fn ending(&self, id: SessionId, cause: &str, claimant: Claimant) -> Call<'_> {
        let shard = self.keys.shard_with(id);
        let mut call = self.call_of(&self.scripts.end, shard, [shard.session(id)]);
        call.args = call
            .args
            .text(id)
            .text(cause)
            .bytes(claimant.attempt.as_bytes())
            .text(millis(claimant.lease));
        call
    }

    pub(super) async fn renew_lease(
        &self,
        id: SessionId,
        claim: u64,
        lease: Duration,
    ) -> Result<bool, Error> {
        self.claim("renew", id, claim, Some(millis(lease))).await
    }

    pub(super) async fn finish(&self, id: SessionId, claim: u64) -> Result<bool, Error> {
        self.claim("acknowledge", id, claim, None).await
    }

    async fn claim(
        &self,
        operation: &'static str,
        id: SessionId,
        claim: u64,
        lease: Option<u64>,
    ) -> Result<bool, Error> {
        let shard = self.keys.shard_with(id);
        let mut call = self.call_of(&self.scripts.claim, shard, [shard.session(id)]);
        call.args = call.args.text(id).text(claim).optional(lease);
        let answered = self.call(operation, call).await?;
        match answered.verdict.as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(answered.fault(self)),
        }
    }
}

/// How many sessions end in one round trip: others are served in between.
const AT_ONCE: usize = 64;
