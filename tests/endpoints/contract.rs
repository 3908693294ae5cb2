//! Compares answers with the document. A keyword that is not checked here fails, so that nothing in
//! the document goes unchecked.

use crate::support::{Ask, Got};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap());

/// Sends a request to an operation of the document, and holds the answer to it.
pub(crate) async fn call(operation: &str, ask: Ask) -> Got {
    let head = ask.is_head();
    let got = ask.send().await;
    if let Err(fault) = check_answer(operation, head, &got) {
        panic!("{operation}: {fault}\n{got:?}");
    }
    got
}

/// Every answer that the document names: for each operation status and media type, and for each header
/// that a described answer may have or not have, both.
pub(crate) fn answers() -> BTreeSet<String> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|path| path.as_object().unwrap());
    let responses = operations.flat_map(|(_, operation)| {
        let operation_id = operation["operationId"].as_str().unwrap();
        let responses = operation["responses"].as_object().unwrap().iter();
        responses.map(move |(status, response)| (operation_id, status, response))
    });
    responses
        .flat_map(|(operation, status, response)| {
            let place = place_of(operation, status, response);
            let response = resolve(response);
            let media = response["content"].as_object().into_iter().flatten();
            let media = media.map(|(essence, _)| essence.as_str());
            let media = media.chain(response.get("content").is_none().then_some(""));
            let media = media.map(|essence| format!("{operation} {status} {essence}"));
            let optional = optional_headers(response);
            let optional = optional.flat_map(|name| named(&place, &name));
            media.chain(optional).collect::<Vec<_>>()
        })
        .collect()
}

/// Which of [`answers`] this one shows.
pub(crate) fn shown_by(operation: &str, got: &Got) -> Vec<String> {
    let status = got.status.as_str();
    let response = described(operation, status).unwrap();
    let place = place_of(operation, status, response);
    let response = resolve(response);
    let has_body = !got.body.is_empty() || response.get("content").is_none();
    let body = has_body.then(|| format!("{operation} {status} {}", essence_of(got)));
    let headers = optional_headers(response).map(|name| {
        let [with, without] = named(&place, &name);
        if got.headers.contains_key(&name) {
            with
        } else {
            without
        }
    });
    body.into_iter().chain(headers).collect()
}

/// A response that several operations share is one.
fn place_of(operation: &str, status: &str, response: &Value) -> String {
    let shared = response.get("$ref").and_then(Value::as_str);
    shared.map_or_else(|| format!("{operation} {status}"), str::to_owned)
}

fn optional_headers(response: &'static Value) -> impl Iterator<Item = String> {
    let optional = headers_of(response).filter(|(_, header)| !is_required(header));
    optional.map(|(name, _)| name.to_lowercase())
}

fn named(place: &str, header: &str) -> [String; 2] {
    ["with", "without"].map(|it| format!("{place} {it} {header}"))
}

fn headers_of(response: &'static Value) -> impl Iterator<Item = (&'static String, &'static Value)> {
    let headers = response["headers"].as_object().into_iter().flatten();
    headers.map(|(name, header)| (name, resolve(header)))
}

fn is_required(header: &Value) -> bool {
    header["required"].as_bool().unwrap_or(false)
}

fn check_answer(operation: &str, head: bool, got: &Got) -> Result<(), String> {
    let response = described(operation, got.status.as_str())
        .map(resolve)
        .ok_or_else(|| format!("{} is not described", got.status))?;
    check_headers(response, got)?;
    let essence = essence_of(got);
    if got.body.is_empty() {
        // htmx reads where to go and nothing else.
        let leads_on = got.headers.contains_key("hx-redirect");
        let says_something = response.get("content").is_some() && !leads_on;
        return if says_something && !head {
            Err("the body is missing".to_owned())
        } else {
            Ok(())
        };
    }
    let media = response["content"]
        .get(essence)
        .ok_or_else(|| format!("{essence:?} is not described"))?;
    let body = if essence.ends_with("json") {
        got.json()
    } else {
        got.text().into()
    };
    check(&media["schema"], &body)
}

/// Those that the document names, and no others but what HTTP itself needs.
fn check_headers(response: &'static Value, got: &Got) -> Result<(), String> {
    let known: BTreeMap<_, _> = headers_of(response)
        .map(|(name, header)| (name.to_lowercase(), header))
        .collect();
    for (name, header) in &known {
        if is_required(header) && !got.headers.contains_key(name.as_str()) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, value) in &got.headers {
        if OF_HTTP.contains(&name.as_str()) {
            continue;
        }
        let header = known
            .get(name.as_str())
            .ok_or_else(|| format!("{name} is not described"))?;
        let value = Value::from(value.to_str().unwrap());
        check(&header["schema"], &value).map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

/// What every response has, or its `content` says.
const OF_HTTP: [&str; 4] = ["connection", "content-length", "content-type", "date"];

fn essence_of(got: &Got) -> &str {
    let content_type = got.header("content-type").unwrap_or_default();
    content_type.split(';').next().unwrap_or_default()
}

/// With the reference, if it is one.
fn described(operation: &str, status: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut operations = paths.values().flat_map(|path| path.as_object().unwrap());
    let (_, found) = operations
        .find(|(_, it)| it["operationId"] == operation)
        .unwrap_or_else(|| panic!("no operation {operation}"));
    found["responses"].get(status)
}

fn resolve(value: &'static Value) -> &'static Value {
    let Some(reference) = value.get("$ref") else {
        return value;
    };
    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
    resolve(DOCUMENT.pointer(pointer).expect(pointer))
}

fn check(schema: &'static Value, value: &Value) -> Result<(), String> {
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, is) in keywords {
        let fits = match keyword.as_str() {
            "description" => true,
            "$ref" => {
                check(resolve(schema), value)?;
                true
            }
            "type" => fits_type(is, value),
            "const" => is == value,
            "enum" => is.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|it| it >= is.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|it| it <= is.as_f64().unwrap()),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(is.as_str().unwrap(), text)),
            "required" => is
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" | "additionalProperties" => {
                check_members(keywords, value)?;
                true
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(is, item)?;
                }
                true
            }
            "oneOf" => fitting(is, value) == 1,
            "anyOf" => fitting(is, value) > 0,
            other => panic!("the keyword {other} is not checked"),
        };
        if !fits {
            return Err(format!("{value} does not fit {keyword} {is}"));
        }
    }
    Ok(())
}

fn check_members(keywords: &'static Map<String, Value>, value: &Value) -> Result<(), String> {
    let no_properties = Map::new();
    let known = keywords.get("properties").and_then(Value::as_object);
    let others = keywords.get("additionalProperties");
    for (name, member) in value.as_object().unwrap_or(&no_properties) {
        let schema = known.and_then(|known| known.get(name));
        match (schema, others) {
            (None, Some(Value::Bool(false))) => Err("is not described".to_owned()),
            (Some(schema), _) | (None, Some(schema)) => check(schema, member),
            (None, None) if known.is_none() => Ok(()),
            (None, None) => Err("is not described".to_owned()),
        }
        .map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

fn fitting(schemas: &'static Value, value: &Value) -> usize {
    let schemas = schemas.as_array().unwrap().iter();
    schemas.filter(|it| check(it, value).is_ok()).count()
}

fn fits_type(is: &Value, value: &Value) -> bool {
    if let Some(several) = is.as_array() {
        return several.iter().any(|one| fits_type(one, value));
    }
    match is.as_str().unwrap() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("there is no type {other}"),
    }
}

/// The patterns of the document, each as a function: a new one fails until it is added here.
fn matches(pattern: &str, text: &str) -> bool {
    let all = |text: &str, len: usize, fits: fn(char) -> bool| {
        text.chars().count() == len && text.chars().all(fits)
    };
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match pattern {
        "^/" => text.starts_with('/'),
        "^[0-9]+$" => !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()),
        "^[0-9a-f]{32}$" => all(text, 32, hex),
        "^\"[0-9a-f]{32}\"$" => {
            let inside = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            inside.is_some_and(|inside| all(inside, 32, hex))
        }
        "^[A-Za-z0-9_-]{22}$" => all(text, 22, |c| c.is_ascii_alphanumeric() || "_-".contains(c)),
        "^[a-z][a-z0-9-]*$" => {
            text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(word)
        }
        "^urn:adjourn:problem/[a-z0-9-]+$" => text
            .strip_prefix("urn:adjourn:problem/")
            .is_some_and(|code| !code.is_empty() && code.chars().all(word)),
        "^(GET, HEAD|POST)$" => ["GET, HEAD", "POST"].contains(&text),
        "^(Bearer|Cookie) realm=\"session\"" => {
            let scheme = ["Bearer ", "Cookie "].map(|scheme| text.strip_prefix(scheme));
            let rest = scheme.into_iter().flatten().next();
            rest.is_some_and(|rest| rest.starts_with("realm=\"session\""))
        }
        "default-src 'none'" | "sec-fetch-site, origin" | "; Path=/" | "\"storage\"" => {
            text.contains(pattern)
        }
        "(Sec-Fetch-Site|sec-fetch-site)" => text.to_lowercase().contains("sec-fetch-site"),
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$" => {
            let shape: String = text
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            shape == "0000-00-00T00:00:00.000Z"
        }
        other => panic!("the pattern {other} is not checked"),
    }
}

// The checker itself.
#[test]
fn what_does_not_fit_is_found() {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        serde_json::json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {
                "a": { "oneOf": [{ "type": "number", "minimum": 2 }, { "type": "null" }] },
                "b": { "type": "array", "items": { "enum": ["x", "y"] } },
            },
        })
    });
    let fits = |text: &str| check(&SCHEMA, &serde_json::from_str(text).unwrap()).is_ok();
    for good in [
        r#"{"a":2.5}"#,
        r#"{"a":null,"b":[]}"#,
        r#"{"a":2,"b":["y","x"]}"#,
    ] {
        assert!(fits(good), "{good}");
    }
    for bad in [
        "{}",
        "[]",
        r#"{"a":1}"#,
        r#"{"a":"2"}"#,
        r#"{"a":2,"b":["z"]}"#,
        r#"{"a":2,"b":{}}"#,
        r#"{"a":2,"c":0}"#,
    ] {
        assert!(!fits(bad), "{bad}");
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &'static Value) {
        match value {
            Value::Object(members) => {
                resolve(value);
                members.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&DOCUMENT);
    assert!(answers().len() >= 60);
    assert_eq!(DOCUMENT["openapi"], "3.1.1");
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}
