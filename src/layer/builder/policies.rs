//! Who judges sessions in use.

use super::{BuildError, SessionsBuilder, build::some_time};
use crate::policy::{DeadTokens, Guesses, Guessing, Policy, RiskCheck, SubjectCheck};

impl SessionsBuilder {
    /// Adds a policy that judges every request with a live session. `name` is for the audit record.
    /// *Default:* none, which costs nothing.
    ///
    /// Policies judge in the order in which they are added, and the strictest verdict counts. See
    /// [`Policy`], and the built-in [`ClientBinding`](crate::policy::ClientBinding) and
    /// [`AllowedHours`](crate::policy::AllowedHours).
    pub fn add_policy(mut self, name: &'static str, policy: impl Policy) -> Self {
        self.policies.panel.add(name, policy);
        self
    }

    /// Asks the application now and then whether the user of a session may still have one. *Default:*
    /// nobody is asked.
    pub fn with_subject_check(mut self, check: SubjectCheck) -> Self {
        self.policies.subject = Some(check);
        self
    }

    /// Asks a risk engine about sessions in use. *Default:* nobody is asked.
    pub fn with_risk_check(mut self, check: RiskCheck) -> Self {
        self.policies.risk = Some(check);
        self
    }

    /// What follows when the token of an ended session is presented. *Default:* it is recorded
    /// ([`UseAfterEnd`](crate::audit::EventKind::UseAfterEnd)), and nothing else happens.
    pub fn with_dead_tokens(mut self, answer: DeadTokens) -> Self {
        self.policies.dead_tokens = Some(answer);
        self
    }

    /// Tells when one source presents many tokens that were never issued; the audit trail is told as
    /// well ([`Guessing`](crate::audit::EventKind::Guessing)). *Default:* nobody counts.
    ///
    /// Called on the path of a request: it must not block. A panic is caught.
    ///
    /// ```
    /// use adjourn::{Sessions, policy::{Guesses, Guessing}, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .on_guessing(Guessing::new().with_threshold(50), |guesses: &Guesses| {
    ///         println!("{:?} tried {} tokens", guesses.source, guesses.count);
    ///     })
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    pub fn on_guessing(
        mut self,
        guessing: Guessing,
        hook: impl Fn(&Guesses) + Send + Sync + 'static,
    ) -> Self {
        self.policies.guessing = Some((guessing, Box::new(hook)));
        self
    }

    pub(super) fn check_policies(&self) -> Result<(), BuildError> {
        if let Some(check) = &self.policies.subject {
            some_time("with_subject_check, its interval", check.interval)?;
            some_time("with_subject_check, its with_time_limit", check.time_limit)?;
        }
        if let Some(check) = &self.policies.risk {
            some_time("with_risk_check, its with_interval", check.interval)?;
            some_time("with_risk_check, its with_time_limit", check.time_limit)?;
        }
        if let Some((guessing, _)) = &self.policies.guessing {
            some_time("on_guessing, its with_window", guessing.window)?;
        }
        let mut scores = self.policies.risk.iter().flat_map(RiskCheck::scores);
        match scores.find(|score| !score.is_finite()) {
            Some(score) => Err(BuildError::RiskScore { score }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Subject, layer::Sessions, policy::SubjectStatus, store::MemoryStore};
    use std::{io, time::Duration};

    fn builder() -> SessionsBuilder {
        Sessions::builder(MemoryStore::new())
    }

    fn refused(builder: SessionsBuilder, setting: &str) {
        let refused = builder.build().unwrap_err().to_string();
        assert!(refused.starts_with(setting), "{refused}");
    }

    #[test]
    fn what_makes_no_sense_names_its_setting() {
        let second = Duration::from_secs(1);
        let active = |_: Subject| async { Ok::<_, io::Error>(SubjectStatus::Active) };
        let score = |_| async { Ok::<_, io::Error>(0.0) };
        let subject = "with_subject_check";
        refused(
            builder().with_subject_check(SubjectCheck::new(Duration::ZERO, active)),
            subject,
        );
        let hasty = SubjectCheck::new(second, active).with_time_limit(Duration::ZERO);
        refused(builder().with_subject_check(hasty), subject);
        for no_number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let check = RiskCheck::new(no_number, score);
            refused(builder().with_risk_check(check), "with_risk_check");
            let check = RiskCheck::new(0.9, score).with_report_from(no_number);
            refused(builder().with_risk_check(check), "with_risk_check");
        }
        let guessing = Guessing::new().with_window(Duration::ZERO);
        refused(builder().on_guessing(guessing, |_| ()), "on_guessing");
        let fine = builder()
            .with_subject_check(SubjectCheck::new(second, active))
            .with_risk_check(RiskCheck::new(0.9, score))
            .on_guessing(Guessing::new(), |_| ());
        let built = fine.build().unwrap();
        let policies = built.0.context.policies.as_ref().unwrap();
        assert!(policies.is_told_of_endings());
    }
}
