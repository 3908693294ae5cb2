//! Whether a request to log out comes from the application itself.

use super::{FetchSite, Origin, RequestFacts, RequestMethod, origin::is_own_loopback};
use http::StatusCode;

/// Judges a request to log out.
///
/// Logging somebody out is an effect that another site must not cause, and `SameSite` cookies alone
/// do not prevent it: they let sibling hosts through. In this order:
///
/// 1. POST only. A credential that a program adds by itself (bearer) is enough proof, and may come
///    with DELETE as well.
/// 2. What the browser says: `Sec-Fetch-Site: same-origin` and `none` pass, `same-site` and
///    `cross-site` do not, other values count as absent.
/// 3. Without it, `Origin` must be the configured origin. Where none is configured, a loopback
///    origin that is the host asked passes, so that development needs no setting.
/// 4. Neither: refused.
///
/// `is_bearer`: the session's token came in a header that the client adds itself, not in a cookie.
/// `origin`: the configured one.
///
/// # Errors
/// It is refused, and must have no effect.
///
/// ```
/// use adjourn::policy::{LogOutRefusal, Origin, RequestFacts, judge_log_out};
/// use http::Request;
///
/// let own = Origin::parse("https://app.example")?;
/// let judge = |header: (&str, &str)| {
///     let request = Request::post("/logout").header(header.0, header.1).body(()).unwrap();
///     judge_log_out(&RequestFacts::of(&request), false, Some(&own))
/// };
/// assert_eq!(judge(("sec-fetch-site", "same-origin")), Ok(()));
/// assert_eq!(judge(("origin", "https://app.example")), Ok(()));
/// assert_eq!(judge(("sec-fetch-site", "cross-site")), Err(LogOutRefusal::CrossSite));
/// assert_eq!(judge(("accept", "*/*")), Err(LogOutRefusal::NoProof));
/// # Ok::<(), adjourn::policy::InvalidOrigin>(())
/// ```
pub fn judge_log_out(
    facts: &RequestFacts,
    is_bearer: bool,
    origin: Option<&Origin>,
) -> Result<(), LogOutRefusal> {
    let has_effect = match facts.method() {
        RequestMethod::Post => true,
        RequestMethod::Delete => is_bearer,
        RequestMethod::Connect
        | RequestMethod::Get
        | RequestMethod::Head
        | RequestMethod::Options
        | RequestMethod::Other => false,
    };
    if !has_effect {
        return Err(LogOutRefusal::Method);
    }
    judge_source(facts, is_bearer, origin)
}

/// Judges a request to read what is for this site's own pages only (ASVS 3.5.8): as a log-out,
/// but nothing need say that it comes from here, since browsers add no `Origin` to such a GET.
pub(crate) fn judge_read(
    facts: &RequestFacts,
    is_bearer: bool,
    origin: Option<&Origin>,
) -> Result<(), LogOutRefusal> {
    match judge_source(facts, is_bearer, origin) {
        Ok(()) | Err(LogOutRefusal::NoProof) => Ok(()),
        refused => refused,
    }
}

fn judge_source(
    facts: &RequestFacts,
    is_bearer: bool,
    origin: Option<&Origin>,
) -> Result<(), LogOutRefusal> {
    if is_bearer {
        return Ok(());
    }
    match facts.site() {
        FetchSite::None | FetchSite::SameOrigin => Ok(()),
        FetchSite::CrossSite => Err(LogOutRefusal::CrossSite),
        FetchSite::SameSite => Err(LogOutRefusal::SameSite),
        FetchSite::Absent => judge_origin(facts, origin),
    }
}

/// Why a request to log out is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogOutRefusal {
    /// Another site's page sent it.
    #[error("another site asked to log out")]
    CrossSite,
    /// It is not a POST.
    #[error("logging out needs a POST request")]
    Method,
    /// It has neither `Sec-Fetch-Site` nor `Origin`.
    #[error(
        "nothing says where the request to log out comes from: it has neither Sec-Fetch-Site nor \
         Origin (with curl, add -H 'Sec-Fetch-Site: same-origin')"
    )]
    NoProof,
    /// Its `Origin` is another one.
    #[error("the request to log out comes from another origin")]
    OriginMismatch,
    /// It has an `Origin`, but the application's own is not known.
    #[error(
        "the request to log out has no Sec-Fetch-Site, and its Origin cannot be compared: set the \
         application's own with with_origin(\"https://...\")"
    )]
    OriginNotConfigured,
    /// Its `Origin` is `null`: a sandboxed frame, a local file, a redirect between sites.
    #[error("the request to log out comes from an origin that the browser hides")]
    OriginNull,
    /// A page of a sibling host, or of another port, sent it.
    #[error("a sibling host asked to log out")]
    SameSite,
}

impl LogOutRefusal {
    /// The stable text, for answers and audit records.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::Method => "method",
            Self::NoProof => "no-proof",
            Self::OriginMismatch => "origin-mismatch",
            Self::OriginNotConfigured => "origin-not-configured",
            Self::OriginNull => "origin-null",
            Self::SameSite => "same-site",
        }
    }

    /// 405, to which `Allow: POST` belongs, for [`LogOutRefusal::Method`]; else 403.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossSite
            | Self::NoProof
            | Self::OriginMismatch
            | Self::OriginNotConfigured
            | Self::OriginNull
            | Self::SameSite => StatusCode::FORBIDDEN,
        }
    }
}

fn judge_origin(facts: &RequestFacts, own: Option<&Origin>) -> Result<(), LogOutRefusal> {
    let Some(theirs) = facts.origin() else {
        return Err(LogOutRefusal::NoProof);
    };
    let theirs = theirs.as_bytes();
    match own {
        _ if theirs == b"null" => Err(LogOutRefusal::OriginNull),
        Some(own) if own.matches(theirs) => Ok(()),
        Some(_) => Err(LogOutRefusal::OriginMismatch),
        None if is_own_loopback(theirs, facts.host().unwrap_or_default()) => Ok(()),
        None => Err(LogOutRefusal::OriginNotConfigured),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn facts(method: &str, headers: Headers<'_>) -> RequestFacts {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        RequestFacts::of(&request.body(()).unwrap())
    }

    fn configured(headers: Headers<'_>) -> Result<(), LogOutRefusal> {
        let own = Origin::parse("https://app.example").unwrap();
        judge_log_out(&facts("POST", headers), false, Some(&own))
    }

    fn unconfigured(origin: &str, host: &str) -> Result<(), LogOutRefusal> {
        let facts = facts("POST", &[("origin", origin), ("host", host)]);
        judge_log_out(&facts, false, None)
    }

    // R-9-1
    #[test]
    fn only_post_logs_out() {
        let own = ("sec-fetch-site", "same-origin");
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "BREW"] {
            let refused = judge_log_out(&facts(method, &[own]), false, None);
            assert_eq!(refused, Err(LogOutRefusal::Method), "{method}");
        }
        assert_eq!(
            LogOutRefusal::Method.status(),
            StatusCode::METHOD_NOT_ALLOWED
        );
        assert_eq!(judge_log_out(&facts("POST", &[own]), false, None), Ok(()));
    }

    #[test]
    fn a_bearer_needs_no_proof_but_a_method_with_effect() {
        let hostile = ("sec-fetch-site", "cross-site");
        for (method, judged) in [
            ("POST", Ok(())),
            ("DELETE", Ok(())),
            ("GET", Err(LogOutRefusal::Method)),
        ] {
            assert_eq!(
                judge_log_out(&facts(method, &[hostile]), true, None),
                judged
            );
        }
    }

    // R-9-2
    #[test]
    fn the_browsers_word_decides() {
        let origin = ("origin", "https://app.example");
        for (site, judged) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("same-site", Err(LogOutRefusal::SameSite)),
            ("cross-site", Err(LogOutRefusal::CrossSite)),
        ] {
            assert_eq!(configured(&[("sec-fetch-site", site)]), judged, "{site}");
            assert_eq!(
                configured(&[("sec-fetch-site", site), origin]),
                judged,
                "{site}"
            );
        }
        let unlisted = ("sec-fetch-site", "same-planet");
        assert_eq!(configured(&[unlisted]), Err(LogOutRefusal::NoProof));
        assert_eq!(configured(&[unlisted, origin]), Ok(()));
    }

    // R-9-3
    #[test]
    fn without_it_the_origin_must_be_the_configured_one() {
        assert_eq!(configured(&[]), Err(LogOutRefusal::NoProof));
        for (origin, judged) in [
            ("https://app.example", Ok(())),
            ("null", Err(LogOutRefusal::OriginNull)),
            ("http://app.example", Err(LogOutRefusal::OriginMismatch)),
            (
                "https://app.example.evil.example",
                Err(LogOutRefusal::OriginMismatch),
            ),
            (
                "https://evil-app.example",
                Err(LogOutRefusal::OriginMismatch),
            ),
            ("", Err(LogOutRefusal::OriginMismatch)),
        ] {
            // The host asked proves nothing where an origin is configured.
            let host = ("host", origin.trim_start_matches("https://"));
            assert_eq!(configured(&[("origin", origin), host]), judged, "{origin}");
        }
        let twice = ("origin", "https://app.example");
        assert_eq!(configured(&[twice, twice]), Err(LogOutRefusal::OriginNull));
    }

    // R-1-24
    #[test]
    fn reading_needs_no_proof_but_must_not_come_from_elsewhere() {
        let own = Origin::parse("https://app.example").unwrap();
        for (headers, bearer, judged) in [
            (&[][..], false, Ok(())),
            (&[("sec-fetch-site", "same-origin")], false, Ok(())),
            (&[("sec-fetch-site", "none")], false, Ok(())),
            (&[("origin", "https://app.example")], false, Ok(())),
            (&[("sec-fetch-site", "cross-site")], true, Ok(())),
            (
                &[("sec-fetch-site", "cross-site")],
                false,
                Err(LogOutRefusal::CrossSite),
            ),
            (
                &[("sec-fetch-site", "same-site")],
                false,
                Err(LogOutRefusal::SameSite),
            ),
            (
                &[("origin", "https://evil.example")],
                false,
                Err(LogOutRefusal::OriginMismatch),
            ),
            (&[("origin", "null")], false, Err(LogOutRefusal::OriginNull)),
        ] {
            let facts = facts("GET", headers);
            assert_eq!(
                judge_read(&facts, bearer, Some(&own)),
                judged,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn unconfigured_only_a_loopback_origin_that_is_the_host_passes() {
        for (origin, host) in [
            ("http://localhost:3000", "localhost:3000"),
            ("http://LOCALHOST", "localhost:80"),
            ("https://localhost", "localhost"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(unconfigured(origin, host), Ok(()), "{origin}");
        }
        for (origin, host) in [
            ("https://app.example", "app.example"),
            ("http://localhost:3001", "localhost:3000"),
            ("http://127.0.0.1:3000", "localhost:3000"),
            ("http://localhost.evil.example", "localhost.evil.example"),
            ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example"),
            ("http://localhost", ""),
            ("http://localhost", "x@localhost"),
        ] {
            let refused = Err(LogOutRefusal::OriginNotConfigured);
            assert_eq!(unconfigured(origin, host), refused, "{origin}");
        }
        assert!(
            LogOutRefusal::OriginNotConfigured
                .to_string()
                .contains("with_origin")
        );
    }
}
