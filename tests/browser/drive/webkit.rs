//! WebKit by `WebDriver` (w3c.org/TR/webdriver2): its `MiniBrowser` has no protocol of its own, and no mode
//! without a display, so it gets one that nobody sees. Not Safari: the engine is the same, the network
//! is not.

use super::{
    Cookie, Key,
    process::Process,
    web_driver::{self, text},
};
use crate::support::{Call, eventually};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
};

/// A running WebKit.
#[derive(Debug)]
pub(super) struct WebKit {
    driver: SocketAddr,
    session: String,
    /// The tab with which it starts, until somebody opens it.
    first: RefCell<Option<String>>,
    // In the order in which they go: a browser must not lose its display.
    pub(super) process: Process,
    _display: Process,
}

/// The names by which it is installed.
pub(super) const PROGRAMS: [&str; 1] = ["WebKitWebDriver"];

/// What it needs besides: a display, and encryption. It keeps no `Secure` cookie of `http://localhost`.
pub(super) const HELPERS: [&str; 3] = ["Xvfb", "node", "openssl"];

impl WebKit {
    pub(super) fn start(program: PathBuf) -> Self {
        let (display, number) = display();
        let profile = Process::profile();
        let driver = a_free_port();
        let mut command = Command::new(program);
        command
            .arg(format!("--port={}", driver.port()))
            .env("DISPLAY", format!(":{number}"))
            // Nothing of the desktop of whoever runs this.
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("GDK_BACKEND", "x11")
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1");
        let process = Process::start(&mut command, profile);
        eventually("a driver of WebKit", || TcpStream::connect(driver).ok());
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true,
            "pageLoadStrategy": "none",
        } } });
        let session = send(driver, "POST", "/session", &wanted).unwrap();
        let webkit = Self {
            driver,
            session: format!("/session/{}", text(&session["sessionId"])),
            first: RefCell::default(),
            process,
            _display: display,
        };
        let first = webkit.must("GET", "/window", &Value::Null);
        webkit.first.replace(Some(text(&first)));
        webkit
    }

    fn call(&self, method: &str, path: &str, params: &Value) -> Result<Value, String> {
        send(self.driver, method, &(self.session.clone() + path), params)
    }

    fn must(&self, method: &str, path: &str, params: &Value) -> Value {
        let done = self.call(method, path, params);
        done.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// What is said next is meant for this tab.
    fn choose(&self, tab: &str) {
        self.must("POST", "/window", &json!({ "handle": tab }));
    }

    fn do_in(&self, tab: &str, path: &str, params: &Value) {
        self.choose(tab);
        self.must("POST", path, params);
    }

    /// The first tab is the one in front, and stays there: what is clicked or pressed in another one is
    /// never answered.
    pub(super) fn open(&self) -> String {
        if let Some(first) = self.first.take() {
            return first;
        }
        let tab = self.must("POST", "/window/new", &json!({ "type": "tab" }));
        text(&tab["handle"])
    }

    pub(super) fn to_front(&self, tab: &str) {
        self.choose(tab);
    }

    pub(super) fn navigate(&self, tab: &str, url: &str) {
        self.do_in(tab, "/url", &json!({ "url": url }));
    }

    pub(super) fn back(&self, tab: &str) {
        self.do_in(tab, "/back", &json!({}));
    }

    pub(super) fn eval(&self, tab: &str, script: &str) -> Result<Value, String> {
        self.choose(tab);
        let script = format!(
            "const done = arguments[0]; {script}.then(value => done([value]), \
             error => done(String(error)))"
        );
        let params = json!({ "script": script, "args": [] });
        let mut done = self.call("POST", "/execute/async", &params)?;
        if done.is_array() {
            Ok(done[0].take())
        } else {
            Err(done.to_string())
        }
    }

    pub(super) fn is_exposed(&self, tab: &str, element: &str, role: &str, name: &str) -> bool {
        self.choose(tab);
        let script = json!({ "script": format!("return {element}"), "args": [] });
        let found = self.must("POST", "/execute/sync", &script);
        let id = text(found.as_object().unwrap().values().next().unwrap());
        let computed = |what| {
            self.must(
                "GET",
                &format!("/element/{id}/computed{what}"),
                &Value::Null,
            )
        };
        computed("role") == role && computed("label") == name
    }

    pub(super) fn click(&self, tab: &str, x: f64, y: f64) {
        self.do_in(tab, "/actions", &web_driver::click(x, y));
    }

    pub(super) fn press(&self, tab: &str, key: Key) {
        self.do_in(tab, "/actions", &web_driver::press(key));
    }

    /// Those that the tab which was used last sends with its own address: `WebDriver` knows no others.
    pub(super) fn cookies(&self) -> Vec<Cookie> {
        web_driver::cookies(&self.must("GET", "/cookie", &Value::Null))
    }

    pub(super) fn set_cookie(&self, cookie: &Cookie) {
        let cookie = json!({
            "name": cookie.name,
            "value": cookie.value,
            "path": cookie.path,
            "secure": true,
            "httpOnly": true,
            "sameSite": "Lax",
        });
        self.must("POST", "/cookie", &json!({ "cookie": cookie }));
    }

    pub(super) fn screenshot(&self, tab: &str) -> String {
        self.choose(tab);
        text(&self.must("GET", "/screenshot", &Value::Null))
    }
}

/// A display that nobody sees, and its number.
fn display() -> (Process, u32) {
    let program = Process::find(&["Xvfb"]).expect("it was looked for");
    let mut command = Command::new(program);
    command.args(["-displayfd", "1", "-screen", "0", "1280x900x24"]);
    command.args(["-nolisten", "tcp"]);
    let mut process = Process::start(&mut command, Process::profile());
    let number = process.announces(Process::OUTPUT, |said| {
        said.strip_suffix('\n')?.trim().parse().ok()
    });
    (process, number)
}

/// The driver does not say which port it took, so it is told one.
fn a_free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The value that the driver answers, or what it says against it.
fn send(driver: SocketAddr, method: &str, path: &str, params: &Value) -> Result<Value, String> {
    let mut call = Call::new(method, path);
    if !params.is_null() {
        call = call.body("application/json", &params.to_string());
    }
    let answer = call.send(driver);
    let value = answer.json()["value"].take();
    if answer.status == 200 {
        Ok(value)
    } else {
        Err(value.to_string())
    }
}
