//! What follows from the judgement of the policies: a request that may pass is activity, one that is
//! refused is none, and keeps no session from idling out.

use super::{Entrance, arrival::Arrival};
use crate::{
    carrier::Via,
    id::SecretHash,
    record::{Activity, Live},
    session::Standing,
    store::{self, Answer as StoreAnswer, Checked, Reply},
};

impl Arrival {
    /// What follows from the judgement of a session that the store called live.
    pub(super) fn judged(
        self,
        (via, hash): (Via, SecretHash),
        judged: Result<Standing, store::Error>,
    ) -> Reply<Entrance> {
        match judged {
            Ok(Standing::Live(live)) if self.touches(&live) => {
                match self
                    .core
                    .context
                    .store()
                    .check(&[live.id], Activity::Active)
                {
                    Reply::Now(Ok(answer)) if matches!(answer[..], [Checked::Live { .. }]) => {
                        Reply::Now(self.touched((via, hash), live))
                    }
                    answer => Reply::later(self.touching((via, hash), live, answer)),
                }
            }
            Ok(standing) => {
                let stale = matches!(standing, Standing::Ended { .. });
                Reply::Now(self.enter(standing, Some((via, Some(hash))), stale))
            }
            Err(error) => Reply::Now(self.refuse_unavailable("end", &error)),
        }
    }

    /// As what the store is asked. Where requests are judged it is told of activity only after that.
    #[inline]
    pub(super) fn asked_as(&self) -> Activity {
        if self.core.context.policies.is_some() {
            return Activity::Passive;
        }
        self.activity
    }

    /// Whether the store is to be told of this request, which may pass.
    fn touches(&self, live: &Live) -> bool {
        self.activity == Activity::Active
            && self.asked_as() == Activity::Passive
            && live.record.touch_is_due(live.last_seen, live.now)
    }

    async fn touching(
        self,
        presented: (Via, SecretHash),
        live: Live,
        answer: StoreAnswer<Vec<Checked>>,
    ) -> Entrance {
        let why = match answer.await {
            Ok(answers) => Checked::not_live(answers),
            Err(error) => return self.refuse_unavailable("check", &error),
        };
        let Some(why) = why else {
            return self.touched(presented, live);
        };
        let (id, (via, hash)) = (live.id, presented);
        match self.core.context.road.learn(id, why).await {
            Ok(reason) => {
                let ended = Standing::Ended { id, reason };
                self.enter(ended, Some((via, Some(hash))), true)
            }
            Err(error) => self.refuse_unavailable("end", &error),
        }
    }

    fn touched(self, (via, hash): (Via, SecretHash), mut live: Live) -> Entrance {
        live.last_seen = live.now;
        self.enter(Standing::Live(live), Some((via, Some(hash))), false)
    }
}
