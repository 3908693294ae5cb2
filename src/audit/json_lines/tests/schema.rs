//! A validator for what the schema of OCSF demands.

use serde_json::Value;

pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn authentication() -> Self {
        let text = include_str!("../../../../tests/data/ocsf-authentication.json");
        Self(serde_json::from_str(text).unwrap())
    }

    /// Everything that is wrong with a document.
    pub(super) fn faults(&self, document: &Value) -> Vec<String> {
        let mut faults = self.object("", &self.0, document);
        let number = |name: &str| document[name].as_u64();
        let expected = number("class_uid").zip(number("activity_id"));
        if number("type_uid") != expected.map(|(class, activity)| class * 100 + activity) {
            faults.push("type_uid is not class_uid * 100 + activity_id".to_owned());
        }
        for (name, values) in self.0["enums"].as_object().unwrap() {
            let value = &document[name];
            if !value.is_null() && !values.as_array().unwrap().contains(value) {
                faults.push(format!("{name} is {value}"));
            }
        }
        faults
    }

    fn object(&self, path: &str, rules: &Value, object: &Value) -> Vec<String> {
        let Some(members) = object.as_object() else {
            return vec![format!("{path} is no object")];
        };
        let names = |rule: &str| {
            let names = rules[rule].as_array().into_iter().flatten();
            names.map(|name| name.as_str().unwrap().to_owned())
        };
        let mut faults: Vec<_> = names("required")
            .filter(|name| !members.contains_key(name))
            .map(|name| format!("{path}.{name} is missing"))
            .collect();
        let alternatives: Vec<_> = names("at_least_one").collect();
        if !alternatives.is_empty() && !alternatives.iter().any(|name| members.contains_key(name)) {
            faults.push(format!("{path} has none of {alternatives:?}"));
        }
        for (name, value) in members {
            let path = format!("{path}.{name}");
            faults.extend(match rules["attributes"][name].as_str() {
                None => vec![format!("{path} is not in the schema")],
                Some("boolean") if value.is_boolean() => vec![],
                Some("integer") if value.is_u64() => vec![],
                Some("object") if value.is_object() => vec![],
                Some("string") if value.is_string() => vec![],
                Some(kind @ ("boolean" | "integer" | "object" | "string")) => {
                    vec![format!("{path} is no {kind}")]
                }
                Some(kind) => self.object(&path, &self.0["objects"][kind], value),
            });
        }
        faults
    }
}
