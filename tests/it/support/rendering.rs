//! Values without form, and the many forms in which a person or a tool could write them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Integer(i32),
    Text(String),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    /// An intrinsic by its short name, with its arguments.
    Call(&'static str, Box<Tree>),
}

/// How to write one.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Form {
    json: bool,
    flow: bool,
    crlf: bool,
    bom: bool,
    final_newline: bool,
    document_marks: bool,
    step: usize,
    seed: u64,
}

impl Form {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let flags = any::<[bool; 5]>();
        (flags, 0..8u8, 1..5usize, any::<u64>()).prop_map(|(flags, kind, step, seed)| {
            let [crlf, bom, final_newline, document_marks, flow] = flags;
            let json = kind == 0;
            let flow = flow && kind == 1;
            let document_marks = document_marks && !json;
            Self { json, flow, crlf, bom, final_newline, document_marks, step, seed }
        })
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z][A-Za-z0-9]{0,8}",
        1 => "(yes|no|1|true|null|010|1:30|2010-09-09|1e3|~|0x1f)",
        1 => "(-| a|a |a: b|a #b|\\[|!x|&a|\\*a|%)",
        2 => "[ -~é☃\\n\"'\\\\]{0,12}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[A-Za-z][A-Za-z0-9]{0,5}", 1 => "[ -~é]{1,6}"]
}

impl Tree {
    /// Any value.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let leaf = prop_oneof![
            Just(Self::Null),
            any::<bool>().prop_map(Self::Bool),
            any::<i32>().prop_map(Self::Integer),
            text().prop_map(Self::Text),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Self::List),
                prop::collection::btree_map(key(), inner, 0..4).prop_map(Self::Map),
            ]
        })
    }

    /// A template with rules in it, and anything but null in their metadata, which is refused.
    pub(crate) fn template() -> impl Strategy<Value = Self> {
        let parameters = prop::option::of(prop::collection::btree_set("P[a-z]{1,6}", 0..4));
        let inputs = prop::collection::vec(Self::any().prop_map(Self::without_null), 1..4);
        (parameters, inputs, prop::option::of(text()), any::<bool>()).prop_map(
            |(parameters, inputs, description, conditional)| {
                let mut root = BTreeMap::new();
                let first = parameters.as_ref().and_then(|names| names.first().cloned());
                if let Some(names) = parameters {
                    let declare = |name| (name, map([("Type", Self::word("String"))]));
                    root.insert(
                        "Parameters".to_owned(),
                        Self::Map(names.into_iter().map(declare).collect()),
                    );
                }
                if let Some(description) = description {
                    root.insert("Description".to_owned(), Self::Text(description));
                }
                let mut resources = BTreeMap::new();
                for (index, input) in inputs.into_iter().enumerate() {
                    resources
                        .insert(format!("Rule{index}"), rule(input, first.as_ref(), conditional));
                }
                if conditional && let Some(name) = &first {
                    let set = Self::Call(
                        "Not",
                        Box::new(Self::List(vec![Self::Call(
                            "Equals",
                            Box::new(Self::List(vec![reference(name), Self::word("")])),
                        )])),
                    );
                    root.insert("Conditions".to_owned(), map([("Set", set)]));
                }
                root.insert("Resources".to_owned(), Self::Map(resources));
                Self::Map(root)
            },
        )
    }

    fn word(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The same tree with one thing changed, where that leaves a valid template: in the inputs.
    pub(crate) fn changed(&self, at: Index) -> Self {
        let mut changed = self.clone();
        let Self::Map(root) = &mut changed else { return changed };
        let Some(Self::Map(resources)) = root.get_mut("Resources") else { return changed };
        let name = at.get(&resources.keys().cloned().collect::<Vec<_>>()).clone();
        let mut input = resources.get_mut(&name).unwrap();
        for step in ["Metadata", "any"] {
            let Self::Map(entries) = input else { panic!("a rule is made of mappings") };
            input = entries.get_mut(step).unwrap();
        }
        let count = input.count();
        input.change(&mut at.index(count));
        changed
    }

    fn without_null(self) -> Self {
        match self {
            Self::Null => Self::word("none"),
            Self::List(values) => Self::List(values.into_iter().map(Self::without_null).collect()),
            Self::Map(entries) => Self::Map(
                entries.into_iter().map(|(key, value)| (key, value.without_null())).collect(),
            ),
            other @ (Self::Bool(_) | Self::Integer(_) | Self::Text(_) | Self::Call(..)) => other,
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::List(values) => values.iter().map(Self::count).sum(),
            Self::Map(entries) => entries.values().map(Self::count).sum(),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Text(_) | Self::Call(..) => 0,
        }
    }

    /// Changes the value that is `left` values further on.
    fn change(&mut self, left: &mut usize) -> bool {
        if *left == 0 {
            *self = match &*self {
                Self::Null => Self::word("null"),
                Self::Bool(value) => Self::Text(value.to_string()),
                Self::Integer(value) => Self::Text(value.to_string()),
                Self::Text(text) => Self::Text(format!("{text}x")),
                Self::List(values) if values.is_empty() => Self::Map(BTreeMap::new()),
                Self::List(values) => Self::List(values.iter().skip(1).cloned().collect()),
                Self::Map(entries) if entries.is_empty() => Self::List(Vec::new()),
                Self::Map(entries) => Self::Map(
                    entries.iter().map(|(key, value)| (format!("{key}x"), value.clone())).collect(),
                ),
                Self::Call(name, _) => Self::word(name),
            };
            return true;
        }
        *left -= 1;
        match self {
            Self::List(values) => values.iter_mut().any(|value| value.change(left)),
            Self::Map(entries) => entries.values_mut().any(|value| value.change(left)),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Text(_) | Self::Call(..) => false,
        }
    }
}

fn map<const N: usize>(entries: [(&str, Tree); N]) -> Tree {
    Tree::Map(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

fn reference(name: &str) -> Tree {
    Tree::Call("Ref", Box::new(Tree::word(name)))
}

fn rule(input: Tree, parameter: Option<&String>, conditional: bool) -> Tree {
    let mut inputs = BTreeMap::new();
    if let Some(name) = parameter {
        let value = if conditional {
            let no_value = reference("AWS::NoValue");
            let choice = vec![Tree::word("Set"), reference(name), no_value];
            Tree::Call("If", Box::new(Tree::List(choice)))
        } else {
            reference(name)
        };
        inputs.insert("known".to_owned(), value);
    }
    let source = map([("Owner", Tree::word("AWS")), ("SourceIdentifier", Tree::word("X_Y"))]);
    let properties = map([("InputParameters", Tree::Map(inputs)), ("Source", source)]);
    map([
        ("Type", Tree::word("AWS::Config::ConfigRule")),
        ("Metadata", map([("any", input)])),
        ("Properties", properties),
    ])
}

/// The text of a value in a form.
pub(crate) fn render(tree: &Tree, form: &Form) -> String {
    let mut writer = Writer { form, state: form.seed | 1, out: String::new(), ends_literal: false };
    if form.document_marks {
        writer.out.push_str("---\n");
    }
    if form.json || form.flow {
        writer.flow(tree);
        writer.out.push('\n');
    } else {
        writer.block(tree, 0, true);
    }
    let ends_literal = writer.ends_literal;
    let mut text = writer.out;
    if form.document_marks && form.final_newline {
        text.push_str("...\n");
    }
    // The last line break of a literal block is part of its text.
    if !form.final_newline && !ends_literal {
        text.truncate(text.trim_end_matches('\n').len());
    }
    if form.crlf {
        text = text.replace('\n', "\r\n");
    }
    if form.bom {
        text.insert(0, '\u{feff}');
    }
    text
}

struct Writer<'f> {
    form: &'f Form,
    state: u64,
    out: String,
    /// Whether the last thing written was a literal block.
    ends_literal: bool,
}

impl Writer<'_> {
    /// A choice among `count`, the same for the same seed.
    fn choose(&mut self, count: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % count
    }

    fn comment(&mut self, indent: usize) {
        if self.choose(4) == 0 {
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str("# a comment: with {braces} and 'quotes\n");
        }
        if self.choose(6) == 0 {
            self.out.push('\n');
        }
    }

    fn shuffled<'t>(&mut self, entries: &'t BTreeMap<String, Tree>) -> Vec<(&'t String, &'t Tree)> {
        let mut entries: Vec<_> = entries.iter().collect();
        for last in (1..entries.len()).rev() {
            let other = usize::try_from(self.choose(last as u64 + 1)).unwrap();
            entries.swap(last, other);
        }
        entries
    }

    /// A value in lines, after a line break (or at the start) when it is a collection.
    fn block(&mut self, tree: &Tree, indent: usize, top: bool) {
        self.ends_literal = false;
        match tree {
            Tree::Map(entries) if !entries.is_empty() && (top || self.choose(4) != 0) => {
                if !top {
                    self.out.push('\n');
                }
                for (key, value) in self.shuffled(entries) {
                    self.comment(indent);
                    self.out.push_str(&" ".repeat(indent));
                    self.scalar_text(key, true);
                    self.out.push(':');
                    self.block(value, indent + self.form.step, false);
                }
            }
            Tree::List(values) if !values.is_empty() && (top || self.choose(4) != 0) => {
                if !top {
                    self.out.push('\n');
                }
                for value in values {
                    self.comment(indent);
                    self.out.push_str(&" ".repeat(indent));
                    self.out.push('-');
                    self.block(value, indent + self.form.step, false);
                }
            }
            Tree::Text(text) if !top && self.choose(6) == 0 && is_literal(text) => {
                self.out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
                let step = self.form.step;
                self.out.push_str(&step.to_string());
                // The indentation given counts from the parent's.
                for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    self.out.push('\n');
                    if !line.is_empty() {
                        self.out.push_str(&" ".repeat(indent));
                        self.out.push_str(line);
                    }
                }
                self.out.push('\n');
                self.ends_literal = true;
            }
            Tree::Null
            | Tree::Bool(_)
            | Tree::Integer(_)
            | Tree::Text(_)
            | Tree::List(_)
            | Tree::Map(_)
            | Tree::Call(..) => {
                if !top {
                    self.out.push(' ');
                }
                self.flow(tree);
                if !top && self.choose(5) == 0 {
                    self.out.push_str("   # why");
                }
                self.out.push('\n');
            }
        }
    }

    fn flow(&mut self, tree: &Tree) {
        match tree {
            Tree::Null => {
                let forms = ["null", "~", "Null"];
                let choice = usize::try_from(self.choose(3)).unwrap();
                self.out.push_str(if self.form.json { "null" } else { forms[choice] });
            }
            Tree::Bool(value) => self.out.push_str(&value.to_string()),
            Tree::Integer(value) => self.out.push_str(&value.to_string()),
            Tree::Text(text) => self.scalar_text(text, false),
            Tree::List(values) => {
                self.out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(", ");
                    }
                    self.flow(value);
                }
                self.out.push(']');
            }
            Tree::Map(entries) => {
                self.out.push('{');
                for (index, (key, value)) in self.shuffled(entries).into_iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(", ");
                    }
                    self.scalar_text(key, true);
                    self.out.push_str(": ");
                    self.flow(value);
                }
                self.out.push('}');
            }
            Tree::Call(name, argument) => {
                if !self.form.json && self.choose(2) == 0 {
                    self.out.push('!');
                    self.out.push_str(name);
                    self.out.push(' ');
                    return self.flow(argument);
                }
                let long = if *name == "Ref" { "Ref".to_owned() } else { format!("Fn::{name}") };
                self.out.extend(["{\"", &long, "\": "]);
                self.flow(argument);
                self.out.push('}');
            }
        }
    }

    fn scalar_text(&mut self, text: &str, key: bool) {
        let simple = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
                .contains(&&*text.to_lowercase());
        let single = !text.contains(|char: char| char.is_control());
        match self.choose(3) {
            0 if simple && !self.form.json => self.out.push_str(text),
            1 if single && !self.form.json && (!key || text.len() < 100) => {
                self.out.push('\'');
                self.out.push_str(&text.replace('\'', "''"));
                self.out.push('\'');
            }
            _ => self.out.push_str(&serde_json::to_string(text).unwrap()),
        }
    }
}

/// Whether a literal block can hold a text as it is.
fn is_literal(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    !lines.is_empty()
        && !lines.ends_with('\n')
        && !lines.starts_with('\n')
        && lines.split('\n').all(|line| !line.starts_with(' ') && !line.ends_with(' '))
}
