//! Which paths need a live session, whatever their spelling.

use super::percent::decode_path;

/// The paths that need a live session.
///
/// The gate to a sensitive page is in the routes, where the path has one meaning. These rules are
/// the net below it, for the whole application. Between here and a file there may be a router, a
/// file server and a file system, each with its own idea of which spellings are the same, so:
///
/// 1. **Deny by default.** With public patterns, everything that matches none is sensitive.
/// 2. A sensitive prefix covers a path **as received** or in its **normal form**: decoded once,
///    without empty and `.` segments, without `;parameters`, without the dots and spaces at the
///    end of a segment that Windows drops, in lower case. It wins over a public pattern.
/// 3. A path that has no normal form is sensitive: a malformed or double encoding, an encoded
///    slash, a backslash, control and invisible characters, and every `..`. Browsers resolve `..`
///    before they ask; and without it normalisation works segment by segment, so that a path
///    which any later reader takes to be below a prefix is below it here, however much of this
///    that reader does. For the same reason a path that matches a public pattern as received
///    matches it in its normal form too.
/// 4. No rules: nothing is sensitive.
///
/// They know nothing of other names that a file system may have for a file (links, short names,
/// streams).
///
/// ```
/// use adjourn::policy::PathRules;
///
/// let rules = PathRules::default()
///     .with_public(["/", "/login", "/static/*"])?
///     .with_sensitive(["/static/reports"])?;
/// assert!(!rules.is_sensitive("/login"));
/// assert!(!rules.is_sensitive("/static/site.css"));
/// assert!(rules.is_sensitive("/account"));
/// assert!(rules.is_sensitive("/static/%72eports/7.pdf"));
/// assert!(rules.is_sensitive("/static/../account"));
/// # Ok::<(), adjourn::policy::InvalidPattern>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PathRules {
    /// `None`: the rest is not denied by default.
    public: Option<Vec<Public>>,
    /// In normal form, without a slash at the end: the root is empty.
    sensitive: Vec<Box<str>>,
}

impl PathRules {
    /// Denies by default, except for these: an exact path (`"/login"`), or everything below a
    /// segment (`"/static/*"`, with `/static/` itself but not `/static`).
    ///
    /// Compared exactly, as paths are by routers. May be called again, and with nothing at all:
    /// then everything is sensitive.
    ///
    /// # Errors
    /// A pattern is malformed, or could never match.
    pub fn with_public<P>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, InvalidPattern>
    where
        P: AsRef<str>,
    {
        let public = self.public.get_or_insert_default();
        for pattern in patterns {
            public.push(Public::new(pattern.as_ref())?);
        }
        Ok(self)
    }

    /// Makes these sensitive, with everything below them: `"/account"` covers `/account`,
    /// `/account/` and `/account/settings`, in any case, and not `/accounts`.
    ///
    /// May be called again.
    ///
    /// # Errors
    /// A prefix is malformed, or could never match.
    pub fn with_sensitive<P>(
        mut self,
        prefixes: impl IntoIterator<Item = P>,
    ) -> Result<Self, InvalidPattern>
    where
        P: AsRef<str>,
    {
        for prefix in prefixes {
            let prefix = prefix.as_ref();
            check(prefix, prefix)?;
            // Nothing is left of "/": the prefix of every path.
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            self.sensitive.push(folded(prefix).into());
        }
        Ok(self)
    }

    /// Whether this path, as it came in the request and without its query, needs a live session.
    ///
    /// A path that is written plainly costs one look at its bytes and no allocation.
    #[inline]
    pub fn is_sensitive(&self, path: &str) -> bool {
        // No rules.
        if self.public.is_none() && self.sensitive.is_empty() {
            return false;
        }
        self.judge(path)
    }

    fn judge(&self, path: &str) -> bool {
        let none_sensitive = self.sensitive.is_empty();
        if let Some(public) = &self.public {
            match public.iter().find(|pattern| pattern.matches(path)) {
                None => return true,
                // A pattern is in normal form, and so is what equals it.
                Some(Public::Exactly(_)) if none_sensitive => return false,
                Some(_) => {}
            }
        }
        self.is_covered(path)
            || !is_plain(path) && normal_form(path).is_none_or(|normal| self.is_covered(&normal))
    }

    /// Whether this path was said to need no session: without public patterns none is, for the
    /// routes may have gates of their own.
    pub(crate) fn is_public(&self, path: &str) -> bool {
        self.public.is_some() && !self.is_sensitive(path)
    }

    fn is_covered(&self, path: &str) -> bool {
        self.sensitive.iter().any(|prefix| is_below(prefix, path))
    }
}

/// A path pattern that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the path pattern {pattern:?} {fault}")]
pub struct InvalidPattern {
    pattern: Box<str>,
    fault: &'static str,
}

impl InvalidPattern {
    fn new(pattern: &str, fault: &'static str) -> Self {
        Self {
            pattern: pattern.into(),
            fault,
        }
    }

    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

#[derive(Clone, Debug)]
enum Public {
    /// With the slash at the end.
    Below(Box<str>),
    Exactly(Box<str>),
}

impl Public {
    fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        let path = pattern.strip_suffix('*').unwrap_or(pattern);
        check(pattern, path)?;
        if !path.is_ascii() {
            return Err(InvalidPattern::new(
                pattern,
                "is not ASCII: such paths arrive encoded, make them public with a * below an \
                 ASCII segment",
            ));
        }
        if path.len() == pattern.len() {
            Ok(Self::Exactly(path.into()))
        } else if path.ends_with('/') {
            Ok(Self::Below(path.into()))
        } else {
            Err(InvalidPattern::new(
                pattern,
                "has a * that is not a segment: end it with /*",
            ))
        }
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Below(start) => path.starts_with(&**start),
            Self::Exactly(exact) => path == &**exact,
        }
    }
}

/// `path` is what is left of the pattern without its wildcard.
fn check(pattern: &str, path: &str) -> Result<(), InvalidPattern> {
    let fault = if !path.starts_with('/') {
        "does not begin with /"
    } else if path.contains('*') {
        "has a *, which may stand only for the last segment of a public pattern"
    } else if path.contains(['?', '#', '%']) {
        "holds ?, # or %: write a decoded path, without query"
    } else if path.contains(['{', '}']) || path.contains("/:") {
        "looks like a route with a placeholder: a sensitive prefix covers all below it, and a \
         public pattern may end with /*"
    } else if !is_normal(path) {
        "is not in normal form: no empty, . or .. segment, no dot or space at the end of one, no \
         ; or \\, no control or invisible character"
    } else {
        return Ok(());
    };
    Err(InvalidPattern::new(pattern, fault))
}

fn is_normal(path: &str) -> bool {
    normal_form(path).is_some_and(|normal| normal == folded(path))
}

/// Whether lower-casing its ASCII is all that is missing to the normal form.
fn is_plain(path: &str) -> bool {
    let mut last = 0;
    for byte in path.bytes() {
        let plain = match byte {
            b'/' => !matches!(last, b'/' | b'.'),
            b'%' | b';' | b'\\' | b'?' | b'#' => false,
            0x21..=0x7E => true,
            _ => false,
        };
        if !plain {
            return false;
        }
        last = byte;
    }
    path.starts_with('/') && last != b'.'
}

/// `None` if there is none: rule 3 of [`PathRules`].
pub(super) fn normal_form(path: &str) -> Option<String> {
    if path.contains(['?', '#']) {
        return None;
    }
    let decoded = decode_path(path.as_bytes())?;
    let mut normal = String::with_capacity(decoded.len());
    let mut open = true; // whether the last segment was one that is left out
    for segment in decoded.strip_prefix('/')?.split('/') {
        let name = segment.split(';').next().unwrap_or_default();
        let trimmed = name.trim_end_matches(['.', ' ']);
        open = trimmed.is_empty();
        if !open {
            normal.push('/');
            normal.push_str(trimmed);
        } else if !matches!(name, "" | ".") {
            return None;
        }
    }
    if open {
        normal.push('/');
    }
    Some(folded(&normal))
}

/// Lower case, such that letters which a file system may take for one another are one: the
/// Kelvin sign is a k, the long s an s.
fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a path is the prefix or below it.
fn is_below(prefix: &str, path: &str) -> bool {
    matches!(path.as_bytes().get(prefix.len()), None | Some(b'/'))
        && starts_with_ignoring_case(path, prefix)
}

fn starts_with_ignoring_case(path: &str, start: &str) -> bool {
    path.as_bytes()
        .split_at_checked(start.len())
        .is_some_and(|(begin, _)| begin.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests;
