//! What AWS Config requires of a remediation beyond its schema: a rule of the same pack, and what
//! an automatic one cannot do without.

pub(super) mod list;

use std::collections::BTreeMap;

use super::call::{Call, is_no_value};
use super::rule::{RULE, given, literal};
use super::section::REMEDIATION;
use super::{forms, inputs, rule, schema};
use crate::domain::base::code;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

/// The finding about an automatic remediation without a role.
const NO_ROLE: &str = "it is automatic without AutomationAssumeRole";

/// The rules of a pack by what a remediation can call them.
#[derive(Debug, Default)]
pub(super) struct Rules<'n> {
    /// Condition by logical id.
    by_id: BTreeMap<&'n str, Option<&'n YamlNode>>,
    /// Logical ids by `ConfigRuleName`, where that is written out.
    by_name: BTreeMap<&'n str, Vec<&'n str>>,
    /// Whether some name is known in the members only.
    some_unknown: bool,
}

impl<'n> Rules<'n> {
    pub(super) fn of(resources: &'n [MappingEntry]) -> Self {
        let mut rules = Self::default();
        for MappingEntry { key, value, .. } in resources {
            if value.get("Type").and_then(YamlNode::text) != Some(RULE) {
                continue;
            }
            rules.by_id.insert(&key.text, value.get("Condition"));
            let name = value.get("Properties").and_then(|all| given(all, "ConfigRuleName"));
            match name.map(literal) {
                Some(Some(name)) => rules.by_name.entry(name).or_default().push(&key.text),
                Some(None) => rules.some_unknown = true,
                // AWS makes the name in each member, so a template cannot name it.
                None => {}
            }
        }
        rules
    }

    /// The logical ids of the rules that a name or a `Ref` means; `None` if that is unknown.
    fn meant(&self, node: &'n YamlNode) -> Option<Vec<&'n str>> {
        let call = Call::of(node);
        if let Some(id) = call.and_then(|call| call.text().filter(|_| call.function == "Ref")) {
            // A parameter may hold the name.
            return self.by_id.contains_key(id).then(|| vec![id]);
        }
        let name = literal(node)?;
        let ids = self.by_name.get(name).cloned().unwrap_or_default();
        (!ids.is_empty() || !self.some_unknown).then_some(ids)
    }
}

/// Checks every remediation among the resources.
pub(super) fn check(findings: &mut Findings<'_>, resources: &[MappingEntry]) {
    let rules = Rules::of(resources);
    let mut remedied = BTreeMap::new();
    for MappingEntry { key_span, value, .. } in resources {
        if value.get("Type").and_then(YamlNode::text) != Some(REMEDIATION) {
            continue;
        }
        let Some(properties) = value.get("Properties") else {
            findings
                .error(*key_span, code::MISSING_FIELD, "the remediation has no Properties")
                .expected("Properties with ConfigRuleName, TargetType and TargetId");
            continue;
        };
        let usual = forms::usual(findings, properties);
        schema::check(findings, REMEDIATION, *key_span, &usual);
        check_automatic(findings, &usual);
        check_parameters(findings, &usual);
        if let Some(name) = given(properties, "ConfigRuleName") {
            rule::check_name(findings, name);
            check_rule(findings, &rules, value, name);
            if let Some(ids) = rules.meant(name) {
                let path = findings.path;
                let condition = value.get("Condition").and_then(YamlNode::text);
                for id in ids {
                    // Under different conditions only one of the two may exist, so only equal
                    // conditions collide.
                    if let Some(span) = remedied.insert((id, condition), name.span) {
                        let found = format!("the rule {id} has two remediations");
                        findings
                            .error(name.span, code::REMEDIATION, found)
                            .expected("one: AWS Config keeps one remediation for each rule")
                            .related(path, span, "the first is here");
                    }
                }
            }
        }
    }
}

fn check_rule(
    findings: &mut Findings<'_>,
    rules: &Rules<'_>,
    resource: &YamlNode,
    name: &YamlNode,
) {
    let Some(ids) = rules.meant(name) else { return };
    let Some(id) = ids.first().copied() else {
        let text = literal(name).unwrap_or_default();
        let found = format!("no rule of this pack is named {text}");
        let entry = findings
            .error(name.span, code::REMEDIATION, found)
            .expected("the ConfigRuleName of a rule of this pack, or !Ref and its logical id");
        if rules.by_id.contains_key(text) {
            entry.hint(format!("{text} is a logical id: write !Ref {text}"));
        } else {
            entry.did_you_mean(text, rules.by_name.keys().copied());
        }
        return;
    };
    // Named in words, the rule may not be there yet when AWS makes the remediation.
    let waits = resource.get("DependsOn").is_some_and(|node| {
        let named = node.sequence().unwrap_or(std::slice::from_ref(node));
        named.iter().any(|node| node.text().is_some_and(|text| ids.contains(&text)))
    });
    if Call::of(name).is_none() && !waits {
        let found = format!("nothing makes the remediation wait for its rule {id}");
        findings
            .warning(name.span, code::REMEDIATION, found)
            .hint(format!("add DependsOn: {id}, or write ConfigRuleName: !Ref {id}"));
    }
    if let [id] = &*ids
        && let Some(Some(condition)) = rules.by_id.get(id)
        && resource.get("Condition").is_none()
    {
        let condition = condition.text().unwrap_or_default();
        let found =
            format!("the rule {id} is there only if {condition} holds, the remediation always");
        findings
            .error(name.span, code::REMEDIATION, found)
            .expected(format!("Condition: {condition} on the remediation, too"));
    }
}

fn check_automatic(findings: &mut Findings<'_>, properties: &YamlNode) {
    let Some(automatic) = given(properties, "Automatic").and_then(YamlNode::scalar) else { return };
    if automatic.meaning != Meaning::Bool(true) && !automatic.text.eq_ignore_ascii_case("true") {
        return;
    }
    let Some(entry) = properties.mapping().and_then(|all| all.entry("Automatic")) else { return };
    for name in ["MaximumAutomaticAttempts", "RetryAttemptSeconds"] {
        if given(properties, name).is_none() {
            findings
                .error(entry.key_span, code::REMEDIATION, format!("it is automatic without {name}"))
                .hint(format!("set the number of attempts: {name}: 5"));
        }
    }
    let role = match given(properties, "Parameters") {
        None => None,
        Some(parameters) => match parameters.mapping().filter(|_| Call::of(parameters).is_none()) {
            Some(parameters) => {
                parameters.get("AutomationAssumeRole").filter(|role| !is_no_value(role))
            }
            // As text or by a function: the value is unknown.
            None => return,
        },
    };
    if role.is_none() {
        findings
            .error(entry.key_span, code::REMEDIATION, NO_ROLE)
            .expected("the ARN of a role under Parameters: AutomationAssumeRole")
            .hint("AWS Config API, PutRemediationConfigurations");
    }
}

fn check_parameters(findings: &mut Findings<'_>, properties: &YamlNode) {
    let Some(node) = given(properties, "Parameters") else { return };
    if let Some(text) = node.scalar().filter(|_| !node.is_null())
        && !inputs::is_object(&text.text)
    {
        findings
            .error(node.span, code::WRONG_TYPE, "Parameters is text, and not JSON")
            .expected("a mapping of the names of the document's parameters");
    }
    let Some(parameters) = node.mapping() else { return };
    for MappingEntry { key, key_span, value } in &parameters.entries {
        let Some(Mapping { entries, flow: _ }) = value.mapping() else { continue };
        if Call::of(value).is_none() && entries.len() != 1 {
            let found = format!("the parameter {} has {} kinds of value", key.text, entries.len());
            findings
                .error(*key_span, code::REMEDIATION, found)
                .expected("either ResourceValue or StaticValue");
        }
    }
    let role = parameters.get("AutomationAssumeRole").and_then(|role| role.get("StaticValue"));
    let values = role.and_then(|role| role.get("Values")).and_then(YamlNode::sequence);
    for value in values.into_iter().flatten() {
        let text = value.scalar().map(|scalar| &*scalar.text);
        // Text that begins with `${` is not checked, since AWS Config may replace a pseudo
        // parameter there.
        if let Some(text) = text.filter(|text| !text.starts_with("arn:") && !text.starts_with("${"))
        {
            findings
                .error(value.span, code::REMEDIATION, format!("{text:?} is no role"))
                .expected("its ARN: arn:aws:iam::${AWS::AccountId}:role/NAME");
        }
    }
    if let Some(call) = role.and_then(function_in) {
        findings
            .error(call.span, code::REMEDIATION, format!("{} in the automation role", call.name()))
            .expected("the ARN as text: AWS Config evaluates no function there")
            .hint("${AWS::AccountId} and ${AWS::Partition} in plain text are replaced");
    }
}

/// The first function in the values of a parameter.
fn function_in(value: &YamlNode) -> Option<Call<'_>> {
    let values = value.get("Values")?;
    let inner = values.sequence().unwrap_or(std::slice::from_ref(values));
    inner.iter().find_map(Call::of)
}
