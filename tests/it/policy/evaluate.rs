//! IAM's evaluation as far as our policies need it, written apart from what makes them: one action
//! on one resource in one region. Conditions on other keys are taken as met.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::process::text;

/// A request, as IAM sees it.
pub(super) struct Asked<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) region: &'a str,
}

/// What a policy says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    Denied,
    Unmentioned,
}

/// A policy that can be asked.
pub(super) struct Policy(Vec<Value>);

impl Policy {
    pub(super) fn of(document: &Value) -> Self {
        Self(document["Statement"].as_array().unwrap().clone())
    }

    pub(super) fn decision(&self, asked: &Asked<'_>) -> Decision {
        let fitting = self.0.iter().filter(|statement| fits(statement, asked));
        let effects: Vec<&str> = fitting.map(|statement| text(&statement["Effect"])).collect();
        match (effects.contains(&"Deny"), effects.contains(&"Allow")) {
            (true, _) => Decision::Denied,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::Unmentioned,
        }
    }

    pub(super) fn allowed_actions(&self) -> BTreeSet<String> {
        let open = self.0.iter().filter(|statement| statement["Effect"] == "Allow");
        open.flat_map(|statement| strings(&statement["Action"])).collect()
    }
}

fn fits(statement: &Value, asked: &Asked<'_>) -> bool {
    let any = |patterns: &Value, value: &str| {
        strings(patterns).iter().any(|pattern| matches(pattern, value))
    };
    let regions = &statement["Condition"]["StringEquals"]["aws:RequestedRegion"];
    any(&statement["Action"], asked.action)
        && any(&statement["Resource"], asked.resource)
        && (regions.is_null() || strings(regions).iter().any(|region| region == asked.region))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| text(one).to_owned()).collect()
}

/// An asterisk stands for any text.
fn matches(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, rest)) => value.strip_prefix(start).is_some_and(|value| {
            (0..=value.len()).any(|at| value.is_char_boundary(at) && matches(rest, &value[at..]))
        }),
    }
}
