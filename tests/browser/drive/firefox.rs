//! Firefox by the protocol that it speaks itself (`WebDriver BiDi`, w3c.github.io/webdriver-bidi).
//! No geckodriver in between, which hides the back/forward cache from the tests.

use super::{
    Cookie, Key,
    process::Process,
    web_driver::{self, text},
    wire::Wire,
};
use serde_json::{Value, json};
use std::{cell::RefCell, fs, path::PathBuf, process::Command, time::UNIX_EPOCH};

/// A running Firefox.
#[derive(Debug)]
pub(super) struct Firefox {
    wire: RefCell<Wire>,
    pub(super) process: Process,
}

/// The names by which it is installed.
pub(super) const PROGRAMS: [&str; 2] = ["firefox-esr", "firefox"];

impl Firefox {
    /// With further preferences, as lines of `user.js`.
    pub(super) fn start(program: PathBuf, preferences: &str) -> Self {
        let profile = Process::profile();
        let preferences = PREFERENCES.to_owned() + preferences;
        fs::write(profile.join("user.js"), preferences).unwrap();
        let mut command = Command::new(program);
        command
            .args(["--headless", "--no-remote", "--new-instance"])
            .args(["--remote-debugging-port", "0"])
            .arg("--profile")
            .arg(&profile)
            .arg("about:blank")
            .env("MOZ_CRASHREPORTER_DISABLE", "1");
        let mut process = Process::start(&mut command, profile);
        let port = process.announces("WebDriverBiDiServer.json", |text| {
            let server: Value = serde_json::from_str(text).ok()?;
            u16::try_from(server["ws_port"].as_u64()?).ok()
        });
        let mut wire = Wire::open(([127, 0, 0, 1], port).into(), "/session");
        let session = json!({ "method": "session.new", "params": { "capabilities": {} } });
        wire.call(session).unwrap();
        Self {
            wire: RefCell::new(wire),
            process,
        }
    }

    fn call(&self, method: &str, params: &Value) -> Result<Value, String> {
        let message = json!({ "method": method, "params": params });
        self.wire.borrow_mut().call(message)
    }

    fn must(&self, method: &str, params: &Value) -> Value {
        let done = self.call(method, params);
        done.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(super) fn open(&self) -> String {
        let tab = self.must("browsingContext.create", &json!({ "type": "tab" }));
        text(&tab["context"])
    }

    /// One tab stays: without any it would end.
    pub(super) fn forget(&self) {
        let stays = self.open();
        let tabs = self.must("browsingContext.getTree", &json!({ "maxDepth": 0 }));
        let tabs = tabs["contexts"].as_array().unwrap().iter();
        for tab in tabs.filter(|tab| tab["context"] != stays) {
            let tab = json!({ "context": tab["context"] });
            self.must("browsingContext.close", &tab);
        }
        self.must("storage.deleteCookies", &json!({}));
    }

    pub(super) fn to_front(&self, tab: &str) {
        self.must("browsingContext.activate", &json!({ "context": tab }));
    }

    pub(super) fn navigate(&self, tab: &str, url: &str) {
        let to = json!({ "context": tab, "url": url, "wait": "none" });
        self.must("browsingContext.navigate", &to);
    }

    pub(super) fn back(&self, tab: &str) {
        let by = json!({ "context": tab, "delta": -1 });
        self.must("browsingContext.traverseHistory", &by);
    }

    pub(super) fn eval(&self, tab: &str, script: &str) -> Result<Value, String> {
        let params = json!({
            "expression": script,
            "target": { "context": tab },
            "awaitPromise": true,
            "userActivation": true,
        });
        let mut done = self.call("script.evaluate", &params)?;
        if done["type"] == "success" {
            Ok(done["result"]["value"].take())
        } else {
            Err(done["exceptionDetails"]["text"].to_string())
        }
    }

    pub(super) fn is_exposed(&self, tab: &str, element: &str, role: &str, name: &str) -> bool {
        let node = |script: &str| {
            let params = json!({
                "expression": script, "target": { "context": tab }, "awaitPromise": false,
            });
            text(&self.must("script.evaluate", &params)["result"]["sharedId"])
        };
        // It looks among what is below, and not into shadow trees.
        let around = node(&format!("({element}).parentNode"));
        let params = json!({
            "context": tab,
            "locator": { "type": "accessibility", "value": { "role": role, "name": name } },
            "startNodes": [{ "sharedId": around }],
        });
        let found = self.must("browsingContext.locateNodes", &params);
        let mut found = found["nodes"].as_array().unwrap().iter();
        let wanted = node(element);
        found.any(|it| it["sharedId"] == wanted)
    }

    fn act(&self, tab: &str, mut actions: Value) {
        actions["context"] = tab.into();
        self.must("input.performActions", &actions);
    }

    pub(super) fn click(&self, tab: &str, x: f64, y: f64) {
        self.act(tab, web_driver::click(x, y));
    }

    pub(super) fn press(&self, tab: &str, key: Key) {
        self.act(tab, web_driver::press(key));
    }

    pub(super) fn cookies(&self) -> Vec<Cookie> {
        let mut held = self.must("storage.getCookies", &json!({}));
        let listed = held["cookies"].as_array_mut().unwrap();
        listed.retain(|cookie| !is_removed(cookie));
        web_driver::cookies(&held["cookies"])
    }

    pub(super) fn set_cookie(&self, cookie: &Cookie) {
        let cookie = json!({
            "name": cookie.name,
            "value": { "type": "string", "value": cookie.value },
            "domain": "localhost",
            "path": cookie.path,
            "secure": true,
            "httpOnly": true,
            "sameSite": "lax",
        });
        self.must("storage.setCookie", &json!({ "cookie": cookie }));
    }

    pub(super) fn screenshot(&self, tab: &str) -> String {
        let png = json!({ "context": tab });
        text(&self.must("browsingContext.captureScreenshot", &png)["data"])
    }
}

/// Firefox takes `Max-Age=0` for "until now". Where that comes a millisecond after its look at the clock,
/// the cookie is still in the list, without a value and never sent again.
fn is_removed(cookie: &Value) -> bool {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let is_over = cookie["expiry"].as_u64().is_some_and(|at| at <= now + 1);
    is_over && cookie["value"]["value"] == ""
}

/// For whom likes it dark and without motion: the system's wishes, which no protocol pretends to have.
pub(super) const DARK_AND_STILL: &str = r#"
user_pref("ui.prefersReducedMotion", 1);
user_pref("ui.systemUsesDarkTheme", 1);
"#;

/// The browser as people have it, not as automation would like it; but quiet, and without a way to
/// any other machine.
const PREFERENCES: &str = r#"
user_pref("remote.prefs.recommended", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage", "about:blank");
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.startup.page", 0);
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.no_proxies_on", "localhost, 127.0.0.1");
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.proxy.type", 1);
user_pref("services.settings.server", "data:,none");
user_pref("termsofuse.bypassNotification", true);
user_pref("toolkit.telemetry.server", "data:,none");
"#;
