//! What other nodes do, told by a message on a connection of our own.
//!
//! Each message carries its shard and a number that the shard counts. One that is missing is a gap, and so is a connection
//! that was lost: what happened meanwhile is not known. What is lost without a sign, as between the nodes of a cluster, is
//! found by asking now and then how far each shard has counted.

use super::{
    call::Inner,
    fault::{late, named},
};
use crate::{
    reason::Cause,
    store::{Error, Notice, codec},
};
use futures_core::Stream;
use redis::{
    Client, ConnectionInfo, Msg, Value,
    aio::{PubSubSink, PubSubStream},
};
use std::{future::poll_fn, pin::Pin, sync::Weak, time::Duration};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The servers that messages can be heard from, in turn: each node of a cluster tells all.
pub(super) struct Source {
    pub(super) channel: String,
    pub(super) limit: Duration,
    pub(super) next: usize,
    pub(super) servers: Vec<ConnectionInfo>,
}

/// A connection that listens. Messages come for as long as both are there.
pub(super) struct Listener {
    _sink: PubSubSink,
    stream: PubSubStream,
}

impl Source {
    pub(super) async fn connect(&mut self) -> Result<Listener, Error> {
        const LISTENING: &str = "listening";
        let server = self.servers.get(self.next % self.servers.len().max(1));
        let Some(server) = server.cloned() else {
            return Err(Error::unavailable("no server to listen to"));
        };
        self.next = self.next.wrapping_add(1);
        let connecting = async {
            let connection = Client::open(server)?.get_async_pubsub().await?;
            let (mut sink, stream) = connection.split();
            sink.subscribe(&self.channel).await?;
            Ok(Listener {
                _sink: sink,
                stream,
            })
        };
        let connected = timeout(self.limit, connecting).await;
        connected.map_or_else(
            |_| Err(late(LISTENING, self.limit)),
            |done| done.map_err(|error| named(LISTENING, &error)),
        )
    }
}

/// Listens until the store is gone.
pub(super) async fn listen(inner: Weak<Inner>, listener: Listener, mut source: Source) {
    let mut listening = Some(listener);
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(listener) = listening.take() {
            follow(&inner, listener).await;
            if let Some(inner) = inner.upgrade() {
                inner.notices.send(|| Notice::Silence);
            }
        }
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let connected = match source.connect().await {
            // Only then: what was lost with the connection is put right before anybody checks.
            Ok(listener) => inner.repeat().await.map(|()| listener),
            Err(error) => Err(error),
        };
        match connected {
            Ok(listener) => {
                inner.notices.send(|| Notice::Gap);
                listening = Some(listener);
                pause = SHORTEST_PAUSE;
            }
            Err(error) => {
                tracing::warn!(target: "adjourn::store", %error, "notices of other nodes are not heard");
                drop(inner);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Tells what is heard until the connection fails or the store is gone.
async fn follow(inner: &Weak<Inner>, mut listener: Listener) {
    let Some(counted) = count_all(inner).await else {
        return;
    };
    let mut heard = Heard::from(counted);
    let mut count_at = Instant::now() + EVERY;
    loop {
        let stream = &mut listener.stream;
        let next = poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
        match timeout_at(count_at, next).await {
            Ok(Some(message)) => {
                let Some(inner) = inner.upgrade() else {
                    return;
                };
                hear(&inner, &mut heard, &message);
            }
            Ok(None) => return,
            Err(_) => {
                let Some(counted) = count_all(inner).await else {
                    return;
                };
                count_at = Instant::now() + EVERY;
                if heard.misses(counted) {
                    // The messages that are lost may be lost with what they told of.
                    return;
                }
            }
        }
    }
}

/// How far each shard has counted; and this node routes by the key that the store holds. `None` when it cannot be
/// said, or the store is gone.
async fn count_all(inner: &Weak<Inner>) -> Option<Vec<u64>> {
    const COUNTING: &str = "counting notices";
    let inner = inner.upgrade()?;
    let counting = inner.within(COUNTING, &inner.link, |mut connection| {
        let commands = (0..=u8::MAX).map(|number| {
            let key = inner.keys.shard(number).key("meta");
            let mut get = redis::cmd("HGET");
            get.arg(&key).arg("seq");
            (get, key)
        });
        let commands = commands.collect();
        async move {
            let counts = connection.send_all(commands).await?;
            Ok((counts, connection))
        }
    });
    let (counts, mut connection) = counting.await.ok()?;
    let settling = inner.link.settle(COUNTING, &mut connection);
    timeout(inner.limit, settling).await.ok()?.ok()?;
    let count = |count| match count {
        Ok(Value::BulkString(digits)) => String::from_utf8(digits).ok()?.parse().ok(),
        Ok(Value::Nil) => Some(0),
        _ => None,
    };
    counts.into_iter().map(count).collect()
}

/// How far each shard's messages were heard.
struct Heard {
    /// What was counted at the last look, and must have been heard by the next.
    expected: Vec<u64>,
    latest: Vec<u64>,
}

impl From<Vec<u64>> for Heard {
    fn from(counted: Vec<u64>) -> Self {
        Self {
            expected: counted.clone(),
            latest: counted,
        }
    }
}

impl Heard {
    /// Whether messages were missed before this one.
    fn is_gap_before(&mut self, shard: u8, number: u64) -> bool {
        let Some(latest) = self.latest.get_mut(usize::from(shard)) else {
            return true;
        };
        let missed = number > *latest + 1;
        *latest = number.max(*latest);
        missed
    }

    /// Whether messages are missing that had been counted when this was last asked, or a count went back.
    fn misses(&mut self, counted: Vec<u64>) -> bool {
        let late = self.latest.iter().zip(&self.expected);
        let is_late = late.into_iter().any(|(latest, expected)| latest < expected);
        let back = self.latest.iter().zip(&counted);
        let is_back = back.into_iter().any(|(latest, counted)| counted < latest);
        self.expected = counted;
        is_late || is_back
    }
}

fn hear(inner: &Inner, heard: &mut Heard, message: &Msg) {
    let told = Told::read(message.get_payload_bytes());
    let Some(told) = told else {
        // Of a newer version, or foreign: something happened.
        return inner.notices.send(|| Notice::Gap);
    };
    let is_gap = heard.is_gap_before(told.shard, told.number);
    if told.node != inner.node {
        for notice in told.notices {
            if let Notice::Ended { id, reason } = &notice {
                inner.recent.ended(*id, Cause::new(reason.clone()));
            }
            inner.notices.send(|| notice);
        }
    }
    if is_gap {
        inner.notices.send(|| Notice::Gap);
    }
}

/// A message, understood.
#[derive(Debug, Eq, PartialEq)]
struct Told<'a> {
    node: &'a str,
    notices: Vec<Notice>,
    number: u64,
    shard: u8,
}

impl<'a> Told<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut words = text.splitn(4, ' ');
        Some(Self {
            node: words.next()?,
            shard: words.next()?.parse().ok()?,
            number: words.next()?.parse().ok()?,
            notices: codec::notices_from_text(words.next()?)?,
        })
    }
}

/// How often it is asked how far each shard has counted.
const EVERY: Duration = Duration::from_secs(10);

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::SessionId, reason::EndReason, record::Scope};

    #[test]
    fn what_is_told_is_understood_and_what_is_foreign_is_not() {
        let id = SessionId::from_bytes([7; 16]);
        let reason = EndReason::Logout;
        let ended = Notice::Ended { id, reason };
        let text = format!("node 7 12 logout {id},{id}");
        let told = Told::read(text.as_bytes()).unwrap();
        assert_eq!((told.node, told.shard, told.number), ("node", 7, 12));
        assert_eq!(told.notices, [ended.clone(), ended]);
        let scope = Scope::Everyone {
            created_before: None,
        };
        let text = format!("node 255 1 ! {}", codec::scope_to_text(&scope));
        let told = Told::read(text.as_bytes()).unwrap();
        assert_eq!(told.notices, [Notice::Cut(scope)]);
        for foreign in [
            "",
            "hello",
            "node 7 12 logout",
            "node 7 12 logout ",
            "node 256 12 logout AAAAAAAAAAAAAAAAAAAAAA",
            "node 7 x logout AAAAAAAAAAAAAAAAAAAAAA",
            "node 7 12 Logout AAAAAAAAAAAAAAAAAAAAAA",
            "node 7 12 ! {}",
        ] {
            assert_eq!(Told::read(foreign.as_bytes()), None, "{foreign:?}");
        }
        assert_eq!(Told::read(b"\xff 7 12 logout x"), None);
    }

    #[test]
    fn a_number_that_is_missing_is_a_gap() {
        let mut heard = Heard::from(vec![5; 256]);
        assert!(!heard.is_gap_before(1, 5), "told before the count was read");
        assert!(!heard.is_gap_before(1, 6));
        assert!(heard.is_gap_before(1, 8), "7 is missing");
        assert!(!heard.is_gap_before(2, 6), "each shard counts for itself");
    }

    #[test]
    fn what_was_counted_must_be_heard_by_the_next_look() {
        let mut heard = Heard::from(vec![0; 256]);
        let counted = |shard: usize, number| {
            let mut counted = vec![0; 256];
            counted[shard] = number;
            counted
        };
        assert!(!heard.misses(counted(3, 1)), "it may be on its way");
        assert!(!heard.is_gap_before(3, 1));
        assert!(!heard.misses(counted(3, 1)));
        assert!(!heard.misses(counted(3, 2)));
        assert!(heard.misses(counted(3, 2)), "it never came");
    }

    #[test]
    fn a_count_that_went_back_is_a_gap() {
        let mut heard = Heard::from(vec![9; 256]);
        assert!(heard.misses(vec![0; 256]), "the store was emptied");
    }
}
