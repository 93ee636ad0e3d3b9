//! How answers are written where clients see it.

use serde::{Deserialize, Serialize};

use crate::domain::base::model::AccountId;

/// How the HTTP face presents the world; the first alternative of each is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// The account of an access key id that names no account; if unset, such keys are refused.
    pub any_credentials: Option<AccountId>,
    /// Which clock the `Date` header shows.
    pub date: DateClock,
    /// The clock on which sessions expire: the one that clients use, since they hold the keys.
    pub sessions: DateClock,
    /// How unset optional members appear.
    pub unset: Unset,
    /// How an exception's name is spelt in `__type`.
    pub error_name: ErrorName,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            any_credentials: None,
            date: DateClock::Virtual,
            sessions: DateClock::Real,
            unset: Unset::default(),
            error_name: ErrorName::default(),
        }
    }
}

/// One of two clocks. Clients correct their signing time by the `Date` header and, when it is far
/// off, retry refused calls; the times in bodies are virtual in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateClock {
    /// The machine's.
    Real,
    /// The world's.
    Virtual,
}

/// How an optional member without a value appears in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unset {
    /// Not at all.
    #[default]
    Absent,
    /// As null.
    Null,
    /// As empty text or an empty list; moments and page tokens are left out.
    Empty,
}

/// How an exception is named in an error body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorName {
    /// `ResourceInUseException`
    #[default]
    Bare,
    /// `com.amazonaws.simulated#ResourceInUseException`
    Namespaced,
    /// `ResourceInUseException:http://simulated.amazonaws.com/`
    Suffixed,
}
