//! What a function comes to is judged as if it had been written out: with the defaults where a
//! template is judged alone, with the values in force where a manifest gives them, by region.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::judging::{judge, judge_all, manifest};

/// One rule with these properties, and something else at the top and at the end.
fn with(top: &str, properties: &str, end: &str) -> String {
    format!(
        "{top}Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties: \
         {{{properties}}}\n{end}"
    )
}

const SOURCE: &str = "Source: {Owner: AWS, SourceIdentifier: X}";

fn rule(properties: &str) -> String {
    with(
        "Parameters: {P: {Type: String, Default: hourly}, L: {Type: CommaDelimitedList}}\n\
         Mappings: {M: {a: {long: lower-case}}}\nConditions: {A: !Equals [!Ref P, hourly]}\n",
        &format!("{properties}, {SOURCE}"),
        "",
    )
}

#[test]
fn a_property_is_judged_by_what_its_function_comes_to() {
    let long = "x".repeat(300);
    insta::assert_snapshot!(judge_all([
        rule("ConfigRuleName: !Sub '  '"),
        rule(&format!("ConfigRuleName: !Join ['', [{long}]]")),
        rule("MaximumExecutionFrequency: !Ref P"),
        rule("MaximumExecutionFrequency: !If [A, !Ref P, One_Hour]"),
        rule("MaximumExecutionFrequency: !Sub '${P}'"),
        rule(&format!("Description: !Sub '{long}'")),
        rule(&format!("InputParameters: {{a: !Sub ['${{x}}{long}{long}{long}{long}', {{x: y}}]}}")),
        rule("InputParameters: !Ref AWS::Region"),
        rule("ConfigRuleName: r").replace("Owner: AWS", "Owner: !Ref AWS::Region"),
        rule("ConfigRuleName: r").replace("Identifier: X", "Identifier: !FindInMap [M, a, long]"),
        rule("ConfigRuleName: r").replace("Identifier: X", "Identifier: !Select [2, [X, Y]]"),
        rule("ConfigRuleName: !Ref L"),
        rule("ConfigRuleName: !Ref AWS::NotificationARNs"),
        rule("InputParameters: {a: !If [A, [x], y]}"),
        rule("ConfigRuleName: !ImportValue x"),
        // Nobody knows before the members do, or a region is needed.
        rule("ConfigRuleName: !Ref AWS::AccountId"),
        rule("InputParameters: {a: !FindInMap [M, !Ref AWS::Region, long]}"),
    ]), @"");
}

#[test]
fn a_name_is_seen_and_on_one_line() {
    insta::assert_snapshot!(judge_all([
        rule("ConfigRuleName: '  '"),
        rule("ConfigRuleName: \"a\\nb\""),
        rule("ConfigRuleName: ''"),
        rule("ConfigRuleName: a b"),
    ]), @"");
}

#[test]
fn input_parameters_are_held_to_the_same_rules_as_json_and_written_out() {
    insta::assert_snapshot!(judge_all([
        rule("InputParameters: 12"),
        rule("InputParameters: true"),
        rule(r#"InputParameters: '[1]'"#),
        rule(r#"InputParameters: '{"a": {"b": 1}}'"#),
        rule(r#"InputParameters: '{"a": null}'"#),
        rule(r#"InputParameters: '{"a": "1", "a": "2"}'"#),
        rule(r#"InputParameters: '{"a": "1", "b": 2}'"#),
    ]), @"");
}

#[test]
fn a_mark_within_the_value_of_an_input_parameter_may_be_meant() {
    let values =
        ["'a {{b}} c'", "'a <% b %> c'", "'a ${B} c'", "'a {{resolve:ssm:x}} c'", "'{{b}}'"];
    let input = |value: &str| rule(&format!("InputParameters: {{a: {value}}}"));
    insta::assert_snapshot!(judge_all(values.map(input)), @"");
}

const TARGET: &str = "TargetType: SSM_DOCUMENT, TargetId: AWS-Fix";

/// A rule with a remediation.
fn remedied(properties: &str) -> String {
    with(
        "Parameters: {Auto: {Type: String, Default: 'true'}}\n",
        &format!("ConfigRuleName: r, {SOURCE}"),
        &format!(
            "  M:\n    Type: AWS::Config::RemediationConfiguration\n    Properties: \
             {{ConfigRuleName: !Ref R, {TARGET}, {properties}}}\n"
        ),
    )
}

#[test]
fn an_automatic_remediation_says_in_which_role_it_acts() {
    let often = "MaximumAutomaticAttempts: 5, RetryAttemptSeconds: 60";
    let role = |role: &str| format!("Parameters: {{AutomationAssumeRole: {role}}}");
    let arn = "{StaticValue: {Values: ['arn:aws:iam::${AWS::AccountId}:role/x']}}";
    insta::assert_snapshot!(judge_all([
        remedied(&format!("Automatic: true, {often}")),
        remedied(&format!("Automatic: 'True', {often}, Parameters: {{A: {arn}}}")),
        remedied(&format!("Automatic: !Ref Auto, {often}")),
        remedied(&format!("Automatic: 'True', {often}, {}", role(arn))),
        remedied(&format!("Automatic: false, {}", role("{StaticValue: {Values: [x]}}"))),
        remedied("Parameters: a"),
        remedied("Parameters: {A: {StaticValue: [a]}, B: {StaticValue: {Value: [a]}}}"),
        remedied("Parameters: {A: {StaticValue: a}, B: {ResourceValue: RESOURCE_ID}}"),
        remedied("Parameters: {A: {ResourceValue: ID}}"),
    ]), @"");
}

#[test]
fn a_name_is_declared_once_and_what_nobody_deploys_refers_to_what_is_there() {
    let plain = |top: &str| with(top, SOURCE, "");
    let metadata = |metadata: &str| {
        plain("").replace("    Properties", &format!("    Metadata: {metadata}\n    Properties"))
    };
    insta::assert_snapshot!(judge_all([
        plain("Parameters: {R: {Type: String, Default: x}}\n"),
        plain("Conditions: {R: !Equals [a, b]}\n"),
        metadata("{a: !Ref Nope}"),
        metadata("{a: !Sub '${Nope}'}"),
        metadata("{a: !GetAtt R.Foo}"),
        metadata("text"),
        plain("Outputs: {O: {Description: x}}\n"),
        plain("Outputs: {O: {Value: [a]}}\n"),
        plain("Outputs: {O: {Value: a, Vaule: b}}\n"),
        plain("Outputs: {a-b: {Value: a, Condition: Nope, Export: {}}}\n"),
        plain("Outputs: {O: {Value: a, Export: {Name: b}}}\n"),
    ]), @"");
}

#[test]
fn a_constraint_belongs_to_the_type_and_sizes_have_limits() {
    let declared =
        |attributes: &str| with(&format!("Parameters: {{P: {{{attributes}}}}}\n"), SOURCE, "");
    let mappings = |count: usize| {
        let mut text = "Mappings:\n".to_owned();
        for at in 0..count {
            writeln!(text, "  M{at}: {{a: {{b: c}}}}").unwrap_or_default();
        }
        with(&text, SOURCE, "")
    };
    insta::assert_snapshot!(judge_all([
        declared("Type: String, MinValue: 1"),
        declared("Type: Number, MaxLength: 1"),
        declared("Type: Number, AllowedPattern: a"),
        declared(&format!("Type: String, Default: {}", "x".repeat(4_097))),
        declared(&format!("Type: String, Description: {}", "x".repeat(4_001))),
        declared("Type: String, AllowedPattern: 'a**'"),
        declared("Type: String, AllowedPattern: '[[:alpha:]]+', Default: '1'"),
        declared("Type: String, AllowedPattern: 'a\\Kb', Default: '1'"),
        declared("Type: String, AllowedPattern: '\\w+', Default: é"),
        mappings(200),
        mappings(201),
    ]), @"");
}

/// A template in which a value that is given, or the region, decides what is wrong.
const GIVEN: &str = "\
Parameters:
  Name: {Type: String}
  Often: {Type: String, Default: One_Hour}
  Key: {Type: String, Default: a}
Mappings: {M: {eu-west-1: {a: x}}}
Conditions:
  Mapped: !Equals [!FindInMap [M, eu-west-1, !Ref Key], x]
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: !Ref Name
      MaximumExecutionFrequency: !Ref Often
      InputParameters: {a: !FindInMap [M, !Ref AWS::Region, a]}
      Source: {Owner: AWS, SourceIdentifier: X}
  S:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: other
      Source: {Owner: AWS, SourceIdentifier: X}
";

#[test]
fn the_values_in_force_are_judged_in_their_places_region_by_region_and_not_shown() {
    let specs = [
        "regions: [eu-west-1]\nparameters: {Name: r}",
        "parameters: {Name: r}",
        "regions: [eu-west-1]\nparameters: {Name: '  '}",
        "regions: [eu-west-1]\nparameters: {Name: r, Often: hunter2}",
        "regions: [eu-west-1]\nparameters: {Name: r, Key: hunter2}",
        "regions: [eu-west-1]\nparameters: {Name: other}",
    ];
    let found = specs.map(|spec| manifest(GIVEN, spec)).join("\n");
    assert!(!found.contains("hunter2"), "{found}");
    insta::assert_snapshot!(found, @"");
}

#[test]
fn a_value_that_a_manifest_replaces_is_no_error() {
    let template = GIVEN.replace("Default: One_Hour", "Default: hourly");
    let spec = "regions: [eu-west-1]\nparameters: {Name: r, Often: Six_Hours}";
    insta::assert_snapshot!(manifest(&template, spec), @"");
}

proptest! {
    /// A value that is put in is judged as the same value written out.
    #[test]
    fn what_is_refused_written_out_is_refused_put_in(
        value in prop_oneof!["[a-z ]{0,4}", "x{120,140}", Just("One_Hour".to_owned())],
        property in prop_oneof![
            Just("ConfigRuleName"), Just("Description"), Just("MaximumExecutionFrequency"),
            Just("InputParameters"), Just("EvaluationModes"), Just("Scope"),
        ],
        form in prop_oneof![
            Just("!Sub '{}'"), Just("!Join ['', ['{}']]"), Just("!Select [0, ['{}']]"),
            Just("!FindInMap [M, a, b]"),
        ],
    ) {
        // `Fn::Sub` takes no empty text.
        prop_assume!(!value.is_empty());
        let top = format!("Mappings: {{M: {{a: {{b: '{value}'}}}}}}\n");
        let of = |text: &str| with(&top, &format!("{property}: {text}, {SOURCE}"), "");
        let is_refused = |text: &str| judge(&of(text)).contains("error[");
        let written = is_refused(&format!("'{value}'"));
        prop_assert_eq!(written, is_refused(&form.replace("{}", &value)));
    }
}
