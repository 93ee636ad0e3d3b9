//! Templates by the thousand, valid, hostile and oddly written: whatever is accepted would be sent
//! as one tree that holds what was counted.
//!
//! `tests/yaml/run` has readers that share no code with this program read the same cases: it names,
//! in `CONFORMD_YAML_CASES_FILE`, the file that they are written to, a JSON object a line.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]
#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};

use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::{Template, TemplateCensus};
use conformd::domain::declared::yaml;
use conformd::domain::declared::yaml::Meaning;
use conformd::domain::declared::yaml::tree::YamlNode;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::rendering::{Form, Tree, render};

/// Cases where nothing else is asked for.
const CASES: usize = 500;

const RULE: &str = "AWS::Config::ConfigRule";
const REMEDIATION: &str = "AWS::Config::RemediationConfiguration";

/// Scalars that a line can hold, most of them fine.
const SCALARS: &[&str] = &[
    "a",
    "AWS::Config::ConfigRule",
    "10.0.0.0/8",
    "a:b",
    "http://x.example/y?z=1&w=2",
    "a#b",
    "a  b",
    "1",
    "-7",
    "0",
    "1.50",
    "1.5e+3",
    "-0.0",
    "111122223333",
    "true",
    "False",
    "TRUE",
    "null",
    "~",
    "",
    "''",
    "\"\"",
    "'it''s'",
    "\"say \\\"x\\\"\"",
    "'yes'",
    "\"no\"",
    "'on'",
    "\"010\"",
    "'1:30'",
    "\"1e3\"",
    "'0x1F'",
    "\"2010-09-09\"",
    "'~'",
    "\"null\"",
    "'true'",
    "\"=\"",
    "'<<'",
    "' a'",
    "\"a \"",
    "'# a'",
    "\"a: b\"",
    "'a #b'",
    "\"---\"",
    "'...'",
    "\"- a\"",
    "'? a'",
    "\"%a\"",
    "'@a'",
    "\"`a\"",
    "'[a'",
    "\"{a\"",
    "'*a'",
    "\"&a\"",
    "'!a'",
    "\"|\"",
    "'>'",
    "\"\\\\\"",
    "\"a\\nb\\n\"",
    "\"\\ta\"",
    "\"a\\r\\nb\"",
    "\"\\u00e9\"",
    "\"\\u00a0\"",
    "é",
    "☃ x",
    "東京",
    "\"\\U0001F600\"",
    "\"😀\"",
    "\"a\\\n     b\"",
    "\"a\n\n     b\"",
    "a\n     b",
    "'a\n     b '",
    "|\n     a\n      b\n",
    "|-\n     a # no comment\n     b: c",
    ">\n     a\n     b\n\n     c\n",
    ">-\n     a\n     b",
    "|+\n     a\n\n",
    "|2\n     a",
    "[]",
    "{}",
    "[a, [b, {c: d}], 1]",
    "{a: {b: [c]}, d: \"e\"}",
    "!Ref AWS::Region",
    "!Sub \"${AWS::Region}-x\"",
    "!Sub 010",
    "!Join [\"\", [a, !Ref AWS::Region]]",
    "!GetAtt A.B.C",
    "!!str 7",
    "! x",
    "e0",
    "'E10'",
    "inf",
    "NaN",
    "!!int \"7\"",
    "!!int 7",
    "!!bool true",
    "a # why",
    "\"a\" # why",
    "a\u{a0}b",
    "\"a\u{a0}\"",
    "'\u{3000}'",
    "\"a\tb\"",
    "a,b",
    "a]",
    "a}",
    "(a)",
    "a=b",
    "a & b",
    "a|b",
    "a'b",
    "a\"b",
    "-a",
    ":a",
    "?a",
    "T2.micro",
];

/// Scalars that readers disagree about, or that no reader should have to show.
const HOSTILE: &[&str] = &[
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "010",
    "0o10",
    "0b11",
    "0x1F",
    "-0x1F",
    "1_000",
    "1:30",
    "1e3",
    "1.5e3",
    "+1",
    ".5",
    "1.",
    "-0",
    ".inf",
    ".NaN",
    "9007199254740993",
    "2010-09-09",
    "=",
    "<<",
    "2001-12-14t21:59:43.10-05:00",
    "!!float 1",
    "!!int a",
    "!!binary aGk=",
    "!!set {a}",
    "&a a",
    "*a",
    "\"\\u2028\"",
    "\"\\x85\"",
    "\"\\L\"",
    "\"\\N\"",
    "\"\\0\"",
    "\"\\u202e\"",
    "\"\\e\"",
    "\"\\ud83d\\ude00\"",
    "a\tb",
    "\ta",
    "a\t",
    "\u{a0}a",
    "a\u{a0}",
    "a\u{2003}#b",
    "a:\u{a0}b",
    "|\n\ta",
    "|1\n  a\n",
    "\"a",
    "'a",
    "[a",
    "{a",
    "%a",
    "@a",
    "`a",
    "]",
    "}",
    ", a",
    "- a",
    "a: b",
    "!Foo a",
    "! 8",
    "!!int \"010\"",
    "!!float '1.5e3'",
    "!<tag:x> a",
    "!!python/object:os.system a",
];

/// Keys, most of them fine.
const KEYS: &[&str] = &[
    "a",
    "\"on\"",
    "'yes'",
    "1",
    "20",
    "\"010\"",
    "'a: b'",
    "\" a\"",
    "'a '",
    "''",
    "é",
    "\"\\u00e9\"",
    "a b",
    "a#b",
    "\"# a\"",
    "'- a'",
    "a::b",
    "\"<<\"",
    "\"a\\nb\"",
    "? b\n  ",
    "Fn::If",
    "Ref",
    "on",
    "true",
    "010",
    "1.5",
    "~",
    "<<",
    "\u{a0}b",
    "[a]",
];

/// Characters that something may be wrong with.
const CHARACTERS: &[char] = &[
    '\u{0}',
    '\u{7}',
    '\u{b}',
    '\u{c}',
    '\u{1b}',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9f}',
    '\u{a0}',
    '\u{ad}',
    '\u{61c}',
    '\u{1680}',
    '\u{2000}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{3000}',
    '\u{feff}',
    '\u{fffe}',
    '\u{fffd}',
    '\u{e000}',
    '\u{1f600}',
    '\u{10ffff}',
    '\t',
    '\n',
    '\r',
    ' ',
    '#',
    ':',
    '-',
    '?',
    ',',
    '[',
    ']',
    '{',
    '}',
    '&',
    '*',
    '!',
    '|',
    '>',
    '\'',
    '"',
    '%',
    '@',
    '`',
    '\\',
];

/// Comments that want to be more.
const COMMENTS: &[&str] = &[
    "# ordinary",
    "#",
    "\t# tabbed",
    "#\ttabbed",
    "# é ☃ 😀",
    "# a\u{a0}b",
    "# \\u2028 M: 1",
    "# x\u{2028}  M: {Type: AWS::Config::RemediationConfiguration}",
    "# x\u{85}  M: {Type: AWS::Config::ConfigRule}",
    "# x\u{2029}Hooks: {}",
    "# x\rM: {}",
    "# x\u{202e}",
    "# x\u{0}y",
];

/// Choices that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % count as u64).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        of.get(self.below(of.len())).unwrap()
    }
}

/// Entries of a mapping that say nothing, in lines or in braces.
fn metadata(dice: &mut Dice, flow: bool) -> String {
    let hostile = dice.below(4) == 0;
    let mut entries: Vec<String> = Vec::new();
    for number in 0..=dice.below(4) {
        let value =
            if hostile && dice.below(2) == 0 { dice.one(HOSTILE) } else { dice.one(SCALARS) };
        let key = match dice.below(6) {
            0 => (*dice.one(KEYS)).to_owned(),
            1 => format!("\"{}\"", "k".repeat(dice.below(1_200))),
            _ => format!("k{number}"),
        };
        let text = if dice.below(30) == 0 {
            "long ".repeat(dice.below(400)) + "x"
        } else {
            (*value).into()
        };
        entries.push(format!("{key}: {text}"));
    }
    if flow {
        return format!("\"Metadata\": {{{}}}, ", entries.join(", "));
    }
    let mut lines = "Metadata:\n".to_owned();
    for entry in entries {
        if dice.below(8) == 0 {
            writeln!(lines, "{}", dice.one(COMMENTS)).unwrap();
        }
        writeln!(lines, "  {entry}").unwrap();
    }
    lines
}

/// Puts entries before what is there.
fn with_metadata(dice: &mut Dice, text: &str) -> String {
    let body = text.trim_start_matches('\u{feff}');
    let mark = if body.starts_with("---") { body.find('\n').map_or(0, |end| end + 1) } else { 0 };
    let flow = body[mark..].starts_with('{');
    let at = text.len() - body.len() + mark + usize::from(flow);
    format!("{}{}{}", &text[..at], metadata(dice, flow), &text[at..])
}

/// Changes a few characters or lines.
fn mutated(dice: &mut Dice, text: &str) -> String {
    let mut all: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(2) {
        let at = dice.below(all.len() + 1);
        match dice.below(6) {
            0 | 1 => all.insert(at, *dice.one(CHARACTERS)),
            2 if at < all.len() => all[at] = *dice.one(CHARACTERS),
            3 => {
                let end = (at + dice.below(12)).min(all.len());
                all.drain(at..end);
            }
            4 => {
                let end =
                    all[at..].iter().position(|one| *one == '\n').map_or(at, |end| at + end + 1);
                let comment = format!("{}\n", dice.one(COMMENTS));
                all.splice(end..end, comment.chars());
            }
            _ => {
                let end = (at + dice.below(40)).min(all.len());
                let piece: Vec<char> = all[at..end].to_vec();
                all.splice(end..end, piece);
            }
        }
    }
    all.into_iter().collect()
}

/// The gate's tree in long form, as JSON.
fn tree_of(node: &YamlNode) -> Value {
    let bare = match &node.value {
        yaml::tree::Value::Scalar(scalar) => match scalar.meaning {
            _ if node.tag.is_some() => json!(*scalar.text),
            Meaning::Null => Value::Null,
            Meaning::Bool(value) => json!(value),
            Meaning::Integer => json!(scalar.text.parse::<i64>().unwrap()),
            Meaning::Float => json!(scalar.text.parse::<f64>().unwrap()),
            Meaning::Text => json!(*scalar.text),
        },
        yaml::tree::Value::Sequence(nodes) => nodes.iter().map(tree_of).collect(),
        yaml::tree::Value::Mapping(mapping) => {
            let entries = mapping.entries.iter();
            Value::Object(
                entries.map(|entry| (entry.key.text.to_string(), tree_of(&entry.value))).collect(),
            )
        }
    };
    let Some(tag) = &node.tag else { return bare };
    let argument = match &bare {
        Value::String(text) if tag == "GetAtt" && text.contains('.') => {
            text.splitn(2, '.').collect()
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => bare,
    };
    let name =
        if matches!(&**tag, "Ref" | "Condition") { tag.clone() } else { format!("Fn::{tag}") };
    Value::Object(Map::from_iter([(name, argument)]))
}

/// The tree of a template with the marker.
fn expected(text: &str) -> Value {
    let path = SourcePath::new("any.yaml").unwrap();
    let mut tree = tree_of(&yaml::parse(&path, text).unwrap().remove(0));
    let parameters = tree.as_object_mut().unwrap().entry("Parameters").or_insert(json!({}));
    parameters["ConformdMarker"] = json!({"Type": "String", "Default": "none"});
    tree
}

/// Resources of a type, counted without the product.
fn held(tree: &Value, kind: &str) -> u32 {
    let resources = tree["Resources"].as_object().unwrap().values();
    u32::try_from(resources.filter(|resource| resource["Type"] == kind).count()).unwrap()
}

fn cases(count: usize) -> impl Iterator<Item = String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = (Tree::template(), Form::any());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..count).map(move |_| {
        let (tree, form) = strategy.new_tree(&mut runner).unwrap().current();
        let mut text = render(&tree, &form);
        if dice.below(4) != 0 {
            text = with_metadata(&mut dice, &text);
        }
        if dice.below(3) == 0 {
            text = mutated(&mut dice, &text);
        }
        text
    })
}

#[test]
fn what_is_accepted_is_sent_as_one_tree_that_holds_what_was_counted() {
    let count = |text: OsString| text.to_str().unwrap().parse().unwrap();
    let wanted = std::env::var_os("CONFORMD_YAML_CASES").map_or(CASES, count);
    let file = std::env::var_os("CONFORMD_YAML_CASES_FILE").map(|path| File::create(path).unwrap());
    let mut file = file.map(BufWriter::new);
    let path = SourcePath::new("any.yaml").unwrap();
    let mut accepted = 0;
    for text in cases(wanted) {
        let Ok((template, _)) = Template::parse(&path, &text) else { continue };
        accepted += 1;
        let Template { digest: _, census, body, .. } = &template;
        let tree = expected(&text);
        let other: Value = serde_yaml::from_str(body).unwrap();
        assert_eq!(other, tree, "{text}\n{body}");
        let TemplateCensus { rules, remediations, .. } = census;
        assert_eq!((held(&tree, RULE), held(&tree, REMEDIATION)), (*rules, *remediations));
        let is_clean =
            |one: char| matches!(one, '\n' | ' '..='~') || !one.is_control() && one > '~';
        assert!(body.chars().all(is_clean), "{body:?}");
        if let Some(file) = &mut file {
            let line = json!({
                "source": text, "body": **body, "tree": tree,
                "rules": rules, "remediations": remediations,
            });
            writeln!(file, "{line}").unwrap();
        }
    }
    if let Some(mut file) = file {
        file.flush().unwrap();
    }
    // Neither is everything refused, nor anything at all accepted.
    assert!((wanted * 3 / 10..wanted * 8 / 10).contains(&accepted), "{accepted} of {wanted}");
}
