//! Whether the page that opens a WebSocket belongs to the application.

use super::{FetchSite, Origin, RequestFacts, origin::is_own_loopback};
use http::StatusCode;

/// Judges the handshake of a WebSocket (ASVS 4.4.2).
///
/// Cookies travel with the handshake whatever page opens the socket, and no CORS rule applies: only
/// the server can tell its own pages from others. In this order:
///
/// 1. A credential that a program adds by itself (bearer) is enough proof: a page cannot.
/// 2. An `Origin` that is the application's own, or one of `allowed`, passes.
/// 3. `Sec-Fetch-Site: same-origin` passes.
/// 4. Where no own origin is configured, a loopback origin that is the host asked passes, unless the
///    browser says that it is another site's, so that development needs no setting.
/// 5. Anything else is refused; so is a handshake without `Origin`. Every browser sends it; a
///    program that presents a cookie adds it.
///
/// `is_bearer`: the session's token came in a header that the client adds itself, not in a cookie.
///
/// # Errors
/// The handshake must be refused.
///
/// ```
/// use adjourn::policy::{Origin, RequestFacts, WebSocketRefusal, judge_websocket};
/// use http::Request;
///
/// let own = Origin::parse("https://app.example")?;
/// let judge = |origin: &str| {
///     let request = Request::get("/ws").header("origin", origin).body(()).unwrap();
///     judge_websocket(&RequestFacts::of(&request), false, Some(&own), &[])
/// };
/// assert_eq!(judge("https://app.example"), Ok(()));
/// assert_eq!(judge("https://evil.example"), Err(WebSocketRefusal::OriginNotAllowed));
/// # Ok::<(), adjourn::policy::InvalidOrigin>(())
/// ```
pub fn judge_websocket(
    facts: &RequestFacts,
    is_bearer: bool,
    own: Option<&Origin>,
    allowed: &[Origin],
) -> Result<(), WebSocketRefusal> {
    if is_bearer || facts.site() == FetchSite::SameOrigin {
        return Ok(());
    }
    let Some(theirs) = facts.origin() else {
        return Err(WebSocketRefusal::NoOrigin);
    };
    let theirs = theirs.as_bytes();
    if own
        .into_iter()
        .chain(allowed)
        .any(|origin| origin.matches(theirs))
    {
        return Ok(());
    }
    let elsewhere = matches!(facts.site(), FetchSite::CrossSite | FetchSite::SameSite);
    match own {
        _ if theirs == b"null" => Err(WebSocketRefusal::OriginNull),
        None if elsewhere => Err(WebSocketRefusal::OriginNotAllowed),
        None if is_own_loopback(theirs, facts.host().unwrap_or_default()) => Ok(()),
        None if allowed.is_empty() => Err(WebSocketRefusal::OriginNotConfigured),
        None | Some(_) => Err(WebSocketRefusal::OriginNotAllowed),
    }
}

/// Why the handshake of a WebSocket is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketRefusal {
    /// It has no `Origin`, which every browser sends.
    #[error("nothing says which page opens the WebSocket: it has no Origin")]
    NoOrigin,
    /// Its `Origin` is not one whose pages may open sockets.
    #[error("pages of this origin may not open a WebSocket here")]
    OriginNotAllowed,
    /// It has an `Origin`, but the application's own is not known.
    #[error(
        "the Origin of the WebSocket cannot be compared: set the application's own with \
         with_origin(\"https://...\")"
    )]
    OriginNotConfigured,
    /// Its `Origin` is `null`: a sandboxed frame, a local file.
    #[error("the WebSocket comes from an origin that the browser hides")]
    OriginNull,
}

impl WebSocketRefusal {
    /// The stable text, for answers and audit records.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoOrigin => "no-origin",
            Self::OriginNotAllowed => "origin-not-allowed",
            Self::OriginNotConfigured => "origin-not-configured",
            Self::OriginNull => "origin-null",
        }
    }

    /// Always 403.
    pub const fn status(self) -> StatusCode {
        StatusCode::FORBIDDEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn judge(
        headers: Headers<'_>,
        own: Option<&str>,
        allowed: &[&str],
    ) -> Result<(), WebSocketRefusal> {
        let mut request = Request::get("/ws").header("upgrade", "websocket");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let facts = RequestFacts::of(&request.body(()).unwrap());
        let own = own.map(|own| Origin::parse(own).unwrap());
        let allowed: Vec<_> = allowed
            .iter()
            .map(|origin| Origin::parse(origin).unwrap())
            .collect();
        judge_websocket(&facts, false, own.as_ref(), &allowed)
    }

    const OWN: Option<&str> = Some("https://app.example");

    // R-14-6, R-1-34
    #[test]
    fn only_listed_origins_open_sockets() {
        for (origin, judged) in [
            ("https://app.example", Ok(())),
            ("https://APP.example:443", Ok(())),
            ("https://desk.example", Ok(())),
            (
                "http://app.example",
                Err(WebSocketRefusal::OriginNotAllowed),
            ),
            (
                "https://app.example.evil.example",
                Err(WebSocketRefusal::OriginNotAllowed),
            ),
            (
                "https://evil.app.example",
                Err(WebSocketRefusal::OriginNotAllowed),
            ),
            ("null", Err(WebSocketRefusal::OriginNull)),
            ("", Err(WebSocketRefusal::OriginNotAllowed)),
        ] {
            let host = ("host", origin.trim_start_matches("https://"));
            let headers = [("origin", origin), host];
            assert_eq!(
                judge(&headers, OWN, &["https://desk.example"]),
                judged,
                "{origin}"
            );
        }
        assert_eq!(judge(&[], OWN, &[]), Err(WebSocketRefusal::NoOrigin));
        let twice = ("origin", "https://app.example");
        assert_eq!(
            judge(&[twice, twice], OWN, &[]),
            Err(WebSocketRefusal::OriginNull)
        );
    }

    #[test]
    fn the_browsers_word_is_enough_for_the_site_itself_only() {
        let origin = ("origin", "https://app.test");
        for (site, judged) in [
            ("same-origin", Ok(())),
            ("none", Err(WebSocketRefusal::OriginNotConfigured)),
            ("same-site", Err(WebSocketRefusal::OriginNotAllowed)),
            ("cross-site", Err(WebSocketRefusal::OriginNotAllowed)),
        ] {
            let headers = [("sec-fetch-site", site), origin];
            assert_eq!(judge(&headers, None, &[]), judged, "{site}");
        }
    }

    #[test]
    fn a_listed_origin_may_be_of_another_site() {
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://desk.example"),
        ];
        assert_eq!(judge(&headers, OWN, &["https://desk.example"]), Ok(()));
    }

    #[test]
    fn unconfigured_only_a_loopback_origin_that_is_the_host_passes() {
        let local = ("host", "localhost:3000");
        for (origin, judged) in [
            ("http://localhost:3000", Ok(())),
            (
                "http://localhost:3001",
                Err(WebSocketRefusal::OriginNotConfigured),
            ),
            (
                "https://evil.example",
                Err(WebSocketRefusal::OriginNotConfigured),
            ),
        ] {
            assert_eq!(judge(&[("origin", origin), local], None, &[]), judged);
        }
        let other_port = [
            ("origin", "http://localhost:3000"),
            local,
            ("sec-fetch-site", "same-site"),
        ];
        assert_eq!(
            judge(&other_port, None, &[]),
            Err(WebSocketRefusal::OriginNotAllowed)
        );
        let own = [("origin", "http://localhost:3000"), local];
        assert_eq!(
            judge(&own, OWN, &[]),
            Err(WebSocketRefusal::OriginNotAllowed)
        );
    }

    #[test]
    fn a_bearer_needs_no_origin() {
        let request = Request::get("/ws")
            .header("origin", "https://evil.example")
            .body(())
            .unwrap();
        let facts = RequestFacts::of(&request);
        assert_eq!(judge_websocket(&facts, true, None, &[]), Ok(()));
    }
}
