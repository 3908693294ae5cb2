//! Looking at sessions without changing anything.

use super::{call::Inner, keys::IDS};
use crate::{
    id::{SessionId, Subject},
    record::Tombstone,
    store::{Cursor, Error, Listed, Page},
};
use redis::Value;
use std::sync::Arc;

/// Behind which session a page begins: its shard, and when it began there.
#[derive(Clone, Copy)]
struct Place {
    shard: u8,
    began: u64,
}

impl Inner {
    pub(super) async fn tombstone_of(
        &self,
        id: SessionId,
    ) -> Result<Option<Arc<Tombstone>>, Error> {
        let shard = self.keys.shard_with(id);
        let mut call = self.call_of(&self.scripts.tombstone, shard, [shard.session(id)]);
        call.args = call.args.text(id);
        let answered = self.call("tombstone", call).await?;
        match answered.verdict.as_str() {
            "ended" => answered.tombstone(&answered.row(self)?).map(Some),
            "unknown" => Ok(None),
            _ => Err(answered.fault(self)),
        }
    }

    pub(super) async fn sessions_of(&self, subject: Subject) -> Result<Vec<Listed>, Error> {
        let answered = self.routed("list", |routing| {
            let shard = self.keys.shard_of(&subject);
            let mut call = self.call_of(&self.scripts.list, shard, [shard.subject(&subject)]);
            call.args = call.args.text(&routing.print).flag(routing.adopt);
            Ok(call)
        });
        let answered = answered.await?;
        if answered.verdict != "list" {
            return Err(answered.fault(self));
        }
        let rows = answered.rows(0)?;
        rows.iter()
            .map(|row| Ok(row.stored(self)?.listed()))
            .collect()
    }

    /// Two round trips: how many sessions each shard has, then those of as many shards as a page needs.
    pub(super) async fn page_after(
        &self,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let after = Place::of(cursor.as_ref())?;
        let places = self.places(after, limit).await?;
        let call = |place: &Place| {
            let shard = self.keys.shard(place.shard);
            let mut call = self.call_of(&self.scripts.page, shard, []);
            call.args = call.args.text(place.began).text(limit);
            call
        };
        let calls = places.asked.iter().map(call).collect();
        let answers = self.calls(PAGE, calls).await?;
        let mut page = Page {
            sessions: Vec::new(),
            next: None,
        };
        for (place, answered) in places.asked.iter().zip(answers) {
            let answered = answered?;
            if answered.verdict != "page" {
                return Err(answered.fault(self));
            }
            for row in answered.rows(2)? {
                page.sessions.push(row.stored(self)?.listed());
            }
            let (shard, began) = (place.shard, answered.number(1)?);
            page.next = Some(Place { shard, began }.cursor());
            if usize::try_from(answered.number(0)?).is_ok_and(|looked| looked >= limit) {
                // There may be more in this shard: what follows is for the next page.
                return Ok(page);
            }
        }
        if !places.more {
            page.next = None;
        }
        Ok(page)
    }

    /// The shards that a page needs.
    async fn places(&self, after: Place, limit: usize) -> Result<Places, Error> {
        let shards = || after.shard..=u8::MAX;
        let began = |shard| if shard == after.shard { after.began } else { 0 };
        let counts = self.within(PAGE, &self.link, |mut connection| {
            let commands = shards().map(|shard| {
                let key = self.keys.shard(shard).key(IDS);
                let mut count = redis::cmd("ZCOUNT");
                count
                    .arg(&key)
                    .arg(format!("({}", began(shard)))
                    .arg("+inf");
                (count, key)
            });
            let commands = commands.collect();
            async move { connection.send_all(commands).await }
        });
        let (mut asked, mut seen) = (Vec::new(), 0);
        for (shard, count) in shards().zip(counts.await?) {
            let key = || self.keys.shard(shard).key(IDS);
            let count = match count {
                Ok(Value::Int(count)) => usize::try_from(count).unwrap_or_default(),
                Ok(_) => 0,
                Err(error) => return Err(super::fault::of_key(PAGE, &key(), &error)),
            };
            if count > 0 && seen >= limit {
                return Ok(Places { asked, more: true });
            }
            if count > 0 {
                let began = began(shard);
                asked.push(Place { shard, began });
            }
            seen += count;
        }
        Ok(Places { asked, more: false })
    }
}

struct Places {
    asked: Vec<Place>,
    /// Whether later shards have sessions too.
    more: bool,
}

impl Place {
    fn of(cursor: Option<&Cursor>) -> Result<Self, Error> {
        let Some(cursor) = cursor else {
            return Ok(Self { shard: 0, began: 0 });
        };
        let place = match cursor.as_bytes() {
            [shard, began @ ..] => <[u8; 8]>::try_from(began).ok().map(|began| Self {
                shard: *shard,
                began: u64::from_be_bytes(began),
            }),
            [] => None,
        };
        place.ok_or_else(|| Error::corrupt("the cursor of a page is not one of this store"))
    }

    fn cursor(self) -> Cursor {
        let mut bytes = vec![self.shard];
        bytes.extend(self.began.to_be_bytes());
        Cursor::from_bytes(bytes)
    }
}

/// How many sessions one page looks at in a shard.
const LONGEST_PAGE: usize = 1_000;

const PAGE: &str = "page";
