//! A browser, or another client with a cookie jar: one connection a request, real HTTP.

use super::Jar;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpStream;

/// A client of a site. Clones share the jar, like the tabs of a browser.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    host: String,
    jar: Arc<Mutex<Jar>>,
    /// Whether the connection counts as https, as loopback does for Chromium and Firefox.
    secure: bool,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            host: "app.example".to_owned(),
            jar: Arc::default(),
            secure: true,
        }
    }

    /// The host in the `Host` header, for which the jar keeps cookies.
    pub(crate) fn at_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// A browser on plain http, that stores no `Secure` cookie.
    pub(crate) const fn on_plain_http(mut self) -> Self {
        self.secure = false;
        self
    }

    /// Another browser on the same site, with a copy of what is in the jar now: a thief, a backup.
    pub(crate) fn stolen_copy(&self) -> Self {
        Self {
            jar: Arc::new(Mutex::new(self.jar())),
            ..self.clone()
        }
    }

    /// The same site, and nothing in the jar.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            jar: Arc::default(),
            ..self.clone()
        }
    }

    pub(crate) fn jar(&self) -> Jar {
        self.jar.lock().unwrap().clone()
    }

    /// Puts a cookie into the jar, as a `Set-Cookie` line of a response for `/`.
    pub(crate) fn plant(&self, line: &str) {
        let mut jar = self.jar.lock().unwrap();
        jar.take(line, &self.host, "/", self.secure);
    }

    /// The value of the session cookie.
    pub(crate) fn token(&self) -> Option<String> {
        self.jar().value("__Host-sid")
    }

    /// A request without any header of a browser: of a program with a cookie jar.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask {
        Ask {
            browser: self.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            sends_cookies: true,
            keeps_cookies: true,
        }
    }

    /// Follows a link, or sends a form, to a page of its own.
    pub(crate) fn navigate(&self, method: Method, path: &str) -> Ask {
        self.ask(method, path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    /// A `fetch` of a script of this site.
    pub(crate) fn fetch(&self, method: Method, path: &str) -> Ask {
        self.ask(method, path)
            .header("accept", "application/json")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
    }

    /// `GET` as a navigation.
    pub(crate) async fn get(&self, path: &str) -> Got {
        self.navigate(Method::GET, path).send().await
    }

    /// `GET` as a fetch.
    pub(crate) async fn get_api(&self, path: &str) -> Got {
        self.fetch(Method::GET, path).send().await
    }

    /// `POST` of a form.
    pub(crate) async fn post(&self, path: &str) -> Got {
        self.navigate(Method::POST, path).send().await
    }

    /// `POST` as a fetch.
    pub(crate) async fn post_api(&self, path: &str) -> Got {
        self.fetch(Method::POST, path).send().await
    }

    /// Logs in, and says what the session cookie is now.
    pub(crate) async fn log_in(&self, subject: &str) -> String {
        let got = self.post_api(&format!("/login?as={subject}")).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        self.token().expect("a session cookie after the log-in")
    }
}

/// A request that is being put together.
#[must_use = "a request does nothing until it is sent"]
pub(crate) struct Ask {
    browser: Browser,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    sends_cookies: bool,
    keeps_cookies: bool,
}

impl Ask {
    /// Sets a header; a value of the same name is replaced.
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.headers.insert(name, value);
        self
    }

    /// The same client with another method.
    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Adds a header beside others of its name.
    pub(crate) fn also(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.headers.append(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Presents this as the session cookie, instead of what is in the jar.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("cookie", format!("__Host-sid={token}"))
            .without_jar()
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Neither sends what is in the jar nor keeps what comes.
    pub(crate) const fn without_jar(mut self) -> Self {
        self.sends_cookies = false;
        self.keeps_cookies = false;
        self
    }

    /// Does not send what is in the jar, but keeps what comes.
    pub(crate) const fn without_cookies(mut self) -> Self {
        self.sends_cookies = false;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the whole response.
    pub(crate) async fn send(self) -> Got {
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let (body, broken) = read(body).await;
        Got {
            status: parts.status,
            headers: parts.headers,
            body,
            broken,
        }
    }

    /// Sends it in a task of its own.
    pub(crate) fn spawn(self) -> tokio::task::JoinHandle<Got> {
        tokio::spawn(self.send())
    }

    /// Sends it and reads the head of the response.
    pub(crate) async fn open(self) -> Response<Incoming> {
        let (browser, path) = (self.browser.clone(), self.path.clone());
        let keeps = self.keeps_cookies;
        let stream = TcpStream::connect(browser.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(self.into_request()).await.unwrap();
        if keeps {
            let mut jar = browser.jar.lock().unwrap();
            for line in response.headers().get_all("set-cookie") {
                let line = line.to_str().unwrap();
                jar.take(line, &browser.host, without_query(&path), browser.secure);
            }
        }
        response
    }

    /// The bytes on the wire: for a client that hangs up whenever it likes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let body = self.body.clone();
        let request = self.into_request();
        let mut wire = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
        for (name, value) in request.headers() {
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        wire.extend_from_slice(&body);
        wire
    }

    /// Sends it and gives the connection to the caller, who may drop it.
    pub(crate) async fn send_and_keep_socket(self) -> TcpStream {
        use tokio::io::AsyncWriteExt;
        let address = self.browser.address;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&self.into_bytes()).await.unwrap();
        stream
    }

    /// The request, for a service that is called without a network.
    pub(crate) fn into_request(self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        let headers = request.headers_mut();
        headers
            .entry("host")
            .or_insert(HeaderValue::from_str(&self.browser.host).unwrap());
        if self.sends_cookies {
            let (host, path) = (&self.browser.host, without_query(&self.path));
            let jar = self.browser.jar.lock().unwrap();
            if let Some(cookies) = jar.header(host, path, self.browser.secure) {
                headers.append("cookie", HeaderValue::from_str(&cookies).unwrap());
            }
        }
        request
    }
}

async fn read(mut body: Incoming) -> (Bytes, bool) {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Err(_) => return (read.into(), true),
        }
    }
    (read.into(), false)
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// A response, read to its end.
#[derive(Clone)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body ended with an error.
    pub(crate) broken: bool,
}

impl Got {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The one value of a header; fails when there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        assert!(values.next().is_none(), "several {name}: {self:?}");
        Some(first.to_str().unwrap())
    }

    /// The `Set-Cookie` lines.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    /// The one `Set-Cookie` line for a name; fails when there are several.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .set_cookies()
            .into_iter()
            .filter(|line| line.split('=').next() == Some(name));
        let first = lines.next();
        assert!(lines.next().is_none(), "several lines for {name}: {self:?}");
        first
    }

    /// Whether the session cookie is removed.
    pub(crate) fn removes_session(&self) -> bool {
        self.set_cookie("__Host-sid")
            .is_some_and(|line| line.starts_with("__Host-sid=;") && line.contains("Max-Age=0"))
    }

    /// The stable reason in a problem document.
    pub(crate) fn reason(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        self.json()["reason"].as_str().unwrap().to_owned()
    }

    /// Whether the answer is that the session cannot be checked: in words for who reads, else the
    /// stable reason.
    pub(crate) fn cannot_be_checked(&self) -> bool {
        if self.header("content-type") == Some("text/html; charset=utf-8") {
            let text = "Your session cannot be checked now.";
            return self.text().contains(text);
        }
        self.reason() == "store-unavailable" && self.json()["status"] == 503
    }

    /// Whether nobody was authenticated: 401, or a redirect away.
    pub(crate) fn is_refused(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED || self.status == StatusCode::SEE_OTHER
    }
}

impl std::fmt::Debug for Got {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body))?;
        if self.broken {
            f.write_str(" (broken off)")?;
        }
        Ok(())
    }
}
