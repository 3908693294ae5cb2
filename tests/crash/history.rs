//! What was asked and answered, and what must never be in it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What clients know of sessions and tokens, from the answers that they got.
#[derive(Default)]
pub(crate) struct History {
    /// For how long a node may go on as before.
    max_staleness: Duration,
    pub(crate) sessions: HashMap<String, Known>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) counts: HashMap<&'static str, usize>,
    pub(crate) wrong: Vec<String>,
}

/// A session that somebody was told of.
pub(crate) struct Known {
    pub(crate) user: String,
    /// When its log-in was answered.
    began: Instant,
    /// When somebody was first told that it has ended.
    ended: Option<Instant>,
}

pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) session: String,
    /// When somebody was told that another took its place.
    replaced: Option<Instant>,
}

impl History {
    /// Of nodes with such a near cache, or none.
    pub(crate) fn allowing(max_staleness: Option<Duration>) -> Self {
        // A node counts in milliseconds.
        let count = max_staleness.map(|max| max + Duration::from_millis(1));
        Self {
            max_staleness: count.unwrap_or_default(),
            ..Self::default()
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A log-in was answered: with a limit of one, what its user had before is over.
    pub(crate) fn logged_in(&mut self, user: &str, session: &str, token: &str, asked: Instant) {
        self.all_ended(user, asked);
        let known = Known {
            user: user.to_owned(),
            began: Instant::now(),
            ended: None,
        };
        self.sessions.insert(session.to_owned(), known);
        self.got_token(session, token);
    }

    pub(crate) fn rotated(&mut self, old: usize, token: &str) {
        let session = self.tokens[old].session.clone();
        self.tokens[old].replaced.get_or_insert_with(Instant::now);
        self.got_token(&session, token);
    }

    fn got_token(&mut self, session: &str, token: &str) {
        self.tokens.push(Token {
            text: token.to_owned(),
            session: session.to_owned(),
            replaced: None,
        });
    }

    pub(crate) fn ended(&mut self, session: &str) {
        let known = self.sessions.get_mut(session).unwrap();
        known.ended.get_or_insert_with(Instant::now);
    }

    /// All of a user's that had begun when it was asked for.
    pub(crate) fn all_ended(&mut self, user: &str, asked: Instant) {
        let now = Instant::now();
        for known in self.sessions.values_mut() {
            if known.user == user && known.began < asked {
                known.ended.get_or_insert(now);
            }
        }
    }

    /// A token authenticated somebody in a request that began at this time.
    pub(crate) fn authenticated(&mut self, token: usize, began: Instant) {
        let token = &self.tokens[token];
        let ended = self.sessions[&token.session].ended;
        for (over, why) in [(ended, "its ending"), (token.replaced, "its rotation")] {
            if let Some(over) = over.filter(|over| *over + self.max_staleness < began) {
                let late = began - over;
                let session = &token.session;
                self.wrong.push(format!(
                    "session {session} was authenticated by a request that began {late:?} after {why}"
                ));
            }
        }
    }
}
