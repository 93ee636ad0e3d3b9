//! How texts with a form of their own look in JSON Schemas; everything else derives its schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::model::{AccountId, Digest, Installation, PackName, Region, UnitId};

/// Declares texts by name, length, pattern and meaning.
macro_rules! texts {
    ($($name:ident ($min:literal to $max:literal) = $pattern:literal, $meaning:literal;)*) => {
        $(impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "minLength": $min,
                    "maxLength": $max,
                    "pattern": $pattern,
                    "description": $meaning
                })
            }
        })*
    };
}

texts! {
    AccountId (12 to 12) = "^[0-9]{12}$",
        "An AWS account, as text: a number would lose leading zeros.";
    Digest (32 to 32) = "^[0-9a-f]{32}$",
        "The first 128 bits of a SHA-256.";
    Installation (1 to 32) = "^[a-z][a-z0-9-]*$",
        "Names one conformd in the marker of every pack it writes.";
    PackName (1 to 128) = "^[a-zA-Z][-a-zA-Z0-9]*$",
        "The name of an organization conformance pack.";
    Region (5 to 32) = "^[a-z][a-z0-9]*(-[a-z0-9]+)+-[a-z0-9]*[0-9]$",
        "An AWS region.";
    UnitId (6 to 68) = "^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$",
        "A root or an organizational unit.";
}
