//! Where things are kept: 256 shards, each in one slot of a cluster.
//!
//! A subject's shard is the first byte of a keyed hash: keyed, since whoever picks user names could else fill one
//! shard. The key is made once, in the store, and every node takes it from there. Each shard remembers
//! which key its subjects were routed by, so that a store that was emptied, and got another key, is noticed.

use super::tags::TAGS;
use crate::{
    id::{SessionId, Subject},
    store::Error,
};
use std::{
    fmt,
    sync::{PoisonError, RwLock},
};

/// The key by which subjects are routed.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct RoutingKey([u8; 32]);

impl RoutingKey {
    pub(super) fn random() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// With the number of the format: what a newer version stores is recognised.
    pub(super) fn to_text(self) -> String {
        format!("1 {}", blake3::Hash::from_bytes(self.0).to_hex())
    }

    /// # Errors
    /// Foreign, or of a newer version.
    pub(super) fn from_text(key: &str, text: &str) -> Result<Self, Error> {
        match text.split_once(' ') {
            Some(("1", hex)) => blake3::Hash::from_hex(hex)
                .map(|hash| Self(*hash.as_bytes()))
                .map_err(|_| foreign(key)),
            Some((version, _)) if version.parse::<u32>().is_ok_and(|version| version > 1) => {
                Err(Error::corrupt(format!(
                    "the key {key} has format {version}, written by a newer version of adjourn (this one \
                     reads 1): update this node"
                )))
            }
            _ => Err(foreign(key)),
        }
    }

    fn shard_of(&self, subject: &Subject) -> u8 {
        let hash = blake3::keyed_hash(&self.0, subject.as_str().as_bytes());
        let [first, ..] = *hash.as_bytes();
        first
    }

    /// Says which key it is, and nothing else.
    fn print(&self) -> String {
        let hash = blake3::derive_key("adjourn 2026 print of the routing key", &self.0);
        blake3::Hash::from_bytes(hash)
            .to_hex()
            .chars()
            .take(16)
            .collect()
    }
}

impl fmt::Debug for RoutingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoutingKey(..)")
    }
}

fn foreign(key: &str) -> Error {
    Error::corrupt(format!(
        "the key {key} is damaged or foreign: another application may use the same prefix \
         (RedisStoreBuilder::with_key_prefix)"
    ))
}

/// The names of all keys of one store.
#[derive(Debug)]
pub(super) struct Keys {
    /// Whose they are, if it has a name.
    pub(super) application: Option<String>,
    /// Of the notices. Databases share channels, so its name says which one.
    pub(super) channel: String,
    prefix: String,
    routing: RwLock<RoutingKey>,
}

impl Keys {
    pub(super) fn new(prefix: &str, database: i64, routing: RoutingKey) -> Self {
        Self {
            application: None,
            channel: format!("{prefix}:notices:{database}"),
            prefix: prefix.to_owned(),
            routing: RwLock::new(routing),
        }
    }

    pub(super) fn belonging_to(mut self, application: Option<String>) -> Self {
        self.application = application;
        self
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the name of the application is kept.
    pub(super) fn application_key(&self) -> String {
        format!("{}:application", self.prefix)
    }

    /// Where the routing key is kept.
    pub(super) fn routing_key(&self) -> String {
        format!("{}:key", self.prefix)
    }

    pub(super) fn routing(&self) -> RoutingKey {
        *self.routing.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn route_by(&self, key: RoutingKey) {
        *self.routing.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    pub(super) fn print(&self) -> String {
        self.routing().print()
    }

    pub(super) fn shard_of(&self, subject: &Subject) -> Shard<'_> {
        self.shard(self.routing().shard_of(subject))
    }

    pub(super) fn shard_with(&self, id: SessionId) -> Shard<'_> {
        let [first, ..] = *id.as_bytes();
        self.shard(first)
    }

    pub(super) fn shard(&self, number: u8) -> Shard<'_> {
        let tag = TAGS.get(usize::from(number)).copied().unwrap_or_default();
        Shard {
            keys: self,
            number,
            tag,
        }
    }

    /// A name for a session of the subject: its shard, and 15 random bytes.
    pub(super) fn mint(&self, subject: Option<&Subject>) -> Result<SessionId, Error> {
        let mut bytes = *SessionId::random()?.as_bytes();
        if let (Some(subject), [first, ..]) = (subject, &mut bytes) {
            *first = self.routing().shard_of(subject);
        }
        Ok(SessionId::from_bytes(bytes))
    }
}

/// One of 256 parts of the store, whose keys share a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shard<'a> {
    keys: &'a Keys,
    pub(super) number: u8,
    tag: &'static str,
}

impl Shard<'_> {
    /// What every key of the shard begins with.
    pub(super) fn beginning(&self) -> String {
        format!("{}:{{{}}}:", self.keys.prefix, self.tag)
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:{{{}}}:{name}", self.keys.prefix, self.tag)
    }

    pub(super) fn session(&self, id: SessionId) -> String {
        format!("{}:{{{}}}:s:{id}", self.keys.prefix, self.tag)
    }

    /// The live sessions of a subject.
    pub(super) fn subject(&self, subject: &Subject) -> String {
        self.key(&format!("u:{subject}"))
    }

    /// The five keys that each shard has, in the order in which scripts take them.
    pub(super) fn common(&self) -> Vec<String> {
        ["cuts", "meta", DUE, WORK, IDS]
            .map(|name| self.key(name))
            .into()
    }
}

/// Sessions and cuts by when they are to be looked at.
pub(super) const DUE: &str = "due";
/// Live sessions by when they began.
pub(super) const IDS: &str = "ids";
/// Pending work by when its lease is over.
pub(super) const WORK: &str = "work";

/// Whether keys may begin with this: a brace would move them to another slot.
pub(super) fn is_prefix(prefix: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    (1..=64).contains(&prefix.len()) && prefix.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_one_shard_and_its_ids_begin_with_it() {
        let keys = Keys::new("a", 0, RoutingKey([7; 32]));
        let (alice, bob) = (Subject::new("alice").unwrap(), Subject::new("bob").unwrap());
        let shard = keys.shard_of(&alice);
        for _ in 0..8 {
            let id = keys.mint(Some(&alice)).unwrap();
            assert_eq!(id.as_bytes()[0], shard.number);
            assert_eq!(keys.shard_with(id).number, shard.number);
        }
        assert_ne!(keys.shard_of(&bob).number, shard.number);
        let other = Keys::new("a", 0, RoutingKey([8; 32]));
        assert_ne!(other.shard_of(&alice).number, shard.number, "keyed");
        assert_ne!(other.print(), keys.print());
        assert_eq!(shard.key("due"), format!("a:{{{}}}:due", shard.tag));
    }

    #[test]
    fn the_routing_key_reads_back_and_nothing_else_does() {
        let key = RoutingKey::random().unwrap();
        assert_eq!(RoutingKey::from_text("k", &key.to_text()).unwrap(), key);
        assert!(!format!("{key:?}").contains(&key.to_text()[2..10]));
        for foreign in ["", "1", "1 ", "1 abc", "hello", "x y"] {
            let error = RoutingKey::from_text("k", foreign).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("the key k is damaged or foreign")
            );
        }
        let newer = RoutingKey::from_text("k", "2 what").unwrap_err();
        assert!(newer.to_string().contains("newer version"), "{newer}");
    }

    #[test]
    fn a_prefix_moves_no_key_to_another_slot() {
        for good in ["adjourn", "shop:sessions", "a-b_c.d/e"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "a{b}", "a b", "a\n", "\u{e9}", &"x".repeat(65)] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
