//! A tab, and what somebody does in it.

use super::{Browser, Key, dispatch};
use crate::support::eventually;
use serde_json::Value;
use std::cell::Cell;

/// A tab of a browser.
#[derive(Debug)]
pub(crate) struct Tab<'a> {
    browser: &'a Browser,
    id: String,
    documents: Cell<u32>,
}

impl<'a> Tab<'a> {
    pub(super) const fn new(browser: &'a Browser, id: String) -> Self {
        let documents = Cell::new(0);
        Self {
            browser,
            id,
            documents,
        }
    }

    /// Brings it before the others, which are hidden then.
    pub(crate) fn to_front(&self) {
        dispatch!(self.browser, it => it.to_front(&self.id));
    }

    /// Types an address.
    pub(crate) fn go(&self, url: &str) {
        self.to_the_next_page(|tab| dispatch!(tab.browser, it => it.navigate(&tab.id, url)));
    }

    /// Presses the browser's Back button.
    pub(crate) fn back(&self) {
        self.to_the_next_page(|tab| dispatch!(tab.browser, it => it.back(&tab.id)));
    }

    /// A link or a button that leads to another page.
    pub(crate) fn follow(&self, selector: &str) {
        self.to_the_next_page(|tab| tab.click(selector));
    }

    /// A script that leads to another page.
    pub(crate) fn follow_script(&self, script: &str) {
        self.to_the_next_page(|tab| {
            // Some browsers drop the answer when the page goes.
            let _gone = tab.try_eval(script);
        });
    }

    /// Does something that leads to another page, or to the same once more, and waits for that.
    pub(crate) fn to_the_next_page(&self, step: impl FnOnce(&Self)) {
        let mark = self.mark();
        step(self);
        self.wait_for_another_page(mark);
    }

    /// Marks the page that is there, so that the next one can be told from it.
    pub(crate) fn mark(&self) -> u32 {
        let mark = self.documents.get() + 1;
        self.documents.set(mark);
        self.eval(&format!("window.theMarkOfTheTest = {mark}"));
        mark
    }

    /// Waits until another page than the marked one is there, complete. In between there may be an
    /// empty one.
    pub(crate) fn wait_for_another_page(&self, mark: u32) {
        let script = format!(
            "window.theMarkOfTheTest !== {mark} && location.protocol !== 'about:' \
             && document.readyState === 'complete'"
        );
        self.wait_for("another page", &script);
    }

    /// Waits until a script answers true.
    pub(crate) fn wait_for(&self, what: &str, script: &str) {
        let what = format!("{what} ({script})");
        eventually(&what, || {
            (self.try_eval(script) == Ok(Value::Bool(true))).then_some(())
        });
    }

    /// Waits until it is at this path, complete.
    pub(crate) fn wait_to_be_at(&self, path: &str) {
        let script =
            format!("location.pathname === '{path}' && document.readyState === 'complete'");
        self.wait_for(path, &script);
    }

    /// What an expression has for a value, as JSON; promises are waited for.
    pub(crate) fn eval(&self, script: &str) -> Value {
        self.try_eval(script)
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The same, where the page may go away meanwhile.
    pub(crate) fn try_eval(&self, script: &str) -> Result<Value, String> {
        let script =
            format!("Promise.resolve({script}\n).then(value => JSON.stringify(value ?? null))");
        let json = dispatch!(self.browser, it => it.eval(&self.id, &script))?;
        let json = json.as_str().ok_or("no value")?;
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// Whether the browser tells assistive technology of this element: as what, and by which name.
    pub(crate) fn is_exposed(&self, element: &str, role: &str, name: &str) -> bool {
        dispatch!(self.browser, it => it.is_exposed(&self.id, element, role, name))
    }

    /// The path of the page.
    pub(crate) fn path(&self) -> String {
        let path = self.eval("location.pathname");
        path.as_str().unwrap().to_owned()
    }

    /// What can be read on the page: hidden text is none.
    pub(crate) fn text(&self) -> String {
        let text = self.eval(VISIBLE_TEXT);
        text.as_str().unwrap().to_owned()
    }

    /// Panics unless the page can be read and has this text.
    pub(crate) fn shows(&self, text: &str) {
        let shown = self.text();
        assert!(
            shown.contains(text),
            "no {text:?} at {}: {shown}",
            self.path()
        );
    }

    /// Clicks, as a user does.
    pub(crate) fn click(&self, selector: &str) {
        let place = format!(
            "(() => {{ const it = document.querySelector({selector:?}); \
             it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = it.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let place = self.eval(&place);
        let [x, y] = [0, 1].map(|at| place[at].as_f64().unwrap());
        dispatch!(self.browser, it => it.click(&self.id, x, y));
    }

    /// Presses a key, as a user does.
    pub(crate) fn press(&self, key: Key) {
        dispatch!(self.browser, it => it.press(&self.id, key));
    }

    /// The page as a picture, in base64.
    pub(crate) fn screenshot(&self) -> String {
        dispatch!(self.browser, it => it.screenshot(&self.id))
    }

    /// The size of the page, and whether the user likes it dark. Only Chromium can pretend that.
    pub(crate) fn show_as(&self, width: u32, height: u32, dark: bool) {
        if let super::Engine::Chromium(chromium) = &self.browser.engine {
            chromium.show_as(&self.id, width, height, dark);
        }
    }
}

/// `innerText` leaves out what is not displayed, and this also what is displayed invisibly.
const VISIBLE_TEXT: &str = "document.body && document.documentElement.checkVisibility({ \
     opacityProperty: true, visibilityProperty: true }) && document.body.checkVisibility({ \
     opacityProperty: true, visibilityProperty: true }) ? document.body.innerText : ''";
