//! What the world wants to know of a template: whether AWS would take it, and what is in it.
//!
//! Deliberately its own lenient reader on another parser (`serde_yaml`), not
//! `domain::declared::template`: a peer that shared the product's reading could not catch its
//! mistakes.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser};
use serde_yaml::{Mapping, Value};

use crate::domain::base::model::Digest;

/// Resources in a template (AWS Config quota: 130 rules per organization conformance pack).
const RESOURCES_MAX: usize = 130;

const RULE: &str = "AWS::Config::ConfigRule";
const REMEDIATION: &str = "AWS::Config::RemediationConfiguration";

/// A template that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTemplate {
    /// Digest of the delivered bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: usize,
    /// `AWS::Config::ConfigRule` resources.
    pub rules: u32,
    /// Whether any rule is not a Lambda function's.
    pub has_managed_rules: bool,
    /// `SourceIdentifier` of every rule.
    pub identifiers: BTreeSet<String>,
    /// Declared parameters.
    pub parameters: BTreeSet<String>,
    /// Declared parameters without a default.
    pub required: BTreeSet<String>,
}

/// Reads a template; the error is what AWS lists under "Errors found".
pub(super) fn read(body: &str) -> Result<AcceptedTemplate, String> {
    refuse_anchors(body)?;
    let value: Value = serde_yaml::from_str(body)
        .map_err(|_| "Template format error: YAML not well-formed".to_owned())?;
    let root = value.as_mapping().ok_or("Template format error: unsupported structure")?;
    let resources = section(root, "Resources")?
        .filter(|resources| !resources.is_empty())
        .ok_or("Template format error: At least one Resources member must be defined")?;
    if resources.len() > RESOURCES_MAX {
        return Err("Number of resources provided in the template exceeds the allowed limit".into());
    }
    let mut facts = AcceptedTemplate {
        digest: Digest::of([body.as_bytes()]),
        size: body.len(),
        rules: 0,
        has_managed_rules: false,
        identifiers: BTreeSet::new(),
        parameters: BTreeSet::new(),
        required: BTreeSet::new(),
    };
    for (name, resource) in resources {
        read_resource(&mut facts, name, resource)?;
    }
    for (name, parameter) in section(root, "Parameters")?.into_iter().flatten() {
        let name = name.as_str().ok_or("Template format error: parameter names are strings")?;
        facts.parameters.insert(name.to_owned());
        if parameter.get("Default").is_none() {
            facts.required.insert(name.to_owned());
        }
    }
    Ok(facts)
}

/// CloudFormation takes no aliases; and nested ones would cost memory without bound.
fn refuse_anchors(body: &str) -> Result<(), String> {
    let options = granit_parser::options! {
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        // As libyaml reads it, and with it the reader behind this one.
        block_scalar_eof_without_line_feed: true,
    };
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let is_plain = Parser::new_from_str_with_options(body, options).all(|event| {
        event.is_ok_and(|(event, _)| {
            !matches!(event, Event::Anchor(..) | Event::Alias(_) | Event::UnresolvedAlias(_))
        })
    });
    if is_plain { Ok(()) } else { Err("Template format error: YAML not well-formed".to_owned()) }
}

fn section<'a>(root: &'a Mapping, name: &str) -> Result<Option<&'a Mapping>, String> {
    match root.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Mapping(entries)) => Ok(Some(entries)),
        Some(_) => Err(format!("Template format error: {name} is not an object")),
    }
}

fn read_resource(
    facts: &mut AcceptedTemplate,
    name: &Value,
    resource: &Value,
) -> Result<(), String> {
    let name = name.as_str().unwrap_or("?");
    match resource.get("Type").and_then(Value::as_str) {
        Some(RULE) => {}
        Some(REMEDIATION) => return Ok(()),
        kind => {
            let kind = kind.unwrap_or("none");
            return Err(format!("Resource {name}: resource type {kind} is not supported"));
        }
    }
    facts.rules += 1;
    let source = resource.get("Properties").and_then(|properties| properties.get("Source"));
    let text = |member| source.and_then(|source| source.get(member)).and_then(Value::as_str);
    facts.has_managed_rules |= text("Owner") != Some("CUSTOM_LAMBDA");
    facts.identifiers.extend(text("SourceIdentifier").map(str::to_owned));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
Parameters:
  Age: {Type: String, Default: '90'}
  Owner: {Type: String}
Conditions:
  HasAge: !Not [!Equals [!Ref Age, '']]
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Controls: [IAM.3]
    Properties:
      ConfigRuleName: keys
      InputParameters: {maxAccessKeyAge: !If [HasAge, !Ref Age, !Ref AWS::NoValue]}
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
";

    #[test]
    fn a_template_with_short_form_intrinsics_is_taken() {
        let facts = read(SMALL).unwrap();
        assert_eq!((facts.rules, facts.has_managed_rules), (1, true));
        assert_eq!(facts.identifiers, BTreeSet::from(["ACCESS_KEYS_ROTATED".to_owned()]));
        assert_eq!(facts.required, BTreeSet::from(["Owner".to_owned()]));
    }

    #[test]
    fn what_cloudformation_cannot_deploy_is_refused() {
        let refusals = [
            "Resources: {}",
            "Resources: {B: {Type: AWS::S3::Bucket}}",
            "just text",
            "Resources: [1]",
            "Resources: &a {R: {Type: AWS::Config::ConfigRule}}\nMore: *a",
        ]
        .map(|body| read(body).unwrap_err());
        insta::assert_debug_snapshot!(refusals, @r#"
        [
            "Template format error: At least one Resources member must be defined",
            "Resource B: resource type AWS::S3::Bucket is not supported",
            "Template format error: unsupported structure",
            "Template format error: Resources is not an object",
            "Template format error: YAML not well-formed",
        ]
        "#);
    }

    #[test]
    fn the_131st_resource_is_one_too_many() {
        let resource = |number| format!("  R{number}: {{Type: AWS::Config::ConfigRule}}\n");
        let of = |count| format!("Resources:\n{}", (0..count).map(resource).collect::<String>());
        assert_eq!(read(&of(130)).unwrap().rules, 130);
        assert!(read(&of(131)).unwrap_err().starts_with("Number of resources"));
    }
}
