//! The remediations of a template as shown to users: their rule, their action, and whether they run
//! automatically.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::base::model::Digest;
use crate::domain::declared::template::call::Call;
use crate::domain::declared::template::canonical::Canonical;
use crate::domain::declared::template::section::{REMEDIATION, entries};
use crate::domain::declared::template::term::described;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{MappingEntry, YamlNode};

/// A remediation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Remediation {
    /// The rule that it is for: its `ConfigRuleName`, or else its logical id.
    pub rule: String,
    /// The automation document: `TargetId`.
    pub target: String,
    /// Whether it runs automatically; null if a parameter decides.
    pub automatic: Option<bool>,
    /// Tells apart what differs in something else: parameters, attempts, condition.
    #[serde(skip)]
    pub content: Digest,
}

impl fmt::Display for Remediation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.automatic {
            Some(true) => "automatic",
            Some(false) => "manual",
            None => "automatic or manual: a parameter decides",
        };
        write!(out, "{} ({how})", self.target)
    }
}

/// One difference between the remediations of two templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RemediationChange {
    /// What is there; null: it is added.
    pub old: Option<Remediation>,
    /// The desired state; null: it is removed.
    pub new: Option<Remediation>,
}

/// In what these differ.
pub fn differences(old: &[Remediation], new: &[Remediation]) -> Vec<RemediationChange> {
    let removed = old.iter().filter(|one| !new.contains(one)).cloned().map(Some);
    let mut removed: Vec<Option<Remediation>> = removed.collect();
    let mut changes = Vec::new();
    for one in new.iter().filter(|one| !old.contains(one)) {
        let is_same =
            |old: &&mut Option<Remediation>| old.as_ref().is_some_and(|old| old.rule == one.rule);
        let before = removed.iter_mut().find(is_same).and_then(Option::take);
        changes.push(RemediationChange { old: before, new: Some(one.clone()) });
    }
    let removed = removed.into_iter().flatten();
    changes.extend(removed.map(|old| RemediationChange { old: Some(old), new: None }));
    changes
}

/// The remediations of a template, valid or not.
pub(in crate::domain::declared::template) fn of(root: &YamlNode) -> Vec<Remediation> {
    let resources = entries(root, "Resources");
    let all = resources.iter().map(|entry| &entry.value);
    let all = all.filter(|one| one.get("Type").and_then(YamlNode::text) == Some(REMEDIATION));
    let mut all: Vec<Remediation> = all.map(|one| Remediation::of(resources, one)).collect();
    all.sort_unstable();
    all
}

impl Remediation {
    fn of(resources: &[MappingEntry], resource: &YamlNode) -> Self {
        let property = |name| resource.get("Properties").and_then(|all| all.get(name));
        let text = |name| property(name).map_or_else(|| "none".to_owned(), words);
        let parts = [resource.get("Properties"), resource.get("Condition")];
        let parts = parts.map(|node| node.map(|node| Canonical::of(node).digest().to_string()));
        let parts = parts.each_ref().map(|part| part.as_deref().unwrap_or_default().as_bytes());
        Self {
            rule: property("ConfigRuleName")
                .map_or_else(|| "none".to_owned(), |name| rule(resources, name)),
            target: text("TargetId"),
            automatic: property("Automatic").map_or(Some(false), |node| {
                let scalar = node.scalar().filter(|_| Call::of(node).is_none())?;
                Some(scalar.meaning == Meaning::Bool(true) || &*scalar.text == "true")
            }),
            content: Digest::of(parts),
        }
    }
}

/// The name of a rule, which may be given by its logical id.
fn rule(resources: &[MappingEntry], name: &YamlNode) -> String {
    let call = Call::of(name).filter(|call| call.function == "Ref");
    let Some(id) = call.and_then(|call| call.text()) else { return words(name) };
    let meant = resources.iter().find(|entry| &*entry.key.text == id);
    let named = meant.and_then(|entry| entry.value.get("Properties")?.get("ConfigRuleName"));
    let named = named.filter(|node| Call::of(node).is_none()).and_then(YamlNode::text);
    named.unwrap_or(id).to_owned()
}

/// Text unchanged, and any other value as a description that differs if the value does.
fn words(node: &YamlNode) -> String {
    let text = node.text().filter(|_| Call::of(node).is_none());
    text.map_or_else(|| described(node), ToOwned::to_owned)
}
