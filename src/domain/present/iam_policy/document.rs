//! A policy document in IAM's grammar, no larger than AWS takes it.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

/// Characters of a managed policy, white space left out (IAM quota).
pub(super) const POLICY_MAX: usize = 6_144;

/// Characters of a role's trust policy, unless AWS has raised the quota (IAM quota).
pub(super) const TRUST_MAX: usize = 2_048;

/// The version of the policy language (IAM reference: `Version`).
const VERSION: &str = "2012-10-17";

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: Vec<PolicyStatement>,
}

/// A policy that AWS would refuse for its size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the policy has {size} characters, and AWS takes {max}")]
pub struct Oversize {
    size: usize,
    max: usize,
}

/// Whether a statement opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PolicyEffect {
    /// It opens.
    Allow,
    /// It closes, whatever else opens.
    Deny,
}

/// Keys and the values that each may have, by operator.
type Conditions = BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>;

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyStatement {
    sid: &'static str,
    effect: PolicyEffect,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    principal: BTreeMap<&'static str, String>,
    action: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

impl PolicyDocument {
    /// These statements, if they are small enough together.
    pub(super) fn new(statement: Vec<PolicyStatement>, max: usize) -> Result<Self, Oversize> {
        let document = Self { version: VERSION, statement };
        let size = document.size();
        if size > max { Err(Oversize { size, max }) } else { Ok(document) }
    }

    /// Its statements.
    pub fn statements(&self) -> &[PolicyStatement] {
        &self.statement
    }

    /// Its characters, counted as IAM does: no value of ours holds white space.
    #[expect(clippy::missing_panics_doc, reason = "text and lists of text have a JSON form")]
    pub fn size(&self) -> usize {
        serde_json::to_string(self).expect("text and lists of text have a JSON form").len()
    }
}

impl PolicyStatement {
    /// Allows these actions, on everything.
    pub(super) fn allow(sid: &'static str, action: impl Into<Vec<String>>) -> Self {
        Self::new(sid, PolicyEffect::Allow, action.into())
    }

    /// Denies these actions, on everything.
    pub(super) fn deny(sid: &'static str, action: impl Into<Vec<String>>) -> Self {
        Self::new(sid, PolicyEffect::Deny, action.into())
    }

    fn new(sid: &'static str, effect: PolicyEffect, action: Vec<String>) -> Self {
        Self {
            sid,
            effect,
            principal: BTreeMap::new(),
            action,
            resource: vec!["*".to_owned()],
            condition: BTreeMap::new(),
        }
    }

    /// The same, on this resource alone.
    pub(super) fn on(self, resource: String) -> Self {
        Self { resource: vec![resource], ..self }
    }

    /// The same, for this principal; the role that the statement belongs to is the resource.
    pub(super) fn to(self, principal: String) -> Self {
        Self { principal: BTreeMap::from([("AWS", principal)]), resource: Vec::new(), ..self }
    }

    /// The same, but only when this key has one of these values.
    pub(super) fn when<T: ToString>(
        mut self,
        operator: &'static str,
        key: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.to_string()).collect();
        self.condition.entry(operator).or_default().insert(key, values);
        self
    }

    /// Whether it opens or closes.
    pub fn effect(&self) -> PolicyEffect {
        self.effect
    }

    /// What it opens or closes, `service:Operation`; an asterisk stands for any end.
    pub fn actions(&self) -> &[String] {
        &self.action
    }
}
