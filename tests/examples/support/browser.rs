//! Somebody with a browser: sends what browsers send, and keeps cookies as they do.

use super::{Call, Response};
use std::net::SocketAddr;

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    address: SocketAddr,
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    path: String,
    value: String,
}

impl Browser {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            cookies: Vec::new(),
        }
    }

    /// The same browser at another address.
    #[cfg(all(
        feature = "postgres",
        feature = "redis",
        feature = "sqlite",
        feature = "ws"
    ))]
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// Follows a link or a bookmark.
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send(navigation(Call::get(path)))
    }

    /// Presses the button of a form.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(navigation(Call::post(path)).form(fields))
    }

    /// What a script on a page asks for.
    pub(crate) fn fetch(&mut self, path: &str) -> Response {
        self.send(Call::get(path).header("accept", "application/json"))
    }

    /// Any other request, with the cookies.
    pub(crate) fn send(&mut self, call: Call) -> Response {
        let response = self.with_cookies(call).send(self.address);
        for line in response.all("set-cookie") {
            self.take(line);
        }
        response
    }

    /// The cookies that belong to this request, on it.
    pub(crate) fn with_cookies(&self, call: Call) -> Call {
        let sent = self.cookies.iter();
        let sent = sent.filter(|cookie| call.path().starts_with(&cookie.path));
        let pairs: Vec<_> = sent.map(|c| format!("{}={}", c.name, c.value)).collect();
        if pairs.is_empty() {
            return call;
        }
        call.header("cookie", &pairs.join("; "))
    }

    pub(crate) fn log_in(
        &mut self,
        username: &str,
        password: &str,
        more: &[(&str, &str)],
    ) -> Response {
        let fields = [("username", username), ("password", password)];
        self.post("/login", &[&fields, more].concat())
    }

    pub(crate) fn log_out(&mut self) -> Response {
        self.post("/logout", &[])
    }

    /// The names of the cookies it holds.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.cookies
            .iter()
            .map(|cookie| cookie.name.as_str())
            .collect()
    }

    fn take(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = parts.collect();
        let path = attributes
            .iter()
            .find_map(|part| part.strip_prefix("Path="));
        let path = path.expect("every cookie here says its path");
        assert!(attributes.contains(&"Secure"), "{line}");
        self.cookies
            .retain(|known| known.name != name || known.path != path);
        if !attributes.contains(&"Max-Age=0") {
            self.cookies.push(Cookie {
                name: name.to_owned(),
                path: path.to_owned(),
                value: value.to_owned(),
            });
        }
    }
}

fn navigation(call: Call) -> Call {
    call.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        )
}
