//! How the change of a template reads: a line for each rule, parameter and field.

use crate::domain::base::untrusted::flowing;
use crate::domain::plan::parameter_value::ParameterValue;
use crate::domain::plan::template_change::{FieldChange, PartChange, PartFate, TemplateChange};

/// Parts of one change that are shown; the rest is counted.
const PARTS_MAX: usize = 40;
/// Fields of one part that are shown; the rest is counted.
const FIELDS_MAX: usize = 10;
/// Characters of a name or a field that are shown.
const NAME_MAX: usize = 256;
/// Characters of a value that are shown: what is longer is a text for another place.
const VALUE_MAX: usize = 120;

/// The lines; none for a first template. Where values are hidden, digests stand for those that may
/// be secrets.
pub(super) fn lines(change: &TemplateChange, is_hidden: bool) -> Vec<String> {
    let TemplateChange { known, descriptions_only, parts } = change;
    if !known {
        let unknown = "content unknown: not in the manifests or the record (commands also search \
                       the git history)";
        return vec![unknown.to_owned()];
    }
    let mut lines = Vec::new();
    if *descriptions_only {
        lines.push("only descriptions differ".to_owned());
    }
    for part in parts.iter().take(PARTS_MAX) {
        lines.extend(of_part(part, is_hidden));
    }
    let more = parts.len().saturating_sub(PARTS_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn of_part(part: &PartChange, is_hidden: bool) -> Vec<String> {
    let PartChange { kind, name, change, fields } = part;
    let sign = match change {
        PartFate::Added => '+',
        PartFate::Removed => '-',
        PartFate::Changed => '~',
    };
    let head = format!("{kind} {sign} {}", flowing(name, NAME_MAX));
    let shown =
        fields.iter().take(FIELDS_MAX).map(|field| format!("  {}", of_field(field, is_hidden)));
    let more = fields.len().saturating_sub(FIELDS_MAX);
    let more = (more > 0).then(|| format!("  and {more} more fields"));
    std::iter::once(head).chain(shown).chain(more).collect()
}

fn of_field(field: &FieldChange, is_hidden: bool) -> String {
    let FieldChange { path, is_secret, old, new } = field;
    let text = |value: &Option<ParameterValue>| match value {
        None => "none".to_owned(),
        Some(value) if is_hidden && *is_secret => value.redacted(),
        Some(value) => flowing(value.reveal(), VALUE_MAX),
    };
    let path = path.strip_prefix("Properties.").unwrap_or(path);
    format!("{}: {} → {}", flowing(path, NAME_MAX), text(old), text(new))
}
