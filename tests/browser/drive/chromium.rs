//! Chromium by its own protocol. No chromedriver in between, which would switch off what the tests
//! are about: it disables the throttling of timers in hidden tabs.

use super::{
    Cookie, Key,
    process::Process,
    web_driver::{self, text},
    wire::Wire,
};
use crate::support::eventually;
use serde_json::{Value, json};
use std::{cell::RefCell, path::PathBuf, process::Command};

/// A running Chromium.
#[derive(Debug)]
pub(super) struct Chromium {
    wire: RefCell<Wire>,
    pub(super) process: Process,
}

/// The names by which it is installed.
pub(super) const PROGRAMS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

impl Chromium {
    pub(super) fn start(program: PathBuf) -> Self {
        let profile = Process::profile();
        let mut command = Command::new(program);
        command
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank");
        let mut process = Process::start(&mut command, profile);
        let (port, path) = process.announces("DevToolsActivePort", |text| {
            let (port, path) = text.split_once('\n')?;
            Some((port.parse::<u16>().ok()?, path.trim().to_owned()))
        });
        let wire = Wire::open(([127, 0, 0, 1], port).into(), &path);
        Self {
            wire: RefCell::new(wire),
            process,
        }
    }

    fn call(&self, tab: Option<&str>, method: &str, params: &Value) -> Result<Value, String> {
        let mut message = json!({ "method": method, "params": params });
        if let Some(tab) = tab {
            message["sessionId"] = tab.into();
        }
        self.wire.borrow_mut().call(message)
    }

    fn do_in(&self, tab: &str, method: &str, params: &Value) -> Value {
        let done = self.call(Some(tab), method, params);
        done.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(super) fn open(&self) -> String {
        let url = json!({ "url": "about:blank" });
        let tab = self.call(None, "Target.createTarget", &url).unwrap();
        let target = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", &target).unwrap();
        attached["sessionId"].as_str().unwrap().to_owned()
    }

    /// One tab stays: without any it would end.
    pub(super) fn forget(&self) {
        let url = json!({ "url": "about:blank" });
        let stays = self.call(None, "Target.createTarget", &url).unwrap();
        let others = || {
            let all = self.call(None, "Target.getTargets", &json!({})).unwrap();
            let mut all = all["targetInfos"].as_array().unwrap().clone();
            all.retain(|it| it["type"] == "page" && it["targetId"] != stays["targetId"]);
            all
        };
        for tab in others() {
            let tab = json!({ "targetId": tab["targetId"] });
            self.call(None, "Target.closeTarget", &tab).unwrap();
        }
        eventually("no other tab", || others().is_empty().then_some(()));
        let none = json!({});
        self.call(None, "Storage.clearCookies", &none).unwrap();
    }

    pub(super) fn to_front(&self, tab: &str) {
        self.do_in(tab, "Page.bringToFront", &json!({}));
    }

    pub(super) fn navigate(&self, tab: &str, url: &str) {
        self.do_in(tab, "Page.navigate", &json!({ "url": url }));
    }

    pub(super) fn back(&self, tab: &str) {
        let history = self.do_in(tab, "Page.getNavigationHistory", &json!({}));
        let before = usize::try_from(history["currentIndex"].as_u64().unwrap()).unwrap() - 1;
        let entry = json!({ "entryId": history["entries"][before]["id"] });
        self.do_in(tab, "Page.navigateToHistoryEntry", &entry);
    }

    pub(super) fn eval(&self, tab: &str, script: &str) -> Result<Value, String> {
        let params = json!({
            "expression": script,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        let mut done = self.call(Some(tab), "Runtime.evaluate", &params)?;
        if done["exceptionDetails"].is_null() {
            Ok(done["result"]["value"].take())
        } else {
            Err(done["exceptionDetails"].to_string())
        }
    }

    pub(super) fn is_exposed(&self, tab: &str, element: &str, role: &str, name: &str) -> bool {
        self.do_in(tab, "Accessibility.enable", &json!({}));
        let found = self.do_in(tab, "Runtime.evaluate", &json!({ "expression": element }));
        let one = json!({ "objectId": found["result"]["objectId"], "fetchRelatives": false });
        let tree = self.do_in(tab, "Accessibility.getPartialAXTree", &one);
        let node = &tree["nodes"][0];
        node["ignored"] == false && node["role"]["value"] == role && node["name"]["value"] == name
    }

    pub(super) fn click(&self, tab: &str, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1,
            });
            self.do_in(tab, "Input.dispatchMouseEvent", &event);
        }
    }

    pub(super) fn press(&self, tab: &str, key: Key) {
        let (name, code, text) = match key {
            Key::Enter => ("Enter", 13, "\r"),
            Key::Escape => ("Escape", 27, ""),
            Key::Space => (" ", 32, " "),
            Key::Tab => ("Tab", 9, ""),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind,
                "key": name,
                "code": if name == " " { "Space" } else { name },
                "windowsVirtualKeyCode": code,
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.do_in(tab, "Input.dispatchKeyEvent", &event);
        }
    }

    pub(super) fn cookies(&self) -> Vec<Cookie> {
        let held = self.call(None, "Storage.getCookies", &json!({})).unwrap();
        web_driver::cookies(&held["cookies"])
    }

    pub(super) fn set_cookie(&self, cookie: &Cookie) {
        let cookie = json!({
            "name": cookie.name,
            "value": cookie.value,
            "path": cookie.path,
            "url": "https://localhost",
            "secure": true,
            "httpOnly": true,
            "sameSite": "Lax",
        });
        let cookies = json!({ "cookies": [cookie] });
        self.call(None, "Storage.setCookies", &cookies).unwrap();
    }

    pub(super) fn screenshot(&self, tab: &str) -> String {
        let png = json!({ "format": "png" });
        text(&self.do_in(tab, "Page.captureScreenshot", &png)["data"])
    }

    /// The size of the page, and whether the user likes it dark.
    pub(super) fn show_as(&self, tab: &str, width: u32, height: u32, dark: bool) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.do_in(tab, "Emulation.setDeviceMetricsOverride", &size);
        let value = if dark { "dark" } else { "light" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": value },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.do_in(tab, "Emulation.setEmulatedMedia", &media);
    }
}

const FLAGS: [&str; 15] = [
    "--headless=new",
    // Its own sandbox cannot be had in a container or as root. It sees only pages of these tests.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--hide-scrollbars",
    "--window-size=1280,900",
    // Nothing but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
];
