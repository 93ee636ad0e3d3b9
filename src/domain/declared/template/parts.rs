//! What differs between two templates: rules, declared parameters and conditions, field by field.
//!
//! Remediations have a list of their own (`remediation::list`). Both templates are read as they are
//! delivered, so comments, order and form do not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::canonical::Canonical;
use super::section::{REMEDIATION, RULE};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml;

/// What kind of thing a part of a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// A rule, by its `ConfigRuleName`, or its logical id if it has none.
    Rule,
    /// The declaration of a parameter.
    Parameter,
    /// A condition.
    Condition,
    /// A remediation, by its logical id: only whether its fields differ in more than descriptions.
    Remediation,
    /// Another section.
    Section,
}

/// Two texts of one field; nothing where it is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// The field, with dots between keys.
    pub path: String,
    /// Its text in the first template.
    pub old: Option<String>,
    /// Its text in the second one.
    pub new: Option<String>,
    /// The keys above it and within it, at any depth: a list or a function is one text.
    pub keys: BTreeSet<String>,
}

/// A part in which two templates differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDifference {
    /// What it is.
    pub kind: PartKind,
    /// Its name.
    pub name: String,
    /// Whether the first template has it.
    pub is_old: bool,
    /// Whether the second template has it.
    pub is_new: bool,
    /// The fields in which it differs.
    pub fields: Vec<FieldDifference>,
}

/// The fields of each part, by their paths.
pub(super) type Parts = BTreeMap<(PartKind, String), Fields>;

type Fields = BTreeMap<String, FieldText>;

/// A field of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldText {
    text: String,
    /// See [`FieldDifference::keys`].
    keys: BTreeSet<String>,
}

/// The parts of a template, read when they are first needed: most plans change no template.
#[derive(Debug, Clone, Default)]
pub(super) struct LazyParts(Arc<OnceLock<Option<Parts>>>);

impl PartialEq for LazyParts {
    /// They follow from the body, which is compared itself.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LazyParts {}

impl LazyParts {
    /// The parts of this body, which is that of the template; `None` if it cannot be read.
    pub(super) fn of(&self, body: &str) -> Option<&Parts> {
        self.0.get_or_init(|| parts(body)).as_ref()
    }
}

/// In which parts the second template differs from the first one.
pub(super) fn differing(old: &Parts, new: &Parts) -> Vec<PartDifference> {
    let nothing = Fields::new();
    let all: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differing = all.into_iter().filter_map(|key| {
        let (before, after) = (old.get(key), new.get(key));
        let fields = fields(before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let (kind, name) = key.clone();
        let (is_old, is_new) = (before.is_some(), after.is_some());
        let differs = !fields.is_empty() || is_old != is_new;
        differs.then_some(PartDifference { kind, name, is_old, is_new, fields })
    });
    differing.collect()
}

/// Whether a field describes something for readers and has no effect.
pub fn is_description(kind: PartKind, path: &str) -> bool {
    match kind {
        PartKind::Rule => path == "Properties.Description",
        PartKind::Parameter => path == "Description",
        PartKind::Condition | PartKind::Remediation => false,
        PartKind::Section => path == "Description" || path.ends_with(".Description"),
    }
}

fn fields(old: &Fields, new: &Fields) -> Vec<FieldDifference> {
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    differing
        .map(|path| {
            let (old, new) = (old.get(path), new.get(path));
            let keys = old.into_iter().chain(new).flat_map(|field| &field.keys);
            FieldDifference {
                path: path.clone(),
                old: old.map(|field| field.text.clone()),
                new: new.map(|field| field.text.clone()),
                keys: keys.cloned().collect(),
            }
        })
        .collect()
}

fn parts(body: &str) -> Option<Parts> {
    let path = SourcePath::new("delivered-template").ok()?;
    let root = yaml::parse_delivered(&path, body).ok()?.pop()?;
    let Canonical::Mapping(sections) = Canonical::of(&root) else { return None };
    let mut parts = Parts::new();
    for (section, value) in sections {
        let kind = match &*section {
            "Parameters" => Some(PartKind::Parameter),
            "Conditions" => Some(PartKind::Condition),
            "Resources" => None,
            _ => {
                let mut fields = Fields::new();
                flatten("", &value, &mut fields);
                // A section that is a text itself has no path.
                let fields = fields.into_iter().map(|(path, mut field)| {
                    field.keys.insert(section.clone());
                    (if path.is_empty() { section.clone() } else { path }, field)
                });
                parts.insert((PartKind::Section, section.clone()), fields.collect());
                continue;
            }
        };
        let Canonical::Mapping(entries) = value else { continue };
        for (id, value) in entries {
            let mut fields = Fields::new();
            flatten("", &value, &mut fields);
            let key = kind.map_or_else(|| resource(&id, &fields), |kind| (kind, id.clone()));
            parts.insert(key, fields);
        }
    }
    Some(parts)
}

/// What a resource is called. AWS Config knows a rule by its name, so a renamed rule is another
/// one.
fn resource(id: &str, fields: &Fields) -> (PartKind, String) {
    let text = |path: &str| fields.get(path).map(|field| field.text.as_str());
    match text("Type") {
        Some(RULE) => (PartKind::Rule, text("Properties.ConfigRuleName").unwrap_or(id).to_owned()),
        Some(REMEDIATION) => (PartKind::Remediation, id.to_owned()),
        Some(_) | None => (PartKind::Section, id.to_owned()),
    }
}

/// The fields of a value, each with its text. Lists and functions are one text.
fn flatten(path: &str, value: &Canonical, into: &mut Fields) {
    match value {
        Canonical::Mapping(entries) if !entries.is_empty() && !is_call(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, into);
            }
        }
        Canonical::Mapping(_)
        | Canonical::Sequence(_)
        | Canonical::Null
        | Canonical::Bool(_)
        | Canonical::Number(_)
        | Canonical::Text(_) => {
            let mut keys: BTreeSet<String> = path.split('.').map(ToOwned::to_owned).collect();
            add_keys(value, &mut keys);
            into.insert(path.to_owned(), FieldText { text: text(value), keys });
        }
    }
}

fn add_keys(value: &Canonical, into: &mut BTreeSet<String>) {
    match value {
        Canonical::Mapping(entries) => {
            for (key, value) in entries {
                into.insert(key.clone());
                add_keys(value, into);
            }
        }
        Canonical::Sequence(values) => values.iter().for_each(|value| add_keys(value, into)),
        Canonical::Null | Canonical::Bool(_) | Canonical::Number(_) | Canonical::Text(_) => {}
    }
}

fn is_call(entries: &[(String, Canonical)]) -> bool {
    matches!(entries, [(key, _)] if key == "Ref" || key == "Condition" || key.starts_with("Fn::"))
}

fn text(value: &Canonical) -> String {
    match value {
        Canonical::Null => "null".to_owned(),
        Canonical::Bool(value) => value.to_string(),
        Canonical::Number(text) | Canonical::Text(text) => text.clone(),
        Canonical::Sequence(values) => {
            let values: Vec<String> = values.iter().map(text).collect();
            format!("[{}]", values.join(", "))
        }
        Canonical::Mapping(entries) => {
            // The order of keys has no meaning.
            let entries: BTreeMap<&String, String> =
                entries.iter().map(|(key, value)| (key, text(value))).collect();
            let entries: Vec<String> =
                entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use insta::assert_snapshot;

    use super::*;
    use crate::domain::declared::template::Template;

    fn template(text: &str) -> Template {
        let path = SourcePath::new("template.yaml").unwrap();
        Template::parse(&path, text).unwrap().0
    }

    fn check(old: &str, new: &str) -> String {
        let mut text = String::new();
        for part in template(old).differences_to(&template(new)).unwrap() {
            let PartDifference { kind, name, is_old, is_new, fields } = part;
            writeln!(text, "{kind:?} {name} {is_old} {is_new}").unwrap();
            for FieldDifference { path, old, new, keys: _ } in fields {
                let note = if is_description(kind, &path) { " (description)" } else { "" };
                writeln!(text, "  {path}: {old:?} -> {new:?}{note}").unwrap();
            }
        }
        text
    }

    const OLD: &str = "
Parameters:
  Age: {Type: String, Default: '90'}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: keys
      Description: Old keys
      MaximumExecutionFrequency: One_Hour
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
      InputParameters: {maxAccessKeyAge: !Ref Age}
  Root:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: root
      Source: {Owner: AWS, SourceIdentifier: ROOT_ACCOUNT_MFA_ENABLED}
";

    #[test]
    fn rules_are_compared_by_name_and_field() {
        let new = OLD
            .replace("One_Hour", "Three_Hours")
            .replace("ConfigRuleName: root", "ConfigRuleName: root-mfa")
            .replace("'90'", "'60'");
        assert_snapshot!(check(OLD, &new), @r#"
        Rule keys true true
          Properties.MaximumExecutionFrequency: Some("One_Hour") -> Some("Three_Hours")
        Rule root true false
          Properties.ConfigRuleName: Some("root") -> None
          Properties.Source.Owner: Some("AWS") -> None
          Properties.Source.SourceIdentifier: Some("ROOT_ACCOUNT_MFA_ENABLED") -> None
          Type: Some("AWS::Config::ConfigRule") -> None
        Rule root-mfa false true
          Properties.ConfigRuleName: None -> Some("root-mfa")
          Properties.Source.Owner: None -> Some("AWS")
          Properties.Source.SourceIdentifier: None -> Some("ROOT_ACCOUNT_MFA_ENABLED")
          Type: None -> Some("AWS::Config::ConfigRule")
        Parameter Age true true
          Default: Some("90") -> Some("60")
        "#);
    }

    #[test]
    fn a_description_is_told_from_what_has_an_effect() {
        let new = OLD.replace("Old keys", "Young keys");
        let new = format!("Description: all about keys\n{new}");
        assert_snapshot!(check(OLD, &new), @r#"
        Rule keys true true
          Properties.Description: Some("Old keys") -> Some("Young keys") (description)
        Section Description false true
          Description: None -> Some("all about keys") (description)
        "#);
    }

    #[test]
    fn comments_order_and_form_make_no_difference() {
        let new = format!("# a comment\n{}", OLD.replace("!Ref Age", "{Ref: Age}"));
        assert_eq!(check(OLD, &new), "");
    }
}
