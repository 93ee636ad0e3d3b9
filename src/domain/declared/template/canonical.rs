//! The canonical form of a template: equal for two templates that mean the same to AWS.
//!
//! Comments, white space, quoting and the short form of intrinsics are gone; types stay (`"1"` is
//! not `1`), and numbers are kept as they are written. The author's order of keys is kept for users
//! who read the text that is sent; the digest does not depend on it.

use super::call::long_name;
use crate::domain::base::model::{Digest, MARKER_PARAMETER};
use crate::domain::declared::yaml::tree::{Value, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar};

/// The value the marker parameter has when none is sent; it is sent always.
const MARKER_DEFAULT: &str = "none";

/// A value without its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Canonical {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    Sequence(Vec<Canonical>),
    /// In the author's order; no key occurs twice.
    Mapping(Vec<(String, Canonical)>),
}

impl Canonical {
    /// The canonical form of a template in which nothing is ambiguous.
    pub(super) fn of(node: &YamlNode) -> Self {
        let bare = match &node.value {
            // The argument of a short tag is text to every reader: the tag settles its type.
            Value::Scalar(scalar) if node.tag.is_some() => Self::Text(scalar.text.to_string()),
            Value::Scalar(scalar) => Self::of_scalar(scalar),
            Value::Sequence(nodes) => Self::Sequence(nodes.iter().map(Self::of).collect()),
            Value::Mapping(mapping) => {
                let entries = mapping.entries.iter();
                let of_entry = |key: &Scalar, value| (key.text.to_string(), Self::of(value));
                Self::Mapping(entries.map(|entry| of_entry(&entry.key, &entry.value)).collect())
            }
        };
        let Some(tag) = node.tag.as_deref() else { return bare };
        let argument = match (tag, bare) {
            ("GetAtt", Self::Text(text)) => split_attribute(text),
            (_, bare) => bare,
        };
        Self::Mapping(vec![(long_name(tag), argument)])
    }

    fn of_scalar(scalar: &Scalar) -> Self {
        let text = || scalar.text.to_string();
        match scalar.meaning {
            Meaning::Null => Self::Null,
            Meaning::Bool(value) => Self::Bool(value),
            Meaning::Integer | Meaning::Float => Self::Number(text()),
            Meaning::Text => Self::Text(text()),
        }
    }

    /// The same template with the marker parameter declared before all others.
    pub(super) fn with_marker(self) -> Self {
        let text = |text: &str| Self::Text(text.to_owned());
        let attributes = [("Type", "String"), ("Default", MARKER_DEFAULT)];
        let declaration =
            attributes.map(|(name, value)| (name.to_owned(), text(value))).into_iter().collect();
        let marker = (MARKER_PARAMETER.to_owned(), Self::Mapping(declaration));
        let Self::Mapping(mut sections) = self else { return self };
        let declared = sections.iter_mut().find(|(name, _)| name == "Parameters");
        // The digest is taken before this, so it does not depend on the marker.
        if let Some((_, Self::Mapping(parameters))) = declared {
            parameters.insert(0, marker);
        } else {
            sections.insert(0, ("Parameters".to_owned(), Self::Mapping(vec![marker])));
        }
        Self::Mapping(sections)
    }

    /// The digest of the form: equal for equal forms only.
    pub(super) fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        Digest::of([b"template".as_slice(), &bytes])
    }

    /// Appends an encoding that no other form shares: a letter, then lengths before contents; keys
    /// by their bytes. It is written on every pack in the field and must not change.
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'z'),
            Self::Bool(value) => out.extend([b'b', u8::from(*value)]),
            Self::Number(text) => encode_text(out, b'n', text),
            Self::Text(text) => encode_text(out, b't', text),
            Self::Sequence(values) => {
                encode_length(out, b's', values.len());
                for value in values {
                    value.encode(out);
                }
            }
            Self::Mapping(entries) => {
                let mut sorted: Vec<&(String, Self)> = entries.iter().collect();
                sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                encode_length(out, b'm', sorted.len());
                for (key, value) in sorted {
                    encode_text(out, b't', key);
                    value.encode(out);
                }
            }
        }
    }
}

fn encode_length(out: &mut Vec<u8>, letter: u8, length: usize) {
    out.push(letter);
    out.extend((length as u64).to_be_bytes());
}

fn encode_text(out: &mut Vec<u8>, letter: u8, text: &str) {
    encode_length(out, letter, text.len());
    out.extend(text.as_bytes());
}

/// `!GetAtt a.b.c` means `{Fn::GetAtt: [a, b.c]}`.
fn split_attribute(text: String) -> Canonical {
    match text.split_once('.') {
        Some((resource, attribute)) => Canonical::Sequence(vec![
            Canonical::Text(resource.to_owned()),
            Canonical::Text(attribute.to_owned()),
        ]),
        None => Canonical::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::domain::declared::snapshot::SourcePath;
    use crate::domain::declared::yaml;

    fn digest(text: &str) -> String {
        let path = SourcePath::new("t.yaml").unwrap();
        let root = yaml::parse(&path, text).unwrap().remove(0);
        Canonical::of(&root).digest().to_string()
    }

    /// Computed by version 0.1.0, whose digests stand on packs in the field.
    #[test]
    fn the_digests_of_the_first_release_stay_as_they_are() {
        let template = |head: &str, metadata: &str| {
            format!(
                "{head}Metadata: {metadata}\n\
                 Parameters:\n  Age: {{Type: String, Default: '90'}}\n\
                 Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties:\n      \
                 ConfigRuleName: keys\n      \
                 InputParameters: {{maxAccessKeyAge: !Ref Age}}\n      \
                 Source: {{Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}}\n"
            )
        };
        let condition = "Conditions:\n  C: !Not [!Equals ['', !Ref Age]]\n";
        let folded = "Description: >-\n  folded\n  text\n\n  x\n";
        let shapes = [
            ("plain", template("", "{a: b}")),
            ("tags", {
                let choice = "{a: !If [C, !Ref Age, !Ref AWS::NoValue], b: !ImportValue x}";
                template(condition, choice)
            }),
            ("getatt", template("", "{a: !GetAtt R.Arn.Deep, b: !GetAtt R}")),
            ("numbers", {
                template("", "{a: 1, b: -7, c: 1.50, d: 0, e: 111122223333, f: 1.5e+3, g: 12.0}")
            }),
            ("bools", template("", "{a: true, b: True, c: FALSE}")),
            ("nulls", template("", "{a: null, b: ~, c: }")),
            ("quoted", {
                let like = "{a: 'yes', b: \"010\", c: '1:30', d: !!str 7, e: ! x, \
                            'on': x, 'true': w, \"1\": z}";
                template("", like)
            }),
            ("integer keys", template("", "{1: a, 20: b}")),
            ("version", {
                template("AWSTemplateFormatVersion: 2010-09-09\nDescription: d\n", "{}")
            }),
            ("quoted version", {
                template("AWSTemplateFormatVersion: '2010-09-09'\nDescription: d\n", "{}")
            }),
            ("text", {
                let text = "{a: \"\\u00e9\\t\\n\", b: \"\", c: [], d: {}, \
                            e: [[1, []], {x: []}], emoji: \"\u{1f600} caf\u{e9}\"}";
                template("", text) + "Description: |\n  two\n  lines\n\n"
            }),
            ("folded", {
                template(folded, "{a: 'it''s', b: \"q\\\"q\", c: a#b, d: http://x.example/y?z=1}")
            }),
            ("tagged text", {
                let tagged = "{a: !Sub 010, b: !Ref AWS::Region, c: !Condition yes, \
                              d: !Join ['', [!Ref AWS::Region, 1]]}";
                template("", tagged)
            }),
        ];
        let mut digests = String::new();
        for (what, text) in shapes {
            writeln!(digests, "{what:14} {}", digest(&text)).unwrap();
        }
        insta::assert_snapshot!(digests, @r"
        plain          847d58a4ceb41cb12d2370c647e60479
        tags           9548d8337a912d714e317926a2a290b5
        getatt         b572df3a1396922a71337deeed7410cb
        numbers        60eb7aa507f6d8768cc5906f4bee8e00
        bools          813a490f4f035ee8488f0f51fe28f2ec
        nulls          c81303b63bc6fa2b3bf1bbda89772f14
        quoted         b3b5e92ea29cde52ae832483decf6e59
        integer keys   1a0617fe0ae26186b67ed3b1f0a3c6dd
        version        fe40071876256e67517817f6d2d1d464
        quoted version fe40071876256e67517817f6d2d1d464
        text           2f8bd0cbb06cef203da653cb1c7052d4
        folded         d3975935384787010e5b801f40be699a
        tagged text    9e84e824f2cb782299ef97a414e0b83a
        ");
    }
}
