//! The rules that make a browser store a cookie, and honour its removal.

use super::{
    ConfigError, CookieSpec, SameSite,
    prefix::{PREFIXES, Prefix},
};
use crate::id::Token;

impl CookieSpec {
    /// Says whether browsers will store the cookie, and remove it when told to.
    ///
    /// The layer calls it once, while it is built.
    ///
    /// # Errors
    /// The cookie breaks a rule of RFC 6265bis (sections 4.1 and 5.7), of layered cookies
    /// (`__Http-`, `__Host-Http-`) or of CHIPS (`Partitioned`).
    ///
    /// ```
    /// use adjourn::carrier::{ConfigError, CookieSpec};
    ///
    /// let error = CookieSpec::new("theme").with_path("app").check().unwrap_err();
    /// assert!(matches!(error, ConfigError::InvalidPath { .. }));
    /// ```
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_name()?;
        self.check_path()?;
        self.check_domain()?;
        self.check_prefixes()?;
        let cookie = || self.name.to_string();
        if self.same_site == SameSite::None && !self.secure {
            return Err(ConfigError::SameSiteNoneNeedsSecure { cookie: cookie() });
        }
        if self.partitioned && self.same_site != SameSite::None {
            return Err(ConfigError::PartitionedNeedsSameSiteNone { cookie: cookie() });
        }
        Ok(())
    }

    /// Says whether the cookie may carry a session: [`check`](Self::check), and beyond it
    /// `HttpOnly` and a name prefix.
    ///
    /// The prefix may be missing only beside
    /// [`with_insecure_no_secure_attribute`](Self::with_insecure_no_secure_attribute). It must be
    /// spelled as in the standard: older browsers do not protect `__host-sid`.
    ///
    /// # Errors
    /// As [`check`](Self::check), or one of the two is missing.
    pub fn check_session(&self) -> Result<(), ConfigError> {
        self.check()?;
        let cookie = || self.name.to_string();
        if !self.http_only {
            return Err(ConfigError::SessionNeedsHttpOnly { cookie: cookie() });
        }
        let prefixed = PREFIXES
            .iter()
            .any(|prefix| self.name.starts_with(prefix.text));
        if self.secure && !prefixed {
            return Err(ConfigError::SessionNeedsPrefix { cookie: cookie() });
        }
        Ok(())
    }

    fn check_name(&self) -> Result<(), ConfigError> {
        let cookie = || self.name.to_string();
        if self.name.is_empty() || !self.name.bytes().all(is_token_char) {
            return Err(ConfigError::InvalidName { cookie: cookie() });
        }
        if self.name.len() > MAX_NAME {
            return Err(ConfigError::NameTooLong {
                cookie: cookie(),
                bytes: self.name.len(),
            });
        }
        Ok(())
    }

    fn check_path(&self) -> Result<(), ConfigError> {
        let sane = |byte: u8| byte.is_ascii_graphic() && byte != b';';
        if !self.path.starts_with('/') || !self.path.bytes().all(sane) {
            return Err(ConfigError::InvalidPath {
                cookie: self.name.to_string(),
                path: self.path.to_string(),
            });
        }
        if self.path.len() > MAX_ATTRIBUTE {
            return Err(ConfigError::PathTooLong {
                cookie: self.name.to_string(),
                bytes: self.path.len(),
            });
        }
        Ok(())
    }

    fn check_domain(&self) -> Result<(), ConfigError> {
        match &self.domain {
            Some(domain) if !is_host(domain) => Err(ConfigError::InvalidDomain {
                cookie: self.name.to_string(),
                domain: domain.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn check_prefixes(&self) -> Result<(), ConfigError> {
        // A name may start with two of them (`__Host-Http-` and `__Host-`): all that match count.
        let broken = PREFIXES
            .iter()
            .filter(|prefix| prefix.is_start_of(&self.name))
            .find_map(|prefix| Some((prefix.text, self.broken_rule(prefix)?)));
        match broken {
            None => Ok(()),
            Some((prefix, needs)) => Err(ConfigError::PrefixBroken {
                cookie: self.name.to_string(),
                prefix,
                needs,
            }),
        }
    }

    fn broken_rule(&self, prefix: &Prefix) -> Option<&'static str> {
        if !self.secure {
            Some("Secure")
        } else if prefix.http_only && !self.http_only {
            Some("HttpOnly")
        } else if prefix.one_host && self.path != "/" {
            Some("Path=/")
        } else if prefix.one_host && self.domain.is_some() {
            Some("no Domain")
        } else {
            None
        }
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) const fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn is_host(domain: &str) -> bool {
    let is_label_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    domain.len() <= MAX_HOST
        && domain.split('.').all(|label| {
            !label.is_empty() && label.len() <= MAX_LABEL && label.bytes().all(is_label_char)
        })
}

/// The longest name: RFC 6265bis section 5.6 gives 4096 octets to name and value together.
pub(super) const MAX_NAME: usize = 4096 - Token::TEXT_LEN;

/// The longest attribute value that browsers keep (RFC 6265bis section 5.6).
pub(super) const MAX_ATTRIBUTE: usize = 1024;

/// The longest host name and label (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn sid() -> CookieSpec {
        CookieSpec::new("sid")
    }

    // R-2-2, R-5-6, R-5-15, R-5-18, R-5-19
    #[test]
    fn what_browsers_store_passes() {
        let none = SameSite::None;
        for (case, spec) in [
            ("the default", CookieSpec::session()),
            ("any token", CookieSpec::new("!#$%&'*+-.^_`|~aZ09")),
            ("a name of 4032", CookieSpec::new("n".repeat(MAX_NAME))),
            (
                "a path of 1024",
                sid().with_path(format!("/{}", "p".repeat(1023))),
            ),
            ("a domain", sid().with_domain("Example.CO.uk")),
            (
                "__Secure- with a domain",
                CookieSpec::new("__Secure-a").with_domain("a.example"),
            ),
            ("__Host-Http-", CookieSpec::new("__Host-Http-sid")),
            (
                "__Http- with a path",
                CookieSpec::new("__Http-sid").with_path("/app"),
            ),
            ("None", sid().with_same_site(none)),
            (
                "partitioned",
                CookieSpec::session()
                    .with_same_site(none)
                    .with_partitioned(true),
            ),
            ("readable by script", sid().with_http_only(false)),
            (
                "__Host- readable",
                CookieSpec::session().with_http_only(false),
            ),
            ("no Secure", sid().with_insecure_no_secure_attribute()),
        ] {
            assert_eq!(spec.check(), Ok(()), "{case}");
        }
    }

    // R-5-15
    #[test]
    fn names_that_are_no_tokens_are_refused() {
        for name in [
            "", "a b", "a=b", "a;b", "a,b", "\"a\"", "a\0", "a\r\n", "é", "a\t", "(a)",
        ] {
            let error = CookieSpec::new(name).check().unwrap_err();
            assert!(matches!(error, ConfigError::InvalidName { .. }), "{name:?}");
        }
        let error = CookieSpec::new("n".repeat(MAX_NAME + 1)).check();
        assert!(matches!(
            error,
            Err(ConfigError::NameTooLong { bytes: 4033, .. })
        ));
    }

    // R-5-15
    #[test]
    fn paths_that_never_match_are_refused() {
        for path in [
            "",
            "app",
            "/a;b",
            "/a b",
            "/a\n",
            "/\u{7f}",
            "/é",
            " /",
            "/; Domain=x",
        ] {
            let error = sid().with_path(path).check().unwrap_err();
            assert!(matches!(error, ConfigError::InvalidPath { .. }), "{path:?}");
        }
        let error = sid().with_path(format!("/{}", "p".repeat(1024))).check();
        assert!(matches!(
            error,
            Err(ConfigError::PathTooLong { bytes: 1025, .. })
        ));
    }

    #[test]
    fn domains_that_are_no_hosts_are_refused() {
        let long = "a.".repeat(126) + "ab";
        let label = "a".repeat(64);
        for domain in [
            "",
            ".",
            ".example.com",
            "example.com.",
            "a..b",
            "https://example.com",
            "a:8080",
            "bücher.example",
            "a b",
            "a;b",
            "a/b",
            "[::1]",
            &long,
            &label,
        ] {
            let error = sid().with_domain(domain.to_owned()).check().unwrap_err();
            assert!(
                matches!(error, ConfigError::InvalidDomain { .. }),
                "{domain:?}"
            );
        }
    }

    // R-5-2, R-5-19: prefixes bind in any case, as browsers compare them.
    #[test]
    fn attributes_that_break_a_prefix_are_refused() {
        for (name, prefix) in [
            ("__Host-a", "__Host-"),
            ("__hOST-a", "__Host-"),
            ("__Host-Http-a", "__Host-Http-"),
            ("__HOST-http-a", "__Host-Http-"),
            ("__Http-a", "__Http-"),
            ("__secure-a", "__Secure-"),
        ] {
            let one_host = prefix.starts_with("__Host-");
            let http_only = prefix.contains("Http-");
            let spec = CookieSpec::new(name);
            for (needs, is_needed, spec) in [
                (
                    "Secure",
                    true,
                    spec.clone().with_insecure_no_secure_attribute(),
                ),
                ("HttpOnly", http_only, spec.clone().with_http_only(false)),
                ("Path=/", one_host, spec.clone().with_path("/app")),
                ("no Domain", one_host, spec.clone().with_domain("a.example")),
            ] {
                let broken = is_needed.then(|| ConfigError::PrefixBroken {
                    cookie: name.to_owned(),
                    prefix,
                    needs,
                });
                assert_eq!(spec.check().err(), broken, "{name} needs {needs}");
            }
        }
    }

    // R-5-6, R-5-18
    #[test]
    fn attributes_that_need_each_other_are_refused_alone() {
        let none = sid().with_same_site(SameSite::None);
        let error = none.with_insecure_no_secure_attribute().check();
        assert!(matches!(
            error,
            Err(ConfigError::SameSiteNoneNeedsSecure { .. })
        ));
        let error = sid().with_partitioned(true).check();
        assert!(matches!(
            error,
            Err(ConfigError::PartitionedNeedsSameSiteNone { .. })
        ));
    }

    // R-1-20, R-1-21
    #[test]
    fn a_session_cookie_needs_a_prefix_and_http_only() {
        for name in ["sid", "__host-sid", "__SECURE-sid", "Host-sid", "_Host-sid"] {
            let error = CookieSpec::new(name).check_session();
            assert!(
                matches!(error, Err(ConfigError::SessionNeedsPrefix { .. })),
                "{name}"
            );
        }
        for name in [
            "__Host-sid",
            "__Secure-sid",
            "__Http-sid",
            "__Host-Http-sid",
        ] {
            assert_eq!(CookieSpec::new(name).check_session(), Ok(()), "{name}");
        }
        assert_eq!(
            sid().with_insecure_no_secure_attribute().check_session(),
            Ok(())
        );
        let error = CookieSpec::session().with_http_only(false).check_session();
        assert!(matches!(
            error,
            Err(ConfigError::SessionNeedsHttpOnly { .. })
        ));
    }

    #[test]
    fn a_message_names_the_cookie_the_attribute_and_the_remedy() {
        let error = CookieSpec::session().with_path("/app").check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cookie `__Host-sid`: names with `__Host-` need Path=/: correct that, or choose a \
             name without this prefix"
        );
        let error = CookieSpec::new("a\r\nb").check().unwrap_err().to_string();
        assert!(
            !error.contains('\n'),
            "a name cannot forge a log line: {error}"
        );
    }
}
