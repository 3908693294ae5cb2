//! The cuts in force, and how far each is concluded.

use super::{
    index::Place,
    locks::{Stripes, lock, read, write},
};
use crate::{
    id::Subject,
    record::{Cut, Generation, Record},
    store::Ticket,
    time::Timestamp,
};
use std::{
    collections::{HashMap, VecDeque},
    ops::Bound,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// The cuts in force. A session that no cut covers is told so by one atomic load, and by two and
/// a hash while there are cuts of subjects.
pub(super) struct Cuts {
    everyone: Scoped<Vec<Cut>>,
    subjects: Stripes<Scoped<HashMap<Subject, Vec<Cut>>>>,
    /// How many subjects have cuts.
    cut_subjects: AtomicUsize,
    /// The greatest generation of the cuts that are dropped: a ticket older than that is refused.
    forgotten: AtomicU64,
    work: Mutex<Work>,
}

/// Cuts, with the generation of the newest (0 for none) for who need not know more.
#[derive(Default)]
struct Scoped<T> {
    newest: AtomicU64,
    cuts: RwLock<T>,
}

#[derive(Default)]
struct Work {
    /// To be walked, or walked in part.
    open: VecDeque<Walk>,
    /// Walked, and remembered for the sake of tickets.
    walked: VecDeque<Walk>,
}

/// The walk over the sessions of a cut, to conclude them.
struct Walk {
    scope: Option<(Subject, u64)>,
    generation: Generation,
    at: Timestamp,
    from: Bound<Place>,
    /// Shared with every part that is being concluded.
    busy: Arc<()>,
}

/// A part of a walk. The cut stays in force at least until it is dropped.
pub(super) struct Part {
    generation: Generation,
    pub(super) from: Bound<Place>,
    pub(super) to: Place,
    _busy: Arc<()>,
}

impl Cuts {
    pub(super) fn new() -> Self {
        Self {
            everyone: Scoped::default(),
            subjects: Stripes::new(256, Scoped::default),
            cut_subjects: AtomicUsize::new(0),
            forgotten: AtomicU64::new(0),
            work: Mutex::default(),
        }
    }

    /// The earliest cut that covers a session. `hash` gives the hash of a subject.
    pub(super) fn covering(&self, record: &Record, hash: impl Fn(&Subject) -> u64) -> Option<Cut> {
        // The way of nearly every request.
        if self.everyone.is_older(record.generation())
            && self.cut_subjects.load(Ordering::Acquire) == 0
        {
            return None;
        }
        let subject = record.subject();
        self.earliest(subject, record.generation(), hash, |cut| {
            cut.covers(record.generation(), record.created_at())
        })
    }

    /// Whether a cut that covers the subject came after the ticket was issued, or may have.
    ///
    /// A cut of sessions created before an instant counts like for a session created when the
    /// ticket was issued: that is when the credentials were asked for.
    pub(super) fn outdate(
        &self,
        ticket: Ticket,
        subject: Option<&Subject>,
        hash: impl Fn(&Subject) -> u64,
    ) -> bool {
        ticket.generation.number() < self.forgotten.load(Ordering::Acquire)
            || self
                .earliest(subject, ticket.generation, hash, |cut| {
                    cut.covers(ticket.generation, ticket.issued_at)
                })
                .is_some()
    }

    pub(super) fn add_for_everyone(&self, cut: Cut) {
        let (generation, at) = (cut.generation, cut.at);
        let mut cuts = write(&self.everyone.cuts);
        cuts.push(cut);
        self.everyone.publish(generation);
        drop(cuts);
        self.open(None, generation, at, Bound::Included(Place::FIRST));
    }

    pub(super) fn add_for_subject(&self, subject: &Subject, hash: u64, cut: Cut) {
        let (generation, at) = (cut.generation, cut.at);
        let scoped = self.subjects.at(stripe_of(hash));
        let mut cuts = write(&scoped.cuts);
        let of_subject = cuts.entry(subject.clone()).or_default();
        if of_subject.is_empty() {
            self.cut_subjects.fetch_add(1, Ordering::Release);
        }
        of_subject.push(cut);
        scoped.publish(generation);
        drop(cuts);
        let scope = Some((subject.clone(), hash));
        self.open(
            scope,
            generation,
            at,
            Bound::Included(Place::first_of(hash)),
        );
    }

    /// A part of the first walk that is not done, or `None` when all are.
    ///
    /// Nobody else may ask before [`walked`](Self::walked) has told how far this part goes.
    pub(super) fn next_part(&self) -> Option<Part> {
        let work = lock(&self.work);
        let walk = work.open.front()?;
        let to = walk
            .scope
            .as_ref()
            .map_or(Place::LAST, |(_, hash)| Place::last_of(*hash));
        Some(Part {
            generation: walk.generation,
            from: walk.from,
            to,
            _busy: Arc::clone(&walk.busy),
        })
    }

    /// Says that a part goes to `last`, or to the end of the walk.
    pub(super) fn walked(&self, part: &Part, last: Option<Place>) {
        let mut work = lock(&self.work);
        let Some(walk) = work.open.front_mut() else {
            return;
        };
        if walk.generation != part.generation {
            return;
        }
        if let Some(place) = last {
            walk.from = Bound::Excluded(place);
        } else {
            let done = work.open.pop_front();
            work.walked.extend(done);
        }
    }

    /// Drops cuts that are concluded and too old for any ticket, a bounded number a call.
    pub(super) fn forget(&self, now: Timestamp) {
        for _ in 0..FORGET_AT_ONCE {
            let mut work = lock(&self.work);
            let over = work.walked.front().is_some_and(|walk| {
                Arc::strong_count(&walk.busy) == 1
                    && now.saturating_since(walk.at) > Ticket::LIFETIME
            });
            let Some(walk) = work.walked.pop_front_if(|_| over) else {
                return;
            };
            drop(work);
            self.forgotten
                .fetch_max(walk.generation.number(), Ordering::AcqRel);
            match walk.scope {
                None => self.everyone.forget(walk.generation),
                Some((subject, hash)) => self.forget_subject(&subject, hash, walk.generation),
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        let work = lock(&self.work);
        work.open.len() + work.walked.len()
    }

    fn forget_subject(&self, subject: &Subject, hash: u64, generation: Generation) {
        let scoped = self.subjects.at(stripe_of(hash));
        let mut cuts = write(&scoped.cuts);
        let Some(of_subject) = cuts.get_mut(subject) else {
            return;
        };
        of_subject.retain(|cut| cut.generation != generation);
        if of_subject.is_empty() {
            cuts.remove(subject);
            self.cut_subjects.fetch_sub(1, Ordering::Release);
        }
        if cuts.is_empty() {
            cuts.shrink_to_fit();
            scoped.newest.store(0, Ordering::Release);
        }
    }

    /// Generations are handed out and cuts added in the same order within a scope, so the first
    /// that fits is the earliest of its scope.
    fn earliest(
        &self,
        subject: Option<&Subject>,
        than: Generation,
        hash: impl Fn(&Subject) -> u64,
        fits: impl Fn(&Cut) -> bool,
    ) -> Option<Cut> {
        let of_everyone = self
            .everyone
            .look(than, |cuts| cuts.iter().find(|cut| fits(cut)).cloned());
        let of_subject = subject
            .filter(|_| self.cut_subjects.load(Ordering::Acquire) > 0)
            .and_then(|subject| {
                let scoped = self.subjects.at(stripe_of(hash(subject)));
                scoped.look(than, |cuts| {
                    cuts.get(subject)?.iter().find(|cut| fits(cut)).cloned()
                })
            });
        of_everyone
            .into_iter()
            .chain(of_subject)
            .min_by_key(|cut| cut.generation)
    }

    fn open(
        &self,
        scope: Option<(Subject, u64)>,
        generation: Generation,
        at: Timestamp,
        from: Bound<Place>,
    ) {
        lock(&self.work).open.push_back(Walk {
            scope,
            generation,
            at,
            from,
            busy: Arc::default(),
        });
    }
}

impl<T> Scoped<T> {
    fn publish(&self, generation: Generation) {
        self.newest.fetch_max(generation.number(), Ordering::AcqRel);
    }

    /// Whether no cut is newer than the generation.
    fn is_older(&self, generation: Generation) -> bool {
        self.newest.load(Ordering::Acquire) <= generation.number()
    }

    /// Looks at the cuts only if one of them may be newer than the generation.
    fn look(&self, than: Generation, find: impl FnOnce(&T) -> Option<Cut>) -> Option<Cut> {
        if self.is_older(than) {
            return None;
        }
        find(&read(&self.cuts))
    }
}

impl Scoped<Vec<Cut>> {
    fn forget(&self, generation: Generation) {
        let mut cuts = write(&self.cuts);
        cuts.retain(|cut| cut.generation != generation);
        if cuts.is_empty() {
            cuts.shrink_to_fit();
            self.newest.store(0, Ordering::Release);
        }
    }
}

fn stripe_of(hash: u64) -> usize {
    usize::try_from(hash % 256).unwrap_or(0)
}

const FORGET_AT_ONCE: usize = 1_024;
