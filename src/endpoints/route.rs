//! Which endpoint a path names, and which methods it takes.

use super::files::{self, File};
use http::{HeaderValue, Method};

/// An endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    End,
    EndOthers,
    /// Ends the session of this name, which is whatever the client sent.
    EndSession(&'a str),
    Extend,
    File(&'static File),
    Sessions,
    SignedOut,
    Status,
}

impl<'a> Route<'a> {
    /// The endpoint of a path below the mount: names are compared exactly, as by routers.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        match path {
            "end" => Some(Self::End),
            "extend" => Some(Self::Extend),
            "sessions" => Some(Self::Sessions),
            "sessions/end-others" => Some(Self::EndOthers),
            "signed-out" => Some(Self::SignedOut),
            "status" => Some(Self::Status),
            _ => files::of(path)
                .map(Self::File)
                .or_else(|| session_of(path).map(Self::EndSession)),
        }
    }

    const fn reads(self) -> bool {
        match self {
            Self::File(_) | Self::Sessions | Self::SignedOut | Self::Status => true,
            Self::End | Self::EndOthers | Self::EndSession(_) | Self::Extend => false,
        }
    }

    pub(super) fn takes(self, method: &Method) -> bool {
        if self.reads() {
            return *method == Method::GET || *method == Method::HEAD;
        }
        *method == Method::POST
    }

    /// What stands in `Allow`.
    pub(super) const fn methods(self) -> HeaderValue {
        if self.reads() {
            return HeaderValue::from_static("GET, HEAD");
        }
        HeaderValue::from_static("POST")
    }
}

fn session_of(path: &str) -> Option<&str> {
    let id = path.strip_prefix("sessions/")?.strip_suffix("/end")?;
    (!id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_exact() {
        for (path, route) in [
            ("status", Some(Route::Status)),
            ("sessions/end-others", Some(Route::EndOthers)),
            ("sessions/abc/end", Some(Route::EndSession("abc"))),
            ("sessions//end", Some(Route::EndSession(""))),
            ("sessions/%2F/end", Some(Route::EndSession("%2F"))),
            ("sessions/end", None),
            ("sessions/a/b/end", None),
            ("sessions/a/end/", None),
            ("sessions/", None),
            ("Status", None),
            ("status/", None),
            ("/status", None),
            ("a/status", None),
            ("%73tatus", None),
            ("", None),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path: String) {
            let _ = Route::of(&path);
        }
    }
}
