//! What it is to wait: half, 99.9 % and the worst.

use std::time::Duration;

pub(crate) fn report(mut waits: Vec<Duration>) -> String {
    waits.sort_unstable();
    let at = |per_mille: usize| waits.get(waits.len() * per_mille / 1_000);
    format!(
        "{} of them, half within {:.2?}, 99.9 % within {:.2?}, worst {:.2?}",
        waits.len(),
        at(500).copied().unwrap_or_default(),
        at(999).copied().unwrap_or_default(),
        waits.last().copied().unwrap_or_default(),
    )
}
