//! What AWS Config requires of a rule beyond its schema: who evaluates it, by what, and when.

use std::collections::BTreeMap;

use super::call::{Call, is_no_value};
use super::names::as_in_a_member;
use super::term::plain;
use super::{inputs, schema};
use crate::domain::base::code;
use crate::domain::base::model::AccountId;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::joining;
use crate::domain::declared::yaml::tree::{MappingEntry, Value, YamlNode};

pub(super) use super::section::RULE;

/// Message types that a rule of a policy takes (`AWS::Config::ConfigRule` in the `CloudFormation`
/// template reference: `SourceDetails`).
const MESSAGES_OF_POLICIES: &[&str] =
    &["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"];

/// Characters of a function's name (AWS Lambda API: `FunctionName`).
const FUNCTION_NAME_MAX: usize = 64;

/// The value of a key that is not `AWS::NoValue`.
pub(super) fn given<'n>(node: &'n YamlNode, key: &str) -> Option<&'n YamlNode> {
    node.get(key).filter(|value| !is_no_value(value))
}

/// Text in which nothing is left to be put in.
pub(super) fn literal(node: &YamlNode) -> Option<&str> {
    node.text().filter(|text| !text.contains("${"))
}

/// A scalar as AWS turns it into text. Only pseudo parameters are left in it, which have one value
/// in each member.
fn said(node: &YamlNode) -> Option<String> {
    let text = node.scalar().and_then(plain)?;
    as_in_a_member(&text).is_some().then_some(text)
}

/// Checks one rule; `place` is that of its logical id.
pub(super) fn check(findings: &mut Findings<'_>, resource: &YamlNode, place: Span) {
    let Some(properties) = resource.get("Properties") else {
        findings
            .error(place, code::MISSING_FIELD, "the rule has no Properties")
            .expected("Properties with ConfigRuleName and Source");
        return;
    };
    // The schema comes first: the checks below add what a schema cannot express.
    schema::check(findings, RULE, place, properties);
    if let Some(name) = given(properties, "ConfigRuleName") {
        refuse_joining(findings, name);
    }
    if let Some(source) = given(properties, "Source") {
        check_source(findings, source);
    }
    if let Some(scope) = given(properties, "Scope") {
        check_scope(findings, scope);
    }
    if let Some(inputs) = given(properties, "InputParameters") {
        inputs::check(findings, inputs);
    }
    if let Some(name) = given(properties, "ConfigRuleName") {
        check_name(findings, name);
    }
}

/// The pattern of a rule's name is `.*\\S.*` (AWS Config API: `ConfigRuleName`): something that is
/// seen, on one line.
pub(super) fn check_name(findings: &mut Findings<'_>, name: &YamlNode) {
    // The name identifies a rule for the guard, so an imported one, which is unknown here, is
    // refused.
    if let Some(call) = Call::of(name) {
        match (call.function, call.items()) {
            ("If", Some([_, yes, no])) => {
                check_name(findings, yes);
                check_name(findings, no);
            }
            ("ImportValue", _) => {
                findings
                    .error(name.span, code::RULE_NAME, "an imported value names the rule")
                    .expected("a name that follows from the template and its parameters");
            }
            (_, _) => {}
        }
        return;
    }
    let Some(text) = literal(name) else { return };
    let found = if text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        "ConfigRuleName has more than one line"
    } else if !text.is_empty() && text.chars().all(char::is_whitespace) {
        "ConfigRuleName is blank"
    } else {
        return;
    };
    findings.error(name.span, code::MALFORMED, found).expected("a name on one line");
}

/// Refuses invisible characters in a name, even those that other texts need.
fn refuse_joining(findings: &mut Findings<'_>, node: &YamlNode) {
    match &node.value {
        Value::Scalar(scalar) => {
            if let Some(character) = joining(&scalar.text) {
                findings
                    .error(node.span, code::CHARACTER, format!("{character} is in a name"))
                    .hint("remove it: two names that differ by it look alike");
            }
        }
        Value::Sequence(nodes) => nodes.iter().for_each(|node| refuse_joining(findings, node)),
        Value::Mapping(mapping) => {
            mapping.entries.iter().for_each(|entry| refuse_joining(findings, &entry.value));
        }
    }
}

fn check_source(findings: &mut Findings<'_>, source: &YamlNode) {
    // Both branches of a condition may be deployed, so both are checked. Any other function would
    // hide what evaluates the rule.
    if let Some(call) = Call::of(source) {
        if let ("If", Some([_, yes, no])) = (call.function, call.items()) {
            for branch in [yes, no] {
                check_source(findings, branch);
            }
        } else if !is_no_value(source) {
            refuse_hidden(findings, source, "Source");
        }
        return;
    }
    let details = given(source, "SourceDetails");
    let policy = given(source, "CustomPolicyDetails");
    let owner = given(source, "Owner").and_then(YamlNode::text);
    match owner {
        Some("AWS") => {
            check_identifier(findings, source);
            if let Some(details) = details {
                findings
                    .error(details.span, code::RULE_SOURCE, "a managed rule has SourceDetails")
                    .expected("SourceDetails for custom rules only: AWS sets those of its own");
            }
        }
        Some("CUSTOM_LAMBDA") => check_function(findings, source),
        Some("CUSTOM_POLICY") if policy.is_none() => {
            findings
                .error(source.span, code::RULE_SOURCE, "the rule has no CustomPolicyDetails")
                .expected("CustomPolicyDetails with PolicyRuntime and PolicyText");
        }
        Some(_) | None => {}
    }
    if let (Some(owner @ ("AWS" | "CUSTOM_LAMBDA")), Some(policy)) = (owner, policy) {
        let found = format!("a rule of owner {owner} has CustomPolicyDetails");
        findings.error(policy.span, code::RULE_SOURCE, found).expected("Owner: CUSTOM_POLICY");
    }
    if let Some(owner @ ("CUSTOM_LAMBDA" | "CUSTOM_POLICY")) = owner {
        let none = details.is_none_or(|details| details.sequence().is_some_and(<[_]>::is_empty));
        if none {
            let found =
                format!("a rule of owner {owner} has no SourceDetails: nothing triggers it");
            findings.error(source.span, code::RULE_SOURCE, found).expected(
                "SourceDetails: [{EventSource: aws.config, \
                 MessageType: ConfigurationItemChangeNotification}]",
            );
        }
    }
    for detail in details.and_then(YamlNode::sequence).into_iter().flatten() {
        check_detail(findings, detail, owner);
    }
}

/// The source of a rule must be known from the template.
fn refuse_hidden(findings: &mut Findings<'_>, node: &YamlNode, what: &str) {
    let function = Call::of(node).map(|call| call.name()).unwrap_or_default();
    findings
        .error(node.span, code::RULE_SOURCE, format!("{function} decides the {what} of the rule"))
        .expected("a mapping, or Fn::If between two");
}

fn check_identifier(findings: &mut Findings<'_>, source: &YamlNode) {
    let Some(identifier) = given(source, "SourceIdentifier") else {
        findings
            .error(source.span, code::RULE_SOURCE, "the managed rule has no SourceIdentifier")
            .hint("name an AWS managed rule, such as IAM_PASSWORD_POLICY");
        return;
    };
    let Some(text) = said(identifier) else { return };
    let Some(in_a_member) = as_in_a_member(&text) else { return };
    let has_form = in_a_member.starts_with(|first: char| first.is_ascii_uppercase())
        && in_a_member
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !has_form && !text.is_empty() {
        let found = format!("{text:?} is no identifier of a rule");
        let entry = findings.error(identifier.span, code::RULE_SOURCE, found).expected(
            "capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy",
        );
        // The two frequent mistakes: a Lambda function with the wrong owner, and the name of the
        // rule in the console in place of its identifier.
        if text.starts_with("arn:") {
            entry.hint("for your own function, set Owner: CUSTOM_LAMBDA");
        } else if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text == in_a_member
        {
            let upper = text.trim().to_uppercase().replace(['-', ' ', '.'], "_");
            entry.hint(format!("the identifier of this rule may be {upper}"));
        }
    }
}

fn check_function(findings: &mut Findings<'_>, source: &YamlNode) {
    let Some(identifier) = given(source, "SourceIdentifier") else {
        findings
            .error(source.span, code::RULE_SOURCE, "the rule has no SourceIdentifier")
            .expected("the ARN of the Lambda function");
        return;
    };
    // Imported values are set outside of the template, so the guard could not tell when the
    // function is replaced.
    if Call::of(identifier).is_some_and(|call| call.function == "ImportValue") {
        findings
            .error(identifier.span, code::RULE_SOURCE, "an imported value names the function")
            .expected("its ARN, in the template: conformd must know what evaluates a rule")
            .hint("a parameter with the ARN, or !Sub with ${AWS::AccountId} in it");
    }
    let Some(text) = said(identifier) else { return };
    if !text.is_empty() && as_in_a_member(&text).is_some_and(|arn| !is_function(&arn)) {
        findings
            .error(identifier.span, code::RULE_SOURCE, format!("{text:?} is no Lambda function"))
            .expected("its ARN: arn:aws:lambda:REGION:ACCOUNT:function:NAME");
    }
}

/// Whether this is the ARN of a function, with a version or an alias or without (AWS Lambda API:
/// `FunctionArn`).
fn is_function(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    // Without a qualifier AWS Lambda uses `$LATEST`.
    let (partition, region, account, name, qualifier) = match &*parts {
        ["arn", partition, "lambda", region, account, "function", name] => {
            (partition, region, account, name, "$LATEST")
        }
        ["arn", partition, "lambda", region, account, "function", name, qualifier] => {
            (partition, region, account, name, *qualifier)
        }
        _ => return false,
    };
    let is_made_of = |text: &str, others: &[u8]| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    partition.starts_with("aws")
        && is_made_of(partition, b"-")
        && is_made_of(region, b"-")
        && account.parse::<AccountId>().is_ok()
        && is_made_of(name, b"-_")
        && name.len() <= FUNCTION_NAME_MAX
        && (qualifier == "$LATEST" || is_made_of(qualifier, b"-_"))
}

fn check_detail(findings: &mut Findings<'_>, detail: &YamlNode, owner: Option<&str>) {
    let Some(message) = given(detail, "MessageType") else { return };
    let Some(text) = literal(message) else { return };
    if owner == Some("CUSTOM_POLICY") && !MESSAGES_OF_POLICIES.contains(&text) {
        findings
            .error(message.span, code::RULE_SOURCE, format!("a policy is not triggered by {text}"))
            .expected(MESSAGES_OF_POLICIES.join(", "));
    }
    // AWS Config refuses a frequency for messages that it sends on a change.
    if let Some(frequency) = given(detail, "MaximumExecutionFrequency")
        && text != "ScheduledNotification"
    {
        let found = format!("{text} is sent when a change occurs, at no frequency");
        findings
            .error(frequency.span, code::RULE_SOURCE, found)
            .expected("MaximumExecutionFrequency with MessageType: ScheduledNotification only");
    }
}

fn check_scope(findings: &mut Findings<'_>, scope: &YamlNode) {
    if let (Some(value), None) = (given(scope, "TagValue"), given(scope, "TagKey")) {
        findings
            .error(value.span, code::MISSING_FIELD, "Scope has TagValue without TagKey")
            .hint("AWS Config requires the key of a tag with its value");
    }
    if let Some(id) = given(scope, "ComplianceResourceId") {
        let types = given(scope, "ComplianceResourceTypes");
        // A function as the list has an unknown number of entries, so nothing is reported.
        let count = types.map_or(Some(0), |types| Some(types.sequence()?.len()));
        if count.is_some_and(|count| count != 1) {
            let found = "Scope has ComplianceResourceId without exactly one resource type";
            findings
                .error(id.span, code::MISSING_FIELD, found)
                .expected("one entry in ComplianceResourceTypes");
        }
    }
}

/// Rules of one name, of which AWS can make one only; where a condition may rule one of them out,
/// it is decided by region.
pub(super) fn check_names(findings: &mut Findings<'_>, resources: &[MappingEntry]) {
    let mut first = BTreeMap::new();
    for MappingEntry { value, .. } in resources {
        if value.get("Type").and_then(YamlNode::text) != Some(RULE) {
            continue;
        }
        let name = value.get("Properties").and_then(|all| given(all, "ConfigRuleName"));
        let Some((node, text)) = name.and_then(|node| Some((node, said(node)?))) else {
            continue;
        };
        let condition = value.get("Condition").and_then(YamlNode::text);
        let before: &mut Vec<(Option<&str>, Span)> = first.entry(text.clone()).or_default();
        let path = findings.path;
        // Rules with different conditions may exclude each other; `rules_and_rivals` decides that
        // with the parameters of each region.
        let rival = before
            .iter()
            .find(|(other, _)| condition.is_none() || other.is_none() || *other == condition);
        if let Some((_, span)) = rival {
            findings
                .error(node.span, code::RULE_NAME, format!("two rules are named {text}"))
                .expected("a name of its own for each rule: AWS Config refuses the second")
                .related(path, *span, "first named here");
        }
        before.push((condition, node.span));
    }
}
