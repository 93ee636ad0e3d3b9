//! A conformance pack template: what it holds, its canonical digest, and its text as delivered.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::Digest;

/// A template that was parsed and proven to carry the marker parameter without other change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Digest of the canonical parsed template, marker left out: unchanged by comments, key order,
    /// white space and YAML or JSON form; changed by any value.
    pub digest: Digest,
    /// What it holds.
    pub census: Census,
    /// The author's bytes with the marker parameter declared.
    pub body: Arc<str>,
}

/// Counts and names of what a template holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// `AWS::Config::ConfigRule` resources.
    pub rules: u32,
    /// `AWS::Config::RemediationConfiguration` resources.
    pub remediations: u32,
    /// `Source.Owner` values in use: `AWS`, `CUSTOM_LAMBDA`, `CUSTOM_POLICY`.
    pub owners: BTreeSet<String>,
    /// Declared parameters.
    pub parameters: BTreeSet<String>,
    /// Declared parameters without a `Default`.
    pub required: BTreeSet<String>,
    /// Parameters that something refers to.
    pub used: BTreeSet<String>,
}
