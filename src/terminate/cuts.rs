//! What this node knows of the cuts it made: for the audit record.

use super::Road;
use crate::{
    audit::{EndScope, Event, EventKind},
    reason::Cause,
    record::{Generation, Scope},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// The scopes of the last cuts that this node made. A leaf lock, held for a few comparisons.
#[derive(Debug, Default)]
pub(super) struct RecentCuts(Mutex<VecDeque<(Generation, EndScope)>>);

impl RecentCuts {
    fn note(&self, generation: Generation, scope: EndScope) {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cuts.len() == MOST_CUTS {
            cuts.pop_front();
        }
        cuts.push_back((generation, scope));
    }

    /// What is known of the scope of an ending.
    pub(super) fn scope(&self, cut: Option<Generation>) -> EndScope {
        let Some(generation) = cut else {
            return EndScope::One;
        };
        let cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cuts.iter().rev().find(|(known, _)| *known == generation);
        known.map_or(EndScope::Several, |(_, scope)| *scope)
    }
}

/// A cut that the store made. Recorded when this is dropped, with what was concluded by then: also
/// when whoever asked for the cut is gone.
pub(super) struct CutMade {
    road: Arc<Road>,
    scope: Scope,
    cause: Cause,
    pub(super) generation: Generation,
    pub(super) concluded: usize,
    pub(super) more: bool,
}

impl CutMade {
    pub(super) fn new(
        road: &Arc<Road>,
        scope: Scope,
        cause: Cause,
        generation: Generation,
    ) -> Self {
        road.cuts.note(generation, EndScope::from(&scope));
        Self {
            road: Arc::clone(road),
            scope,
            cause,
            generation,
            concluded: 0,
            more: true,
        }
    }
}

impl Drop for CutMade {
    fn drop(&mut self) {
        let (subject, kept) = match &self.scope {
            Scope::Everyone { .. } => (None, None),
            Scope::Subject { subject, except } => (Some(subject.clone()), *except),
        };
        let kind = EventKind::CutMade {
            scope: EndScope::from(&self.scope),
            generation: self.generation,
            kept,
            cause: self.cause.clone(),
            concluded: self.concluded,
            more_follow: self.more,
        };
        let event = Event::new(kind, self.road.clock.now())
            .by(subject)
            .asked_by(self.cause.request_id());
        self.road.record(&event);
    }
}

/// How many cuts are remembered.
const MOST_CUTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_cuts_are_known() {
        let cuts = RecentCuts::default();
        for number in 0..100 {
            cuts.note(Generation::new(number), EndScope::Subject);
        }
        assert_eq!(cuts.scope(None), EndScope::One);
        assert_eq!(cuts.scope(Some(Generation::new(3))), EndScope::Several);
        assert_eq!(cuts.scope(Some(Generation::new(99))), EndScope::Subject);
    }
}
