//! Values, temporary permissions and the rotation of the secret.

use super::{Session, Standing, handle::State};
use crate::{
    id::{SessionId, Token},
    record::{Live, Values},
    store::{self, NotLive, Rotated, Update, Updated},
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

impl Session {
    /// The value with this name, as this request sees it; `None` when there is none or no session.
    ///
    /// # Errors
    /// The stored value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ValueError> {
        let state = self.state();
        let Standing::Live(live) = &state.standing else {
            return Ok(None);
        };
        let pending = state.pending.as_ref();
        let stored = match pending.and_then(|pending| pending.values.get(name)) {
            Some(changed) => changed,
            None => live.record.values().get(name),
        };
        stored.map(|bytes| decode(name, bytes)).transpose()
    }

    /// Sets a value. Written when the response is on its way, merged name by name with what other
    /// requests write: for the same name the last writer wins ([`update_if`](Self::update_if) for
    /// those who need more).
    ///
    /// Stored as JSON.
    ///
    /// # Errors
    /// There is no live session, the value cannot be serialised, the name is empty or longer than
    /// [`Values::MAX_NAME`] bytes, or the session's values would be larger than
    /// [configured](crate::SessionsBuilder::with_max_value_bytes).
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), ValueError> {
        let bytes = encode(name, value)?;
        self.change(|pending| pending.values = take(&mut pending.values).set(name, bytes))
    }

    /// Removes a value, like [`set`](Self::set).
    ///
    /// # Errors
    /// There is no live session.
    pub fn remove(&self, name: &str) -> Result<(), ValueError> {
        self.change(|pending| pending.values = take(&mut pending.values).remove(name))
    }

    /// Leaves something for the hooks of the ending, which never see the session's values: a file
    /// name, a key of a cache. Written like [`set`](Self::set); counts towards the same limit.
    ///
    /// # Errors
    /// Like [`set`](Self::set).
    pub fn leave_behind(&self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ValueError> {
        check_name(name)?;
        let bytes = value.as_ref();
        self.change(|pending| {
            pending.leave_behind = take(&mut pending.leave_behind).set(name, bytes);
        })
    }

    /// Grants a temporary permission, held until `lifetime` from now or the end of the session.
    /// Written when the response is on its way.
    ///
    /// # Errors
    /// There is no live session, or the name is empty or too long.
    pub fn grant(&self, name: &str, lifetime: Duration) -> Result<(), ValueError> {
        check_name(name)?;
        let now = self
            .with_live(|live| live.now)
            .ok_or(ValueError::NoSession)?;
        let until = now.saturating_add(lifetime);
        self.change(|pending| pending.grants = take(&mut pending.grants).with(name, until))
    }

    /// Takes a temporary permission back before it ends by itself; without one nothing happens.
    /// Written when the response is on its way.
    ///
    /// # Errors
    /// There is no live session, or the name is empty or too long.
    pub fn revoke_grant(&self, name: &str) -> Result<(), ValueError> {
        check_name(name)?;
        // The first of all instants is over on every clock; a store drops what is over.
        let over = Timestamp::default();
        self.change(|pending| pending.grants = take(&mut pending.grants).with(name, over))
    }

    /// Changes a value depending on what it is, at once and atomically: no other request's write
    /// comes between. `change` may be called several times; its last answer is what was written
    /// and is returned.
    ///
    /// # Errors
    /// There is no live session (any more), the value cannot be read or written, others changed
    /// the session 16 times meanwhile, or the store failed.
    ///
    /// # Cancel safety
    /// Dropped, it was written as a whole or not at all.
    pub async fn update_if<T>(
        &self,
        name: &str,
        mut change: impl FnMut(Option<T>) -> T + Send,
    ) -> Result<T, UpdateError>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        let mut live = self.with_live(Live::clone).ok_or(ValueError::NoSession)?;
        for _ in 0..MOST_TRIES {
            let current = live
                .record
                .values()
                .get(name)
                .map(|bytes| decode(name, bytes));
            let value = change(current.transpose()?);
            let mut update = Update::default();
            update.values = update.values.set(name, encode(name, &value)?);
            self.check_size(&live.record.values().changed(&update.values))?;
            match self.write(&live, update).await? {
                Updated::Written(written) => {
                    self.state().standing = Standing::Live(written);
                    return Ok(value);
                }
                Updated::Conflict(newer) => live = newer,
                Updated::NotLive(why) => {
                    self.ended_meanwhile(live.id, why).await?;
                    return Err(ValueError::NoSession.into());
                }
            }
        }
        Err(UpdateError::Contended)
    }

    /// Replaces the secret of the live session when the response is on its way: after a change of
    /// privileges (ASVS 7.2.4). The id stays, and with it everything that hangs on it; the old
    /// secret is good for nothing at once.
    ///
    /// If the response is lost after the swap, the client has to log in again: that is meant.
    ///
    /// # Errors
    /// There is no live session, or it came as a bearer token: then use
    /// [`rotate_bearer`](Self::rotate_bearer).
    pub fn rotate(&self) -> Result<(), RotateError> {
        let mut state = self.state();
        if !matches!(state.standing, Standing::Live(_)) {
            return Err(RotateError::NoSession);
        }
        if state.via == Some(crate::carrier::Via::Bearer) {
            return Err(RotateError::Bearer);
        }
        state.rotate = true;
        Ok(())
    }

    /// Replaces the secret of the live session at once, for a client that holds a bearer token;
    /// the application tells it the new one.
    ///
    /// # Errors
    /// There is no live session (any more), another rotation came first, or the store failed.
    ///
    /// # Cancel safety
    /// Dropped, the secret may have been replaced: the client has to log in again.
    pub async fn rotate_bearer(&self) -> Result<Token, RotateError> {
        let id = self.id().ok_or(RotateError::NoSession)?;
        let old = self.state().secret.ok_or(RotateError::NoSession)?;
        let token = Token::new(id).map_err(store::Error::from)?;
        let new = token.secret_hash();
        match self
            .context()
            .store()
            .rotate(id, &old, &new, Duration::ZERO)
            .await?
        {
            Rotated::Written => {
                self.state().secret = Some(new);
                self.record_rotation(id);
                Ok(token)
            }
            Rotated::Outdated | Rotated::WrongSecret => Err(RotateError::Outdated),
            Rotated::NotLive(why) => {
                self.ended_meanwhile(id, why).await?;
                Err(RotateError::NoSession)
            }
        }
    }

    async fn write(&self, live: &Live, update: Update) -> Result<Updated, store::Error> {
        let expected = Some(live.record.revision());
        let written = self
            .context()
            .store()
            .update(live.id, update, expected)
            .await;
        written.inspect_err(|error| self.context().road.store_failed("update", error))
    }

    /// Notes that the session turned out to have ended, and concludes it if nobody did.
    pub(super) async fn ended_meanwhile(
        &self,
        id: SessionId,
        why: NotLive,
    ) -> Result<(), store::Error> {
        let reason = self.context().road.learn(id, why).await?;
        let mut state = self.state();
        state.standing = Standing::Ended { id, reason };
        state.ended_meanwhile = true;
        state.forget_changes();
        Ok(())
    }

    /// Collects a change, if there is a live session and its values stay within the limit.
    fn change(&self, change: impl FnOnce(&mut Update)) -> Result<(), ValueError> {
        let mut state = self.state();
        let State {
            standing: Standing::Live(live),
            pending,
            ..
        } = &mut *state
        else {
            return Err(ValueError::NoSession);
        };
        let mut changed = pending.clone().unwrap_or_default();
        change(&mut changed);
        self.check_size(&live.record.values().changed(&changed.values))?;
        *pending = Some(changed);
        Ok(())
    }

    fn check_size(&self, values: &Values) -> Result<(), ValueError> {
        let (bytes, max) = (values.size(), self.context().max_values);
        if bytes > max {
            return Err(ValueError::TooLarge { bytes, max });
        }
        Ok(())
    }
}

impl State {
    /// Nothing of what was collected may be written any more.
    pub(super) fn forget_changes(&mut self) {
        self.pending = None;
        self.rotate = false;
        self.issued = None;
    }
}

fn take<T: Default>(place: &mut T) -> T {
    std::mem::take(place)
}

fn check_name(name: &str) -> Result<(), ValueError> {
    if name.is_empty() || name.len() > Values::MAX_NAME {
        return Err(ValueError::Name { bytes: name.len() });
    }
    Ok(())
}

pub(super) fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Vec<u8>, ValueError> {
    check_name(name)?;
    serde_json::to_vec(value).map_err(|source| ValueError::Encode {
        name: name.into(),
        source,
    })
}

fn decode<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ValueError> {
    serde_json::from_slice(bytes).map_err(|source| ValueError::Decode {
        name: name.into(),
        source,
    })
}

/// A value could not be read or set.
///
/// Neither the message nor the source shows the value of a well-formed session; a JSON error may
/// quote the part of a stored value that it could not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The stored value is not of the type asked for.
    #[error("the session value \"{name}\" is not of the type asked for")]
    Decode {
        /// Its name.
        name: Box<str>,
        /// What JSON said.
        source: serde_json::Error,
    },
    /// The value cannot be written as JSON.
    #[error("the session value \"{name}\" cannot be written as JSON")]
    Encode {
        /// Its name.
        name: Box<str>,
        /// What JSON said.
        source: serde_json::Error,
    },
    /// The name is empty or too long.
    #[error(
        "a name in a session is 1 to {} bytes long, not {bytes}",
        Values::MAX_NAME
    )]
    Name {
        /// Its length.
        bytes: usize,
    },
    /// There is no live session.
    #[error("there is no live session: log in, or call start() for an anonymous one")]
    NoSession,
    /// The values together are too large.
    #[error(
        "the values of the session would take {bytes} bytes, at most {max} are allowed \
         (with_max_value_bytes)"
    )]
    TooLarge {
        /// What they would take.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
}

/// A value could not be changed at once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// Other requests kept changing the session meanwhile.
    #[error("other requests changed the session {MOST_TRIES} times meanwhile: try again")]
    Contended,
    /// The store failed.
    #[error("the session was not changed")]
    Store(#[from] store::Error),
    /// The value cannot be read or set.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// The secret cannot be replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The client holds a bearer token, which no cookie can replace.
    #[error("the session came as a bearer token: use rotate_bearer() and tell the client")]
    Bearer,
    /// There is no live session.
    #[error("there is no live session to rotate")]
    NoSession,
    /// Another rotation came first.
    #[error("the secret was replaced by another request meanwhile")]
    Outdated,
    /// The store failed.
    #[error("the secret was not replaced")]
    Store(#[from] store::Error),
}

const MOST_TRIES: usize = 16;
