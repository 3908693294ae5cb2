//! Which requests count as the user being there.

use super::{FetchSite, RequestFacts, RequestMethod};
use crate::record::Activity;

/// Whether a request counts as the user being there, unless the application knows better.
///
/// Passive, so that they keep no session alive:
/// - what another site's page causes (`Sec-Fetch-Site: cross-site`);
/// - what a browser does by itself: prefetch and prerender, the refresh of a device-bound session,
///   a preflight;
/// - what stays open or comes back by itself: a WebSocket or other tunnel, an event stream;
/// - HEAD, which no user sends.
///
/// Everything else is active. An application replaces this for its own polls.
///
/// ```
/// use adjourn::{policy::{RequestFacts, default_activity}, record::Activity};
/// use http::Request;
///
/// let click = Request::post("/save").header("sec-fetch-site", "same-origin").body(())?;
/// assert_eq!(default_activity(&RequestFacts::of(&click)), Activity::Active);
///
/// let image = Request::get("/logo").header("sec-fetch-site", "cross-site").body(())?;
/// assert_eq!(default_activity(&RequestFacts::of(&image)), Activity::Passive);
/// # Ok::<(), http::Error>(())
/// ```
pub fn default_activity(facts: &RequestFacts) -> Activity {
    let by_itself = facts.is_prefetch()
        || facts.is_device_bound_refresh()
        || facts.is_upgrade()
        || facts.is_event_stream()
        || matches!(facts.site(), FetchSite::CrossSite)
        || matches!(facts.method(), RequestMethod::Head | RequestMethod::Options);
    if by_itself {
        Activity::Passive
    } else {
        Activity::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn activity(method: &str, header: Option<(&str, &str)>) -> Activity {
        let mut request = Request::builder().method(method);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        default_activity(&RequestFacts::of(&request.body(()).unwrap()))
    }

    #[test]
    fn what_nobody_need_be_there_for_is_passive() {
        for (method, header) in [
            ("GET", Some(("sec-fetch-site", "cross-site"))), // R-9-7
            ("POST", Some(("sec-fetch-site", "cross-site"))),
            ("GET", Some(("sec-purpose", "prefetch"))), // R-9-10
            ("GET", Some(("purpose", "prefetch"))),
            ("POST", Some(("sec-secure-session-id", "a"))), // R-11-4
            ("GET", Some(("upgrade", "websocket"))),        // R-14-9
            ("CONNECT", None),
            ("GET", Some(("accept", "text/event-stream"))),
            ("HEAD", None), // R-14-14
            ("OPTIONS", None),
        ] {
            assert_eq!(
                activity(method, header),
                Activity::Passive,
                "{method} {header:?}"
            );
        }
    }

    // R-12-3: that a poll is passive only the application can say; by default it is active.
    #[test]
    fn what_a_user_does_is_active() {
        for (method, header) in [
            ("GET", None),
            ("POST", None),
            ("PUT", None),
            ("DELETE", None),
            ("GET", Some(("sec-fetch-site", "same-origin"))),
            ("GET", Some(("sec-fetch-site", "same-site"))),
            ("GET", Some(("sec-fetch-site", "none"))),
        ] {
            assert_eq!(
                activity(method, header),
                Activity::Active,
                "{method} {header:?}"
            );
        }
    }
}
