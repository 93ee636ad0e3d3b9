//! In which rules, parameters and conditions a template changes, as a plan shows it.

use schemars::JsonSchema;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use strum::{EnumIter, IntoStaticStr};

use super::parameter_value::ParameterValue;
use crate::domain::base::untrusted::one_line;
use crate::domain::declared::template::{
    FieldDifference, PartDifference, PartKind, Template, is_description,
};

/// In what two templates differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TemplateChange {
    /// Whether the template that is there is known. If not, nothing is said of its content.
    pub known: bool,
    /// Whether only descriptions differ, which have no effect on rules.
    pub descriptions_only: bool,
    /// The rules, parameters and conditions that differ.
    pub parts: Vec<PartChange>,
}

/// A rule, a parameter or a condition that is added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PartChange {
    /// `rule`, `parameter`, `condition` or `section`.
    pub kind: ChangedPart,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub change: PartFate,
    /// The fields that differ; empty if it is added or removed.
    pub fields: Vec<FieldChange>,
}

/// What kind of thing changes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    JsonSchema,
    EnumIter,
    IntoStaticStr,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangedPart {
    /// A rule.
    Rule,
    /// The declaration of a parameter.
    Parameter,
    /// A condition.
    Condition,
    /// Another section.
    Section,
}

/// What becomes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartFate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has other fields.
    Changed,
}

/// One field. Outside of the terminal, a digest stands for a value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct FieldChange {
    /// The field, with dots between keys.
    pub path: String,
    /// Whether it may contain a value that must not be shown.
    #[schemars(skip)]
    pub is_secret: bool,
    /// What is there.
    #[schemars(with = "Option<String>")]
    pub old: Option<ParameterValue>,
    /// What is wanted.
    #[schemars(with = "Option<String>")]
    pub new: Option<ParameterValue>,
}

/// Characters of a value in JSON.
const VALUE_MAX: usize = 1_024;

impl Serialize for FieldChange {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let Self { path, is_secret, old, new } = self;
        let text = |value: &Option<ParameterValue>| {
            let value = value.as_ref()?;
            let shown = || one_line(value.reveal(), VALUE_MAX);
            Some(if *is_secret { value.redacted() } else { shown() })
        };
        let mut fields = out.serialize_struct("FieldChange", 3)?;
        fields.serialize_field("path", path)?;
        fields.serialize_field("old", &text(old))?;
        fields.serialize_field("new", &text(new))?;
        fields.end()
    }
}

impl TemplateChange {
    /// A pack that has no template yet.
    pub fn first() -> Self {
        Self { known: true, ..Self::default() }
    }

    /// From the template that is there to the desired one.
    pub fn between(old: &Template, new: &Template) -> Self {
        let Some(differences) = old.differences_to(new) else { return Self::default() };
        let is_idle = |one: &PartDifference| {
            one.fields.iter().all(|field| is_description(one.kind, &field.path))
        };
        let descriptions_only = !differences.is_empty() && differences.iter().all(is_idle);
        let parts = differences.into_iter().filter_map(part).collect();
        Self { known: true, descriptions_only, parts }
    }
}

/// A part as it is shown; remediations are shown by their own list.
fn part(difference: PartDifference) -> Option<PartChange> {
    let PartDifference { kind, name, is_old, is_new, fields } = difference;
    let kind = match kind {
        PartKind::Rule => ChangedPart::Rule,
        PartKind::Parameter => ChangedPart::Parameter,
        PartKind::Condition => ChangedPart::Condition,
        PartKind::Section => ChangedPart::Section,
        PartKind::Remediation => return None,
    };
    let change = match (is_old, is_new) {
        (false, _) => PartFate::Added,
        (true, false) => PartFate::Removed,
        (true, true) => PartFate::Changed,
    };
    let fields = match change {
        PartFate::Changed => fields.into_iter().map(field).collect(),
        PartFate::Added | PartFate::Removed => Vec::new(),
    };
    Some(PartChange { kind, name, change, fields })
}

/// Fields that may contain what an author should not have written there.
const SECRET: &[&str] = &["InputParameters", "Default", "AllowedValues", "PolicyText", "Metadata"];

fn field(difference: FieldDifference) -> FieldChange {
    let FieldDifference { path, old, new, keys } = difference;
    let is_secret = SECRET.iter().any(|key| keys.contains(*key));
    let value = |text: Option<String>| text.map(|text| ParameterValue::new(&text));
    FieldChange { path, is_secret, old: value(old), new: value(new) }
}
