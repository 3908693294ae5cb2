//! Values that are possible and still questionable.

use super::{Timeouts, span::Span};
use std::time::Duration;

impl Timeouts {
    /// What an operator should know at the start: a sentence for each questionable value.
    ///
    /// Empty when a reason is on record ([`with_deviation`](Timeouts::with_deviation)).
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.deviation.is_some() {
            return warnings;
        }
        let absolute = Span(self.absolute);
        match self.idle {
            None => warnings.push(format!(
                "no idle timeout: an abandoned session stays open for up to {absolute}; \
                 {USUAL_IDLE}"
            )),
            Some(idle) if idle > Duration::from_hours(1) => warnings.push(format!(
                "the idle timeout is {}: a browser left unattended stays logged in so long; \
                 {USUAL_IDLE}",
                Span(idle)
            )),
            Some(_) => {}
        }
        if self.absolute > Duration::from_hours(24) {
            warnings.push(format!(
                "the absolute timeout is {absolute}: a stolen session that is kept busy lives so \
                 long; 8 h is the default, and NIST AAL2 asks for at most 24 h"
            ));
        }
        warnings
    }
}

const USUAL_IDLE: &str = "15 min is the default, and NIST AAL2 asks for at most 1 h";
