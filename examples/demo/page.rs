//! The frame of every page, and the answers that many handlers share.

use crate::users;
use adjourn::{
    Session,
    endpoints::{CLIENT_SCRIPT_INTEGRITY, LogOutForm},
    id::Subject,
    policy::RequestFacts,
};
use axum::{
    Json,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use serde_json::json;
use std::fmt;

/// A page: needs nothing from elsewhere, and works without scripts unless it is about what goes on.
#[derive(Debug)]
pub(crate) struct Page {
    title: &'static str,
    viewer: Option<Subject>,
    links: &'static [Link],
    main: String,
    script: String,
}

impl Page {
    /// `viewer`: who is logged in. `main`: HTML, in which every foreign text went through
    /// [`text`].
    pub(crate) fn new(
        title: &'static str,
        viewer: Option<&Subject>,
        main: impl Into<String>,
    ) -> Self {
        Self {
            title,
            viewer: viewer.cloned(),
            links: if viewer.is_some() { &LINKS } else { &VISITORS },
            main: main.into(),
            script: String::new(),
        }
    }

    /// A page that is the same for whoever asks, and says nothing of who that is.
    pub(crate) fn for_everybody(title: &'static str, main: impl Into<String>) -> Self {
        Self {
            links: &EVERYBODY,
            ..Self::new(title, None, main)
        }
    }

    /// A script of `assets`: a file, because the policy of the pages allows none within them.
    pub(crate) fn with_script(mut self, name: &str) -> Self {
        self.script = format!("<script type=\"module\" src=\"/static/{name}\"></script>");
        self
    }

    fn navigation(&self) -> String {
        let is_admin = self.viewer.as_ref().is_some_and(users::is_admin);
        let mut links = String::new();
        for (path, label, for_admins) in self.links {
            if !for_admins || is_admin {
                links.push_str(&link(path, label, self.title));
            }
        }
        links
    }

    /// Adjourn's script, on every page of somebody who is logged in: it warns before the session
    /// ends, and when it does it leaves the page in every tab, and nothing in the browser.
    fn client_script(&self) -> String {
        self.viewer.as_ref().map_or_else(String::new, |_| {
            format!(
                "<script src=\"/session/adjourn.js\" integrity=\"{CLIENT_SCRIPT_INTEGRITY}\" \
                 data-poll=\"15\" defer></script>"
            )
        })
    }

    /// Who is logged in, and the way out on every page. It is a form, because a link must not log out;
    /// adjourn's script knows it, and tells the other tabs.
    fn viewer(&self) -> String {
        self.viewer.as_ref().map_or_else(String::new, |viewer| {
            let log_out = LogOutForm::to("/logout").with_class("button small");
            format!(
                "<div class=\"viewer\"><span><span class=\"wide\">Logged in as </span>\
                 <strong>{}</strong></span>{log_out}</div>",
                text(viewer.as_str())
            )
        })
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let page = include_str!("web/page.html")
            .replace("{title}", self.title)
            .replace("{script}", &(self.client_script() + &self.script))
            .replace("{navigation}", &self.navigation())
            .replace("{viewer}", &self.viewer())
            // Last: what it holds is not looked through again.
            .replace("{main}", &self.main);
        Html(page).into_response()
    }
}

/// A text as HTML.
pub(crate) const fn text(text: &str) -> Text<'_> {
    Text(text)
}

/// See [`text`].
#[derive(Debug)]
pub(crate) struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = special.chars();
            f.write_str(match chars.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// 403, as a page or as JSON, whichever the client prefers.
pub(crate) fn refused(facts: &RequestFacts, viewer: Option<&Subject>, why: &str) -> Response {
    let status = StatusCode::FORBIDDEN;
    if !facts.prefers_html() {
        return (status, Json(json!({ "error": why }))).into_response();
    }
    let main = format!("<h1>Not allowed</h1><p class=\"lead\">{}</p>", text(why));
    (status, Page::new("Not allowed", viewer, main)).into_response()
}

/// What no route serves. Without a session nobody gets here: the layer asks for a log-in first, and
/// so does not tell which pages there are.
pub(crate) async fn not_found(session: Session) -> Response {
    let main = "<h1>There is no such page</h1>\
                <p class=\"lead\"><a href=\"/account\">Go to your account</a></p>";
    let page = Page::new("Not found", session.subject().as_ref(), main);
    (StatusCode::NOT_FOUND, page).into_response()
}

fn link(path: &str, label: &str, title: &str) -> String {
    let current = if label == title {
        " aria-current=\"page\""
    } else {
        ""
    };
    format!("<li><a href=\"{path}\"{current}>{label}</a></li>")
}

/// Path, label, and whether only administrators see it. A page whose title is the label is that
/// link's.
type Link = (&'static str, &'static str, bool);

const VISITORS: [Link; 1] = [("/login", "Log in", false)];

const EVERYBODY: [Link; 2] = [("/", "Home", false), ("/account", "Account", false)];

const LINKS: [Link; 5] = [
    ("/account", "Account", false),
    ("/account/statements", "Statements", false),
    ("/account/sessions", "Sessions", false),
    ("/live", "Live", false),
    ("/admin", "Admin", true),
];
