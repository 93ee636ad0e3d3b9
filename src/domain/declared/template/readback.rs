//! Reads the text that would be sent with a parser that shares no code with the gate.
//!
//! The gate uses granit-parser; this uses a port of libyaml, which implements YAML 1.1. Only a text
//! that both read alike is sent.

use serde_yaml::{Number, Value};

use super::canonical::Canonical;

/// Proves that a text holds exactly this tree, in this order; else says where it does not.
pub(super) fn confirm(text: &str, tree: &Canonical) -> Result<(), String> {
    let value: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    compare(&value, tree).map_err(|mut steps| {
        steps.reverse();
        format!(
            "it differs at {}",
            if steps.is_empty() { "its root".into() } else { steps.join(".") }
        )
    })
}

/// Compares a value with what it should be; an error is the way to the first difference, from the
/// inside out.
fn compare(value: &Value, tree: &Canonical) -> Result<(), Vec<String>> {
    let step = |name: String| {
        move |mut steps: Vec<String>| {
            steps.push(name);
            steps
        }
    };
    match (value, tree) {
        (Value::Null, Canonical::Null) => Ok(()),
        (Value::Bool(one), Canonical::Bool(other)) if one == other => Ok(()),
        (Value::Number(number), Canonical::Number(text)) if is_same(number, text) => Ok(()),
        (Value::String(one), Canonical::Text(other)) if one == other => Ok(()),
        (Value::Sequence(values), Canonical::Sequence(trees)) if values.len() == trees.len() => {
            for (index, (value, tree)) in values.iter().zip(trees).enumerate() {
                compare(value, tree).map_err(step(index.to_string()))?;
            }
            Ok(())
        }
        // The reader has already made sure that no key occurs twice.
        (Value::Mapping(values), Canonical::Mapping(trees)) if values.len() == trees.len() => {
            for ((name, value), (key, tree)) in values.iter().zip(trees) {
                if name.as_str() != Some(key) {
                    return Err(vec![key.clone()]);
                }
                compare(value, tree).map_err(step(key.clone()))?;
            }
            Ok(())
        }
        _ => Err(Vec::new()),
    }
}

/// Whether a number is the one that was written.
fn is_same(number: &Number, text: &str) -> bool {
    if let Some(whole) = number.as_i64() {
        return text.parse() == Ok(whole);
    }
    // Bits, not values: -0.0 is not 0.0.
    let float = number.as_f64().filter(|_| number.is_f64());
    let written = text.parse().ok().filter(|_: &f64| text.contains('.'));
    float.map(f64::to_bits) == written.map(f64::to_bits) && float.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Canonical {
        let number = |text: &str| Canonical::Number(text.to_owned());
        Canonical::Mapping(vec![
            ("a".to_owned(), Canonical::Text("x".to_owned())),
            ("b".to_owned(), Canonical::Sequence(vec![number("1"), number("1.50")])),
            ("c".to_owned(), Canonical::Mapping(vec![("d".to_owned(), Canonical::Bool(true))])),
            ("e".to_owned(), Canonical::Null),
        ])
    }

    #[test]
    fn only_the_same_tree_is_confirmed_and_a_difference_is_placed() {
        let said = |text: &str| confirm(text, &tree()).err().unwrap_or_default();
        let text = "a: x\nb:\n - 1\n - 1.50\nc:\n d: true\ne: null\n";
        assert_eq!(said(text), "");
        insta::assert_snapshot!(
            [
                ("a: x", "a: y"),
                ("1.50", "1.51"),
                ("1.50", "\"1.50\""),
                ("- 1\n", "- 1.0\n"),
                ("d: true", "d: \"true\""),
                ("d: true", "d: !t true"),
                ("d: true", "d: true\n f: 1"),
                ("c:", "f:"),
                ("e: null", "e: null\nM: 1"),
                ("e: null", "e: null\n---\nM: 1"),
                ("e: null", "a: x"),
                ("a: x", "a: x # \u{2028}M: 1"),
                ("a: x", "\ta: x"),
            ]
            .map(|(from, to)| said(&text.replacen(from, to, 1)))
            .join("\n")
        );
    }
}
