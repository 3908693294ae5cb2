//! What is remembered of a request: everything that is judged, read in one pass over the headers.

mod fetch_metadata;
mod header_value;
#[cfg(test)]
mod tests;

pub use fetch_metadata::FetchSite;

use super::origin::is_own_plain_http;
use crate::carrier::{Sighted, is_uncleared};
use fetch_metadata::{FetchDest, FetchMode};
use header_value::{Accept, Grpc, is_prefetch, names_websocket};
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
    uri::Authority,
};

/// The facts of a request that the policies, the log-out and the answer depend on.
///
/// Nothing here proves anything about a client that is not a browser: it can send any header. A
/// browser does not let a page set `Origin` or `Sec-*`.
///
/// ```
/// use adjourn::policy::{FetchSite, RequestFacts};
/// use http::Request;
///
/// let request = Request::get("/account")
///     .header("sec-fetch-site", "cross-site")
///     .header("sec-fetch-mode", "navigate")
///     .header("sec-fetch-dest", "document")
///     .body(())?;
/// let facts = RequestFacts::of(&request);
/// assert_eq!(facts.site(), FetchSite::CrossSite);
/// assert!(facts.is_navigation() && facts.is_document_get());
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    method: RequestMethod,
    site: FetchSite,
    mode: FetchMode,
    dest: FetchDest,
    accept: Accept,
    marks: Marks,
    grpc: Option<Grpc>,
    /// Boxed: most requests have none, and the facts of every request stay small.
    origin: Option<Box<Initiator>>,
    user_agent: Option<HeaderValue>,
}

/// The `Origin` header, and the host that it is compared with.
#[derive(Clone, Debug)]
struct Initiator {
    origin: HeaderValue,
    host: Option<Host>,
}

impl RequestFacts {
    /// Reads a request.
    pub fn of<B>(request: &Request<B>) -> Self {
        Self::read(request.method(), request.uri(), request.headers())
    }

    /// Reads the parts of a request.
    ///
    /// On the path of every request: one pass, a look at each name's length first, and no
    /// allocation.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self::read_sighting(method, uri, headers).0
    }

    /// The same, and where credentials may stand.
    #[inline]
    pub(crate) fn read_sighting<'a>(
        method: &Method,
        uri: &Uri,
        headers: &'a HeaderMap,
    ) -> (Self, Sighted<'a>) {
        let mut sighted = Sighted::default();
        let mut facts = Self {
            method: RequestMethod::of(method),
            ..Self::default()
        };
        let mut host = None;
        for (name, value) in headers {
            let name = name.as_str();
            match (name.len(), name) {
                (4, "host") => host = Some(value),
                (6, "cookie") | (13, "authorization") => sighted.note(name, value),
                (6, "accept") => facts.accept = facts.accept.or(value),
                (6, "origin") => facts.note_origin(value),
                (7, "purpose") | (11, "sec-purpose") if is_prefetch(value) => {
                    facts.marks.add(Marks::PREFETCH);
                }
                (7, "upgrade") if names_websocket(value) => facts.marks.add(Marks::WEBSOCKET),
                (10, "hx-request") => facts.marks.add(Marks::HTMX),
                (10, "user-agent") => facts.user_agent = Some(value.clone()),
                (11, "turbo-frame") | (18, "x-turbo-request-id") => {
                    facts.marks.add(Marks::TURBO);
                }
                (12, "content-type") => facts.grpc = Grpc::of(value),
                (14, "sec-fetch-dest") => facts.dest = FetchDest::of(value),
                (14, "sec-fetch-mode") => facts.mode = FetchMode::of(value),
                (14, "sec-fetch-site") => facts.site = facts.site.and(FetchSite::of(value)),
                (16, "x-requested-with") => facts.marks.add(Marks::SCRIPT),
                (21, "sec-secure-session-id") => facts.marks.add(Marks::DEVICE_BOUND),
                (25, "upgrade-insecure-requests") => facts.marks.add(Marks::PAGE),
                _ => {}
            }
        }
        if let Some(initiator) = &mut facts.origin {
            initiator.host = Host::of(uri, host);
        }
        // Only who opens a page can be told to clear: no other request pays for the look.
        if sighted.has_cookies() && facts.is_document_get() && is_uncleared(headers) {
            facts.marks.add(Marks::UNCLEARED);
        }
        (facts, sighted)
    }

    /// A second `Origin` proves nothing: as if the browser had hidden it.
    fn note_origin(&mut self, value: &HeaderValue) {
        let origin = match self.origin {
            None => value.clone(),
            Some(_) => HeaderValue::from_static("null"),
        };
        self.origin = Some(Box::new(Initiator { origin, host: None }));
    }

    /// What kind of method.
    pub const fn method(&self) -> RequestMethod {
        self.method
    }

    /// Who made the browser send it.
    pub const fn site(&self) -> FetchSite {
        self.site
    }

    /// Whether the answer is a page that replaces the one shown.
    ///
    /// `Sec-Fetch-Mode: navigate`, also of a form and a frame. Where the browser does not say (an
    /// old one, or http on a network): a GET, HEAD or POST that prefers HTML and is not made by a
    /// script as far as the headers of htmx, Turbo, gRPC, WebSocket and `X-Requested-With` tell.
    ///
    /// A service worker that passes a navigation on changes what the browser says (measured): in
    /// Chromium the destination is `empty`, in Firefox the mode is `same-origin` as well, and
    /// `Upgrade-Insecure-Requests`, which browsers send for pages only, tells it from a `fetch`.
    pub const fn is_navigation(&self) -> bool {
        match self.mode {
            FetchMode::Navigate => true,
            FetchMode::Other => {
                self.may_come_from_a_worker() && self.prefers_html() && self.marks.has(Marks::PAGE)
            }
            FetchMode::Absent => {
                self.prefers_html()
                    && matches!(
                        self.method,
                        RequestMethod::Get | RequestMethod::Head | RequestMethod::Post
                    )
                    && self.grpc.is_none()
                    && !self
                        .marks
                        .has(Marks::HTMX | Marks::SCRIPT | Marks::TURBO | Marks::WEBSOCKET)
            }
        }
    }

    /// Whether it asks for a page of its own by GET: one to which a user could be brought back.
    /// Not a frame, not a prefetch.
    pub const fn is_document_get(&self) -> bool {
        matches!(self.method, RequestMethod::Get)
            && !matches!(self.dest, FetchDest::Other)
            && self.is_navigation()
            && !self.is_prefetch()
    }

    /// Whether a `fetch` sent it, perhaps that of a service worker which passes on what a page or
    /// its user asked for: `Sec-Fetch-Dest: empty`. They cannot be told apart.
    pub const fn may_come_from_a_worker(&self) -> bool {
        matches!(self.dest, FetchDest::Empty)
    }

    /// Whether it opens a page in a browser whose storage is still that of the user before.
    pub(crate) const fn is_uncleared(&self) -> bool {
        self.marks.has(Marks::UNCLEARED)
    }

    /// Whether `Accept` names HTML, and JSON not before it.
    ///
    /// The first of HTML, JSON and `text/event-stream` in the header decides; weights (`;q=`) are
    /// not read, as clients list what they prefer first. `*/*` prefers nothing.
    pub const fn prefers_html(&self) -> bool {
        matches!(self.accept, Accept::Html)
    }

    /// Whether it opens a stream of server-sent events: by the same rule as
    /// [`prefers_html`](RequestFacts::prefers_html).
    pub const fn is_event_stream(&self) -> bool {
        matches!(self.accept, Accept::EventStream)
    }

    /// Whether it opens a WebSocket or another tunnel: `Upgrade: websocket`, or CONNECT as in
    /// HTTP/2 (RFC 8441).
    pub const fn is_upgrade(&self) -> bool {
        self.marks.has(Marks::WEBSOCKET) || matches!(self.method, RequestMethod::Connect)
    }

    /// Whether the browser loads ahead of the user: `Sec-Purpose` or `Purpose: prefetch`, which
    /// includes prerendering.
    pub const fn is_prefetch(&self) -> bool {
        self.marks.has(Marks::PREFETCH)
    }

    /// Whether the browser refreshes a device-bound session by itself: `Sec-Secure-Session-Id`.
    pub const fn is_device_bound_refresh(&self) -> bool {
        self.marks.has(Marks::DEVICE_BOUND)
    }

    /// Whether htmx made it: `HX-Request`.
    pub const fn is_htmx(&self) -> bool {
        self.marks.has(Marks::HTMX)
    }

    /// Whether Turbo made it, which fetches pages and shows them itself: `Turbo-Frame`,
    /// `X-Turbo-Request-Id`, or `Accept` names Turbo Streams first.
    pub const fn is_turbo(&self) -> bool {
        self.marks.has(Marks::TURBO) || matches!(self.accept, Accept::TurboStream)
    }

    /// Whether it is a gRPC call: `Content-Type: application/grpc`, with any encoding. Not
    /// gRPC-Web.
    pub const fn is_grpc(&self) -> bool {
        matches!(self.grpc, Some(Grpc::Native))
    }

    /// Whether it is a gRPC-Web call: `Content-Type: application/grpc-web` or
    /// `application/grpc-web-text`, with any encoding.
    pub const fn is_grpc_web(&self) -> bool {
        matches!(self.grpc, Some(Grpc::Web | Grpc::WebText))
    }

    /// Whether it is a gRPC-Web call in base64.
    pub const fn is_grpc_web_text(&self) -> bool {
        matches!(self.grpc, Some(Grpc::WebText))
    }

    /// The `Origin` header; `null` if there were several.
    pub fn origin(&self) -> Option<&HeaderValue> {
        self.origin.as_ref().map(|initiator| &initiator.origin)
    }

    /// The host that was asked: the authority of the URI (HTTP/2), else the `Host` header.
    ///
    /// Kept only beside an `Origin`, with which alone it is compared.
    pub fn host(&self) -> Option<&[u8]> {
        let host = self.origin.as_ref()?.host.as_ref();
        host.map(Host::as_bytes)
    }

    /// Whether the browser says that it asks over plain http, and not on localhost.
    pub(crate) fn is_on_plain_http(&self) -> bool {
        let origin = self.origin().map(HeaderValue::as_bytes);
        let host = self.host().unwrap_or_default();
        origin.is_some_and(|origin| is_own_plain_http(origin, host))
    }

    /// The `User-Agent` header.
    pub const fn user_agent(&self) -> Option<&HeaderValue> {
        self.user_agent.as_ref()
    }
}

/// Whether a request asks for leave only: a CORS preflight, to which browsers add no credentials.
///
/// `OPTIONS` alone is a request like any other.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The methods that are told apart.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RequestMethod {
    /// CONNECT: in HTTP/2 how a WebSocket opens.
    Connect,
    /// DELETE.
    Delete,
    /// GET.
    #[default]
    Get,
    /// HEAD.
    Head,
    /// OPTIONS: usually a preflight of CORS.
    Options,
    /// Any other.
    Other,
    /// POST.
    Post,
}

impl RequestMethod {
    fn of(method: &Method) -> Self {
        match *method {
            Method::CONNECT => Self::Connect,
            Method::DELETE => Self::Delete,
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::OPTIONS => Self::Options,
            Method::POST => Self::Post,
            _ => Self::Other,
        }
    }
}

/// Yes-or-no facts, packed.
#[derive(Clone, Copy, Debug, Default)]
struct Marks(u8);

impl Marks {
    const DEVICE_BOUND: u8 = 1;
    const HTMX: u8 = 1 << 2;
    const PAGE: u8 = 1 << 7;
    const PREFETCH: u8 = 1 << 3;
    const SCRIPT: u8 = 1 << 1;
    const TURBO: u8 = 1 << 6;
    const UNCLEARED: u8 = 1 << 5;
    const WEBSOCKET: u8 = 1 << 4;

    const fn add(&mut self, mark: u8) {
        self.0 |= mark;
    }

    const fn has(self, any_of: u8) -> bool {
        self.0 & any_of != 0
    }
}

#[derive(Clone, Debug)]
enum Host {
    Authority(Authority),
    Header(HeaderValue),
}

impl Host {
    /// The authority of the URI replaces the header (RFC 9112, 3.2.2; RFC 9113, 8.3.1).
    fn of(uri: &Uri, header: Option<&HeaderValue>) -> Option<Self> {
        match uri.authority() {
            Some(authority) => Some(Self::Authority(authority.clone())),
            None => header.cloned().map(Self::Header),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Authority(authority) => authority.as_str().as_bytes(),
            Self::Header(value) => value.as_bytes(),
        }
    }
}
