//! A cookie jar that keeps and drops what a browser would (RFC 6265bis, section 5.7).

/// A cookie as the jar holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the attributes of a cookie")]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) domain: String,
    pub(crate) host_only: bool,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) partitioned: bool,
    pub(crate) max_age: Option<i64>,
}

/// The cookies of one browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar(Vec<Kept>);

impl Jar {
    /// Takes a `Set-Cookie` line of a response to a request for `path` at `host`. `secure`: the
    /// connection was https, or to a host that the browser trusts like that.
    pub(crate) fn take(&mut self, line: &str, host: &str, path: &str, secure: bool) {
        let Some(cookie) = parse(line, host, path) else {
            return;
        };
        if !acceptable(&cookie, line, secure) {
            return;
        }
        self.0.retain(|held| !same_identity(held, &cookie));
        if cookie.max_age.is_none_or(|seconds| seconds > 0) {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header of a request, if there is anything to send.
    pub(crate) fn header(&self, host: &str, path: &str, secure: bool) -> Option<String> {
        let mut sent: Vec<&Kept> = self
            .0
            .iter()
            .filter(|cookie| {
                let of_host = if cookie.host_only {
                    cookie.domain == host
                } else {
                    domain_matches(host, &cookie.domain)
                };
                of_host && path_matches(path, &cookie.path) && (secure || !cookie.secure)
            })
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn all(&self) -> &[Kept] {
        &self.0
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Kept> {
        self.0.iter().find(|cookie| cookie.name == name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.get(name).map(|cookie| cookie.value.clone())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|cookie| cookie.name.clone()).collect()
    }

    /// Nothing is left but what tells the next page of the ending.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.0.iter().all(|it| it.name == "__Host-adjourn-ended")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse(line: &str, host: &str, request_path: &str) -> Option<Kept> {
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.len() + value.len() > 4096 || (name.is_empty() && value.is_empty()) {
        return None;
    }
    let mut cookie = Kept {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.to_owned(),
        host_only: true,
        path: default_path(request_path),
        secure: false,
        http_only: false,
        partitioned: false,
        max_age: None,
    };
    let (mut expired, mut aged) = (false, false);
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "partitioned" => cookie.partitioned = true,
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "domain" if !value.is_empty() => {
                cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                cookie.host_only = false;
            }
            "max-age" => {
                cookie.max_age = value.parse().ok();
                aged = cookie.max_age.is_some();
            }
            "expires" => expired = value.contains(" 1970 "),
            _ => {}
        }
    }
    if expired && !aged {
        cookie.max_age = Some(0);
    }
    (cookie.host_only || domain_matches(host, &cookie.domain)).then_some(cookie)
}

/// Steps 13 to 21: what must hold for the cookie to be stored, and for a removal to be one.
fn acceptable(cookie: &Kept, line: &str, secure: bool) -> bool {
    let lower = cookie.name.to_ascii_lowercase();
    let same_site_none = line.to_ascii_lowercase().contains("samesite=none");
    let host_rules =
        cookie.secure && cookie.host_only && cookie.path == "/" && line.contains("Path=/");
    let by_prefix = if lower.starts_with("__host-http-") {
        host_rules && cookie.http_only
    } else if lower.starts_with("__host-") {
        host_rules
    } else if lower.starts_with("__http-") {
        cookie.secure && cookie.http_only
    } else if lower.starts_with("__secure-") {
        cookie.secure
    } else {
        true
    };
    by_prefix
        && (secure || !cookie.secure)
        && (cookie.secure || !same_site_none)
        && (cookie.secure || !cookie.partitioned)
}

/// Name, domain, host-only flag, path, and the partition.
fn same_identity(one: &Kept, other: &Kept) -> bool {
    (
        &one.name,
        &one.domain,
        one.host_only,
        &one.path,
        one.partitioned,
    ) == (
        &other.name,
        &other.domain,
        other.host_only,
        &other.path,
        other.partitioned,
    )
}

fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn path_matches(path: &str, cookie: &str) -> bool {
    path == cookie
        || path
            .strip_prefix(cookie)
            .is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

fn default_path(request_path: &str) -> String {
    match request_path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => request_path[..end].to_owned(),
    }
}
