//! Cuts: of a subject in its shard, of everybody in all of them.

use super::{
    call::{Call, Inner},
    create::Routing,
    keys::Shard,
    numbers::instant,
    rows::Answered,
};
use crate::{
    id::SessionId,
    reason::Cause,
    record::{Generation, Scope},
    store::{Attempt, Error, Notice, codec},
};
use redis::Value;

/// A cut as it is made in a shard, and as it is put back.
#[derive(Clone, Debug)]
pub(super) struct Made {
    before: Option<u64>,
    cause: String,
    /// Everybody's, or whose.
    field: String,
    kept: Option<SessionId>,
    /// When, once it is made.
    at: Option<u64>,
    generation: Option<u64>,
    pub(super) shard: u8,
    /// Recognises a repeat.
    token: String,
}

const END_ALL: &str = "end_all";

impl Inner {
    pub(super) async fn cut(&self, scope: Scope, cause: Cause) -> Result<Generation, Error> {
        let told = codec::scope_to_text(&scope);
        let cut = Made {
            before: None,
            cause: codec::cause_to_text(&cause),
            field: "*".to_owned(),
            kept: None,
            at: None,
            generation: None,
            shard: 0,
            token: SessionId::from_bytes(*Attempt::random()?.as_bytes()).to_string(),
        };
        let generation = match &scope {
            Scope::Everyone { created_before } => {
                let before = created_before.map(instant);
                self.cut_everybody(Made { before, ..cut }, &told).await?
            }
            Scope::Subject { subject, except } => {
                let (field, kept) = (format!("u{subject}"), *except);
                let answered = self.routed_how(END_ALL, true, |routing| {
                    let shard = self.keys.shard_of(subject);
                    let cut = Made {
                        field: field.clone(),
                        kept: kept.filter(|id| self.keys.shard_with(*id).number == shard.number),
                        shard: shard.number,
                        ..cut.clone()
                    };
                    Ok(self.cutting(shard, &cut, &told, &routing))
                });
                let answered = answered.await?;
                let shard = self.keys.shard_of(subject).number;
                let kept = kept.filter(|id| self.keys.shard_with(*id).number == shard);
                let cut = Made {
                    field,
                    kept,
                    shard,
                    ..cut
                };
                self.made(cut, &answered)?
            }
        };
        self.notices.send(|| Notice::Cut(scope));
        Ok(Generation::new(generation))
    }

    /// Returns when every shard has it. It is told by the last, when all have it. One that fails is an error, and
    /// asking again does what is left; each cut ends only what began before it.
    async fn cut_everybody(&self, cut: Made, told: &str) -> Result<u64, Error> {
        let generation = Some(self.highest_generation().await? + HEADROOM);
        let cut = Made { generation, ..cut };
        let made = self.cut_shards(&cut, 0..u8::MAX, "").await;
        let last = match made {
            Ok(_) => self.cut_shards(&cut, u8::MAX..=u8::MAX, told).await,
            Err(error) => Err(error),
        };
        last.inspect_err(|_| self.notices.send(|| Notice::Gap))
    }

    async fn cut_shards(
        &self,
        cut: &Made,
        shards: impl Iterator<Item = u8>,
        told: &str,
    ) -> Result<u64, Error> {
        let routing = Routing {
            adopt: false,
            print: String::new(),
        };
        let shards: Vec<u8> = shards.collect();
        let call = |shard: &u8| self.cutting(self.keys.shard(*shard), cut, told, &routing);
        let calls = shards.iter().map(call).collect();
        let answers = self.ending_calls(END_ALL, calls).await?;
        let mut generation = 0;
        for (shard, answered) in shards.into_iter().zip(answers) {
            let cut = Made {
                shard,
                ..cut.clone()
            };
            generation = self.made(cut, &answered)?;
        }
        Ok(generation)
    }

    fn made(&self, cut: Made, answered: &Answered) -> Result<u64, Error> {
        if answered.verdict != "cut" {
            return Err(answered.fault(self));
        }
        let (generation, at) = (answered.number(0)?, answered.number(1)?);
        self.recent.cut(Made {
            at: Some(at),
            generation: Some(generation),
            ..cut
        });
        Ok(generation)
    }

    fn cutting(&self, shard: Shard<'_>, cut: &Made, told: &str, routing: &Routing) -> Call<'_> {
        let kept = cut.kept.map(|id| shard.session(id));
        let mut call = self.call_of(&self.scripts.cut, shard, kept);
        call.args = call
            .args
            .text(&cut.field)
            .text(
                cut.before
                    .map_or_else(|| "-".to_owned(), |before| before.to_string()),
            )
            .text(&cut.cause)
            .text(&cut.token)
            .optional(cut.kept)
            .text(told)
            .text(&routing.print)
            .flag(routing.adopt)
            .optional(cut.generation)
            .optional(cut.at);
        call
    }

    /// To put back a cut that the server lost: does nothing where it is there.
    pub(super) fn cutting_again(&self, cut: &Made) -> Call<'_> {
        let routing = Routing {
            adopt: true,
            print: self.keys.print(),
        };
        self.cutting(self.keys.shard(cut.shard), cut, "", &routing)
    }

    /// Everybody's cut has one number in all shards: above all that any of them has given out.
    async fn highest_generation(&self) -> Result<u64, Error> {
        let commands = || {
            let command = |number| {
                let key = self.keys.shard(number).key("meta");
                let mut get = redis::cmd("HGET");
                get.arg(&key).arg("gen");
                (get, key)
            };
            (0..=u8::MAX).map(command).collect()
        };
        let found = self.within(END_ALL, &self.link, |mut connection| async move {
            connection.send_all(commands()).await
        });
        let mut highest = 0;
        for (number, generation) in (0..=u8::MAX).zip(found.await?) {
            let key = || self.keys.shard(number).key("meta");
            let generation =
                generation.map_err(|error| super::fault::of_key(END_ALL, &key(), &error))?;
            if let Value::BulkString(digits) = generation {
                let digits = String::from_utf8(digits).ok();
                let generation = digits.and_then(|digits| digits.parse().ok());
                highest = highest.max(generation.unwrap_or(0));
            }
        }
        Ok(highest)
    }
}

/// More log-ins than a shard can have between the question and the cut.
const HEADROOM: u64 = 1 << 20;
