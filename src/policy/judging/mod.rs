//! Policies: rules of the application that judge the live session of each request.
//!
//! 1. **Pure and cheap.** A [`Policy`] gets [`Circumstances`] and answers a [`Verdict`]: no I/O, no
//!    clock, no waiting. What has to ask somebody is a [`SubjectCheck`] or a [`RiskCheck`].
//! 2. **Ordered, and all are asked.** The strictest verdict counts, whatever the order; of equals
//!    the first. Everything found is in the audit record.
//! 3. **Isolated.** A policy that panics stops no other. What it was to judge is not served (503),
//!    but no session is lost to a mistake in a policy.
//! 4. **After the timeouts.** Only a session that is live is judged, and no verdict keeps it alive.

mod allowed_hours;
mod circumstances;
mod client_binding;
mod dead_tokens;
mod guessing;
mod panel;
mod risk_check;
mod subject_check;
#[cfg(test)]
mod tests;
mod verdict;

pub use allowed_hours::{AllowedHours, InvalidHours, Weekday};
pub use circumstances::Circumstances;
pub use client_binding::ClientBinding;
pub use dead_tokens::DeadTokens;
pub use guessing::{Guesses, Guessing};
pub(crate) use panel::{Decision, Found, Judgement, Panel};
pub use risk_check::{RiskCheck, RiskFacts};
pub use subject_check::{SubjectCheck, SubjectStatus, Unanswered};
pub use verdict::{Consequence, Verdict};

/// Judges the live session of a request.
///
/// Closures are policies:
///
/// ```
/// use adjourn::{Sessions, policy::{Circumstances, Verdict}, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new())
///     .add_policy("no-robots", |now: &Circumstances<'_>| {
///         let agent = now.facts().user_agent().map(|agent| agent.as_bytes());
///         match agent {
///             Some(agent) if agent.starts_with(b"curl/") => Verdict::end("robot"),
///             _ => Verdict::Keep,
///         }
///     })
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
pub trait Policy: Send + Sync + 'static {
    /// Judges. Called for every request with a live session, so it must be quick and must not
    /// block; and again, now and then, for what is held open.
    fn judge(&self, circumstances: &Circumstances<'_>) -> Verdict;
}

impl<F> Policy for F
where
    F: Fn(&Circumstances<'_>) -> Verdict + Send + Sync + 'static,
{
    fn judge(&self, circumstances: &Circumstances<'_>) -> Verdict {
        self(circumstances)
    }
}
