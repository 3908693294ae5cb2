//! All policies together: each is asked, the strictest verdict counts.

use super::{Circumstances, Policy, Verdict};
use crate::reason::EndReason;
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// The policies, in order, with the names under which they are reported.
#[derive(Default)]
pub(crate) struct Panel(Vec<(&'static str, Box<dyn Policy>)>);

/// What all policies together say.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) decision: Decision,
    /// What was found, in the order of the policies. Empty, and not allocated, when nothing was.
    pub(crate) found: Vec<Found>,
}

/// What follows, mildest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    Keep,
    RequireFresh {
        why: &'static str,
        max_age: Duration,
    },
    /// Somebody could not judge: nothing is served, and nothing ends.
    Unjudged,
    End {
        reason: EndReason,
    },
}

/// One thing that a policy found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Found {
    pub(crate) policy: &'static str,
    /// The code of the verdict, or `failed`.
    pub(crate) verdict: &'static str,
    pub(crate) why: &'static str,
}

impl Found {
    /// A policy could not judge.
    pub(crate) const fn failure(policy: &'static str, why: &'static str) -> Self {
        let verdict = "failed";
        Self {
            policy,
            verdict,
            why,
        }
    }
}

impl Panel {
    pub(crate) fn add(&mut self, name: &'static str, policy: impl Policy) {
        self.0.push((name, Box::new(policy)));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks every policy.
    pub(crate) fn judge(&self, circumstances: &Circumstances<'_>) -> Judgement {
        let mut judgement = Judgement {
            decision: Decision::Keep,
            found: Vec::new(),
        };
        for (name, policy) in &self.0 {
            match catch_unwind(AssertUnwindSafe(|| policy.judge(circumstances))) {
                Ok(Verdict::Keep) => {}
                Ok(verdict) => judgement.add(name, verdict, circumstances),
                Err(_) => judgement.fail(Found::failure(name, "panicked")),
            }
        }
        judgement
    }
}

impl Judgement {
    fn add(&mut self, policy: &'static str, verdict: Verdict, circumstances: &Circumstances<'_>) {
        if let Verdict::RequireFresh { max_age, .. } = verdict
            && circumstances
                .authentication_age()
                .is_some_and(|age| age < max_age)
        {
            return;
        }
        let code = verdict.code();
        let (why, decision) = match verdict {
            Verdict::Keep => return,
            Verdict::Report { why } => (why, Decision::Keep),
            Verdict::RequireFresh { why, max_age } => {
                (why, Decision::RequireFresh { why, max_age })
            }
            Verdict::End { why, reason } => (why, Decision::End { reason }),
        };
        self.found.push(Found {
            policy,
            verdict: code,
            why,
        });
        self.tighten(decision);
    }

    /// Notes that somebody could not judge.
    pub(crate) fn fail(&mut self, failure: Found) {
        self.found.push(failure);
        self.tighten(Decision::Unjudged);
    }

    fn tighten(&mut self, decision: Decision) {
        if decision.is_stricter_than(&self.decision) {
            self.decision = decision;
        }
    }

    /// The stable text of what follows.
    pub(crate) fn code(&self) -> &'static str {
        match (&self.decision, self.found.is_empty()) {
            (Decision::Keep, true) => "keep",
            (Decision::Keep, false) => "report",
            (Decision::RequireFresh { .. }, _) => "require-fresh",
            (Decision::Unjudged, _) => "refuse",
            (Decision::End { .. }, _) => "end",
        }
    }
}

impl Decision {
    const fn rank(&self) -> u8 {
        match self {
            Self::Keep => 0,
            Self::RequireFresh { .. } => 1,
            Self::Unjudged => 2,
            Self::End { .. } => 3,
        }
    }

    fn is_stricter_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::RequireFresh { max_age, .. }, Self::RequireFresh { max_age: other, .. }) => {
                max_age < other
            }
            _ => self.rank() > other.rank(),
        }
    }
}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}
