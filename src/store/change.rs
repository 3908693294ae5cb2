//! What operations make of a record: the same in each store that works them out in Rust.

use super::{NewSession, Update};
use crate::{
    id::SecretHash,
    record::{Generation, Grants, Previous, Record, RecordParts, Values},
    time::Timestamp,
};
use std::{collections::BTreeMap, time::Duration};

/// Whose secret was presented.
pub(super) enum Presented {
    /// The current one.
    Current,
    /// The current one, for the first time since it became current.
    First,
    /// The previous one after its grace.
    Outdated,
    /// The previous one within its grace.
    Previous,
    /// None that is known.
    Unknown,
}

/// Whose secret `secret` is.
pub(super) fn present(record: &Record, secret: &SecretHash, now: Timestamp) -> Presented {
    let previous = record.previous();
    if record.secret_hash() == secret {
        return if previous.is_some_and(|previous| previous.until > NEVER) {
            Presented::First
        } else {
            Presented::Current
        };
    }
    match previous {
        Some(previous) if previous.hash == *secret && now < previous.until => Presented::Previous,
        Some(previous) if previous.hash == *secret => Presented::Outdated,
        _ => Presented::Unknown,
    }
}

/// The record of a session that starts.
pub(super) fn record_of(session: NewSession, generation: Generation, now: Timestamp) -> Record {
    Record::from(RecordParts {
        secret_hash: session.secret_hash,
        previous: None,
        generation,
        subject: session.subject,
        created_at: now,
        authenticated_at: now,
        idle_timeout: session.idle_timeout,
        touch_interval: session.touch_interval,
        absolute_deadline: now.saturating_add(session.absolute_timeout),
        revision: 0,
        client: session.client,
        values: session.values,
        grants: Grants::default(),
        leave_behind: Values::default(),
    })
}

/// The record with a new secret, and the old one as the previous.
pub(super) fn with_secret(
    record: &Record,
    new: SecretHash,
    grace: Duration,
    now: Timestamp,
) -> Record {
    let mut parts = RecordParts::from(record.clone());
    parts.previous = Some(Previous {
        hash: parts.secret_hash,
        until: if grace.is_zero() {
            NEVER
        } else {
            now.saturating_add(grace)
        },
    });
    parts.secret_hash = new;
    parts.into()
}

/// The record once its current secret was presented: the grace of the previous one is over.
pub(super) fn without_grace(record: &Record) -> Record {
    let mut parts = RecordParts::from(record.clone());
    parts.previous = parts.previous.map(|previous| Previous {
        hash: previous.hash,
        until: NEVER,
    });
    parts.into()
}

/// The record with the update made, or `None` when it would stay the same.
pub(super) fn merged(record: &Record, update: &Update, now: Timestamp) -> Option<Record> {
    let mut parts = RecordParts::from(record.clone());
    let values = parts.values.changed(&update.values);
    let leave_behind = parts.leave_behind.changed(&update.leave_behind);
    let held = running(parts.grants.iter(), now);
    let grants = running(parts.grants.iter().chain(update.grants.iter()), now);
    if values == parts.values && leave_behind == parts.leave_behind && grants == held {
        return None;
    }
    let grants: Grants = grants
        .into_iter()
        .map(|(name, until)| (name.into(), until))
        .collect();
    (parts.values, parts.leave_behind, parts.grants) = (values, leave_behind, grants);
    parts.revision = parts.revision.saturating_add(1);
    Some(parts.into())
}

/// Grants by name, the last of each name, without those that are over.
fn running<'a>(
    grants: impl Iterator<Item = (&'a str, Timestamp)>,
    now: Timestamp,
) -> BTreeMap<&'a str, Timestamp> {
    let mut running: BTreeMap<_, _> = grants.collect();
    running.retain(|_, until| now < *until);
    running
}

/// The end of a grace that is over, wherever the clock stands.
const NEVER: Timestamp = Timestamp::from_unix_millis(0);
