//! A value that may be a secret: shown on the terminal of the user who asked, and nowhere else.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::domain::base::model::Digest;

/// A parameter's value. `plan` and `apply` show it on the terminal; logs, JSON and HTTP show only a
/// digest, since some values are secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue(String);

impl ParameterValue {
    /// Wraps a value.
    pub fn new(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest that replaces it where it must not be shown.
    pub fn redacted(&self) -> String {
        format!("#{}", Digest::of([self.0.as_bytes()]).short())
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.redacted())
    }
}

impl Serialize for ParameterValue {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&self.redacted())
    }
}

impl JsonSchema for ParameterValue {
    fn schema_name() -> Cow<'static, str> {
        "ParameterValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 9,
            "maxLength": 9,
            "pattern": "^#[0-9a-f]{8}$",
            "description": "A digest that stands for the value: people paste secrets."
        })
    }
}
