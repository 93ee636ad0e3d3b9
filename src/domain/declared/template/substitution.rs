//! Texts with `${names}` in them.

use crate::domain::declared::yaml::tree::{Value, YamlNode};

/// The names in a text of `Fn::Sub`: `${Name}`; `${!Name}` is literal.
pub(super) fn substitutions(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|piece| {
        let (name, _) = piece.split_once('}')?;
        (!name.starts_with('!')).then_some(name.trim())
    })
}

/// Every name that a tree uses: of `Ref`, in `Fn::Sub`, and bare text, since the guide of 2023
/// shows a template that names its parameters so.
pub(super) fn mentions(node: &YamlNode) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = vec![node];
    while let Some(node) = rest.pop() {
        match &node.value {
            Value::Scalar(scalar) => {
                found.push(&*scalar.text);
                found.extend(substitutions(&scalar.text));
            }
            Value::Sequence(nodes) => rest.extend(nodes),
            Value::Mapping(mapping) => {
                rest.extend(mapping.entries.iter().map(|entry| &entry.value));
            }
        }
    }
    found
}

/// The text with each `${name}` replaced; `None` if a name has no value or the text grows beyond
/// `bytes_max`. `${!name}` means the text `${name}` itself.
pub(super) fn fill(
    text: &str,
    bytes_max: usize,
    mut value: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut pieces = text.split("${");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            None => filled.extend(["${", piece]),
            Some((name, rest)) => {
                let name = name.trim();
                match name.strip_prefix('!') {
                    Some(literal) => filled.extend(["${", literal, "}"]),
                    None => filled.push_str(&value(name)?),
                }
                filled.push_str(rest);
            }
        }
        // Values can contain one another, so a short template can grow without bound.
        if bytes_max < filled.len() {
            return None;
        }
    }
    Some(filled)
}
