//! A call of one of `CloudFormation`'s functions, in its short form (`!If`) or its long one
//! (`Fn::If`). Other files know the functions and the places where they are allowed.

use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{MappingEntry, Value, YamlNode};

/// A function with its argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'n> {
    /// The name of the short form: `If`, `Ref`, `Condition`.
    pub(super) function: &'n str,
    /// The place of the name.
    pub(super) span: Span,
    argument: &'n YamlNode,
    /// A short tag is on its argument, a long name before it.
    short: bool,
}

impl<'n> Call<'n> {
    /// The call that a node is; nothing if it is plain data. `{Condition: x}` is a call among
    /// conditions only and is left to [`Call::in_condition`].
    pub(super) fn of(node: &'n YamlNode) -> Option<Self> {
        Self::in_condition(node).filter(|call| call.short || call.function != "Condition")
    }

    /// The call that a node is where a condition is expected.
    pub(super) fn in_condition(node: &'n YamlNode) -> Option<Self> {
        if let Some(tag) = &node.tag {
            return Some(Self { function: tag, span: node.span, argument: node, short: true });
        }
        let [MappingEntry { key, key_span, value }] = &*node.mapping()?.entries else {
            return None;
        };
        // `Condition` is a function only inside conditions; elsewhere it is an ordinary key.
        let function = match &*key.text {
            name @ ("Ref" | "Condition") => name,
            name => name.strip_prefix("Fn::")?,
        };
        Some(Self { function, span: *key_span, argument: value, short: false })
    }

    /// The name as it is written: `!If` or `Fn::If`.
    pub(super) fn name(&self) -> String {
        match self.function {
            function if self.short => format!("!{function}"),
            function @ ("Ref" | "Condition") => function.to_owned(),
            function => format!("Fn::{function}"),
        }
    }

    /// The place of the argument.
    pub(super) fn argument_span(&self) -> Span {
        self.argument.span
    }

    /// Whether it is written as a tag.
    pub(super) fn is_tag(&self) -> bool {
        self.short
    }

    /// Whether what it gives is a list, whatever its arguments are.
    pub(super) fn gives_list(&self) -> bool {
        matches!(self.function, "Cidr" | "GetAZs" | "Split")
    }

    /// The argument, unless a function of its own decides it.
    fn value(&self) -> Option<&'n Value> {
        (self.short || self.argument.tag.is_none()).then_some(&self.argument.value)
    }

    /// The argument as a name: text that is not empty.
    pub(super) fn text(&self) -> Option<&'n str> {
        self.any_text().filter(|text| !text.is_empty())
    }

    /// The argument as text. A short tag makes text of any scalar after it.
    pub(super) fn any_text(&self) -> Option<&'n str> {
        match self.value()? {
            Value::Scalar(scalar) => {
                // Nothing at all behind a tag is no text.
                let is_given = scalar.meaning != Meaning::Null || !scalar.text.is_empty();
                let is_text = scalar.meaning == Meaning::Text || self.short && is_given;
                is_text.then_some(&*scalar.text)
            }
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The argument as a list.
    pub(super) fn items(&self) -> Option<&'n [YamlNode]> {
        match self.value()? {
            Value::Sequence(nodes) => Some(nodes),
            Value::Scalar(_) | Value::Mapping(_) => None,
        }
    }

    /// Every node beneath the call.
    pub(super) fn children(&self) -> Vec<&'n YamlNode> {
        match self.value() {
            None => vec![self.argument],
            Some(Value::Scalar(_)) => Vec::new(),
            Some(Value::Sequence(nodes)) => nodes.iter().collect(),
            Some(Value::Mapping(mapping)) => {
                mapping.entries.iter().map(|entry| &entry.value).collect()
            }
        }
    }
}

/// Whether a value is `AWS::NoValue`, which removes the property.
pub(super) fn is_no_value(node: &YamlNode) -> bool {
    Call::of(node).is_some_and(|call| call.function == "Ref" && call.text() == Some("AWS::NoValue"))
}

/// The long form of a short tag: `Fn::If` for `!If`.
pub(super) fn long_name(tag: &str) -> String {
    match tag {
        "Ref" | "Condition" => tag.to_owned(),
        function => format!("Fn::{function}"),
    }
}
