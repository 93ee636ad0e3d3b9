//! The sections of a template in the shapes that `CloudFormation` takes: names and sizes, types of
//! parameters, patterns of which nobody is certain, and what `Fn::Sub` takes.

use std::fmt::Write as _;

use crate::judging::{judge, judge_all, manifest};

const RULE: &str = "Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties: \
                    {Source: {Owner: AWS, SourceIdentifier: X}}\n";

fn with(top: &str) -> String {
    format!("{top}\n{RULE}")
}

/// A rule with this input parameter.
fn input(value: &str) -> String {
    RULE.replace("{Source", &format!("{{InputParameters: {{a: {value}}}, Source"))
}

#[test]
fn substitution_takes_texts_and_names() {
    insta::assert_snapshot!(judge_all([
        input("!Sub ['${x}', {x: [b]}]"),
        input("!Sub ['${x}', {x: {b: c}}]"),
        input("!Sub ['${x}', {x: !GetAZs '' }]"),
        input("!Sub ['${x-z}', {x-z: b}]"),
        input("!Sub '${${AWS::Region}}'"),
        input("!Sub '${a ${AWS::Region}'"),
    ]), @"
    t.yaml:4:57: error[function]: the variable x of Fn::Sub is a list; expected text

    t.yaml:4:57: error[function]: the variable x of Fn::Sub is a mapping; expected text

    t.yaml:4:65: error[function]: the variable x of Fn::Sub is a list; expected text
    t.yaml:4:65: warning[unproven]: !GetAZs is not known to work in packs (AWS's documents and published packs do without it)

    t.yaml:4:44: error[function]: !Sub has arguments that it does not accept; expected names of letters, digits, _, . and : between ${ and }

    t.yaml:4:44: error[function]: !Sub has arguments that it does not accept; expected names of letters, digits, _, . and : between ${ and }

    t.yaml:4:44: error[function]: !Sub has arguments that it does not accept; expected names of letters, digits, _, . and : between ${ and }
    ");
    for text in [
        "!Sub ''",
        "!Sub \"\"",
        "{'Fn::Sub': ''}",
        "!Sub ['', {}]",
        "!Sub '${AWS::Region} ${'",
        "!Sub '$${AWS::Region}}'",
        "!Sub ['${ x_1.y }', {x_1.y: b}]",
    ] {
        let found = judge(&input(text));
        assert!(!found.contains("error["), "{text}\n{found}");
    }
    insta::assert_snapshot!(judge(&input("!Sub")), @"t.yaml:4:43: error[function]: !Sub has arguments that it does not accept; expected text, or a list of a text and a mapping of names");
    insta::assert_snapshot!(judge(&RULE.replace("{Source", "{ConfigRuleName: !Sub '', Source")), @r#"t.yaml:4:39: error[malformed]: ConfigRuleName has 0 characters (!Sub gives ""); expected 1 to 128"#);
}

#[test]
fn names_and_keys_of_mappings_are_those_that_aws_takes() {
    let long = "x".repeat(256);
    insta::assert_snapshot!(judge_all([
        with("Mappings: {a-b: {c: {d: e}}}"),
        with("Mappings: {'': {c: {d: e}}}"),
        with("Mappings: {A: {c_d: {d: e}}}"),
        with("Mappings: {A: {'': {d: e}}}"),
        with("Mappings: {A: {c: {us-east-1: e}}}"),
        with("Mappings: {A: {c: {'': e}}}"),
        with("Mappings: {A: {}}"),
        with("Mappings: {A: {c: {}}}"),
        with(&format!("Mappings: {{{long}: {{c: {{d: e}}}}}}")),
        with(&format!("Mappings: {{A: {{{long}: {{d: e}}}}}}")),
        with(&format!("Mappings: {{A: {{c: {{{long}: e}}}}}}")),
        with("Mappings: {A: {us-east-1.x: {d1: e, D2: [f]}, '111122223333': {d: e}}}"),
    ]), @r#"
    t.yaml:1:12: error[logical-id]: "a-b" is not alphanumeric; expected ASCII letters and digits only

    t.yaml:1:12: error[logical-id]: "" is not alphanumeric; expected ASCII letters and digits only

    t.yaml:1:16: error[template-shape]: a mapping has the key "c_d"; expected ASCII letters, digits, - and . only

    t.yaml:1:16: error[template-shape]: a mapping has the key ""; expected ASCII letters, digits, - and . only

    t.yaml:1:20: error[template-shape]: a mapping has the key "us-east-1"; expected ASCII letters and digits only: it is a key of the second level

    t.yaml:1:20: error[template-shape]: a mapping has the key ""; expected ASCII letters and digits only: it is a key of the second level

    t.yaml:1:15: error[template-shape]: the mapping A holds nothing; expected at least one key

    t.yaml:1:19: error[template-shape]: A.c holds nothing; expected at least one key

    t.yaml:1:12: error[logical-id]: a name of 256 characters; expected at most 255

    t.yaml:1:16: error[template-shape]: a key of 256 characters; expected at most 255

    t.yaml:1:20: error[template-shape]: a key of 256 characters; expected at most 255

    nothing
    "#);
}

#[test]
fn outputs_are_as_many_and_as_long_as_aws_takes() {
    let outputs = |count: usize| {
        let mut text = "Outputs:\n".to_owned();
        for at in 0..count {
            writeln!(text, "  O{at}: {{Value: a}}").unwrap();
        }
        with(&text)
    };
    let described = |description: &str| {
        with(&format!("Outputs: {{O: {{Value: a, Description: {description}}}}}"))
    };
    insta::assert_snapshot!(judge_all([
        outputs(200),
        outputs(201),
        described(&"x".repeat(1_024)),
        described(&"x".repeat(1_025)),
    ]), @"
    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:2:3: error[too-large]: 201 outputs in a template; expected at most 200 (CloudFormation quota: outputs of a template)

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:38: error[too-large]: the Description has 1025 bytes; expected at most 1024
    ");
}

#[test]
fn sections_for_people_have_their_types() {
    insta::assert_snapshot!(judge_all([
        with("Description: 5"),
        with("Description: true"),
        with("Description: '5'"),
        with("Metadata: text"),
        with("Metadata: [a]"),
        with("Metadata: {a: !local x}"),
        with("Metadata: {a: !Fn::Transform {Name: x}}"),
        with("Metadata: {a: {'Fn::Local': x}, b: !Ref AWS::Region}"),
    ]), @"
    t.yaml:1:14: error[malformed]: the Description is a number; expected text of at most 1024 bytes

    t.yaml:1:14: error[malformed]: the Description is a boolean; expected text of at most 1024 bytes

    nothing

    t.yaml:1:11: error[template-shape]: Metadata is text; expected a mapping

    t.yaml:1:11: error[template-shape]: Metadata is a list; expected a mapping

    t.yaml:1:22: error[tag]: !local is no function of CloudFormation

    t.yaml:1:30: error[tag]: !Fn::Transform is no function of CloudFormation

    nothing
    ");
}

#[test]
fn a_type_of_a_parameter_is_one_that_there_is() {
    let declared = |kind: &str| judge(&with(&format!("Parameters: {{P: {{Type: {kind}}}}}")));
    for kind in [
        "AWS::SSM::Parameter::Value<Foo>",
        "AWS::SSM::Parameter::Value<AWS::EC2::Foo>",
        "AWS::SSM::Parameter::Value<String",
        "AWS::EC2::Foo",
        "List<AWS::EC2::Foo>",
        "List<Foo>",
        "AWS::Foo::Bar",
    ] {
        let found = declared(kind);
        assert!(
            found.contains("error[constraint]: the parameter P has no type"),
            "{kind}: {found}"
        );
    }
    for kind in [
        "CommaDelimitedList",
        "AWS::SSM::Parameter::Name",
        "AWS::SSM::Parameter::Value<String>",
        "AWS::SSM::Parameter::Value<List<String>>",
        "AWS::SSM::Parameter::Value<CommaDelimitedList>",
        "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
        "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>",
        "List<AWS::EC2::Subnet::Id>",
        "AWS::Route53::HostedZone::Id",
    ] {
        let found = declared(kind);
        assert!(
            found.contains("warning[unproven]") && !found.contains("error["),
            "{kind}: {found}"
        );
    }
}

#[test]
fn where_nobody_can_tell_whether_a_pattern_matches_that_is_said() {
    let declared =
        |attributes: &str| with(&format!("Parameters: {{P: {{Type: String, {attributes}}}}}"));
    let used = input("!Ref P");
    let given = |pattern: &str| {
        format!("Parameters: {{P: {{Type: String, AllowedPattern: {pattern}}}}}\n{used}")
    };
    insta::assert_snapshot!(judge_all([
        declared(r"AllowedPattern: '(?i)É', Default: é"),
        declared(r"AllowedPattern: '\bé', Default: é"),
        declared(r"AllowedPattern: '(?P<n>a)', Default: a"),
        declared(r"AllowedPattern: '[\w-z]+', Default: a-z"),
        declared(r"AllowedPattern: '[a-\w]+', Default: a"),
    ]), @"
    t.yaml:1:66: warning[constraint]: conformd cannot tell whether P accepts its default (Java reads its AllowedPattern, and may read it another way: use ASCII characters in both)

    t.yaml:1:64: warning[constraint]: conformd cannot tell whether P accepts its default (Java reads its AllowedPattern, and may read it another way: use ASCII characters in both)

    t.yaml:1:48: error[constraint]: the AllowedPattern of P is not a regular expression: Java has no such group as stands behind a (?; expected a Java regular expression

    nothing

    t.yaml:1:48: warning[constraint]: conformd cannot read the AllowedPattern of P (conformd sends values without checking them against it; CloudFormation uses Java's regular expressions)
    ");
    insta::assert_snapshot!([
        manifest(&given("'(?i)e.*'"), "parameters: {P: eé}"),
        manifest(&given("'(?i)e.*'"), "parameters: {P: Ee}"),
        manifest(&given(r"'\be.*'"), "parameters: {P: eé}"),
    ].join("\n"), @"
    pack.yaml:6:16: warning[constraint]: conformd cannot tell whether P accepts the given value (Java reads its AllowedPattern, and may read it another way: use ASCII characters in both)

    nothing

    pack.yaml:6:16: warning[constraint]: conformd cannot tell whether P accepts the given value (Java reads its AllowedPattern, and may read it another way: use ASCII characters in both)
    ");
}
