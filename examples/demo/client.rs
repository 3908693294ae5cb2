//! Shows people a session in their own words: which device, how long ago.

use adjourn::{
    record::Client,
    store::Listed,
    time::{Clock, SystemClock, Timestamp},
};
use std::time::Duration;

/// The device behind a session, as far as its user agent tells. A help to recognise it, no proof.
pub(crate) fn device(client: Option<&Client>) -> String {
    let agent = client.and_then(Client::user_agent).unwrap_or_default();
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (named(&PROGRAMS), named(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

/// The address behind a session.
pub(crate) fn address(client: Option<&Client>) -> String {
    client
        .and_then(Client::address)
        .map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// Device, address and times as a description list.
pub(crate) fn facts(listed: &Listed) -> String {
    let now = SystemClock.now();
    let client = listed.client.as_deref();
    format!(
        "<dl><div><dt>Address</dt><dd>{}</dd></div>\
         <div><dt>Last seen</dt><dd>{}</dd></div>\
         <div><dt>Logged in</dt><dd>{}</dd></div>\
         <div><dt>Ends within</dt><dd>{}</dd></div></dl>",
        address(client),
        ago(listed.last_seen, now),
        ago(listed.created_at, now),
        span(listed.absolute_deadline.saturating_since(now)),
    )
}

/// A duration, rounded to a unit in which people would say it.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (length, unit) = match seconds {
        0..60 => (1, "second"),
        60..3_570 => (60, "minute"),
        3_570..172_800 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    let number = (seconds + length / 2) / length;
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

fn ago(then: Timestamp, now: Timestamp) -> String {
    let passed = now.saturating_since(then);
    let shown = if passed < Duration::from_mins(1) {
        "just now".to_owned()
    } else {
        format!("{} ago", span(passed))
    };
    format!("<time datetime=\"{then}\">{shown}</time>")
}

/// In this order: most browsers claim to be the later ones too.
const PROGRAMS: [(&str, &str); 7] = [
    ("Firefox/", "Firefox"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("HeadlessChrome/", "Headless Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// In this order, for the same reason.
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];
