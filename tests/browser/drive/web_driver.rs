//! What both protocols of `WebDriver` (w3c.org/TR/webdriver2, and `BiDi`) have in common.

use super::{Cookie, Key};
use serde_json::{Value, json};

/// Where a click is, on whole points: no others are taken.
pub(super) fn click(x: f64, y: f64) -> Value {
    let (x, y) = (x.round(), y.round());
    json!({ "actions": [{
        "type": "pointer",
        "id": "mouse",
        "actions": [
            { "type": "pointerMove", "x": x, "y": y },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ],
    }] })
}

/// A key that is pressed and let go.
pub(super) fn press(key: Key) -> Value {
    let value = match key {
        Key::Enter => "\u{e007}",
        Key::Escape => "\u{e00c}",
        Key::Space => " ",
        Key::Tab => "\u{e004}",
    };
    json!({ "actions": [{
        "type": "key",
        "id": "keyboard",
        "actions": [
            { "type": "keyDown", "value": value },
            { "type": "keyUp", "value": value },
        ],
    }] })
}

/// The cookies of a list, which Chromium writes in the same way. Where `BiDi` has an object for a value, the
/// text is in it.
pub(super) fn cookies(list: &Value) -> Vec<Cookie> {
    let list = list.as_array().unwrap().iter();
    list.map(|cookie| {
        let value = &cookie["value"];
        Cookie {
            name: text(&cookie["name"]),
            path: text(&cookie["path"]),
            value: text(value.get("value").unwrap_or(value)),
        }
    })
    .collect()
}

/// A text, which must be one.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
