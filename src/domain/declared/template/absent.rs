//! References to resources that are left out by their conditions, from what is there:
//! `CloudFormation` finds them unresolved and refuses the template. `DependsOn` is not judged.

use std::collections::BTreeMap;

use super::call::Call;
use super::effective::Evaluation;
use super::substitution::substitutions;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{MappingEntry, Value, YamlNode};

/// Checks every resource and output that certainly exists.
pub(super) fn check(
    findings: &mut Findings<'_>,
    evaluation: &mut Evaluation<'_>,
    resources: &[MappingEntry],
    outputs: &[MappingEntry],
) {
    let mut absent = BTreeMap::new();
    for MappingEntry { key, key_span, value } in resources {
        if let Some(condition) = value.get("Condition").and_then(YamlNode::text)
            && evaluation.condition(condition) == Some(false)
        {
            absent.insert(&*key.text, AbsentResource { condition, declared: *key_span });
        }
    }
    // Only certain facts count: a resource that may exist must not cause an error.
    if absent.is_empty() {
        return;
    }
    for (all, parts) in [(resources, ["Properties", "Metadata"]), (outputs, ["Value", "Export"])] {
        for MappingEntry { value, .. } in all {
            let is_there = match value.get("Condition") {
                None => true,
                Some(name) => {
                    name.text().is_some_and(|name| evaluation.condition(name) == Some(true))
                }
            };
            for part in parts.iter().filter_map(|part| value.get(part)).filter(|_| is_there) {
                AbsentWalk { findings, evaluation, absent: &absent }.node(part);
            }
        }
    }
}

/// A resource that is not there.
struct AbsentResource<'n> {
    /// What does not hold.
    condition: &'n str,
    declared: Span,
}

struct AbsentWalk<'w, 'p, 't> {
    findings: &'w mut Findings<'p>,
    evaluation: &'w mut Evaluation<'t>,
    absent: &'w BTreeMap<&'w str, AbsentResource<'w>>,
}

impl AbsentWalk<'_, '_, '_> {
    fn node(&mut self, node: &YamlNode) {
        if let Some(call) = Call::of(node) {
            return self.call(&call);
        }
        match &node.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Value::Mapping(mapping) => {
                mapping.entries.iter().for_each(|entry| self.node(&entry.value));
            }
        }
    }

    fn call(&mut self, call: &Call<'_>) {
        let span = call.argument_span();
        match (call.function, call.items()) {
            ("If", Some([condition, yes, no])) => {
                let name = condition.text();
                match name.and_then(|name| self.evaluation.condition(name)) {
                    Some(true) => self.node(yes),
                    Some(false) => self.node(no),
                    // It is not known which of them is used.
                    None => {}
                }
            }
            ("Ref", _) => self.reference(call.text(), span),
            ("GetAtt", Some([resource, _])) => self.reference(resource.text(), span),
            ("GetAtt", _) => {
                let resource = call.text().and_then(|text| text.split('.').next());
                self.reference(resource, span);
            }
            ("Sub", items) => {
                let (text, own) = match items {
                    Some([text, own]) => (text.text(), own.mapping()),
                    Some(_) | None => (call.any_text(), None),
                };
                for name in text.into_iter().flat_map(substitutions) {
                    if own.is_none_or(|own| own.get(name).is_none()) {
                        self.reference(name.split('.').next(), span);
                    }
                }
                own.into_iter().flat_map(|own| &own.entries).for_each(|it| self.node(&it.value));
            }
            (_, _) => call.children().into_iter().for_each(|node| self.node(node)),
        }
    }

    fn reference(&mut self, name: Option<&str>, span: Span) {
        let Some((name, AbsentResource { condition, declared })) =
            name.and_then(|name| self.absent.get_key_value(name))
        else {
            return;
        };
        let path = self.findings.path;
        let found = format!("the resource {name} is not there: {condition} does not hold");
        self.findings
            .error(span, code::UNKNOWN_REFERENCE, found)
            .expected("a reference where the resource is there, too: the same condition, or Fn::If")
            .related(path, *declared, "its condition is here");
    }
}
