//! What a browser says of a request's origin and purpose (Fetch Metadata Request Headers).

use http::HeaderValue;

/// `Sec-Fetch-Site`: how the initiator of a request is related to its target.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FetchSite {
    /// The header is missing or not one of the values below: an old browser, no browser, or http
    /// on a network.
    #[default]
    Absent,
    /// Another site's page.
    CrossSite,
    /// No page at all: the address bar, a bookmark.
    None,
    /// A page of the same scheme, host and port.
    SameOrigin,
    /// A page of a sibling host, or another port.
    SameSite,
}

impl FetchSite {
    pub(super) fn of(value: &HeaderValue) -> Self {
        match value.as_bytes() {
            b"cross-site" => Self::CrossSite,
            b"none" => Self::None,
            b"same-origin" => Self::SameOrigin,
            b"same-site" => Self::SameSite,
            _ => Self::Absent,
        }
    }

    /// A browser sends one; of two that differ, none is believed to mean well.
    pub(super) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Absent, known) | (known, Self::Absent) => known,
            (one, other) if one == other => one,
            _ => Self::CrossSite,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum FetchMode {
    #[default]
    Absent,
    Navigate,
    Other,
}

impl FetchMode {
    pub(super) fn of(value: &HeaderValue) -> Self {
        match value.as_bytes() {
            b"navigate" => Self::Navigate,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum FetchDest {
    #[default]
    Absent,
    Document,
    Empty,
    Other,
}

impl FetchDest {
    pub(super) fn of(value: &HeaderValue) -> Self {
        match value.as_bytes() {
            b"document" => Self::Document,
            b"empty" => Self::Empty,
            _ => Self::Other,
        }
    }
}
