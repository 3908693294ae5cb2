//! The record of a live session, and the predicate that decides whether it still is one.

use super::{Client, Cut, Generation, Grants, Values};
use crate::{
    id::{SecretHash, Subject},
    reason::{Cause, EndReason},
    time::Timestamp,
};
use std::{num::NonZeroU64, sync::Arc, time::Duration};

/// What a store keeps of a live session: an immutable snapshot.
///
/// Made from and taken apart into [`RecordParts`], which is what a store serialises. Packed, so
/// that a million of them stay small: a store keeps one allocation a session for it.
#[derive(Clone, Debug)]
pub struct Record {
    secret_hash: SecretHash,
    generation: Generation,
    subject: Option<Subject>,
    created_at: Timestamp,
    authenticated_at: Timestamp,
    idle_millis: Option<NonZeroU64>,
    touch_interval_millis: u64,
    absolute_deadline: Timestamp,
    revision: u64,
    values: Values,
    /// Absent in the usual session without a known client.
    extras: Option<Box<Extras>>,
}

#[derive(Clone, Debug, Default)]
struct Extras {
    previous: Option<Previous>,
    client: Option<Arc<Client>>,
    grants: Grants,
    leave_behind: Values,
}

/// The secret before the last rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store must keep all of it")]
pub struct Previous {
    /// Its hash.
    pub hash: SecretHash,
    /// Until when it is accepted, unless the new secret is presented before; an instant in the
    /// past means not at all.
    pub until: Timestamp,
}

/// A [`Record`] taken apart: what a store serialises.
///
/// Exhaustive on purpose: a store that forgets a field must not compile.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store that forgets a field must not compile"
)]
pub struct RecordParts {
    /// The hash of the current secret.
    pub secret_hash: SecretHash,
    /// The secret before the last rotation.
    pub previous: Option<Previous>,
    /// Orders the session's start with cuts.
    pub generation: Generation,
    /// Whose session it is; `None` for an anonymous one. Never changes.
    pub subject: Option<Subject>,
    /// When it was created, in store time.
    pub created_at: Timestamp,
    /// When the user last proved who they are, in store time; the creation for anonymous ones.
    pub authenticated_at: Timestamp,
    /// How long it may be idle; `None` for no idle timeout. Whole milliseconds.
    pub idle_timeout: Option<Duration>,
    /// How old the stored last-seen may grow before activity writes it. Whole milliseconds.
    ///
    /// Kept in the record, because nodes may be configured differently during a deploy.
    pub touch_interval: Duration,
    /// When it ends in any case, in store time.
    pub absolute_deadline: Timestamp,
    /// Counts the updates of the values.
    pub revision: u64,
    /// The client that started it.
    pub client: Option<Arc<Client>>,
    /// The application's values.
    pub values: Values,
    /// Temporary permissions.
    pub grants: Grants,
    /// What the application leaves behind for the hooks of the ending.
    pub leave_behind: Values,
}

impl Record {
    /// The hash of the current secret.
    pub const fn secret_hash(&self) -> &SecretHash {
        &self.secret_hash
    }

    /// The secret before the last rotation.
    pub fn previous(&self) -> Option<&Previous> {
        self.extras.as_ref()?.previous.as_ref()
    }

    /// Orders the session's start with cuts.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whose session it is.
    pub const fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// When it was created.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the user last proved who they are.
    pub const fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// How long it may be idle.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.idle_millis
            .map(|millis| Duration::from_millis(millis.get()))
    }

    /// How old the stored last-seen may grow before activity writes it.
    pub const fn touch_interval(&self) -> Duration {
        Duration::from_millis(self.touch_interval_millis)
    }

    /// When it ends in any case.
    pub const fn absolute_deadline(&self) -> Timestamp {
        self.absolute_deadline
    }

    /// Counts the updates of the values.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The client that started it.
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.extras.as_ref()?.client.as_ref()
    }

    /// The application's values.
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// What the application leaves behind for the hooks of the ending, if anything.
    pub fn leave_behind(&self) -> Option<&Values> {
        self.extras.as_ref().map(|extras| &extras.leave_behind)
    }

    /// The temporary permissions, if there are any; they may be over.
    pub fn grants(&self) -> Option<&Grants> {
        self.extras.as_ref().map(|extras| &extras.grants)
    }

    /// Whether a temporary permission is held at `now`.
    pub fn granted(&self, name: &str, now: Timestamp) -> bool {
        self.extras
            .as_ref()
            .is_some_and(|extras| extras.grants.allows(name, now))
    }

    /// When the session is idle too long, if last seen at `last_seen`: the idle timeout and the
    /// touch interval later, so that it never ends early.
    pub fn idle_deadline(&self, last_seen: Timestamp) -> Option<Timestamp> {
        let idle = self.idle_millis?.get();
        let allowed = idle.saturating_add(self.touch_interval_millis);
        let deadline = last_seen.as_unix_millis().saturating_add(allowed);
        Some(Timestamp::from_unix_millis(deadline))
    }

    /// The first of both deadlines.
    pub fn deadline(&self, last_seen: Timestamp) -> Timestamp {
        self.idle_deadline(last_seen)
            .map_or(self.absolute_deadline, |idle| {
                idle.min(self.absolute_deadline)
            })
    }

    /// Whether activity at `now` must be written.
    pub fn touch_is_due(&self, last_seen: Timestamp, now: Timestamp) -> bool {
        now > last_seen
            && now.as_unix_millis() - last_seen.as_unix_millis() >= self.touch_interval_millis
    }

    /// Why the session is to end at `now`, or `None` while it is live: the one predicate.
    ///
    /// `cut` is the earliest cut that covers it. When several causes have passed, the earliest
    /// one counts: first cause wins.
    pub fn due(&self, last_seen: Timestamp, cut: Option<&Cut>, now: Timestamp) -> Option<Cause> {
        let deadline = self.deadline(last_seen);
        match self.cut_by(last_seen, cut, now) {
            Some(cut) => Some(cut.cause.clone()),
            None if now < deadline => None,
            None if deadline < self.absolute_deadline => Some(EndReason::IdleTimeout.into()),
            None => Some(EndReason::AbsoluteTimeout.into()),
        }
    }

    /// `cut`, if it covers the session and no deadline passed before it was made: then it names
    /// the cause.
    pub fn cut_by<'a>(
        &self,
        last_seen: Timestamp,
        cut: Option<&'a Cut>,
        now: Timestamp,
    ) -> Option<&'a Cut> {
        let deadline = self.deadline(last_seen);
        cut.filter(|cut| cut.covers(self.generation, self.created_at))
            .filter(|cut| now < deadline || cut.at < deadline)
    }
}

impl From<RecordParts> for Record {
    /// Durations are rounded down to milliseconds; an idle timeout below one is one.
    fn from(parts: RecordParts) -> Self {
        let extras = Extras {
            previous: parts.previous,
            client: parts.client,
            grants: parts.grants,
            leave_behind: parts.leave_behind,
        };
        let empty = extras.previous.is_none()
            && extras.client.is_none()
            && extras.grants.is_empty()
            && extras.leave_behind.is_empty();
        Self {
            secret_hash: parts.secret_hash,
            generation: parts.generation,
            subject: parts.subject,
            created_at: parts.created_at,
            authenticated_at: parts.authenticated_at,
            idle_millis: parts
                .idle_timeout
                .map(|idle| NonZeroU64::new(millis(idle)).unwrap_or(NonZeroU64::MIN)),
            touch_interval_millis: millis(parts.touch_interval),
            absolute_deadline: parts.absolute_deadline,
            revision: parts.revision,
            values: parts.values,
            extras: (!empty).then(|| Box::new(extras)),
        }
    }
}

impl From<Record> for RecordParts {
    fn from(record: Record) -> Self {
        let (idle_timeout, touch_interval) = (record.idle_timeout(), record.touch_interval());
        let extras = record.extras.map(|extras| *extras).unwrap_or_default();
        Self {
            secret_hash: record.secret_hash,
            previous: extras.previous,
            generation: record.generation,
            subject: record.subject,
            created_at: record.created_at,
            authenticated_at: record.authenticated_at,
            idle_timeout,
            touch_interval,
            absolute_deadline: record.absolute_deadline,
            revision: record.revision,
            client: extras.client,
            values: record.values,
            grants: extras.grants,
            leave_behind: extras.leave_behind,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(seconds))
    }

    fn record(idle: Option<u64>, interval: u64, absolute: u64) -> Record {
        Record::from(RecordParts {
            secret_hash: SecretHash::from_bytes([0; 32]),
            previous: None,
            generation: Generation::new(5),
            subject: None,
            created_at: START,
            authenticated_at: START,
            idle_timeout: idle.map(Duration::from_secs),
            touch_interval: Duration::from_secs(interval),
            absolute_deadline: at(absolute),
            revision: 0,
            client: None,
            values: Values::default(),
            grants: Grants::default(),
            leave_behind: Values::default(),
        })
    }

    fn cut(generation: u64, seconds: u64) -> Cut {
        let cause = EndReason::Forced.into();
        Cut::new(Generation::new(generation), cause, at(seconds), None)
    }

    #[test]
    fn idle_fires_in_idle_to_idle_plus_interval_and_never_early() {
        let record = record(Some(900), 60, 28_800);
        assert_eq!(record.due(at(0), None, at(900)), None);
        assert_eq!(record.due(at(0), None, at(959)), None);
        assert_eq!(
            record.due(at(0), None, at(960)),
            Some(EndReason::IdleTimeout.into())
        );
    }

    #[test]
    fn absolute_is_not_moved_by_activity() {
        let record = record(Some(900), 0, 3_600);
        assert_eq!(record.due(at(3_599), None, at(3_599)), None);
        assert_eq!(
            record.due(at(3_599), None, at(3_600)),
            Some(EndReason::AbsoluteTimeout.into())
        );
    }

    #[test]
    fn no_idle_timeout_means_absolute_only() {
        let record = record(None, 0, 3_600);
        assert_eq!(record.due(at(0), None, at(3_599)), None);
    }

    #[test]
    fn the_earliest_cause_wins() {
        let record = record(Some(900), 0, 3_600);
        let late = at(10_000);
        // Idle at 900, absolute at 3600, both long past.
        assert_eq!(
            record.due(at(0), None, late),
            Some(EndReason::IdleTimeout.into())
        );
        // Cut at 800: before both.
        assert_eq!(
            record.due(at(0), Some(&cut(6, 800)), late),
            Some(EndReason::Forced.into())
        );
        // Cut at 1000: it idled out before.
        let idle = Some(EndReason::IdleTimeout.into());
        assert_eq!(record.due(at(0), Some(&cut(6, 1_000)), late), idle);
        // Cut in the very millisecond of the deadline: it was idle already.
        assert_eq!(record.due(at(0), Some(&cut(6, 900)), late), idle);
        // Set back, the clock says that the session is not due; the cut ended it all the same.
        assert_eq!(
            record.due(at(0), Some(&cut(6, 1_000)), at(5)),
            Some(EndReason::Forced.into())
        );
        // A cut older than the session does not cover it.
        assert_eq!(record.due(at(0), Some(&cut(5, 1)), at(2)), None);
    }

    #[test]
    fn a_clock_set_back_ends_nothing_and_touches_nothing() {
        let record = record(Some(900), 0, 3_600);
        assert_eq!(record.due(at(100), None, at(0)), None);
        assert!(!record.touch_is_due(at(100), at(0)));
    }

    #[test]
    fn parts_round_trip() {
        let mut parts = RecordParts::from(record(Some(900), 60, 3_600));
        parts.client = Some(Arc::new(Client::new(None, Some(b"agent"))));
        parts.previous = Some(Previous {
            hash: SecretHash::from_bytes([7; 32]),
            until: at(1),
        });
        let again = RecordParts::from(Record::from(parts.clone()));
        assert_eq!(format!("{again:?}"), format!("{parts:?}"));
    }

    #[test]
    fn a_record_is_small() {
        assert!(size_of::<Record>() <= 136, "{}", size_of::<Record>());
    }
}
