//! Answers as text, without what is a store's own.

use crate::{
    id::SecretHash,
    reason::Ending,
    record::{Departed, Live, RecordParts, Tombstone},
    store::{CheckIn, Checked, Created, End, Listed, NotLive, Rotated, Updated},
    time::Timestamp,
};
use std::fmt::Write;

/// How the instants of one store are shown: since it was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eye {
    pub(super) base: Timestamp,
    /// To the minute, for a store whose time runs on; else to the millisecond.
    pub(super) coarse: bool,
}

impl Eye {
    fn at(self, instant: Timestamp) -> String {
        let since = instant.saturating_since(self.base).as_millis();
        if self.coarse {
            format!("{}min", since / 60_000)
        } else {
            format!("{since}ms")
        }
    }

    pub(super) fn live(self, live: &Live) -> String {
        let RecordParts {
            secret_hash,
            previous,
            generation: _,
            subject,
            created_at,
            authenticated_at,
            idle_timeout,
            touch_interval,
            absolute_deadline,
            revision,
            client,
            values,
            grants,
            leave_behind,
        } = RecordParts::from((*live.record).clone());
        let mut grants: Vec<String> = grants
            .iter()
            .filter(|(_, until)| live.now < *until)
            .map(|(name, until)| format!("{name} until {}", self.at(until)))
            .collect();
        grants.sort_unstable();
        let previous = previous.map(|previous| {
            let open = if live.now < previous.until {
                "open"
            } else {
                "closed"
            };
            format!("{} {open}", secret(&previous.hash))
        });
        let values: Vec<_> = values.iter().collect();
        let left: Vec<_> = leave_behind.iter().collect();
        format!(
            "{} secret {} previous {previous:?} of {subject:?} created {} proved {} seen {} \
             idle {idle_timeout:?} interval {touch_interval:?} until {} revision {revision} \
             client {client:?} values {values:?} grants {grants:?} left {left:?} now {}",
            live.id,
            secret(&secret_hash),
            self.at(created_at),
            self.at(authenticated_at),
            self.at(live.last_seen),
            self.at(absolute_deadline),
            self.at(live.now),
        )
    }

    pub(super) fn ending(self, ending: &Ending) -> String {
        format!("{:?} at {}", ending.cause(), self.at(ending.at()))
    }

    pub(super) fn departed(self, departed: &Departed) -> String {
        let left: Vec<_> = departed.leave_behind.iter().collect();
        format!(
            "{} of {:?} {} cut {} due {:?} created {} seen {} client {:?} left {left:?} redelivered {}",
            departed.id,
            departed.subject,
            self.ending(&departed.ending),
            departed.cut.is_some(),
            departed.due_at.map(|at| self.at(at)),
            self.at(departed.created_at),
            self.at(departed.last_seen),
            departed.client,
            departed.redelivered,
        )
    }

    /// In no particular order.
    pub(super) fn all_departed(self, departed: &[Departed]) -> String {
        let mut lines: Vec<String> = departed.iter().map(|one| self.departed(one)).collect();
        lines.sort_unstable();
        lines.join("\n  ")
    }

    pub(super) fn tombstone(self, tombstone: &Tombstone) -> String {
        format!(
            "{} secret {} previous {:?} of {:?} {}",
            tombstone.id,
            secret(&tombstone.secret_hash),
            tombstone.previous_hash.as_ref().map(secret),
            tombstone.subject,
            self.ending(&tombstone.ending),
        )
    }

    fn not_live(self, not_live: &NotLive) -> String {
        match not_live {
            NotLive::Due(cause) => format!("Due {cause:?}"),
            NotLive::Ended(tombstone) => format!("Ended {}", self.tombstone(tombstone)),
            NotLive::Unknown => String::from("Unknown"),
        }
    }

    pub(super) fn created(self, created: &Created) -> String {
        match created {
            Created::Created { live, ended } => {
                let (live, ended) = (self.live(live), self.all_departed(ended));
                format!("Created {live}, ended:\n  {ended}")
            }
            Created::Conflict | Created::LimitReached(_) | Created::Outdated => {
                format!("{created:?}")
            }
        }
    }

    pub(super) fn check_in(self, check_in: &CheckIn) -> String {
        match check_in {
            CheckIn::Live(live) => format!("Live {}", self.live(live)),
            CheckIn::Ended(tombstone) => format!("Ended {}", self.tombstone(tombstone)),
            CheckIn::Due(_) | CheckIn::Outdated | CheckIn::WrongSecret | CheckIn::Unknown => {
                format!("{check_in:?}")
            }
        }
    }

    pub(super) fn checked(self, checked: &[Checked]) -> String {
        let shown = checked.iter().map(|checked| match checked {
            Checked::Live { due_in } if self.coarse => {
                let minutes = (due_in.as_secs() + 30) / 60;
                format!("Live for {minutes}min")
            }
            Checked::Live { .. } | Checked::Due(_) | Checked::Ended(_) | Checked::Unknown => {
                format!("{checked:?}")
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn updated(self, updated: &Updated) -> String {
        match updated {
            Updated::Written(live) => format!("Written {}", self.live(live)),
            Updated::Conflict(live) => format!("Conflict {}", self.live(live)),
            Updated::NotLive(not_live) => self.not_live(not_live),
        }
    }

    pub(super) fn rotated(self, rotated: &Rotated) -> String {
        match rotated {
            Rotated::NotLive(not_live) => self.not_live(not_live),
            Rotated::Outdated | Rotated::Written | Rotated::WrongSecret => format!("{rotated:?}"),
        }
    }

    pub(super) fn end(self, end: &End) -> String {
        match end {
            End::First(departed) => format!("First {}", self.departed(departed)),
            End::Already(tombstone) => format!("Already {}", self.tombstone(tombstone)),
            End::Unknown => String::from("Unknown"),
        }
    }

    pub(super) fn listed(self, listed: &[Listed]) -> String {
        listed.iter().fold(String::new(), |mut text, one| {
            let (created, seen) = (self.at(one.created_at), self.at(one.last_seen));
            let until = self.at(one.absolute_deadline);
            let (id, of, client) = (one.id, &one.subject, &one.client);
            // Writing into a string does not fail.
            let _ = write!(
                text,
                "\n  {id} of {of:?} {created} {seen} {until} {client:?}"
            );
            text
        })
    }
}

/// The secrets of a sequence are told apart by their first byte.
fn secret(hash: &SecretHash) -> u8 {
    hash.as_bytes().first().copied().unwrap_or_default()
}
